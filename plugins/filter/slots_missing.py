# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that say whether a host can have two slots."""

from __future__ import annotations

DOCUMENTATION = r"""
name: slots_missing
short_description: Why a host can have no blue/green slots
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - With slots a new release starts beside the old one, and the redirect of the outside ports is switched to it.
options:
  _input:
    description: The supervisor, C(xitrum_supervisor).
    type: str
    required: true
  host:
    description:
      - What the host is to be - C(proxies) (a list), C(port_forward), C(instances), C(cluster), C(http_port),
        C(https_port) and C(tls).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show why a release restarts in place
  ansible.builtin.debug:
    msg: "{{ 'upstart' | xitrum.host.slots_missing(host) }}"
  vars:
    host: {proxies: [], port_forward: true, instances: 1, cluster: false, http_port: 8000, https_port: 4430, tls: false}
"""

RETURN = r"""
_value:
  description: The reasons, parts of a sentence; none where it can.
  type: list
  elements: str
"""

from ..module_utils.application import slots


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Name to function."""
        return {"slots_missing": slots.missing, "slots_default": slots.default}
