# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restart.yml and stop.yml whose controller is killed in the middle, under load: the same run again succeeds, and no request is lost."""

import getpass
import os
import signal
import socket

import pytest

from tests.lib.questions import read_document
from tests.lib.site import kill, list_descendants, wait_for
from tests.verify.traffic import Traffic

STOP, START, RESTART = (f"playbooks/{name}.yml" for name in ("stop", "start", "restart"))
INSTANCES = ["app1-0", "app1-1", "app2-0", "app2-1"]
LOCK = "/var/lib/xitrum.host/xitrum.lock"


def start_and_freeze(site, playbook, name, **variables):
    """A run that stands still, with its locks, once an instance is disabled at the proxy."""
    process = site.start(playbook=playbook, **variables)
    wait_for(f"{name} is disabled", lambda: process.poll() is not None or site.read_statuses()[name].startswith("MAINT"))
    assert process.poll() is None, f"the run ended before: {process.communicate()}"
    for pid in list_descendants(process.pid):
        os.kill(pid, signal.SIGSTOP)
    return process


def assert_lock_is_reported(site, host):
    """To another run, which changes nothing, and by the status."""
    refused = site.run("--limit", host, playbook=RESTART)
    assert refused.code == 2 and not refused.changed
    assert f"another run has the lock of this host: that of {getpass.getuser()} on {socket.gethostname()}, since" in refused.message
    document = read_document(site, "status")
    locks = {one["name"]: one["lock"] for one in document["hosts"]}
    assert (locks[host]["user"], locks[host]["host"]) == (getpass.getuser(), socket.gethostname())


@pytest.mark.long
@pytest.mark.parametrize(("playbook", "variables"), [
    (RESTART, {}), (STOP, {"stop_instances": "app1-0"})], ids=["restart", "stop"])
def test_a_killed_run_is_made_up_for_by_the_next(site, playbook, variables):
    before = site.find_pids(INSTANCES)
    try:
        with Traffic(site) as traffic:
            process = start_and_freeze(site, playbook, "app1-0", **variables)
            try:
                assert_lock_is_reported(site, "app1")
            finally:
                kill(process)
            site.run(playbook=playbook, **variables).assert_ended_well()
        traffic.assert_nothing_lost()
        after = site.find_pids(INSTANCES)
        assert {name for name in INSTANCES if after.get(name) == before[name]} == ({*INSTANCES} - {"app1-0"} if playbook == STOP else set())
        assert "outcome=died" in site.run_script("app1", "cat /var/log/xitrum/runs.log")
        assert [site.run_script(host, f"ls {LOCK}", check=False) for host in ("app1", "app2")] == ["", ""]
    finally:
        site.run(playbook=START).assert_ended_well()
    assert site.read_statuses() == dict.fromkeys(INSTANCES, "UP") and len(site.find_pids(INSTANCES)) == 4
    site.run().assert_did_nothing()
