# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step of a rollout as a state machine: which state may follow which, and what a run does about a step that another
run left. Pure.

The record of a host maps the number of an instance, as a text, to an entry `{state, folder, healthy}`. `state` is the
state that has begun: it is written down before anything is done for it, so that a run that dies in between leaves no
more behind than its record reports. `folder` is the folder that the instance is switched to in this step (empty: it
keeps its own), and `healthy` the last one with which it was healthy. An instance without an entry is in no step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import schema

#: The states in the order in which a step takes an instance through them. It may skip those that it does not need.
STATES = ("drained", "stopped", "switched", "started", "healthy", "enabled")

#: What may follow. Back to `drained` and `stopped` from everywhere: a step that failed puts its instance back, and
#: the next run takes up an instance wherever the one before has left it. `enabled` follows what was not touched yet,
#: or a wait for its health: never a start that nobody has waited for.
NEXT = {
    "": ("drained", "stopped", "switched", "started", "enabled"),
    "drained": ("drained", "stopped", "enabled"),
    "stopped": ("drained", "stopped", "switched", "started"),
    "switched": ("drained", "stopped", "switched", "started"),
    "started": ("drained", "stopped", "started", "healthy"),
    "healthy": ("drained", "stopped", "healthy", "enabled"),
    "enabled": ("drained", "stopped", "enabled"),
}

#: The states in which an instance does not serve, or nobody knows whether what was started does.
UNVERIFIED = ("stopped", "switched", "started", "healthy")

#: What a run does about an instance, see `plan_recovery`.
ACTIONS = ("", "start", "enable", "enable_now", "replace")


def parse(text: str | None, path: str = "") -> dict[str, Any]:
    """Return the record in the text of its file `path`. Nothing where there is no file, and where it is damaged: then
    only what runs counts, as on a host that has no record yet.
    Raises schema.VersionError for another version."""
    try:
        found = schema.STEP.parse(text, path) if text else {}
    except ValueError:
        return {}
    return {index: entry for index, entry in found.items() if is_entry(index, entry)}


def is_entry(index: str, entry: Any) -> bool:
    """Whether an entry is what `advance` makes."""
    if not isinstance(entry, dict) or set(entry) != {"state", "folder", "healthy"} or not index.isdecimal():
        return False
    # A folder is one name below the instance's own: it is linked to.
    names = [entry["folder"], entry["healthy"]]
    return entry["state"] in STATES and all(
        isinstance(name, str) and "/" not in name and name not in (".", "..") for name in names
    )


def format_text(record: Mapping[str, Any]) -> str:
    """The text of the record's file; empty where no instance is in a step."""
    return schema.STEP.render(record) if record else ""


def find_entry(record: Mapping[str, Any], index: int | str) -> dict[str, Any] | None:
    """The entry of an instance, or None."""
    return record.get(str(index))


def advance(
    record: Mapping[str, Any], index: int | str, state: str, current: str = "", folder: str | None = None
) -> dict[str, Any]:
    """The record once an instance begins a `state`. `current` is the folder that it is switched to now, and `folder`
    the one that it is to be switched to (None: the step knows it already, or switches nothing).

    Raises ValueError for a state that cannot follow.
    """
    entry = find_entry(record, index)
    before = entry["state"] if entry else ""
    if state not in NEXT[before]:
        raise ValueError(
            f"instance {index} cannot become {state} now. The record of the rollout has it "
            f"{f'as {before}' if before else 'in no step'}; expected next: {', '.join(NEXT[before])}. Run site.yml, "
            "which completes what an earlier run left unfinished"
        )
    if folder is None:
        folder = entry["folder"] if entry else ""
    # What it was switched to when the first of these steps began. Later ones may find what was never healthy.
    healthy = entry["healthy"] if entry else current
    if state == "enabled" and before == "healthy":
        # It was waited for, and this follows only where that went well.
        healthy = current
    return {**record, str(index): {"state": state, "folder": folder, "healthy": healthy}}


def finish(record: Mapping[str, Any], index: int | str) -> dict[str, Any]:
    """The record once an instance is in no step any more: it is enabled, or it was removed."""
    return {number: entry for number, entry in record.items() if number != str(index)}


def is_unverified(record: Mapping[str, Any], index: int | str, current: str) -> bool:
    """Whether a step left an instance at what was never seen to be healthy.
    `current` is the folder that it is switched to."""
    entry = find_entry(record, index)
    return entry is not None and (entry["state"] in UNVERIFIED or entry["healthy"] not in ("", current))


def was_stopped(record: Mapping[str, Any], index: int | str) -> bool:
    """Whether a step that was left may have stopped an instance that served before."""
    entry = find_entry(record, index)
    return entry is not None and bool(entry["healthy"])


def return_folder(record: Mapping[str, Any], index: int | str, current: str) -> str:
    """The folder that an instance goes back to where a step fails: the last one with which it was healthy, which is
    `current` unless a step was left in the middle."""
    entry = find_entry(record, index)
    return entry["healthy"] if entry and entry["healthy"] else current


def find_kept_folders(record: Mapping[str, Any], index: int | str) -> set[str]:
    """The folders of an instance that a step still needs."""
    entry = find_entry(record, index) or {}
    return {entry[name] for name in ("folder", "healthy") if entry.get(name)}


def plan_recovery(
    record: Mapping[str, Any], observed: Mapping[int, Mapping[str, Any]], interrupted: bool = False
) -> dict[int, str]:
    """What a run does about each instance before its own first step: index to one of `ACTIONS`.

    `observed` maps an index to what was read of the instance now: `running`, its `current` folder, whether it is
    `restart_reasons`, and `healthy`, which is None where no instance was tested. `interrupted`: an earlier run ended
    without a word, so that proxies may have any instance disabled.
    What is observed decides; the record reports where to check.

    - An empty text: nothing.
    - `start`: it does not run, and never served. It is started like any other that does not.
    - `enable`: the proxies get it back, and it is waited for.
    - `enable_now`: they get it back, and it is not waited for: it is due for a restart anyway.
    - `replace`: it serves nobody. A step restarts it first of all,
    and the proxies do not get it back before. So it is with
      one that a step has stopped: where its new release fails, the step puts it back to what served.
    """
    found = {}
    for index, now in observed.items():
        if not interrupted and find_entry(record, index) is None:
            found[index] = ""
        elif not now["running"]:
            found[index] = "replace" if was_stopped(record, index) else "start"
        elif now["restart_reasons"]:
            serves = not is_unverified(record, index, now["current"]) if now["healthy"] is None else now["healthy"]
            found[index] = "enable_now" if serves else "replace"
        else:
            found[index] = "enable"
    return found
