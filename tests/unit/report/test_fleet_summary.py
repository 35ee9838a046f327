# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a read leaves a run anything to do, and the fleet on one screen."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.report import fleet_summary
from ansible_collections.xitrum.host.plugins.plugin_utils import fleet_reports

from ..read_fixture import state


@pytest.mark.parametrize("read, needed", [
    (state(), False),
    (state(kernel=["write"]), True),
    (state(start=[{"index": 0}]), True),
    (state(restart=[{"index": 0}]), True),
    (state(orphaned=[{"index": 2}]), True),
    ({}, False),
    (None, False),
])
def test_whether_a_run_would_do_anything(read, needed):
    assert fleet_summary.needs_work(read) is needed


@pytest.mark.parametrize(("more", "unfinished"), [({}, False), ({"locked": True}, True), ({"interrupted": True}, True), ({"locked": False}, False)])
def test_a_lock_or_a_step_that_a_run_has_not_ended(more, unfinished):
    read = state(**more)
    assert fleet_summary.is_unfinished(read) is unfinished and not fleet_summary.needs_work(read)
    assert not fleet_summary.is_unfinished(None)


def test_what_is_still_open_names_the_host_the_value_and_the_reason():
    summary = fleet_summary.open_work(state(kernel=["write"]), "app1")
    assert "app1" in summary and "kernel" in summary
    assert "instance-0 nofile: desired 20000, configured 1024000, effective 1024/1024 (fixed at start)" in summary


def test_the_fleet_in_one_screen():
    item = {"index": 0, "port": 8000, "running": True, "pid": 7, "release": "aaaaaaaaaaaa"}
    summary = fleet_summary.render_fleet_summary({"app2": state(instances=[item]), "app1": state(instances=[item]), "app3": None}, False)
    assert summary.startswith("3 hosts, 2 of 2 instances running, release aaaaaaaaaaaa")
    assert "Not reached: app3" in summary
    line = next(line for line in summary.splitlines() if line.startswith("nofile"))
    assert line.split() == ["nofile", "20000", "1024000", "1024/1024", "RESTART", "PENDING", "app1:0", "app2:0", "fixed", "at", "start"]
    assert "1 more value is in sync." in summary


def test_a_host_that_was_lost_is_not_shown_as_it_was_before_the_run():
    item = {"index": 0, "port": 8000, "running": True, "pid": 7, "release": "aaaaaaaaaaaa"}
    hostvars = {name: {"xitrum_host_state": state(instances=[item])} for name in ("app1", "app2")}
    hostvars["app1"][fleet_reports.REACH], hostvars["app3"] = {}, {}
    summary = fleet_reports.render_summary(hostvars, ["app2", "app1", "app3"], reached=["app1"])
    assert summary.startswith("3 hosts, 1 of 1 instances running")
    assert "Lost during the run, so that its state is not known: app2." in summary and "Not reached: app3" in summary
    assert not [line for line in summary.splitlines() if line.startswith("app2")]
    assert "Lost" not in fleet_reports.render_summary(hostvars, ["app1", "app2"], reached=["app1", "app2"])
    assert "Lost" not in fleet_reports.render_summary(hostvars, ["app1", "app2"])


def test_everything_is_shown_on_request():
    line = next(line for line in fleet_summary.render_fleet_summary({"app1": state()}, False, True).splitlines() if line.startswith("net.core.somaxconn"))
    assert line.split() == ["net.core.somaxconn", "1024", "1024", "4096", "ok", "app1"]


def test_what_a_container_does_not_have_is_one_line():
    read = state()
    read["kernel"]["rows"] = [{**read["kernel"]["rows"][0], "item": item, "status": "absent"} for item in ("a.b", "c.d")]
    assert "not on this host: a.b, c.d (all hosts)" in fleet_summary.render_fleet_summary({"app1": read, "app2": read}, False)


def test_check_mode_reports_that_it_only_would():
    assert fleet_summary.render_fleet_summary({"app1": state()}, True).startswith("Check mode")


def test_a_table_is_as_wide_as_its_widest_cells():
    assert fleet_summary.render_table(("a", "b"), [("long", 1)]) == ["a     b", "long  1"]


def test_what_a_run_would_change_is_grouped_by_hosts():
    states = {"app1": state(kernel=["write"], restart=[{"index": 0}, {"index": 1}]), "app2": state(kernel=["write"]), "app3": state(), "app4": None}
    lines = fleet_summary.render_changes(states).splitlines()
    assert lines[0] == "What a run would change, on 2 hosts of 4:"
    assert any(line.startswith("app1, app2  kernel") for line in lines)
    assert any(line.startswith("app1") and line.endswith("restart instance 0, 1") for line in lines)
    assert fleet_summary.render_changes({"app1": state()}) == "No host would change."


@pytest.mark.parametrize(("key", "change"), [
    ("stop", "stop instance 1"), ("start", "start instance 1"), ("switch", "update stopped instance 1"), ("orphaned", "remove instance 1"),
    ("unhealthy", "wait for instance 1"),
])
def test_what_an_operator_would_do_to_an_instance_is_a_change(key, change):
    read = state()
    # As the component reports them.
    read["instances"][key] = [1 if key == "unhealthy" else {"index": 1}]
    heading, _header, line = fleet_summary.render_changes({"app1": read}).splitlines()
    assert heading == "What a run would change, on 1 host of 1:" and line.endswith(change)


def test_hosts_from_which_the_application_is_removed_are_listed_with_the_changes():
    listed = fleet_summary.render_changes({"app1": state()}, ["app2", "app3"]).splitlines()
    assert listed == ["No host would change.", "The application is removed from decommissioned hosts that still have it: app2, app3."]


def test_a_summary_of_changes_is_short_for_many_hosts_and_values():
    rows = [{"item": f"key{number}", "desired": "2", "configured": "", "effective": "1", "status": "drift"} for number in range(6)]
    states = {f"app{number}": {"kernel": {"rows": rows, "drift": True}} for number in range(9)}
    assert fleet_summary.render_changes(states).splitlines()[-1] == (
        "app0, app1, app2, app3 and 5 more  kernel     key0 1 -> 2; key1 1 -> 2; key2 1 -> 2; key3 1 -> 2; 2 more values")
