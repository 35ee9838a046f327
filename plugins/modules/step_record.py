#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: step_record
short_description: Record the step of a rollout that instances are in
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The record is C(/var/lib/xitrum.host/NAME.step). A step writes each state there before it begins it, so that the
    next run knows what a run that was killed has left.
  - The states C(stopped), C(switched), C(started) and C(healthy) are recorded by M(xitrum.host.instance_service).
  - It never says C(changed), since nothing of what it does is the host's configuration.
options:
  name:
    description: The application's name.
    type: str
    required: true
  state:
    description:
      - V(drained) before proxies take instances out of use.
      - V(enabled) before they get them back, or a redirect leads to them.
      - V(finished) once the instances are in no step any more.
    type: str
    required: true
    choices: [drained, enabled, finished]
  instances:
    description: The instances of the step.
    type: list
    elements: dict
    required: true
    suboptions:
      index:
        description: The instance's number.
        type: int
        required: true
      port:
        description: Its HTTP port. Not recorded.
        type: int
      folder:
        description: The name of the folder that the step switches it to.
        type: str
  slot:
    description:
      - Which of its two slots a host without proxies uses, written to C(ROOT/slot).
      - The live redirect says so too, and is believed first.
    type: int
    choices: [0, 1]
attributes:
  diff_mode:
    description: Changes no configuration, so there is no difference to show.
    support: none
extends_documentation_fragment:
  - xitrum.host.batch
  - xitrum.host.application
"""

EXAMPLES = r"""
- name: Record that instance 0 is about to be drained
  xitrum.host.step_record:
    name: myapp
    root: /opt/myapp
    state: drained
    instances:
      - index: 0
        folder: 3f2a9c1b7d04-1a2b3c4d5e
"""

RETURN = r"""
record:
  description: The instances that are in a step, by their number - C(state), C(folder), and C(healthy), the folder to go
    back to.
  returned: success
  type: dict
  sample: {"0": {"state": "drained", "folder": "3f2a9c1b7d04-1a2b3c4d5e", "healthy": "c843051638d2-0a1b2c3d4e"}}
"""

from ..module_utils.application import step_record
from ..module_utils.core import runner


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(step_record)


if __name__ == "__main__":
    main()
