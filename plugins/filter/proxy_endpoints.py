# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_endpoints
short_description: Where a proxy reaches instances of a host
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes instances and returns the address and port of each, by the name by which proxies have
    it.
options:
  _input:
    description: The instances, dictionaries with C(index) and C(port). One whose C(port) is 0 or missing is left out.
    type: list
    elements: dict
    required: true
  host:
    description: The variables of their host.
    type: dict
    required: true
  proxy:
    description: The inventory's name of the proxy.
    type: str
    required: true
  configured:
    description:
      - What instances are configured with now, a dictionary of C(http) by the number of an instance, as text. Where it
        has an instance, its port is used, and not that of the input.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Enable the first instance of this host at proxy1
  xitrum.host.proxy_server:
    servers: [app1-0]
    state: ready
    endpoints: "{{ [{'index': 0, 'port': 8000}] | xitrum.host.proxy_endpoints(hostvars[inventory_hostname], 'proxy1')
      }}"
  delegate_to: proxy1
"""

RETURN = r"""
_value:
  description: A dictionary of C(ADDRESS:PORT), by the name of the server.
  type: dict
  sample: {"app1-0": "192.0.2.11:8000"}
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def proxy_endpoints(
    instances: Any, host: Mapping[str, Any], proxy: str, configured: Mapping[str, Any] | None = None
) -> Any:
    """`endpoints` of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.endpoints(instances, host, proxy, configured or {})
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"proxy_endpoints": proxy_endpoints}
