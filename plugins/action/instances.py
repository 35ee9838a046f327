# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.instances`: computes the instances and renders their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files

from ..module_utils.desired import application


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.instances"

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the module but for the JDK, which a read of the host finds."""
        inputs = self.make_inputs(own, task_vars)
        return application.build_layout(inputs, Files(self, inputs, task_vars))
