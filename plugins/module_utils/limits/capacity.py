# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity plan: from the number of connections that one host must hold to every limit on the way. Pure.

It takes the host as a `HostShape`, of which the component `capacity` (host_capacity.py) reads a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from ..core import memory

#: Memory of one connected TCP socket with its file, inode and epoll item: 4.2 KiB of slab a socket, measured with 9,000
#: idle sockets on Linux 6.18.
SOCKET_BYTES = 4608
#: tcp_mem counts pages of queued data: a socket with any unread data holds at least one.
PAGE_BYTES = 4096
#: One entry of the connection tracking table, and one slot of its hash table.
CONNTRACK_BYTES, BUCKET_BYTES = 320, 8
#: What an instance holds open in addition to its connections: jars, logs, epoll, cluster, database.
BASE_FILES = 1024
#: For everything else on the host: shells, logs, the other services.
FILES_OF_OTHERS, MEMORY_OF_OTHERS = 65536, 256 << 20
#: HAProxy and Nginx, per connection: an idle one gives its buffers back, a busy one has two of 16 KiB.
PROXY_BYTES = 34 << 10
#: Heap of one connection: an idle one of the demonstration application holds 3 KiB (3,000 connections, Netty 4.1, JDK
#: 17), HTTP and WebSocket alike; the rest is for what an application keeps about it.
CONNECTION_HEAP = 8 << 10
#: Ports that connections may leave from: the guide's net.ipv4.ip_local_port_range.
FIRST_PORT, LAST_PORT = 1024, 65535
#: The kernel's own fs.nr_open, and the largest that it takes.
NR_OPEN, NR_OPEN_MOST = 1048576, 1073741816
#: Nothing beyond this is considered: more than any Linux host holds.
MOST = 1 << 30


@dataclass(frozen=True)
class HostShape:
    """What a host is and has. A bound that is None, and backends that are 0, were not given, and are not checked."""

    application: bool = True
    proxy: bool = False
    instances: int = 1
    heap_bytes: int = 512 << 20
    connection_heap_bytes: int = CONNECTION_HEAP
    backends: int = 0
    reserved_ports: int = 0
    conntrack: bool = False
    memory_bytes: int | None = None
    nofile_most: int | None = None
    cpus: int = 1

    @property
    def ports(self) -> int:
        """How many connections may leave one address for one backend address and port."""
        return LAST_PORT - FIRST_PORT + 1 - self.reserved_ports


#: What is read of a host, and not queried of the inventory.
FOUND = ("memory_bytes", "nofile_most", "cpus")
_TYPES = {"bool": "bool", "int": "int", "int | None": "int"}


def _make_option(field: Field[Any]) -> dict[str, Any]:
    """A field of HostShape as the option of a module."""
    default = {} if field.default is None else {"default": field.default}
    return {"type": _TYPES[str(field.type)], **default}


#: The options of a plan: those of the component, and those that the filter takes in addition.
OPTIONS: dict[str, Any] = {
    "connections": {"type": "int", "default": 0},
    **{field.name: _make_option(field) for field in fields(HostShape)},
}


@dataclass(frozen=True)
class Bound:
    """One resource: what so many connections need of it, and how much of it there is."""

    resource: str
    needed: int
    there: int
    unit: str
    fix: str


def find_errors(connections: int, shape: HostShape) -> list[str]:
    """What is wrong with the arguments themselves, in sentences."""
    wrong = []
    if not 1 <= connections <= MOST:
        wrong.append(f"xitrum_max_connections: found {connections}, expected a number from 1 to {MOST}")
    if not (shape.application or shape.proxy):
        wrong.append("the host is neither an application host nor a proxy, so it holds no connections")
    counts = {"instances": shape.instances, "cpus": shape.cpus, "ports": shape.ports}
    wrong += [
        f"{name}: found {value}, expected 1 or more"
        for name, value in counts.items()
        if value is not None and value < 1
    ]
    return wrong


def split(total: int, parts: int) -> int:
    """The largest part where a total is divided evenly."""
    return -(-total // parts)


def count_sockets(connections: int, shape: HostShape) -> int:
    """TCP sockets on the host: a proxy has two a connection, one to the client and one to the instance."""
    return connections * ((1 if shape.application else 0) + (2 if shape.proxy else 0))


def count_instance_files(connections: int, shape: HostShape) -> int:
    """Files that one instance has open where the connections are spread evenly."""
    return split(connections, shape.instances) + BASE_FILES if shape.application else 0


def count_proxy_files(connections: int, shape: HostShape) -> int:
    """Files that the proxy has open."""
    return 2 * connections + BASE_FILES if shape.proxy else 0


def compute_nofile(connections: int, shape: HostShape) -> int:
    """The limit of open files that the largest process of the host needs."""
    return max(count_instance_files(connections, shape), count_proxy_files(connections, shape))


def count_conntrack_entries(connections: int, shape: HostShape) -> int:
    """Entries of the connection tracking table:
    half as many again for those that are closing, and some for the rest."""
    return (count_sockets(connections, shape) * 3 // 2 + 65536) if shape.conntrack else 0


def compute_heap(connections: int, shape: HostShape) -> int:
    """Heap that one instance needs: half of it for the application itself."""
    return 2 * split(connections, shape.instances) * shape.connection_heap_bytes if shape.application else 0


def compute_memory(connections: int, shape: HostShape) -> int:
    """Memory of the whole host in bytes."""
    entries = count_conntrack_entries(connections, shape)
    return (
        MEMORY_OF_OTHERS
        + (shape.instances * (shape.heap_bytes + memory.OVERHEAD) if shape.application else 0)
        + (connections * PROXY_BYTES if shape.proxy else 0)
        + count_sockets(connections, shape) * (SOCKET_BYTES + PAGE_BYTES)
        + entries * (CONNTRACK_BYTES + BUCKET_BYTES)
    )


def list_bounds(connections: int, shape: HostShape) -> list[Bound]:
    """Every resource that such a host can run out of. Needs grow with the connections, or stay."""
    found = []
    if shape.memory_bytes is not None:
        found.append(
            Bound(
                "memory",
                compute_memory(connections, shape),
                shape.memory_bytes,
                "bytes",
                "give the host more memory, or use more hosts",
            )
        )
    if shape.application:
        found.append(
            Bound(
                "heap",
                compute_heap(connections, shape),
                shape.heap_bytes,
                "bytes an instance",
                "raise xitrum_heap or xitrum_instances",
            )
        )
    if shape.proxy and shape.backends > 0:
        found.append(
            Bound(
                "ports",
                connections,
                shape.backends * shape.ports,
                f"connections to {shape.backends} instance(s)",
                "raise xitrum_instances, or use more application hosts: an address has one port for each connection to "
                "one instance",
            )
        )
    most = NR_OPEN_MOST if shape.nofile_most is None else shape.nofile_most
    found.append(
        Bound(
            "nofile",
            compute_nofile(connections, shape),
            most,
            "open files of one process",
            "raise what the host can grant, or xitrum_instances",
        )
    )
    return found


def find_largest(shape: HostShape) -> tuple[int, str]:
    """`(connections, resource)`: how many the host holds at most, and what ends first.
    `(0, ...)` where not even one."""

    def holds(connections: int) -> bool:
        return all(bound.needed <= bound.there for bound in list_bounds(connections, shape))

    low, high = 0, MOST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    first = next((bound.resource for bound in list_bounds(low + 1, shape) if bound.needed > bound.there), "")
    return low, first


def round_up_to_power_of_two(number: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << max(0, number - 1).bit_length()


@dataclass(frozen=True)
class Limits:
    """The limits for a number of connections. `error` is empty, or why the host cannot hold them and how many it can.
    `largest` is that number, and `limited_by` what limits it. The filter capacity_plan documents the others."""

    connections: int = 0
    largest: int = 0
    limited_by: str = ""
    error: str = ""
    sockets: int = 0
    nofile: int = 0
    memory_bytes: int = 0
    heap_bytes: int = 0
    instances_for_ports: int = 0
    haproxy_maxconn: int = 0
    nginx_worker_connections: int = 0
    nginx_worker_rlimit_nofile: int = 0
    conntrack_max: int = 0
    conntrack_buckets: int = 0
    kernel: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """What modules and the filter return. Without valid input there are no limits, but an error alone."""
        found = asdict(self)
        return found if self.connections else {
            name: found[name] for name in ("error", "largest", "limited_by", "kernel")
        }


def compute_limits(connections: int, shape: HostShape) -> Limits:
    """The limits for so many connections on a host."""
    wrong = find_errors(connections, shape)
    if wrong:
        return Limits(error="; ".join(wrong))
    most, limit = find_largest(shape)
    files, entries = compute_nofile(connections, shape), count_conntrack_entries(connections, shape)
    workers = split(2 * connections, shape.cpus)
    return Limits(
        connections=connections,
        largest=most,
        limited_by=limit,
        error=_describe_refusal(connections, shape, most, limit),
        sockets=count_sockets(connections, shape),
        nofile=files,
        memory_bytes=compute_memory(connections, shape),
        heap_bytes=compute_heap(connections, shape),
        instances_for_ports=split(connections, shape.ports),
        haproxy_maxconn=connections,
        # Connections are not spread evenly over Nginx's workers: half as many again each, and never more than all.
        nginx_worker_connections=min(2 * connections, workers * 3 // 2) + BASE_FILES,
        nginx_worker_rlimit_nofile=min(2 * connections, workers * 3 // 2) + 2 * BASE_FILES,
        conntrack_max=entries,
        conntrack_buckets=round_up_to_power_of_two(split(entries, 4)) if entries else 0,
        kernel=build_kernel_profile(connections, shape),
    )


def build_kernel_profile(connections: int, shape: HostShape) -> dict[str, dict[str, Any]]:
    """The kernel parameters for so many connections, as a profile for `xitrum.host.sysctl_profile`."""
    entries, total = count_conntrack_entries(connections, shape), count_sockets(connections, shape)
    processes = (shape.instances * count_instance_files(connections, shape)) + count_proxy_files(connections, shape)
    found = {
        "fs.nr_open": (
            max(NR_OPEN, compute_nofile(connections, shape)),
            "at_least",
            "the open files of the largest process",
        ),
        "fs.file-max": (processes + FILES_OF_OTHERS, "at_least", "the open files of all processes"),
        "net.ipv4.tcp_mem": (
            f"{total} {2 * total} {4 * total}",
            "at_least",
            "one, two and four pages of queued data a socket",
        ),
        "net.ipv4.ip_local_port_range": (
            f"{FIRST_PORT} {LAST_PORT}",
            "range",
            "the ports of connections to the instances",
        ),
    }
    if shape.conntrack:
        found["net.netfilter.nf_conntrack_buckets"] = (
            round_up_to_power_of_two(split(entries, 4)),
            "at_least",
            "a quarter of nf_conntrack_max",
        )
        found["net.netfilter.nf_conntrack_max"] = (entries, "at_least", "one entry a socket and half as many closing")
    return {
        key: {"value": value, "policy": policy, "source": f"{connections} connections: {why}"}
        for key, (value, policy, why) in found.items()
    }


def _describe_refusal(connections: int, shape: HostShape, most: int, ends: str) -> str:
    if connections <= most:
        return ""
    short = sorted(
        (bound for bound in list_bounds(connections, shape) if bound.needed > bound.there),
        key=lambda bound: bound.resource != ends,
    )
    first, *others = [f"{bound.needed} {bound.unit} are needed, {bound.there} are there" for bound in short]
    also = "; ".join(f"{bound.resource}, {words}" for bound, words in zip(short[1:], others))
    return (
        f"xitrum_max_connections: {connections} connections cannot be held. {short[0].resource} ends first: {first}. "
        f"{f'Too little as well: {also}. ' if also else ''}The largest number that holds is {most}. "
        f"To hold more: {'; and '.join(bound.fix for bound in short)}"
    )
