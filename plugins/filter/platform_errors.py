# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that validates the variables of the roles heroku and openshift."""

from __future__ import annotations

DOCUMENTATION = r"""
name: platform_errors
short_description: List all errors in the variables of a platform's role
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Ansible's own validation of a role prints the whole specification, and ends at values that it cannot convert. This
    one has a sentence for each error.
positional: role, names, tree
options:
  _input:
    description: The role's variables that are set, name to value.
    type: dict
    required: true
  role:
    description: The role.
    type: str
    required: true
    choices: [heroku, openshift]
  names:
    description: The names of all variables of the host, of which misspelt ones are errors.
    type: list
    elements: str
    default: []
  tree:
    description: What M(xitrum.host.source_tree) returned. With it, only what the tree tells is validated.
    type: dict
"""

EXAMPLES = r"""
- name: Validate settings
  ansible.builtin.fail:
    msg: "{{ errors | join('\n') }}"
  vars:
    errors: "{{ {'heroku_path': '../shop', 'heroku_heap': 'foo'} | xitrum.host.platform_errors('heroku') }}"
  when: errors | length > 0
"""

RETURN = r"""
_value:
  description: A sentence for each error, with the value found and the value expected.
  type: list
  elements: str
  sample: ["heroku_heap is 'foo': expected a size as -Xmx takes it, such as 512m or 2g"]
"""

from ansible_collections.xitrum.host.plugins.filter.unknown_variables import of_collection, unknown_variables

from ..module_utils.preflight import platforms as platform_settings


def platform_errors(values, role, names=(), tree=None):
    """See DOCUMENTATION."""
    if tree is not None:
        return platform_settings.find_tree_errors(role, values, tree)
    options = {name: option for name, option in of_collection()[0].items() if name.startswith(f"{role}_")}
    return unknown_variables([*names, *values], own=[f"{role}_"])["errors"] + platform_settings.find_errors(
        role, options, values
    )


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"platform_errors": platform_errors}
