# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: started_out_of_use
short_description: The instances that a run starts and that a proxy has out of use
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A host that was removed and is set up again is still out of use at the proxies that stayed.
options:
  _input:
    description: The variables of all hosts. C(xitrum_host_state) of M(xitrum.host.host_state_info) is what was read
      before the run started anything.
    type: dict
    required: true
  host:
    description: The inventory's name of the host whose instances are started.
    type: str
    required: true
  proxies:
    description: The inventory's names of the proxies.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: They are shown
  ansible.builtin.debug:
    msg: "{{ hostvars | xitrum.host.started_out_of_use(inventory_hostname, groups['xitrum_proxy']) }}"
"""

RETURN = r"""
_value:
  description: The instances, as M(xitrum.host.host_state_info) lists those to start.
  type: list
  elements: dict
  sample: [{"index": 0, "port": 8000, "folder": "3f2a9c1b7d04-1a2b3c4d5e"}]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..module_utils.application import rollout


def started_out_of_use(
    hostvars: Mapping[str, Mapping[str, Any]], host: str, proxies: Iterable[str]
) -> list[Mapping[str, Any]]:
    """C(started_out_of_use) of module_utils/application/rollout.py over what was read
    of the host and of the proxies."""
    start = (hostvars[host]["xitrum_host_state"].get("instances") or {}).get("start", [])
    return rollout.started_out_of_use(start, [hostvars[name].get("xitrum_host_state") or {} for name in proxies], host)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"started_out_of_use": started_out_of_use}
