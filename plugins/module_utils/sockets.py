# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening and established TCP sockets, from ss(8): the only tool that tells a socket's own backlog (/proc/net/tcp
does not).

Names of processes and control groups in its output are chosen by others: a name of up to 15 bytes may hold blanks,
quotes and line breaks. So a row begins only where a whole head of one stands, with real addresses and, where several states
are listed, its state (at least 18 bytes), each part is read in the order in which ss writes it, and what cannot be read is kept in C(unread): never
dropped, and never an error.
"""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils import addresses
from ansible_collections.xitrum.host.plugins.module_utils.foreign_text import printable

#: C(-e) adds v6only, C(-p) the processes (those of other users are shown to root only).
SS = ("ss", "-H", "-l", "-t", "-n", "-p", "-e")

ESTABLISHED = ("ss", "-H", "-t", "-n", "-p", "state", "established")

_HEAD = re.compile(
    r"(?:(?P<state>[A-Z][A-Z0-9-]*)[ \t]+)?(?P<received>[0-9]{1,10})[ \t]+(?P<sent>[0-9]{1,10})[ \t]+"
    r"(?P<local>\S+):(?P<port>[0-9]{1,5})[ \t]+(?P<peer>\S+):(?P<peer_port>[0-9]{1,5}|\*)(?:[ \t]+(?P<rest>.*))?",
    re.DOTALL,
)
# ss itself ends a name at a closing parenthesis.
_USER = re.compile(r'\("([^)]*)",pid=([0-9]{1,10}),fd=[0-9]{1,10}\)')
_USERS = re.compile(rf"users:\({_USER.pattern}(?:,{_USER.pattern})*\)")
_END = re.compile(r"(?: v6only:(?P<v6only>[01]))?(?: [<-]-[->])?\s*$")


class Rows(list):
    """Rows of sockets, and in C(unread) the lines that could not be read, as texts. C(failed): whether ss itself failed,
    and they are its message."""

    unread = ()
    failed = False


def parse_listeners(text):
    """The LISTEN rows of C(ss -H -ltnpe) as dictionaries, L(Rows).

    Keys: C(port) (integer), C(address) (without brackets, an IPv4 address as such; C(*) is every address),
    C(interface) (or empty), C(family) (C(inet), C(inet6) or C(dual): an IPv6 socket that takes IPv4 as well),
    C(backlog) (the Send-Q: what listen() got), C(queued) (the Recv-Q: connections that wait to be accepted), C(pid)
    and C(process) (the lowest that holds it; None and empty where this user may not see it), C(pids) (all that hold
    it), C(cgroup) (of the process that made it, as newer versions of ss show it to everybody; else empty).
    """
    found, unread = Rows(), []
    for head, rest, line in _records(text, unread, _is_listener):
        if head["state"] != "LISTEN":
            continue
        users, tail = _users(rest, line, unread)
        end = _END.search(tail)
        before = tail[: end.start()]
        address, interface = _end(head["local"])
        # A forked child holds the socket too: its parent is the older one, as a rule the lower number.
        users = sorted((pid, name) for name, pid in users)
        found.append(
            {
                "port": int(head["port"]),
                "address": address,
                "interface": interface,
                "family": _family(address, head["local"], end["v6only"]),
                "backlog": int(head["sent"]),
                "queued": int(head["received"]),
                "pid": users[0][0] if users else None,
                "process": users[0][1] if users else "",
                "pids": sorted({pid for pid, _name in users}),
                "cgroup": before.partition("cgroup:")[2] if "cgroup:/" in before else "",
            }
        )
    found.unread = tuple(unread)
    return found


def parse_established(text):
    """The rows of C(ss -H -t -n -p state established) as dictionaries, L(Rows): C(local) and C(peer)
    (C(ADDRESS:PORT) without brackets, an IPv4 address as such), C(port) (the local one, an integer) and C(users)
    (name and process id of all that hold it)."""
    found, unread = Rows(), []
    for head, rest, line in _records(text, unread, _is_connection):
        users = _users(rest, line, unread)[0]
        ends = [
            addresses.endpoint(_joined(*_end(head[name])), int(head[port]))
            for name, port in (("local", "port"), ("peer", "peer_port"))
        ]
        found.append({"local": ends[0], "peer": ends[1], "port": int(head["port"]), "users": users})
    found.unread = tuple(unread)
    return found


def _is_listener(head):
    return head["state"] is not None


def _is_connection(head):
    """The column of the state is left out where one state was asked for, and both ends of a connection are known."""
    return head["state"] in (None, "ESTAB") and "*" not in (head["local"], head["peer"], head["peer_port"])


def _records(text, unread, is_row):
    """Each row as C((head, what follows it, whole text)). A name with a line break goes on in the next line."""
    records = []
    # Not splitlines: a name may hold what Python, and nobody else, takes for the end of a line.
    for line in text.split("\n"):
        head = _HEAD.fullmatch(line)
        if head and is_row(head) and None not in (_end(head["local"]), _end(head["peer"])) and int(head["port"]) < 65536:
            records.append(line)
        elif records and _is_open(records[-1]):
            records[-1] += "\n" + line
        elif line.strip():
            unread.append(line)
    for record in records:
        head = _HEAD.fullmatch(record)
        yield head, head["rest"] or "", record


def _is_open(record):
    """Whether the list of a row's processes has begun and not ended."""
    rest = _HEAD.fullmatch(record)["rest"] or ""
    return rest.startswith("users:(") and not _USERS.match(rest)


def _users(rest, line, unread):
    """The processes of a row as C([(name, pid)]), and what follows them."""
    if not rest.startswith("users:("):
        return [], " " + rest
    match = _USERS.match(rest)
    if match is None:
        unread.append(line)
        return [], ""
    return [(name, int(pid)) for name, pid in _USER.findall(match[0])], rest[match.end() :]


def _end(text):
    """The C((address, interface)) of one end of a socket; None where it is no address."""
    bare, _percent, interface = text.partition("%")
    if bare == "*":
        return "*", interface
    found = addresses.parse_address(text)
    return (str(found.ip), found.zone) if found else None


def _joined(address, interface):
    return f"{address}%{interface}" if interface else address


def _family(address, local, v6only):
    """The family of a listening socket. ss writes every address of a socket for both families as C(*)."""
    if ":" not in local and local.partition("%")[0] != "*":
        return "inet"
    if v6only == "0" and address in ("*", "::"):
        return "dual"
    if v6only == "1":
        return "inet6"
    # Bound to an IPv4 address, a socket for both families takes that one alone.
    return "inet6" if ":" in address else "inet"


def established(host):
    """All established TCP connections of a host, L(Rows). Where ss could not say, that is what could not be read."""
    result = host.run(list(ESTABLISHED))
    if result.rc == 0:
        return parse_established(result.out)
    found = Rows()
    found.unread = (result.err.strip() or f"ss ended with {result.rc}",)
    found.failed = True
    return found


def listeners(host):
    """All listening TCP sockets of a host, L(Rows), or None where ss could not say (not installed, or refused)."""
    result = host.run(list(SS))
    return parse_listeners(result.out) if result.rc == 0 else None


def unread_count(rows):
    """How many lines of ss could not be read, each of which may be a socket."""
    return len(getattr(rows, "unread", ()))


def drain_note(rows):
    """Why a drain counts connections that may not be there, as a sentence; empty where every row was read."""
    lines = getattr(rows, "unread", ())
    if not lines:
        return ""
    what = "a failure of ss" if rows.failed else f"{len(lines)} unreadable line(s) of ss"
    return (
        f"found {what} ({printable(lines[0])!r}), which counts as open connections, so that a drain waits until its "
        "deadline; expected rows of iproute2: run ss -tnp on the host"
    )


def unread_note(rows):
    """A sentence about what ss printed and could not be read; empty where everything was."""
    lines = getattr(rows, "unread", ())
    if not lines:
        return ""
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    return (
        f"found {count} of ss that cannot be parsed, such as {printable(lines[0])!r}; expected the columns of iproute2: "
        "run ss -ltnpe on the host to see whose socket it is"
    )
