# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache: what it thinks of a server is read from mod_status on the loopback, which only reports."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .. import reloaded

PID_FILE = "/run/apache2/apache2.pid"


class Apache(reloaded.Reloaded):
    """Reads its servers from its configuration, and what it knows of them."""

    def parse_servers(self, text: str) -> list[tuple[str, str, str]]:
        """The servers of all backends as (backend, name, address and port), without the groups for WebSocket."""
        found = reloaded.find_marked_servers(text, r"\s*<Proxy balancer://(\S+?)>", r"\s*BalancerMember \w+://(\S+)")
        return [row for row in found if not row[0].startswith("ws.")]

    def parse_binds(self, text: str) -> list[str]:
        """What is listened on."""
        return re.findall(r"^Listen (\S+)", text, re.MULTILINE)

    def read_live(self, host: Any, desired: Mapping[str, Any]) -> dict[str, Any]:
        """What the running worker reports of itself."""
        rows, statuses = self.parse_servers(host.read(desired["config_path"]) or ""), {}
        try:
            statuses = parse_status(reloaded.ask(host, desired["control_port"], "/server-status?auto")[3])
        except OSError:
            # Reported by the query below, which nothing answers either.
            pass
        pids = (host.read(f"/proc/{read_main_pid(host)}/task/{read_main_pid(host)}/children") or "").split()
        return {**reloaded.read_live(host, desired, statuses, rows), "pid": pids[0] if pids else ""}

    def filter_complaints(self, words: str) -> list[str]:
        """The lines of a check that a person should read."""
        return [line for line in words.splitlines() if line and line != "Syntax OK" and "AH00558" not in line]

    def restarts(self, before: str, text: str) -> bool:
        """Whether a configuration needs a restart, which costs requests: where it listens elsewhere than the one
        before, or has another ServerLimit. A reload ignores the latter, and an address that it cannot bind next to an
        old one ends Apache."""
        return find_fixed_lines(before) != find_fixed_lines(text)


def read_main_pid(host: Any) -> str:
    """The process id of the parent, as text."""
    return (host.read(PID_FILE) or "0").strip()


def parse_status(text: str) -> dict[str, str]:
    """What mod_proxy reports of each server in `server-status?auto`: address and port to UP, or DOWN with its own
    flags.

    Apache keeps names, and so IPv6 addresses, in lower case.
    """
    names: dict[str, str] = {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = re.match(r"(ProxyBalancer\[\d+\]Worker\[\d+\])(Name|Status): (.*)", line)
        if match and match.group(2) == "Name":
            names[match.group(1)] = match.group(3)
        elif match and names.get(match.group(1), "").startswith("http://"):
            flags = match.group(3).split()
            bad = [flag for flag in flags if flag in ("Err", "HcFl", "Stop")]
            found[names[match.group(1)].partition("://")[2].lower()] = f"DOWN ({' '.join(bad)})" if bad else "UP"
    return found


def find_fixed_lines(text: str) -> list[str]:
    """The lines of a configuration that Apache takes up when it starts."""
    return sorted(line for line in text.splitlines() if line.startswith(("Listen ", "ServerLimit ")))


PROXY = Apache(
    name="apache",
    title="Apache",
    process="apache2",
    service="apache2",
    config_path="/etc/apache2/apache2.conf",
    template="apache2.conf",
    packages=("apache2",),
    version_command=("apache2", "-v"),
    version_pattern=re.compile(r"Apache/(\d+\.\d+\S*)"),
    check=("apache2", "-t", "-f"),
    bind=re.compile(r"Listen (\S+):(\d+)(?:\s|$)"),
    needs=(((2, 4), "it has no mod_proxy_wstunnel, and so no WebSocket"),),
    trusts_balancers_alone=False,
    extra_paths=("/etc/apache2/xitrum",),
    companions=("apache-htcacheclean.service",),
    # It has its modules only from a start on.
    restore_by="restart",
    # N lets only clients with a session cookie in, D nobody.
    words=("", {("drain", "both"): " status=+N", ("maint", "both"): " status=+D"}),
)
