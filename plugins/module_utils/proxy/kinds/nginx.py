# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nginx: its open source version checks no health and reports nothing of a server. Known is how it was configured."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .. import reloaded


class Nginx(reloaded.Reloaded):
    """Reads its servers from its configuration, and what it knows of them."""

    def parse_servers(self, text: str) -> list[tuple[str, str, str]]:
        """The servers of all backends as (backend, name, address and port), without the groups of sticky clients."""
        found = reloaded.find_marked_servers(text, r"\s*upstream (\S+) \{", r"\s*server (\S+?)[ ;]")
        return [row for row in found if not row[0].startswith("bound.")]

    def parse_binds(self, text: str) -> list[str]:
        """What is listened on."""
        return re.findall(r"^\s*listen ([^\s;]+)", text, re.MULTILINE)

    def read_live(self, host: Any, desired: Mapping[str, Any]) -> dict[str, Any]:
        """What the running worker reports of itself."""
        found = reloaded.read_live(host, desired, {}, self.parse_servers(host.read(desired["config_path"]) or ""))
        return {**found, "pid": find_worker(host)}

    def count_old_workers(self, host: Any, main: int) -> int:
        """How many workers of before a reload there still are."""
        return sum("shutting down" in title for _pid, title in list_children(host, main))

    def filter_complaints(self, words: str) -> list[str]:
        """The lines of a check that a person should read."""
        return [line for line in words.splitlines() if re.search(r"\[(emerg|alert|crit|error|warn)\]", line)]


def find_worker(host: Any) -> str:
    """The process id of a worker that is not one of before a reload."""
    return next(
        (pid for pid, name in list_children(host) if "worker process" in name and "shutting down" not in name), ""
    )


def list_children(host: Any, main: int | str | None = None) -> list[tuple[str, str]]:
    """The processes of the running Nginx below its master, as (pid, title)."""
    main = main or (host.read("/run/nginx.pid") or "").strip()
    pids = (host.read(f"/proc/{main}/task/{main}/children") or "").split() if main else []
    return [(pid, (host.read(f"/proc/{pid}/cmdline") or "").replace("\0", " ")) for pid in pids]


PROXY = Nginx(
    name="nginx",
    title="Nginx",
    process="nginx",
    service="nginx",
    config_path="/etc/nginx/nginx.conf",
    template="nginx.conf",
    packages=("nginx",),
    version_command=("nginx", "-v"),
    version_pattern=re.compile(r"nginx/(\d+\.\d+\S*)"),
    check=("nginx", "-t", "-c"),
    bind=re.compile(r"\s*listen (\S+):(\d+)[\s;]"),
    needs=(
        ((1, 3), "it cannot proxy WebSocket without the module nginx_tcp_proxy_module"),
        (
            (1, 12),
            "its workers of before a reload live for as long as their WebSockets do (no worker_shutdown_timeout)",
        ),
    ),
    checks_health=False,
    answers_header_alone=True,
    extra_paths=("/etc/nginx/xitrum",),
    # `down` is for new clients, and for those with a session cookie in their own group.
    words=(";", {("drain", "new"): " down", ("maint", "new"): " down", ("maint", "bound"): " down"}),
)
