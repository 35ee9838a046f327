#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: port_redirect
short_description: Redirect ports of a host to other ports of it, in nftables, iptables or firewalld
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Makes all redirects of a host in one round trip, live and for every boot, IPv4 and IPv6, and removes those of
    before, in whichever back end they were.
  - Redirects only what is addressed to this host. What it forwards for containers and guests passes untouched.
  - Touches nothing but its own. In nftables that is the table C(inet xitrum_host), in iptables the chains
    C(XITRUM_HOST_PRE) and C(XITRUM_HOST_OUT)
    of C(nat) and one jump to each, in firewalld direct rules with the comment C(xitrum.host).
  - A change of a pair is one transaction in nftables and one a family in iptables. In firewalld the new rule comes
    before the old one goes.
    No moment is without a redirect.
options:
  state:
    description:
      - V(present) makes O(pairs) the redirects of this host, and no others of this module.
      - V(absent) removes all that this module ever made.
    type: str
    choices: [present, absent]
    default: present
  backend:
    description:
      - What keeps the redirects.
      - With V(auto), V(firewalld) where firewalld runs, V(iptables) where rules of it are restored at boot or legacy
        iptables is in use, otherwise V(nftables).
    type: str
    choices: [auto, nftables, iptables, firewalld]
    default: auto
  pairs:
    description: The redirects. No two may have the same outside port.
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
        description: The network interface that connections come in by. Without it, any.
        type: str
  loopback:
    description: Whether connections of this host to C(127.0.0.1) and C(::1) are redirected, too.
    type: bool
    default: true
  stop_services:
    description:
      - Services that may be stopped and disabled because they hold an outside port. They are, after the redirects are
        there.
      - A port that anything else listens on is an error, and nothing is changed.
    type: list
    elements: str
    default: []
  probe:
    description: Whether to connect to each pair's outside port on the loopback, and to compare with its inside port.
    type: bool
    default: false
notes:
  - A redirect is NAT, so that each connection is an entry in the kernel's table of connections. RV(conntrack) reports
    how large that is.
  - A host's filter sees the inside port after the redirect, and has to accept that one.
  - Other addresses of this host than C(127.0.0.1) and C(::1) are not redirected for connections that it makes to
    itself.
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

- name: Remove the redirects
  xitrum.host.port_redirect:
    state: absent
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. There is one row a port and family, and one for each thing that prevents a redirect. After a change they
  are of the host as it is then, and in check mode of the host as it was found.", returned: always, type: list,
  elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do.", returned: always, type: list, elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
backend:
  description: The back end.
  returned: always
  type: str
  sample: nftables
why:
  description: Why it is that one.
  returned: always
  type: str
packages:
  description: Packages of the distribution that the back end needs and this host lacks.
  returned: always
  type: list
  elements: str
moves:
  description:
    - Whether an outside port is to lead to another inside port than it does, on which nothing listens yet.
  returned: always
  type: bool
pairs:
  description: The live redirects as they were found, in the form of O(pairs), with which they can be restored.
  returned: always
  type: list
  elements: dict
  sample: [{outside: 80, inside: 8000}]
conntrack:
  description:
    - C(modules) that have to be loaded at boot before sysctl, whether they are C(loaded), and C(max) and C(count) of
      tracked connections.
    - The numbers are null where the kernel does not report.
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
