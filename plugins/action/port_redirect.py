# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.port_redirect`: computes the redirects from the variables of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction

from ..module_utils.desired import network


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.port_redirect"

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the module."""
        return network.build_redirects(self.make_inputs(own, task_vars))
