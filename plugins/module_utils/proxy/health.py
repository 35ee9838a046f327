# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `proxy_health`: what a proxy thinks of its servers, without reading its configuration.

A deploy reads it at its end. A site reads the component `proxy`, whose report has the same.
"""

from __future__ import annotations

from typing import Any

from ..core import process
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, Row
from . import component as proxy_config
from . import servers as proxy_server
from . import text as proxy_text
from .table import PROXIES

NAME = "proxy_health"

SPEC = {
    "software": proxy_config.SPEC["software"],
    "socket": proxy_config.SPEC["socket"],
    "control_port": {"type": "int", "default": 8404},
    "wait_seconds": proxy_config.SPEC["wait_seconds"],
    "health_path": proxy_config.SPEC["health_path"],
    "health_status": proxy_config.SPEC["health_status"],
}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What the running proxy reports, and whether it is one of ours."""
    desired = proxy_server.place_options(desired)
    backend = PROXIES[desired["software"]]
    answer, text = host.run(backend.version_command), host.read(desired["config_path"])
    version = backend.version_pattern.search(answer.out + answer.err)
    shown = host.run(
        ["systemctl", "show", "--no-pager", "--property=ActiveState", "--", desired["service"] + ".service"]
    ).out
    state: dict[str, Any] = {
        "version": version.group(1) if version else "",
        "text": text,
        "unit": process.parse_unit(shown),
        "servers": [],
    }
    if state["version"] and proxy_text.find_stamp(text or ""):
        state["servers"] = proxy_config.wait_for_servers(host, desired)["servers"]
    return state


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The servers as rows: nothing is changed by this component."""
    given, desired = desired, proxy_server.place_options(desired)
    result = Draft(
        facts={
            "servers": state["servers"],
            "version": state["version"],
            **proxy_config.read_serving(desired, state["version"], state["unit"], state["text"]),
        }
    )
    for row in state["servers"]:
        good = row["admin"] == "ready" and not row["status"].startswith(("DOWN", "MAINT"))
        why = (
            ""
            if good
            else f"the health check reports {row['check'] or 'nothing'}"
            if row["admin"] == "ready"
            else f"it is set to {row['admin']}"
        )
        result.rows.append(
            Row(
                "proxy",
                f"{row['backend']}/{row['name']}",
                "UP",
                f"{row['address']}:{row['port']}",
                row["status"],
                "ok" if good else "drift",
                why,
            )
        )
    return result.plan(given, state)
