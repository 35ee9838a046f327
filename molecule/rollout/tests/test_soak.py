# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random faults and releases under load, until SOAK_MINUTES are over: each is found, fixed by the next run, and counted.

A process that is killed takes the requests with it that it was at work on: these are reported. Nothing else may lose one.
"""

import json
import os
import random
import subprocess
import time
from collections import Counter

import pytest

from tests.lib.checked import Checked
from tests.lib.faults import ROUNDS
from tests.lib.site import kill, wait_for
from tests.verify.traffic import Traffic

EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
DEPLOY = "playbooks/deploy.yml"
#: Faults of hosts that have neither redirects nor a certificate, and that end no process by themselves.
NAMES = (
    "a kernel parameter was changed by hand", "a line of limits.d was removed", "the proxy's configuration was edited and not reloaded",
    "the open files of a running JVM were lowered", "half of the alternatives were switched",
    "the unit was edited", "the link to the release was moved", "an instance was disabled at boot")
FAULTS = [fault for faults in ROUNDS for fault in faults if fault.name in NAMES]
assert len(FAULTS) == len(NAMES)


class Soak:
    """What happens to the fleet. Each event leaves the package that is desired in `desired`, and returns its name where its function's does not report it."""

    def __init__(self, site, chance, packages):
        self.site, self.chance, self.packages, self.desired, self.release = site, chance, packages, None, 0

    def variables(self):
        return {"xitrum_package": self.desired} if self.desired else {}

    def next_release(self):
        self.release += 1
        self.desired = str(self.packages(f"soak-{self.release % 3}"))

    def deploy(self):
        self.next_release()
        self.site.run(playbook=DEPLOY, **self.variables()).assert_ended_well()

    def deploy_that_is_killed(self):
        self.next_release()
        process = self.site.start(playbook=DEPLOY, **self.variables())
        try:
            process.wait(self.chance.uniform(1, 40))
        except subprocess.TimeoutExpired:
            # As meant: it is in the middle of something.
            pass
        finally:
            kill(process)

    def reload(self):
        self.site.run_script("proxy1", "systemctl reload haproxy")

    def fault(self):
        """Somebody breaks something, and the check finds that and nothing else."""
        fault = self.chance.choice(FAULTS)
        self.site.run_script(fault.host, fault.does)
        checked = self.site.check(f"-e '{json.dumps(self.variables())}'")
        assert set(checked.drift) == set(fault.red), fault.name
        return fault.name

    def killed(self):
        """A JVM dies."""
        name = self.chance.choice(EVERY)
        host, index = name.split("-")
        self.site.run_script(host, f"kill -9 {self.site.read_main_pid(host, index)}")
        wait_for(f"{name} is back", lambda: self.site.read_statuses()[name] == "UP" and self.site.find_pid(host, int(index)))


@pytest.mark.soak
def test_whatever_happens_is_fixed_by_the_next_run(site, packages, print_line, tmp_path):
    seed, end = int(os.environ["SOAK_SEED"]), time.monotonic() + 60 * float(os.environ["SOAK_MINUTES"])
    chance, counts, requests, cut, failed = random.Random(seed), Counter(), 0, 0, []
    soak = Soak(Checked(site.inventory, tmp_path, secrets=site.secrets), chance, packages)
    # Whatever was there: it begins with what the inventory sets.
    site.run().assert_ended_well()
    while time.monotonic() < end:
        event = chance.choice([soak.deploy, soak.deploy_that_is_killed, soak.reload, soak.fault, soak.killed])
        with Traffic(site) as traffic:
            what = event() or event.__name__.replace("_", " ")
            site.run(**soak.variables()).assert_ended_well()
        wait_for("all are enabled", lambda: site.read_statuses() == dict.fromkeys(EVERY, "UP"))
        site.run(**soak.variables()).assert_did_nothing()
        errors = [error for load in traffic.loads for error in load.errors]
        bad = sum(count for load in traffic.loads for status, count in load.statuses.items() if status != 200)
        counts[what] += 1
        requests += traffic.count
        if event == soak.killed:
            cut += len(errors) + bad
        elif errors or bad:
            failed.append(f"{what}: {bad} answers other than 200, {len(errors)} errors, the first: {errors[:2]}")
        print_line(f"soak: {what}: {traffic.count} requests, {len(errors) + bad} failed")
    print_line("soak: " + ", ".join(f"{number} x {what}" for what, number in sorted(counts.items())))
    print_line(f"soak: seed {seed}: {sum(counts.values())} events, {requests} requests; {cut} went with {counts['killed']} killed processes, "
               f"{len(failed)} events lost one otherwise")
    assert failed == []
