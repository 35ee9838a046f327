# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.run_lock`:
reports whose run this is, and knows which of its own runs are dead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import after_run, held_locks
from ansible_collections.xitrum.host.plugins.plugin_utils.run_identity import has_ended, read_identity


class ActionModule(ActionBase):
    """Asks for the lock, and once more where its holder was a run of this controller that no longer runs."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        del tmp
        controller = read_identity()
        arguments = {**self._task.args, "holder": self._task.args.get("holder") or controller}
        result.update(self._run_module(arguments, task_vars))
        held = result.get("held_by") or {}
        if result.get("failed") and arguments.get("state") == "held" and has_ended(held, controller):
            result = self._run_module({**arguments, "break_lock": held["id"]}, task_vars)
        if not result.get("failed") and not self._task.check_mode:
            # What ends the run before its last task gives the lock back with the same words.
            host = (task_vars or {})["inventory_hostname"]
            held_locks.note(host, arguments, self._connection, bool(result.get("run")))
            if arguments.get("state") == "held":
                after_run.note(locked=host, **{"from": result.get("current", ""), "to": arguments.get("release", "")})
        return result

    def _run_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.run_lock", module_args=arguments, task_vars=task_vars)
