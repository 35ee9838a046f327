# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `proxy_health`: what a proxy thinks of its servers, without reading its configuration. And whether
a proxy serves anybody.

A deploy reads it at its end. A site reads the component `proxy`, whose report has the same.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ..core import process
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, Row
from ..firewall import reach
from . import component as proxy_config
from . import definition as proxy
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


# ------------------------------------------------------------------------------------------------- over the whole fleet


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
    return [server for server in report["servers"] if server["backend"] == proxy_config.BACKEND]


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
    return f"{server['status']}, its health check reports {server['check'].lstrip('* ') or 'nothing'}"


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
    # HAProxy marks a result with an asterisk while the next check is under way.
    check = server["check"].lstrip("* ")
    return check.startswith("L7") or check[:1].isdigit()


def build_instance_rows(targets: Mapping[str, Any], blocks: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The rows of instances that proxies do not reach: `{host: [Row]}`. `queried` is what `find_unreached_instances`
    gave."""
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
