#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_base
short_description: Prepare a host, or report what that would change, in one round trip
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Does what M(xitrum.host.jdk) does for alternatives, and what M(xitrum.host.sysctl_profile) does, then sets the limit
    of open files for logins, and does what M(xitrum.host.port_redirect) does, in that order - nobody may have more
    files open than C(fs.nr_open), which the second may raise.
  - An error of one stops those after it. Those before it are done, and reported.
  - With O(read_only) it is M(xitrum.host.host_state_info) for host preparation alone, and less is sent to the host. A
    run that has read with it acts with it, and it is put together once.
options:
  read_only:
    description: Reports what would change and the errors, and changes nothing.
    type: bool
    default: false
  machine:
    description: Reads the operating system and the architecture. Needed by O(jdk). With O(read_only) only.
    type: dict
  jdk:
    description: The desired JDK. See the role P(xitrum.host.jdk#role). With O(read_only) only.
    type: dict
  capacity:
    description: How many connections the host must hold. See the role P(xitrum.host.tuning#role). With O(read_only)
      only.
    type: dict
  restarts:
    description: >-
      What a running instance takes on only when it starts - the C(root) of the application, its C(user), C(http_port),
      C(nofile) and C(backlog). Reports which instances need a restart, and restarts none. With O(read_only) only.
    type: dict
  alternatives:
    description: The options of M(xitrum.host.jdk) for alternatives. Without it the alternatives are left alone. Not
      with O(read_only), where O(jdk) names it.
    type: dict
  kernel:
    description: The options of M(xitrum.host.sysctl_profile). Without it the kernel is left alone.
    type: dict
  nofile:
    description:
      - How many files a login may have open, C(nofile) (1024000), never more than the host can grant. Without it the
        limit is left alone.
      - Soft and hard C(nofile) lines for C(domains) (V(*) and V(root)) are written into C(path), a file of its own
        (C(/etc/security/limits.d/90-xitrum.conf)). Lines of other files that win over these are reported, and not
        edited.
      - It finds out first what the host can grant, and writes no more than that. Above C(fs.nr_open), now or after a
        reboot, PAM refuses the login, and C(su) and C(sudo) are locked out. Where root may not raise a hard limit (a
        container without CAP_SYS_RESOURCE) the line would silently do nothing.
      - With C(policy) V(at_least) (the default) a larger value stays, as far as the host can grant it. With V(exact) it
        is set to C(nofile).
      - C(logins) are users for whom a new login is tested through C(su), and so through PAM. Each costs a process and a
        line in the log of logins. With C(state) V(absent) the file is removed.
    type: dict
  redirects:
    description: The options of M(xitrum.host.port_redirect). Without it the redirects are left alone.
    type: dict
  firewall:
    description:
      - The ports that are to be open in firewalld or ufw, which are C(ports), each with a C(port) and its C(sources),
        and whether they are to be C(open).
      - Where that is false, all that this module opened is closed. With C(close) false nothing is closed. Without it
        the firewall is left alone.
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
pending: {description: "Whether a run has something to change on the host.", returned: with O(read_only), type: bool}
unfinished: {description: "Whether the host has the lock of a run, or a step of a rollout that a run has not ended.",
  returned: with O(read_only), type: bool}
restarts: {description: "C(due), the instances that need a restart with C(index) and C(why), and C(rows).",
  returned: when O(restarts) is given, type: dict}
# End of shared values
machine:
  description: What M(xitrum.host.host_state_info) returns of it.
  returned: where O(machine) is given
  type: dict
jdk:
  description: What M(xitrum.host.host_state_info) returns of it.
  returned: where O(jdk) is given
  type: dict
capacity:
  description: What M(xitrum.host.host_state_info) returns of it.
  returned: where O(capacity) is given
  type: dict
alternatives:
  description: What M(xitrum.host.jdk) returns.
  returned: where O(alternatives) is given
  type: dict
kernel:
  description: What M(xitrum.host.sysctl_profile) returns, or with O(read_only) what M(xitrum.host.host_state_info)
    returns of it.
  returned: where O(kernel) is given, and what comes before it has no error
  type: dict
nofile:
  description: >-
    The number of open files that was C(desired), the number that this host can grant (C(granted)), C(why) that is less,
    C(rows) and C(errors), or with O(read_only) what M(xitrum.host.host_state_info) returns of it.
  returned: where O(nofile) is given, and what comes before it has no error
  type: dict
redirects:
  description: What M(xitrum.host.port_redirect) returns, or with O(read_only) what M(xitrum.host.host_state_info)
    returns of it.
  returned: where O(redirects) is given, and what comes before it has no error
  type: dict
firewall:
  description: What M(xitrum.host.host_state_info) returns of it.
  returned: where O(firewall) is given, and what comes before it has no error
  type: dict
"""

import functools
from typing import Any, Dict, List, Mapping

from ..module_utils.core import fence, runner
from ..module_utils.core.component import AppliedComponent
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.host_state import base
from ..module_utils.jdk import alternatives

SPECS = {**base.SPECS, alternatives.NAME: alternatives.SPEC}

#: In the order in which they are applied: what the first has changed counts for the next.
APPLIED: Dict[str, AppliedComponent] = {
    component.NAME: component for component in (alternatives, base.kernel, base.nofile, base.redirects, base.firewall)
}

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "list", "elements": "str", "default": []}}


def misplaced(given: Mapping[str, Any]) -> List[str]:
    """The options that mean nothing with, or without, O(read_only)."""
    alone = []
    if given["jdk"] is not None and given["machine"] is None:
        alone.append("jdk: needs machine, which reads the operating system")
    other = [alternatives.NAME] if given["read_only"] else [name for name in SPECS if name not in APPLIED]
    how = "without" if given["read_only"] else "with"
    return alone + [f"{name}: may be given only {how} read_only" for name in other if given[name] is not None]


def main() -> None:
    """Reads all, or reads, plans and applies one after the other."""
    components = {name: {"type": "dict"} for name in SPECS}
    options = {"read_only": {"type": "bool", "default": False}, **CONTROLLER, **components}
    module = Utf8Module(argument_spec=options, supports_check_mode=True)
    given = module.params
    desired, _secrets, wrong = base.checked(SPECS, given)
    if wrong + misplaced(given):
        module.fail_json(msg=" ".join(wrong + misplaced(given)))
    host = fence.host_of(module)
    if given["read_only"]:
        base.finish(module, lambda: base.read_all(host, desired, base.COMPONENTS))
    runner.finish_all(module, {
        name: functools.partial(runner.converge, component, host, desired[name], module.check_mode, module.warn)
        for name, component in APPLIED.items() if desired[name] is not None
    })


if __name__ == "__main__":
    main()
