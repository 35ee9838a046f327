# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys, rollbacks, broken releases and killed runs while clients are served, in the order in which they are listed here:
each test begins where the one before ended. Every request is counted. The first release is test-1, of converge."""

import getpass
import json
import random
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib.questions import read_document
from tests.lib.site import ROOT, RUN_SECONDS, kill, wait_for
from tests.verify.load import THOROUGH
from tests.verify.traffic import BUSY, WEBSOCKETS, Traffic

APPS = ("app1", "app2")
EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
DEPLOY, ROLLBACK, MAINTENANCE = "playbooks/deploy.yml", "playbooks/rollback.yml", "playbooks/maintenance.yml"
JAR = "lib/quickstart_2.13-1.0.jar"
SMALL = 40 << 10
NEW_KEY = "another-key-of-this-scenario-0123456789"
LOCK = "/var/lib/xitrum.host/xitrum.lock"


def releases(site):
    """The release of each instance as the demo application reports it."""
    return {name: site.read_answered_release(name) for name in EVERY}


def last_line(site, host):
    """The last run in the log of runs, as words: NAME to value, and `who`."""
    moment, who, *words = site.run_script(host, "tail -n 1 /var/log/xitrum/runs.log").split()
    return {"moment": moment, "who": who, **dict(word.split("=", 1) for word in words)}


def assert_enabled(site):
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")
    for host in APPS:
        assert site.run_script(host, f"test -e {LOCK} || echo free") == "free"


def test_a_deploy_loses_no_request_and_a_second_one_meanwhile_touches_nothing(site, packages, print_line):
    old, before, proxy = site.find_release("app1"), site.find_pids(EVERY), site.list_running()["proxy1"]
    with Traffic(site, **BUSY) as traffic:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(site.run, playbook=DEPLOY, xitrum_package=str(packages("test-2")), xitrum_canary_seconds=3)
            wait_for("the first run has its locks", lambda: all(site.run_script(host, f"test -e {LOCK} && echo held", check=False) for host in APPS))
            second = site.run(playbook=DEPLOY, xitrum_heap="400m")
            run = first.result().assert_ended_well()
    traffic.assert_nothing_lost()
    assert second.code != 0
    assert f"another run has the lock of this host: that of {getpass.getuser()} on {socket.gethostname()}, since" in second.message
    print_line(f"{traffic.count} requests to HAProxy while four instances were deployed: none lost")
    assert set(releases(site).values()) == {"test-2"}
    after = site.find_pids(EVERY)
    assert not set(before.items()) & set(after.items())
    assert site.list_running()["proxy1"] == proxy, "the proxy was restarted"
    assert_enabled(site)
    results = [result for _host, result in run.list_results("xitrum.host.proxy_server")]
    assert sum(result["closed"] for result in results if result.get("closed")) >= WEBSOCKETS == len(traffic.closed), "closed at the deadline, and counted"
    took = [seconds for _host, result in run.list_results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values()]
    starts = sorted(start for host in APPS for _pid, start in site.list_running()[host])
    assert len(took) == len(starts) == 4
    for first, second, seconds in zip(starts[:-1], starts[1:], took[:-1], strict=True):
        assert (second - first) / 100 > seconds, f"an instance was started before the one before it was healthy: {starts}, {took}"
    for host in APPS:
        line = last_line(site, host)
        assert (line["from"], line["to"], line["outcome"]) == (old, site.find_release(host), "done")
    assert_one_jar_travelled(site, run, old, packages("test-2") / JAR)


def assert_one_jar_travelled(site, run, old, jar):
    """Of a package that differs in one jar from the release `old`, that jar was sent, and the rest takes the disk once."""
    size = jar.stat().st_size
    assert set(run.sent) == set(APPS)
    assert all(size < count < size + SMALL for count in run.sent.values()), (size, run.sent)
    for host in APPS:
        new = site.find_release(host)
        assert site.list_releases(host) == sorted([old, new])
        assert site.read_links(host)["previous"] == f"releases/{old}"
        same = site.run_script(host, f"cd {ROOT}/releases; stat -c %i {old}/lib/netty-codec-http*.jar {new}/lib/netty-codec-http*.jar").split()
        assert len(same) == 2 and same[0] == same[1], "an unchanged jar takes the disk once"
        assert site.run_script(host, f"cat {ROOT}/releases/{new}/extra/nested/note.txt")


def test_what_the_proxies_would_not_learn_is_refused_with_what_to_run(site):
    before = site.list_running()
    run = site.run("--limit", "app1", playbook=DEPLOY, xitrum_http_port=9000, xitrum_instances=3)
    assert run.code != 0 and not run.changed
    assert "found port 8000, expected 9000 (xitrum_http_port), for instance 0: deploy.yml leaves proxy1 at the old port" in run.message
    assert "instance 2 is new on this host, and deploy.yml does not add it to proxy1" in run.message
    # The proxies take part in what is to run instead, and it is one line.
    command = 'xitrum.host.site -e \'{"xitrum_http_port": 9000, "xitrum_instances": 3}\' --limit app1,proxy1'
    assert any(line.strip().startswith("ansible-playbook -i ") and line.endswith(command) for line in run.failures[-1].splitlines())
    assert site.list_running() == before


def test_a_changed_key_is_refused_until_the_way_is_chosen(site):
    before = site.list_running()
    run = site.run(xitrum_secure_key=NEW_KEY)
    assert run.code != 0
    text = " ".join(run.message.split())
    assert "xitrum_secure_key differs from what runs" in text
    assert "xitrum_rollout_strategy=all_at_once" in text and "xitrum_rollout_strategy=rolling" in text
    assert NEW_KEY not in run.message
    assert site.list_running() == before


def test_a_release_that_does_not_get_healthy_stops_at_the_first_instance(site, packages):
    before, old = site.find_pids(EVERY), site.find_release("app1")
    goes_back = {host: site.read_links(host)["previous"] for host in APPS}
    with Traffic(site) as traffic:
        # Twice the time that a busy machine takes, and half of the default, which is waited for.
        run = site.run(playbook=DEPLOY, xitrum_package=str(packages("broken", "--fault", "page")), xitrum_start_timeout=60)
    assert run.code != 0
    for expected in ("batch 1 of 4 (app1-0)", "answers 500, expected 200", "The end of its log", "Restored and healthy: instance 0", "did not begin"):
        assert expected in run.message, f"{expected!r} is not in {run.message}"
    traffic.assert_nothing_lost()
    assert set(releases(site).values()) == {"test-2"}
    after = site.find_pids(EVERY)
    assert {name for name in EVERY if after[name] == before[name]} == {"app1-1", "app2-0", "app2-1"}
    assert (site.find_release("app1"), site.find_release("app2")) == (old, old)
    for host in APPS:
        assert site.read_links(host)["previous"] == goes_back[host], "a rollback does not go to the release that failed"
        assert site.run_script(host, "tail -n 1 /opt/xitrum/healthy") == old.removeprefix("releases/")
    assert_enabled(site)
    assert {last_line(site, host)["outcome"] for host in APPS} == {"failed"}


def test_the_history_has_the_deploy_and_the_one_that_stopped(site):
    document = read_document(site, "history")
    release = site.find_release("app1")
    first, deployed, *_between, stopped = document["runs"]
    assert (first["outcome"], first["release_from"]) == ("done", None)
    assert (deployed["playbook"], deployed["outcome"], deployed["release_from"], deployed["release_to"]) == (
        "deploy", "done", first["release_to"], release)
    assert (stopped["playbook"], stopped["user"], stopped["outcome"], stopped["release_from"]) == ("deploy", getpass.getuser(), "failed", release)
    assert all([host["name"] for host in run["hosts"]] == ["app1", "app2"] for run in (first, deployed, stopped))


@pytest.mark.long
def test_of_a_release_that_no_host_has_those_that_are_there_are_listed(site):
    before = site.list_running()
    run = site.run(playbook=ROLLBACK, rollback_to="000000000000")
    assert run.code != 0
    for host in APPS:
        assert f"{host} does not have the release 000000000000: it has {', '.join(release_names(site, host))}" in run.message
    assert site.list_running() == before


def release_names(site, host):
    """The releases of a host, oldest first, as they are listed."""
    current = site.find_release(host)
    names = site.run_script(host, "cd /opt/xitrum/manifests; ls -tr *.json | sed 's/.json//'").split()
    return [f"{name} (current)" if name == current else name for name in names]


def test_a_rollback_loses_no_request(site):
    """Of one host in CI, and of all at once, half of them at a time, where everything is tested."""
    hosts = APPS if THOROUGH else APPS[:1]
    previous, before = site.read_links("app1")["previous"].removeprefix("releases/"), releases(site)
    with Traffic(site) as traffic:
        run = site.run("--limit", ",".join(("proxy1", *hosts)), playbook=ROLLBACK, xitrum_rollout_batch="50%").assert_ended_well()
    traffic.assert_nothing_lost()
    assert not any(result.get("sent_bytes") for _host, result in run.list_results("xitrum.host.release")), "the hosts have it"
    assert releases(site) == {name: "test-1" if name[:4] in hosts else release for name, release in before.items()}
    assert {site.find_release(host) for host in hosts} == {previous}
    assert_enabled(site)


@pytest.mark.long
def test_maintenance_takes_one_host_after_the_other_out_and_loses_no_request(site, work):
    before = site.find_pids(EVERY)
    with Traffic(site) as traffic:
        site.run(playbook=MAINTENANCE, xitrum_maintenance_tasks=work).assert_ended_well()
    traffic.assert_nothing_lost()
    assert site.find_pids(EVERY) == before
    assert_enabled(site)
    for host in APPS:
        assert site.run_script(host, "cat /run/maintained") == "done"
        assert last_line(site, host)["outcome"] == "maintained"


@pytest.mark.long
def test_maintenance_that_fails_reports_that_the_host_is_disabled_and_the_next_one_boots_every_host(site, tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text("---\n- name: The work is done\n  ansible.builtin.fail:\n    msg: the disk is full\n")
    for host in APPS:
        site.run_script(host, "touch /run/not-yet-booted")
    with Traffic(site) as traffic:
        run = site.run(playbook=MAINTENANCE, xitrum_maintenance_tasks=str(broken))
        assert run.code and "app1 could not be maintained: the disk is full It stays disabled at proxy1" in run.message
        assert site.read_statuses()["app1-0"].startswith("MAINT") and site.read_statuses()["app2-0"].startswith("UP")
        site.run(playbook=MAINTENANCE).assert_ended_well()
    traffic.assert_nothing_lost()
    assert {site.run_script(host, "ls /run").count("not-yet-booted") for host in APPS} == {0}, "every host has booted"
    assert_enabled(site)


@pytest.mark.long
@pytest.mark.parametrize("seed", [20261124])
def test_a_deploy_that_is_killed_three_times_is_finished_by_the_next(site, packages, seed):
    chance = random.Random(seed)
    variables = {"playbook": DEPLOY, "xitrum_package": str(packages("test-3"))}
    with Traffic(site) as traffic:
        for name, what in (("app1-0", "MAINT"), ("app1-1", "DRAIN"), ("app2-0", "MAINT")):
            with site.start_killed_run(**variables):
                wait_for(f"{name} is {what}", lambda name=name, what=what: site.read_statuses()[name].startswith((what, "MAINT")))
                time.sleep(chance.uniform(0, 2))
            for host in APPS:
                site.read_links(host)
        site.run(**variables).assert_ended_well()
    traffic.assert_nothing_lost()
    assert set(releases(site).values()) == {"test-3"}
    assert_enabled(site)
    assert "outcome=died" in site.run_script("app1", "cat /var/log/xitrum/runs.log")
    site.run(**variables).assert_did_nothing()


@pytest.mark.long
@pytest.mark.parametrize("seed", [20261125])
def test_a_deploy_that_is_killed_at_ten_random_moments_is_finished_by_the_next(site, packages, print_line, seed):
    chance, killed, ended = random.Random(seed), 0, 0
    with Traffic(site) as traffic:
        while killed < 10:
            process = site.start(playbook=DEPLOY, xitrum_package=str(packages(f"random-{ended % 2}")))
            try:
                process.wait(chance.uniform(1, 40))
                assert process.returncode == 0
                ended += 1
            except subprocess.TimeoutExpired:
                killed += 1
            finally:
                kill(process)
            for host in APPS:
                site.read_links(host)
        site.run(playbook=DEPLOY, xitrum_package=str(packages(f"random-{ended % 2}"))).assert_ended_well()
    traffic.assert_nothing_lost()
    print_line(f"{traffic.count} requests to HAProxy while a deploy was killed ten times, with {ended} that ended in between (seed {seed}): none lost")
    assert set(releases(site).values()) == {f"random-{ended % 2}"}
    assert_enabled(site)


@pytest.mark.long
def test_a_host_that_is_lost_ends_the_run_before_others_are_touched(site, tmp_path):
    """One with nothing to do is there and well; the proxies would get another timeout, which nobody may see."""
    other = site.with_inventory(tmp_path / "inventory", host_vars={"app2": {"xitrum_heap": "300m"}, "proxy1": {"xitrum_proxy_timeout_connect": "7s"}})
    proxy = site.list_running()["proxy1"]
    process = other.start()
    try:
        wait_for("app2 has its lock", lambda: site.run_script("app2", f"test -e {LOCK} && echo held", check=False))
        with site.change_for_now("app2", "systemctl stop ssh; pkill -x sshd", "systemctl start ssh"):
            output = process.communicate(timeout=RUN_SECONDS)[0]
    finally:
        kill(process)
    assert process.returncode != 0
    assert "Check that every batch succeeded" not in output
    assert "7s" not in site.run_script("proxy1", "cat /etc/haproxy/haproxy.cfg")
    assert site.list_running()["proxy1"] == proxy
    site.run().assert_ended_well()
    assert_enabled(site)


@pytest.mark.long
def test_all_instances_restart_at_once_for_a_new_key(site):
    before = site.find_pids(EVERY)
    site.run(xitrum_secure_key=NEW_KEY, xitrum_rollout_strategy="all_at_once").assert_ended_well()
    assert not set(before.items()) & set(site.find_pids(EVERY).items())
    for host in APPS:
        files = "/opt/xitrum/instances/*/current/config/xitrum.conf"
        assert site.run_script(host, f"grep -l {NEW_KEY} {files} | wc -l") == "2"
    assert_enabled(site)
    site.run(xitrum_rollout_strategy="all_at_once").assert_ended_well()


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


@pytest.mark.long
def test_instances_form_a_cluster_that_takes_a_killed_member_back(site):
    site.run(xitrum_cluster=True).assert_ended_well()
    wait_for_cluster(site)
    assert site.ask("app1-0", "/sockjs/000/across/xhr", method="POST").text == "o\n"
    assert site.ask("app2-1", "/sockjs/000/across/xhr_send", method="POST", body=b'["hello"]').status == 204
    assert site.ask("app1-1", "/sockjs/000/across/xhr", method="POST").text == 'a["hello"]\n'
    for host in APPS:
        bound = site.run_script(host, "ss -Hltn 'sport >= 2551 and sport <= 2552' | awk '{print $4}' | sort").split()
        assert [text.removeprefix("[::ffff:").replace("]", "") for text in bound] == [f"{site.hosts[host]['xitrum_address']}:{port}" for port in (2551, 2552)]
    before = site.read_main_pid("app1", 0)
    site.run_script("app1", f"kill -9 {before}")
    wait_for("the first seed runs again", lambda: site.read_main_pid("app1", 0) not in (0, before))
    wait_for_cluster(site)
