# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisors' commands, as data: what starts, stops and asks about one instance, and where its output is.

The contract they all keep is in C(roles/supervisor/README.md).
"""

from __future__ import annotations

#: C({name}) is the application's name, C({index}) the instance's number.
COMMANDS = {
    "systemd": {
        "start": ["systemctl", "start", "{name}@{index}.service"],
        "stop": ["systemctl", "stop", "{name}@{index}.service"],
        # A unit that failed too often refuses to start until its counter is reset.
        "reset": ["systemctl", "reset-failed", "{name}@{index}.service"],
        "output": ["journalctl", "--no-pager", "--quiet", "--lines=30", "--output=cat", "_SYSTEMD_UNIT={name}@{index}.service"],
    },
}


def states(host, supervisor, name, indices):
    """What the supervisor says of each instance, in one question: index to C({"active": ..., "boot": ...}), in words of its own."""
    return READERS[supervisor](host, name, indices)


def read_systemd(host, name, indices):
    """From C(systemctl show): the active state, and whether the unit is enabled."""
    units = [f"{name}@{index}.service" for index in indices]
    said = host.run(["systemctl", "show", "--no-pager", "--property=Id,ActiveState,UnitFileState", "--", *units])
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.out.split("\n\n")]
    found = {block.get("Id"): {"active": block.get("ActiveState", ""), "boot": block.get("UnitFileState", "")} for block in blocks}
    return {index: found.get(unit, {"active": "", "boot": ""}) for index, unit in zip(indices, units)}


#: How each supervisor is asked, and the words that mean that all is well.
READERS = {"systemd": read_systemd}
WELL = {"systemd": {"active": "active", "boot": "enabled"}}


def command(supervisor, verb, name, index):
    """A command as a list of arguments; None where this supervisor has none for the verb."""
    words = COMMANDS[supervisor].get(verb)
    return None if words is None else [word.format(name=name, index=index) for word in words]
