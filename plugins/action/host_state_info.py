# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of M(xitrum.host.host_state_info): computes the desired state that the host is compared
with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files

from ..module_utils.desired import components
from ..module_utils.desired.inputs import Inputs
from ..module_utils.preflight import rules

#: Components of which a plan is made for the instances, and for a proxy.
OF_APPLICATION, OF_PROXY = {"instances", "service", "release"}, {"proxy", "proxy_health"}


class ActionModule(DesiredAction):
    """Validates, computes, and runs the module."""

    MODULE = "xitrum.host.host_state_info"

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of each component. Raises ValueError with all errors of the variables, a line each."""
        inputs = self.inputs_of(own, task_vars, release_only="deploy" in own["desired"])
        names = components.names_of(own["desired"], inputs)
        errors = list(find_errors(set(names), inputs))
        if errors:
            raise ValueError("\n".join(dict.fromkeys(errors)))
        return components.compute(names, inputs, Files(self, inputs, task_vars))


def find_errors(names: set[str], inputs: Inputs) -> Iterator[str]:
    """Yield what is wrong with the variables that these components depend on."""
    if names & {"kernel", "nofile"} and "capacity" not in names and inputs.limits.get("problem"):
        # A read of the capacity knows the host's memory and open files too, and reports every shortfall at once.
        yield inputs.limits["problem"]
    if names & OF_APPLICATION:
        yield from (error.message for error in rules.layout_errors(inputs, inputs.cluster))
    if names & OF_PROXY:
        yield from (error.message for error in rules.proxy_errors(inputs, os.path.exists))
        try:
            yield from (error.message for error in rules.server_errors(inputs["proxy_servers"]))
        except ValueError as error:
            # A line for each host that cannot be reached so.
            yield from str(error).splitlines()
