# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys and rollbacks of one host in any order, and where the next rollback goes."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import installed, overview, rollout, run_lock
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from hypothesis import example, given, settings
from hypothesis import strategies as some

from ..fake_host import FakeHost

ROOT, NAMES = "/opt/demo", ("aa", "bb", "cc", "dd", "ee")
DESIRED = {
    "name": "demo", "root": ROOT, "log_dir": "/var/log/demo", "supervisor": "systemd", "state": "restarted", "user": "demo",
    "address": "127.0.0.1", "path": "/", "status": 200, "start_timeout": -1, "stop_timeout": 0,
}
HOLDER = {"id": "boot/1/1", "user": "ann", "host": "laptop"}


class Demo(FakeHost):
    """A host with some instances, whose pages answer as the release does that they are switched to."""

    def __init__(self, count=2):
        super().__init__({f"{ROOT}/releases/{name}/lib": "" for name in NAMES})
        self.count = count
        #: The folders of instances that never answer.
        self.broken = set()
        self.commands = dict.fromkeys([f"systemctl {verb} demo@{number}.service" for verb in ("start", "reset-failed") for number in (0, 1)], "")

    def fetch_status(self, address, port, path, seconds=10):
        return 500 if self.readlink(f"{ROOT}/instances/{port}/current") in self.broken else 200

    def read_page(self, address, port, path, seconds=10, most=1 << 20):
        return self.fetch_status(address, port, path, seconds), ""


def roll(host, name, fault=""):
    """A run that brings a release to all instances, one after the other. `fault`: it does not start on instance 0 or 1,
    fails at the `canary` (healthy at first), or the run is `killed` after the first instance."""
    # Another run than the one before, which may have been killed with the lock.
    holder = {**HOLDER, "id": f"boot/1/{len(host.done)}"}
    lock = {**DESIRED, "state": "held", "holder": holder, "release": name, "outcome": "done", "seconds": 1, "break_lock": "any"}
    run_lock.take(host, lock, run_lock.read_state(host, lock), 1.0)
    # As instances.apply, before anything is started.
    installed.update_current(host, ROOT)
    outcome = "done"
    for number in range(host.count):
        before = host.readlink(f"{ROOT}/instances/{number}/current")
        # Another folder each time, as after another setting.
        folder = f"{name}-{len(host.done)}"
        host.files[f"{ROOT}/instances/{number}/{folder}/script/runner"] = ""
        instance = {"index": number, "port": number, "folder": folder}
        host.broken = {folder} if fault == str(number) else set()
        if fault == "killed" and not host.readlink(f"{ROOT}/current"):
            # All start at once, and the first start ends before any is healthy.
            service.launch(host, DESIRED, instance)
            continue
        try:
            service.begin(host, DESIRED, [instance])
            if fault == "canary":
                raise RuntimeError("it did not stay healthy")
        except RuntimeError:
            outcome = "failed"
            # An instance that never ran has no earlier release to restore.
            if before and host.readlink(f"{ROOT}/current"):
                service.begin(host, DESIRED, [{**instance, "folder": before}])
            break
        if fault == "killed":
            return
    if fault == "killed":
        return
    # A first start that failed ends the run where it is.
    if outcome == "done" or host.readlink(f"{ROOT}/current"):
        lock = {**lock, "state": "released", "outcome": outcome, "healthy": outcome == "done"}
        run_lock.give_back(host, lock, run_lock.read_state(host, lock), 2.0)


def target(host):
    """Where a rollback of this host alone goes."""
    found = {**overview.read_releases(host, ROOT), "examples": {}, "main_classes": {}}
    return rollout.choose_rollback_release({"app1": found}, main_class="Boot").package["release"]


@pytest.fixture(name="quick", autouse=True, scope="module")
def fixture_quick():
    """Nothing has to be stopped, and nothing waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "stop", lambda *_what: None)
        patch.setattr(service, "PATIENCE", 0)
        # The pages of this host report it all: nobody listens here.
        patch.setattr(service.ownership, "find_answer_fault", lambda *_what: "")
        patch.setattr(service, "read_log_tail", lambda *_what: "")
        yield


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("runs", "goes"), [
    ("aa bb", "aa"),
    # The canary of cc failed, at its start or after it: the release that was put back is current, so aa is before it.
    ("aa bb cc:0", "aa"), ("aa bb cc:canary", "aa"),
    # A fixed release after one that failed: not the failed one, and not the one before all.
    ("aa bb cc:canary dd", "bb"), ("aa bb cc:0 dd", "bb"), ("aa cc:canary bb", "aa"), ("aa bb cc:canary dd:canary ee", "bb"),
    # It failed at the second instance, so the first still runs it: the rollback ends that.
    ("aa bb cc:1", "bb"),
    ("aa bb cc:killed", "bb"),
    # Back, and back again.
    ("aa bb aa", "bb"), ("aa bb cc bb", "cc"), ("aa bb cc bb cc", "bb"),
    # A release that was healthy once and failed when it came again.
    ("aa bb cc bb:canary", "aa"), ("aa bb cc bb:0", "aa"), ("aa bb aa:canary", ""),
    # Another configuration of the release that runs has failed, which reports nothing about the release.
    ("aa bb bb:canary", "aa"), ("aa bb bb:canary cc", "bb"),
    ("aa", ""), ("aa bb:canary", ""), ("bb:0 aa", ""),
    # A first release that was never healthy, once or again: instances were switched to it all the same.
    ("aa:0 aa:0 bb", ""), ("aa:0 aa:canary bb", ""), ("aa:0 aa:0 bb cc", "bb"), ("aa:0 aa:0 aa bb", "aa"), ("aa:0 bb:0 cc", ""),
    # Its run was killed.
    ("aa:killed bb", ""), ("aa:killed aa:0 bb", ""), ("aa:killed bb cc", "bb"),
])
def test_a_rollback_goes_to_the_last_release_that_was_healthy(runs, goes, count):
    host = Demo(count)
    if count == 1 and (":1" in runs or ":killed" in runs):
        # These runs need two instances.
        host = Demo()
    for run in runs.split():
        roll(host, *run.split(":"))
    assert target(host) == goes
    if ":1" not in runs and ":killed" not in runs:
        assert (host.readlink(f"{ROOT}/previous") or "").rpartition("/")[2] == goes, "the link and the record agree"


def test_a_host_from_before_the_record_begins_it_with_what_it_ran():
    host = Demo()
    host.links.update({f"{ROOT}/instances/{number}/current": "bb-1" for number in (0, 1)})
    host.files.update({f"{ROOT}/instances/{number}/bb-1/script/runner": "" for number in (0, 1)})
    host.links.update({f"{ROOT}/current": "releases/bb", f"{ROOT}/previous": "releases/aa"})
    assert target(host) == "aa"
    roll(host, "cc", "canary")
    assert (target(host), installed.read_healthy(host, ROOT)) == ("aa", ["aa", "bb"])
    roll(host, "dd")
    assert target(host) == "bb"


def test_check_mode_and_a_run_that_has_no_release_write_no_record():
    host = Demo()
    roll(host, "aa")
    for name, healthy in (("", True), ("bb", True), ("", False)):
        lock = {**DESIRED, "state": "held", "holder": HOLDER, "release": name, "outcome": "done", "healthy": healthy, "seconds": 1, "break_lock": ""}
        run_lock.take(host, lock, run_lock.read_state(host, lock), 1.0)
        run_lock.give_back(host, lock, run_lock.read_state(host, lock), 2.0)
    assert installed.read_healthy(host, ROOT) == ["aa"]


RUNS = some.lists(some.tuples(some.sampled_from([*NAMES, "back"]), some.sampled_from(["", "", "0", "1", "canary", "killed"])), max_size=12)


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(RUNS, some.sampled_from([1, 2]))
# The release of before a killed run fails its canary, where nothing else runs it.
@example([("aa", ""), ("bb", "killed"), ("aa", "canary")], 1)
def test_after_any_runs_the_target_is_the_last_healthy_release_before_the_current_one(runs, count):
    host, healthy, current = Demo(count), [], ""
    for name, fault in runs:
        name = target(host) if name == "back" else name
        if not name:
            continue
        first = not host.readlink(f"{ROOT}/current")
        # The second of one instance does not fail.
        fault = "0" if fault == "1" and count == 1 else fault
        if first:
            # Both start at once, and what does not start has no earlier release to restore.
            fault = "" if fault in ("1", "canary") else fault
        roll(host, name, fault)
        if not fault:
            healthy = [one for one in healthy if one != name] + [name]
            current = name
        elif fault != "killed" and name != current:
            healthy = [one for one in healthy if one != name]
        switched = installed.read_switched(host, ROOT)
        if switched and len(switched) == 1 and host.readlink(f"{ROOT}/current"):
            current = switched[0]
        runs_all = switched[0] if len(switched) == 1 else ""
        expected = next((one for one in reversed(healthy) if one != runs_all), "")
        assert target(host) == expected
        assert installed.read_healthy(host, ROOT) in (healthy, None)
