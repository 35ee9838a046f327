# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the step that an application's instances are in, on the host itself: L(step_state) says what is in it."""

from __future__ import annotations

from ..core import process, recorded
from . import step_state

#: What the name of a record ends with.
ENDING = ".step"

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "state": {"type": "str", "required": True, "choices": ["drained", "enabled", "finished"]},
    "instances": {
        "type": "list", "elements": "dict", "required": True,
        "options": {"index": {"type": "int", "required": True}, "port": {"type": "int"}, "folder": {"type": "str"}},
    },
    "slot": {"type": "int", "choices": [0, 1]},
}


def path(name):
    """The record of an application."""
    return f"{recorded.FOLDER}/{name}{ENDING}"


def read(host, name):
    """Return the record of an application; empty where there is none, and where this user may not see it. Raises
    RuntimeError for one of another version."""
    return step_state.parse(process.seen(host.read, path(name)), path(name))


def write(host, name, record):
    """Writes the record, or removes it where no instance is in a step."""
    text = step_state.text_of(record)
    if text:
        host.make_directory(recorded.FOLDER)
        host.write(path(name), text, 0o600)
    elif host.exists(path(name)):
        host.remove(path(name))


def note(host, wanted, index, state, folder=None, needed=True):
    """Records that an instance of C(wanted) (C(name) and C(root)) begins a state, before it does. Returns the record.

    Raises RuntimeError for a state that cannot follow, and OSError where it cannot be written, unless it is not
    C(needed): a full disk does not keep an instance from going back to what it ran.
    """
    before = read(host, wanted["name"])
    current = host.readlink(f"{wanted['root']}/instances/{index}/current") or ""
    try:
        record = step_state.advance(before, index, state, current, folder or None)
    except ValueError as error:
        if not needed:
            # The state before this one could not be written.
            return before
        raise RuntimeError(str(error)) from error
    if record != before:
        try:
            write(host, wanted["name"], record)
        except OSError:
            if needed:
                raise
    return record


def forget(host, name, index):
    """Records that an instance is in no step any more."""
    before = read(host, name)
    record = step_state.finish(before, index)
    if record != before:
        write(host, name, record)


def apply(host, wanted):
    """Records C(state) for all instances, and the slot that is in use. Returns the record."""
    for item in wanted["instances"]:
        if wanted["state"] == "finished":
            forget(host, wanted["name"], item["index"])
        else:
            note(host, wanted, item["index"], wanted["state"], item.get("folder"))
    if wanted["slot"] is not None and (host.read(f"{wanted['root']}/slot") or "").strip() != str(wanted["slot"]):
        host.write(f"{wanted['root']}/slot", f"{wanted['slot']}\n", 0o644)
    return read(host, wanted["name"])
