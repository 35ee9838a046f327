# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of M(xitrum.host.file_set): renders the files of a set that the collection knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction, Files

from ..module_utils.desired import proxy

#: The sets by their names.
SETS = {"proxy_service": proxy.service_files}


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.file_set"

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the module for the one set that is asked for."""
        inputs = self.inputs_of(own, task_vars)
        (name,) = own["desired"]
        return SETS[name](inputs, Files(self, inputs, task_vars))

    def is_empty(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether the set has no files, as the service of most proxies."""
        return not arguments["files"]
