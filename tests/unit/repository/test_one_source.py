# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fact that YAML and documentation have to repeat is the one that Python has."""

from __future__ import annotations

import ast

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.filter import capacity_plan
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Row
from ansible_collections.xitrum.host.plugins.module_utils.core.statuses import STATUSES
from ansible_collections.xitrum.host.plugins.module_utils.kernel import files as kernel_files
from ansible_collections.xitrum.host.plugins.module_utils.limits import capacity, host_capacity, nofile

from tests.docs.role_variables import ROOT

#: Options of roles to the Python value that is their default.
DEFAULTS = {
    ("tuning", "tuning_sysctl_file"): kernel_files.OWN_PATH,
    ("tuning", "tuning_limits_file"): nofile.OWN_PATH,
}
#: Where a path of ours may be written out: documentation has it as text, and the constant itself.
CONSTANTS = {"kernel/files.py", "limits/nofile.py"}


@pytest.mark.parametrize(("role", "option"), DEFAULTS)
def test_the_default_of_a_role_is_that_of_python(role, option):
    spec = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert spec["argument_specs"]["main"]["options"][option]["default"] == defaults[option] == DEFAULTS[role, option]


def test_our_paths_are_written_out_once():
    utils = ROOT / "plugins/module_utils"
    found = {
        str(path.relative_to(utils))
        for path in utils.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in DEFAULTS.values()
    }
    assert found == CONSTANTS


def test_the_options_of_a_capacity_plan_are_documented_as_they_are():
    documented = yaml.safe_load(capacity_plan.DOCUMENTATION)["options"]
    options = {name: {key: value for key, value in option.items() if key in ("type", "default")} for name, option in documented.items()}
    assert options.pop("_input") == {"type": "int"}
    assert options == {name: option for name, option in capacity.OPTIONS.items() if name != "connections"}
    assert set(capacity.OPTIONS) - set(host_capacity.SPEC) == set(capacity.FOUND)


def statuses_of(tree):
    """The statuses that a module gives to rows, as texts: the argument `status` of a call, and the sixth of `Row`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            values = [keyword.value for keyword in node.keywords if keyword.arg == "status"]
            if getattr(node.func, "id", "") == "Row":
                values += node.args[5:6]
            for value in values:
                yield from (part.value for part in ast.walk(value) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_no_row_has_a_status_of_its_own():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "plugins/module_utils").rglob("*.py")]
    used = {status for tree in trees for status in statuses_of(tree)}
    assert len(used & set(STATUSES)) > 4
    assert used - set(STATUSES) == set()


def test_a_row_with_a_status_of_its_own_is_refused():
    """Also where the status is computed, which the test above does not see."""
    with pytest.raises(ValueError, match="'fine' is the status of a row: expected one of ok, drift"):
        Row("kernel", "x", status="fine")
