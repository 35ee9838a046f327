# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates and plans a run for all its hosts; plugins/modules/run_plan.py documents it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Optional

from ansible.inventory.manager import InventoryManager
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import (
    after_run,
    command_line,
    commands_once,
    preflight_reports,
    role_variables,
    rollout_plan,
)
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import (
    build_error_result,
    build_failure,
    build_refusal,
)
from ansible_collections.xitrum.host.plugins.plugin_utils.public_variables import PublicVariables
from ansible_collections.xitrum.host.plugins.plugin_utils.resolved_hosts import ResolvedHosts
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE

from ..module_utils.application import operations, rollout
from ..module_utils.core.commands import shorten_path
from ..module_utils.core.name_lists import format_names
from ..module_utils.desired.inputs import Inputs
from ..module_utils.preflight.catalog import Error
from ..module_utils.proxy.definition import format_server_name
from ..module_utils.report import fleet_summary
from ..module_utils.supervisor import pip

KINDS = (
    "inventory", "values", "variables", "errors", "batches", "rollback", "operation", "installed", "pip", "command",
    "before_release",
)

#: Groups of the inventory with hosts of the collection.
GROUPS = ("xitrum", "xitrum_proxy", "xitrum_decommissioned")
#: How many names a message lists.
LISTED = 10


class ActionModule(ActionBase):
    """Computes on the controller, and connects to no host."""

    _requires_connection = False
    _VALID_ARGS = frozenset(
        ("kind", "groups", "patterns", "prefixes", "addresses", "deploy", "removes", "reports", "verb")
    )

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the plan; an error fails, with its message."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "kind": {"type": "str", "required": True, "choices": list(KINDS)},
                "groups": {"type": "list", "elements": "str", "default": list(GROUPS)},
                "patterns": {"type": "dict"},
                "prefixes": {"type": "list", "elements": "str"},
                "addresses": {"type": "bool", "default": True},
                "deploy": {"type": "bool", "default": False},
                "removes": {"type": "bool", "default": False},
                "reports": {"type": "bool", "default": False},
                "verb": {"type": "str", "choices": list(operations.VERBS)},
            },
            required_if=[("kind", "operation", ["verb"])],
        )
        plan = getattr(self, f"_plan_{options['kind']}")
        try:
            found = plan(options, task_vars)
        except (*NO_VALUE, ValueError) as error:
            found = build_failure(error)
        result.update({"changed": False, **found})
        return result

    def _plan_inventory(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where the inventory has no hosts, or with all misspelt names and the playbook's own invalid values."""
        groups, limit = task_vars["groups"], task_vars.get("ansible_limit")
        if not [*groups.get("xitrum", ()), *groups.get("xitrum_proxy", ())]:
            message = describe_no_hosts_error(task_vars.get("ansible_inventory_sources") or [])
            return {**build_error_result(message), "rules": ["inventory.no-hosts"]}
        # Without a limit, the play has no host of the inventory.
        within = set(task_vars["ansible_play_hosts_all"] if limit else find_members(groups, groups))
        members = find_members(groups, options["groups"])
        chosen = [host for host in members if host in within]
        if not chosen:
            message = describe_limit_error(limit, options["groups"], members)
            return {**build_error_result(message), "rules": ["inventory.limit"]}
        for name, pattern in (options["patterns"] or {}).items():
            if not self._filter_by_pattern(chosen, str(pattern), task_vars):
                message = describe_pattern_error(name, str(pattern), options["groups"], members)
                return {**build_error_result(message), "rules": ["inventory.pattern"]}
        if options["reports"]:
            message = self._note_tasks(task_vars)
            if message:
                return {**build_error_result(message), "rules": ["variable.unusable"]}
        found = self._find_name_errors(options["prefixes"], within, task_vars)
        rules = list(dict.fromkeys(error.rule for error in found))
        return {**build_error_result("\n".join(error.message for error in found)), "rules": rules} if found else {}

    def _find_name_errors(
        self, prefixes: Optional[Sequence[str]], within: Container[str], task_vars: Any
    ) -> list[Error]:
        """Return the errors of misspelt variables: those of `-e` and, with prefixes, those of the hosts of the run."""
        own = preflight_reports.READ_FIRST_PREFIXES if prefixes is None else prefixes
        found = role_variables.find_prefix_errors(command_line.list_variables(), own)
        if prefixes is None:
            return found
        hosts = [host for host in find_members(task_vars["groups"], GROUPS) if host in within]
        every = list(dict.fromkeys([*hosts, task_vars["inventory_hostname"]]))
        return [
            *found, *preflight_reports.find_name_errors(ResolvedHosts(task_vars["hostvars"]), every, prefixes)
        ]

    def _note_tasks(self, task_vars: Any) -> str:
        """Note the tasks that run at the end of the run. Return why that cannot be, as a sentence, or an empty text."""
        host = find_members(task_vars["groups"], GROUPS)[0]
        try:
            value = task_vars["hostvars"][host].get(after_run.VARIABLE)
        except NO_VALUE:
            # The preflight checks report it with the other variables.
            return ""
        if not value:
            return ""
        path, error = after_run.find_tasks(value, self._loader.get_basedir())
        if not error:
            after_run.note(tasks=path, host=host)
        return error

    def _plan_values(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the hosts that can be read, and those with which the package can be."""
        hosts, applications = task_vars["ansible_play_hosts_all"], task_vars["groups"].get("xitrum", ())
        hostvars = ResolvedHosts(task_vars["hostvars"])
        return dict(preflight_reports.split_usable_hosts(hostvars, hosts, options["addresses"], applications))

    def _plan_variables(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail with all invalid variables of the hosts, which are not read yet."""
        del options
        hosts, hostvars = task_vars["ansible_play_hosts_all"], ResolvedHosts(task_vars["hostvars"])
        message, rules = preflight_reports.find_errors(hostvars, hosts, before_read=True)
        return {**build_error_result(message), "rules": rules} if message else {}

    def _plan_errors(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail with all errors of all hosts; return their notes, and what the run has to put back into use."""
        hostvars, groups = ResolvedHosts(task_vars["hostvars"]), task_vars["groups"]
        deploy, hosts = options["deploy"], task_vars["ansible_play_hosts_all"]
        reached = task_vars["ansible_play_hosts"]
        decommissioned = groups.get("xitrum_decommissioned", ())
        message, rules = preflight_reports.find_errors(hostvars, hosts, reached, decommissioned, deploy)
        if message:
            return {**build_error_result(message), "rules": rules}
        notes = preflight_reports.find_notes(hostvars, reached, deploy, hosts, connection=True)
        states = {host: hostvars[host].get("xitrum_host_state") for host in reached}
        removed = self._filter_limited(decommissioned, task_vars) if options["removes"] else []
        return {
            **({"changes": fleet_summary.render_changes(states, removed)} if self._task.check_mode else {}),
            "notes": notes,
            "disabled": preflight_reports.find_disabled(hostvars, reached, groups.get("xitrum_proxy", ())),
            "stopped": preflight_reports.find_stopped(hostvars, reached, groups.get("xitrum_proxy", ())),
        }

    def _filter_limited(self, hosts: Sequence[str], task_vars: Any) -> list[str]:
        """Return the hosts that `--limit` does not leave out, by Ansible's own patterns."""
        limit = task_vars.get("ansible_limit")
        return self._filter_by_pattern(hosts, limit, task_vars) if limit else list(hosts)

    def _filter_by_pattern(self, hosts: Sequence[str], pattern: str, task_vars: Any) -> list[str]:
        """Return the hosts that a pattern of Ansible selects."""
        inventory = InventoryManager(self._loader, parse=False)
        for group, members in task_vars["groups"].items():
            inventory.add_group(group)
            for host in members:
                inventory.add_host(host, group=group)
        selected = {host.name for host in inventory.get_hosts(pattern)}
        return [host for host in hosts if host in selected]

    def _plan_batches(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the batches of the rollout."""
        del options
        given = PublicVariables(self._templar, task_vars)
        return {
            "batches": rollout_plan.plan_batches(
                ResolvedHosts(task_vars["hostvars"]),
                task_vars["ansible_play_hosts_all"],
                given["xitrum_rollout_batch"],
                given.get("xitrum_rollout_strategy", ""),
            )
        }

    def _plan_rollback(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where the hosts have no release in common to go back to; return it in the place of a package."""
        del options
        given, hostvars = PublicVariables(self._templar, task_vars), task_vars["hostvars"]
        hosts = task_vars["ansible_play_hosts_all"]
        releases = {host: hostvars[host]["application_releases_read"]["overview"] for host in hosts}
        found = rollout.choose_rollback_release(releases, given.get("rollback_to"), given["xitrum_main_class"])
        return build_refusal(found.errors) or {"notes": list(found.notes), "package": found.package}

    def _plan_operation(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where an operator names an instance that does not exist; return the numbers of the chosen ones by
        host."""
        variable, hostvars = f"{options['verb']}_instances", task_vars["hostvars"]
        given, hosts = PublicVariables(self._templar, task_vars), task_vars["ansible_play_hosts_all"]
        # The raw ones: a host has more variables than it takes to count its instances.
        raw = getattr(hostvars, "raw_get", hostvars.__getitem__)
        places = {
            host: Inputs(PublicVariables(self._templar, raw(host))).places for host in task_vars["groups"]["xitrum"]
        }
        chosen, errors = operations.choose(variable, given, places, hosts)
        servers = [format_server_name(host, index) for host, indices in chosen.items() for index in indices]
        return build_refusal(errors) or {"chosen": chosen, "one_by_one": variable in given, "servers": servers}

    def _plan_installed(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where the task's host has no release; return the one that it runs in the place of a package."""
        del options
        given, host = PublicVariables(self._templar, task_vars), task_vars["inventory_hostname"]
        read = task_vars["application_releases_read"]["overview"]
        found = rollout.find_installed(host, read, given["xitrum_main_class"])
        return build_refusal(found.errors) or {"package": found.package}

    def _plan_command(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail with what is wrong with the command of run.yml; return its class, time and open files."""
        del options
        given = PublicVariables(self._templar, task_vars)
        hosts = task_vars["ansible_play_hosts_all"]
        found, errors = commands_once.read_command(given, task_vars["groups"], hosts)
        return build_refusal(errors) or found

    def _plan_before_release(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the command of xitrum_before_release and the host that runs it, as `command`; nothing where no
        instance gets a new release."""
        del options
        given, hostvars = PublicVariables(self._templar, task_vars), ResolvedHosts(task_vars["hostvars"])
        return {"command": commands_once.plan_before_release(given, hostvars, task_vars["ansible_play_hosts"])}

    def _plan_pip(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the arguments of pip without credentials, and the files that have these."""
        del options
        return dict(pip.build_settings(PublicVariables(self._templar, task_vars)[pip.VARIABLE]))


def find_members(groups: Mapping[str, Sequence[str]], names: Iterable[str]) -> list[str]:
    """Return the hosts of the groups of these names, each once."""
    return list(dict.fromkeys(host for name in names for host in groups.get(name, ())))


def describe_limit_error(limit: Optional[str], names: Sequence[str], members: Sequence[str]) -> str:
    """Return the message for a run that has no host of the groups that its playbook works on."""
    of_groups = format_groups(names)
    if not limit:
        return (
            f"The inventory has no host in {of_groups}, which this playbook works on. Add hosts to it, or choose "
            "another inventory with -i"
        )
    return (
        f"--limit is {limit!r}: expected one or more hosts of {of_groups}, which are "
        f"{format_names(members, LISTED)}. Choose other hosts, or run the playbook without --limit"
    )


def describe_pattern_error(variable: str, pattern: str, names: Sequence[str], members: Sequence[str]) -> str:
    """Return the message for a variable with a pattern that selects no host of the run."""
    return (
        f"{variable} is {pattern!r}: expected one or more hosts of {format_groups(names)}, which are "
        f"{format_names(members, LISTED)}, and within --limit"
    )


def format_groups(names: Sequence[str]) -> str:
    """Return groups as a part of a sentence."""
    return f"the group{'s' if len(names) > 1 else ''} {', '.join(names)}"


def describe_no_hosts_error(sources: Sequence[str]) -> str:
    """Return the message for inventories, by their sources, that have no host of the collection."""
    shown = ", ".join(shorten_path(str(source), os.getcwd()) for source in sources)
    demo = ". To start the hosts of the demo, run make demo" if shown.rstrip("/").endswith("inventories/demo") else ""
    return (
        f"The inventory{shown and f' {shown}'} has no host in the groups xitrum and xitrum_proxy. Put application "
        f"hosts into xitrum and proxies into xitrum_proxy, or choose another inventory with -i{demo}"
    )
