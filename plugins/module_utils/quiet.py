# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose arguments hold whole configurations, and so secrets."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


class QuietModule(AnsibleModule):
    """An AnsibleModule that does not put its invocation into the host's journal.

    Ansible hides there only what stands as it was given to an option with C(no_log); a text with line breaks inside of a
    list or a dictionary does not. The C(no_log) of the constructor is no help: Ansible sets it from the task's own.
    """

    def _log_invocation(self):
        """Says nothing."""
