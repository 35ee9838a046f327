# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that lists the files of a service definition."""

from __future__ import annotations

DOCUMENTATION = r"""
name: service_layout
short_description: List the files of a service definition
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Lists the files that a supervisor needs for an application, with the templates that they are made of.
options:
  _input:
    description: The supervisor, C(xitrum_supervisor).
    type: str
    required: true
  name:
    description: The application's name.
    type: str
    required: true
  log_dir:
    description: The folder of log files.
    type: path
    required: true
  supervisord_version:
    description: The version of supervisord from PyPI; empty for that of the distribution.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the files of a unit
  ansible.builtin.debug:
    msg: "{{ 'systemd' | xitrum.host.service_layout('myapp', '/var/log/myapp') }}"
"""

RETURN = r"""
_value:
  description:
    - For each file its C(templates) (a list, whose texts follow each other), its C(path), in which C(@INDEX@) stands for the number of
      an instance, and its C(mode).
  type: list
  elements: dict
"""

from ..module_utils.supervisor.contract import fill
from ..module_utils.supervisor.table import SUPERVISORS


def service_layout(kind, name, log_dir, supervisord_version=""):
    """See DOCUMENTATION."""
    files = SUPERVISORS[kind].layout({"log_dir": log_dir, "supervisord_version": supervisord_version})
    return [
        {"templates": file.templates, "path": fill(file.path, name=name, index="@INDEX@"), "mode": file.mode}
        for file in files
    ]


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Name to function."""
        return {"service_layout": service_layout}
