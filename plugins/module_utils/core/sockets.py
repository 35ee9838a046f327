# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening and established TCP sockets, from ss(8): the only tool that shows a socket's own backlog (/proc/net/tcp
does not). Who holds one comes from the file descriptors in /proc, by the number of the socket (its inode).

ss is not requested processes: their names are chosen by others, and may hold whole rows. Of what it prints without
them, others choose the names of control groups alone, in which the kernel allows no line break. What cannot be read is
kept in `unread`: never dropped, and never an error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Dict, List

from . import addresses, process
from .host import LISTING_BYTES, Host
from .untrusted_text import make_printable

#: `-e` adds the inode, the control group and v6only.
SS = ("ss", "-H", "-l", "-t", "-n", "-e")

ESTABLISHED = ("ss", "-H", "-t", "-n", "-e", "state", "established")

#: Seconds after which no more file descriptors are read. A million of them takes about three.
HOLDER_SECONDS = 20

#: What could not be read of a listing that is larger than it may be.
CUT = f"more than {LISTING_BYTES} bytes"

_HEAD = re.compile(
    r"(?:(?P<state>[A-Z][A-Z0-9-]*)[ \t]+)?(?P<received>[0-9]{1,10})[ \t]+(?P<sent>[0-9]{1,10})[ \t]+"
    r"(?P<local>\S+):(?P<port>[0-9]{1,5})[ \t]+(?P<peer>\S+):(?P<peer_port>[0-9]{1,5}|\*)(?:[ \t]+(?P<rest>.*))?"
)
# Each detail before the control group is written by the kernel or by ss itself: NAME:VALUE, or the arrow.
_DETAILS = re.compile(r"(?:(?:[a-z0-9_]+:[^\s\"]*|[<-]-[->])[ \t]*)*")
_INODE = re.compile(r"(?:^|[ \t])ino:([0-9]{1,20})(?![^ \t])")
_END = re.compile(r"(?: v6only:(?P<v6only>[01]))?(?: [<-]-[->])?\s*$")


class Rows(List[Dict[str, Any]]):
    """Rows of sockets, and in `unread` the lines that could not be read, as texts.
    `failed`: whether ss itself failed, and they are its message."""

    unread: tuple[str, ...] = ()
    failed: bool = False


def parse_listeners(text: str) -> Rows:
    """The LISTEN rows of `ss -H -ltne` as dictionaries, `Rows`.

    Keys: `port` (integer), `address` (without brackets, an IPv4 address as such; `*` is every address),
    `interface` (or empty), `family` (`inet`, `inet6` or `dual`: an IPv6 socket that takes IPv4 as well),
    `backlog` (the Send-Q: what listen() got), `queued` (the Recv-Q: connections that wait to be accepted), `inode`
    (the number of the socket, None where ss does not show it), `cgroup` (of the process that made it, as newer
    versions of ss show it to everybody; else empty).
    """
    found = Rows()
    unread: list[str] = []
    for head, local, _peer, line in _split_rows(text, unread, _is_listener):
        if head["state"] != "LISTEN":
            continue
        inode, rest = _parse_details(head, line, unread)
        end = next(_END.finditer(rest))
        before = rest[: end.start()]
        address, interface = local
        found.append(
            {
                "port": int(head["port"]),
                "address": address,
                "interface": interface,
                "family": _find_family(address, head["local"], end["v6only"]),
                "backlog": int(head["sent"]),
                "queued": int(head["received"]),
                "inode": inode,
                "cgroup": before.partition("cgroup:")[2] if "cgroup:/" in before else "",
            }
        )
    found.unread = tuple(unread)
    return found


def parse_established(text: str) -> Rows:
    """The rows of `ss -H -t -n -e state established` as dictionaries, `Rows`: `local` and `peer`
    (`ADDRESS:PORT` without brackets, an IPv4 address as such), `port` (the local one, an integer) and `inode`."""
    found = Rows()
    unread: list[str] = []
    for head, local, peer, line in _split_rows(text, unread, _is_connection):
        ends = [
            addresses.format_endpoint(_join_address(*end), int(head[port]))
            for end, port in ((local, "port"), (peer, "peer_port"))
        ]
        inode = _parse_details(head, line, unread)[0]
        found.append({"local": ends[0], "peer": ends[1], "port": int(head["port"]), "inode": inode})
    found.unread = tuple(unread)
    return found


def _is_listener(head: re.Match[str]) -> bool:
    return head["state"] is not None


def _is_connection(head: re.Match[str]) -> bool:
    """The column of the state is left out where one state was requested, and a connection has both ends."""
    return head["state"] in (None, "ESTAB") and "*" not in (head["local"], head["peer"], head["peer_port"])


def _split_rows(
    text: str, unread: list[str], is_row: Callable[[re.Match[str]], bool]
) -> Iterator[tuple[re.Match[str], tuple[str, str], tuple[str, str], str]]:
    """Each row as `(head, local, peer, line)`, both ends as `_end` gives them."""
    # Not splitlines: a control group's name may hold what Python, and nobody else, takes for the end of a line.
    for line in text.split("\n"):
        head = _HEAD.fullmatch(line)
        local, peer = (_parse_end(head["local"]), _parse_end(head["peer"])) if head and is_row(head) else (None, None)
        if head and local and peer and int(head["port"]) < 65536:
            yield head, local, peer, line
        elif line.strip():
            unread.append(line)


def _parse_details(head: re.Match[str], line: str, unread: list[str]) -> tuple[int | None, str]:
    """The inode of a row, and all that stands behind its addresses. A row whose details cannot be read is still one."""
    rest = " " + (head["rest"] or "")
    known = rest.partition(" cgroup:")[0]
    if not _DETAILS.fullmatch(known.strip(" \t\r")):
        unread.append(line)
        return None, ""
    found = _INODE.search(known)
    return int(found[1]) if found else None, rest


def _parse_end(text: str) -> tuple[str, str] | None:
    """The `(address, interface)` of one end of a socket; None where it is not an address."""
    bare, _percent, interface = text.partition("%")
    if bare == "*":
        return "*", interface
    found = addresses.parse_address(text)
    return (str(found.ip), found.zone) if found else None


def _join_address(address: str, interface: str) -> str:
    return f"{address}%{interface}" if interface else address


def _find_family(address: str, local: str, v6only: str | None) -> str:
    """The family of a listening socket. ss writes every address of a socket for both families as `*`."""
    if ":" not in local and local.partition("%")[0] != "*":
        return "inet"
    if v6only == "0" and address in ("*", "::"):
        return "dual"
    if v6only == "1":
        return "inet6"
    # Bound to an IPv4 address, a socket for both families takes that one alone.
    return "inet6" if ":" in address else "inet"


def read_established(host: Host, pids: Collection[int] = ()) -> Rows:
    """All established TCP connections of a host, `Rows`. Where ss could not report, that is what could not be read.

    With `pids`, each row also has `users`: the name and the id of those of these processes that hold it.
    """
    result = host.run(list(ESTABLISHED), limit=LISTING_BYTES)
    if result.rc == 0:
        found = parse_established(result.out)
        found.unread += (CUT,) if result.cut else ()
        return add_users(host, found, pids) if pids else found
    found = Rows()
    found.unread = (result.err.strip() or f"ss failed with exit code {result.rc}",)
    found.failed = True
    return found


def add_users(host: Host, rows: Rows, pids: Iterable[int]) -> Rows:
    """Connections with `users`, `read_established`."""
    held, late = find_holders(host, {row["inode"] for row in rows}, pids)
    names = {pid: read_process_name(host, pid) for pid in sorted({pid for some in held.values() for pid in some})}
    for row in rows:
        row["users"] = [(names[pid], pid) for pid in held.get(row["inode"], ())]
    rows.unread += late
    return rows


def read_listeners(host: Host) -> Rows | None:
    """All listening TCP sockets of a host, `Rows`, or None where ss could not report (not installed, or refused).

    In addition to the keys of `parse_listeners` a row has `pids` (all processes that hold it, those of other users
    for root only), `pid` and `process` (the id and the printable name of the lowest; None and empty where there is
    none).
    """
    result = host.run(list(SS), limit=LISTING_BYTES)
    if result.rc != 0:
        return None
    rows = parse_listeners(result.out)
    rows.unread += (CUT,) if result.cut else ()
    held, late = find_holders(host, {row["inode"] for row in rows}, process.list_pids(host))
    for row in rows:
        row["pids"] = held.get(row["inode"], [])
        # A forked child holds the socket too: its parent is the older one, as a rule the lower number.
        row["pid"] = row["pids"][0] if row["pids"] else None
        row["process"] = read_process_name(host, row["pid"]) if row["pids"] else ""
    rows.unread += late
    return rows


def find_holders(
    host: Host, inodes: Iterable[int | None], pids: Iterable[int], clock: Callable[[], float] = time.monotonic
) -> tuple[dict[int, list[int]], tuple[str, ...]]:
    """Which of these processes hold which of these sockets: `({inode: [pid]}, unread)`, the ids in ascending order.

    `unread` is empty, or one sentence where there were too many file descriptors to read in `HOLDER_SECONDS`.
    """
    deadline = clock() + HOLDER_SECONDS
    found: dict[int, list[int]] = {}
    desired = {f"socket:[{inode}]": inode for inode in inodes if inode is not None}
    for pid in sorted(pids) if desired else ():
        for name in process.read_if_allowed(host.listdir, f"/proc/{pid}/fd") or ():
            inode = desired.get(process.read_if_allowed(host.readlink, f"/proc/{pid}/fd/{name}") or "")
            if inode is not None and pid not in found.setdefault(inode, []):
                found[inode].append(pid)
            # One process may have a million.
            if clock() > deadline:
                return (
                    found,
                    (f"the file descriptors of the processes from {pid} on were not read within {HOLDER_SECONDS} s",),
                )
    return found, ()


def list_service_pids(host: Host, service: str) -> list[int]:
    """The processes of a service of systemd. All of the host where systemd names none: a connection that is counted for
    nothing delays a drain, and one that is not counted is cut."""
    return process.list_unit_pids(host, process.show_unit(host, f"{service}.service")) or process.list_pids(host)


def read_process_name(host: Host, pid: int) -> str:
    """The name of a process, printable; empty where it is gone."""
    text = process.read_if_allowed(host.read, f"/proc/{pid}/comm") or ""
    return make_printable(text[:-1] if text.endswith("\n") else text)


def count_unread(rows: object) -> int:
    """How many lines of ss could not be read, each of which may be a socket."""
    return len(getattr(rows, "unread", ()))


def describe_drain(rows: Any) -> str:
    """Why a drain counts connections that may not be there, as a sentence; empty where every row was read."""
    lines = getattr(rows, "unread", ())
    if not lines:
        return ""
    what = "a failure of ss" if rows.failed else f"{len(lines)} unreadable line(s) of ss"
    return (
        f"found {what} ({make_printable(lines[0])!r}), which counts as open connections, so that a drain waits until "
        "its deadline; expected rows of iproute2. Run ss -tne on the host"
    )


def format_unread_note(rows: object) -> str:
    """A sentence about what ss printed and could not be read; empty where everything was."""
    lines = getattr(rows, "unread", ())
    if not lines:
        return ""
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    return (
        f"found {count} of ss that cannot be parsed, such as {make_printable(lines[0])!r}; expected the columns of "
        f"iproute2. Run ss -ltne on the host to see whose socket it is"
    )
