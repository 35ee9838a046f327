# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `runtime`: what the instances of a host do now, whatever they are to be. Read only.

It needs no package on the controller and compares nothing, so that the status of a fleet is one short task on each
host. What drifts is found by the component `instances`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import addresses, lock_record, operator_stops, process, sockets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..core.untrusted_text import make_printable
from ..supervisor import table
from ..supervisor.table import SUPERVISORS
from . import installed, instances, restarts

NAME = "runtime"

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "supervisor": table.OPTION,
    "instances": {"type": "int", "default": 1},
    "slots": {"type": "bool", "default": False},
    "http_port": {"type": "int", "default": 8000},
    "health_path": {"type": "str", "default": "/"},
    "health_status": {"type": "int", "default": 200},
    "health_text": {"type": "str", "default": ""},
    "seconds": {"type": "int", "default": 3600},
}

DAY_SECONDS = 24 * 60 * 60

#: Seconds for one health page, and for those of all instances of a host: somebody waits for a status.
PAGE_SECONDS, PAGES_SECONDS = 2.0, 8.0


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The processes of the instances, their sockets and health pages, and the records about them."""
    name, root = desired["name"], host.realpath(desired["root"])
    running = process.find_processes_under(host, f"{root}/instances")
    # Without a process there is nothing to count.
    listening = sockets.read_listeners(host) if running else sockets.Rows()
    connections = sockets.read_established(host) if running else sockets.Rows()
    kind = SUPERVISORS[desired["supervisor"]]
    there = {int(entry) for entry in host.listdir(f"{root}/instances") if entry.isdecimal()}
    numbers = sorted(there | set(range(desired["instances"])))
    deadline = time.monotonic() + PAGES_SECONDS
    found: dict[int, dict[str, Any]] = {}
    for number in numbers:
        folder = f"{root}/instances/{number}"
        own = restarts.find_own(
            running, folder, process.list_accounts(host, folder, desired["user"]), desired["user"]
        )
        configured = instances.read_configured(host, f"{folder}/current")
        ports = [port for port in (configured.get("http"), configured.get("https")) if port]
        port = configured.get("http") or desired["http_port"] + number
        found[number] = {
            "port": port,
            "process": own,
            "installed": installed.parse_release(f"{folder}/{host.readlink(f'{folder}/current') or ''}", root),
            "running_release": installed.parse_release(own["cwd"] or "", root) if own else "",
            "answer": read_answer(host, desired, port, own, listening, deadline),
            "connections": count_connections(connections, ports or [port]) if own else 0,
        }
    lock, fault = lock_record.read_record(host, name)
    return {
        "now": int(time.time()),
        "instances": found,
        "restarts": kind.count_restarts(host, name, numbers, DAY_SECONDS) if host.find_program(kind.program) else {},
        "lock": lock,
        "lock_fault": fault,
        "clock": lock_record.read_clock(host),
        "unfinished": host.exists(lock_record.get_unfinished_path(name)),
        "stops": operator_stops.read_stops(host, name),
        "remembered": installed.read_recorded_slot(host, root) if desired["slots"] else 0,
    }


def read_answer(
    host: Host,
    desired: Mapping[str, Any],
    port: int,
    own: Mapping[str, Any] | None,
    listening: sockets.Rows | None,
    deadline: float,
) -> int | str | None:
    """What a running instance answers for the health page: its status, or why there is none, as a text. None where
    the host does not show it: nothing runs, or its socket is hidden from this user."""
    if own is None or restarts.find_unread_sockets(listening, port):
        return None
    row = next((row for row in listening or [] if row["port"] == port and own["pid"] in row["pids"]), None)
    if row is None:
        return f"it does not listen on port {port}"
    seconds = min(PAGE_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        return None
    target, text = addresses.find_socket_target(row), desired["health_text"]
    if not text:
        return host.fetch_status(target, port, desired["health_path"], seconds=seconds)
    answer, body = host.read_page(target, port, desired["health_path"], seconds)
    return answer if answer != desired["health_status"] or text in body else f"{answer} without the text {text!r}"


def count_connections(rows: sockets.Rows, ports: Sequence[int]) -> int | None:
    """The established connections to these ports of the host; None where ss did not list all."""
    return None if rows.unread else sum(1 for row in rows if row["port"] in ports)


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The instances with their states. Never an action, and no row: nothing is compared."""
    active = find_expected(desired, state)
    listed = [
        describe(desired, number, observed, state, number in active)
        for number, observed in sorted(state["instances"].items())
    ]
    lock = lock_record.find_alive(state["lock"], state["clock"], desired["seconds"])
    result = Draft(
        facts={
            "instances": listed,
            "now": state["now"],
            "lock": {
                "id": make_printable(lock["id"]),
                "user": make_printable(lock["user"]),
                "host": make_printable(lock["host"]),
                "since": int(lock["since"]),
            }
            if lock
            else None,
            "lock_fault": make_printable(state["lock_fault"]),
            "unfinished": state["unfinished"] or bool(state["lock"] and not lock),
        }
    )
    return result.plan(desired, state)


def find_expected(desired: Mapping[str, Any], state: Mapping[str, Any]) -> set[int]:
    """The numbers of the instances that are to run. Of two slots it is the one that runs, or the one that is
    remembered."""
    if not desired["slots"]:
        return set(range(desired["instances"]))
    running = [number for number in (0, 1) if state["instances"].get(number, {}).get("process")]
    return {running[0] if len(running) == 1 else state["remembered"]}


def describe(
    desired: Mapping[str, Any], number: int, observed: Mapping[str, Any], state: Mapping[str, Any], expected: bool
) -> dict[str, Any]:
    """One instance, as numbers and words."""
    own, answer = observed["process"], observed["answer"]
    stop = state["stops"].get(number) if own is None else None
    health = "unknown" if answer is None else "ok" if answer == desired["health_status"] else "failing"
    spare = "idle" if desired["slots"] and number < 2 else "orphaned"
    if own is None:
        word = "stopped" if stop else "down" if expected else spare
    else:
        word = "unhealthy" if health == "failing" else "running"
        word = word if expected else "orphaned" if spare == "orphaned" else word
    return {
        "index": number,
        "port": observed["port"],
        "state": word,
        "pid": own["pid"] if own else None,
        "release": observed["running_release"] or None,
        "installed": observed["installed"] or None,
        "started": own["started"] if own else None,
        "health": health,
        "answer": None if answer is None else make_printable(str(answer)),
        "connections": observed["connections"],
        "memory_bytes": own["rss_kb"] * 1024 if own else None,
        "restarts_last_day": state["restarts"].get(number),
        "stopped_by_operator": {**stop, **{name: make_printable(stop[name]) for name in ("user", "host")}}
        if stop
        else None,
    }
