# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a rollout, and the release that a fleet goes back to."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import rollout
from hypothesis import given
from hypothesis import strategies as some

DUE = {"app1": [{"index": 0}, {"index": 1}], "app2": [{"index": 0}, {"index": 1}]}


def labels(due, batch=1):
    return [one["label"] for one in rollout.plan_batches(due, batch)]


@pytest.mark.parametrize("batch, expected", [
    (1, ["app1-0", "app1-1", "app2-0", "app2-1"]),
    ("2", ["app1-0", "app1-1, app2-0", "app2-1"]),
    ("50%", ["app1-0", "app1-1, app2-0", "app2-1"]),
    ("10%", ["app1-0", "app1-1", "app2-0", "app2-1"]),
    ("100%", ["app1-0", "app1-1, app2-0, app2-1"]),
    (99, ["app1-0", "app1-1, app2-0, app2-1"]),
])
def test_the_first_goes_alone_and_then_as_many_as_the_batch_reports(batch, expected):
    assert labels(DUE, batch) == expected


def test_a_batch_names_its_hosts_and_where_it_is():
    assert rollout.plan_batches(DUE, 2)[1] == {
        "number": 2, "total": 3, "canary": False, "label": "app1-1, app2-0", "title": "app1-1, app2-0",
        "hosts": {"app1": [{"index": 1}], "app2": [{"index": 0}]}, "servers": ["app1-1", "app2-0"]}


@pytest.mark.parametrize("batch", [1, "25%", "100%"])
def test_all_at_once_is_one_batch_of_all_instances(batch):
    (one,) = rollout.plan_batches(DUE, batch, "all_at_once")
    assert one == {"number": 1, "total": 1, "canary": True, "all_at_once": True, "hosts": DUE, "label": "app1-0, app1-1, app2-0, app2-1",
                   "title": "app1-0, app1-1, app2-0 and 1 more", "servers": ["app1-0", "app1-1", "app2-0", "app2-1"]}
    assert rollout.plan_batches(DUE, batch, "rolling") == rollout.plan_batches(DUE, batch)
    assert rollout.plan_batches({"app1": []}, batch, "all_at_once") == []
    with pytest.raises(ValueError, match="xitrum_rollout_batch is"):
        rollout.plan_batches(DUE, "101%", "all_at_once")


def test_nothing_due_is_no_batch():
    assert rollout.plan_batches({"app1": []}) == []


@pytest.mark.parametrize("batch", ["0", "-1", "1.5", "all", "", "0%", "101%", None])
def test_an_invalid_batch(batch):
    with pytest.raises(ValueError, match="xitrum_rollout_batch is"):
        rollout.plan_batches(DUE, batch)


@given(some.lists(some.integers(0, 5), max_size=6), some.one_of(some.integers(1, 9), some.integers(1, 100).map("{}%".format)))
def test_every_instance_is_in_exactly_one_batch_and_only_the_first_batch_is_a_canary(counts, batch):
    due = {f"app{number}": [{"index": index} for index in range(count)] for number, count in enumerate(counts)}
    batches = rollout.plan_batches(due, batch)
    assert [(host, item["index"]) for one in batches for host, items in one["hosts"].items() for item in items] == \
        [(host, item["index"]) for host, items in due.items() for item in items]
    assert [one["canary"] for one in batches] == [True, *[False] * (len(batches) - 1)][:len(batches)]
    assert all(sum(map(len, one["hosts"].values())) <= rollout.compute_batch_size(batch, sum(counts)) for one in batches)


def host(releases="aa bb cc", current="cc", previous="bb"):
    return {"releases": releases.split(), "current": current, "previous": previous, "examples": {"bb": ["apiKey"]}}


def test_without_a_name_it_is_the_previous_one():
    choice = rollout.choose_rollback_release({"app1": host(), "app2": host()})
    assert (choice.errors, choice.package["release"], choice.package["examples"]) == ((), "bb", ["apiKey"])


def test_a_name_is_taken_where_all_hosts_have_it():
    assert rollout.choose_rollback_release({"app1": host(), "app2": host()}, "aa").package["release"] == "aa"
    for empty in ("", " "):
        errors = rollout.choose_rollback_release({"app1": host(), "app2": host(previous="aa")}, empty).errors
        assert [error.rule for error in errors] == ["rollback.unknown"] and errors[0].startswith("rollback_to is empty: expected a release.")
    assert list(rollout.choose_rollback_release({"app1": host(), "app2": host("bb cc")}, "aa").errors) == [
        "app2 does not have the release aa: it has bb, cc (current). Set rollback_to to one of them, or deploy the package again"]


def test_a_host_without_a_previous_release_reports_it():
    assert "app1 has no release before its current one: it has cc (current)" in rollout.choose_rollback_release({"app1": host("cc", previous="")}).errors[0]


def test_a_host_without_a_release_needs_one_first():
    assert rollout.choose_rollback_release({"app1": host("", current="", previous="")}).errors == ("app1 has no release. Deploy a package first",)


def test_hosts_that_would_go_back_to_different_ones_report_it():
    assert "(app1: bb; app2: aa)" in rollout.choose_rollback_release({"app1": host(), "app2": host(previous="aa")}).errors[0]


def remembers(healthy, current="cc", switched=(), releases="aa bb cc dd"):
    return {**host(releases, current), "healthy": None if healthy is None else healthy.split(), "switched": list(switched or [current])}


@pytest.mark.parametrize(("found", "target"), [
    # Whatever `previous` sets: bb failed its canary.
    ([remembers("aa cc")], "aa"),
    ([remembers("aa bb cc")], "bb"),
    # The release that runs never ended a rollout: what was healthy before it is the last.
    ([remembers("aa bb")], "bb"),
    ([remembers("aa dd cc", releases="aa bb cc")], "aa"),
    # A rollout that stopped when half of the instances of a host ran it.
    ([remembers("aa bb", "bb", ["bb", "cc"])], "bb"),
    ([remembers("aa bb", "bb", ["bb", "cc"]), remembers("aa bb", "bb")], "bb"),
    # One host alone had bb meanwhile.
    ([remembers("aa bb cc"), remembers("aa cc")], "aa"),
    # It failed on one host, and was healthy on another once.
    ([remembers("bb aa cc"), remembers("aa cc")], "aa"),
    # A host from before the record.
    ([remembers(None)], "bb"),
    ([remembers(None), remembers("aa bb cc")], "bb"),
    # A rollout that stopped before its first host was whole: what the fleet runs, and not two back, although the run that
    # brought it did not end healthy.
    ([remembers("aa", "bb", ["bb", "cc"]), remembers("aa", "bb")], "bb"),
    ([remembers("aa", "bb", ["bb", "cc"]), remembers("aa", "bb"), remembers("aa", "bb"), remembers("aa", "", ["bb"])], "bb"),
    # What was healthy last is not what runs: a deploy of it was rolled back since.
    ([remembers("aa bb dd", "bb", ["bb", "cc"]), remembers("aa bb dd", "bb")], "bb"),
    # A host that is new runs nothing yet.
    ([remembers("aa bb", "bb", ["bb", "cc"]), {**remembers("aa bb", ""), "switched": []}], "bb"),
])
def test_hosts_go_back_to_the_last_release_that_was_healthy_on_all(found, target):
    choice = rollout.choose_rollback_release({f"app{number}": observed for number, observed in enumerate(found)})
    assert (choice.errors, choice.package["release"]) == ((), target)


@pytest.mark.parametrize(("found", "runs", "choices"), [
    # A rollout that stopped: on one host it ended, on another it did not.
    ([remembers("aa bb"), remembers("aa bb", "bb")], ["bb on app1", "cc on app0 (not on the record of healthy releases)"], "bb cc aa"),
    ([remembers("aa bb"), remembers("aa bb", "bb"), remembers("aa bb", "bb", ["bb", "cc"])],
     ["bb on app1, app2", "cc on app0, app2 (not on the record of healthy releases)"], "bb cc aa"),
    ([remembers("aa bb"), remembers("aa bb", "bb", releases="bb cc")], ["bb on app1", "cc on app0 (not on the record"], "bb cc"),
    # Hosts from before the record.
    ([remembers(None, "bb"), {**remembers(None, "cc"), "previous": "bb"}], ["bb on app0", "cc on app1"], "bb cc"),
    # One host that runs two, and neither ended healthy.
    ([remembers("aa", "bb", ["bb", "cc"])], ["bb on app0", "cc on app0"], "bb cc aa"),
])
def test_a_mixed_fleet_goes_nowhere_until_one_is_chosen(found, runs, choices):
    fleet = {f"app{number}": observed for number, observed in enumerate(found)}
    errors = rollout.choose_rollback_release(fleet).errors
    assert len(errors) == 1
    for row in runs:
        assert row in errors[0]
    assert [line.rpartition("=")[2] for line in errors[0].splitlines() if "-e rollback_to=" in line] == choices.split()
    for name in choices.split():
        choice = rollout.choose_rollback_release(fleet, name)
        assert (choice.errors, choice.package["release"]) == ((), name)


def test_a_name_of_digits_alone_is_a_name_in_json_too():
    observed = {**remembers("123456789012 cc"), "releases": ["123456789012", "cc"]}
    assert rollout.choose_rollback_release({"app1": observed}, 123456789012).package["release"] == "123456789012"


def test_what_the_fleet_runs_is_reported_where_no_run_with_it_ended_healthy():
    choice = rollout.choose_rollback_release({"app1": remembers("aa", "bb", ["bb", "cc"]), "app2": remembers("aa", "bb")})
    assert choice.notes[0].startswith("release bb is not on the record of healthy releases of app1, app2. It is used because all hosts still run it")


def test_where_none_was_healthy_the_releases_are_listed_and_none_is_taken():
    errors = rollout.choose_rollback_release({"app1": remembers("cc")}).errors
    assert list(errors) == ["app1 has no release before its current one that was healthy: it has aa, bb, cc (current), dd. "
                            "Deploy a package, or set rollback_to to a release that you trust"]


@pytest.mark.parametrize(("healthy", "release", "note"), [
    ("aa cc", "bb", "release bb is not on the record of healthy releases of app1: it failed there"),
    ("aa cc", "aa", ""), ("aa", "cc", ""), (None, "bb", ""),
    (None, None, "app1 has no record of healthy releases yet"), ("aa cc", None, ""),
])
def test_a_release_that_is_named_is_used_and_its_record_reported(healthy, release, note):
    choice = rollout.choose_rollback_release({"app1": remembers(healthy)}, release)
    assert choice.errors == () and choice.package["release"] == (release or ("aa" if healthy else "bb"))
    assert [sentence[:len(note)] for sentence in choice.notes] == ([note] if note else [])


def test_what_is_started_and_disabled_is_found_by_its_name_at_the_proxies():
    start = [{"index": 0, "port": 8000}, {"index": 1, "port": 8001}]
    rows = [{"item": "xitrum/app_2-0", "effective": "MAINT"}, {"item": "xitrum/app_2-1", "effective": "UP"}, {"item": "xitrum/other-1", "effective": "DRAIN"}]
    assert rollout.find_disabled(start, [{"proxy": {"rows": rows}}, {}], "app 2") == start[:1]
    assert rollout.find_disabled(start, [{"proxy": {"rows": [{"item": "xitrum/app_2-1", "effective": "drain"}]}}], "app 2") == start[1:]
    assert rollout.find_disabled(start, [{}], "app 2") == []


def due_state(drift=True, moves=True, start=(), restart=()):
    return {"redirects": {"drift": drift, "moves": moves},
            "instances": {"start": [{"index": index} for index in start], "restart": [{"index": index} for index in restart]}}


@pytest.mark.parametrize(("state", "slot", "when"), [
    (due_state(restart=[0, 1]), 0, "restart"),
    (due_state(restart=[1]), 1, "restart"),
    # Nobody restarts the one that the redirects lead to: nothing is to be waited for.
    (due_state(restart=[1]), 0, "base"),
    (due_state(start=[0]), 0, "start"),
    (due_state(moves=False, start=[0], restart=[1]), 0, "base"),
    (due_state(drift=False, start=[0]), 0, ""),
    ({"redirects": {"drift": True, "moves": True}}, 0, "base"),
    ({}, 0, ""),
])
def test_a_redirect_waits_for_the_instance_that_it_leads_to(state, slot, when):
    assert rollout.find_redirects_step(state, slot) == when


@pytest.mark.parametrize(("pairs", "configured", "index", "led"), [
    # Killed after the switch and before it was written down, with another port of the new release.
    ({80: 9001}, {"0": (8000, 0), "1": (9001, 0)}, 0, {80: 8000}),
    ({80: 9001, 443: 5431}, {"0": (8000, 4430), "1": (9001, 5431)}, 0, {80: 8000, 443: 4430}),
    ({80: 9000, 81: 7000}, {"0": (9000, 0), "1": (8001, 0)}, 1, {80: 8001, 81: 7000}),
    ({80: 8000}, {"0": (8000, 0), "1": (9001, 0)}, 0, {}),
    ({80: 8001}, {"0": {}, "1": (8001, 0)}, 0, {}),
    ({80: 8000}, {"0": (8000, 0)}, 0, {}),
    ({}, {}, 0, {}),
])
def test_redirects_lead_back_to_the_active_slot_before_the_other_ends(pairs, configured, index, led):
    ports = {key: {"http": value[0], "https": value[1]} if value else {} for key, value in configured.items()}
    state = {"redirects": {"pairs": [{"outside": outside, "inside": inside} for outside, inside in pairs.items()]},
             "instances": {"instances": [{"index": index}], "configured": ports}}
    assert rollout.find_active_pairs(state) == [{"outside": outside, "inside": inside} for outside, inside in led.items()]
    assert rollout.find_active_pairs({}) == []


def test_instances_that_get_no_requests_are_taken_first():
    batches = rollout.plan_batches(DUE, 1, sick={("app2", 0), ("app9", 0)})
    assert [one["label"] for one in batches] == ["app2-0", "app1-0", "app1-1", "app2-1"]
    assert batches[0]["canary"] and not batches[1]["canary"]
