#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_definition
short_description: Write what a service needs, such as the definition of an application for its supervisor
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes all files of a service as one, in one round trip, and starts nothing.
  - A path that is a link stays one, and the file at its end is changed. A link that another user may change is an
    error, and so is a mode that lets every user write.
options:
  of:
    description:
      - V(application) is the definition of an application for its supervisor. It writes O(files), each of which reports
        C(xitrum.host) in its text, and has the supervisor's own daemon run and start at boot. Nothing that runs is
        restarted. An unmanaged file, service directory or program of another file, and an C(/etc/rc.local) that no
        shell runs or that others may change, are errors before anything is written. It removes what another
        supervisor still has of the application, once it has no instance of it. C(@NOFILE@) in a file stands for the
        most open files, up to O(nofile), that the host can grant, and C(@MINFDS@) for the larger of that and of what
        other files of supervisord's configuration ask for.
      - V(other) is another service. It writes all files and links, and removes those that match O(owned) and are not
        among them. When anything changed, O(commands) are run. They are pending until all of them succeeded, so that a
        run which is killed half-way makes up for it the next time.
      - The module fails when an option does not apply to this value.
    type: str
    default: application
    choices: [application, other]
  name:
    description: The name of the application or, with O(of=other), of the set of files, for messages and for the marker
      below C(/var/lib/xitrum.host/pending).
    type: str
    required: true
  instances:
    description: The number of instances. Only with O(of=application). The default is V(1).
    type: int
  nofile:
    description:
      - The maximum number of open files of one instance.
      - Only with O(of=application). The default is V(1024000).
    type: int
  low_port:
    description:
      - Whether an instance listens on a port below 1024.
      - Only with O(of=application). The default is V(false).
    type: bool
  supervisord_version:
    description:
      - The version of supervisord that is desired from PyPI; empty where the distribution's package is. It is not
        installed here, its commands are linked to.
      - A supervisord that was not installed this way is an error, and so is a version before 4.0.
      - Only with O(of=application).
    type: str
  supervisor:
    description: The supervisor that runs the instances. Only with O(of=application). The default is V(systemd).
    type: str
    choices: [daemontools, rc.local, runit, supervisord, systemd, upstart]
  links:
    description: The symbolic links. Only with O(of=other).
    type: list
    elements: dict
    suboptions:
      path:
        description: Where the link is.
        type: path
        required: true
      target:
        description: What it points at, as written.
        type: str
        required: true
  owned:
    description:
      - Patterns (as for the shell, only in the last part of the path) of paths that belong to the set. Those that are
        not in it are removed.
      - Only with O(of=other).
    type: list
    elements: str
  commands:
    description: Commands, each a list of arguments, that are run in this order after a change. Only with O(of=other).
    type: list
    elements: list
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.files
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Define two instances for supervisord
  xitrum.host.service_definition:
    name: myapp
    supervisor: supervisord
    instances: 2
    files: "{{ files }}"
  vars:
    files:
      - path: /etc/myapp-supervisord/0.conf
        content: |
          ; Written by xitrum.host.
          [program:myapp-0]
          command=/opt/myapp/run 0
          user=myapp

- name: Write a unit of systemd
  xitrum.host.service_definition:
    of: other
    name: myapp-service
    files:
      - path: /etc/systemd/system/myapp@.service
        content: "{{ lookup('ansible.builtin.template', 'unit.service.j2') }}"
    commands:
      - [systemctl, daemon-reload]
"""

RETURN = r"""
# Shared values: notes, rows, fixes, errors, broken_rules
notes: {description: "Notes that do not block a run, one sentence each.", returned: with O(of=application), type: list,
  elements: str}
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
from_pypi:
  description: Whether the supervisor has to be installed from PyPI, with the packages that this takes.
  returned: always
  type: bool
  sample: false
packages:
  description: The packages of the supervisor that are missing.
  returned: with O(of=application)
  type: list
  elements: str
"""

from ..module_utils.core import file_set, parts
from ..module_utils.supervisor import component as service

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}}

PARTS: parts.Parts = {"application": service, "other": file_set}


def main() -> None:
    """Read, plan and apply the definition of the service."""
    parts.run("of", PARTS, "application", CONTROLLER)


if __name__ == "__main__":
    main()
