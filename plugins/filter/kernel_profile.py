# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kernel_profile
short_description: A kernel profile from a documented list, a capacity plan and what the user says of single parameters
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns the O(ignore:profile) of M(xitrum.host.sysctl_profile). Of a parameter that several name, the last of these
    counts - the list, O(additions), O(own).
  - Parameters are one whether their names are written with dots or slashes.
options:
  _input:
    description: The list. Of each entry are read C(key), C(value), C(policy) and C(source).
    type: list
    elements: dict
    required: true
  to_the_letter:
    description: Whether the values of the list are set exactly, whatever their policy. One with the policy V(leave) is
      left off all the same.
    type: bool
    default: false
  additions:
    description: Profiles to merge, in order. An entry without a value is left out.
    type: list
    elements: dict
    default: []
  own:
    description: What the user says of single parameters, a value or a dictionary. It wins. V(null) takes a parameter
      out of the profile.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: The list, with a larger backlog and without one of its parameters
  ansible.builtin.debug:
    msg: "{{ list | xitrum.host.kernel_profile(own={'net.core.somaxconn': 8192, 'net.ipv4.tcp_fin_timeout': none}) }}"
"""

RETURN = r"""
_value:
  description: The profile.
  type: dict
  sample: {"net.core.somaxconn": {"value": 1024, "policy": "at_least", "source": "the guide"}}
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.kernel import guide


def kernel_profile(entries: Any, to_the_letter: bool = False, additions: Any = (), own: Any = None) -> Any:
    """C(profile) of module_utils/kernel/guide.py: its ValueError is an error of the filter."""
    try:
        return guide.profile(entries, to_the_letter, additions, own)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"kernel_profile": kernel_profile}
