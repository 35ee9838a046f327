# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.service_definition`: renders the files of the supervisor, or
those of a proxy's service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files

from ..module_utils.desired import proxy, service


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.service_definition"

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the module."""
        inputs = self.make_inputs(own, task_vars)
        files = Files(self, inputs, task_vars)
        if self._task.args.get("kind", "application") == "other":
            return proxy.build_service_files(inputs, files)
        return service.build_service(inputs, files).options

    def is_empty(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether there are no files to write, as for the service of most proxies."""
        return arguments.get("kind", "application") == "other" and not arguments["files"]
