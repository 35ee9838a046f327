# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every list of supervisors has every kind of the table: in specifications, documentation, and the scenario that runs them."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.doc_fragments import supervisor as fragment
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import table
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.docs import role_variables
from tests.docs.role_variables import ROOT

#: The kinds that have no host in the scenario `supervisors`.
ELSEWHERE = {
    "systemd": "every other scenario has it",
    "upstart": "no supported distribution has it: test_upstart.py has a double of initctl",
}


@pytest.mark.parametrize(("role", "option"), [("xitrum", "xitrum_supervisor"), ("supervisor", "supervisor_kind")])
def test_the_specification_of_a_role_offers_every_kind(role, option):
    options = role_variables.read_options(ROOT / "roles" / role)
    assert options[option]["choices"] == list(SUPERVISORS)


def test_the_inventory_default_is_that_of_the_modules():
    defaults = yaml.safe_load((ROOT / "roles/xitrum/defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["xitrum_supervisor"] == table.DEFAULT


def test_the_documentation_of_modules_offers_every_kind():
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]["supervisor"]
    assert {name: documented[name] for name in table.OPTION} == table.OPTION
    of_part = yaml.safe_load(fragment.ModuleDocFragment.PART)["options"]["supervisor"]
    assert of_part["choices"] == documented["choices"] and f"V({table.DEFAULT})" in of_part["description"]


def test_a_module_with_a_list_of_its_own_offers_every_kind():
    """An option of other words than those of the fragment."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "plugins/modules").glob("*.py"))]
    documented = [yaml.safe_load(text.partition('DOCUMENTATION = r"""')[2].partition('"""')[0]) or {} for text in texts]
    lists = [module["options"]["supervisor"]["choices"] for module in documented if "supervisor" in (module.get("options") or {})]
    assert lists and lists == [table.OPTION["choices"]] * len(lists)


def test_the_page_of_the_role_compares_every_kind():
    page = (ROOT / "roles/supervisor/README.md").read_text(encoding="utf-8")
    heads = [line for line in page.splitlines() if line.startswith("| | systemd |")]
    assert [cell.strip() for cell in heads[0].strip("|").split("|")[1:]] == list(SUPERVISORS)
    rows = page.partition(heads[0])[2].partition("\n\n")[0].splitlines()
    assert {line for line in rows if line.count("|") not in (0, heads[0].count("|"))} == set(), "a row has a cell for every kind"
    changes = page.partition("## What it changes on a host")[2].partition("\n## ")[0]
    assert [kind for kind in SUPERVISORS if not re.search(rf"(?<![\w.]){re.escape(kind)}(?![\w.])", changes)] == []


FOLDER = ROOT / "molecule/supervisors"


def kinds_of_hosts():
    """The hosts of the scenario and their kinds."""
    hosts = tomllib.loads((FOLDER / "fleet.toml").read_text(encoding="utf-8"))["hosts"]
    variables = {host: yaml.safe_load((FOLDER / f"inventory/host_vars/{host}.yml").read_text(encoding="utf-8")) for host in hosts}
    return {host: each["xitrum_supervisor"] for host, each in variables.items()}


def constant(file, name):
    """A constant of a test of the scenario, which cannot be imported here."""
    tree = ast.parse((FOLDER / "tests" / file).read_text(encoding="utf-8"))
    (value,) = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name]
    return ast.literal_eval(value)


def test_the_scenario_runs_every_kind():
    assert set(kinds_of_hosts().values()) == set(SUPERVISORS) - set(ELSEWHERE)


def test_the_tests_of_the_scenario_know_every_kind():
    """Their lists name hosts and kinds: one that is missing there is neither moved, taken away, nor searched for afterwards."""
    kinds = set(SUPERVISORS) - set(ELSEWHERE)
    assert set(constant("test_moves.py", "SCANNERS")) == {kind for kind in kinds if SUPERVISORS[kind].scan}
    assert {*constant("test_moves.py", "GONE").values(), "runit"} == kinds, "the host runit is moved through others instead"
    hosts = kinds_of_hosts()
    with_slots = {kind for kind in kinds if not SUPERVISORS[kind].no_slots}
    assert {hosts[host] for host in constant("test_contract_slots.py", "HOSTS")} == with_slots
