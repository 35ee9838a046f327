# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of playbooks/prove.yml."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ..module_utils.load import fleet as load_fleet
from ..module_utils.load import report as load_report


def prove_loads(hostvars, groups, host, wanted):
    """C(loads) of module_utils/load/fleet.py: its ValueError is an error of the filter."""
    hosts = {name: {**hostvars[name], "inventory_hostname": name} for name in groups["all"]}
    try:
        return load_fleet.loads(hosts, groups, host, wanted)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def prove_report(hostvars, groups, hosts, settings):
    """The whole report, from what the hosts of the play were told and read."""
    proved = {host: hostvars[host]["__prove_host"] for host in hosts if "__prove_host" in hostvars[host]}
    ways = {}
    for way in settings["through"]:
        there = {host: said[way] for host, said in proved.items() if way in said}
        readings = {
            host: {name: said[name] for name in ("before", "during", "after")}
            for host, said in there.items()
            if said["before"]["processes"]
        }
        loads = {host: said["counts"] for host, said in there.items() if said.get("counts")}
        capacities = {host: said["capacity"] for host, said in proved.items() if said.get("capacity")}
        ways[way] = load_report.way_report(settings["connections"], readings, loads, capacities, groups, way)
    return {"label": settings["label"], "when": settings["when"], "settings": settings, "ways": ways,
            "machine": {host: machine(said) for host, said in proved.items()},
            "bursts": {host: said["bursts"] for host, said in proved.items() if said.get("bursts")}}


def machine(said):
    """What one host is, as far as it matters."""
    seen = next((one["before"] for name, one in said.items() if isinstance(one, dict) and "before" in one), {})
    return {name: seen[name] for name in ("cpus", "memory_bytes") if name in seen}


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Name to function."""
        return {"prove_loads": prove_loads, "prove_report": prove_report, "prove_table": load_report.proof_table,
                "prove_shortfalls": lambda report: list(load_report.shortfalls(report))}
