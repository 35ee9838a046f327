#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Only the documentation: the action plugin of this name computes everything on the controller, and sends hosts nothing.
from __future__ import annotations

DOCUMENTATION = r"""
module: run_plan
short_description: Validate and plan a run for all its hosts
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Computes on the controller what the playbooks of this collection do next. It uses the variables of all hosts of the
    play, and the results of M(xitrum.host.host_state_info) in C(xitrum_host_state).
  - Connects to no host, and changes none.
options:
  kind:
    description:
      - V(inventory) fails if the inventory has neither application hosts nor proxies, or if a variable of C(-e) has a
        misspelt prefix. With O(prefixes), it also fails with all misspelt variables of all hosts, and with all invalid
        values of the playbook's own variables.
      - V(variables) fails with all invalid variables of all hosts in one message, before a host is read.
      - V(values) returns the hosts whose variables are valid, so that they can be read, and the errors of the other
        hosts.
      - V(errors) fails with all errors of all hosts in one message, and returns the notes.
      - V(batches) returns the batches in which the instances of the hosts are restarted. The first one is the canary, a
        single instance. C(xitrum_rollout_batch) and C(xitrum_rollout_strategy) determine the others.
      - V(rollback) returns the release that all hosts return to, and fails if they have none in common. It uses
        RV(xitrum.host.host_state_info#module:overview), which each host has in C(application_releases_read).
      - V(operation) returns the instances that the operator chose for O(verb), from the variable of that playbook, such
        as C(restart_instances). It fails if one does not exist.
      - V(installed) returns the release that the host of the task runs, from C(application_releases_read) of that host.
      - V(pip) returns the arguments and files with which pip installs supervisord, from the variables of the role
        P(xitrum.host.supervisor#role). The result contains credentials, so use C(no_log).
      - V(command) returns the command of C(run.yml), from the variables of the role P(xitrum.host.run#role), and fails
        with all invalid ones. It does not return the arguments, which may contain secrets.
      - V(before_release) returns the command of C(xitrum_before_release), and the host that runs it, if an instance
        gets a release that no instance has yet. Its arguments may contain secrets, so use C(no_log).
    type: str
    required: true
    choices: [inventory, values, variables, errors, batches, rollback, operation, installed, pip, command,
      before_release]
  prefixes:
    description:
      - With O(kind=inventory), the prefixes of the variables of the running playbook, such as C(load_test_). An unknown
        name with one of them is an error if it is similar to a known name. Every unknown C(xitrum_*) is an error.
      - Without it, only the prefixes of variables of C(-e) are validated.
    type: list
    elements: str
  groups:
    description: With O(kind=inventory), the groups that the playbook works on. The run fails unless it has a host of
      them, within C(--limit).
    type: list
    elements: str
    default: [xitrum, xitrum_proxy, xitrum_decommissioned]
  patterns:
    description: With O(kind=inventory), the names of variables, each with its pattern of hosts. The run fails unless
      each selects a host of O(groups).
    type: dict
  addresses:
    description: With O(kind=values), whether to also validate the addresses of other hosts that a host has in its
      configuration.
    type: bool
    default: true
  reports:
    description: With O(kind=inventory), whether the run ends with the tasks of C(xitrum_after_run). Their file must
      exist.
    type: bool
    default: false
  deploy:
    description:
      - With O(kind=errors), whether the run leaves the JDK, the kernel and the proxies as they are.
      - A change that the run could then apply only in part is an error.
    type: bool
    default: false
  removes:
    description:
      - With O(kind=errors), whether the run removes the application from the hosts of the group
        C(xitrum_decommissioned). In check mode, the result then lists them.
    type: bool
    default: false
  verb:
    description: With O(kind=operation), which it requires, what is done to the instances.
    type: str
    choices: [restart, stop, start]
"""

EXAMPLES = r"""
- name: Plan the batches
  xitrum.host.run_plan:
    kind: batches
  register: plan
  run_once: true

- name: Print the batches
  ansible.builtin.debug:
    msg: "{{ plan.batches | map(attribute='label') }}"
  run_once: true
"""

RETURN = r"""
hosts:
  description: The hosts that can be read.
  returned: with O(kind=values)
  type: list
  elements: str
errors:
  description: The errors of the variables of the other hosts, a list of sentences by host.
  returned: with O(kind=values)
  type: dict
package:
  description: >-
    With O(kind=values), the application hosts whose variables allow to read the package. With O(kind=rollback) and
    O(kind=installed), the values that M(xitrum.host.package_info) would return for the release.
  returned: with O(kind=values), O(kind=rollback) and O(kind=installed)
  type: raw
notes:
  description: Notes, which do not block a run. With O(kind=errors), lists by host.
  returned: with O(kind=errors) and O(kind=rollback)
  type: raw
rules:
  description: The rules that the errors break, each once. C(docs/reference/rules.md) lists all rules.
  returned: if there are errors, but with O(kind=values)
  type: list
  elements: str
  sample: [xitrum.heap, host.disk-space]
chosen:
  description: The numbers of the chosen instances, lists by host.
  returned: with O(kind=operation)
  type: dict
  sample: {app1: [0, 1]}
servers:
  description: What the proxies call the chosen instances.
  returned: with O(kind=operation)
  type: list
  elements: str
  sample: [app1-0, app1-1]
one_by_one:
  description: Whether the operator listed the instances one by one.
  returned: with O(kind=operation)
  type: bool
stopped:
  description: The instances that an operator stopped, and that a proxy has not disabled, lists by host.
  returned: with O(kind=errors)
  type: dict
changes:
  description: A table of what the run would change, for a person.
  returned: with O(kind=errors), in check mode
  type: str
disabled:
  description: The instances that the run starts and that are disabled in a proxy, lists by host.
  returned: with O(kind=errors)
  type: dict
batches:
  description: >-
    The batches, in order. C(number) is the number of the batch, and C(total) the number of all batches. C(canary)
    reports whether it is the canary. C(hosts) maps a host to its instances in the batch. C(before) maps a host to the
    folders that these instances return to if the batch fails. C(unchanged) reports whether they keep their folders.
    C(label) and C(servers) name the instances.
  returned: with O(kind=batches)
  type: list
  elements: dict
  sample:
    - number: 1
      total: 4
      canary: true
      label: app1-0
      servers: [app1-0]
      hosts: {app1: [{index: 0, port: 8000, folder: 3f2a9c1b7d04-1a2b3c4d5e}]}
      before: {app1: [{index: 0, port: 8000, folder: 9b1e55d07a32-1a2b3c4d5e}]}
      unchanged: false
arguments:
  description: The arguments of pip as a text, which contains no secrets.
  returned: with O(kind=pip)
  type: str
main_class:
  description: The class to run.
  returned: with O(kind=command)
  type: str
timeout:
  description: The seconds that the class may take. 0 means no limit.
  returned: with O(kind=command)
  type: int
nofile:
  description: The open files that the class may have.
  returned: with O(kind=command)
  type: int
command:
  description: The command, or an empty dictionary if none is due - C(host), C(instance), C(folder), C(main_class),
    C(arguments), C(timeout) and C(nofile).
  returned: with O(kind=before_release)
  type: dict
files:
  description: The files C(pip.conf) and C(netrc) that contain the credentials, a dictionary of names to texts.
  returned: with O(kind=pip)
  type: dict
"""
