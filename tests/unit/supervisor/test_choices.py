# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every list of supervisors has every kind of the table: in specifications, documentation, and the scenario that runs them."""

from __future__ import annotations

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
    options = role_variables.options(ROOT / "roles" / role)
    assert options[option]["choices"] == list(SUPERVISORS)


def test_the_inventory_default_is_that_of_the_modules():
    defaults = yaml.safe_load((ROOT / "roles/xitrum/defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["xitrum_supervisor"] == table.DEFAULT


def test_the_documentation_of_modules_offers_every_kind():
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]["supervisor"]
    assert {name: documented[name] for name in table.OPTION} == table.OPTION
    of_part = yaml.safe_load(fragment.ModuleDocFragment.PART)["options"]["supervisor"]
    assert of_part["choices"] == documented["choices"] and f"V({table.DEFAULT})" in of_part["description"]


def test_the_page_of_the_role_compares_every_kind():
    page = (ROOT / "roles/supervisor/README.md").read_text(encoding="utf-8")
    heads = [line for line in page.splitlines() if line.startswith("| | systemd |")]
    assert [cell.strip() for cell in heads[0].strip("|").split("|")[1:]] == list(SUPERVISORS)
    changes = page.partition("## What it changes on a host")[2].partition("\n## ")[0]
    assert [kind for kind in SUPERVISORS if kind not in changes] == []


def test_the_scenario_runs_every_kind():
    folder = ROOT / "molecule/supervisors"
    hosts = tomllib.loads((folder / "fleet.toml").read_text(encoding="utf-8"))["hosts"]
    variables = [yaml.safe_load((folder / f"inventory/host_vars/{host}.yml").read_text(encoding="utf-8")) for host in hosts]
    assert {each["xitrum_supervisor"] for each in variables} == set(SUPERVISORS) - set(ELSEWHERE)
