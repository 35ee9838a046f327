#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Only the documentation: the action plugin of this name computes everything on the controller, and sends hosts nothing.
from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Report on all hosts of a run
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Computes a report on the controller, from what M(xitrum.host.host_state_info) read of each host into
    C(xitrum_host_state).
  - Connects to no host, and changes none.
options:
  kind:
    description:
      - V(check) writes C(check.json), C(check.html) and C(check.xml) to O(dir), and returns a table of three columns.
      - V(fleet) returns all hosts of the play on one screen, and why the site serves nobody.
      - V(host) fails where a run of C(site.yml) would change this host.
      - V(load_plan) returns what this host does in a load test, from the variables of the role
        P(xitrum.host.load_test#role), and what is wrong with them.
      - V(load) writes the figures of a load test to O(dir), and returns them as a table next to those of earlier runs.
      - V(status) returns what the hosts do now, from a read with C(desired=[status]).
      - V(question) fails where O(query) is no expression of JMESPath, or O(format) no format.
      - V(reach_probes) returns which hosts test whether the public ports can be reached, V(reach_blocked) the ports
        that they did not reach, and V(reach) what is reported of it. They are the steps of
        C(playbooks/tasks/reach.yml).
    type: str
    required: true
    choices: [check, fleet, host, load, load_plan, question, reach, reach_blocked, reach_probes, status]
  dir:
    description:
      - The folder on the controller that files are written to, relative to where ansible-playbook runs.
      - Required with O(kind=check), O(kind=load) and O(kind=load_plan).
    type: path
  everything:
    description: Whether values that are in sync are listed too.
    type: bool
    default: false
  about:
    description: The document that O(query) is about. Messages name the variables of that playbook. Required with
      O(kind=question).
    type: str
    choices: [check, status]
  query:
    description: With O(kind=check) and O(kind=status), an expression of JMESPath that selects what is returned as
      RV(text). It needs the Python package jmespath on the controller.
    type: str
    default: ""
  format:
    description:
      - With O(kind=check) and O(kind=status), V(table) is for people, V(json) and V(lines) are for programs.
      - V(lines) has a line for each item, with tabs between its values.
      - This action prints V(json) and V(lines) as they are.
    type: str
    default: table
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
  returned: with O(kind=check), O(kind=fleet), O(kind=load) and O(kind=status)
  type: str
hint:
  description: What to do where O(query) selects nothing; empty where it selects something.
  returned: with O(kind=check) and O(kind=status)
  type: str
outcome:
  description: V(in_sync), V(drift), V(failed) or V(invalid_input) of a check; V(ok), V(degraded) or V(down) of a
    status.
  returned: with O(kind=check) and O(kind=status)
  type: str
status:
  description: What the hosts do now, as C(docs/reference/status.schema.json) describes it.
  returned: with O(kind=status)
  type: dict
page:
  description: The path of C(check.html).
  returned: with O(kind=check)
  type: str
errors:
  description: What is wrong with the settings of a load test, a sentence each.
  returned: with O(kind=load_plan)
  type: list
  elements: str
loads:
  description: The options of M(xitrum.host.connection_load) by the way that connections take, without the headers.
  returned: with O(kind=load_plan)
  type: dict
watched:
  description: The ports of this host whose processes are measured.
  returned: with O(kind=load_plan)
  type: list
  elements: dict
share:
  description: How many of the connections this host has to hold.
  returned: with O(kind=load_plan)
  type: int
probes:
  description: The hosts that connect, and to what.
  returned: with O(kind=reach_probes)
  type: list
  elements: dict
blocked:
  description: The hosts with ports that were not reached.
  returned: with O(kind=reach_blocked)
  type: list
  elements: dict
rows:
  description: The rows of the report by host.
  returned: with O(kind=reach)
  type: dict
shortfalls:
  description: Where fewer connections were held than requested, a sentence each.
  returned: with O(kind=load)
  type: list
  elements: str
bad:
  description: How many values differ.
  returned: with O(kind=check)
  type: int
total:
  description: How many values there are.
  returned: with O(kind=check)
  type: int
faults:
  description: Why the site serves nobody, or not everybody, a sentence each.
  returned: with O(kind=fleet)
  type: list
  elements: str
"""
