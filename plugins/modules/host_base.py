#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_base
short_description: Prepare a host in one round trip, or report what would change
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Runs four steps in this order. Switches the alternatives of Java like M(xitrum.host.jdk). Sets kernel parameters
    like M(xitrum.host.sysctl_profile). Sets the limit of open files for logins. Redirects ports like
    M(xitrum.host.port_redirect). The order matters because the limit of open files cannot exceed C(fs.nr_open), which
    the kernel parameters may raise.
  - An error in one step stops the steps after it. The steps before it stay applied, and are reported.
  - With O(read_only) it works like M(xitrum.host.host_state_info) for host preparation alone, and sends less to the
    host. A run that reads and changes hosts with this module has to build it only once.
options:
  read_only:
    description: Whether to only report errors and what would change.
    type: bool
    default: false
  machine:
    description: Reads the operating system and the architecture. O(jdk) needs it. Only with O(read_only).
    type: dict
  jdk:
    description: The desired JDK. See the role P(xitrum.host.jdk#role). Only with O(read_only).
    type: dict
  capacity:
    description: The number of connections that the host must hold. See the role P(xitrum.host.tuning#role). Only with
      O(read_only).
    type: dict
  restarts:
    description: >-
      Settings that an instance reads only when it starts - the C(root) of the application, its C(user), C(http_port),
      C(nofile) and C(backlog). The module reports which instances need a restart, but does not restart them. Only with
      O(read_only).
    type: dict
  alternatives:
    description: The options of M(xitrum.host.jdk) for alternatives. Without it, the module does not change
      alternatives. Not with O(read_only); use O(jdk) there.
    type: dict
  kernel:
    description: The options of M(xitrum.host.sysctl_profile). Without it, the module does not change kernel parameters.
    type: dict
  nofile:
    description:
      - The limit of open files for logins, C(nofile) (default 1024000), but never more than the host can grant. Without
        it, the module does not change the limit.
      - The module writes soft and hard C(nofile) lines for C(domains) (default V(*) and V(root)) to its own file,
        C(path) (default C(/etc/security/limits.d/90-xitrum.conf)). It reports lines of other files that override these,
        and does not edit them.
      - It first finds out how much the host can grant, and writes no more than that. With a limit above C(fs.nr_open),
        now or after a reboot, PAM refuses every login, also through C(su) and C(sudo). If root cannot raise a hard
        limit (in a container without CAP_SYS_RESOURCE), the line would silently have no effect.
      - With C(policy) V(at_least) (the default), a larger value is kept, as far as the host can grant it. With
        V(exact), the limit is set to C(nofile).
      - C(logins) are users whose login is tested with C(su), and so with PAM. Each test starts a process and adds a
        line to the log of logins. With C(state) V(absent), the file is removed.
    type: dict
  redirects:
    description: The options of M(xitrum.host.port_redirect). Without it, the module does not change redirects.
    type: dict
  firewall:
    description:
      - The desired ports in firewalld or ufw - C(ports), each with a C(port) and its C(sources), and whether they must
        be C(open).
      - If C(open) is false, the module closes all ports that it opened. With C(close) false, it closes none. Without
        this option, the module does not change the firewall.
    type: dict
extends_documentation_fragment:
  - xitrum.host.desired.components
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Prepare the host for many connections
  xitrum.host.host_base:
    kernel:
      profile:
        net.core.somaxconn: {value: 1024, policy: at_least}
    nofile:
      nofile: 1024000
"""

RETURN = r"""
# Shared values: pending, unfinished, restarts
pending: {description: "Whether a run would change the host.", returned: with O(read_only), type: bool}
unfinished: {description: "Whether a run still holds the lock of the host, or left a step of a rollout unfinished.",
  returned: with O(read_only), type: bool}
restarts: {description: "The instances that need a restart (C(instances)), each with its C(index) and the reason
  (C(why)), and C(rows).", returned: when O(restarts) is given, type: dict}
# End of shared values
machine:
  description: The value of the same name that M(xitrum.host.host_state_info) returns.
  returned: when O(machine) is given
  type: dict
jdk:
  description: The value of the same name that M(xitrum.host.host_state_info) returns.
  returned: when O(jdk) is given
  type: dict
capacity:
  description: The value of the same name that M(xitrum.host.host_state_info) returns.
  returned: when O(capacity) is given
  type: dict
alternatives:
  description: The result of M(xitrum.host.jdk).
  returned: when O(alternatives) is given
  type: dict
kernel:
  description: The result of M(xitrum.host.sysctl_profile), or with O(read_only) the value that
    M(xitrum.host.host_state_info) returns.
  returned: when O(kernel) is given, and no step before it has an error
  type: dict
nofile:
  description: >-
    The C(desired) number of open files, the number that this host can grant (C(granted)), the reason if that is less
    (C(why)), C(rows) and C(errors). With O(read_only), the value that M(xitrum.host.host_state_info) returns.
  returned: when O(nofile) is given, and no step before it has an error
  type: dict
redirects:
  description: The result of M(xitrum.host.port_redirect), or with O(read_only) the value that
    M(xitrum.host.host_state_info) returns.
  returned: when O(redirects) is given, and no step before it has an error
  type: dict
firewall:
  description: The value of the same name that M(xitrum.host.host_state_info) returns.
  returned: when O(firewall) is given, and no step before it has an error
  type: dict
"""

import functools
from typing import Any, Callable, Dict, List, Mapping

from ..module_utils.core import fence, runner
from ..module_utils.core.component import AppliedComponent
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.host_state import base


def load_alternatives() -> AppliedComponent:
    """Return the component `alternatives`."""
    from ..module_utils.jdk import alternatives

    return alternatives


#: In the order in which they are applied: what the first has changed counts for the next.
APPLIED: Dict[str, Callable[[], AppliedComponent]] = {
    "alternatives": load_alternatives,
    "kernel": base.load_kernel,
    "nofile": base.load_nofile,
    "redirects": base.load_redirects,
    "firewall": base.load_firewall,
}

COMPONENTS: base.Components = {**base.COMPONENTS, **APPLIED}

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "list", "elements": "str", "default": []}}


def find_misplaced(given: Mapping[str, Any]) -> List[str]:
    """The options that mean nothing with, or without, `read_only`."""
    alone = []
    if given["jdk"] is not None and given["machine"] is None:
        alone.append("jdk: needs machine, which reads the operating system")
    other = ["alternatives"] if given["read_only"] else [name for name in COMPONENTS if name not in APPLIED]
    how = "without" if given["read_only"] else "with"
    return alone + [f"{name}: may be given only {how} read_only" for name in other if given[name] is not None]


def main() -> None:
    """Reads all, or reads, plans and applies one after the other."""
    components = {name: {"type": "dict"} for name in COMPONENTS}
    options = {"read_only": {"type": "bool", "default": False}, **CONTROLLER, **components}
    module = Utf8Module(argument_spec=options, supports_check_mode=True)
    given = module.params
    desired, _secrets, wrong = base.check_desired(COMPONENTS, given)
    if wrong + find_misplaced(given):
        module.fail_json(msg=" ".join(wrong + find_misplaced(given)))
    host = fence.make_host(module)
    if given["read_only"]:
        base.finish(module, lambda: base.read_all(host, desired, base.COMPONENTS))
    runner.finish_all(module, {
        name: functools.partial(runner.converge, load(), host, desired[name], module.check_mode, module.warn)
        for name, load in APPLIED.items() if desired[name] is not None
    })


if __name__ == "__main__":
    main()
