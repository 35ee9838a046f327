# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: application_address
short_description: Write a listen address as a JVM understands it on every host
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns C(0.0.0.0) for an address that stands for every address (C(*), C(0.0.0.0), C(::)). A JVM
    takes it for every address of the families that the host has, and refuses C(::) on a host without IPv6.
  - Returns C(127.0.0.1) for C(localhost), a name that a JVM and a proxy resolve to different addresses.
  - Returns any other address or name as it is, and nothing for an empty text.
options:
  _input:
    description: The value of C(xitrum_interface).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The address that the application is told
  ansible.builtin.debug:
    msg: "{{ '::' | xitrum.host.application_address }}"
"""

RETURN = r"""
_value:
  description: The address.
  type: str
  sample: 0.0.0.0
"""

from ..module_utils.core.addresses import application_address


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"application_address": application_address}
