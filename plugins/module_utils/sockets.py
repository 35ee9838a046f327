# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening TCP sockets, from ss(8): the only tool that tells a socket's own backlog (/proc/net/tcp does not)."""

from __future__ import annotations

import re

#: C(-e) adds v6only, C(-p) the processes (those of other users are shown to root only).
SS = ("ss", "-H", "-l", "-t", "-n", "-p", "-e")

ESTABLISHED = ("ss", "-H", "-t", "-n", "-p", "state", "established")

_USER = re.compile(r'\("(.*?)",pid=(\d+),fd=\d+\)')
_CGROUP = re.compile(r"\bcgroup:(/\S*)")


def parse_listeners(text):
    """The LISTEN rows of C(ss -H -ltnpe) as dictionaries.

    Keys: C(port) (integer), C(address) (without brackets; C(*) is every address), C(interface) (or empty), C(family)
    (C(inet), C(inet6) or C(dual): an IPv6 socket that takes IPv4 as well), C(backlog) (the Send-Q: what listen() got),
    C(queued) (the Recv-Q: connections that wait to be accepted), C(pid) and C(process) (the lowest that holds it; None
    and empty where this user may not see it), C(pids) (all that hold it), C(cgroup) (of the process that made it, as
    newer versions of ss show it to everybody; else empty).
    """
    rows = (_listener(line) for line in text.splitlines() if line.startswith("LISTEN"))
    return [row for row in rows if row]


def _listener(line):
    fields = line.split(None, 5)
    if len(fields) < 5:
        return None
    host, _colon, port = fields[3].rpartition(":")
    if not port.isdecimal():
        return None
    rest = fields[5] if len(fields) > 5 else ""
    address, _percent, interface = host.replace("[", "").replace("]", "").partition("%")
    # A forked child holds the socket too: its parent is the older one, as a rule the lower number.
    users = sorted((int(pid), name) for name, pid in _USER.findall(rest))
    return {
        "port": int(port),
        "address": address,
        "interface": interface,
        "family": _family(address, rest),
        "backlog": int(fields[2]),
        "queued": int(fields[1]),
        "pid": users[0][0] if users else None,
        "process": users[0][1] if users else "",
        "pids": sorted({pid for pid, _name in users}),
        "cgroup": next(iter(_CGROUP.findall(rest)), ""),
    }


def _family(address, rest):
    if "v6only:1" in rest:
        return "inet6"
    if "v6only:0" in rest and address in ("*", "::"):
        return "dual"
    return "inet6" if ":" in address else "inet"


def parse_established(text):
    """The rows of C(ss -H -t -n -p state established) as dictionaries: C(local) and C(peer) (C(ADDRESS:PORT) without brackets,
    an IPv4 address as such), C(port) (the local one, an integer) and C(users) (name and process id of all that hold it)."""
    rows = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 3:
            local, peer = (field.replace("::ffff:", "").replace("[", "").replace("]", "") for field in fields[2:4])
            rows.append({"local": local, "peer": peer, "port": int(local.rpartition(":")[2]),
                         "users": [(name, int(pid)) for name, pid in _USER.findall(line)]})
    return rows


def established(host):
    """All established TCP connections of a host; none where ss could not say."""
    return parse_established(host.run(list(ESTABLISHED)).out)


def listeners(host):
    """All listening TCP sockets of a host, or None where ss could not say (not installed, or refused)."""
    result = host.run(list(SS))
    return parse_listeners(result.out) if result.rc == 0 else None
