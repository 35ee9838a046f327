# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that writes the report of the roles heroku and openshift."""

from __future__ import annotations

DOCUMENTATION = r"""
name: platform_notes
short_description: List what a platform's role chose, and what is left to do
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Has the exact commands that set the application's keys, since those of Xitrum's project template are public.
positional: role, names, settings
options:
  _input:
    description: What M(xitrum.host.source_tree) returned.
    type: dict
    required: true
  role:
    description: The role.
    type: str
    required: true
    choices: [heroku, openshift]
  names:
    description: The names of all variables of the host. Unknown ones with the role's prefix are listed.
    type: list
    elements: str
    required: true
  settings:
    description:
      - Of heroku, C(java_version) and C(remote). Of openshift, C(name), C(chosen) (whether the user chose it),
        C(secret) and C(layouts).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Report what is left to do
  ansible.builtin.debug:
    msg: "{{ tree | xitrum.host.platform_notes('heroku', hostvars[inventory_hostname] | list, {'java_version': 17,
      'remote': 'heroku'}) }}"
"""

RETURN = r"""
_value:
  description: The sentences.
  type: list
  elements: str
"""

from ansible_collections.xitrum.host.plugins.filter.unknown_variables import unknown_variables

from ..module_utils.report import platforms as sentences

WRITERS = {"heroku": sentences.heroku_notes, "openshift": sentences.openshift_notes}


def platform_notes(tree, role, names, settings):
    """See DOCUMENTATION."""
    unknown = [name for name in names if name.startswith(f"{role}_")]
    return WRITERS[role](tree, **settings) + unknown_variables(unknown, own=[f"{role}_"])["warnings"]


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"platform_notes": platform_notes}
