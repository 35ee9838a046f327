# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys, rollbacks, broken releases and killed runs while clients are served, in the order in which they are told here:
each test begins where the one before ended. Every request is counted. The first release is test-1, of converge."""

import contextlib
import getpass
import json
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import websocket_client
from tests.lib.demo_instance import request
from tests.lib.site import wait_for
from tests.verify.load import Load

APPS = ("app1", "app2")
EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
WEBSOCKETS = KEPT = 4
DEPLOY, ROLLBACK, MAINTENANCE = "playbooks/deploy.yml", "playbooks/rollback.yml", "playbooks/maintenance.yml"
LOCK = "/var/lib/xitrum.host/xitrum.lock"


class Traffic:
    """Clients of the proxy: each request on a connection of its own, clients that keep theirs and their instance, a page
    that takes three seconds, and WebSockets that stay open. A context manager; `seconds` tells when each WebSocket was closed."""

    def __init__(self, site, host="proxy1"):
        address = site.hosts[host]["xitrum_address"]
        self.loads = [Load(address, 80, threads=4), Load(address, 80, threads=KEPT, sticky=True, keep=True), Load(address, 80, "/slow?ms=3000", threads=2)]
        self.address, self.closed, self.proxied = address, [], host == "proxy1"

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self._sockets = [websocket_client.connect(self.address, 80, "/echo", timeout=600) for _unused in range(WEBSOCKETS)]
        self._readers = [threading.Thread(target=self._read, args=(one,), daemon=True) for one in self._sockets]
        for reader in self._readers:
            reader.start()
        for load in self.loads:
            self._stack.enter_context(load)
        self.more()
        return self

    def __exit__(self, *unused):
        self.more()
        self._stack.close()
        self.open = sum(reader.is_alive() for reader in self._readers)
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.socket.shutdown(socket.SHUT_RDWR)

    def _read(self, one):
        with contextlib.suppress(websocket_client.Cut, OSError):
            one.receive()
        self.closed.append(time.monotonic())

    def more(self):
        """Waits until further requests of the quick clients have ended."""
        for load in self.loads[:2]:
            load.more()

    def assert_nothing_lost(self):
        for load in self.loads:
            load.assert_nothing_lost()
            # Without a proxy, a connection that is kept until the deadline is closed then.
            assert load.reopened == 0 or not self.proxied, f"the proxy closed {load.reopened} connections of its clients"

    @property
    def count(self):
        return sum(sum(load.statuses.values()) for load in self.loads)


def releases(site):
    """The release of each instance of the demo application's own saying."""
    return {name: site.answering(name) for name in EVERY}


def last_line(site, host):
    """The last run in the log of runs, as words: NAME to value, and `who`."""
    moment, who, *words = site.sh(host, "tail -n 1 /var/log/xitrum/runs.log").split()
    return {"moment": moment, "who": who, **dict(word.split("=", 1) for word in words)}


def assert_in_use(site):
    assert site.statuses() == dict.fromkeys(EVERY, "UP")
    for host in APPS:
        assert site.sh(host, f"test -e {LOCK} || echo free") == "free"


def test_a_deploy_loses_no_request_and_a_second_one_meanwhile_touches_nothing(site, packages):
    old, before, proxy = site.release("app1"), site.pids(EVERY), site.running()["proxy1"]
    with Traffic(site) as traffic:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(site.run, playbook=DEPLOY, xitrum_package=str(packages("test-2")), xitrum_gate_seconds=3)
            wait_for("the first run has its locks", lambda: all(site.sh(host, f"test -e {LOCK} && echo held", check=False) for host in APPS))
            second = site.run(playbook=DEPLOY, xitrum_heap="400m")
            run = first.result().assert_ended_well()
    traffic.assert_nothing_lost()
    assert second.code != 0
    assert f"another run is at work here: that of {getpass.getuser()} on {socket.gethostname()}, since" in second.message
    print(f"{traffic.count} requests, none lost")
    assert set(releases(site).values()) == {"test-2"}
    after = site.pids(EVERY)
    assert not set(before.items()) & set(after.items())
    assert site.running()["proxy1"] == proxy, "the proxy was restarted"
    assert_in_use(site)
    results = [result for _host, result in run.results("xitrum.host.proxy_server")]
    assert sum(result["closed"] for result in results if result.get("closed")) >= WEBSOCKETS == len(traffic.closed), "closed at the deadline, and counted"
    took = [seconds for _host, result in run.results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values()]
    starts = sorted(start for host in APPS for _pid, start in site.running()[host])
    assert len(took) == len(starts) == 4
    for first, second, seconds in zip(starts[:-1], starts[1:], took[:-1], strict=True):
        assert (second - first) / 100 > seconds, f"an instance was started before the one before it was healthy: {starts}, {took}"
    for host in APPS:
        line = last_line(site, host)
        assert (line["from"], line["to"], line["outcome"]) == (old, site.release(host), "done")


def test_a_release_that_does_not_get_healthy_stops_at_the_first_instance(site, packages):
    before, old = site.pids(EVERY), site.release("app1")
    with Traffic(site) as traffic:
        run = site.run(playbook=DEPLOY, xitrum_package=str(packages("broken", "--fault", "page")), xitrum_start_timeout=15)
    assert run.code != 0
    for expected in ("step 1 of 4 (app1-0)", "answers 500, wanted is 200", "The end of its log", "Went back, and healthy: instance 0", "did not begin"):
        assert expected in run.message, f"{expected!r} is not in {run.message}"
    traffic.assert_nothing_lost()
    assert set(releases(site).values()) == {"test-2"}
    after = site.pids(EVERY)
    assert {name for name in EVERY if after[name] == before[name]} == {"app1-1", "app2-0", "app2-1"}
    assert (site.release("app1"), site.release("app2")) == (old, old)
    assert_in_use(site)
    assert {last_line(site, host)["outcome"] for host in APPS} == {"failed"}


def test_of_a_release_that_no_host_has_those_that_are_there_are_told(site):
    before = site.running()
    run = site.run(playbook=ROLLBACK, xitrum_rollback_to="000000000000")
    assert run.code != 0
    for host in APPS:
        assert f"{host} does not have the release 000000000000: it has {', '.join(release_names(site, host))}" in run.message
    assert site.running() == before


def release_names(site, host):
    """The releases of a host, oldest first, as they are told."""
    current = site.release(host)
    names = site.sh(host, "cd /opt/xitrum/manifests; ls -tr *.json | sed 's/.json//'").split()
    return [f"{name} (current)" if name == current else name for name in names]


def test_a_rollback_loses_no_request(site):
    previous = site.links("app1")["previous"].removeprefix("releases/")
    with Traffic(site) as traffic:
        run = site.run(playbook=ROLLBACK, xitrum_rolling_batch="50%").assert_ended_well()
    traffic.assert_nothing_lost()
    assert not any(result.get("sent_bytes") for _host, result in run.results("xitrum.host.release")), "the hosts have it"
    assert set(releases(site).values()) == {"test-1"}
    assert {site.release(host) for host in APPS} == {previous}
    assert_in_use(site)


@pytest.fixture(name="work", scope="session")
def fixture_work(tmp_path_factory):
    """A file of tasks for maintenance: it notes that it was done."""
    path = tmp_path_factory.mktemp("work") / "work.yml"
    path.write_text("---\n- name: The work is done\n  ansible.builtin.copy:\n    dest: /run/maintained\n    content: done\n    mode: '0644'\n")
    return str(path)


def test_maintenance_takes_one_host_after_the_other_out_and_loses_no_request(site, work):
    before = site.pids(EVERY)
    with Traffic(site) as traffic:
        site.run(playbook=MAINTENANCE, xitrum_maintenance_tasks=work).assert_ended_well()
    traffic.assert_nothing_lost()
    assert site.pids(EVERY) == before
    assert_in_use(site)
    for host in APPS:
        assert site.sh(host, "cat /run/maintained") == "done"
        assert last_line(site, host)["outcome"] == "maintained"


@pytest.mark.parametrize("seed", [20261124])
def test_a_deploy_that_is_killed_three_times_is_finished_by_the_next(site, packages, seed):
    chance = random.Random(seed)
    variables = {"playbook": DEPLOY, "xitrum_package": str(packages("test-3"))}
    with Traffic(site) as traffic:
        for name, what in (("app1-0", "MAINT"), ("app1-1", "DRAIN"), ("app2-0", "MAINT")):
            with site.killed_run(**variables):
                wait_for(f"{name} is {what}", lambda name=name, what=what: site.statuses()[name].startswith((what, "MAINT")))
                time.sleep(chance.uniform(0, 2))
            for host in APPS:
                site.links(host)
        site.run(**variables).assert_ended_well()
    traffic.assert_nothing_lost()
    assert set(releases(site).values()) == {"test-3"}
    assert_in_use(site)
    assert "outcome=unknown" in site.sh("app1", "cat /var/log/xitrum/runs.log")
    site.run(**variables).assert_did_nothing()


def members(site, name):
    """The members of the cluster that an instance sees, those that are up and reachable."""
    try:
        found = json.loads(site.ask(name, "/members").body)["members"]
    except OSError:
        return []
    return sorted(member["address"] for member in found if member["status"] == "Up" and member["reachable"])


def wait_for_cluster(site):
    every = sorted(f"akka://xitrum@{site.hosts[name[:4]]['xitrum_address']}:{2551 + int(name[-1])}" for name in EVERY)
    wait_for("all four see all four", lambda: all(members(site, name) == every for name in EVERY))


def test_instances_form_a_cluster_that_takes_a_killed_member_back(site):
    site.run(xitrum_cluster=True).assert_ended_well()
    wait_for_cluster(site)
    assert site.ask("app1-0", "/sockjs/000/across/xhr", method="POST").text == "o\n"
    assert site.ask("app2-1", "/sockjs/000/across/xhr_send", method="POST", body=b'["hello"]').status == 204
    assert site.ask("app1-1", "/sockjs/000/across/xhr", method="POST").text == 'a["hello"]\n'
    for host in APPS:
        bound = site.sh(host, "ss -Hltn 'sport >= 2551 and sport <= 2552' | awk '{print $4}' | sort").split()
        assert [text.removeprefix("[::ffff:").replace("]", "") for text in bound] == [f"{site.hosts[host]['xitrum_address']}:{port}" for port in (2551, 2552)]
    before = site.main_pid("app1", 0)
    site.sh("app1", f"kill -9 {before}")
    wait_for("the first seed runs again", lambda: site.main_pid("app1", 0) not in (0, before))
    wait_for_cluster(site)


class TestWithoutAProxy:
    """One instance on a host that redirects port 80 itself: releases take over from each other in its two slots."""

    @pytest.fixture(scope="class")
    def solo(self, site, tmp_path_factory):
        inventory = site.with_inventory(tmp_path_factory.mktemp("solo") / "inventory", {"xitrum": ["solo"], "xitrum_proxy": []})
        inventory.run(xitrum_instances=1).assert_ended_well()
        return inventory

    def deploy(self, solo, package, **variables):
        return solo.run(playbook=DEPLOY, xitrum_instances=1, xitrum_package=str(package), **variables)

    def slot(self, solo):
        """The instance that is there: its number, by the host's folders, and its release, by what port 80 answers."""
        there = solo.sh("solo", "ls /opt/xitrum/instances").split()
        return there, request(80, "/", host=solo.hosts["solo"]["xitrum_address"]).headers["X-Demo-Release"]

    def test_releases_take_over_without_a_lost_request(self, solo, packages):
        assert self.slot(solo) == (["0"], "test-1")
        cut = []
        with Traffic(solo, "solo") as traffic:
            for name, slot in (("test-2", "1"), ("test-3", "0")):
                run = self.deploy(solo, packages(name), xitrum_gate_seconds=2).assert_ended_well()
                assert self.slot(solo) == ([slot], name)
                assert solo.sh("solo", "cat /opt/xitrum/slot") == slot
                cut.append(sum(result.get("cut", 0) for _host, result in run.results("xitrum.host.instance_service")))
        traffic.assert_nothing_lost()
        assert cut == [WEBSOCKETS + KEPT, KEPT], "what was cut at the deadline is counted, and is what its clients kept open"
        assert len(traffic.closed) == WEBSOCKETS, "those of the first release were closed when their time was over"
        self.deploy(solo, packages("test-3")).assert_did_nothing()

    @pytest.mark.parametrize("slot", ["1", "0"])
    def test_maintenance_knows_the_slot(self, solo, packages, work, slot):
        self.deploy(solo, packages(f"slot-{slot}")).assert_ended_well()
        before = solo.processes("solo")
        solo.run(playbook=MAINTENANCE, xitrum_instances=1, xitrum_maintenance_tasks=work).assert_ended_well()
        assert self.slot(solo) == ([slot], f"slot-{slot}")
        assert solo.processes("solo") == before

    def test_a_broken_release_never_gets_a_request(self, solo, packages):
        before = solo.processes("solo")
        with Traffic(solo, "solo") as traffic:
            run = self.deploy(solo, packages("broken", "--fault", "page"), xitrum_start_timeout=15)
        assert run.code != 0 and "answers 500, wanted is 200" in run.message
        traffic.assert_nothing_lost()
        assert self.slot(solo) == (["0"], "slot-0")
        assert solo.processes("solo") == before

    def test_a_run_that_is_killed_while_both_run_is_finished_by_the_next(self, solo, packages):
        with Traffic(solo, "solo") as traffic:
            with solo.killed_run(playbook=DEPLOY, xitrum_instances=1, xitrum_package=str(packages("test-4"))):
                wait_for("both releases run", lambda: len(solo.processes("solo")) == 2)
            self.deploy(solo, packages("test-4")).assert_ended_well()
        traffic.assert_nothing_lost()
        assert self.slot(solo)[1] == "test-4"
        assert len(solo.processes("solo")) == 1
