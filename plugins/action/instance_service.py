# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.instance_service`: prints what the module waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import progress
from ansible_collections.xitrum.host.plugins.plugin_utils.crashed_module import add_reason

from ..module_utils.proxy import definition

#: States that only record a step, and wait for nothing.
RECORDS = ("drained", "enabled", "finished", "switched")

#: What was done to the instances that are waited for.
DONE = {"started": "started", "restarted": "restarted", "returned": "back to the earlier release"}


class ActionModule(ActionBase):
    """Runs the module, again while it waits."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments, host = dict(self._task.args), task_vars["inventory_hostname"]
        if self._task.check_mode or arguments.get("state", "started") in RECORDS:
            result.update(self._run_module(arguments, task_vars))
            return result

        def call(earlier: Mapping[str, Any], _seconds: float) -> dict[str, Any]:
            more = {"resume": earlier["waiting"]} if earlier else {}
            return self._run_module({**arguments, "return_after": progress.CALL_SECONDS, **more}, task_vars)

        def report(earlier: Mapping[str, Any], _seconds: float) -> None:
            waiting = earlier["waiting"]
            progress.report(*describe(arguments, host, waiting), waiting["seconds"], waiting["limit"])

        result.update(progress.poll(call, report))
        return result

    def _run_module(self, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        return add_reason(
            self._execute_module(module_name="xitrum.host.instance_service", module_args=arguments, task_vars=task_vars)
        )


def describe(arguments: Mapping[str, Any], host: str, waiting: Mapping[str, Any]) -> tuple[str, str]:
    """Return the instances that are waited for, and what is waited for."""
    every = [str(item["index"]) for item in arguments.get("instances") or ()]
    numbers = list(waiting.get("faults") or every)
    subject = ", ".join(definition.format_server_name(host, number) for number in numbers) or host
    if waiting["phase"] == "drained":
        left = waiting["left"]
        return subject, f"draining, {left} connection{'' if left == 1 else 's'} left"
    if waiting["phase"] == "watched":
        return subject, "watched under live traffic"
    done = DONE.get(arguments.get("state", "started"), "started") if waiting["phase"] == "started" else "runs"
    if waiting.get("late"):
        then = "stopping it again" if arguments.get("operator") else "restoring the earlier release"
        return subject, f"{done}, not healthy in time, {then}"
    return subject, f"{done}, waiting for {arguments.get('path', '/')} to answer {arguments.get('status', 200)}"
