#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_definition
short_description: Gives a supervisor what it needs to start instances of an application, and starts none
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes O(files), the definition, each of which says C(xitrum.host) in its text, and has the supervisor's own daemon run and start at boot.
    Nothing that runs is restarted.
  - Nothing of somebody else is overwritten - a file without our first line, a service directory, a program of another file,
    an C(/etc/rc.local) that no shell runs or that others may change are errors, before anything is written.
  - A path that is a link stays one. The file at its end is changed, keeps its owner, and is recorded before that.
  - Removes what another supervisor still has of the application, once it has no instance of it.
  - C(@NOFILE@) in a file is replaced by the most open files, up to O(nofile), that the host can grant; C(@MINFDS@) by the
    larger of that and of what other files of supervisord's configuration ask for.
options:
  name:
    description: The application's name.
    type: str
    required: true
  instances:
    description: The number of instances.
    type: int
    default: 1
  nofile:
    description: The number of files that one instance may have open.
    type: int
    default: 1024000
  low_port:
    description: Whether an instance listens on a port below 1024.
    type: bool
    default: false
  supervisord_version:
    description:
      - The version of supervisord that is wanted from PyPI; empty where the distribution's package is. It is not installed here, its commands are
        linked to.
      - A supervisord that was not installed this way is an error, and so is a version before 4.0.
    type: str
    default: ""
extends_documentation_fragment:
  - xitrum.host.desired
  - xitrum.host.files
  - xitrum.host.batch
  - xitrum.host.supervisor
"""

EXAMPLES = r"""
- name: Supervisord can be told to start two instances
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
"""

RETURN = r"""
from_pypi:
  description: Whether the supervisor has to be installed from PyPI, with the packages that this takes.
  returned: always
  type: bool
  sample: false
packages:
  description: The packages of the supervisor that are missing.
  returned: always
  type: list
  elements: str
notes:
  description: What is worth knowing and stops nothing, as sentences.
  returned: always
  type: list
  elements: str
rows:
  description: Wanted, configured and effective, one row an item.
  returned: always
  type: list
  elements: dict
problems:
  description: What stands in the way; empty where nothing does.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.supervisor import component as service

#: For the controller alone, see the action plugin of this name.
CONTROLLER = {"desired": {"type": "bool", "default": False}}


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(service, CONTROLLER)


if __name__ == "__main__":
    main()
