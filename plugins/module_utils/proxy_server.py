# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a running proxy: taken out of use, put back, and waited for.

Whichever the software, a server is C(ready) (it gets requests), C(drain) (only the clients that are bound to it do) or
C(maint) (nobody does; what is under way goes on). How that is done is a table of back ends, one file each.
"""

from __future__ import annotations

import time

from ansible_collections.xitrum.host.plugins.module_utils import proxy_apache, proxy_haproxy, proxy_nginx, sockets
from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan, Row

#: Each has C(view(host, wanted)) and C(change(host, wanted, servers)); C(close(host, wanted, servers)) where it can end what
#: one server still has; C(probe(wanted, row)) where it does not wait itself for a server that comes back to be healthy.
#: A row of C(view): C({backend, name, address, port, state, status, healthy, sessions, checked, check}).
BACKENDS = {"haproxy": proxy_haproxy, "nginx": proxy_nginx, "apache": proxy_apache}

#: Where the distribution's package has it.
PLACES = {"haproxy": ("haproxy", "/etc/haproxy/haproxy.cfg"), "nginx": ("nginx", "/etc/nginx/nginx.conf"), "apache": ("apache2", "/etc/apache2/apache2.conf")}

STATES = ("ready", "drain", "maint")
PAUSE = 0.25

SPEC = {
    "software": {"type": "str", "default": "haproxy", "choices": sorted(BACKENDS)},
    "backend": {"type": "str", "default": "xitrum"},
    "servers": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": list(STATES)},
    "timeout": {"type": "int", "default": 60},
    "close": {"type": "bool", "default": False},
    "allow_missing": {"type": "bool", "default": False},
    "others": {"type": "bool", "default": False},
    "ports": {"type": "dict", "default": {}},
    "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
    "control_port": {"type": "int", "default": 8404},
    "health_path": {"type": "str", "default": "/"},
    "health_status": {"type": "int", "default": 200},
}


def placed(options):
    """The options of a module, with the service and the configuration of the software."""
    service, path = PLACES[options["software"]]
    return {**options, "service": service, "config_path": path}


def read(host, wanted):
    """The servers that were named, as the running proxy has them. Raises RuntimeError where it does not answer."""
    rows = [row for row in BACKENDS[wanted["software"]].view(host, wanted) if row["backend"] == wanted["backend"]]
    return {"servers": [row for row in rows if row["name"] in wanted["servers"]], "others": sorted({row["name"] for row in rows} - set(wanted["servers"])),
            "serving": [row["name"] for row in rows if row["state"] == "ready" and row["healthy"]]}


def plan(wanted, state):
    """Decides which servers are set, and what stands in the way."""
    found = state["servers"]
    missing = [name for name in wanted["servers"] if name not in {row["name"] for row in found}]
    result = Plan(facts={"missing": missing})
    if missing and not wanted["allow_missing"]:
        result.problems.append(f"{wanted['software']} has no server {' and '.join(missing)} in its backend {wanted['backend']}: it has "
                               f"{', '.join(sorted(state['others'] + [row['name'] for row in found])) or 'none'}. Run site.yml, so that the proxy knows it.")
    if wanted["others"] and state["serving"] and not set(state["serving"]) - set(wanted["servers"]):
        result.problems.append(f"{' and '.join(state['serving'])} would be out of use, and {wanted['software']} has no other server that is in use and healthy "
                               f"(it has {', '.join(state['others']) or 'none'}): clients would be refused. Have another one serve first: "
                               "ansible-playbook xitrum.host.site.")
    if wanted["close"] and wanted["state"] != "maint":
        result.problems.append(f"close goes with the state maint only, and the state is {wanted['state']}: a closed client would come back to the server.")
    for row in found:
        good = row["state"] == wanted["state"]
        result.rows.append(Row("proxy_server", f"{row['backend']}/{row['name']}", wanted["state"], row["state"], row["status"], "ok" if good else "differs"))
        if not good:
            result.actions.append(("set", row))
            result.before += f"{row['backend']}/{row['name']} {row['state']}\n"
            result.after += f"{row['backend']}/{row['name']} {wanted['state']}\n"
    return result


def apply(host, wanted, planned, clock=time.monotonic, sleep=time.sleep):
    """Sets the servers. Raises RuntimeError where one that is to come back is not healthy, and sets none then."""
    backend, servers = BACKENDS[wanted["software"]], [row for _kind, row in planned.actions]
    if wanted["state"] == "ready" and wanted["timeout"] and hasattr(backend, "probe"):
        deadline = clock() + wanted["timeout"]
        while True:
            late = [{**row, "check": said} for row, said in ((row, backend.probe(wanted, row)) for row in servers) if said]
            if not late:
                break
            if clock() >= deadline:
                raise RuntimeError(unhealthy(wanted, late))
            sleep(PAUSE)
    if servers:
        backend.change(host, wanted, servers)


def unhealthy(wanted, rows):
    """The sentence about servers that did not get healthy in time."""
    said = "; ".join(f"{row['backend']}/{row['name']} ({row['address']}:{row['port']}) is {row['status']}, its health check says {row['check'] or 'nothing'}"
                     for row in rows)
    return (f"not healthy for {wanted['software']} after {wanted['timeout']} s: {said}. Look at the log of the instance, and at the way from the "
            "proxy to it.")


def wait(host, wanted, clock=time.monotonic, sleep=time.sleep):
    """Waits until the state has its effect: C({servers, seconds, open, closed}).

    C(ready) is in effect when the proxy itself counts each server as healthy, the others when no request and no
    WebSocket is left there. Raises RuntimeError where a server is not healthy after C(timeout) seconds, unless that is 0
    and nothing is waited for; connections that are left are not an error, but counted.
    """
    began = clock()
    while True:
        servers = read(host, wanted)["servers"]
        late = [row for row in servers if not done(row, wanted["state"]) and not moved(wanted, row)]
        if not late or clock() - began >= wanted["timeout"]:
            break
        sleep(PAUSE)
    if late and wanted["state"] == "ready" and wanted["timeout"]:
        raise RuntimeError(unhealthy(wanted, late))
    left, closed = sum(row["sessions"] for row in servers), 0
    if late and wanted["close"] and hasattr(BACKENDS[wanted["software"]], "close"):
        BACKENDS[wanted["software"]].close(host, wanted, late)
        closed = left
        servers = read(host, wanted)["servers"]
    return {"servers": servers, "seconds": round(clock() - began, 1), "open": left - closed, "closed": closed}


def drain_notes(host, wanted, left):
    """What makes the number of connections that are left uncertain, a sentence each. HAProxy counts them itself."""
    counted = wanted["software"] == "haproxy" or wanted["state"] == "ready" or not left
    note = "" if counted else sockets.drain_note(sockets.established(host))
    return [note] if note else []


def moved(wanted, row):
    """Whether the proxy still has a server at another port than the one where it is to be: then it cannot find it well."""
    return wanted["state"] == "ready" and int(wanted["ports"].get(row["name"], row["port"])) != row["port"]


def done(row, state):
    """Whether a server's state has its effect."""
    if row["state"] != state:
        return False
    return row["healthy"] if state == "ready" else row["sessions"] == 0
