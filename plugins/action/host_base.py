# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.host_base`: computes the desired state of the components that the task
names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files
from ansible_collections.xitrum.host.plugins.plugin_utils.open_work import add_open_work, get_active_slot

from ..module_utils.desired import components


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.host_base"

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns, and what a run has to do where the task only reads."""
        result = super().run(tmp, task_vars)
        reads = boolean(self._task.args.get("read_only", False), strict=False)
        return add_open_work(result, get_active_slot(task_vars)) if reads else result

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of each component. A change takes no logins to test, since only a read tests one."""
        inputs = self.make_inputs(own, task_vars)
        found = components.compute(
            components.expand_names(own["desired"], inputs), inputs, Files(self, inputs, task_vars)
        )
        if not self._task.args.get("read_only") and "nofile" in found:
            del found["nofile"]["logins"]
        return found
