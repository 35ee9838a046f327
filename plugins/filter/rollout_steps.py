# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_steps
short_description: The order in which running instances of several hosts are started anew
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The first instance is a step of its own, the gate. The others follow in the order of the hosts, as many at a time as
    O(batch) says.
  - Instances that do not run or are not healthy come first, since they serve nobody meanwhile.
options:
  _input:
    description: The variables of all hosts. C(xitrum_host_state) of M(xitrum.host.host_state_info) says which instances
      are due.
    type: dict
    required: true
  hosts:
    description: The hosts that take part, in their order.
    type: list
    elements: str
    required: true
  batch:
    description: How many instances are started anew at a time after the gate - a number from 1, or a share of those
      that are due, such as V(25%).
    type: str
    default: "1"
  strategy:
    description: V(all_at_once) makes one step of all instances. Anything else is a rolling restart.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: The steps are shown
  ansible.builtin.debug:
    msg: "{{ hostvars | xitrum.host.rollout_steps(groups['xitrum'], '25%') | map(attribute='label') }}"
"""

RETURN = r"""
_value:
  description:
    - One dictionary a step - C(number), C(of), C(gate), C(label), C(hosts), which maps a host to its instances of the
      step, and C(before), which maps a host to what these go back to where the step fails.
  type: list
  elements: dict
  sample: [{"number": 1, "of": 4, "gate": true, "label": "app1-0",
    "hosts": {"app1": [{"index": 0, "port": 8000, "folder": "3f2a9c1b7d04-1a2b3c4d5e"}]}}]
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.application import rollout
from ..module_utils.proxy import definition as proxy
from ..module_utils.proxy import health as proxy_health


def rollout_steps(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], batch: Any = "1", strategy: str = ""
) -> list[dict[str, Any]]:
    """`steps` of module_utils/application/rollout.py over the read state of `hosts`: its ValueError is an error of the
    filter."""
    found = {host: hostvars[host]["xitrum_host_state"]["instances"] for host in hosts}
    idle = proxy_health.idle_servers([hostvars[host].get("xitrum_host_state") for host in hostvars])
    sick = {
        (host, item["index"])
        for host, has in found.items()
        for item in has["instances"]
        if item.get("healthy") is False
        or not item.get("running", True)
        or proxy.server_name(host, item["index"]) in idle
    }
    try:
        steps = rollout.steps({host: has["restart"] for host, has in found.items()}, batch, strategy, sick)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error
    return [{**step, "before": find_before(step["hosts"], found)} for step in steps]


def find_before(
    step_hosts: Mapping[str, Sequence[Mapping[str, Any]]], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """What the instances of a step go back to, the last folder of each that was healthy: host to its instances."""
    return {
        host: [
            {"index": item["index"], "port": item["port"], "folder": item["back"]}
            for item in found[host]["instances"]
            if item["index"] in [instance["index"] for instance in instances]
        ]
        for host, instances in step_hosts.items()
    }


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"rollout_steps": rollout_steps}
