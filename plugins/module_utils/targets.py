# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the C(*_info) modules are pointed at: processes and sockets named by port, systemd unit or process id.

No root is needed where the kernel needs none: ports and backlogs are seen by everybody, and so are a process's limits.
Which process holds a socket of another user is told by its control group, or is unseen.
"""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import process, sockets
from ansible_collections.xitrum.host.plugins.module_utils.foreign_text import lines_of

SPEC = {
    "ports": {"type": "list", "elements": "int", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "pids": {"type": "list", "elements": "int", "default": []},
}


def unit_of(cgroup):
    """The systemd service of a control group, C(xitrum@0.service); empty where it is none."""
    return next((part for part in reversed(cgroup.split("/")) if part.endswith(".service")), "")


def unit_of_process(text):
    """The systemd service that /proc/PID/cgroup names (cgroup v2, or systemd's own tree of v1); else empty."""
    parts = [line.split(":", 2) for _number, line in lines_of(text) if line.startswith("0:") or ":name=systemd:" in line]
    found = [unit_of(part[2]) for part in parts if len(part) == 3]
    return next((unit for unit in found if unit), "")


def full_name(unit):
    """The name of a unit with its suffix, as systemctl completes it."""
    return unit if "." in unit.rpartition("@")[2] else unit + ".service"


def read(host, wanted):
    """The targets as dictionaries C({label, pids, listeners, unit, why}).

    C(pids) are the processes and C(listeners) the rows of L(sockets) that belong to it; C(unit) is what systemd says of
    the unit (empty without one); C(why) says why something is missing.
    """
    found = sockets.listeners(host)
    ss_why = sockets.unread_note(found) if found is not None else "ss did not answer: install iproute2"
    found = found or []
    targets = [_of_port(host, port, [row for row in found if row["port"] == port], ss_why) for port in wanted["ports"]]
    for unit in map(full_name, wanted["units"]):
        shown = process.show_unit(host, unit)
        pids = process.pids_of_unit(host, shown) if shown else []
        rows = [row for row in found if set(row["pids"]) & set(pids) or unit_of(row["cgroup"]) == unit]
        why = "" if pids else f"{unit} is {shown.get('ActiveState', 'not known')}" if shown else "systemd has no such unit"
        targets.append(_target(f"unit {unit}", pids, rows, shown, why or ss_why))
    for pid in wanted["pids"]:
        there = host.read(f"/proc/{pid}/stat") is not None
        rows = [row for row in found if pid in row["pids"]]
        targets.append(_target(f"pid {pid}", [pid] if there else [], rows, _unit_of_pid(host, pid), "" if there else "there is no such process"))
    return targets


def _target(label, pids, listeners, unit, why):
    return {"label": label, "pids": pids, "listeners": listeners, "unit": unit, "why": why}


def _of_port(host, port, rows, ss_why):
    pids = sorted({pid for row in rows for pid in row["pids"]})
    names = {unit_of(row["cgroup"]) for row in rows} - {""}
    unit = process.show_unit(host, min(names)) if names else _unit_of_pid(host, pids[0]) if pids else {}
    pids = pids or (process.pids_of_unit(host, unit) if unit else [])
    why = ss_why or ("nobody listens on it" if not rows else "" if pids else "it belongs to another user: only root sees whose it is")
    return _target(f"port {port}", pids, rows, unit, why)


def _unit_of_pid(host, pid):
    name = unit_of_process(process.seen(host.read, f"/proc/{pid}/cgroup") or "")
    return process.show_unit(host, name) if name else {}
