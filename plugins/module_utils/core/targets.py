# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the `*_info` modules are pointed at: processes and sockets named by port, systemd unit or process id.

No root is needed where the kernel needs none: ports and backlogs are seen by everybody, and so are a process's limits.
Which process holds a socket of another user is read from its control group, or is unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import process, sockets
from .host import Host

SPEC = {
    "ports": {"type": "list", "elements": "int", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "pids": {"type": "list", "elements": "int", "default": []},
}


def complete_name(unit: str) -> str:
    """The name of a unit with its suffix, as systemctl completes it."""
    return unit if "." in unit.rpartition("@")[2] else unit + ".service"


def read(host: Host, desired: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets as dictionaries `{label, pids, listeners, unit, why}`.

    `pids` are the processes and `listeners` the rows of `sockets` that belong to it; `unit` is what systemd reports
    about the unit (empty without one); `why` explains why something is missing.
    """
    listening = sockets.read_listeners(host)
    ss_why = sockets.format_unread_note(listening) if listening is not None else "ss did not answer: install iproute2"
    found: list[dict[str, Any]] = listening or []
    targets = [
        _find_port_targets(host, port, [row for row in found if row["port"] == port], ss_why)
        for port in desired["ports"]
    ]
    for unit in map(complete_name, desired["units"]):
        shown = process.show_unit(host, unit)
        pids = process.list_unit_pids(host, shown) if shown else []
        rows = [row for row in found if set(row["pids"]) & set(pids) or is_in_group(row["cgroup"], shown)]
        why = (
            ""
            if pids
            else f"{unit} is {shown.get('ActiveState', 'not known')}" if shown else "systemd has no such unit"
        )
        targets.append(_make_target(f"unit {unit}", pids, rows, shown, why or ss_why))
    for pid in desired["pids"]:
        there = host.read(f"/proc/{pid}/stat") is not None
        rows = [row for row in found if pid in row["pids"]]
        targets.append(
            _make_target(
                f"pid {pid}",
                [pid] if there else [],
                rows,
                process.find_unit_of_process(host, pid),
                "" if there else "there is no such process",
            )
        )
    return targets


def is_in_group(group: str, shown: Mapping[str, str]) -> bool:
    """Whether a control group is that of a unit that `process.show_unit` described, or below it."""
    own = shown.get("ControlGroup", "")
    return bool(own) and f"{group}/".startswith(f"{own}/")


def _make_target(
    label: str, pids: list[int], listeners: list[dict[str, Any]], unit: Mapping[str, str], why: str
) -> dict[str, Any]:
    return {"label": label, "pids": pids, "listeners": listeners, "unit": unit, "why": why}


def _find_port_targets(host: Host, port: int, rows: list[dict[str, Any]], ss_why: str) -> dict[str, Any]:
    pids = sorted({pid for row in rows for pid in row["pids"]})
    groups = sorted({row["cgroup"] for row in rows} - {""})
    unit = next(filter(None, (process.find_unit_of_group(host, group) for group in groups)), {}) or (
        process.find_unit_of_process(host, pids[0]) if pids else {})
    pids = pids or (process.list_unit_pids(host, unit) if unit else [])
    why = ss_why or (
        "nobody listens on it" if not rows else "" if pids else "it belongs to another user: only root sees whose it is"
    )
    return _make_target(f"port {port}", pids, rows, unit, why)
