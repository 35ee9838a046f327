# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios that run whole playbooks against their hosts."""

import pytest
import yaml

from tests.lib.demo_instance import build_package
from tests.lib.site import CLONE, Site


def pytest_configure(config):
    """CI has no time for all of it: see .config/molecule/config.yml."""
    config.addinivalue_line("markers", "long: left out by CI")
    config.addinivalue_line("markers", "soak: only by make soak")


@pytest.fixture(scope="session")
def site(request):
    inventory = CLONE / request.config.getoption("ansible_inventory")
    variables = {}
    for path in sorted((inventory / "group_vars").glob("*.yml")):
        variables.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return Site(inventory, secrets=[variables["xitrum_secure_key"]])


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Packages of the application by the name of their release, made at first use; they differ in one jar."""
    folder = tmp_path_factory.mktemp("packages")

    def build_once(name, *options):
        return folder / name if (folder / name).exists() else build_package(folder / name, name, *options)

    return build_once
