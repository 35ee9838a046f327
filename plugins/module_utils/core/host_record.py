# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `host_record`: what was on the host before the first change, recorded before that is made."""

from __future__ import annotations

from typing import Any

from . import disk_space, recorded
from .component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from .host import Host
from .plan import Draft, Plan

NAME = "host_record"

SPEC = recorded.SPEC


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The record, and what it does not have yet. Raises OSError, and ValueError where the record is damaged."""
    return recorded.read_state(host, desired)


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is added to the record. Raises ValueError for what may not be adopted."""
    record = recorded.add_to_record(desired, state)
    before, after = (recorded.format_text(one) or "" for one in (state["record"], record))
    actions = [("record", record)] if record != state["record"] else []
    return Draft(actions=actions, before=before, after=after, facts={"record": record}).plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Writes the record. Raises OSError."""
    for _action, record in plan.actions:
        recorded.write(host, record)
    return Applied()


def _describe_failure(host: Host, _plan: Plan, error: Exception) -> str:
    return f"{error}{disk_space.note(host, error, recorded.PATH)}"


def _render_header(_desired: Desired) -> str:
    return recorded.PATH


EXECUTION = Execution(unread=str, describe=_describe_failure, brief=Brief.FAILURES, header=_render_header,
                      hidden=("rows", "errors", "fixes", "broken_rules"))
