# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restart.yml, stop.yml and start.yml under every supervisor: what an operator stopped stays so over a deploy and a boot.

The tests follow each other: all instances are stopped by the first that needs it, and started by the last.
"""

import getpass
import json
import pathlib
import socket
import tomllib

import pytest

from tests.fleet import engine
from tests.lib.site import wait_for

STOP, START, RESTART, DEPLOY, STATUS = (f"playbooks/{name}.yml" for name in ("stop", "start", "restart", "deploy", "status"))
HOSTS = list(tomllib.loads((pathlib.Path(__file__).parents[1] / "fleet.toml").read_text(encoding="utf-8"))["hosts"])
RECORD = "/var/lib/xitrum.host/xitrum.stopped"
#: What is deployed to instances that are stopped.
DEPLOYED = "-Dstopped=1"
#: As a run and the status report it.
BY = f"was stopped by operator {getpass.getuser()} on {socket.gethostname()}"


def on_each(read):
    """Host to what `read` returns of it: a comparison shows all hosts that differ."""
    return {host: read(host) for host in HOSTS}


def wait_for_boot(site, host):
    """Waits until a host has booted, whatever its process 1 is: then each supervisor has started what it found."""
    script = "if [ -d /run/systemd/system ]; then systemctl is-system-running --wait; else runlevel | grep -qx 'N [2-5]' && echo running; fi"
    wait_for(f"{host} has booted", lambda: site.run_script(host, script, check=False) in ("running", "degraded"))


@pytest.fixture(name="stopped", scope="module")
def fixture_stopped(site):
    """All instances, by a run that is killed once it has stopped the first, and the same one again."""
    with site.start_killed_run(playbook=STOP, stop_last=True):
        wait_for("an instance ends", lambda: not all(site.list_processes(host) for host in HOSTS))
    site.run(playbook=STOP, stop_last=True).assert_ended_well()
    yield
    site.run(playbook=START).assert_ended_well()
    site.run().assert_ended_well()


def assert_nothing_runs(site):
    assert on_each(site.list_processes) == dict.fromkeys(HOSTS, [])


def test_a_restart_replaces_every_process_and_keeps_the_release(site):
    before, links = on_each(lambda host: site.find_pid(host, 0)), on_each(site.read_links)
    site.run(playbook=RESTART).assert_ended_well()
    after = on_each(lambda host: site.find_pid(host, 0))
    assert [host for host in HOSTS if after[host] in (0, before[host])] == []
    assert on_each(site.read_links) == links


def test_a_restart_that_is_killed_is_made_up_for_by_the_next(site):
    before = on_each(lambda host: site.find_pid(host, 0))
    with site.start_killed_run(playbook=RESTART):
        wait_for("an instance was replaced", lambda: [host for host in HOSTS if site.find_pid(host, 0) not in (0, before[host])])
    site.run(playbook=RESTART).assert_ended_well()
    after = on_each(lambda host: site.find_pid(host, 0))
    assert [host for host in HOSTS if after[host] in (0, before[host])] == []
    site.run().assert_did_nothing()


def test_a_stop_is_on_record_and_reported(site, stopped):
    assert_nothing_runs(site)
    for record in on_each(lambda host: json.loads(site.run_script(host, f"cat {RECORD}"))).values():
        assert set(record) == {"0", "schema_version"}
        assert (record["0"]["user"], record["0"]["host"]) == (getpass.getuser(), socket.gethostname())
    code, output = site.type(f"ansible-playbook {STATUS}")
    assert code == 0 and [host for host in HOSTS if f"{host}-0 {BY}" not in output] == [], output[-4000:]
    check = site.check().assert_in_sync()
    assert [host for host in HOSTS if f"{host} instance-0 process" not in check.output] == [] and f"it {BY}" in check.output, check.output
    reported = {item["host"]: item["status_text"] for item in check.findings if item["item"] == "instance-0 process"}
    assert reported == dict.fromkeys(HOSTS, "stopped by operator")
    summary = site.run().assert_did_nothing().find_text("Print the fleet summary")
    assert [host for host in HOSTS if f"{host}-0 {BY}" not in summary] == [], summary


def test_a_restart_of_all_leaves_it_stopped(site, stopped):
    site.run(playbook=RESTART).assert_did_nothing()
    assert_nothing_runs(site)


def test_a_deploy_updates_it_and_does_not_start_it(site, stopped):
    before = on_each(site.read_links)
    site.run(playbook=DEPLOY, xitrum_java_options=[DEPLOYED]).assert_ended_well()
    assert_nothing_runs(site)
    after = on_each(site.read_links)
    assert [host for host in HOSTS if after[host]["instances/0/current"] == before[host]["instances/0/current"]] == []
    site.run(playbook=DEPLOY, xitrum_java_options=[DEPLOYED]).assert_did_nothing()


def test_a_boot_does_not_start_it(site, stopped):
    for host in HOSTS:
        engine.restart(site.hosts[host]["fleet_container"], 5)
    for host in HOSTS:
        wait_for_boot(site, host)
    site.run(playbook=DEPLOY, xitrum_java_options=[DEPLOYED]).assert_did_nothing()
    assert_nothing_runs(site)


def test_a_start_runs_what_was_deployed_since_and_it_starts_at_boot_again(site, stopped):
    site.run(playbook=START).assert_ended_well()
    assert [host for host in HOSTS if DEPLOYED not in site.run_script(host, f"tr '\\0' '\\n' < /proc/{site.find_pid(host, 0)}/environ")] == []
    assert on_each(lambda host: site.run_script(host, f"ls {RECORD}", check=False)) == dict.fromkeys(HOSTS, "")
    site.run(playbook=DEPLOY, xitrum_java_options=[DEPLOYED]).assert_did_nothing()
    site.check("-e '{\"xitrum_java_options\": [\"" + DEPLOYED + "\"]}'").assert_in_sync()
