# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `capacity`: whether the host can hold the connections that it must hold.

It reads how much memory and how many open files there are, and refuses a number that the host cannot hold. It changes
nothing: other components set the limits.
"""

from __future__ import annotations

from typing import Any

from ..core import memory
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, Row, make_rule_errors
from . import nofile as limits
from .capacity import FOUND, NR_OPEN_MOST, OPTIONS, HostShape, compute_limits

NAME = "capacity"

SPEC: dict[str, Any] = {name: option for name, option in OPTIONS.items() if name not in FOUND}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """How much memory and how many open files of one process the host, or the container, has."""
    grants = limits.read(
        host,
        {"nofile": NR_OPEN_MOST, "logins": [], "state": "present", "path": limits.OWN_PATH},
    )
    found = memory.limit_to_cgroup(
        memory.parse_meminfo(host.read("/proc/meminfo") or ""), memory.read_cgroup_memory(host)
    )["memory_bytes"]
    # Where root can raise a limit it can raise fs.nr_open too, and the kernel profile does.
    return {"memory_bytes": found or None, "nofile_most": None if grants["raises"] else grants["inherited"][1]}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """One row, and an error where the host cannot hold what is desired of it; `connections` 0 wants nothing."""
    if not desired["connections"]:
        return Draft().plan(desired, state)
    shape = HostShape(**{name: desired[name] for name in SPEC if name != "connections"}, **state)
    found = compute_limits(desired["connections"], shape)
    row = Row(
        "capacity",
        "connections",
        desired=str(desired["connections"]),
        effective=str(found.largest),
        why=found.error,
    )
    if found.error:
        row = row.replace(status="drift", fix=f"xitrum_max_connections: {found.largest}")
    return Draft(
        rows=[row], errors=make_rule_errors("host.capacity", [found.error]), facts={"limits": found.report()}
    ).plan(desired, state)
