# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.host_record`: computes what the application takes of a host, and adds to a
read what the proxies call the instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import DesiredAction

from ..module_utils.desired import application
from ..module_utils.proxy.definition import format_server_name


class ActionModule(DesiredAction):
    """Computes, and runs the module."""

    MODULE = "xitrum.host.host_record"

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns, and of a read `instances` and `servers` as well."""
        result = super().run(tmp, task_vars)
        if self._task.args.get("state") == "read" and "applications" in result:
            result.update(name_instances(result["applications"], task_vars["inventory_hostname"]))
        return result

    def compute(self, own: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the option `application`."""
        return {"application": application.build_claims(self.make_inputs(own, task_vars))}


def name_instances(applications: Iterable[Mapping[str, Any]], host: str) -> dict[str, list[Any]]:
    """Return the `instances` of a host, each with an index and no port of its own, and the `servers` that they are."""
    indices = list(dict.fromkeys(index for one in applications for index in one["indices"]))
    return {
        "instances": [{"index": index, "port": 0} for index in indices],
        "servers": [format_server_name(host, index) for index in indices],
    }
