#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_state_info
short_description: Read the state of a host that the roles need, in one round trip
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - For each component that you specify, reads the host and reports what the module of that component would change. The
    report has three columns - desired, configured and effective.
  - Changes nothing. It reads and plans with the same code as the modules of the components.
options:
  verify:
    description: With O(desired), whether to test the running processes, redirects and certificates as well.
    type: bool
    default: false
  wait_seconds:
    description: With O(desired), the seconds to wait for the servers of a proxy to become healthy.
    type: int
    default: 0
  operation:
    description:
      - With O(desired), limits the result to what an operation on installed instances does. The keys are its C(verb),
        the numbers of the chosen C(instances), and whether the operator listed them C(one_by_one). The verbs are
        V(restart), V(stop) and V(start).
      - What a deploy would change in addition is a note, or, with blue/green slots, an error.
    type: dict
  stream:
    description: With O(desired=[logs]), the socket on the controller to which new lines are sent while somebody follows
      them. Without it, the host is read once.
    type: path
  machine:
    description: Reads the operating system, the architecture, memory, disk and ports. O(jdk) needs it.
    type: dict
  jdk:
    description: The desired JDK. See the role P(xitrum.host.jdk#role).
    type: dict
  capacity:
    description: The number of connections that the host must hold, and the instances and proxies that hold them. See
      the role P(xitrum.host.tuning#role).
    type: dict
  kernel:
    description: The desired kernel parameters, the options of M(xitrum.host.sysctl_profile).
    type: dict
  nofile:
    description: The desired limit of open files for logins, as O(ignore:nofile) of M(xitrum.host.host_base).
    type: dict
  redirects:
    description: The desired port redirects, the options of M(xitrum.host.port_redirect).
    type: dict
  firewall:
    description:
      - The ports that other hosts connect to (C(ports)), whether they must be C(open) in firewalld or ufw, and the
        C(address) of the host.
    type: dict
  restarts:
    description: >-
      Settings that an instance reads only when it starts - the C(root) of the application, its C(user), C(http_port),
      C(nofile) and C(backlog). The module reports which instances need a restart, but does not restart them.
    type: dict
  release:
    description: The desired release, the options of M(xitrum.host.release) without the package itself.
    type: dict
  runtime:
    description:
      - The application whose instances are read in their current state, regardless of the desired one. The keys are
        C(name), C(root), C(user), C(supervisor), C(instances), C(slots), C(http_port), C(health_path),
        C(health_status), C(health_text) and C(seconds). A lock of that age or older is that of a run that died.
    type: dict
  overview:
    description:
      - The C(root) of the application whose releases and instances are read, whatever is desired.
      - With its C(name), the module reads the record of its steps, its lock and its stopped instances too. With its
        C(log_dir), it reads the last run. With C(slots), it reads the active slot of a host with two blue/green slots.
    type: dict
  past_runs:
    description:
      - The application whose log of runs is read. The keys are C(name), C(log_dir), and C(seconds), the age from which
        a lock is that of a run that died.
    type: dict
  logs:
    description:
      - >-
        The last lines of logs to read. C(name), C(instances), C(log_dir) and C(supervisor) are those of the
        application. C(lines) is how many to read of each instance, C(since) is their earliest time. C(grep) is the
        regular expression that they match.
      - With the C(positions) of an earlier read, the lines since then. C(wait) are the seconds to wait for one.
    type: dict
  instances:
    description: The desired instances, the options of M(xitrum.host.instances) without the JDK, which O(jdk) specifies.
    type: dict
  service:
    description: The files of the supervisor, the options of M(xitrum.host.service_definition).
    type: dict
  proxy:
    description: The desired proxy. See the role P(xitrum.host.proxy#role).
    type: dict
  proxy_health:
    description: The C(software) of a proxy and how to query it. The module reads the states of its servers, and not its
      configuration.
    type: dict
  certificates:
    description: Certificates to read. C(items) are the certificates, each with its C(path) and the C(port) that serves
      it. C(days) is the minimum number of days that they must still be valid.
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
pending: {description: "Whether a run would change the host.", returned: when a component was read, type: bool}
unfinished: {description: "Whether a run still holds the lock of the host, or left a step of a rollout unfinished.",
  returned: when a component was read, type: bool}
restarts: {description: "The instances that need a restart (C(instances)), each with its C(index) and the reason
  (C(why)), and C(rows).", returned: when O(restarts) is given, type: dict}
# End of shared values
machine:
  description: The facts of the host - C(distribution), C(release), C(family), C(architecture), C(memory_bytes),
    C(python) and more - and C(errors).
  returned: when O(machine) is given
  type: dict
jdk:
  description: Whether there is C(drift), the C(home) and C(version) of the JDK, the C(packages) that contain it,
    C(rows) and C(errors).
  returned: when O(jdk) is given
  type: dict
capacity:
  description: C(rows), and C(errors) if the host cannot hold the connections, with the number that it can hold.
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
    Whether there is C(drift), the C(packages) that are missing, C(rows) and C(errors). C(set_at) reports when a run
    sets them - V(base) at once, V(start) after the start of their target instance, V(restart) after its restart.
    C(restored) are the redirects to the active instance, if a killed run left them pointing to another one.
  returned: when O(redirects) is given
  type: dict
firewall:
  description: Whether there is C(drift), the C(public) ports, the C(address6) of the host, the ports to C(close),
    C(rows) and C(errors).
  returned: when O(firewall) is given
  type: dict
release:
  description: Whether there is C(drift), that is, the release has to be created. The C(releases) on the host, the
    C(current) one, C(rows) and C(errors). If the release is not on the host, C(has) lists the mode and the SHA-256 of
    each file that the releases on the host contain.
  returned: when O(release) is given
  type: dict
instances:
  description: >-
    Whether there is C(drift), the C(instances), those to C(start) and to C(restart), the C(orphaned) ones, C(rows) and
    C(errors). C(locked) reports whether a run has locked the host, and C(interrupted) whether a run left a step
    unfinished. C(recovery) describes how the next run recovers.
  returned: when O(instances) is given
  type: dict
runtime:
  description: >-
    The C(instances) with C(state), C(release), C(started), C(health), C(connections), C(memory_bytes) and
    C(restarts_last_day); and the C(lock) of the host. C(unfinished) reports whether a run has not ended, which includes
    one that died.
  returned: when O(runtime) is given
  type: dict
overview:
  description: What the host has of the application.
  returned: when O(overview) is given
  type: dict
  contains:
    releases:
      description: The complete releases, in the order of their installation.
      type: list
      elements: str
      sample: [3f2a9c1b7d04, c843051638d2]
    current:
      description: The release to which all instances of the host are switched; empty if there is none.
      type: str
      sample: c843051638d2
    previous:
      description: The last other release that was healthy; empty if there is none.
      type: str
      sample: 3f2a9c1b7d04
    healthy:
      description:
        - The releases with which a run ended healthy on this host, the most recent one last.
        - Null on a host without a record. The next run creates the record.
      type: list
      elements: str
      sample: [3f2a9c1b7d04, c843051638d2]
    switched:
      description: The releases to which the instances of the host are switched. There are several after a rollout that
        stopped.
      type: list
      elements: str
      sample: [c843051638d2]
    running:
      description: The releases that the processes of the instances run; empty if nothing runs.
      type: list
      elements: str
      sample: [c843051638d2]
    in_step:
      description: The releases to which a run was switching an instance when it was killed, as
        M(xitrum.host.instance_service) recorded them. Empty without C(name).
      type: list
      elements: str
      sample: []
    interrupted:
      description:
        - Whether a run holds the lock of the application C(name) on this host, was killed while it held it, or ended
          before its last task.
        - In this case its instances may be disabled at the proxies.
      type: bool
      sample: false
    stopped:
      description: The numbers of the instances that an operator stopped. Empty without C(name).
      type: list
      elements: int
      sample: [1]
    last_run:
      description:
        - The last run in the log of the host - C(when), C(who), the releases C(from) and C(to), C(outcome) and
          C(seconds). Empty without C(log_dir), or if there is no log.
        - C(died) and C(stopped) are the outcomes of a run that did not complete.
      type: dict
      sample:
        "when": "2026-10-05T12:00:00Z"
        "who": "ann@laptop"
        "from": "3f2a9c1b7d04"
        "to": "c843051638d2"
        "outcome": "done"
        "seconds": 95
    examples:
      description: For each release, the keys of its C(config/xitrum.conf) that have a public example value of Xitrum's
        project template - C(secureKey), C(apiKey), C(keyFile).
      type: dict
      sample: {"3f2a9c1b7d04": ["apiKey"], "c843051638d2": []}
    main_classes:
      description: For each release, the main classes in the application's own jars.
      type: dict
      sample: {"3f2a9c1b7d04": ["shop.Boot"], "c843051638d2": ["shop.Boot"]}
    slot:
      description:
        - Which of its two blue/green slots a host without proxies uses - the number of the instance to which the live
          redirect leads.
        - Without such a redirect, the slot that runs, and otherwise the slot that the last run recorded.
        - Without C(slots), the slot that the last run recorded.
      type: int
      sample: 0
    instances:
      description: The instances on the host, each with its C(index) and its configured HTTP C(port) (0 if its
        configuration could not be read).
      type: list
      elements: dict
      sample: [{"index": 0, "port": 8000}]
past_runs:
  description: >-
    The C(runs) of the log of runs, the oldest first. Each has C(when), C(who), C(from), C(to), C(outcome), C(seconds),
    C(run) and C(playbook). C(holder) is the holder of the lock. C(lock_fault) and C(log_fault)
    report a lock and lines of the log that cannot be read.
  returned: when O(past_runs) is given
  type: dict
logs:
  description: >-
    The C(entries). Each is a list of a time in seconds since the epoch, the number of the instance, C(log) or
    C(output), and a text. The next read goes on from the C(positions), and C(more) states whether it has lines already.
    C(notes) are sentences for the user.
  returned: when O(logs) is given
  type: dict
service:
  description: >-
    Whether there is C(drift), the C(packages) that are missing, whether the supervisor is installed C(from_pypi),
    C(rows) and C(errors).
  returned: when O(service) is given
  type: dict
proxy:
  description: Whether there is C(drift), C(rows) and C(errors).
  returned: when O(proxy) is given
  type: dict
proxy_health:
  description: The states of the C(servers) of the proxy, whether it is C(set_up) and C(running), and C(rows).
  returned: when O(proxy_health) is given
  type: dict
certificates:
  description: C(rows) with the expiry date of each certificate.
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
    "wait_seconds": {"type": "int", "default": 0},
    "operation": {"type": "dict"},
    "stream": {"type": "path"},
}


def main() -> None:
    """Reads each component that is given."""
    module = QuietModule(
        # What is in each is checked by the component's own specification.
        argument_spec={**CONTROLLER, **{name: {"type": "dict"} for name in registry.COMPONENTS}},
        supports_check_mode=True,
    )
    desired, secrets, wrong = base.check_desired(registry.COMPONENTS, module.params)
    # Kept out of whatever is returned, as for every option with no_log.
    module.no_log_values |= secrets | registry.collect_secrets(desired)
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    base.finish(module, lambda: base.read_all(Host(), desired, registry.COMPONENTS))


if __name__ == "__main__":
    main()
