# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every list of proxies has every row of the table: in specifications, documentation, roles and the scenario."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.doc_fragments import proxy as fragment
from ansible_collections.xitrum.host.plugins.module_utils.proxy import contract, kinds, table
from ansible_collections.xitrum.host.plugins.module_utils.proxy.table import PROXIES

from tests.docs import role_variables
from tests.docs.role_variables import ROOT


@pytest.mark.parametrize(("role", "option"), [("xitrum", "xitrum_proxy_software"), ("proxy", "proxy_software")])
def test_the_specification_of_a_role_offers_every_software(role, option):
    options = role_variables.read_options(ROOT / "roles" / role)
    assert options[option]["choices"] == list(PROXIES)


def test_the_inventory_default_is_that_of_the_modules():
    defaults = yaml.safe_load((ROOT / "roles/xitrum/defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults["xitrum_proxy_software"] == table.DEFAULT


def test_the_documentation_of_modules_offers_every_software():
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]["software"]
    assert {name: documented[name] for name in table.OPTION} == table.OPTION


@pytest.mark.parametrize("name", PROXIES)
def test_every_software_has_a_role_with_its_templates(name):
    folder = ROOT / "roles" / name
    assert (folder / "README.md").exists()
    templates = {PROXIES[name].template, *(file.template for file in PROXIES[name].files)}
    assert templates == {path.stem for path in (folder / "templates").glob("*.j2")}


def test_every_file_of_a_kind_is_in_the_table():
    names = [path.stem for path in pathlib.Path(kinds.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert sorted(names) == sorted(PROXIES)


@pytest.mark.parametrize("name", PROXIES)
def test_every_software_can_do_what_its_row_states(name):
    backend = PROXIES[name]
    needed = {"parse_maxconn", "parse_servers", "parse_binds", "filter_complaints", "carry_states", "ask_server", "read_live", "read_view", "change",
              "move"}
    needed |= ({"close"} if backend.closes else set()) | ({"probe"} if backend.probes else set())
    for method in needed:
        assert getattr(type(backend), method) is not getattr(contract.ProxyBackend, method), method


@pytest.mark.parametrize(("name", "behind", "port", "words"), [
    ("apache", "proxy", 8404, "Apache believes the PROXY protocol from every client .* choose haproxy or nginx"),
    ("apache", "http", 8404, ""), ("nginx", "proxy", 8404, ""), ("haproxy", "proxy", 0, ""),
    ("nginx", "", 0, "xitrum_proxy_stats_port is 0: expected a number from 1 to 65535"),
    ("apache", "", 0, "expected a number from 1 to 65535"),
])
def test_variables_that_a_software_cannot_take_are_errors(name, behind, port, words):
    found = list(table.find_variable_errors(name, behind, port))
    assert len(found) == bool(words) and all(re.search(words, sentence) for sentence in found)


def test_the_scenario_runs_every_software():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "molecule/proxies/tests").glob("test_*.py")]
    listed = {name for text in texts for name in re.findall(r'^    software = "(\w+)"', text, re.MULTILINE)}
    assert listed == set(PROXIES)
