# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.source_tree`: validates the variables of a platform's role, and adds what the
platform needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.xitrum.host.plugins.plugin_utils import role_variables

from ..module_utils.core.untrusted_text import escape_text
from ..module_utils.platforms import desired as platforms
from ..module_utils.platforms import notes
from ..module_utils.preflight import platforms as platform_rules
from ..module_utils.preflight import rules
from ..module_utils.preflight.catalog import Error


class ActionModule(ActionBase):
    """Reads the tree, computes what the platform needs of it, and lets the module edit it."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Returns what the module returns, with the platform's `notes` and `logs_command`."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if arguments.get("state", "edited") != "edited":
            result.update(self._run_module(arguments, task_vars))
            return result
        role = arguments.pop("platform", "") or ""
        names = [str(name) for name in task_vars["hostvars"][task_vars["inventory_hostname"]]]
        if not role:
            errors: Sequence[Error] = role_variables.find_name_errors(names)
            result.update(build_failure(errors) if errors else self._run_module(arguments, task_vars))
            return result
        values = {
            name: self._templar.template(task_vars[name])
            for name in role_variables.list_options(role)
            if name in task_vars
        }
        errors = find_errors(role, names, values)
        if errors:
            result.update(build_failure(errors))
            return result
        tree = self._read({name: arguments[name] for name in ("path", "project") if name in arguments}, role, task_vars)
        errors = () if tree.get("failed") else find_tree_errors(role, values, tree)
        if tree.get("failed") or errors:
            result.update(build_failure(errors) if errors else tree)
            return result

        def render(template: str, more: dict[str, Any]) -> str:
            lookup: Any = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            path = role_variables.ROLES / role / "templates" / template
            return str(lookup.run([str(path)], variables={**values, **more})[0])

        desired = platforms.PLATFORMS[role](values, tree, render)
        result.update(self._run_module({**arguments, **desired.options}, task_vars))
        if not result.get("failed"):
            result["notes"] = [*result["notes"], *write_notes(role, result, names, desired.settings)]
            result["logs_command"] = desired.logs_command
        return result

    def _read(self, arguments: dict[str, Any], role: str, task_vars: Any) -> dict[str, Any]:
        """What the module returns of the tree as it is."""
        check_mode, self._task.check_mode = self._task.check_mode, True
        try:
            return self._run_module({**arguments, "prefix": role}, task_vars)
        finally:
            self._task.check_mode = check_mode

    def _run_module(self, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.source_tree", module_args=arguments, task_vars=task_vars)


def find_errors(role: str, names: list[str], values: dict[str, Any]) -> tuple[Error, ...]:
    """Return an error for each wrong variable of a platform's role. names: all variables of the host."""
    options = role_variables.list_options(role)
    checks: list[rules.Check] = [
        lambda given: role_variables.find_name_errors([*names, *given], [f"{role}_"]),
        lambda given: platform_rules.find_errors(role, options, given),
    ]
    return rules.validate(values, checks)


def find_tree_errors(role: str, values: dict[str, Any], tree: dict[str, Any]) -> tuple[Error, ...]:
    """Return an error for each variable that does not fit the tree. tree: what the module returned of it."""
    return rules.validate(values, [lambda given: platform_rules.find_tree_errors(role, given, tree)])


def write_notes(role: str, tree: dict[str, Any], names: list[str], settings: dict[str, Any]) -> list[str]:
    """Return what the report reports about a platform:
    what was chosen and what is left to do, and unknown variables with the role's prefix."""
    unknown = role_variables.find_unknown([name for name in names if name.startswith(f"{role}_")], own=[f"{role}_"])
    return [*notes.WRITERS[role](tree, **settings), *unknown["warnings"]]


def build_failure(errors: Sequence[Error]) -> dict[str, Any]:
    """Return the result of a task that failed with these errors."""
    message = escape_text("\n".join(error.message for error in errors))
    return {"failed": True, "msg": message, "rules": [error.rule for error in errors]}
