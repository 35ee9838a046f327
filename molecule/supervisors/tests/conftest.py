# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts under test, and the order of the tests: checks first, what changes the hosts last."""

import pytest
import yaml

from tests.lib.checked import Checked
from tests.lib.site import CLONE

pytest_plugins = ["tests.lib.site_fixtures"]

ORDER = ("test_contract.py", "test_contract_slots.py", "test_commands.py", "test_stop.py", "test_moves.py", "test_every_host.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.path.name))


@pytest.fixture(scope="session")
def site(request, tmp_path_factory):
    inventory = CLONE / request.config.getoption("ansible_inventory")
    variables = yaml.safe_load((inventory / "group_vars/xitrum.yml").read_text(encoding="utf-8"))
    return Checked(inventory, tmp_path_factory.mktemp("check"), secrets=[variables["xitrum_secure_key"]])
