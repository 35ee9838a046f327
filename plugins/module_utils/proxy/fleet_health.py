# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the proxies of a fleet serve anybody, from what was read of all hosts. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ..core.plan import Row
from ..firewall import reach
from . import definition as proxy
from .table import BACKEND


def get_report(state: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The report of a host's read that shows whether its proxy serves; None where the host is not a proxy, or was not
    read."""
    state = state or {}
    return next(
        (
            state[name]
            for name in ("proxy", "proxy_health")
            if isinstance(state.get(name), dict) and "servers" in state[name]
        ),
        None,
    )


def is_healthy(server: Mapping[str, Any]) -> bool:
    """Whether requests can be sent to a server."""
    return server["admin"] == "ready" and not server["status"].startswith(("DOWN", "MAINT", "DRAIN"))


def list_application_servers(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The servers of a proxy that are instances of the application."""
    return [server for server in report["servers"] if server["backend"] == BACKEND]


def find_idle_servers(states: Iterable[Any]) -> set[str]:
    """The names of the servers that get requests from no proxy. `states` are the reads of hosts; those that are no
    proxy, or were not read, have nothing to report."""
    reports = [get_report(state) for state in states if isinstance(state, dict)]
    servers = [server for report in reports if report for server in list_application_servers(report)]
    return {server["name"] for server in servers} - {server["name"] for server in servers if is_healthy(server)}


def find_faults(states: Mapping[str, Any], rows: Mapping[str, Sequence[Row]] | None = None) -> list[str]:
    """The proxies that serve nobody, a sentence each. `rows` are those of the component `reach`, which know why an
    instance is not reached."""
    found = []
    for host, state in states.items():
        report = get_report(state)
        # One that was never set up is a matter of site.yml.
        if report is None or not report["set_up"]:
            continue
        servers = list_application_servers(report)
        if not report["running"]:
            found.append(
                f"{host}: {report['title']} does not run, so that it answers nobody. Read its log: journalctl -u "
                f"{report['service']}"
            )
        elif not any(is_healthy(server) for server in servers):
            listed = "; ".join(
                f"{server['name']} ({proxy.add_brackets(server['address'])}:{server['port']}) is "
                f"{_describe_status(server)}"
                for server in servers
            )
            found.append(
                ". ".join(
                    [
                        f"{host}: {report['title']} has no healthy server, so that every client gets an error",
                        listed or "It has no server of the application at all",
                        *_describe_unreached(host, rows or {}),
                    ]
                )
            )
    return found


def _describe_status(server: Mapping[str, Any]) -> str:
    if server["admin"] != "ready":
        return f"set to {server['admin']}"
    return f"{server['status']}, its health check reports {server['check'] or 'nothing'}"


def _describe_unreached(host: str, rows: Mapping[str, Any]) -> list[str]:
    return [
        row.why + reach.format_remedy(name, row)
        for name, some in rows.items()
        for row in some
        if row.status == "drift" and row.item.endswith(f" from {host}")
    ]


def find_unreached_instances(
    states: Mapping[str, Any], addresses: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """The instances that a proxy does not reach, where it reaches none of their host, as `{host: [{port, inside,
    source, family, proxy, address}]}`.

    A server that answers something, be it an error, is reached. `addresses` maps a proxy to where its connections
    come from.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for name, state in states.items():
        report = get_report(state)
        servers = list_application_servers(report) if report and report["set_up"] and report["running"] else []
        for host, host_state in states.items():
            instances = (host_state or {}).get("instances") or {}
            names = {proxy.format_server_name(host, item["index"]) for item in instances.get("instances", [])}
            mine = [server for server in servers if server["name"] in names]
            if mine and all(
                server["admin"] == "ready" and not is_healthy(server) and not is_answered(server) for server in mine
            ):
                found.setdefault(host, []).extend(
                    {
                        "port": server["port"],
                        "inside": server["port"],
                        "source": addresses.get(name, ""),
                        "family": reach.find_family(server["address"]),
                        "proxy": name,
                        "address": server["address"],
                    }
                    for server in mine
                )
    return found


def is_answered(server: Mapping[str, Any]) -> bool:
    """Whether a health check got an answer of HTTP, so that the way to the server is open."""
    return server["check"].startswith("L7") or server["check"][:1].isdigit()


def build_instance_rows(targets: Mapping[str, Any], blocks: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The rows of instances that proxies do not reach: `{host: [Row]}`. `targets` is what `find_unreached_instances`
    gave, and `blocks` what blocks ports on each host."""
    rows: dict[str, list[Row]] = {}
    for host, items in targets.items():
        for item in items:
            block = reach.find_block(blocks.get(host, []), *(item[key] for key in ("port", "source", "family")))
            if block and (block["answers"] or block["listener"]):
                place = f"{proxy.add_brackets(item['address'])}:{item['port']}"
                why, commands = reach.explain(block, f"{item['proxy']} cannot reach {place}", f"{host} itself")
                rows.setdefault(host, []).append(
                    Row(
                        "reach",
                        f"port {item['port']} from {item['proxy']}",
                        "reachable",
                        "",
                        "unreachable",
                        "drift",
                        why,
                        commands=commands,
                    )
                )
    return rows
