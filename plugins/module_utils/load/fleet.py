# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of a fleet makes connections to whom, and what is watched meanwhile. Pure, and from the inventory alone."""

from __future__ import annotations

import re
from typing import Any

from ..core import addresses
from ..core.plan import make_rule_errors
from ..proxy import definition as proxy
from ..proxy.table import PROXIES
from . import planning as load_plan

#: The routes that a connection can take.
ROUTES = {"direct": "directly to the instances", "proxy": "through the proxies"}

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def find_errors(desired: dict[str, Any], groups: dict[str, list[str]], known: list[str]) -> list[str]:
    """What is wrong with the settings, as sentences. `known` are all hosts of the inventory."""
    numbers = {name: desired[name] for name in ("connections", "rate", "seconds", "heartbeat", "timeout")}
    found = make_rule_errors(
        "load.numbers",
        [f"load_test_{name}: found {value}, expected 1 or more" for name, value in numbers.items() if value < 1],
    )
    if desired["burst"] < 0:
        reason = (
            f"load_test_burst_connections: found {desired['burst']}, expected the number of connects at once, or 0 for "
            "none"
        )
        found += make_rule_errors("load.burst", [reason])
    if not desired["path"]:
        reason = (
            "load_test_path is not set: expected the path of a WebSocket of the application, such as "
            "/sockjs/websocket. It must be one that every client may open"
        )
        found += make_rule_errors("load.path", [reason])
    if not LABEL.fullmatch(desired["label"]):
        reason = (
            f"load_test_label: found {desired['label']!r}, expected letters, digits and . _ - as it is the name of a "
            "file and of a column"
        )
        found += make_rule_errors("load.label", [reason])
    found += make_rule_errors("load.clients", find_client_errors(desired["from"], known))
    return found + make_rule_errors("load.routes", [*find_route_errors(desired["through"], groups),
                                                    *find_unanswered(desired, groups.get("xitrum_proxy", []))])


def find_client_errors(clients: list[str], known: list[str]) -> list[str]:
    """What is wrong with the hosts that connect, as sentences. `known` are all hosts of the inventory."""
    strange = [name for name in clients if name not in known]
    if strange:
        return [
            f"load_test_clients: found {', '.join(strange)}, which the inventory does not have. Expected its hosts, "
            "or localhost for the controller"
        ]
    return [] if clients else ["load_test_clients is empty: expected the hosts that connect"]


def find_route_errors(routes: list[str], groups: dict[str, list[str]]) -> list[str]:
    """What is wrong with the routes of the connections, as sentences."""
    found = []
    if not routes or any(route not in ROUTES for route in routes):
        found.append(f"load_test_routes: found {routes}, expected one or both of {', '.join(ROUTES)}")
    for route, group in (("proxy", "xitrum_proxy"), ("direct", "xitrum")):
        if route in routes and not groups.get(group):
            found.append(
                f"load_test_routes contains {route}, and the inventory has no host in the group {group}: remove {route}"
            )
    return found


def find_unanswered(desired: dict[str, Any], proxies: list[str]) -> list[str]:
    """A sentence where connections would be refused: with the PROXY protocol Nginx serves, without that header,
    only its own host, at the loopback, and that only where it listens on all addresses.
    Every host that connects is to call every proxy."""
    if "proxy" not in desired["through"] or desired["behind"] != "proxy":
        return []
    backend = PROXIES[desired["software"]]
    if not backend.answers_header_alone:
        return []
    everywhere = any(map(addresses.is_every, desired["proxy_listen"]))
    outside = [host for host in desired["from"] if not everywhere or [one for one in proxies if one != host]]
    if not outside:
        return []
    do = "test directly (load_test_routes=['direct'])"
    if everywhere and len(proxies) == 1:
        do += f", or from the proxy itself (load_test_clients={proxies})"
    return [
        f"load_test_routes: found proxy, but {backend.title} on {', '.join(proxies)} accepts only connections with the "
        "PROXY protocol (xitrum_proxy_load_balancer_protocol is proxy). The load clients cannot send it from "
        f"{', '.join(outside)}: {do}"
    ]


def list_instances(hosts: list[dict[str, Any]], host: str, desired: dict[str, Any]) -> list[dict[str, Any]]:
    """The instances as `host` reaches them. With slots there is one, in the slot that was read."""
    found = proxy.list_servers(hosts, host, {proxy.PORT: desired["http_port"], proxy.COUNT: desired["instances"]})
    slots = {one["inventory_hostname"]: (one.get("application_slot_read") or {}).get("slot") or 0 for one in hosts}
    return [{**one, "port": one["port"] + slots[one["host"]]} for one in found]


def list_proxy_targets(hosts: list[dict[str, str]], host: str, desired: dict[str, Any]) -> list[dict[str, Any]]:
    """The proxies as `host` reaches them: one on `host` itself at the loopback, unless it listens elsewhere only."""
    port = desired["proxy_https_port"] if desired["tls"] else desired["proxy_http_port"]
    found = []
    for one in hosts:
        same = one["inventory_hostname"] == host
        address = addresses.find_listen_target(desired["proxy_listen"]) if same else proxy.find_own_address(one)
        found.append({"name": one["inventory_hostname"], "address": address, "port": port, "tls": desired["tls"]})
    return found


def list_watched(
    hosts: dict[str, dict[str, Any]], host: str, groups: dict[str, list[str]], desired: dict[str, Any]
) -> list[dict[str, Any]]:
    """The ports of `host` whose processes are of interest."""
    found = []
    if host in groups.get("xitrum", []):
        found += [{"name": one["name"], "port": one["port"]} for one in list_instances([hosts[host]], host, desired)]
    if host in groups.get("xitrum_proxy", []):
        found.append(
            {
                "name": desired["software"],
                "port": desired["proxy_https_port"] if desired["tls"] else desired["proxy_http_port"],
            }
        )
    return found


def plan_loads(
    hosts: dict[str, dict[str, Any]], groups: dict[str, list[str]], host: str, desired: dict[str, Any]
) -> dict[str, Any]:
    """`{errors, loads, watched}` of one host:
    `loads` maps a route to the options of `xitrum.host.connection_load`, empty where the host makes none.

    `hosts` maps every host of the inventory to its variables, `groups` every group to its hosts.
    """
    found = find_errors(desired, groups, [*hosts, "localhost"])
    if found:
        return {"errors": found, "loads": {}, "watched": []}
    share = 0
    if host in desired["from"]:
        share = load_plan.split(desired["connections"], len(desired["from"]))[desired["from"].index(host)]
    common = {"connections": share, "rate": max(1, round(desired["rate"] * share / desired["connections"])),
              **{name: desired[name] for name in ("seconds", "heartbeat", "timeout", "path", "headers", "sources")}}
    made = {}
    for route in desired["through"] if share else []:
        if route == "direct":
            targets = [{"name": one["name"], "address": one["address"], "port": one["port"]}
                       for one in list_instances([hosts[name] for name in groups["xitrum"]], host, desired)]
        else:
            targets = list_proxy_targets([hosts[name] for name in groups["xitrum_proxy"]], host, desired)
        made[route] = {**common, "targets": targets}
    return {"errors": [], "loads": made, "watched": list_watched(hosts, host, groups, desired)}
