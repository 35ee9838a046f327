# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run waits for, and for how long: reported by action plugins, printed by the stdout callback."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.utils.display import Display

#: Seconds that a module waits in one call. Each further call takes about half a second.
CALL_SECONDS = 5

Result = dict[str, Any]


class Progress(str):
    """A sentence on what is waited for.

    It is a text, so that every callback prints it. The callback xitrum.host.fleet shows it as its live line, where the
    seconds go on.
    """

    subject: str
    text: str
    seconds: float
    limit: int

    def __new__(cls, subject: str, text: str, seconds: float = 0, limit: int = 0) -> Progress:
        """Return the sentence.

        subject: what is waited for, such as app1-0. text: what it does. seconds: how long already. limit: the maximum
        seconds; 0 where there is none.
        """
        made = super().__new__(cls, format_sentence(subject, text, seconds, limit))
        made.subject, made.text, made.seconds, made.limit = subject, text, seconds, limit
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a worker sends it to the process that prints."""
        return Progress, (self.subject, self.text, self.seconds, self.limit)

    def format_after(self, seconds: float) -> str:
        """Return the sentence so many seconds later."""
        waited = self.seconds + seconds
        return format_sentence(self.subject, self.text, min(waited, self.limit) if self.limit else waited, self.limit)


def format_sentence(subject: str, text: str, seconds: float, limit: int) -> str:
    """Return what is waited for, and for how long."""
    return f"{subject}: {text}, {seconds:.0f} s" + (f" of {limit}" if limit else "")


def report(subject: str, text: str, seconds: float = 0, limit: int = 0) -> None:
    """Print what is waited for. It goes to the standard errors, since another callback may print JSON."""
    Display().display(Progress(subject, text, seconds, limit), stderr=True)


def poll(
    call: Callable[[Mapping[str, Any], float], Result],
    show: Callable[[Mapping[str, Any], float], None],
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Call a module until it no longer waits, and return the results as one call would have returned them.

    call: one call, after the result of the call before (empty at first) and so many seconds. show: prints what the
    result waits for.
    """
    began = clock()
    found: Result = {}
    while True:
        result = call(found, clock() - began)
        found = merge(found, result)
        if not result.get("waiting"):
            return found
        show(found, clock() - began)


def merge(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Result:
    """Return the results of two calls as those of one: what changed in the first has changed, with its diff."""
    found = {**earlier, **later}
    if "waiting" not in later:
        found.pop("waiting", None)
    if not earlier:
        return found
    found["changed"] = bool(earlier.get("changed") or later.get("changed"))
    if "diff" in earlier:
        found["diff"] = earlier["diff"]
    for name, value in earlier.items():
        if name == "seconds":
            # Of instances that got healthy one after the other.
            found[name] = {**value, **later.get(name, {})} if isinstance(value, dict) else later.get(name, value)
        elif name == "warnings":
            found[name] = [*value, *(warning for warning in later.get(name, ()) if warning not in value)]
    return found
