# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The batches of a rollout, from what was read of all hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..module_utils.application import rollout
from ..module_utils.proxy import definition as proxy
from ..module_utils.proxy import fleet_health

HostVars = Mapping[str, Mapping[str, Any]]


def plan_batches(
    hostvars: HostVars, hosts: Iterable[str], batch: Any = "1", strategy: str = ""
) -> list[dict[str, Any]]:
    """Return the batches in their order, as `plan_batches` of module_utils/application/rollout.py does, each with
    `before`: a host to what its instances go back to where the batch fails, and `unchanged`: whether that is what they
    run.

    Instances that do not run or are not healthy come first, and so do those to which no proxy sends requests. Raises
    ValueError for an invalid batch.
    """
    found = {host: hostvars[host]["xitrum_host_state"]["instances"] for host in hosts}
    idle = fleet_health.find_idle_servers([hostvars[host].get("xitrum_host_state") for host in hostvars])
    sick = {
        (host, item["index"])
        for host, observed in found.items()
        for item in observed["instances"]
        if item.get("healthy") is False
        or not item.get("running", True)
        or proxy.format_server_name(host, item["index"]) in idle
    }
    pending = {host: observed["restart"] for host, observed in found.items()}
    batches = rollout.plan_batches(pending, batch, strategy, sick)
    planned = [{**one, "before": find_before(one["hosts"], found)} for one in batches]
    return [{**one, "unchanged": is_unchanged(one)} for one in planned]


def is_unchanged(batch: Mapping[str, Any]) -> bool:
    """Return whether all instances of a batch keep their folders: a restart, in which no release is restored."""
    pairs = ((instances, batch["before"][host]) for host, instances in batch["hosts"].items())
    return all(
        {item["index"]: item["folder"] for item in instances} == {item["index"]: item["folder"] for item in before}
        for instances, before in pairs
    )


def find_before(
    batch_hosts: Mapping[str, Sequence[Mapping[str, Any]]], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Return what the instances of a batch go back to, the last folder of each that was healthy: host to its
    instances."""
    return {
        host: [
            {"index": item["index"], "port": item["port"], "folder": item["back"]}
            for item in found[host]["instances"]
            if item["index"] in [instance["index"] for instance in instances]
        ]
        for host, instances in batch_hosts.items()
    }
