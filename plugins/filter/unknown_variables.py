# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that finds misspelt variables."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: Finds variables of this collection that are misspelt
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Ansible does not mind a variable that nobody reads, so a misspelt name silently keeps a default.
  - The names that are right are the options in C(meta/argument_specs.yml) of all roles of this collection, and a few
    that only its playbooks have.
positional: known, prefixes, own
options:
  _input:
    description: Names of variables, for example the keys of C(hostvars[inventory_hostname]). Other names than this
      collection's are passed over.
    type: list
    elements: str
    required: true
  known:
    description: The names that are right. Without it, those of the collection.
    type: list
    elements: str
  prefixes:
    description: The prefixes of roles. Without it, those of the collection.
    type: list
    elements: str
  own:
    description:
      - The prefixes that belong to the playbook that runs, such as C(heroku_). An unknown name with one of them is an
        error where a known name with that prefix is near.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: No variable is misspelt
  ansible.builtin.assert:
    that: misspelt.errors | length == 0
    fail_msg: "{{ misspelt.errors | join('\n') }}"
  vars:
    misspelt: "{{ hostvars[inventory_hostname] | list | xitrum.host.unknown_variables }}"
"""

RETURN = r"""
_value:
  description:
    - C(errors) are sentences on unknown C(xitrum_*), and on misspelt names with a prefix in O(own), each with the
      nearest name that is right.
    - C(warnings) are those on unknown names with a role's prefix, such as C(haproxy_), since other people's roles use
      such prefixes too.
  type: dict
  sample:
    errors: ["the variable xitrum_pakage is set, and no role knows it: did you mean xitrum_package?"]
    warnings: []
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import of_collection

from ..module_utils.core import variables


def unknown_variables(
    names: Iterable[Any],
    known: Iterable[str] | None = None,
    prefixes: Iterable[str] | None = None,
    own: Iterable[str] = (),
) -> dict[str, list[str]]:
    """See DOCUMENTATION."""
    if isinstance(names, str):
        raise AnsibleFilterError(
            f"unknown_variables was given the text {names!r}; wanted is a list of names of variables"
        )
    options, all_prefixes = of_collection()
    return variables.unknown(
        list(names), options if known is None else known, all_prefixes if prefixes is None else prefixes, own
    )


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"unknown_variables": unknown_variables}
