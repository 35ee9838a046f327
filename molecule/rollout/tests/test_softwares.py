# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy, and a release that is broken, behind each of the other proxies."""

import pytest

from tests.verify.traffic import BUSY, Traffic

EVERY = {"app1:8000", "app1:8001", "app2:8000", "app2:8001"}
DEPLOY = "playbooks/deploy.yml"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["nginx", "apache"])
def software(request, site, packages):
    """The proxy's software, which has taken the place of the one before, with its first release behind it."""
    site.run_script("proxy1", "systemctl disable --now haproxy nginx 2>&1", check=False)
    site.run(xitrum_proxy_software=request.param, xitrum_package=str(packages(f"{request.param}-1"))).assert_ended_well()
    return request.param


def serving(traffic):
    """The instances that have answered the clients."""
    return {name for load in traffic.loads for name in load.instances}


def test_a_deploy_loses_no_request(site, packages, print_line, software):
    before = site.list_running()
    # A reload ends kept connections between two requests.
    with Traffic(site, **BUSY, keeps=False) as traffic:
        site.run(playbook=DEPLOY, xitrum_proxy_software=software, xitrum_package=str(packages(f"{software}-2"))).assert_ended_well()
    print_line(f"{traffic.count} requests to {software} while four instances were deployed: {sum(len(load.errors) for load in traffic.loads)} failed, "
               f"{sum(load.reopened for load in traffic.loads)} kept connections were reopened")
    traffic.assert_nothing_lost()
    assert serving(traffic) == EVERY
    assert not set(before["app1"] + before["app2"]) & set(site.list_running()["app1"] + site.list_running()["app2"])


def test_a_broken_release_stops_at_the_first_instance(site, packages, software):
    before = site.list_running()
    with Traffic(site, keeps=False) as traffic:
        run = site.run(playbook=DEPLOY, xitrum_proxy_software=software, xitrum_package=str(packages("broken", "--fault", "page")))
    assert run.code != 0 and "Restored and healthy: instance 0" in run.message
    traffic.assert_nothing_lost()
    assert site.list_running()["app2"] == before["app2"]
    with Traffic(site, keeps=False) as traffic:
        traffic.wait_for_more()
    # Not all four: Apache prefers those that have had fewer requests for as long as that is so.
    assert "app1:8000" in serving(traffic), "it went back, and is enabled again"
