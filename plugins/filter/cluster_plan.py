# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_plan
short_description: The Akka cluster that the instances of all application hosts form
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes the host variables of the application hosts and returns their members and seed nodes, in the order of the
    hosts.
  - Reads C(xitrum_cluster_address), C(xitrum_address), C(ansible_host), C(xitrum_cluster_shared_address_space),
    C(xitrum_cluster_port) and C(xitrum_instances) of each. No facts are needed.
  - An address that is in no private network is a problem, since whoever reaches a member's port can run code there.
    With C(xitrum_cluster_shared_address_space) of a host, 100.64.0.0/10 counts as private.
options:
  _input:
    description: The variables of the application hosts.
    type: list
    elements: dict
    required: true
  defaults:
    description: C(xitrum_cluster_port) and C(xitrum_instances) for hosts that do not set them.
    type: dict
    required: true
  seeds:
    description: How many seed nodes there are, on different hosts as far as possible.
    type: int
    required: true
  system:
    description: The name of the actor system.
    type: str
    default: xitrum
"""

EXAMPLES = r"""
- name: The seed nodes are shown
  ansible.builtin.debug:
    msg: "{{ (groups['xitrum'] | map('extract', hostvars) | xitrum.host.cluster_plan({'xitrum_cluster_port': 2551,
      'xitrum_instances': 1}, 2)).seeds }}"
"""

RETURN = r"""
_value:
  description: C(seeds), addresses of Akka; C(members), one dictionary an instance; and C(problems), sentences on why
    the cluster must not be formed.
  type: dict
  sample: {"seeds": ["akka://xitrum@10.0.0.11:2551", "akka://xitrum@10.0.0.12:2551"], "problems": [],
    "members": [{"host": "app1", "index": 0, "address": "10.0.0.11", "port": 2551},
      {"host": "app2", "index": 0, "address": "10.0.0.12", "port": 2551}]}
"""

from ..module_utils.application import cluster


def cluster_plan(hosts, defaults, seeds, system="xitrum"):
    """C(plan) of module_utils/application/cluster.py."""
    return cluster.plan(list(hosts), defaults, int(seeds), system)


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"cluster_plan": cluster_plan}
