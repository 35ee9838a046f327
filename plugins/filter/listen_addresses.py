# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: listen_addresses
short_description: Normalize the listen addresses of a proxy, and remove duplicates
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns IPv6 addresses without brackets, in lower case and abbreviated. Different notations of one address count as
    one address.
  - Replaces C(*) with C(0.0.0.0) and C(::). A name is not changed.
options:
  _input:
    description: The value of C(xitrum_proxy_listen).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Print the addresses of the proxy
  ansible.builtin.debug:
    msg: "{{ ['0.0.0.0', '[2001:DB8::0:1]', '2001:db8::1'] | xitrum.host.listen_addresses }}"
"""

RETURN = r"""
_value:
  description: The addresses.
  type: list
  elements: str
  sample: ["0.0.0.0", "2001:db8::1"]
"""

from collections.abc import Callable
from typing import Any

from ..module_utils.core.addresses import list_listen_addresses


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"listen_addresses": list_listen_addresses}
