# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_servers
short_description: The instances of all application hosts, for the configuration of a proxy
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes the host variables of the application hosts and returns their instances, in the order of the hosts.
  - Reads C(xitrum_http_port), C(xitrum_instances), C(xitrum_interface), C(xitrum_address), C(ansible_host) and
    C(inventory_hostname) of each host. No facts are needed, so hosts outside of C(--limit) are there too.
  - A host that is the proxy itself is reached at 127.0.0.1. Any other host with a loopback address is an error, and so
    is an empty result.
options:
  _input:
    description: The variables of the application hosts.
    type: list
    elements: dict
    required: true
  proxy:
    description: The inventory's name of the proxy.
    type: str
    required: true
  defaults:
    description: C(xitrum_http_port) and C(xitrum_instances) for hosts that do not set them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The instances that this proxy sends requests to
  ansible.builtin.debug:
    msg: "{{ groups['xitrum'] | map('extract', hostvars) | xitrum.host.proxy_servers(inventory_hostname,
      {'xitrum_http_port': 8000, 'xitrum_instances': 1}) }}"
"""

RETURN = r"""
_value:
  description: One dictionary an instance, with the keys C(name), C(host), C(address), C(port) and C(instance).
  type: list
  elements: dict
  sample: [{"name": "app1-0", "host": "app1", "address": "192.0.2.11", "port": 8000, "instance": 0}]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def proxy_servers(hosts: Iterable[Mapping[str, Any]], proxy: str, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """C(servers) of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.servers(hosts, proxy, defaults)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"proxy_servers": proxy_servers}
