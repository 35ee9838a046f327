# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts, and the servers behind the proxies for tests that make them sick."""

import pytest
import testinfra

from tests.lib.site import CLONE, Site


class Instances:
    """The test servers of prepare.yml, by the name that they answer with: HOST:PORT."""

    def __init__(self, inventory):
        self.inventory = inventory

    def switch_health(self, name):
        """From healthy to sick, or back."""
        where, port = name.split(":")
        host = testinfra.get_host(f"ansible://{where}", ansible_inventory=self.inventory, sudo=True)
        host.check_output(f"systemctl kill --signal=USR1 backend-{port}.service")


@pytest.fixture(scope="session")
def site(request):
    return Site(CLONE / request.config.getoption("ansible_inventory"))


@pytest.fixture
def balancer(request):
    """A host that the inventory names as a load balancer in front of the proxies."""
    return testinfra.get_host("ansible://app1", ansible_inventory=request.config.getoption("ansible_inventory"), sudo=True)


@pytest.fixture
def instances(request):
    return Instances(request.config.getoption("ansible_inventory"))
