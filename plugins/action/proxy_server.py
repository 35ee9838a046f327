# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.proxy_server`: finds out where the proxy reaches the instances of a host, and
prints what the module waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import progress
from ansible_collections.xitrum.host.plugins.plugin_utils.crashed_module import add_reason
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import build_failure
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE, UsableHosts

from ..module_utils.proxy import definition


class ActionModule(ActionBase):
    """Computes the endpoints of instances, and runs the module."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns, or why an instance has no address."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        instances, configured = arguments.pop("instances", None), arguments.pop("configured", None)
        reconfigured = bool(boolean(arguments.pop("reconfigured", True), strict=False))
        if instances:
            try:
                found = self.find_endpoints(instances, configured or {}, task_vars)
            except (*NO_VALUE, ValueError) as error:
                return {**result, **build_failure(error)}
            names = ("endpoints", "other_endpoints") if reconfigured else ("other_endpoints", "endpoints")
            arguments = {**dict(zip(names, found)), **arguments}
        if self._task.check_mode:
            result.update(self._run_at_proxy(arguments, task_vars))
            return result
        limit = int(arguments.get("timeout", 60))
        proxy = self._task.delegate_to or task_vars["inventory_hostname"]

        def call(earlier: Mapping[str, Any], seconds: float) -> dict[str, Any]:
            more = {"waited": seconds} if earlier else {}
            return self._run_at_proxy({**arguments, "return_after": progress.CALL_SECONDS, **more}, task_vars)

        def report(earlier: Mapping[str, Any], seconds: float) -> None:
            servers = ", ".join(str(name) for name in arguments["servers"])
            progress.report(servers, describe(arguments["state"], proxy, earlier), seconds, limit)

        result.update(progress.poll(call, report))
        return result

    def _run_at_proxy(self, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        return add_reason(
            self._execute_module(module_name="xitrum.host.proxy_server", module_args=arguments, task_vars=task_vars)
        )

    def find_endpoints(
        self, instances: Any, configured: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return where the proxy reaches the instances of the task's host at their new ports, and at those that they
        run with. Raises ValueError where the host has no address for the proxy, and where the task is not delegated."""
        host, proxy = task_vars["inventory_hostname"], self._task.delegate_to
        if not proxy:
            raise ValueError(
                "found the option instances in a task without delegate_to: expected the proxy there, while the host of "
                "the play has the instances"
            )
        # Strict, so that a variable without a value is an error that names it.
        variables = UsableHosts(task_vars["hostvars"], {}, strict=True)[host]
        return (
            definition.list_endpoints(instances, variables, proxy),
            definition.list_endpoints(instances, variables, proxy, configured),
        )


def describe(state: str, proxy: str, result: Mapping[str, Any]) -> str:
    """Return what is waited for at a proxy."""
    if state == "ready":
        return f"enabled at {proxy}, waiting for its health checks"
    left = int(result.get("open", 0))
    verb = "draining" if state == "drain" else "disabled"
    return f"{verb} at {proxy}, {left} connection{'' if left == 1 else 's'} left"
