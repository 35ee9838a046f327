# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of all modules reports alike."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module that changes a host (`batch`), of one that only reads (`batch.info`), and of one that
    has a part on the controller (`batch.action`)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Reports what would change, and changes nothing.
    support: full
  diff_mode:
    description: Returns the differences of each changed file.
    support: full
  platform:
    description: Target operating systems.
    platforms: Linux
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Target operating systems.
    platforms: Linux
    support: full
"""

    ACTION = r"""
options: {}
attributes:
  action:
    description: Runs an action plugin on the controller.
    support: full
"""
