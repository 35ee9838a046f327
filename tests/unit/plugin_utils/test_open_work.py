# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a read of a host returns on what a run has to do there."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.plugin_utils.open_work import add_open_work, get_active_slot

from ..read_fixture import state


def redirects(**more):
    return {"rows": [], "errors": [], "drift": False, "moves": False, "pairs": [], **more}


@pytest.mark.parametrize(("read", "pending", "unfinished"), [
    (state(), False, False), (state(kernel=["write"]), True, False), (state(locked=True), False, True),
    (state(orphaned=[{"index": 1}], interrupted=True), True, True),
])
def test_what_is_pending_and_what_is_unfinished(read, pending, unfinished):
    found = add_open_work(read)
    assert (found["pending"], found["unfinished"]) == (pending, unfinished)
    assert {**found, **read} == found and "pending" not in read, "the rest stays, and the read itself is not changed"


@pytest.mark.parametrize("result", [
    {"unreachable": True, "msg": "lost"}, {"failed": True, "refused": True, "msg": "wrong"}, {"ansible_job_id": "1.2", "started": 1}, {},
])
def test_a_result_without_a_read_stays_as_it_is(result):
    assert add_open_work(result) == result


@pytest.mark.parametrize(("slot", "set_at"), [(0, "base"), (1, "restart")])
def test_redirects_wait_for_the_instance_of_the_active_slot(slot, set_at):
    read = {**state(restart=[{"index": 1}]), "redirects": redirects(drift=True, moves=True)}
    assert add_open_work(read, slot)["redirects"]["set_at"] == set_at
    assert "set_at" not in read["redirects"]


def test_redirects_that_a_killed_run_left_lead_back():
    read = {"redirects": redirects(pairs=[{"outside": 80, "inside": 8001}]), "instances": {
        "rows": [], "drift": False, "instances": [{"index": 0}], "configured": {"0": {"http": 8000, "https": 0}, "1": {"http": 8001, "https": 0}}}}
    assert add_open_work(read)["redirects"]["restored"] == [{"outside": 80, "inside": 8000}]


@pytest.mark.parametrize(("variables", "slot"), [
    ({}, 0), ({"application_slot_read": {"skipped": True}}, 0), ({"application_slot_read": {"slot": None}}, 0), ({"application_slot_read": {"slot": 1}}, 1),
    ({"application_slot_read": {"slot": "1"}}, 1),
])
def test_the_active_slot_is_the_one_that_the_play_has_read(variables, slot):
    assert get_active_slot(variables) == slot
