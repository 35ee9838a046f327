# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load of connections from one host: how many processes and source addresses it takes,
and whether the host can make it. Pure.

A plan that the host cannot make is refused before the first connection,
with the number that it can and what ends first.
"""

from __future__ import annotations

import json
from typing import Any

from ..core.plan import Draft, Plan, make_rule_errors

#: What a process has open in addition to its connections: its own files, epoll, the modules that Python has open.
BASE_FILES = 64
#: More would not be faster anywhere, and 64 processes of 20,000 files each are more than a million connections.
PROCESSES_MOST = 64
#: Below this a second process is not worth its start.
PROCESS_LEAST = 2000
#: What a connection takes of the client's memory:
#: its Python objects (1 KiB) and both the socket's slab and a page of data.
CLIENT_BYTES = 10 << 10
#: Addresses of 127.0.0.0/8 that a target on the host itself is called from.
LOOPBACK_MOST = 250
#: A load ends by itself, whatever happens: these are the longest ramp and the longest hold, in seconds.
RAMP_MOST, HOLD_MOST = 3600, 86400
#: A ramp makes up for so many seconds at once, at most.
CATCH_UP = 0.2
#: How long it goes on when nobody asks for it any more (the controller is gone), in seconds.
LEASE = 30

SPEC: dict[str, Any] = {
    "connections": {"type": "int", "default": 1000},
    "rate": {"type": "int", "default": 200},
    "seconds": {"type": "int", "default": 10},
    "heartbeat": {"type": "int", "default": 5},
    "timeout": {"type": "int", "default": 10},
    "path": {"type": "str", "default": "/"},
    # A cookie may be a secret. One text, since each value of a dictionary would be masked wherever it stands
    # in the result, as a part of a number or path.
    "headers": {"type": "json", "default": "", "no_log": True},
    "sources": {"type": "list", "elements": "str", "default": []},
    "targets": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "tls": {"type": "bool", "default": False},
        },
    },
}

RESOURCES = {
    "nofile": "open files of its processes: raise the hard limit of open files there",
    "ports": (
        "ports of its addresses: name more addresses of it in load_test_sources, or use more hosts in load_test_clients"
    ),
    "memory": "memory: use a host with more, or more hosts in load_test_clients",
    "file-max": "open files of the whole host (fs.file-max): raise it there, or use more hosts in load_test_clients",
    "conntrack": (
        "entries of its connection tracking table (net.netfilter.nf_conntrack_max): raise it there, or use more hosts "
        "in load_test_clients"
    ),
}


def split(total: int, parts: int) -> list[int]:
    """A total as that many parts, the first ones larger by one: `split(7, 3)` is `[3, 2, 2]`."""
    return [total // parts + (index < total % parts) for index in range(parts)]


def read_headers(options: dict[str, Any]) -> dict[str, Any]:
    """The options with `headers` as what its JSON means;
    as the text that it was where that is none, which `find_input_errors` refuses."""
    try:
        return {**options, "headers": json.loads(options["headers"] or "{}")}
    except ValueError:
        return dict(options)


def find_header_errors(headers: Any) -> list[str]:
    """What is wrong with headers, as sentences that show none of their values."""
    if not isinstance(headers, dict):
        return [
            "load_test_headers: found something else, expected a dictionary of header names to texts, such as {Origin: "
            "'https://www.example.com'}"
        ]
    found = [
        f"load_test_headers: {name!r} is not a text, expected one value for it. Put it in quotes"
        for name, value in headers.items()
        if not isinstance(value, (str, int, float))
    ]
    return found + [
        f"load_test_headers: {name!r} has a line break in it"
        for name, value in headers.items()
        if any(one in f"{name}{value}" for one in "\r\n")
    ]


def find_input_errors(desired: dict[str, Any]) -> list[str]:
    """Invalid values, as sentences."""
    found = make_rule_errors(
        "load.numbers",
        [
            f"load_test_{name}: found {desired[name]}, expected 1 or more"
            for name in ("connections", "rate", "seconds", "heartbeat", "timeout")
            if desired[name] < 1
        ],
    )
    if not found and desired["connections"] / desired["rate"] > RAMP_MOST:
        reason = (
            f"load_test_rate: found {desired['rate']} new connections a second, so opening {desired['connections']} "
            f"takes more than {RAMP_MOST} s; expected {-(-desired['connections'] // RAMP_MOST)} or more"
        )
        found += make_rule_errors("load.numbers", [reason])
    if desired["seconds"] > HOLD_MOST:
        reason = f"load_test_seconds: found {desired['seconds']}, expected at most {HOLD_MOST}"
        found += make_rule_errors("load.numbers", [reason])
    if not desired["path"].startswith("/") or any(ord(letter) < 33 for letter in desired["path"]):
        reason = (
            f"load_test_path: found {desired['path']!r}, expected the path of a WebSocket of the application, such as "
            "/sockjs/websocket"
        )
        found += make_rule_errors("load.path", [reason])
    found += make_rule_errors("load.headers", find_header_errors(desired["headers"]))
    if not desired["targets"]:
        found += make_rule_errors("load.targets", ["targets: found none, expected one or more"])
    return found


def count_sources(target: dict[str, Any], desired: dict[str, Any], state: dict[str, Any]) -> int:
    """How many addresses this target can be called from:
    as many of the loopback as it takes where it is the host itself."""
    if state["local"].get(target["address"]):
        return LOOPBACK_MOST
    return max(1, len(desired["sources"]))


def list_bounds(desired: dict[str, Any], state: dict[str, Any]) -> dict[str, int]:
    """Each resource that the client can run out of, with the connections that it is good for. None: no
    host reports it."""
    count = len(desired["targets"])
    found = {
        "nofile": PROCESSES_MOST * max(0, state["nofile"] - BASE_FILES),
        "ports": count * state["ports"] * min(count_sources(target, desired, state) for target in desired["targets"]),
        "memory": state["memory_free_bytes"] // CLIENT_BYTES,
        "file-max": state["files_free"],
        "conntrack": state["conntrack_free"],
    }
    return {name: largest for name, largest in found.items() if largest is not None}


def count_processes(connections: int, state: dict[str, Any]) -> int:
    """How many processes hold them: as many as their open files need, and as the processors are worth."""
    each = state["nofile"] - BASE_FILES
    return max(-(-connections // each), min(state["cpus"], -(-connections // PROCESS_LEAST)))


def choose_addresses(desired: dict[str, Any], state: dict[str, Any]) -> list[list[str]]:
    """The source addresses for each target, in the order of the targets; `[""]` lets the kernel choose."""
    share = -(-desired["connections"] // len(desired["targets"]))
    needed = -(-share // state["ports"])
    found = []
    for target in desired["targets"]:
        if state["local"].get(target["address"]):
            found.append([""] if needed == 1 else [f"127.0.0.{number}" for number in range(1, needed + 1)])
        else:
            found.append(list(desired["sources"]) or [""])
    return found


def compute_credit(left: float, seconds: float, rate: int) -> float:
    """How many connections of a ramp are due, with what was left and the seconds since. A process that was late does
    not make up for it all at once: that would be a burst of its own making."""
    return left + min(seconds, CATCH_UP) * rate


def compute_deadline(desired: dict[str, Any]) -> float:
    """The seconds after which a load ends, whatever happens."""
    return 2 * desired["connections"] / desired["rate"] + 2 * desired["timeout"] + desired["seconds"] + 4 * LEASE


def plan(desired: dict[str, Any], state: dict[str, Any]) -> Plan:
    """A Plan with `facts`: `largest`, `limited_by`, and `workers`, each with `connections`,
    `first` (the number of its first), `rate`."""
    errors = find_input_errors(desired)
    if errors:
        return Draft(errors=errors).plan(desired, state)
    found = list_bounds(desired, state)
    limit, largest = min(found.items(), key=lambda item: item[1])
    facts = {"largest": largest, "limited_by": limit}
    if desired["connections"] > largest:
        error = (
            f"load_test_connections: found {desired['connections']} to be made by this host, which can make {largest}. "
            f"{limit} runs out first: the {RESOURCES[limit]}. The largest number that holds is {largest}"
        )
        return Draft(errors=make_rule_errors("load.capacity", [error]), facts=facts).plan(desired, state)
    shares = split(desired["connections"], count_processes(desired["connections"], state))
    workers = [
        {"connections": share, "first": sum(shares[:index]), "rate": desired["rate"] * share / desired["connections"]}
        for index, share in enumerate(shares)
    ]
    return Draft(
        facts={
            **facts,
            "workers": workers,
            "sources": choose_addresses(desired, state),
            "deadline": compute_deadline(desired),
        }
    ).plan(desired, state)
