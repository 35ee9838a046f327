# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads of a rollout of the real plays and roles, with the callback that the clone's settings name."""

from __future__ import annotations

import re

import pytest

from ..stubbed_plays import Fleet, instance, read_of
from .test_batch import VARIABLES


@pytest.fixture(name="fleet")
def fixture_fleet(tmp_path):
    """Two hosts with an instance each, behind a proxy."""
    return Fleet(tmp_path, {host: read_of(instance()) for host in ("app1", "app2")}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy1"]}, "xitrum_slots": False, "xitrum_start_timeout": 60})


def lines_of(output, heading):
    """The lines of a play, without dots and times."""
    text = output.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    return [re.sub(r" \.{3,}", " -", re.sub(r"  [\d.]+ s$", "", line)) for line in text.splitlines()]


def test_a_rollout_is_printed_batch_by_batch(fleet):
    waiting = {"phase": "started", "seconds": 5.0, "limit": 60, "launched": [0], "in_step": [0], "faults": {"0": "no answer"}}
    fleet.answer("instance_service", ["app1"], {"state": "restarted", "nth": 1}, changed=True, waiting=waiting)
    fleet.answer("proxy_server", ["app2"], {"state": "drain", "nth": 1}, changed=True, open=3, waiting=True)
    code, output = fleet.run("rollout")
    assert code == 0, output
    lines = lines_of(output, "Roll out in batches")
    first, second = lines.index("  Batch 1 of 2: app1-0"), lines.index("  Batch 2 of 2: app2-0")
    restart = "    Change instances: restarted - 1 changed"
    assert first < lines.index("      app1-0: restarted, waiting for / to answer 200, 5 s of 60") < lines.index(restart) < second
    assert second < lines.index("      app2-0: draining at proxy1, 3 connections left, 0 s of 20")
    assert output.splitlines()[-1].endswith("3 of 3 hosts changed.")
    assert output.count("TASK [") == 2, "those of the play of this test alone, which is not of the collection"


@pytest.mark.long
def test_a_failed_rollout_reports_its_cause_once_and_what_to_do(fleet):
    fleet.fail("instance_service", ["app1"], {"state": "restarted"}, "instance 0 is not healthy 60 s after its start")
    code, output = fleet.run("rollout")
    assert code != 0 and output.count("instance 0 is not healthy 60 s after its start") == 1, output
    assert "    Check that the instances have the requested state - 1 failed, rescued" in lines_of(output, "Roll out in batches")
    reason = output.partition("\nEnd the run if the rollout stopped\n")[2]
    assert "this run: failed: The rollout of new stopped at batch 1 of 2 (app1-0)" in reason and "Batch 2" not in output
    assert re.search(r"^Failed after [\d.]+ s on app1: ", output, re.MULTILINE), "the host that was put back"
    assert "\nIf the release is broken, deploy a fixed package. Otherwise fix the cause, then run the same command again: ansible-playbook" in output
