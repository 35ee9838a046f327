# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restart.yml under load: all instances, and one."""

import pytest

from tests.verify.traffic import BUSY, Traffic

INSTANCES = ["app1-0", "app1-1", "app2-0", "app2-1"]


@pytest.mark.parametrize("options, variables, chosen", [
    pytest.param([], {"restart_instances": "app2-1"}, INSTANCES[-1:], id="one instance"),
    pytest.param(["--limit", "app1"], {}, INSTANCES[:2], id="one host", marks=pytest.mark.long),
    pytest.param([], {}, INSTANCES, id="all hosts", marks=pytest.mark.long),
])
def test_a_restart_replaces_every_chosen_process_and_loses_no_request(site, options, variables, chosen):
    before, links = site.find_pids(INSTANCES), {host: site.read_links(host) for host in ("app1", "app2")}
    # 20,000 requests in make test-all: without a pause between them, they would take the processor from the instances.
    with Traffic(site, **BUSY) as traffic:
        site.run(*options, playbook="playbooks/restart.yml", **variables).assert_ended_well()
    traffic.assert_nothing_lost()
    after = site.find_pids(INSTANCES)
    assert sorted(after) == INSTANCES
    assert [name for name in INSTANCES if after[name] != before[name]] == chosen
    assert {host: site.read_links(host) for host in ("app1", "app2")} == links, "the release and the configuration stay"
    assert set(site.read_statuses().values()) == {"UP"}
    host = chosen[0].split("-")[0]
    last = site.run_script(host, "tail -n 1 /var/log/xitrum/runs.log")
    release = site.find_release(host)
    assert f"from={release} to={release} outcome=done" in last


@pytest.mark.long
def test_a_pending_change_is_not_applied_by_a_restart(site):
    links = site.read_links("app1")
    run = site.run("--limit", "app1", playbook="playbooks/restart.yml", restart_instances=["app1-0"], xitrum_heap="300m").assert_ended_well()
    assert "a change is pending for app1-0" in str(run.find_text("Report notes"))
    assert site.read_links("app1") == links
