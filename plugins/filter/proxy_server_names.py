# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_server_names
short_description: Return the names of a host's instances at the proxies
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes the numbers of instances and returns the names of their servers in the proxies.
options:
  _input:
    description: The numbers of the instances. The first instance of a host is 0.
    type: list
    elements: int
    required: true
  host:
    description: The inventory name of the host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Enable the first instance of this host
  xitrum.host.proxy_server:
    servers: "{{ [0] | xitrum.host.proxy_server_names(inventory_hostname) }}"
    state: ready
  delegate_to: proxy1
"""

RETURN = r"""
_value:
  description: The names. Characters that a server name in a proxy configuration cannot contain are replaced with an
    underscore.
  type: list
  elements: str
  sample: [app1-0]
"""

from collections.abc import Callable, Iterable
from typing import Any

from ..module_utils.proxy import definition as proxy


def proxy_server_names(indices: Iterable[int | str], host: str) -> list[str]:
    """`server_name` of module_utils/proxy/definition.py for each instance."""
    return [proxy.format_server_name(host, index) for index in indices]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"proxy_server_names": proxy_server_names}
