# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_addresses
short_description: Return the addresses from which the proxies reach an application host
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes the host variables of the proxies and returns their addresses for C(reverseProxy.ips) of Xitrum, without
    duplicates.
  - Reads C(xitrum_address), C(ansible_host) and C(inventory_hostname) of each. A proxy on the application host itself
    connects from 127.0.0.1 or ::1.
  - A proxy whose address is a name is an error, since Xitrum trusts addresses and networks only.
options:
  _input:
    description: The variables of the proxies.
    type: list
    elements: dict
    required: true
  application:
    description: The inventory name of the application host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Print the proxies that this application host trusts
  ansible.builtin.debug:
    msg: "{{ groups['xitrum_proxy'] | map('extract', hostvars) | xitrum.host.proxy_addresses(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The addresses.
  type: list
  elements: str
  sample: ["192.0.2.10"]
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def proxy_addresses(hosts: Iterable[Mapping[str, Any]], application: str) -> list[str]:
    """`addresses` of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.list_addresses(hosts, application)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"proxy_addresses": proxy_addresses}
