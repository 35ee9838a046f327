# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without a proxy: one instance on a host that redirects port 80 itself. Releases switch over between its two slots,
in the order in which they are listed here."""

import time

import pytest

from tests.lib.demo_instance import request
from tests.lib.site import wait_for
from tests.verify.load import Load
from tests.verify.traffic import BUSY, KEPT, WEBSOCKETS, Traffic

DEPLOY, MAINTENANCE = "playbooks/deploy.yml", "playbooks/maintenance.yml"


class TestWithoutAProxy:
    """One instance on a host that redirects port 80 itself: releases switch over between its two slots."""

    @pytest.fixture(scope="class")
    def solo(self, site, tmp_path_factory):
        inventory = site.with_inventory(tmp_path_factory.mktemp("solo") / "inventory", {"xitrum": ["solo"], "xitrum_proxy": []})
        inventory.run(xitrum_instances=1).assert_ended_well()
        return inventory

    def deploy(self, solo, package, **variables):
        return solo.run(playbook=DEPLOY, xitrum_instances=1, xitrum_package=str(package), **variables)

    def slot(self, solo):
        """The instance that is there: its number, by the host's folders, and its release, by what port 80 answers."""
        there = solo.run_script("solo", "ls /opt/xitrum/instances").split()
        return there, request(80, "/", host=solo.hosts["solo"]["xitrum_address"]).headers["X-Demo-Release"]

    def test_releases_switch_over_without_a_lost_request(self, solo, packages, print_line):
        assert self.slot(solo) == (["0"], "test-1")
        assert self.switch_over(solo, packages, print_line, "test-2", "1", 9000) == WEBSOCKETS + KEPT
        self.deploy(solo, packages("test-2"), xitrum_http_port=9000).assert_did_nothing()

    @pytest.mark.long
    def test_the_next_release_switches_back_to_the_first_slot(self, solo, packages, print_line):
        assert self.switch_over(solo, packages, print_line, "test-3", "0", 8000) == WEBSOCKETS + KEPT

    def switch_over(self, solo, packages, print_line, name, slot, port):
        """Deploys a release with another port, too: the redirect is switched to it, and the old one is drained at the port that
        it has. The number of connections that were cut at the deadline."""
        # A connection that is kept until the deadline is closed then.
        with Traffic(solo, "solo", **BUSY, keeps=False) as traffic:
            run = self.deploy(solo, packages(name), xitrum_canary_seconds=2, xitrum_http_port=port).assert_ended_well()
            assert self.slot(solo) == ([slot], name)
            assert self.ports(solo) == [port + int(slot)]
            assert solo.run_script("solo", "cat /opt/xitrum/slot") == slot
        traffic.assert_nothing_lost()
        print_line(f"{traffic.count} requests to a host without a proxy while {name} took the place of another release: none lost")
        assert len(traffic.closed) == WEBSOCKETS, "those of the old release were closed when their time was over"
        return sum(result.get("cut", 0) for _host, result in run.list_results("xitrum.host.instance_service"))

    @pytest.mark.long
    def test_a_restart_goes_through_the_other_slot_without_a_lost_request(self, solo):
        (before,), release = self.slot(solo)
        # The port that the last deploy has set.
        given = {"playbook": "playbooks/restart.yml", "xitrum_instances": 1, "xitrum_http_port": self.ports(solo)[0] - int(before)}
        with Traffic(solo, "solo", **BUSY, keeps=False) as traffic:
            solo.run(**given).assert_ended_well()
        traffic.assert_nothing_lost()
        assert self.slot(solo) == ([str(1 - int(before))], release), "the release stays"
        # A change that waits for a deploy would come with the other slot.
        run = solo.run(**given, xitrum_heap="300m")
        assert run.code == 2 and "found a pending change for solo-" in run.message and "Run deploy.yml instead" in run.message
        # The tests after this one expect the slot of before.
        solo.run(**given).assert_ended_well()
        assert self.slot(solo) == ([before], release)

    def ports(self, solo):
        """The HTTP ports on which instances listen."""
        return [int(port) for port in solo.run_script("solo", "ss -Hltn | awk '{print $4}' | grep -oE '(800|900).$'").split()]

    @pytest.mark.long
    def test_the_redirect_follows_an_instance_that_a_deploy_restarts_in_place_at_another_port(self, solo, packages):
        for port, canary in ((9000, 30), (8000, 0)):
            with Load(solo.hosts["solo"]["xitrum_address"], 80, threads=1) as load:
                run = self.deploy(solo, packages("test-3"), xitrum_http_port=port, xitrum_slots=False, xitrum_canary_seconds=canary)
                run.assert_ended_well()
                load.wait_for_more()
            assert self.slot(solo) == (["0"], "test-3")
            assert self.ports(solo) == [port]
            notes = " ".join(str(result.get("msg")) for task, _host, result in run.tasks if task == "Report notes")
            assert "the restart in place refuses requests until the instance answers again. With xitrum_slots: true" in notes
            assert f"port {port} is new here: deploy.yml does not reserve it" in notes
            # Requests are refused while it restarts, and no longer: not while the canary is watched as well.
            first, last = (time.mktime(time.strptime(f"2026 {text.split()[0]}", "%Y %X")) for text in (load.errors[0], load.errors[-1]))
            took = max(seconds for _host, result in run.list_results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values())
            assert not canary or last - first < took + canary, f"refused for {last - first} s, and it started in {took} s"

    def test_what_a_deploy_would_leave_behind_is_refused(self, solo, packages):
        before = solo.list_running()
        run = self.deploy(solo, packages("test-2"), xitrum_jdk_version=11)
        assert run.code != 0 and not run.changed
        assert "the JDK 11 is not ready" in run.message and "ansible-playbook -i" in run.message and "xitrum.host.base" in run.message
        assert solo.list_running() == before

    @pytest.mark.long
    def test_a_port_that_cannot_be_switched_needs_no_slots_and_is_refused_with_them(self, solo):
        before = solo.list_running()
        run = solo.run(xitrum_instances=1, xitrum_http_port=80, xitrum_slots=True)
        assert run.code != 0 and not run.changed
        assert "expected one instance whose ports are all redirected" in run.message
        assert solo.list_running() == before

    @pytest.mark.long
    def test_another_port_of_the_instance_loses_no_request(self, solo, packages):
        (slot,), release = self.slot(solo)
        with Traffic(solo, "solo", keeps=False) as traffic:
            for port in (9000, 8000):
                solo.run(xitrum_instances=1, xitrum_http_port=port, xitrum_package=str(packages(release))).assert_ended_well()
                slot = str(1 - int(slot))
                assert self.slot(solo) == ([slot], release)
                assert solo.run_script("solo", "ss -Hltn | awk '{print $4}' | grep -oE '(800|900).$'").split() == [str(port + int(slot))]
        traffic.assert_nothing_lost()

    @pytest.mark.long
    @pytest.mark.parametrize("slot", ["1", "0"])
    def test_maintenance_knows_the_slot(self, solo, packages, work, slot):
        self.deploy(solo, packages(f"slot-{slot}")).assert_ended_well()
        before = solo.list_processes("solo")
        solo.run(playbook=MAINTENANCE, xitrum_instances=1, xitrum_maintenance_tasks=work).assert_ended_well()
        assert self.slot(solo) == ([slot], f"slot-{slot}")
        assert solo.list_processes("solo") == before

    @pytest.mark.long
    def test_a_broken_release_never_gets_a_request(self, solo, packages):
        before = solo.list_processes("solo")
        with Traffic(solo, "solo", keeps=False) as traffic:
            run = self.deploy(solo, packages("broken", "--fault", "page"))
        assert run.code != 0 and "answers 500, expected 200" in run.message
        traffic.assert_nothing_lost()
        assert self.slot(solo) == (["0"], "slot-0")
        assert solo.list_processes("solo") == before

    @pytest.mark.long
    def test_a_run_that_is_killed_while_both_run_is_finished_by_the_next(self, solo, packages):
        with Traffic(solo, "solo", keeps=False) as traffic:
            with solo.start_killed_run(playbook=DEPLOY, xitrum_instances=1, xitrum_package=str(packages("test-4"))):
                wait_for("both releases run", lambda: len(solo.list_processes("solo")) == 2)
            self.deploy(solo, packages("test-4")).assert_ended_well()
        traffic.assert_nothing_lost()
        assert self.slot(solo)[1] == "test-4"
        assert len(solo.list_processes("solo")) == 1
