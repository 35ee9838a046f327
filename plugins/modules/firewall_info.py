#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_info
short_description: Report what on this host may block ports that others cannot reach
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reports for each port whether it answers on the host itself, and the first simple fact of the host's filter that
    keeps others out - a zone of firewalld without the port, ufw without a rule for it, a rule of iptables or nftables
    that refuses it, or an input chain that drops what no rule accepts.
  - Reads rules whose only conditions are TCP, the port, the interface and the family. A rule with other conditions is
    not reported.
  - Simulates no ruleset. Test first with M(xitrum.host.reach_info) whether a port can be reached. Needs root.
options:
  address:
    description: The address at which other hosts reach this host. It decides which zone of firewalld counts.
    type: str
    default: ""
  ports:
    description: The ports that others cannot reach.
    type: list
    elements: dict
    required: true
    suboptions:
      port:
        description: The port that others connect to.
        type: int
        required: true
      inside:
        description: The port that the filter sees, another one where the port is redirected.
        type: int
        required: true
      source:
        description: The address that cannot reach it. Empty stands for anybody.
        type: str
        default: ""
      family:
        description: The family of the connection that failed. Rules of the other one are not reported. Empty where it
          is not known.
        type: str
        choices: ["", ipv4, ipv6]
        default: ""
extends_documentation_fragment:
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Read what blocks port 80, which is redirected to 8000
  xitrum.host.firewall_info:
    ports:
      - port: 80
        inside: 8000
"""

RETURN = r"""
ports:
  description:
    - For each port whether it C(answers) on the host itself, the C(listener) that has it, the C(rule) that blocks it,
      and the C(commands) that open it, each as a list of words. C(command) shows these as one line for a shell.
    - The last four are empty where nothing was found. The commands remove rules that are about this port alone, and
      insert one before any other.
  returned: success
  type: list
  elements: dict
  sample:
    - port: 80
      source: ""
      family: ipv4
      answers: true
      listener: haproxy listens at *:80
      rule: firewalld's zone drop (target DROP) does not have the port 80/tcp
      commands: [[firewall-cmd, --zone=drop, --add-port=80/tcp]]
      command: firewall-cmd --zone=drop --add-port=80/tcp
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.firewall import blocks as firewall_blocks


def main() -> None:
    """Reads the filter, and reports."""
    module = Utf8Module(argument_spec=firewall_blocks.SPEC, supports_check_mode=True)
    try:
        state = firewall_blocks.read(Host(), module.params)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"the filter could not be read: {error}. Most of it needs root: set become.")
    module.exit_json(changed=False, ports=firewall_blocks.find_blocks(module.params, state))


if __name__ == "__main__":
    main()
