# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: role_path
short_description: The folder of a role of this collection
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns the folder of a role of this collection on the controller, wherever the collection is installed.
  - Unlike C(role_path) it also works outside of the role, so that a playbook can render the role's templates before the
    role runs.
options:
  _terms:
    description: Names of roles.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The text of a role's template
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.template', lookup('xitrum.host.role_path', 'supervisor') ~ '/templates/systemd.j2')
      }}"
"""

RETURN = r"""
_raw:
  description: The folders.
  type: list
  elements: path
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.lookup import LookupBase

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    """Looks below the collection that this file belongs to."""

    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """The folders of the roles named."""
        del variables, kwargs
        return [str(ROLES / term) for term in terms]
