# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nginx as a proxy. Its open source version checks no health and tells nothing of a server: what is known is what it was told."""

from __future__ import annotations

import re

from . import reloaded as proxy_reloaded
from . import text as proxy_text

TITLE = "Nginx"
PROCESS = "nginx"
VERSION = (["nginx", "-v"], re.compile(r"nginx/(\d+\.\d+\S*)"))
NEEDS = (((1, 3), "it cannot proxy WebSocket without the module nginx_tcp_proxy_module"),
         ((1, 12), "its workers of before a reload live for as long as their WebSockets do (no worker_shutdown_timeout)"))
CHECK = ["nginx", "-t", "-c"]
UP = "UP"
CHECKS_HEALTH = False
BIND = re.compile(r"\s*listen (\S+):(\d+)[\s;]")
ask_server = proxy_reloaded.ask_server

#: The end of a server's line, and what is put before it: C(down) is for new clients, and for bound ones in their own group.
WORDS = (";", {("drain", "new"): " down", ("maint", "new"): " down", ("maint", "bound"): " down"})

maxconn, probe = proxy_reloaded.maxconn, proxy_reloaded.probe


def servers(text):
    """The servers of all backends as C([(backend, name, address and port)]), without the groups of bound clients."""
    found = proxy_reloaded.marked_servers(text, r"\s*upstream (\S+) \{", r"\s*server (\S+?)[ ;]")
    return [row for row in found if not row[0].startswith("bound.")]


def binds(text):
    """What is listened on."""
    return re.findall(r"^\s*listen ([^\s;]+)", text, re.MULTILINE)


def live(host, wanted):
    """What the running worker says of itself."""
    said = proxy_reloaded.live(host, wanted, {}, servers(host.read(wanted["config_path"]) or ""))
    return {**said, "pid": worker(host)}


def worker(host):
    """The process id of a worker that is not one of before a reload."""
    return next((pid for pid, name in children(host) if "worker process" in name and "shutting down" not in name), "")


def children(host, main=None):
    """The processes of the running Nginx below its master, as C((pid, title))."""
    main = main or (host.read("/run/nginx.pid") or "").strip()
    pids = (host.read(f"/proc/{main}/task/{main}/children") or "").split() if main else []
    return [(pid, (host.read(f"/proc/{pid}/cmdline") or "").replace("\0", " ")) for pid in pids]


def old_workers(host, main):
    """How many workers of before a reload there still are."""
    return sum("shutting down" in title for _pid, title in children(host, main))


def missing(unused_host, unused_main):
    """A reload takes up everything."""
    return []


def complaints(words):
    """The lines of a check that a person should read."""
    return [line for line in words.splitlines() if re.search(r"\[(emerg|alert|crit|error|warn)\]", line)]


def restarts(unused_before, unused_text):
    """Whether a configuration needs a restart, which costs requests: never."""
    return False


def carried(text, before):
    """A new configuration with the states that the old one has."""
    return proxy_text.with_states(text, proxy_text.states(before), WORDS)


def view(host, wanted):
    """The servers of the running Nginx."""
    return proxy_reloaded.view(host, wanted, live(host, wanted), TITLE, PROCESS)


def change(host, wanted, chosen):
    """Sets servers."""
    proxy_reloaded.change(host, wanted, chosen, WORDS, live)


def move(host, wanted, chosen):
    """Has servers lead to another address and port."""
    proxy_reloaded.move(host, wanted, chosen, live)
