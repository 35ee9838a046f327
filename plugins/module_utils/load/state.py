# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host reports about the connections that it makes or takes:
its processes, its kernel's counters, its limits. Only read."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from typing import Any

from ..core import process, sockets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..host_state import machine
from ..proxy import haproxy_socket

NAME = "load_state"

SPEC: dict[str, Any] = {
    "watched": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
    },
    "socket": {"type": "path", "default": ""},
}

#: Counters of /proc/net/netstat: connections that found the queue of a listening socket full, and SYNs that were
#: dropped for it or for another reason; SYN cookies sent; SYNs dropped with the queue of half open ones full.
COUNTERS = ("ListenOverflows", "ListenDrops", "SyncookiesSent", "TCPReqQFullDrop")

_NUMBER = re.compile(r"[0-9]{1,18}")

CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_"


def parse_netstat(text: str) -> dict[str, int]:
    """The TcpExt counters of /proc/net/netstat as a dictionary: two lines, names and numbers."""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:")]
    pairs = zip(*lines) if len(lines) == 2 else ()
    return {name: int(value) for name, value in pairs if _NUMBER.fullmatch(value)}


def parse_sockstat(text: str) -> dict[str, int]:
    """The TCP line of /proc/net/sockstat: `{inuse, orphan, tw, alloc, mem}`, `mem` in pages."""
    words = next((line.split()[1:] for line in text.splitlines() if line.startswith("TCP:")), [])
    return {name: int(value) for name, value in zip(words[::2], words[1::2]) if _NUMBER.fullmatch(value)}


def read_number(host: Host, path: str) -> int | None:
    """A file with one number; None where it has none."""
    text = (process.read_if_allowed(host.read, path) or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def read_conntrack(host: Host) -> tuple[int, int] | None:
    """The (count, most) of the connection tracking table; None where nothing is tracked here."""
    count, most = read_number(host, CONNTRACK + "count"), read_number(host, CONNTRACK + "max")
    return None if count is None or most is None else (count, most)


def read_memory(host: Host) -> dict[str, int]:
    """The memory that is there and the memory that is free, in bytes, the container's own where it has a limit."""
    return machine.limit_to_cgroup(
        machine.parse_meminfo(host.read("/proc/meminfo") or ""), machine.read_cgroup_memory(host)
    )


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The processes that listen on the watched ports, and the host's counters."""
    found: list[dict[str, Any]] = sockets.read_listeners(host) or []
    netstat = parse_netstat(host.read("/proc/net/netstat") or "")
    return {
        "processes": [row for item in desired["watched"] for row in _list_processes(host, item, found)],
        "counters": {name: netstat.get(name, 0) for name in COUNTERS},
        "sockets": parse_sockstat(host.read("/proc/net/sockstat") or ""),
        "conntrack": read_conntrack(host),
        "proxy": _read_proxy(host, desired["socket"]),
        "cpus": host.count_processors(),
        **read_memory(host),
    }


def _list_processes(host: Host, item: dict[str, Any], found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The processes of one watched port, without those that hold the socket and none
    of its connections (a master) being distinguished."""
    rows = [row for row in found if row["port"] == item["port"]]
    for pid in sorted({pid for row in rows for pid in row["pids"]}):
        one = process.read_process(host, pid)
        if one is not None:
            files = process.read_if_allowed(host.listdir, f"/proc/{pid}/fd")
            yield {
                "name": item["name"],
                "port": item["port"],
                "pid": pid,
                "process": one["comm"],
                "memory_bytes": one["rss_kb"] * 1024,
                "files": None if files is None else len(files),
                "nofile": (one["nofile"] or (None,))[0],
                "backlog": min(row["backlog"] for row in rows),
                "started": one["started"],
            }


def _read_proxy(host: Host, path: str) -> dict[str, int] | None:
    """What HAProxy reports about its own limit; None where it is not queried or does not answer."""
    if not path or not host.exists(path):
        return None
    try:
        properties = haproxy_socket.parse_info(haproxy_socket.ask(host, path, "show info"))
    except OSError:
        return None
    numbers = [properties.get(name, "0") for name in ("CurrConns", "Maxconn")]
    return dict(zip(("connections", "maximum"), map(int, numbers))) if all(map(_NUMBER.fullmatch, numbers)) else None


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """What was read: pure, and nothing is ever to be done."""
    return Draft(facts={"load": state}).plan(desired, state)


def read_client(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """What this host has for making connections. The hard limit of open files is that of the process that reads it."""
    low, high = (host.read("/proc/sys/net/ipv4/ip_local_port_range") or "32768 60999").split()
    most = max(resource.getrlimit(resource.RLIMIT_NOFILE))
    taken = host.read("/proc/sys/net/ipv4/ip_local_reserved_ports") or ""
    table, files = read_conntrack(host), (host.read("/proc/sys/fs/file-nr") or "").split()
    return {
        "nofile": most if most != resource.RLIM_INFINITY else int(host.read("/proc/sys/fs/nr_open") or 1 << 20),
        "cpus": host.count_processors(),
        "ports": int(high) - int(low) + 1 - count_reserved(taken, int(low), int(high)),
        "memory_free_bytes": read_memory(host)["memory_free_bytes"],
        "files_free": max(0, int(files[2]) - int(files[0])) if len(files) == 3 else None,
        "conntrack_free": None if table is None else max(0, table[1] - table[0]),
        "local": {target["address"]: is_local(host, target["address"]) for target in desired["targets"]},
    }


def count_reserved(text: str, low: int, high: int) -> int:
    """How many ports of a range a list such as `8000-8001,4430` takes away."""
    taken = set()
    for part in text.replace("\n", "").split(","):
        first, _dash, last = part.partition("-")
        if first.isdecimal():
            taken |= set(range(int(first), int(last or first) + 1))
    return len([port for port in taken if low <= port <= high])


def is_local(host: Host, address: str) -> bool:
    """Whether an IPv4 address is this host's own: then it can be called from every address of the loopback."""
    return ":" not in address and not host.find_bind_error(address)
