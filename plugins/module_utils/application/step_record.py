# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the step that an application's instances are in, on the host itself:
`step_state` reports what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core import process, recorded
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from . import step_state

#: What the name of a record ends with.
ENDING = ".step"

NAME = "step_record"

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "state": {"type": "str", "required": True, "choices": ["drained", "enabled", "finished"]},
    "instances": {
        "type": "list", "elements": "dict", "required": True,
        "options": {"index": {"type": "int", "required": True}, "port": {"type": "int"}, "folder": {"type": "str"}},
    },
    "slot": {"type": "int", "choices": [0, 1]},
}


def get_path(name: str) -> str:
    """The record of an application."""
    return f"{recorded.FOLDER}/{name}{ENDING}"


def read_record(host: Host, name: str) -> dict[str, Any]:
    """Return the record of an application; empty where there is none, and where this user may not see it. Raises
    RuntimeError for one of another version."""
    return step_state.parse(process.read_if_allowed(host.read, get_path(name)), get_path(name))


def write(host: Host, name: str, record: dict[str, Any]) -> None:
    """Writes the record, or removes it where no instance is in a step."""
    text = step_state.format_text(record)
    if text:
        host.make_directory(recorded.FOLDER)
        host.write(get_path(name), text, 0o600)
    elif host.exists(get_path(name)):
        host.remove(get_path(name))


def note(
    host: Host,
    desired: Mapping[str, Any],
    index: int,
    state: str,
    folder: str | None = None,
    needed: bool = True,
    after: Sequence[str] = (),
) -> dict[str, Any]:
    """Records that an instance of `desired` (`name` and `root`) begins a state, before it does. Returns the record.
    `after` are states that it has before, within the same change: they are not written by themselves.

    Raises RuntimeError for a state that cannot follow, and OSError where it cannot be written, unless it is not
    `needed`: a full disk does not keep an instance from going back to what it ran.
    """
    before = read_record(host, desired["name"])
    current = host.readlink(f"{desired['root']}/instances/{index}/current") or ""
    try:
        record = before
        for one in (*after, state):
            record = step_state.advance(record, index, one, current, folder or None)
    except ValueError as error:
        if not needed:
            # The state before this one could not be written.
            return before
        raise RuntimeError(str(error)) from error
    if record != before:
        try:
            write(host, desired["name"], record)
        except OSError:
            if needed:
                raise
    return record


def forget(host: Host, name: str, index: int) -> None:
    """Records that an instance is in no step any more."""
    before = read_record(host, name)
    record = step_state.finish(before, index)
    if record != before:
        write(host, name, record)


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The record as it is."""
    return {"record": read_record(host, desired["name"])}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides that `state` is recorded for all instances, and the active slot."""
    actions = [("step", item) for item in desired["instances"]]
    actions += [("slot", desired["slot"])] if desired["slot"] is not None else []
    return Draft(actions=actions, facts={"record": state["record"]}).plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Records what is planned. The record as it is then is the result `record`. Raises OSError, and RuntimeError for a
    state that cannot follow."""
    desired = plan.desired
    for action, item in plan.actions:
        if action == "slot":
            write_slot(host, desired["root"], item)
        elif desired["state"] == "finished":
            forget(host, desired["name"], item["index"])
        else:
            note(host, desired, item["index"], desired["state"], item.get("folder"))
    return Applied({"record": read_record(host, desired["name"])})


def write_slot(host: Host, root: str, slot: int) -> None:
    """Writes the active slot, unless it is on record."""
    if (host.read(f"{root}/slot") or "").strip() != str(slot):
        host.write(f"{root}/slot", f"{slot}\n", 0o644)


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    return f"the step could not be recorded in {get_path(plan.desired['name'])}: {error}. Nothing was done for it"


#: A step is recorded before it is taken, which is not a change of the host.
EXECUTION = Execution(describe=_describe_failure, brief=Brief.FAILURES, bookkeeping=True,
                      hidden=("rows", "errors", "fixes", "broken_rules", "diff"))
