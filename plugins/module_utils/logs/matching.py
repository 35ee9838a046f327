# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for a regular expression in lines that anybody may have written, with a limit on its time."""

from __future__ import annotations

import re
import signal
from typing import Any, Callable

from ..core.component import ReadError

#: Seconds of a processor that the search in one line may take. A usual one takes microseconds.
SECONDS = 2.0


class SlowSearchError(ReadError):
    """The search in one line took too long: what to do, as a sentence."""


def compile_search(pattern: str, seconds: float = SECONDS) -> Callable[[str], bool]:
    """Return whether a text has a match of `pattern`, as a function. It raises SlowSearchError after `seconds`.

    A pattern with nested repeats can take years for a line. Without the limit, root's process would stay on the host
    after its run has ended.
    """
    compiled = re.compile(pattern)

    def stop(*_unused: Any) -> None:
        raise SlowSearchError(
            f"logs_grep takes more than {seconds:g} s for one line: simplify it, without nested repeats such as (a+)+"
        )

    def has_match(text: str) -> bool:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            return compiled.search(text) is not None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    # Of the time of this process alone: a busy host does not end a usual search.
    signal.signal(signal.SIGVTALRM, stop)
    return has_match
