# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limited a load: from what became of the connections,
and what was read of every host while they were held. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..proxy.kinds import haproxy
from .counts import FAILED

#: What is reported about connections that were not opened.
WORDS = {
    "refused": "refused",
    "unanswered": "not answered in time",
    "turned_away": "answered, and not with a WebSocket",
    "closed_early": "closed before they were open",
    "client_files": "not opened, because the clients had no more open files",
    "client_ports": "not opened, because the clients had no more ports",
    "other": "not opened",
}

#: What a status means here.
HINTS = {
    200: ": load_test_path is not a WebSocket",
    301: ": set load_test_tls, or another load_test_path",
    302: ": set load_test_tls, or another load_test_path",
    400: ": load_test_path is not a WebSocket",
    401: ": it wants a user, see load_test_headers",
    403: ": it does not let everybody in, see load_test_headers",
    404: ": load_test_path is not a path of it",
    503: ": no instance, or no place in its queue, was free",
    504: ": an instance did not answer the proxy",
}

#: A limit counts as reached from this share on.
NEAR = 0.98


def format_failures(counts: dict[str, Any]) -> list[str]:
    """Why connections were not opened, as a list of words with numbers."""
    return [f"{counts[name]} {WORDS[name]}" for name in FAILED if counts[name]]


def find_limits(requested: int, counts: dict[str, Any], hosts: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """What limited it, the surest first, as `[(word, sentence)]`; empty where all were held.

    `hosts` maps each host to `{before, during, after}`, readings of `xitrum.host.connection_load` with
    `state=measured`.
    """
    if counts["held"] == requested and not counts["dropped"] and not counts["silent"]:
        return []
    found = [*find_client_limits(counts)]
    for host, seen in hosts.items():
        found += [
            *find_proxy_limits(host, seen["during"]),
            *find_process_limits(host, seen["during"]),
            *find_restarts(host, seen["before"], seen["after"]),
            *find_kernel_limits(host, seen),
        ]
    return found + [*find_answer_limits(requested, counts)]


def find_client_limits(counts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the host that connects has no more of."""
    if counts["client_files"]:
        yield (
            "nofile",
            (
                "the processes that connect have no more open files: use more hosts in load_test_clients, or raise "
                "their hard limit"
            ),
        )
    if counts["client_ports"]:
        yield (
            "ports",
            (
                "the addresses that connect have no more ports: name more of them in load_test_sources, or use more "
                "hosts in load_test_clients"
            ),
        )


def find_proxy_limits(host: str, during: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """HAProxy's own limit, which it works out from its open files unless it was given one."""
    proxy = during["proxy"]
    if not proxy or not proxy["maximum"] or proxy["connections"] < NEAR * proxy["maximum"]:
        return
    files = max([row["nofile"] or 0 for row in during["processes"] if row["process"] == haproxy.PROCESS], default=0)
    if files and 2 * proxy["maximum"] >= 0.85 * files:
        yield (
            "nofile",
            (
                f"HAProxy on {host} takes no more than {proxy['maximum']} connections, which it computes from its "
                f"{files} "
                "open files (nofile)"
            ),
        )
    else:
        yield (
            "maxconn",
            (
                f"HAProxy on {host} takes no more than {proxy['maximum']} connections: its maxconn "
                "(xitrum_max_connections, xitrum_proxy_max_connections)"
            ),
        )


def find_process_limits(host: str, during: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Processes that have no more open files."""
    for row in during["processes"]:
        if (
            row["files"] is not None
            and row["nofile"]
            and row["nofile"] > 0
            and row["files"] >= min(NEAR * row["nofile"], row["nofile"] - 1)
        ):
            yield (
                "nofile",
                (
                    f"{row['name']} ({row['process']} {row['pid']} on {host}) has {row['files']} of its {row['nofile']}"
                    " open files (nofile)"
                ),
            )


def find_restarts(host: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Processes that did not live through it."""
    pids = {(row["name"], row["pid"]) for row in after["processes"]}
    names = {row["name"] for row in after["processes"]}
    for row in before["processes"]:
        if (row["name"], row["pid"]) not in pids:
            now = "restarted" if row["name"] in names else "not there any more"
            yield "process", (f"{row['name']} on {host} ended meanwhile (process {row['pid']}, {now}): "
                              "its log and the kernel's report whether it was out of memory")


def find_kernel_limits(host: str, seen: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The kernel's own limits."""
    during, before, after = seen["during"], seen["before"], seen["after"]
    if during["conntrack"] and during["conntrack"][0] >= NEAR * during["conntrack"][1]:
        yield (
            "conntrack",
            (
                f"{host} tracks {during['conntrack'][0]} of {during['conntrack'][1]} connections "
                "(net.netfilter.nf_conntrack_max)"
            ),
        )
    if during["memory_free_bytes"] < 0.03 * during["memory_bytes"]:
        yield (
            "memory",
            f"{host} has {during['memory_free_bytes'] >> 20} MiB of {during['memory_bytes'] >> 20} MiB of memory free",
        )
    full = after["counters"]["ListenOverflows"] - before["counters"]["ListenOverflows"]
    if full > 0:
        backlogs = ", ".join(f"{row['name']} {row['backlog']}" for row in during["processes"])
        yield "backlog", f"on {host} {full} connects found the queue of a listening socket full (backlog: {backlogs})"


def find_answer_limits(requested: int, counts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the connections alone show."""
    if counts["turned_away"]:
        yield (
            "answer",
            f"{counts['turned_away']} were answered with {counts['status']}{HINTS.get(counts['status'], '')}",
        )
    if counts["refused"]:
        yield "refused", f"{counts['refused']} were refused: nobody listened there"
    if counts["unanswered"]:
        yield "timeout", f"{counts['unanswered']} were not answered in time (load_test_timeout)"
    if counts["closed_early"]:
        yield "closed", f"{counts['closed_early']} were closed before they were open"
    if counts["other"]:
        yield "error", f"{counts['other']} could not be made (error {counts['errno']} of errno.h)"
    if counts["dropped"]:
        yield "dropped", f"{counts['dropped']} were closed by the other side while they were held"
    if counts["silent"]:
        yield "silent", f"{counts['silent']} did not answer a ping in time"
    left = requested - counts["tried"]
    if left > 0:
        yield "rest", f"{left} were not tried any more"
