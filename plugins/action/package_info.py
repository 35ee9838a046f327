# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a package on the controller; plugins/modules/package_info.py documents it.

It is not sent to the controller as a module: that takes Ansible longer than to read most packages.
"""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import package_inspection

from ..module_utils.core import urls


class ActionModule(ActionBase):
    """Reads on the controller, and connects to no host."""

    _requires_connection = False
    _VALID_ARGS = frozenset(package_inspection.SPEC)

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the package is, with its errors."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        validated, options = self.validate_argument_spec(argument_spec=package_inspection.SPEC)
        # A header's value is hidden wherever it occurs in the result. A short one, such as "1", is not a secret and
        # would blot out file names and versions.
        secrets = {value for value in validated._no_log_values if len(value) > 7}
        secrets |= set(urls.find_credentials(options["source"]))
        try:
            found = package_inspection.read_package(options)
        except OSError as error:
            cache = os.path.abspath(options["cache"])
            raise AnsibleActionFail(
                f"the cache {cache} cannot be used ({error}): give cache a folder that this user can write and that "
                "has room"
            ) from error
        result.update({"changed": False, **remove_values(found, secrets)})
        return result
