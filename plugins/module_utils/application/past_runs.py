# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `past_runs`: the runs that the log of a host has, and the one that holds its lock. Read only."""

from __future__ import annotations

import time
from typing import Any

from ..core import lock_record
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..core.untrusted_text import make_printable
from . import run_lock

NAME = "past_runs"

SPEC = {
    "name": {"type": "str", "required": True},
    "log_dir": {"type": "path", "required": True},
    "seconds": {"type": "int", "default": 3600},
}

#: How a run is shown that has the lock.
RUNNING = "running"


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The end of the log of runs, the record of the lock with its fault, and the clocks of the host."""
    lock, fault = lock_record.read_record(host, desired["name"])
    return {
        "text": host.read_tail(f"{desired['log_dir']}/{run_lock.LOG}", run_lock.TAIL),
        "lock": lock,
        "fault": fault,
        "clock": lock_record.read_clock(host),
        "now": int(time.time()),
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The runs, the oldest first. Never an action, and no row: nothing is compared."""
    lock = state["lock"]
    alive = lock_record.find_alive(lock, state["clock"], desired["seconds"])
    runs = [
        {**run, "outcome": RUNNING, "seconds": max(state["now"] - int(lock["since"]), 0)}
        if run["outcome"] == run_lock.BEGAN
        else run
        for run in run_lock.read_runs(state["text"], alive)
    ]
    facts = {
        "runs": runs,
        "holder": {"id": make_printable(lock["id"]), "host": make_printable(lock["host"])} if alive else None,
        "lock_fault": make_printable(state["fault"]),
        "log_fault": run_lock.find_log_fault(state["text"], f"{desired['log_dir']}/{run_lock.LOG}"),
    }
    return Draft(facts=facts).plan(desired, state)
