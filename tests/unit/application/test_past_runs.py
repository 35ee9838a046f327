# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs in the log of a host, and the one that has its lock."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import past_runs, run_lock

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

LOG = "/var/log/demo/runs.log"
ANN = {"id": "boot/7/100", "user": "ann", "host": "laptop", "since": 1000.0, "from": "aa", "boot": "b1", "uptime": 50.0, "playbook": "site"}
DESIRED = {"name": "demo", "log_dir": "/var/log/demo", "seconds": 3600}


def facts(log, lock=None, uptime=150.0, now=1100, double=FakeHost):
    """The facts of a host at second 1,100, which booted 150 seconds ago."""
    files = {LOG: log, "/proc/sys/kernel/random/boot_id": "b1\n", "/proc/uptime": f"{uptime} 1.0\n"}
    if lock:
        files["/var/lib/xitrum.host/demo.lock"] = lock if isinstance(lock, str) else record_text(lock)
    there = double(files)
    state = past_runs.read(there, DESIRED)
    assert not there.done
    return past_runs.plan(DESIRED, {**state, "now": now}).facts


def line(outcome, **lock):
    return run_lock.format_line({**ANN, **lock}, "bb", outcome, 1025.0)


def test_a_run_that_ended_has_what_its_last_line_has():
    assert facts(line("began") + line("done"))["runs"] == [
        {"when": "1970-01-01T00:16:40Z", "who": "ann@laptop", "from": "aa", "to": "bb", "outcome": "done", "seconds": 25,
         "run": run_lock.format_run_id("boot/7/100"), "playbook": "site"}]


def test_a_run_that_has_the_lock_is_running():
    found = facts(line("done", since=500.0) + line("began"), ANN)
    assert [(run["outcome"], run["seconds"]) for run in found["runs"]] == [("done", 525), ("running", 100)]
    assert found["holder"] == {"id": "boot/7/100", "host": "laptop"}


@pytest.mark.parametrize(("lock", "uptime"), [(None, 150.0), (ANN, 50 + 3601.0), ({**ANN, "user": "bob"}, 150.0)])
def test_a_run_without_a_lock_or_with_an_expired_one_has_died(lock, uptime):
    assert [run["outcome"] for run in facts(line("began"), lock, uptime)["runs"]] == ["died"]


def test_a_damaged_lock_is_reported():
    found = facts(line("done"), "{}")
    assert "it has no schema version" in found["lock_fault"] and found["holder"] is None


def test_lines_of_the_log_that_are_none_are_reported():
    found = facts("half" + line("began") + line("done"))
    assert [run["outcome"] for run in found["runs"]] == ["done"]
    assert found["log_fault"].startswith(f"{LOG} has 1 line that is not a line of a run, left out here. The first is \"half")
    assert facts(line("done"))["log_fault"] == ""


def test_without_a_log_there_are_no_runs():
    assert facts("")["runs"] == []
