# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.jdk`: fetches the archive once for all hosts, and sends it to those that
lack it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils.remote_folder import make_remote_folder

from ..module_utils.core.untrusted_text import escape_text
from ..module_utils.jdk import fetch as jdk_fetch

#: What only the fetching needs. The hosts do not get it, since it may hold a secret.
FETCHING = ("source", "headers", "timeout", "validate_certs", "cache")


class ActionModule(ActionBase):
    """Asks the host whether it needs the archive; fetches it, sends it, and lets the host unpack it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if arguments.get("manage") != "archives" or arguments.get("download", "controller") != "controller":
            result.update(self._run_module(arguments, task_vars))
            return result
        fetching = {name: arguments.pop(name) for name in FETCHING if name in arguments}
        result.update(self._run_module(arguments, task_vars))
        if result.get("failed") or not result.get("needed") or self._task.check_mode:
            return result
        archive = fetch(fetching, arguments.get("sha256") or "")
        with make_remote_folder(self) as folder:
            remote = self._connection._shell.join_path(folder, "jdk.tar.gz")
            self._transfer_file(archive, remote)
            result.update(self._run_module({**arguments, "archive": remote}, task_vars))
        return result

    def _run_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.jdk", module_args=arguments, task_vars=task_vars)


def fetch(fetching: Mapping[str, Any], sha256: str) -> str:
    """The path of the archive on the controller."""
    if not fetching.get("source"):
        raise AnsibleActionFail("source is required: the path of the archive on the controller, or its URL")
    cache = os.path.abspath(os.path.expanduser(fetching.get("cache") or "~/.cache/xitrum.host"))
    try:
        return jdk_fetch.obtain(
            fetching["source"], sha256.lower(), fetching.get("headers"), cache, int(fetching.get("timeout") or 30),
            fetching.get("validate_certs", True),
        )[0]
    except jdk_fetch.SourceError as error:
        # Ansible would add the causes to a message that reports it all.
        # The server and the archive have chosen some of it, and Ansible prints it raw.
        raise AnsibleActionFail(escape_text(str(error))) from None
    except OSError as error:
        raise AnsibleActionFail(
            f"the cache {cache} cannot be used ({error}): give cache a folder that this user can write and that has "
            "room"
        ) from None
