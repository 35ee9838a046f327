# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that says which values do not fit the type of text that a configuration file takes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: input_problems
short_description: List values that a configuration file cannot take as they are
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - A newline, a quote or a semicolon in such a value would be a directive of the program that reads the file.
positional: kind
options:
  _input:
    description: The values, by the names that a sentence gives them. Of a list, each item has to fit.
    type: dict
    required: true
  kind:
    description: The type that all of them have to be of.
    type: str
    required: true
    choices: [account, backend, class, cookie, domain, duration, header_name, header_value, host, interface, kubernetes,
              line, listen, network, option_name, path, server, unit, url, url_path, zone]
"""

EXAMPLES = r"""
- name: Validate the health path
  ansible.builtin.assert:
    that: "{'health_path': health_path} | xitrum.host.input_problems('url_path') | length == 0"
"""

RETURN = r"""
_value:
  description: A sentence for each value that does not fit, with the value found and the value expected.
  type: list
  elements: str
  sample: ["health_path is '/a b': expected / followed by letters, digits and . _ ~ / ? = & + , : @ -, and no other"]
"""

from ..module_utils.core import input_types


def input_problems(named, kind):
    """C(problem) of module_utils/core/input_types.py for each value."""
    rows = [(name, item) for name, value in named.items() for item in (value if isinstance(value, list) else [value])]
    return [sentence for sentence in (input_types.problem(name, item, kind) for name, item in rows) if sentence]


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"input_problems": input_problems}
