# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a process and a listening socket are. Read only.

A port above 1023 belongs to whoever is first, also while an instance restarts, and every user can name a program
`java` and work in a folder of a name of their choice (a mount namespace of their own has any path). So neither a page
that answers nor a working folder proves that an instance serves. What proves it is the supervisor's word for its
process, and the account to which root gave the instance's folder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..core import addresses, process, sockets
from ..core.host import Host
from ..core.untrusted_text import make_printable
from ..supervisor.table import SUPERVISORS
from . import restarts

#: As many parents as are followed: a supervised process has a few.
MOST_PARENTS = 64


def is_below(host: Host, pid: int, ancestor: int) -> bool:
    """Whether a process is `ancestor` or one that it started, directly or not."""
    for _unused in range(MOST_PARENTS):
        if pid == ancestor:
            return True
        stat = host.read(f"/proc/{pid}/stat") if pid > 1 else None
        if not stat:
            return False
        pid = process.parse_stat(stat)["ppid"]
    return False


def describe(host: Host, pid: int) -> str:
    """A process in words: its number, its name, which is untrusted text, and its user."""
    found = process.read_process(host, pid, 0)
    return (
        f"process {pid} ({make_printable(found['comm'])}) of the user {found['user']}"
        if found
        else f"process {pid}, which has ended"
    )


def find_listening_sockets(host: Host, rows: Iterable[dict[str, Any]], address: str, port: int) -> list[dict[str, Any]]:
    """The sockets that take a connection to an address, which may be a name, and a port."""
    targets = [address] if addresses.parse_address(address) else addresses.resolve(host, address)
    return [row for row in rows if row["port"] == port and any(addresses.accepts(row, target) for target in targets)]


def find_socket_fault(
    host: Host, rows: Iterable[dict[str, Any]], main: int, users: Collection[str], supervisor: str
) -> str:
    """Why one of these listening sockets is not the instance's, as a sentence; empty where all are.

    `main` is the process that the supervisor has for the instance (0: none), `users` are those of
    `process.accounts`: without one, no socket is the instance's.
    """
    expected = f"process {main}" if main else "a process"
    expected = f"expected is {expected} that {supervisor} started for the instance, or one below it"
    expected += f", of the user {' or '.join(sorted(users))}" if users else ""
    for row in rows:
        place = f"port {row['port']}, where the instance is to answer,"
        if not row["pids"]:
            return f"{place} is held by a process that cannot be seen; {expected}: find it with ss -ltnp as root"
        for pid in row["pids"]:
            found = process.read_process(host, pid, 0)
            mine = bool(main) and is_below(host, pid, main) and (not found or found["user"] in users)
            if not mine:
                return (
                    f"{place} is held by {describe(host, pid)}; {expected}. "
                    f"See who started it (ps -o user,lstart,args -p {pid}), and stop it"
                )
    return ""


def find_answer_fault(
    host: Host, instance: Mapping[str, Any], supervisor: str, name: str, users: set[str], earlier: list[set[int | None]]
) -> str:
    """Why what answers for an instance is not that instance, as a sentence; empty where it is.

    `instance` has its `index`, and the `address`, `port` and `https` (0: none) at which it is to listen.
    `earlier` is a list, to which each call adds the inodes of the sockets that take requests to `port`. An empty list
    is that of the inspection before a page is requested, when an instance may not listen yet. In an inspection after
    the page was answered, a socket of the instance has to be there, and to be one of the inspection before:
    whoever answers may close the socket first.
    """
    rows = sockets.read_listeners(host)
    if rows is None:
        return f"the owner of the socket on port {instance['port']} cannot be read: {restarts.NO_SS}"
    ports = [port for port in (instance["port"], instance["https"]) if port]
    there = [row for port in ports for row in find_listening_sockets(host, rows, instance["address"], port)]
    answered = bool(earlier)
    earlier.append({row["inode"] for row in there if row["port"] == instance["port"]})
    if answered and not earlier[-1]:
        note = sockets.format_unread_note(rows)
        return (
            f"port {instance['port']} has answered, and nothing listens on it now: another process may have answered. "
            f"Expected is the same socket of the instance before and after the request. See what uses the port (ss "
            "-ltnp as root)"
            + (f" ({note})" if note else "")
        )
    if not there:
        return ""
    main = SUPERVISORS[supervisor].find_main_pids(host, name, [instance["index"]]).get(instance["index"], 0)
    fault = find_socket_fault(host, there, main, users, supervisor)
    if not fault and answered and not earlier[-1] & earlier[-2]:
        return (
            f"port {instance['port']} has answered before this socket of the instance was there: another process may "
            f"have answered. Expected is the same socket before and after the request"
        )
    return fault
