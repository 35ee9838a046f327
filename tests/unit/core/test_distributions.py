# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of distributions, and that every list of families has each of them."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.core import distributions
from ansible_collections.xitrum.host.plugins.module_utils.core.distributions import contract, table
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine

from tests.docs.role_variables import ROOT

from ..fake_host import FakeHost


def test_what_is_supported_in_words():
    assert table.describe_supported() == "Debian 11 or newer, Ubuntu 20.04 or newer, and RHEL 9 or newer with its rebuilds"


def test_the_readme_lists_what_is_supported():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [row.title for row in table.DISTRIBUTIONS.values() if f"{row.title} {row.oldest_release}" not in readme and not row.tested] == []
    assert [f"Debian {release}" for release in table.DISTRIBUTIONS["debian"].tested if str(release) not in readme] == []


def test_every_file_of_a_family_is_in_the_table():
    names = {path.stem for path in pathlib.Path(distributions.__file__).parent.glob("*.py")}
    assert names - {"__init__", "contract", "table"} == set(table.FAMILIES)


def test_the_role_that_installs_packages_knows_every_family():
    spec = yaml.safe_load((ROOT / "roles/packages/meta/argument_specs.yml").read_text(encoding="utf-8"))
    assert spec["argument_specs"]["main"]["options"]["packages_family"]["choices"] == list(table.FAMILIES)
    tasks = {path.stem for path in (ROOT / "roles/packages/tasks").glob("*.yml")}
    assert tasks == {"main", *table.FAMILIES}


@pytest.mark.parametrize("name", table.FAMILIES)
def test_every_family_can_do_all_of_the_contract(name):
    family = type(table.FAMILIES[name])
    methods = [method for method, value in vars(contract.Family).items() if callable(value) and not method.startswith("_")]
    assert len(methods) > 5 and [each for each in methods if getattr(family, each) is getattr(contract.Family, each)] == []


@pytest.mark.parametrize("row", table.DISTRIBUTIONS.values(), ids=lambda row: row.name)
def test_a_row_is_consistent(row):
    assert all(release >= row.oldest[0] for release in row.tested)
    assert row.find_newest_jdk(row.oldest_release), "the minimum version has a JDK"


@pytest.mark.parametrize("identifier", table.BY_ID)
def test_a_distribution_is_known_by_its_id(identifier):
    found = machine.read_system(FakeHost({"/etc/os-release": f'ID="{identifier}"\nVERSION_ID="99"\n'}))
    row = table.BY_ID[identifier]
    assert (found["distribution"], found["family"]) == (row.name, row.family.name)


@pytest.mark.parametrize(("programs", "family"), [
    ({"dpkg-query": "", "apt-get": ""}, "debian"), ({"rpm": ""}, "redhat"), ({}, "redhat"),
    # A host may have the other family's tool as well.
    ({"dpkg-query": "", "apt-get": "", "rpm": ""}, "debian"),
])
def test_the_family_of_a_host_is_that_of_its_package_manager(programs, family):
    host = FakeHost(commands=programs)
    assert {table.find_family(host, kind).name for kind in ("query_program", "manager_program")} == {family}
