# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: available_proxies
short_description: Return the proxies of the inventory that are available
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Takes the groups of the inventory and returns the hosts of the group C(xitrum_proxy), without those that
    C(xitrum_unavailable_proxies) lists. A name that is not a proxy is an error.
options:
  _input:
    description: The value of C(groups).
    type: dict
    required: true
  unavailable:
    description: Names of proxies, as a list or a comma-separated text.
    type: raw
    default: []
"""

EXAMPLES = r"""
- name: Print the proxies that can be reached
  ansible.builtin.debug:
    msg: "{{ groups | xitrum.host.available_proxies('proxy2') }}"
"""

RETURN = r"""
_value:
  description: The names of the hosts.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import definition as proxies


def available_proxies(groups: Mapping[str, Sequence[str]], unavailable: Any = ()) -> list[str]:
    """`available` of module_utils/proxy/definition.py: its ValueError is an error of the filter."""
    try:
        return proxies.list_available(groups, unavailable)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"available_proxies": available_proxies}
