#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_definition
short_description: Write the files of a service, such as the definition of an application for its supervisor
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes all files of a service together, in one round trip, and starts nothing.
  - If a path is a symbolic link, the link is kept and its target is changed. A link that another user can change is an
    error, and so is a mode with write permission for all users.
options:
  kind:
    description:
      - V(application) is the definition of an application for its supervisor. It writes O(files), each of which has the
        text C(xitrum.host). It starts the supervisor's own daemon and enables it at boot, and restarts nothing that
        runs. It fails before it writes anything if it finds an unmanaged file or service directory, or a program that
        another file defines. It also fails if no shell runs C(/etc/rc.local), or other users can change it. It removes
        the definitions of the application from other supervisors that no longer run an instance of it. In a file,
        C(@NOFILE@) stands for the number of open files that the host can grant, up to O(nofile). C(@MINFDS@) stands for
        the larger of that number and the value that other files of supervisord's configuration require.
      - V(other) is any other service. It writes all files and links, and removes others that match O(owned). After a
        change it runs O(commands). They stay pending until all of them have succeeded, so that the next run completes
        them if a run was killed.
      - The module fails when an option does not apply to this value.
    type: str
    default: application
    choices: [application, other]
  name:
    description: The name of the application or, with O(kind=other), of the set of files. It is used in messages, and
      for the marker below C(/var/lib/xitrum.host/pending).
    type: str
    required: true
  instances:
    description: The number of instances. Only with O(kind=application). The default is V(1).
    type: int
  nofile:
    description:
      - The maximum number of open files of one instance.
      - Only with O(kind=application). The default is V(1024000).
    type: int
  low_port:
    description:
      - Whether an instance listens on a port below 1024.
      - Only with O(kind=application). The default is V(false).
    type: bool
  supervisord_version:
    description:
      - The desired version of supervisord from PyPI; empty for the package of the distribution. The module does not
        install it, but creates links to its commands.
      - A supervisord that was installed in another way is an error, and so is a version before 4.0.
      - Only with O(kind=application).
    type: str
  supervisor:
    description: The supervisor that runs the instances. Only with O(kind=application). The default is V(systemd).
    type: str
    choices: [daemontools, rc.local, runit, supervisord, systemd, upstart]
  links:
    description: The symbolic links to create. Only with O(kind=other).
    type: list
    elements: dict
    suboptions:
      path:
        description: The path of the link.
        type: path
        required: true
      target:
        description: The target of the link, as written in it.
        type: str
        required: true
  owned:
    description:
      - Patterns of paths that belong to the set, with shell wildcards in the last part of the path only. Matching paths
        that are not in O(files) or O(links) are removed.
      - Only with O(kind=other).
    type: list
    elements: str
  commands:
    description: The commands to run after a change, in this order, each a list of arguments. Only with O(kind=other).
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
    kind: other
    name: myapp-service
    files:
      - path: /etc/systemd/system/myapp@.service
        content: "{{ lookup('ansible.builtin.template', 'unit.service.j2') }}"
    commands:
      - [systemctl, daemon-reload]
"""

RETURN = r"""
# Shared values: notes, rows, fixes, errors, broken_rules
notes: {description: "Notes that do not block a run, one sentence each.", returned: with O(kind=application),
  type: list, elements: str}
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
from_pypi:
  description: Whether the supervisor has to be installed from PyPI, with the packages that it needs.
  returned: always
  type: bool
  sample: false
packages:
  description: The packages of the supervisor that are missing.
  returned: with O(kind=application)
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
    parts.run("kind", PARTS, "application", CONTROLLER)


if __name__ == "__main__":
    main()
