#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: reach_info
short_description: Test whether ports can be reached, and find what blocks them
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Two questions on one matter. Ask the first on another host, and the second on the host that it did not reach.
options:
  find:
    description:
      - V(connections) opens a TCP connection to each of O(targets), all at the same time, and closes it again without
        sending anything. A target that fails is tried a second time. No privileges are needed.
      - V(blocks) reports for each of O(ports) whether it answers on the host itself, and the first simple fact of the
        host's filter that keeps others out. That is a zone of firewalld without the port, ufw without a rule for it,
        a rule of iptables or nftables that refuses it, or an input chain that drops what no rule accepts. It reads
        rules whose only conditions are TCP, the port, the interface and the family. A rule with other conditions is
        not reported. It simulates no ruleset, so test first with V(connections). It needs root.
      - An option that has no meaning for what is to be found is refused.
    type: str
    default: connections
    choices: [connections, blocks]
  targets:
    description: The ports to connect to. Only with O(find=connections). Required there.
    type: list
    elements: dict
    suboptions:
      address:
        description: An IP address, or a name that this host can resolve.
        type: str
        required: true
      port:
        description: The TCP port, from 1 to 65535.
        type: int
        required: true
  timeout:
    description: The seconds that one connection may take. Only with O(find=connections). The default is V(3).
    type: int
  address:
    description:
      - The address at which other hosts reach this host. It decides which zone of firewalld counts.
      - Only with O(find=blocks).
    type: str
  ports:
    description: The ports that others cannot reach. Only with O(find=blocks). Required there.
    type: list
    elements: dict
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
- name: Test from app2 whether app1 can be reached
  xitrum.host.reach_info:
    targets:
      - address: 192.0.2.11
        port: 80
  delegate_to: app2

- name: Read what blocks port 80, which is redirected to 8000
  xitrum.host.reach_info:
    find: blocks
    ports:
      - port: 80
        inside: 8000
"""

RETURN = r"""
results:
  description:
    - For each target its C(address) and C(port), the C(message) of an error, and one C(word).
    - C(open), C(refused), C(timeout), C(unreachable) (a filter that rejects reports it, too), C(no_route) (this host
      cannot send there) or C(unresolved).
  returned: with O(find=connections)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, port: 80, word: open, message: ""}]
ports:
  description:
    - For each port whether it C(answers) on the host itself, the C(listener) that has it, the C(rule) that blocks it,
      and the C(commands) that open it, each as a list of words. C(command) shows these as one line for a shell.
    - The last four are empty where nothing was found. The commands remove rules that are about this port alone, and
      insert one before any other.
  returned: with O(find=blocks)
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

from typing import Any

from ..module_utils.core import parts, runner
from ..module_utils.core.component import Desired
from ..module_utils.core.host import Host
from ..module_utils.firewall import blocks, connect


def find_connections(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Connect to all targets."""
    wrong = [target["port"] for target in desired["targets"] if not 1 <= target["port"] <= 65535]
    if wrong or desired["timeout"] < 1:
        raise runner.NotApplied(
            f"found the ports {wrong} and the timeout {desired['timeout']}; expected ports from 1 to 65535, "
            "and 1 s or more",
            {},
        )
    return {"results": connect.connect_all(host, desired)}


def find_blocks(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """Read the filter, and find what blocks the ports."""
    try:
        state = blocks.read(host, desired)
    except (OSError, ValueError) as error:
        why = f"the filter could not be read: {error}. Most of it needs root: set become."
        raise runner.NotApplied(why, {}) from error
    return {"ports": blocks.find_blocks(desired, state)}


PARTS: parts.Parts = {
    "connections": parts.Reader(connect.SPEC, find_connections),
    "blocks": parts.Reader(blocks.SPEC, find_blocks),
}


def main() -> None:
    """Find what is requested."""
    parts.run("find", PARTS, "connections")


if __name__ == "__main__":
    main()
