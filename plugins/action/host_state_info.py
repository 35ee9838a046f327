# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.host_state_info`: computes the desired state that the host is compared
with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ansible.utils.display import Display
from ansible_collections.xitrum.host.plugins.plugin_utils import log_stream
from ansible_collections.xitrum.host.plugins.plugin_utils.crashed_module import add_reason
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files, Refused
from ansible_collections.xitrum.host.plugins.plugin_utils.open_work import add_open_work, get_active_slot
from ansible_collections.xitrum.host.plugins.plugin_utils.public_variables import filter_chosen
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE, UsableVariables

from ..module_utils.application import operations
from ..module_utils.desired import components
from ..module_utils.desired.inputs import Inputs
from ..module_utils.desired.logs import SETTINGS
from ..module_utils.preflight import rules, values
from ..module_utils.preflight.catalog import Error, make_errors


class ActionModule(DesiredAction):
    """Validates, computes, and runs the module."""

    MODULE = "xitrum.host.host_state_info"
    OWN = {**DesiredAction.OWN, "operation": None}

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns, and what a run has to do. With `stream`, follow the logs until the run
        ends."""
        place = self._task.args.pop("stream", None)
        if place:
            self.follow(str(place), task_vars)
        found, operation = super().run(tmp, task_vars), self._task.args.get("operation")
        if operation:
            found = self.limit(found, operation, task_vars)
        return log_stream.mask_result(add_open_work(found, get_active_slot(task_vars)), task_vars, self._templar)

    def limit(
        self, found: dict[str, Any], operation: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return a read with the work of an operation on chosen instances alone."""
        earlier = (task_vars.get("xitrum_host_state") or {}).get("operation") or {}
        if operation["instances"] and "instances" not in found and not found.get("msg"):
            # Nothing would be done, and the run would be green.
            return {**found, "failed": True, "msg": "the module ended without a result; -vvv shows what it printed"}
        slots = self.make_inputs(self.OWN, task_vars).slots
        return operations.limit_read(found, operation, task_vars["inventory_hostname"], slots, earlier.get("pids"))

    def follow(self, place: str, task_vars: Mapping[str, Any]) -> NoReturn:
        """Send new lines of the logs to the process that prints, which the first host's worker starts."""
        hosts, host = list(task_vars[SETTINGS]["settings"]["instances"]), task_vars["inventory_hostname"]
        if host == hosts[0]:
            names = [f"{one}-{index}" for one in hosts for index in task_vars[SETTINGS]["settings"]["instances"][one]]
            files = log_stream.Files(str(task_vars[SETTINGS]["settings"]["save"]), names)
            printer = log_stream.Printer(Display().display, max(map(len, names)), files)
            log_stream.start_printer(place, printer, len(hosts))
        own = {**self.OWN, "desired": ["logs"]}
        options = self.compute(own, task_vars)["logs"]

        def read(given: Mapping[str, Any]) -> dict[str, Any]:
            result = self._execute_module(
                module_name=self.MODULE, module_args={"logs": dict(given)}, task_vars=task_vars
            )
            return log_stream.mask_result(add_reason(result), task_vars, self._templar)

        with log_stream.connect(place) as link:
            log_stream.follow(host, options, read, link, log_stream.get_controller(place))
        # Nobody is left who could take the result of a task.
        os._exit(1)

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of each component. Raises Refused with all errors of the variables."""
        inputs = self.make_inputs(own, task_vars, release_only=bool({"deploy", "operation"} & set(own["desired"])))
        names = components.expand_names(own["desired"], inputs)
        # The playbooks' reads are of a set of components: their preflight validates the values of all hosts at once.
        alone = not any(name in components.SETS for name in own["desired"])
        errors = find_errors(names, inputs, filter_chosen(task_vars, self._templar) if alone else None)
        if errors:
            raise Refused(errors)
        return components.compute(names, inputs, Files(self, inputs, task_vars))


def find_errors(names: list[str], inputs: Inputs, given: Mapping[str, Any] | None) -> tuple[Error, ...]:
    """Return what is wrong with the variables that these components depend on.

    given: the variables that are set, where a role is used alone, so that nothing else validates their values.
    """
    checks = rules.list_component_checks(names, inputs, lambda: inputs.limits, lambda: inputs.cluster, os.path.exists)
    if given is None:
        return rules.validate(inputs, checks, NO_VALUE)
    # The specification of the role has its types, which Ansible has validated.
    usable = UsableVariables(given, {})
    found = rules.validate(usable, [*values.CHECKS, lambda _given: find_unusable_errors(usable), *checks], NO_VALUE)
    return tuple(error for error in found if error.rule == "variable.unusable" or not usable.mentions(error.message))


def find_unusable_errors(usable: UsableVariables) -> Iterator[Error]:
    """Yield an error for each variable that was read and has no value."""
    return make_errors("variable.unusable", usable.errors.values())
