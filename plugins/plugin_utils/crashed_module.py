# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reason of a module that crashed. Ansible writes its message only after the task has judged the result by its
failed_when, so that a play which collects failures would take the crash for a success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..module_utils.core import untrusted_text


def add_reason(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a module, with a message if it failed without one."""
    if not result.get("failed") or result.get("msg"):
        return dict(result)
    reason = " ".join(": ".join(list_reasons(result.get("exception"))).split()) or "no reason was given"
    advice = "For the traceback, set ANSIBLE_DISPLAY_TRACEBACK=error"
    return {**result, "msg": f"the module crashed: {untrusted_text.make_printable(reason)}. {advice}"}


def list_reasons(exception: Any) -> Iterator[str]:
    """Yield the messages of an exception, which is a summary of Ansible's, or the text of a traceback."""
    if isinstance(exception, str):
        yield from exception.strip().splitlines()[-1:]
        return
    event = getattr(exception, "event", None)
    while event is not None:
        yield str(getattr(event, "msg", ""))
        event = getattr(getattr(event, "chain", None), "event", None)
