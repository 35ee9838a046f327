# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One minimum ansible-core: the collection, its roles, its pages and its own environments agree on it."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.docs.role_variables import ROOT, list_roles

MINIMUM = "2.19"
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md"), *ROOT.glob("inventories/**/*.md")])
#: How a page names a version of ansible-core.
VERSION = re.compile(r"(?:ansible-core|Ansible)[ =><]*(2\.\d+)")


def numbers(version):
    return tuple(int(part) for part in version.split("."))


def test_the_collection():
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={MINIMUM}.0"


@pytest.mark.parametrize("role", list_roles(), ids=lambda path: path.name)
def test_every_role(role):
    galaxy = yaml.safe_load((role / "meta/main.yml").read_text())["galaxy_info"]
    assert galaxy["min_ansible_version"] == MINIMUM


@pytest.mark.parametrize("name", ["README.md", "docs/how-to/run-a-large-fleet.md"])
def test_a_page_that_explains_how_to_install_names_it(name):
    assert f"ansible-core {MINIMUM} or newer" in (ROOT / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_an_older_one(page):
    assert [found for found in VERSION.findall(page.read_text()) if numbers(found) < numbers(MINIMUM)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements.lock", "requirements-newest.txt", "requirements-newest.lock", "execution-environment.yml"])
def test_an_environment_has_no_older_one(name):
    pinned = re.findall(r"ansible-core==(\d+\.\d+)\.\d+", (ROOT / name).read_text())
    assert pinned and all(numbers(version) >= numbers(MINIMUM) for version in pinned)
