# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proxies report of instances that an operator stopped: it is as the operator wants it, and no drift. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ..core import operator_stops
from ..core.plan import Row
from ..proxy import fleet_health
from ..proxy.definition import format_server_name
from .fleet_summary import get_components

States = Mapping[str, Any]


def find_stopped_servers(states: States) -> dict[str, str]:
    """The stopped instances of all hosts as the proxies call them, each with who stopped it."""
    return {
        format_server_name(host, item["index"]): operator_stops.format_operator(item["stopped"])
        for host, state in states.items()
        if isinstance(state, Mapping)
        for item in get_components(state).get("instances", {}).get("instances", [])
        if item.get("stopped") and not item["running"]
    }


def explain_servers(states: States) -> dict[str, Any]:
    """The reads of hosts, in which the servers of stopped instances are not drift of their proxies."""
    stopped = find_stopped_servers(states)
    return {host: _explain(state, stopped) if stopped else state for host, state in states.items()}


def _explain(state: Any, stopped: Mapping[str, str]) -> Any:
    name = next((name for name in ("proxy", "proxy_health") if name in get_components(state)), "")
    if not name or not isinstance(state, Mapping):
        return state
    rows = [_explain_row(row, stopped) for row in state[name]["rows"]]
    return {**state, name: {**state[name], "rows": rows}}


def _explain_row(row: Mapping[str, Any], stopped: Mapping[str, str]) -> Mapping[str, Any]:
    who = stopped.get(row["item"].rpartition("/")[2]) if row["component"] == "proxy" else None
    if not who or row["status"] != "drift" or not row["effective"].startswith(("MAINT", "DRAIN", "DOWN", "NOLB")):
        return row
    return {**row, "status": "stopped", "why": f"its instance was stopped by operator {who}", "fix": "", "commands": []}


def explain_port(state: Any, row: Row) -> Row:
    """The row of a public port, which is not drift where an operator stopped instances of a host without a proxy."""
    listed = get_components(state).get("instances", {}).get("instances", []) if isinstance(state, Mapping) else []
    stopped = [item for item in listed if item.get("stopped") and not item["running"]]
    if row.status != "drift" or not stopped or fleet_health.get_report(state):
        return row
    why = f"an operator stopped an instance of this host. {row.why}"
    return row.replace(status="stopped", why=why, fix="", commands=())


def drop_idle_proxies(states: States) -> dict[str, Any]:
    """The reads of hosts without the proxies all of whose servers were stopped."""
    stopped = find_stopped_servers(states)
    return {host: state for host, state in states.items() if not _is_idle(state, stopped)}


def _is_idle(state: Any, stopped: Mapping[str, str]) -> bool:
    report = fleet_health.get_report(state)
    names = [server["name"] for server in fleet_health.list_application_servers(report)] if report else []
    return bool(names) and bool(report and report.get("running")) and all(name in stopped for name in names)
