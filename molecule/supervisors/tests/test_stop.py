# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stop.yml, start.yml and restart.yml under every supervisor: what an operator stopped stays so over a boot and a run."""

import json
import pathlib
import tomllib

from tests.fleet import engine
from tests.lib.site import wait_for

STOP, START, RESTART = "playbooks/stop.yml", "playbooks/start.yml", "playbooks/restart.yml"
HOSTS = list(tomllib.loads((pathlib.Path(__file__).parents[1] / "fleet.toml").read_text(encoding="utf-8"))["hosts"])


def test_a_restart_replaces_the_process_under_every_supervisor(site):
    before = {host: site.find_pid(host, 0) for host in HOSTS}
    site.run(playbook=RESTART).assert_ended_well()
    after = {host: site.find_pid(host, 0) for host in HOSTS}
    assert all(after.values()) and not [host for host in HOSTS if after[host] == before[host]]


def test_what_an_operator_stopped_stays_so_over_a_run_and_a_boot_under_every_supervisor(site):
    site.run(playbook=STOP, stop_last=True).assert_ended_well()
    try:
        assert {host: site.list_processes(host) for host in HOSTS} == dict.fromkeys(HOSTS, [])
        for host in HOSTS:
            assert set(json.loads(site.run_script(host, "cat /var/lib/xitrum.host/xitrum.stopped"))) == {"0", "schema_version"}
        site.run().assert_did_nothing()
        for host in HOSTS:
            engine.restart(site.hosts[host]["fleet_container"], 30)
        for host in HOSTS:
            wait_for(f"{host} answers", lambda host=host: site.run_script(host, "echo up", check=False) == "up")
        # Each supervisor has had its time to start what it finds: they read their folders every five seconds.
        site.run(playbook="playbooks/status.yml").assert_ended_well()
        site.run().assert_did_nothing()
        assert {host: site.list_processes(host) for host in HOSTS} == dict.fromkeys(HOSTS, [])
    finally:
        site.run(playbook=START).assert_ended_well()
    assert all(site.find_pid(host, 0) for host in HOSTS)
    site.run().assert_did_nothing()
