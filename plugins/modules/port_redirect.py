#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: port_redirect
short_description: Redirect ports of a host to other ports of the same host, with nftables, iptables or firewalld
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Sets all redirects of a host in one round trip, live and at boot, for IPv4 and IPv6. Removes its previous redirects
    from all back ends.
  - Redirects only connections to this host. Connections that it forwards for containers and guests are not affected.
  - Changes only its own rules. In nftables these are in the table C(inet xitrum_host). In iptables they are in the
    chains C(XITRUM_HOST_PRE) and C(XITRUM_HOST_OUT) of C(nat), with one jump to each. In firewalld they are direct
    rules with the comment C(xitrum.host).
  - The change of a pair is one transaction in nftables, and one transaction for each address family in iptables. In
    firewalld, the new rule is added before the old one is removed. A redirect is active at every moment.
options:
  state:
    description:
      - V(present) sets O(pairs) as the redirects of this host, and removes all other redirects of this module.
      - V(absent) removes all redirects of this module.
    type: str
    choices: [present, absent]
    default: present
  backend:
    description:
      - The back end that contains the redirects.
      - V(auto) selects V(firewalld) if firewalld runs, V(iptables) if iptables rules are restored at boot or legacy
        iptables is in use, and V(nftables) otherwise.
    type: str
    choices: [auto, nftables, iptables, firewalld]
    default: auto
  pairs:
    description: The redirects. Each must have a different outside port.
    type: list
    elements: dict
    default: []
    suboptions:
      outside:
        description: The TCP port that clients connect to, from 1 to 65535.
        type: int
        required: true
      inside:
        description: The TCP port that the application listens on, from 1 to 65535.
        type: int
        required: true
      interface:
        description: The network interface on which connections arrive. Without it, all interfaces.
        type: str
  loopback:
    description: Whether to redirect connections of this host to C(127.0.0.1) and C(::1) too.
    type: bool
    default: true
  stop_services:
    description:
      - Services to stop and disable if they hold an outside port, after the redirects are set.
      - If anything else listens on an outside port, the module fails and changes nothing.
    type: list
    elements: str
    default: []
  probe:
    description: Whether to test each pair with a connection to its outside port on the loopback, compared with its
      inside port.
    type: bool
    default: false
notes:
  - A redirect is NAT, so each connection has an entry in the kernel's connection tracking table. RV(conntrack) reports
    the size of that table.
  - The packet filter of the host sees the inside port after the redirect, and must accept that port.
  - Connections from this host to its own addresses are redirected only for C(127.0.0.1) and C(::1).
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.desired.slot
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Redirect the usual ports to the application
  xitrum.host.port_redirect:
    pairs:
      - outside: 80
        inside: 8000
      - outside: 443
        inside: 4430
        interface: eth0
    stop_services: [apache2]

- name: Remove the collection's port redirects
  xitrum.host.port_redirect:
    state: absent
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. One row for each port and address family, and one for each condition that prevents a
  redirect. After a change they show the new state of the host, and in check mode the state before.", returned: always,
  type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
backend:
  description: The back end in use.
  returned: always
  type: str
  sample: nftables
why:
  description: Why this back end was selected.
  returned: always
  type: str
packages:
  description: Packages of the distribution that the back end needs and that are not installed.
  returned: always
  type: list
  elements: str
moves:
  description:
    - Whether an outside port must be redirected to a different inside port, on which nothing listens yet.
  returned: always
  type: bool
pairs:
  description: The live redirects before the change, in the format of O(pairs), so that you can restore them.
  returned: always
  type: list
  elements: dict
  sample: [{outside: 80, inside: 8000}]
conntrack:
  description:
    - The C(modules) that must be loaded at boot before sysctl, whether they are C(loaded), and the maximum (C(max)) and
      current number (C(count)) of tracked connections.
    - The numbers are null if the kernel does not report them.
  returned: always
  type: dict
  sample: {modules: [nf_conntrack], loaded: true, max: 262144, count: 12}
"""

from ..module_utils.core import runner
from ..module_utils.redirects import component as redirects

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}, "slot": {"type": "int"}}


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(redirects, CONTROLLER)


if __name__ == "__main__":
    main()
