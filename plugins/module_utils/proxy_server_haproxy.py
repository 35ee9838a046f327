# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of a running HAProxy, by its runtime socket. What is set there is kept over a reload by the role's save-state."""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils import haproxy_socket


def view(host, wanted):
    """What the running worker says of all its servers, with the connections that workers of before a reload still have there."""
    path = wanted["socket"]
    try:
        info, stat, servers = (haproxy_socket.ask(path, words) for words in ("show info", "show stat", "show servers state"))
    except OSError as error:
        if wanted["allow_missing"] and isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            # It does not run, so that it sends nothing anywhere.
            return []
        raise RuntimeError(f"HAProxy does not answer on {path} ({error}): systemctl status haproxy tells whether it runs. Only root may ask it.") from error
    worker = haproxy_socket.parse_info(info).get("Pid", "")
    others = older(host.run(["ss", "-H", "-t", "-n", "-p", "state", "established"]).out, worker)
    return [{
        "backend": row["backend"], "name": row["name"], "address": row["address"], "port": row["port"],
        "state": row["admin"], "status": row["status"], "checked": row["checked"], "check": row["check"],
        "healthy": row["admin"] == "ready" and row["status"] in ("UP", "no check"),
        "sessions": row["sessions"] + others.count(f"{row['address']}:{row['port']}"),
    } for row in haproxy_socket.servers(stat, servers)]


def older(text, worker):
    """The peers, as C(ADDRESS:PORT), of the connections in C(ss -H -t -n -p state established) that HAProxy holds in another process than C(worker)."""
    found = []
    for line in text.splitlines():
        users = re.findall(r'\("haproxy",pid=(\d+)', line)
        fields = line.split()
        if users and worker not in users and len(fields) > 3:
            found.append(fields[3].replace("::ffff:", "").replace("[", "").replace("]", ""))
    return found


def command(server, state):
    """What sets one server, as one line that HAProxy does without a pause.

    HAProxy takes what it last knew of a server that comes back, and checks nothing in maint: it would count an instance
    as healthy that it has not asked since. So the server counts as down until its checks have succeeded as often as they
    must; a server that is in maint takes no health, hence the way through drain.
    """
    name = f"set server {server['backend']}/{server['name']}"
    steps = [f"{name} state {state}"]
    if state == "ready" and server["checked"]:
        steps = [f"{name} state drain", f"{name} health down", *steps]
    return "; ".join(steps)


def change(host, wanted, servers):
    """Sets servers. Raises RuntimeError with what HAProxy answered."""
    del host
    for server in servers:
        obey(wanted["socket"], command(server, wanted["state"]))


def close(host, wanted, servers):
    """Ends what the running worker still has with these servers. What older workers hold ends with the instance, or after hard-stop-after."""
    del host
    for server in servers:
        obey(wanted["socket"], f"shutdown sessions server {server['backend']}/{server['name']}")


def obey(path, words):
    """One line of commands, to which HAProxy answers nothing where it did them."""
    said = haproxy_socket.ask(path, words).strip()
    if said:
        raise RuntimeError(f"HAProxy answered {said!r} to '{words}' on {path}")
