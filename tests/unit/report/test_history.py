# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of a fleet: the document, which has a published schema, and the screen that is made of it."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.report import history

from tests.lib.questions import validate

from .status_fixture import app


def entry(when=10, outcome="done", run="aaaaaaaaaaaa", **more):
    """A run as a host has it."""
    return {"when": f"2026-11-30T10:00:{when}Z", "who": "ann@desk", "from": "r1", "to": "r2", "outcome": outcome, "seconds": 65, "run": run,
            "playbook": "site", **more}


def read(*runs, **more):
    """What an application host returns."""
    return {"past_runs": {"rows": [], "drift": False, "runs": list(runs), "holder": None, "lock_fault": "", **more}}


def document(hosts, most=20, is_gone=lambda lock: False):
    """The document of hosts, which the published schema allows."""
    return validate(history.build_history_document(hosts, most, 4600, is_gone), "history")


def test_a_run_of_several_hosts_is_one_run():
    found = document([app("app1", read(entry())), app("app2", read(entry(12, seconds=70)))])
    (run,) = found["runs"]
    assert (found["outcome"], found["errors"]) == ("complete", [])
    assert {name: run[name] for name in run if name != "hosts"} == {
        "run": "aaaaaaaaaaaa", "playbook": "site", "user": "ann", "controller": "desk", "started": "2026-11-30T10:00:10Z", "seconds": 70,
        "outcome": "done", "release_from": "r1", "release_to": "r2"}
    assert [host["name"] for host in run["hosts"]] == ["app1", "app2"]


def test_the_newest_run_is_the_last_and_the_oldest_are_left_out():
    runs = [entry(10 + index, run=f"{index:012x}") for index in range(5)]
    found = document([app("app1", read(*runs[:3])), app("app2", read(*runs[1:]))], 3)
    assert [run["started"][-3:] for run in found["runs"]] == ["12Z", "13Z", "14Z"]
    assert [len(run["hosts"]) for run in found["runs"]] == [2, 1, 1]


def test_the_worst_outcome_is_that_of_the_run():
    found = document([app("app1", read(entry(outcome="done"))), app("app2", read(entry(outcome="failed", to="r3", **{"from": "-"})))])
    (run,) = found["runs"]
    assert (run["outcome"], run["release_from"], run["release_to"]) == ("failed", None, None)
    assert run["hosts"][1]["release_from"] is None
    assert history.render_history_table(found).splitlines()[1] == (
        "2026-11-30T10:00:10Z  ann@desk  site      r1, -  r2, r3  1 min  failed   app2 (failed), app1 (done)")


def test_two_runs_of_one_process_stay_two():
    found = document([app("app1", read(entry(10), entry(40))), app("app2", read(entry(11), entry(41)))])
    assert [(run["started"][-3:], len(run["hosts"])) for run in found["runs"]] == [("10Z", 2), ("40Z", 2)]


def test_lines_of_an_earlier_version_are_a_run_for_each_host():
    old = entry(run="", playbook="")
    found = document([app("app1", read(old)), app("app2", read(old))])
    assert [[host["name"] for host in run["hosts"]] for run in found["runs"]] == [["app1"], ["app2"]]
    assert " - " in history.render_history_table(found)


def test_a_host_that_is_not_read_is_an_error():
    found = document([app("app1", read(entry())), app("app2", {"failed": True, "msg": "no sudo\x1b"}), app("app3", None, reached=False)])
    assert (found["outcome"], len(found["runs"])) == ("partial", 1)
    assert found["errors"] == ["app2: it could not be read: no sudo\\x1b", "app3: it could not be reached"]
    assert history.render_history_table(found).startswith("app2: it could not be read")
    nothing = document([app("app3", None, reached=False)])
    assert nothing["outcome"] == "failed" and "No run" not in history.render_history_table(nothing)


def test_a_fleet_without_a_run():
    assert history.render_history_table(document([app("app1", read())])) == "No run has changed these hosts yet."


def test_a_run_whose_process_has_ended_has_died():
    holder = {"id": "b/1/1", "host": "desk"}
    hosts = [app("app1", read(entry(outcome="running"), holder=holder))]
    assert document(hosts)["runs"][0]["outcome"] == "running"
    assert document(hosts, is_gone=lambda lock: lock == holder)["runs"][0]["outcome"] == "died"


def test_a_lock_that_cannot_be_read_is_an_error():
    assert document([app("app1", read(lock_fault="it is not a record in JSON"))])["errors"] == [
        "app1 has a lock that cannot be read: it is not a record in JSON"]


def test_a_line_of_a_log_that_is_none_is_an_error():
    found = document([app("app1", read(log_fault="/l has 1 line that is none")), app("app2", read())])
    assert (found["errors"], found["outcome"]) == (["app1: /l has 1 line that is none"], "complete")


def test_many_hosts_are_counted():
    found = document([app(f"app{index}", read(entry())) for index in range(1, 8)])
    assert history.render_history_table(found).endswith("done     app1, app2, app3, app4 and 3 more")
    assert history.list_history_rows(found) == [
        ["2026-11-30T10:00:10Z", "ann@desk", "site", "r1", "r2", "65", "done", "app1,app2,app3,app4,app5,app6,app7", "aaaaaaaaaaaa"]]


def test_an_outcome_of_others_comes_last():
    assert sorted(["done", "odd", "died"], key=history.rank_outcome) == ["died", "done", "odd"]


@pytest.mark.parametrize("value", [0, -1, 1001, "x", "", None, True, 2.5, [], "1\x1b"])
def test_what_is_no_number_of_runs(value):
    assert history.find_number_error(value).startswith("history_runs is ") and "\x1b" not in history.find_number_error(value)


@pytest.mark.parametrize("value", [1, "20", 1000])
def test_a_number_of_runs(value):
    assert not history.find_number_error(value)
