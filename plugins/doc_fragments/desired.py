# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of modules reports alike whose desired state the controller computes."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the controller alone: of modules with one component, of those with several, and the blue/green
    slot."""

    DOCUMENTATION = r"""
options:
  desired:
    description:
      - Whether the controller computes the other options from the variables of the roles. Options that you set take
        precedence.
      - The roles of this collection use it. In your own plays, set the options directly.
    type: bool
    default: false
"""

    SLOT = r"""
options:
  slot:
    description: With O(desired), the blue/green slot, 0 or 1, instead of the active one.
    type: int
"""

    COMPONENTS = r"""
options:
  desired:
    description:
      - Components whose options the controller computes from the variables of the roles. Options that you set take
        precedence.
      - V(site), V(deploy), V(base), V(status) and V(history) stand for the components that the playbook of that name
        reads on the host. V(operation) stands for those that C(restart.yml) reads.
      - The roles of this collection use it. In your own plays, set the options directly.
    type: list
    elements: str
    default: []
"""
