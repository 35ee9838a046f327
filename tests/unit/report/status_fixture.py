# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads of hosts as `desired: [status]` gives them."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils.report.status import HostRead


def instance(index=0, **more):
    """An instance that is well."""
    return {"index": index, "port": 8000 + index, "state": "running", "pid": 7, "release": "aaa", "installed": "aaa", "started": 1000, "health": "ok",
            "answer": "200", "connections": 5, "memory_bytes": 300 << 20, "restarts_last_day": 0, "stopped_by_operator": None, **more}


def down(index=0, **more):
    """An instance without a process."""
    nothing = {"pid": None, "release": None, "started": None, "health": "unknown", "answer": None, "connections": 0, "memory_bytes": None}
    return instance(index, **{"state": "down", **nothing, **more})


def application(*instances, **more):
    """What an application host returns."""
    return {"runtime": {"rows": [], "drift": False, "now": 4600, "instances": list(instances), "lock": None, "lock_fault": "", "unfinished": False, **more}}


def server(name, **more):
    """A server of a proxy that gets requests."""
    return {"backend": "xitrum", "name": name, "address": "192.0.2.1", "port": 8000, "admin": "ready", "status": "UP", "sessions": 2, "checked": True,
            "check": "L7OK 200", **more}


def proxy(*servers, **more):
    """What a proxy returns."""
    return {"proxy_health": {"rows": [], "drift": False, "servers": list(servers), "version": "2.6.12", "title": "HAProxy", "service": "haproxy",
                             "set_up": True, "running": True, **more}}


def app(name, state, **more):
    return HostRead(name, True, False, state=state, **{"expected": 2, **more})


def front(name, state, **more):
    return HostRead(name, False, True, state=state, **more)


def fleet():
    """Two application hosts and a proxy, of which all is well."""
    return [app("app1", application(instance(0), instance(1))), app("app2", application(instance(0), instance(1))),
            front("proxy1", proxy(*(server(f"{host}-{index}") for host in ("app1", "app2") for index in (0, 1))))]


def troubled():
    """A fleet with one fault of each kind."""
    return [
        app("app1", application(instance(0, restarts_last_day=3, memory_bytes=900 << 20), down(1))),
        app("app2", application(instance(0, started=2000, release="bbb"), instance(1, state="unhealthy", health="failing", answer="503"))),
        front("proxy1", proxy(server("app1-0"), server("app1-1", status="DOWN", check="L4CON refused"), server("app2-0"),
                              server("app2-1", admin="drain"))),
    ]
