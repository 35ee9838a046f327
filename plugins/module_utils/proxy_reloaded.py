# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nginx and Apache have in common: the states of servers are in the configuration, and a reload takes them up.

The running worker repeats the digest of its configuration and those states at C(/xitrum-config) on the loopback, in a header.
"""

from __future__ import annotations

import http.client
import re
import sys
import time

from ansible_collections.xitrum.host.plugins.module_utils import addresses, proxy_text, sockets

HEADER = "X-Xitrum-Config"
PATIENCE = 15.0
#: By the Python that Ansible uses on the host: there may be no other.
ASK = ((sys.executable or "python3") + " -c 'import http.client as http; link = http.HTTPConnection(\"{address}\", timeout=5); link.request(\"GET\", \"/\"); "
       "print(link.getresponse().status)'")


def ask(port, path, timeout=5.0, address="127.0.0.1"):
    """One request: status, reason, the header that has the configuration, and the body. Raises OSError where nothing answers HTTP."""
    link = http.client.HTTPConnection(address.strip("[]"), port, timeout=timeout)
    try:
        link.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
        answer = link.getresponse()
        return answer.status, answer.reason, answer.getheader(HEADER) or "", answer.read().decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise OSError(f"{address}:{port} does not speak HTTP: {error!r}") from error
    finally:
        link.close()


def live(wanted, statuses, rows):
    """What the running worker says of itself. C(rows) are the servers of the configuration as C((backend, name, address)),
    C(statuses) maps such an address to the software's own word, where it has one."""
    try:
        said = ask(wanted["control_port"], "/xitrum-config")[2]
    except OSError as error:
        return {"said": "", "version": "", "pid": "", "maxconn": "", "servers": [], "refused": error}
    states = proxy_text.states(said)
    servers = []
    for backend, name, address in rows:
        state = states.get(name, "ready")
        status = statuses.get(address.lower(), "UP") if state == "ready" else state.upper()
        servers.append({"backend": backend, "name": name, "address": address.rpartition(":")[0].strip("[]"), "port": int(address.rpartition(":")[2]),
                        "admin": state, "status": status, "check": statuses.get(address.lower(), "")})
    return {"said": said, "version": "", "pid": "", "maxconn": "", "servers": servers, "refused": None}


def view(host, wanted, said, title, process):
    """The servers as L(proxy_server) wants them, from what C(live) said. Raises RuntimeError where the proxy does not answer."""
    if wanted["allow_missing"] and isinstance(said["refused"], ConnectionRefusedError):
        # It does not run, so that it sends nothing anywhere.
        return []
    if said["refused"] or not said["said"]:
        raise RuntimeError(f"{title} does not answer with its configuration on 127.0.0.1:{wanted['control_port']}/xitrum-config "
                           f"({said['refused'] or 'no header ' + HEADER}): systemctl status {wanted['service']} tells whether it runs, site.yml sets it up.")
    rows = sockets.established(host)
    found = []
    for row in said["servers"]:
        wrong = probe(wanted, row) if wanted["state"] == row["admin"] == "ready" else ""
        found.append(
            {
                **row,
                "state": row["admin"],
                "checked": True,
                "check": wrong or row["check"],
                "healthy": row["admin"] == "ready" and not wrong and not row["status"].startswith("DOWN"),
                "sessions": connections(
                    rows, process, row["address"], row["port"], addresses.resolve(host, row["address"])
                ),
            }
        )
    return found


def connections(rows, process, address, port, resolved=()):
    """How many of the established connections to a server the processes of that name hold. C(resolved) are the
    addresses of a server that has a name. A line of ss that cannot be read may be a connection."""
    ends = {addresses.endpoint(place, port) for place in (address, *resolved)}
    held = sum(row["peer"] in ends and any(name == process for name, _pid in row["users"]) for row in rows)
    return held + sockets.unread_count(rows)


def probe(wanted, row, seconds=5.0):
    """Asks a server's page itself, as a health check does: why it is not healthy, or an empty text."""
    try:
        status, reason, _said, _body = ask(row["port"], wanted["health_path"], seconds, row["address"])
    except OSError as error:
        return str(error)
    return "" if status == wanted["health_status"] else f"{status} {reason}"


def change(host, wanted, servers, words, answer):
    """Writes the states into the configuration and reloads; C(answer) asks the running worker.

    Raises RuntimeError where the reload fails: the old states are back then. Of two that change states at the same time, for
    two application hosts, the second waits for the first.
    """
    with host.locked("/run/xitrum.host.proxy.lock"):
        change_alone(host, wanted, servers, words, answer)


def change_alone(host, wanted, servers, words, answer):
    """L(change), while nobody else does."""
    path = wanted["config_path"]
    before = host.read(path)
    states = {**proxy_text.states(before), **{row["name"]: wanted["state"] for row in servers}}
    text = proxy_text.with_states(before, states, words)
    host.write(path, text)
    said = host.run(["systemctl", "reload", wanted["service"] + ".service"])
    if said.rc != 0:
        host.write(path, before)
        raise RuntimeError(f"systemctl reload {wanted['service']} ended with {said.rc}: {(said.err or said.out).strip()}. The states are as before.")
    want, deadline = proxy_text.states(text), time.monotonic() + PATIENCE
    while proxy_text.states(answer(host, wanted)["said"]) != want:
        if time.monotonic() > deadline:
            host.write(path, before)
            raise RuntimeError(f"{wanted['service']} does not have the new states of its servers {PATIENCE:.0f} s after a reload: see "
                               f"journalctl -u {wanted['service']}")
        time.sleep(0.1)


def marked_servers(text, group, server):
    """The servers in a configuration as C([(backend, name, address and port)]): C(group) finds the line that begins a
    backend and C(server) the line of a server, each with the text in its first group."""
    backend, name, found = "", None, []
    for line in text.splitlines():
        begins, has = re.match(group, line), re.match(server, line)
        mark = re.match(r"\s*# server (\S+) (?:new|both)$", line)
        if begins:
            backend = begins.group(1)
        elif has and name and backend:
            found.append((backend, name, has.group(1)))
        name = mark.group(1) if mark else None
    return found


def maxconn(text):
    """The number of connections that the role's templates write down."""
    found = re.search(r"^# connections: (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else 0
