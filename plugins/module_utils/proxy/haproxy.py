# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy as a proxy: what L(proxy_config) and L(proxy_server) need to know of it. Everything live comes from its runtime socket.

What is set there is kept over a reload by the role's save-state.
"""

from __future__ import annotations

import re
import shlex

from ..core import addresses, sockets
from . import haproxy_config, haproxy_socket

TITLE = "HAProxy"
PROCESS = "haproxy"
VERSION = (["haproxy", "-v"], re.compile(r"version (\S+)"))
NEEDS = (((2, 2), "it has no http-check send, with which the health of an instance is asked"),)
CHECK = ["haproxy", "-c", "-f"]
CHROOT_LOG = "/var/lib/haproxy/dev/log"
UP = "UP"
CHECKS_HEALTH = True
BIND = re.compile(r"\s*bind (\S+):(\d+)(?:\s|$)")
QUESTIONS = ("show info", "show stat", "show servers state")

maxconn, servers, binds = haproxy_config.maxconn, haproxy_config.servers, haproxy_config.binds


def ask_server(address):
    """The command that shows what a server answers."""
    to = shlex.quote(f"TCP:{address},connect-timeout=5")
    return ["sh", "-c", f"printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' | socat -t 5 - {to}"]


def live(host, wanted):
    """What the running worker says of itself, as L(proxy_config) asks it."""
    try:
        info, stat, servers_state = (haproxy_socket.ask(host, wanted["socket"], words) for words in QUESTIONS)
    except OSError as error:
        return {"said": "", "version": "", "pid": "", "maxconn": "", "servers": [], "refused": error}
    info = haproxy_socket.parse_info(info)
    return {"said": info.get("description", ""), "version": info.get("Version", ""), "pid": info.get("Pid", ""), "maxconn": info.get("Maxconn", ""),
            "servers": haproxy_socket.servers(stat, servers_state), "refused": None}


def old_workers(host, main):
    """How many workers of before a reload there still are."""
    return max(len((host.read(f"/proc/{main}/task/{main}/children") or "").split()) - 1, 0)


def missing(host, main):
    """What the running proxy lacks, as C((item, wanted, why)): the mount of the unit's drop-in counts from a start, and a reload is none."""
    # The worker's own view of its folder, to which it is confined.
    if main and not host.exists(f"/proc/{main}/root{CHROOT_LOG}"):
        return [("log", CHROOT_LOG, "HAProxy runs since before its unit gave it a log")]
    return []


def complaints(words):
    """The lines of a check that a person should read. There is no state to load before the first reload."""
    return [line for line in words.splitlines() if re.match(r"\[(ALERT|WARNING)\]", line) and "server state file" not in line]


def restarts(unused_before, unused_text):
    """Whether a configuration needs a restart, which costs requests: never."""
    return False


def carried(text, unused_before):
    """The states of servers are in the running worker and not in the configuration."""
    return text


def view(host, wanted):
    """What the running worker says of all its servers, with the connections that workers of before a reload still have there."""
    path = wanted["socket"]
    try:
        info, stat, servers = (haproxy_socket.ask(host, path, words) for words in QUESTIONS)
    except OSError as error:
        if wanted["allow_missing"] and isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            # It does not run, so that it sends nothing anywhere.
            return []
        raise RuntimeError(f"HAProxy does not answer on {path} ({error}): systemctl status haproxy tells whether it runs. Only root may ask it.") from error
    worker = haproxy_socket.parse_info(info).get("Pid", "")
    rows = sockets.established(host, sockets.pids_of_service(host, wanted["service"]))
    others = older(rows, worker)
    return [{
        "backend": row["backend"], "name": row["name"], "address": row["address"], "port": row["port"],
        "state": row["admin"], "status": row["status"], "checked": row["checked"], "check": row["check"],
        "healthy": row["admin"] == "ready" and row["status"] in ("UP", "no check"),
        # What ss printed and cannot be read may be a connection.
        "sessions": row["sessions"] + others.count(addresses.endpoint(row["address"], row["port"])) + sockets.unread_count(rows),
    } for row in haproxy_socket.servers(stat, servers)]


def older(rows, worker):
    """The peers of the established connections that HAProxy holds in another process than C(worker)."""
    holders = [(row["peer"], {str(pid) for name, pid in row.get("users", ()) if name == PROCESS}) for row in rows]
    return [peer for peer, pids in holders if pids and worker not in pids]


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
    for server in servers:
        obey(host, wanted["socket"], command(server, wanted["state"]))


def move(host, wanted, servers):
    """Has servers lead to another address and port. Raises RuntimeError with what HAProxy answered."""
    for row in servers:
        name = f"{row['backend']}/{row['name']}"
        reply = haproxy_socket.ask(host, wanted["socket"], f"set server {name} addr {row['address']} port {row['port']}")
        # It answers with what it changed, and with nothing that tells success from failure: verified instead.
        live = [one for one in view(host, wanted) if (one["backend"], one["name"]) == (row["backend"], row["name"])]
        found = [addresses.endpoint(one["address"], one["port"]) for one in live]
        if found != [addresses.endpoint(row["address"], row["port"])]:
            raise RuntimeError(f"HAProxy has {name} at {found}, expected {row['to']}. It answered {reply.strip()!r}")


def close(host, wanted, servers):
    """Ends what the running worker still has with these servers. What older workers hold ends with the instance, or after hard-stop-after."""
    for server in servers:
        obey(host, wanted["socket"], f"shutdown sessions server {server['backend']}/{server['name']}")


def obey(host, path, words):
    """One line of commands, to which HAProxy answers nothing where it did them."""
    said = haproxy_socket.ask(host, path, words).strip()
    if said:
        raise RuntimeError(f"HAProxy answered {said!r} to '{words}' on {path}")
