# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stop.yml and start.yml: what an operator stopped stays so over deploys and boots, and comes back with the release of now."""

import json

import pytest

from tests.fleet import engine
from tests.lib.questions import read_document
from tests.lib.site import wait_for
from tests.verify.traffic import Traffic

STOP, START = "playbooks/stop.yml", "playbooks/start.yml"
INSTANCES = ["app1-0", "app1-1", "app2-0", "app2-1"]
RECORD = "/var/lib/xitrum.host/xitrum.stopped"


@pytest.fixture(name="stopped", scope="module")
def fixture_stopped(site):
    """app1-1 is stopped under load, and started again at the end."""
    with Traffic(site) as traffic:
        site.run(playbook=STOP, stop_instances="app1-1").assert_ended_well()
    yield traffic
    site.run(playbook=START).assert_ended_well()
    assert set(site.read_statuses().values()) == {"UP"} and len(site.find_pids(INSTANCES)) == 4


def read_status(site):
    return read_document(site, "status")


def test_a_stop_loses_no_request(site, stopped):
    stopped.assert_nothing_lost()
    assert sorted(site.find_pids(INSTANCES)) == ["app1-0", "app2-0", "app2-1"]
    assert site.read_statuses() == {"app1-0": "UP", "app1-1": "MAINT", "app2-0": "UP", "app2-1": "UP"}


def test_a_stop_is_on_record_and_reported(site, stopped):
    record = json.loads(site.run_script("app1", f"cat {RECORD}"))
    assert set(record["1"]) == {"user", "host", "since"} and record["schema_version"] == 1
    document = read_status(site)
    states = {item["name"]: item["state"] for item in document["instances"]}
    assert states == {"app1-0": "running", "app1-1": "stopped", "app2-0": "running", "app2-1": "running"} and document["outcome"] == "ok"
    code, output = site.type("ansible-playbook playbooks/check.yml -e check_format=json")
    assert code == 0, f"a stop is not drift: {output[-4000:]}"
    assert '"status": "stopped"' in output


def test_nothing_starts_it_but_an_operator(site, stopped):
    site.run().assert_did_nothing()
    # As at a boot: systemd starts what the target wants, and what runs already stays.
    site.run_script("app1", "systemctl daemon-reload; systemctl start multi-user.target")
    assert site.read_main_pid("app1", 1) == 0 and site.run_script("app1", "systemctl is-enabled xitrum@1 || true") == "disabled"
    assert site.run_script("app1", "systemctl is-enabled xitrum@0") == "enabled"


@pytest.mark.long
def test_a_boot_starts_the_others_alone(site, stopped):
    engine.restart(site.hosts["app1"]["fleet_container"], 60)
    wait_for("app1 has booted", lambda: site.run_script("app1", "systemctl is-system-running --wait", check=False) in ("running", "degraded"))
    wait_for("app1-0 serves", lambda: site.read_statuses()["app1-0"] == "UP")
    site.run().assert_did_nothing()
    assert sorted(site.find_pids(INSTANCES)) == ["app1-0", "app2-0", "app2-1"] and site.read_statuses()["app1-1"] == "MAINT"


@pytest.mark.long
def test_a_proxy_that_was_restarted_disables_it_again(site, stopped):
    site.run_script("proxy1", "systemctl restart haproxy")
    assert site.read_statuses()["app1-1"] != "MAINT", "a restart forgets it"
    site.run(playbook="playbooks/deploy.yml").assert_ended_well()
    assert site.read_statuses()["app1-1"] == "MAINT" and site.read_main_pid("app1", 1) == 0
    site.run().assert_did_nothing()


@pytest.mark.long
def test_the_last_server_of_a_proxy_is_not_stopped(site, stopped):
    run = site.run(playbook=STOP, stop_instances=["app1-0", "app2-0", "app2-1"])
    refusal = " ".join(str(result.get("msg")) for _host, result in run.list_results("xitrum.host.proxy_server"))
    assert run.code == 2 and "no other server that is enabled and healthy" in refusal and "add -e stop_last=true" in refusal
    assert len(site.find_pids(INSTANCES)) == 3 and site.run_script("app2", "ls /var/lib/xitrum.host/*.lock 2>/dev/null || true") == ""


@pytest.mark.long
def test_a_deploy_brings_it_the_release_and_does_not_start_it(site, stopped):
    settings = {"xitrum_java_options": ["-Dstopped=1"]}
    try:
        site.run(playbook="playbooks/deploy.yml", **settings).assert_ended_well()
        links = site.read_links("app1")
        assert links["instances/1/current"].partition("/")[2].partition("/")[2] == links["instances/0/current"].partition("/")[2].partition("/")[2]
        assert site.read_main_pid("app1", 1) == 0
        site.run(playbook="playbooks/deploy.yml", **settings).assert_did_nothing()
        site.run(playbook=START, start_instances="app1-1").assert_ended_well()
        script = f"tr '\\0' ' ' < /proc/{site.read_main_pid('app1', 1)}/cmdline; cat /opt/xitrum/instances/1/current/environment"
        assert "-Dstopped=1" in site.run_script("app1", script)
        assert site.run_script("app1", f"ls {RECORD} 2>/dev/null || true") == "" and site.read_statuses()["app1-1"] == "UP"
    finally:
        site.run(playbook="playbooks/deploy.yml").assert_ended_well()
