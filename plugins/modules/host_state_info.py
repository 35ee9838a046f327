#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_state_info
short_description: Read everything about a host that the roles need, in one round trip
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - For each component that it is given, reads the host and reports what the component's own module would change - in
    three columns, desired, configured and effective.
  - Changes nothing. The reading and the planning are those of the components' own modules.
options:
  verify:
    description: With O(desired), whether the running processes, redirects and certificates are tested as well.
    type: bool
    default: false
  patience:
    description: With O(desired), for how many seconds the servers of a proxy may still become healthy.
    type: int
    default: 0
  machine:
    description: Reads the operating system, the architecture, memory, disk and ports. Needed by O(jdk).
    type: dict
  jdk:
    description: The desired JDK. See the role P(xitrum.host.jdk#role).
    type: dict
  capacity:
    description: How many connections the host must hold, and the shape of what holds them. See the role
      P(xitrum.host.tuning#role).
    type: dict
  kernel:
    description: The desired kernel parameters, the options of M(xitrum.host.sysctl_profile).
    type: dict
  nofile:
    description: The desired limit of open files for logins, as O(ignore:nofile) of M(xitrum.host.host_base).
    type: dict
  redirects:
    description: The desired redirects of ports, the options of M(xitrum.host.port_redirect).
    type: dict
  firewall:
    description:
      - The ports of the host that others connect to, C(ports), whether they are to be C(open) in firewalld or ufw, and
        the C(address) of the host.
    type: dict
  restarts:
    description: >-
      What a running instance takes on only when it starts - the C(root) of the application, its C(user), C(http_port),
      C(nofile) and C(backlog). Reports which instances need a restart, and restarts none.
    type: dict
  release:
    description: The desired release, the options of M(xitrum.host.release) without the package itself.
    type: dict
  runtime:
    description:
      - The application whose instances are read as they are now, whatever they are to be - its C(name), C(root),
        C(user), C(supervisor), C(instances), C(slots), C(http_port), C(health_path), C(health_status) and
        C(health_text).
    type: dict
  instances:
    description: The desired instances, the options of M(xitrum.host.instances) without the JDK, which O(jdk) names.
    type: dict
  service:
    description: The files of the supervisor, the options of M(xitrum.host.service_definition).
    type: dict
  proxy:
    description: The desired proxy. See the role P(xitrum.host.proxy#role).
    type: dict
  proxy_health:
    description: The C(software) of a proxy and how it is queried. What it thinks of its servers is read, and not its
      configuration.
    type: dict
  certificates:
    description: Certificates to read - C(items) with their C(path) and the C(port) that shows them, and C(days), how
      long they must be valid at least.
    type: dict
extends_documentation_fragment:
  - xitrum.host.desired.components
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Read the host
  xitrum.host.host_state_info:
    machine: {}
    jdk:
      version: 17
  register: state
"""

RETURN = r"""
# Shared values: pending, unfinished, restarts
pending: {description: "Whether a run has something to change on the host.", returned: when a component was read,
  type: bool}
unfinished: {description: "Whether the host has the lock of a run, or a step of a rollout that a run has not ended.",
  returned: when a component was read, type: bool}
restarts: {description: "C(due), the instances that need a restart with C(index) and C(why), and C(rows).",
  returned: when O(restarts) is given, type: dict}
# End of shared values
machine:
  description: What the host is - C(distribution), C(release), C(family), C(architecture), C(memory_bytes), C(python)
    and more - and C(errors).
  returned: when O(machine) is given
  type: dict
jdk:
  description: Whether there is C(drift), its C(home) and C(version), the C(packages) that bring
    it, C(rows) and C(errors).
  returned: when O(jdk) is given
  type: dict
capacity:
  description: C(errors) where the host cannot hold the connections, with the number that it can, and C(rows).
  returned: when O(capacity) is given
  type: dict
kernel:
  description: Whether there is C(drift), C(rows) and C(errors).
  returned: when O(kernel) is given
  type: dict
nofile:
  description: Whether there is C(drift), C(rows) and C(errors).
  returned: when O(nofile) is given
  type: dict
redirects:
  description: >-
    Whether there is C(drift), the C(packages) that are missing, C(rows) and C(errors). C(due) reports when a run sets
    them - V(base) at once, V(start) after the start of the instance that they lead to, V(restart) after its restart, or
    an empty text. C(restored) are the redirects that lead back to the active instance, where a killed run left them at
    another one.
  returned: when O(redirects) is given
  type: dict
firewall:
  description: Whether there is C(drift), the C(public) ports, the C(address6) of the host, what is to C(close),
    C(rows) and C(errors).
  returned: when O(firewall) is given
  type: dict
release:
  description: Whether there is C(drift), that is, the release has to be made, the C(releases) on the host, the
    C(current) one, C(rows) and C(errors); and
    where it is not on the host, what the releases there C(has), mode and SHA-256 of each file.
  returned: when O(release) is given
  type: dict
instances:
  description: >-
    Whether there is C(drift), the C(instances), those to C(start) and to C(restart), the C(orphaned) ones, whether a
    run has C(locked) the host, whether one has left a step (C(interrupted)) and what is done about it (C(recovery)),
    C(rows) and C(errors).
  returned: when O(instances) is given
  type: dict
runtime:
  description: >-
    The C(instances) with C(state), C(release), C(started), C(health), C(connections), C(memory_bytes) and
    C(restarts_last_day), the C(lock) of the host, and whether a run was left C(unfinished).
  returned: when O(runtime) is given
  type: dict
service:
  description: >-
    Whether there is C(drift), the C(packages) that are missing, whether the supervisor is then installed
    C(from_pypi), C(rows) and C(errors).
  returned: when O(service) is given
  type: dict
proxy:
  description: Whether there is C(drift), C(rows) and C(errors).
  returned: when O(proxy) is given
  type: dict
proxy_health:
  description: The C(servers) of the proxy as it has them, whether it is C(set_up) and C(running), and C(rows).
  returned: when O(proxy_health) is given
  type: dict
certificates:
  description: C(rows) with the end of each certificate.
  returned: when O(certificates) is given
  type: dict
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import QuietModule
from ..module_utils.host_state import base, registry

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {
    "desired": {"type": "list", "elements": "str", "default": []},
    "verify": {"type": "bool", "default": False},
    "patience": {"type": "int", "default": 0},
}


def main() -> None:
    """Reads each component that is given."""
    module = QuietModule(
        # What is in each is checked by the component's own specification.
        argument_spec={**CONTROLLER, **{name: {"type": "dict"} for name in registry.SPECS}},
        supports_check_mode=True,
    )
    desired, secrets, wrong = base.checked(registry.SPECS, module.params)
    # Kept out of whatever is returned, as for every option with no_log.
    module.no_log_values |= secrets | registry.secrets(desired)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    base.finish(module, lambda: base.read_all(Host(), desired, registry.COMPONENTS))


if __name__ == "__main__":
    main()
