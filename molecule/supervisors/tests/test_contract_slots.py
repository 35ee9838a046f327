# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots under the supervisors that have them when they are requested: a release is switched over without a lost request."""

import contextlib

from tests.lib.demo_instance import request
from tests.verify.load import Load

DEPLOY = "playbooks/deploy.yml"
HOSTS = ("supervisord", "runit", "daemontools", "rclocal")
LIMIT = ("--limit", ",".join(HOSTS))


def test_a_release_starts_in_the_other_slot_without_a_lost_request(site, packages):
    addresses = {host: site.hosts[host]["xitrum_address"] for host in HOSTS}
    first = request(80, "/", host=addresses["runit"]).headers["X-Demo-Release"]
    # There and back, so that the hosts are as the other tests expect them.
    for name, slot in ((packages("slot-1"), "1"), (None, "0")):
        package = {"xitrum_package": str(name)} if name else {}
        with contextlib.ExitStack() as stack:
            loads = {host: stack.enter_context(Load(address, 80, threads=2)) for host, address in addresses.items()}
            site.run(*LIMIT, playbook=DEPLOY, xitrum_slots=True, **package).assert_ended_well()
            for load in loads.values():
                load.wait_for_more()
        for host, load in loads.items():
            assert load.errors == [], host
            assert site.run_script(host, "ls /opt/xitrum/instances").split() == [slot], host
            assert len(site.list_processes(host)) == 1, host
            assert request(80, "/", host=addresses[host]).headers["X-Demo-Release"] == ("slot-1" if name else first), host
        site.run(*LIMIT, playbook=DEPLOY, xitrum_slots=True, **package).assert_did_nothing()
    site.run(*LIMIT).assert_did_nothing()


def test_where_nobody_requested_slots_a_run_reports_that_requests_are_refused(site):
    run = site.run("--check", *LIMIT, playbook=DEPLOY, xitrum_java_options=["-Dnoted=1"]).assert_ended_well()
    notes = {host: str(result.get("msg")) for task, host, result in run.tasks if task == "Report notes"}
    assert [host for host in HOSTS if "With xitrum_slots: true the new release starts next to the old one" not in notes.get(host, "")] == []
