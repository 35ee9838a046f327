# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of modules that need to know what keeps the instances running."""

from __future__ import annotations


class ModuleDocFragment:
    """The kinds of supervisors, and those of a module with parts (`part`). `tests/unit/supervisor/test_choices.py`
    compares them with the table."""

    DOCUMENTATION = r"""
options:
  supervisor:
    description: The supervisor that runs the instances.
    type: str
    default: systemd
    choices: [daemontools, rc.local, runit, supervisord, systemd, upstart]
"""

    PART = r"""
options:
  supervisor:
    description: The supervisor that runs the instances. Only with O(state=started) and other states that start, stop or
      remove instances. The default is V(systemd).
    type: str
    choices: [daemontools, rc.local, runit, supervisord, systemd, upstart]
"""
