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
  - First run V(connections) of O(find) on another host. Then run V(blocks) on the host that it could not reach.
options:
  find:
    description:
      - V(connections) opens a TCP connection to each of O(targets), all at the same time, and closes it again without
        sending anything. A target that fails is tried a second time. No privileges are needed.
      - V(blocks) reports for each of O(ports) whether it answers on the host itself. It also reports the first simple
        cause in the host's packet filter that blocks others. A cause is a firewalld zone without the port, or ufw
        without a rule for it. It can also be an iptables or nftables rule that refuses it, or an input chain that drops
        what no rule accepts. It reads rules whose only conditions are TCP, the port, the interface and the address
        family. It does not report rules with other conditions, and does not simulate the ruleset. Therefore test with
        V(connections) first. It needs root.
      - The module fails when an option does not apply to this value.
    type: str
    default: connections
    choices: [connections, blocks]
  targets:
    description: The ports to connect to. Only with O(find=connections), and required for it.
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
    description: The maximum number of seconds for one connection. Only with O(find=connections). The default is V(3).
    type: int
  address:
    description:
      - The address at which other hosts reach this host. It determines the zone of firewalld.
      - Only with O(find=blocks).
    type: str
  ports:
    description: The ports that other hosts cannot reach. Only with O(find=blocks), and required for it.
    type: list
    elements: dict
    suboptions:
      port:
        description: The port that other hosts connect to.
        type: int
        required: true
      inside:
        description: The port that the packet filter sees. It is a different port if the port is redirected.
        type: int
        required: true
      source:
        description: The address that cannot reach the port. If it is empty, any address.
        type: str
        default: ""
      family:
        description: The address family of the connection that failed. Rules of the other family are not reported. Empty
          if the module cannot find it.
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
    - For each target its C(address) and C(port), the C(message) of an error, and the C(outcome).
    - The outcome is C(open), C(refused), C(timeout), C(unreachable) (also if a packet filter rejects the connection),
      C(no_route) (this host has no route) or C(unresolved).
  returned: with O(find=connections)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, port: 80, outcome: open, message: ""}]
ports:
  description:
    - For each port whether it C(answers) on the host itself, the C(listener) that holds it, and the C(rule) that blocks
      it. C(commands) open the port, each as a list of words. C(command) has them as one shell command.
    - The last four are empty if nothing was found. The commands remove rules for only this port, and insert
      one rule before all others.
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
        why = f"the filter could not be read: {error}. Most of it needs root: set become"
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
