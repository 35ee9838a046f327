# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_networks
short_description: Checks addresses and networks that are written into the configuration of a proxy
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns the list as it is. Whatever is no IP address and no network is an error that names it, a network with bits
    set behind its prefix as well.
options:
  _input:
    description: The value of C(xitrum_proxy_load_balancers).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The load balancers
  ansible.builtin.debug:
    msg: "{{ ['192.0.2.1', '2001:db8::/64'] | xitrum.host.proxy_networks }}"
"""

RETURN = r"""
_value:
  description: The addresses and networks.
  type: list
  elements: str
  sample: ["192.0.2.1", "2001:db8::/64"]
"""

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def proxy_networks(items):
    """C(networks) of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.networks(items)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"proxy_networks": proxy_networks}
