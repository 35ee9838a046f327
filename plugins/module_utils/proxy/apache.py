# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache as a proxy: what it thinks of a server is read from mod_status on the loopback, which only tells."""

from __future__ import annotations

import re

from . import reloaded as proxy_reloaded
from . import text as proxy_text

TITLE = "Apache"
PROCESS = "apache2"
VERSION = (["apache2", "-v"], re.compile(r"Apache/(\d+\.\d+\S*)"))
NEEDS = (((2, 4), "it has no mod_proxy_wstunnel, and so no WebSocket"),)
CHECK = ["apache2", "-t", "-f"]
UP = "UP"
CHECKS_HEALTH = True
BIND = re.compile(r"Listen (\S+):(\d+)(?:\s|$)")
ask_server = proxy_reloaded.ask_server
PID_FILE = "/run/apache2/apache2.pid"

#: What is put to the end of a server's line: N lets only bound clients in, D nobody.
WORDS = ("", {("drain", "both"): " status=+N", ("maint", "both"): " status=+D"})

maxconn, probe = proxy_reloaded.maxconn, proxy_reloaded.probe


def servers(text):
    """The servers of all backends as C([(backend, name, address and port)]), without the groups for WebSocket."""
    found = proxy_reloaded.marked_servers(text, r"\s*<Proxy balancer://(\S+?)>", r"\s*BalancerMember \w+://(\S+)")
    return [row for row in found if not row[0].startswith("ws.")]


def binds(text):
    """What is listened on."""
    return re.findall(r"^Listen (\S+)", text, re.MULTILINE)


def live(host, wanted):
    """What the running worker says of itself."""
    rows, statuses = servers(host.read(wanted["config_path"]) or ""), {}
    try:
        statuses = parse_status(proxy_reloaded.ask(host, wanted["control_port"], "/server-status?auto")[3])
    except OSError:
        # Told by the question below, which nothing answers either.
        pass
    pids = (host.read(f"/proc/{main_pid(host)}/task/{main_pid(host)}/children") or "").split()
    return {**proxy_reloaded.live(host, wanted, statuses, rows), "pid": pids[0] if pids else ""}


def main_pid(host):
    """The process id of the parent, as text."""
    return (host.read(PID_FILE) or "0").strip()


def parse_status(text):
    """What mod_proxy says of each server in C(server-status?auto), address and port to C(UP), or C(DOWN) with its
    own flags. Apache keeps names, and so IPv6 addresses, in lower case."""
    names, found = {}, {}
    for line in text.splitlines():
        match = re.match(r"(ProxyBalancer\[\d+\]Worker\[\d+\])(Name|Status): (.*)", line)
        if match and match.group(2) == "Name":
            names[match.group(1)] = match.group(3)
        elif match and names.get(match.group(1), "").startswith("http://"):
            flags = match.group(3).split()
            bad = [flag for flag in flags if flag in ("Err", "HcFl", "Stop")]
            found[names[match.group(1)].partition("://")[2].lower()] = f"DOWN ({' '.join(bad)})" if bad else "UP"
    return found


def old_workers(unused_host, unused_main):
    """Not told apart: Apache's children of before a reload look like the others."""
    return 0


def missing(unused_host, unused_main):
    """A reload takes up everything."""
    return []


def complaints(words):
    """The lines of a check that a person should read."""
    return [line for line in words.splitlines() if line and line != "Syntax OK" and "AH00558" not in line]


def restarts(before, text):
    """Whether a configuration needs a restart, which costs requests: where it listens elsewhere than the one before, or has
    another ServerLimit. A reload ignores the latter, and an address that it cannot bind beside an old one ends Apache."""
    return fixed(before) != fixed(text)


def fixed(text):
    """The lines of a configuration that Apache takes up when it starts."""
    return sorted(line for line in text.splitlines() if line.startswith(("Listen ", "ServerLimit ")))


def carried(text, before):
    """A new configuration with the states that the old one has."""
    return proxy_text.with_states(text, proxy_text.states(before), WORDS)


def view(host, wanted):
    """The servers of the running Apache."""
    return proxy_reloaded.view(host, wanted, live(host, wanted), TITLE, PROCESS)


def change(host, wanted, chosen):
    """Sets servers."""
    proxy_reloaded.change(host, wanted, chosen, WORDS, live)


def move(host, wanted, chosen):
    """Has servers lead to another address and port."""
    proxy_reloaded.move(host, wanted, chosen, live)
