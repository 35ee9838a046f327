# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rollback_choice
short_description: The one release that all hosts can go back to
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Without O(release) it is the last one before the current one that was healthy on all hosts. A release that failed
    its canary is none.
options:
  _input:
    description: The variables of all hosts. C(application_releases_read) is what M(xitrum.host.release) with
      O(ignore:state=read) returned.
    type: dict
    required: true
  hosts:
    description: The hosts that go back.
    type: list
    elements: str
    required: true
  release:
    description: The release that is asked for; empty for the last healthy one before the current one.
    type: str
    default: ""
  main_class:
    description: The class that starts it; empty for the only one that it has.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: The release to go back to is shown
  ansible.builtin.debug:
    msg: "{{ (hostvars | xitrum.host.rollback_choice(groups['xitrum'])).package.release }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), sentences on why there is none; C(notes), sentences to read.
    - C(package), which takes the place of what M(xitrum.host.package_info) returns.
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..module_utils.application import rollout


def rollback_choice(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], release: Any = "", main_class: str = ""
) -> dict[str, Any]:
    """C(go_back_to) of module_utils/application/rollout.py over what was read of C(hosts)."""
    releases = {host: hostvars[host]["application_releases_read"] for host in hosts}
    return rollout.go_back_to(releases, release, main_class)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"rollback_choice": rollback_choice}
