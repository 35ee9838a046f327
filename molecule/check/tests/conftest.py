# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the check against the hosts of the scenario, and what a person types after them."""

import pytest
import yaml

from tests.lib.checked import Checked
from tests.lib.site import CLONE


def pytest_configure(config):
    """CI has no time for all of it: see .config/molecule/config.yml."""
    config.addinivalue_line("markers", "long: left out by CI")


@pytest.fixture(scope="session")
def site(request, tmp_path_factory):
    inventory = CLONE / request.config.getoption("ansible_inventory")
    variables = yaml.safe_load((inventory / "group_vars/all.yml").read_text(encoding="utf-8"))
    return Checked(inventory, tmp_path_factory.mktemp("check"), secrets=[variables["xitrum_secure_key"]])
