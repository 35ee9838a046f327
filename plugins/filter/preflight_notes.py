# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that says what is worth knowing and stops nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight_notes
short_description: Says what is worth knowing about each host and stops nothing
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A system that is known but not tested, limits that a container cannot raise, and unknown variables with a role's
    prefix.
positional: hosts, deploy, every
options:
  _input:
    description:
      - The variables of all hosts, C(hostvars). Of each host are read C(xitrum_host_state) (what
        M(xitrum.host.host_state_info) returned) and the names of its variables.
    type: dict
    required: true
  hosts:
    description: The hosts that are asked about. In a task that runs on every host, that host alone.
    type: list
    elements: str
    required: true
  deploy:
    description: Whether the run leaves the JDK, the kernel and the proxies as they are.
    type: bool
    default: false
  every:
    description: All hosts of the run, C(ansible_play_hosts_all). Without it, O(hosts).
    type: list
    elements: str
  connection:
    description: Whether to report, for the first of all hosts, that SSH never gives up a host that no longer answers.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: What is worth knowing is said
  ansible.builtin.debug:
    msg: "{{ (hostvars | xitrum.host.preflight_notes([inventory_hostname]))[inventory_hostname] }}"
"""

RETURN = r"""
_value:
  description: Each host with its sentences.
  type: dict
  sample: {app1: ["Ubuntu 22.04.4 LTS is known but not tested here: look at the report of the first run with care"]}
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.xitrum.host.plugins.filter.unknown_variables import unknown_variables
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line, keep_alive
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE

from ..module_utils.core import commands
from ..module_utils.preflight import messages as preflight


def preflight_notes(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    deploy: bool = False,
    every: Sequence[str] | None = None,
    connection: bool = False,
) -> dict[str, list[str]]:
    """See DOCUMENTATION."""
    def render(playbook: str) -> str:
        return commands.render_command(playbook, command_line.given_options())

    found = {}
    sessions = preflight.session_reports(hostvars, hosts if every is None else every, NO_VALUE)[1]
    for host in hosts:
        found[host] = [
            *preflight.host_notes(hostvars[host]),
            *sessions.get(host, []),
            *unknown_variables(list(hostvars[host]))["warnings"],
        ]
        if deploy:
            found[host] += preflight.deploy_notes(hostvars[host], render)
        # All are reached alike, as a rule: once is enough.
        if connection and host == (every or hosts)[0]:
            found[host] += filter(None, [keep_alive.find_note(host, hostvars[host])])
    return found


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"preflight_notes": preflight_notes}
