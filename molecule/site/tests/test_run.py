# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A class of the release runs once, with what an instance has, and nothing of it stays; one before a release may stop the rollout."""

import os
import signal

import pytest

from tests.lib.leftovers import MIGRATE, find_leftovers
from tests.lib.site import kill, wait_for

PLAYBOOK = "playbooks/run.yml"


def run(site, *options, **variables):
    return site.run(*options, playbook=PLAYBOOK, **{"run_class": MIGRATE, **variables})


def test_a_class_runs_on_one_host_with_what_the_instance_has(site):
    before = {host: site.list_processes(host) for host in ("app1", "app2")}
    done = run(site, run_host="app2", run_instance=1, run_arguments="2 0").assert_ended_well()
    (host, result), = done.list_results("xitrum.host.console")
    assert (host, result["rc"], result["lines"][1:]) == ("app2", 0, ["step 1 of 2", "step 2 of 2"])
    assert result["lines"][0].startswith("user xitrum, configured port 8001, working in /opt/xitrum/runs/1/")
    assert {host: site.list_processes(host) for host in ("app1", "app2")} == before, "and no instance was restarted"
    assert find_leftovers(site, "app2") == ""


def test_a_class_that_fails_and_one_that_no_jar_has_fail_the_playbook(site):
    failed = run(site, run_arguments=["1", "3"])
    assert failed.code == 2 and failed.message == f"{MIGRATE} ended with exit code 3. The end of its output: {failed.message.partition('output: ')[2]}"
    assert failed.message.endswith("step 1 of 1")
    refused = run(site, run_class="jobs.Migrate")
    assert refused.code == 2 and f"has the class jobs.Migrate. Did you mean {MIGRATE}" in refused.message
    assert find_leftovers(site, "app1") == ""


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_whoever_is_interrupted_leaves_nothing_on_the_host(site, number):
    process = site.start("--limit", "app1", playbook="molecule/site/tests/short_lease.yml")
    try:
        wait_for("a command that runs", lambda: MIGRATE in find_leftovers(site, "app1"), 90)
        os.kill(process.pid, number)
        process.wait(60)
    finally:
        kill(process)
    wait_for("a host without its command", lambda: find_leftovers(site, "app1") == "", 90)


@pytest.mark.long
def test_a_command_before_the_release_that_fails_stops_the_rollout(site, packages):
    other, release, running = packages("before-release"), site.find_release("app1"), site.list_running()
    stopped = site.run(playbook="playbooks/deploy.yml", xitrum_package=str(other), xitrum_before_release=f"{MIGRATE} 1 7")
    assert stopped.code == 2 and f"{MIGRATE} ended with exit code 7" in stopped.message
    assert site.list_running() == running and site.find_release("app1") == release
    # What the stopped rollout has uploaded is removed.
    site.run().assert_ended_well()


@pytest.mark.long
def test_a_command_before_the_release_runs_once_and_not_before_a_rollback(site, packages):
    other, release = packages("before-release"), site.find_release("app1")
    value = {"class": MIGRATE, "arguments": [2], "timeout": 60}
    done = site.run(playbook="playbooks/deploy.yml", xitrum_package=str(other), xitrum_before_release=value).assert_ended_well()
    (host, result), = done.list_results("xitrum.host.console")
    assert (host, result["lines"][1:]) == ("app1", ["step 1 of 2", "step 2 of 2"]) and result["release"] == site.find_release("app1") != release
    back = site.run(xitrum_before_release=f"{MIGRATE} 0 9", playbook="playbooks/rollback.yml").assert_ended_well()
    assert back.list_results("xitrum.host.console") == [] and site.find_release("app1") == release
    assert find_leftovers(site, "app1") == ""
