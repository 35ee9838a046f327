# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public variables of the host that a task is for, and the defaults of roles below them.

Each is templated when it is first read, and no other variable is.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.xitrum.host.plugins.plugin_utils.read_once import ReadOnce

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"

#: Roles whose defaults the desired state of a host depends on. Their names do not overlap.
WITH_DEFAULTS = ("xitrum", "jdk", "tuning", "port_forward", "supervisor", "proxy")

#: What a run registers has no templates in it, and may be large.
REGISTERED = ("application_package_read", "application_slot_read", "xitrum_host_state", "hostvars")


@functools.lru_cache(maxsize=None)
def read_role_defaults() -> dict[str, Any]:
    """Return the defaults of all these roles, read once a process."""
    found: dict[str, Any] = {}
    for role in WITH_DEFAULTS:
        path = ROLES / role / "defaults" / "main.yml"
        found.update(DataLoader().load_from_file(str(path), trusted_as_template=True) or {})
    return found


class PublicVariables(ReadOnce):
    """Variables of a host by name. A variable without a value raises AnsibleError when it is read."""

    def __init__(self, templar: Any, task_vars: Mapping[str, Any]) -> None:
        super().__init__({**read_role_defaults(), **task_vars})
        # With the defaults, since variables of the inventory refer to them.
        self.templar = templar.copy_with_new_env(available_variables=self.given)

    def read(self, name: str) -> Any:
        """Return a value with its templates filled in."""
        return self.resolve(name, self.given[name])

    def resolve(self, name: str, value: Any) -> Any:
        """Return a value with its templates filled in. Raises AnsibleError, with the variable's name."""
        registered = name in REGISTERED and not isinstance(value, str)
        if value is None or isinstance(value, (bool, int, float)) or registered:
            return value
        try:
            return make_plain(self.templar.template(value))
        except AnsibleError as error:
            raise AnsibleError(f"the variable {name} has no value: {getattr(error, 'message', '') or error}") from error


def filter_chosen(task_vars: Mapping[str, Any], templar: Any) -> Mapping[str, Any]:
    """Return the variables that somebody has set: all but those with the default of a role."""
    defaults = read_role_defaults()
    found = PublicVariables(templar, task_vars)
    found.given = {name: value for name, value in task_vars.items() if name not in defaults or value != defaults[name]}
    return found


def make_plain(value: Any) -> Any:
    """Return a value with all texts as texts: what the vault keeps is one only when it is requested."""
    if isinstance(value, Mapping):
        return {key: make_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
