# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose arguments hold whole configurations or URLs, and so secrets."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xitrum.host.plugins.module_utils.foreign_text import sendable


class Utf8Module(AnsibleModule):
    """An AnsibleModule whose result may hold text of others: Ansible refuses one with a byte that is no UTF-8, so that is escaped.

    Such a byte is in a comment of a file in ISO 8859-1, in the name of a process, or in what a program prints.
    """

    def exit_json(self, **kwargs):
        """Ends the module with this result."""
        super().exit_json(**sendable(kwargs))

    def fail_json(self, msg, **kwargs):
        """Ends the module with this error and result."""
        super().fail_json(sendable(msg), **sendable(kwargs))


class QuietModule(Utf8Module):
    """An AnsibleModule that does not put its invocation into the host's journal.

    Ansible hides there only what stands as it was given to an option with C(no_log); a text with line breaks inside of a
    list or a dictionary does not. The C(no_log) of the constructor is no help: Ansible sets it from the task's own.
    """

    def _log_invocation(self):
        """Says nothing."""
