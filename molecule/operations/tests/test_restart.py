# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restart.yml under load: all instances, and one."""

import pytest

from tests.verify.traffic import BUSY, Traffic

INSTANCES = ["app1-0", "app1-1", "app2-0", "app2-1"]


@pytest.mark.parametrize("options", [["--limit", "app1"], pytest.param([], marks=pytest.mark.long)], ids=["one host", "all hosts"])
def test_a_restart_replaces_every_process_and_loses_no_request(site, options):
    before, links = site.find_pids(INSTANCES), {host: site.read_links(host) for host in ("app1", "app2")}
    # 20,000 requests in make test-all: without a pause between them, they would take the processor from the instances.
    with Traffic(site, **BUSY) as traffic:
        site.run(*options, playbook="playbooks/restart.yml").assert_ended_well()
    traffic.assert_nothing_lost()
    after = site.find_pids(INSTANCES)
    assert sorted(after) == INSTANCES
    assert [name for name in INSTANCES if after[name] != before[name]] == (INSTANCES[:2] if options else INSTANCES)
    assert {host: site.read_links(host) for host in ("app1", "app2")} == links, "the release and the configuration stay"
    assert set(site.read_statuses().values()) == {"UP"}
    last = site.run_script("app1", "tail -n 1 /var/log/xitrum/runs.log")
    release = site.find_release("app1")
    assert f"from={release} to={release} outcome=done" in last


@pytest.mark.long
def test_one_instance_restarts_alone(site):
    before = site.find_pids(INSTANCES)
    site.run(playbook="playbooks/restart.yml", restart_instances="app2-1").assert_ended_well()
    after = site.find_pids(INSTANCES)
    assert {name for name in INSTANCES if after[name] != before[name]} == {"app2-1"}
    assert set(site.read_statuses().values()) == {"UP"}


@pytest.mark.long
def test_a_pending_change_is_not_applied_by_a_restart(site):
    links = site.read_links("app1")
    run = site.run("--limit", "app1", playbook="playbooks/restart.yml", restart_instances=["app1-0"], xitrum_heap="300m").assert_ended_well()
    assert "a change is pending for app1-0" in str(run.find_text("Report notes"))
    assert site.read_links("app1") == links
