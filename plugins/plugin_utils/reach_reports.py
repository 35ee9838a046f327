# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the public ports of the site can be reached: who tests them, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.fleet_reports import is_read

from ..module_utils.firewall import reach
from ..module_utils.proxy import definition as proxy
from ..module_utils.proxy import fleet_health
from ..module_utils.report import stops

HostVars = Mapping[str, Any]
#: What a loop registered: a dictionary for each item.
Results = Sequence[Mapping[str, Any]]


def collect_states(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Any]:
    """Return what was read of each host; None where it was not read."""
    return {host: hostvars[host].get("xitrum_host_state") for host in hosts}


def list_helpers(hostvars: HostVars, hosts: Sequence[str]) -> list[str]:
    """Return the hosts outside of the run that may connect in place of one of the run:
    those of the application first, then any other."""
    groups = hostvars[hosts[0]]["groups"]
    names = [*groups.get("xitrum", []), *groups.get("xitrum_proxy", []), *groups.get("all", [])]
    return [
        name
        for name in dict.fromkeys(names)
        if name not in (*hosts, reach.CONTROLLER)
        and name in hostvars
        and str(hostvars[name].get("ansible_connection", "ssh")) != "local"
    ]


def plan_probes(hostvars: HostVars, hosts: Sequence[str], reached: Sequence[str]) -> dict[str, Any]:
    """Return who tries which ports, as `plan_probes` of firewall/reach.py does."""
    states = collect_states(hostvars, hosts)
    run = {
        host: {
            "address": proxy.find_own_address(hostvars[host]),
            "state": state if is_read(state) else None,
            "reached": host in reached and is_read(state),
        }
        for host, state in states.items()
    }
    reach_from = str(hostvars[hosts[0]].get("xitrum_reach_from") or "")
    return reach.plan_probes(run, list_helpers(hostvars, hosts), reach_from)


def collect_answers(results: Results) -> list[dict[str, Any]]:
    """Return what a loop over probes registered, as `[{host, results, targets, failed}]`:
    each result with its target."""
    found = []
    for item in results:
        probe = item["__reach_probe"]
        failed = "" if "results" in item else str(item.get("msg") or "it did not answer")
        known = zip(probe["targets"], item.get("results", []))
        found.append(
            {
                "host": probe["host"],
                "targets": probe["targets"],
                "failed": failed,
                "results": [
                    {**target, "outcome": result["outcome"], "message": result["message"]} for target, result in known
                ],
            }
        )
    return found


def find_unreached_instances(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Any]:
    """Return the instances that proxies do not reach."""
    states = {host: state for host, state in collect_states(hostvars, hosts).items() if is_read(state)}
    addresses = {
        host: proxy.find_own_address(hostvars[host]) for host in states if fleet_health.get_report(states[host])
    }
    return fleet_health.find_unreached_instances(
        states, {host: address if reach.is_address(address) else "" for host, address in addresses.items()}
    )


def find_unreached(hostvars: HostVars, hosts: Sequence[str], results: Results) -> list[dict[str, Any]]:
    """Return what is queried of each host whose ports were not reached: `[{host, address, ports}]`."""
    desired = reach.find_unreached(collect_answers(results))
    for host, items in find_unreached_instances(hostvars, hosts).items():
        desired.setdefault(host, []).extend(
            {key: item[key] for key in ("port", "inside", "source", "family")} for item in items
        )
    return [
        {"host": host, "address": proxy.find_own_address(hostvars[host]), "ports": ports}
        for host, ports in desired.items()
    ]


def make_rows(
    hostvars: HostVars, hosts: Sequence[str], results: Results, blocks: Results
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every host, as dictionaries. blocks: what a loop over `find_unreached` registered."""
    found = {item["__reach_blocked"]["host"]: item["ports"] for item in blocks if "ports" in item}
    parts = (
        plan_probes(hostvars, hosts, hosts)["rows"],
        reach.build_rows(collect_answers(results), found),
        fleet_health.build_instance_rows(find_unreached_instances(hostvars, hosts), found),
    )
    states = collect_states(hostvars, hosts)
    rows: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        for host, some in part.items():
            rows.setdefault(host, []).extend(asdict(stops.explain_port(states.get(host), row)) for row in some)
    return rows
