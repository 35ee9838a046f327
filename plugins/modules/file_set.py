#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: file_set
short_description: Keeps a set of files and links as one, and tells the program that reads them
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes all files and links of a set, and removes those that match O(owned) and are not in the set, in one round trip.
  - A path that is a link stays one, and the file that it leads to is written. A link that another user may change is
    an error, and so is a mode that lets every user write.
  - When anything changed, O(commands) are run. They are owed until all of them succeeded, so that a run which is killed half-way makes up for it the next time.
options:
  name:
    description: The set's name, for messages and for the marker below C(/var/lib/xitrum.host/owed).
    type: str
    required: true
  links:
    description: The symbolic links.
    type: list
    elements: dict
    default: []
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
    description: Patterns (as for the shell, only in the last part of the path) of paths that belong to the set. Those that are not in it are removed.
    type: list
    elements: str
    default: []
  commands:
    description: Commands, each a list of arguments, that are run in this order after a change.
    type: list
    elements: list
    default: []
extends_documentation_fragment:
  - xitrum.host.files
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: The unit is there, and systemd knows it
  xitrum.host.file_set:
    name: myapp-service
    files:
      - path: /etc/systemd/system/myapp@.service
        content: "{{ lookup('ansible.builtin.template', 'unit.service.j2') }}"
    commands:
      - [systemctl, daemon-reload]
"""

RETURN = r"""
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

from ..module_utils.core import file_set, runner


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(file_set)


if __name__ == "__main__":
    main()
