# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place that fails a task names a rule, or stands in this table with the reason why it does not."""

from __future__ import annotations

import ast

from tests.docs import rules as page

#: What fails while it acts, on a host or on the controller: nothing that a user has set is at fault.
ACTS = "an action failed"
#: What a task of a playbook gives a module or a filter, as Ansible's own check of options refuses it.
OPTION = "an option of a task"
#: What takes rules with it: `rules` or `broken_rules` of the result.
RULES = "has rules"

PLACES = {
    "action/connection_load.py ActionModule._watch": ACTS,
    "action/console.py ActionModule._record": ACTS,
    "action/console.py ActionModule._run_class": ACTS,
    "action/console.py ActionModule.run": ACTS,
    "action/host_state_info.py ActionModule.limit": ACTS,
    "action/jdk.py fetch": ACTS,
    "action/package_info.py ActionModule.run": ACTS,
    "action/release.py ActionModule._send": ACTS,
    "action/release.py ActionModule.run": OPTION,
    "action/release.py pack": ACTS,
    "action/report.py ActionModule._report_host": ACTS,
    "action/report.py ActionModule._report_load": ACTS,
    "action/report.py ActionModule._report_logs": ACTS,
    "action/report.py ActionModule._report_run": ACTS,
    "action/report.py write_files": ACTS,
    "action/source_tree.py build_failure": RULES,
    # Ansible reports a filter's error where it fills in the hosts of a play: before any task, and without a result.
    "filter/available_proxies.py available_proxies": OPTION,
    "filter/capacity_plan.py capacity_plan": OPTION,
    "filter/proxy_addresses.py proxy_addresses": OPTION,
    "filter/working_hosts.py check_command_line": OPTION,
    "filter/working_hosts.py exclude_away": OPTION,
    "module_utils/core/fence.py make_host": ACTS,
    "module_utils/core/job_poll.py read": ACTS,
    "module_utils/core/parts.py run": OPTION,
    "module_utils/core/quiet.py Utf8Module.fail_json": RULES,
    "module_utils/core/runner.py _apply": ACTS,
    "module_utils/core/runner.py _build_failure": ACTS,
    "module_utils/core/runner.py converge": RULES,
    "module_utils/core/runner.py finish": RULES,
    "module_utils/core/runner.py finish_all": RULES,
    "module_utils/core/runner.py refuse": RULES,
    "module_utils/core/target_reader.py run": OPTION,
    "module_utils/host_state/base.py finish": ACTS,
    "modules/connection_load.py plan_load": RULES,
    "modules/connection_load.py refuse": OPTION,
    "modules/host_base.py main": OPTION,
    "modules/host_state_info.py main": OPTION,
    "modules/reach_info.py find_blocks": ACTS,
    "modules/reach_info.py find_connections": OPTION,
    "plugin_utils/desired_action.py build_error_result": RULES,
    "plugin_utils/desired_action.py build_failure": RULES,
    "plugin_utils/log_stream.py connect": ACTS,
    "plugin_utils/log_stream.py send": ACTS,
    # Whoever catches it reports `variable.unusable`.
    "plugin_utils/public_variables.py PublicVariables.resolve": RULES,
}

#: Functions and exceptions that fail a task.
FAILURES = ("fail_json", "AnsibleActionFail", "AnsibleError", "AnsibleFilterError", "NotApplied")


def is_failure(node):
    """Whether a node of a program fails a task."""
    if isinstance(node, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == "failed" and isinstance(value, ast.Constant) and value.value is True
                   for key, value in zip(node.keys, node.values, strict=True))
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name in FAILURES or (name == "update" and any(given.arg == "failed" for given in node.keywords))


def list_failures(node, place):
    """Every place of a program that fails a task, as the names of classes and functions."""
    for child in ast.iter_child_nodes(node):
        inner = [*place, child.name] if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else place
        if is_failure(child):
            yield ".".join(inner)
        yield from list_failures(child, inner)


def test_every_place_that_fails_a_task_names_a_rule_or_has_a_reason():
    plugins = page.PAGE.parents[2] / "plugins"
    found = {
        f"{path.relative_to(plugins)} {place}"
        for path in plugins.rglob("*.py") for place in list_failures(ast.parse(path.read_text(encoding="utf-8")), [])
    }
    assert found == set(PLACES)
