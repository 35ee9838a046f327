#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Only the documentation: the action plugin of this name computes everything on the controller, and sends hosts nothing.
from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Create a report on all hosts of a run
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Creates a report on the controller, from the results of M(xitrum.host.host_state_info) that each host has in
    C(xitrum_host_state).
  - Connects to no host, and changes none.
options:
  kind:
    description:
      - V(check) writes C(check.json), C(check.html) and C(check.xml) to O(dir), and returns a table of three columns.
      - V(fleet) returns an overview of all hosts of the play on one screen, and the reasons if the site does not serve
        all clients.
      - V(host) fails if a run of C(site.yml) would change this host.
      - V(load_plan) returns the tasks of this host in a load test, from the variables of the role
        P(xitrum.host.load_test#role), and the errors of these variables. V(load_errors) fails with those of all hosts.
      - V(load) writes the results of a load test to O(dir), and returns them as a table next to those of earlier runs.
      - V(log_settings) validates the variables of C(playbooks/logs.yml), and returns what it reads. V(logs) prints the
        lines that were read, merged by their times.
      - V(status) returns the current status of the hosts, from a read with C(desired=[status]).
      - V(history) returns the runs of the hosts, from a read with C(desired=[history]).
      - V(question) fails if O(query) is not a valid JMESPath expression, or O(format) or O(runs) is not valid.
      - V(reach_probes) returns the hosts that test whether the public ports can be reached. V(reach_blocked) returns
        the ports that they did not reach, and V(reach) the rows of the report. They are the steps of
        C(playbooks/tasks/reach.yml).
      - V(run) returns the data of a run that has ended, from O(file). C(playbooks/plays/after_run.yml) uses it.
    type: str
    required: true
    choices: [check, fleet, history, host, load, load_errors, load_plan, log_settings, logs, question, reach,
      reach_blocked, reach_probes, run, status]
  dir:
    description:
      - The folder on the controller to write files to, relative to the folder in which you run C(ansible-playbook).
      - Required with O(kind=check), O(kind=load) and O(kind=load_plan).
    type: path
  everything:
    description: Whether to also list values that are in sync.
    type: bool
    default: false
  about:
    description: The document to which O(query) applies. Messages name the variables of that playbook. Required with
      O(kind=question).
    type: str
    choices: [check, history, status]
  query:
    description: With O(kind=check), O(kind=history) and O(kind=status), a JMESPath expression that selects the content
      of RV(text). It needs the Python package jmespath on the controller.
    type: str
    default: ""
  format:
    description:
      - With O(kind=check), O(kind=history) and O(kind=status), the format of RV(text). V(table) is for people, V(json)
        and V(lines) are for programs.
      - V(lines) has one line for each item, with tabs between its values.
      - The action plugin prints V(json) and V(lines) unchanged.
    type: str
    default: table
  runs:
    description: With O(kind=history), the number of runs to return, from 1 to 1000. The newest are returned.
    type: raw
    default: 20
  file:
    description: The file with the data of a run. Required with O(kind=run).
    type: path
"""

EXAMPLES = r"""
- name: Write the report
  xitrum.host.report:
    kind: check
    dir: /var/tmp/report
  register: report
  run_once: true
"""

RETURN = r"""
text:
  description: The report for a terminal.
  returned: with O(kind=check), O(kind=fleet), O(kind=history), O(kind=load) and O(kind=status)
  type: str
hint:
  description: What to do if O(query) selects nothing; otherwise empty.
  returned: with O(kind=check), O(kind=history) and O(kind=status)
  type: str
outcome:
  description: For a check, V(in_sync), V(drift), V(failed) or V(invalid_input). For a status, V(ok), V(degraded) or
    V(down). For a history, V(complete), V(partial) or V(failed).
  returned: with O(kind=check), O(kind=history) and O(kind=status)
  type: str
status:
  description: The current status of the hosts, as described in C(docs/reference/status.schema.json).
  returned: with O(kind=status)
  type: dict
history:
  description: The runs, as described in C(docs/reference/history.schema.json).
  returned: with O(kind=history)
  type: dict
run:
  description: The data of the run, as described in C(docs/reference/run.schema.json).
  returned: with O(kind=run)
  type: dict
settings:
  description: What C(playbooks/logs.yml) reads - C(instances), the numbers of the instances by host, C(lines),
    C(since), C(grep), C(follow) and C(save).
  returned: with O(kind=log_settings)
  type: dict
lines:
  description: How many lines were printed.
  returned: with O(kind=logs)
  type: int
stream:
  description: The socket on the controller that takes new lines; empty if they are not followed.
  returned: with O(kind=logs)
  type: str
page:
  description: The path of C(check.html).
  returned: with O(kind=check)
  type: str
errors:
  description: The errors of the settings of a load test, one sentence each.
  returned: with O(kind=load_plan)
  type: list
  elements: str
broken_rules:
  description: A dictionary of errors in RV(errors) to the rules that they break. C(docs/reference/rules.md) lists them.
  returned: with O(kind=load_plan)
  type: dict
loads:
  description: The options of M(xitrum.host.connection_load) for each path that connections take, without the headers.
  returned: with O(kind=load_plan)
  type: dict
watched:
  description: The ports of this host whose processes are measured.
  returned: with O(kind=load_plan)
  type: list
  elements: dict
share:
  description: The number of connections that this host has to hold.
  returned: with O(kind=load_plan)
  type: int
probes:
  description: The hosts that connect, and their targets.
  returned: with O(kind=reach_probes)
  type: list
  elements: dict
blocked:
  description: The hosts with ports that were not reached.
  returned: with O(kind=reach_blocked)
  type: list
  elements: dict
rows:
  description: The rows of the report, by host.
  returned: with O(kind=reach)
  type: dict
shortfalls:
  description: The cases in which fewer connections were held than requested, one sentence each.
  returned: with O(kind=load)
  type: list
  elements: str
drift:
  description: The number of values that are not in sync.
  returned: with O(kind=check)
  type: int
where:
  description: The hosts that have drifted values, and after a few of them how many more.
  returned: with O(kind=check)
  type: str
total:
  description: The total number of values.
  returned: with O(kind=check)
  type: int
faults:
  description: The reasons why the site does not serve all clients, one sentence each.
  returned: with O(kind=fleet)
  type: list
  elements: str
"""
