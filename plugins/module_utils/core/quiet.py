# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose arguments hold whole configurations or URLs, and so secrets."""

from __future__ import annotations

from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from .untrusted_text import make_sendable


class Utf8Module(AnsibleModule):
    """An AnsibleModule whose result may hold text of others. All of it leaves the module escaped, by `make_sendable`.

    Ansible refuses a result with a byte that is not UTF-8, such as one of a comment in ISO 8859-1 or of a process's
    name. It prints messages and warnings raw,
    so that a log line with an escape sequence would act on the operator's terminal.
    """

    def exit_json(self, **kwargs: Any) -> NoReturn:
        """Ends the module with this result."""
        super().exit_json(**make_sendable(kwargs))

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        """Ends the module with this error and result."""
        super().fail_json(make_sendable(msg), **make_sendable(kwargs))

    def warn(self, warning: str, **kwargs: Any) -> None:
        """Shows this warning with the module's result."""
        super().warn(make_sendable(warning), **kwargs)


class QuietModule(Utf8Module):
    """An AnsibleModule that does not put its invocation into the host's journal.

    Ansible hides there only what stands as it was given to an option with `no_log`; a text with line breaks inside of
    a list or a dictionary does not. The `no_log` of the constructor does not help: Ansible sets it from the task's own.
    """

    def _log_invocation(self) -> None:
        """Reports nothing."""
