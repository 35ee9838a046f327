# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that chooses whether a host has two slots."""

from __future__ import annotations

DOCUMENTATION = r"""
name: slots_default
short_description: Return whether a host has blue/green slots by default
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - With slots, a new release starts next to the old one, and the redirect of the outside ports is switched to it.
  - The default is true under systemd, if the host can have slots. Under another supervisor, set C(xitrum_slots=true) to
    use them.
options:
  _input:
    description: The supervisor, C(xitrum_supervisor).
    type: str
    required: true
  host:
    description:
      - The desired setup of the host - C(proxies) (a list), C(port_forward), C(instances), C(cluster), C(http_port),
        C(https_port) and C(tls).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Print whether a release starts next to the old one
  ansible.builtin.debug:
    msg: "{{ 'systemd' | xitrum.host.slots_default(host) }}"
  vars:
    host: {proxies: [], port_forward: true, instances: 1, cluster: false, http_port: 8000, https_port: 4430, tls: false}
"""

RETURN = r"""
_value:
  description: Whether the host has slots.
  type: bool
"""

from collections.abc import Callable
from typing import Any

from ..module_utils.application import slots


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"slots_default": slots.decide_default}
