# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a rollout, and the release that a fleet goes back to."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import rollout
from hypothesis import given
from hypothesis import strategies as some

DUE = {"app1": [{"index": 0}, {"index": 1}], "app2": [{"index": 0}, {"index": 1}]}


def labels(due, batch=1):
    return [step["label"] for step in rollout.steps(due, batch)]


@pytest.mark.parametrize("batch, expected", [
    (1, ["app1-0", "app1-1", "app2-0", "app2-1"]),
    ("2", ["app1-0", "app1-1, app2-0", "app2-1"]),
    ("50%", ["app1-0", "app1-1, app2-0", "app2-1"]),
    ("10%", ["app1-0", "app1-1", "app2-0", "app2-1"]),
    ("100%", ["app1-0", "app1-1, app2-0, app2-1"]),
    (99, ["app1-0", "app1-1, app2-0, app2-1"]),
])
def test_the_first_goes_alone_and_then_as_many_as_the_batch_says(batch, expected):
    assert labels(DUE, batch) == expected


def test_a_step_names_its_hosts_and_where_it_is():
    assert rollout.steps(DUE, 2)[1] == {
        "number": 2, "of": 3, "gate": False, "label": "app1-1, app2-0", "hosts": {"app1": [{"index": 1}], "app2": [{"index": 0}]}}


def test_nothing_due_is_no_step():
    assert rollout.steps({"app1": []}) == []


@pytest.mark.parametrize("batch", ["0", "-1", "1.5", "all", "", "0%", "101%", None])
def test_a_batch_that_cannot_be_meant(batch):
    with pytest.raises(ValueError, match="xitrum_rolling_batch is"):
        rollout.steps(DUE, batch)


@given(some.lists(some.integers(0, 5), max_size=6), some.one_of(some.integers(1, 9), some.integers(1, 100).map("{}%".format)))
def test_every_instance_is_in_exactly_one_step_and_only_the_first_step_is_a_gate(counts, batch):
    due = {f"app{number}": [{"index": index} for index in range(count)] for number, count in enumerate(counts)}
    steps = rollout.steps(due, batch)
    assert [(host, item["index"]) for step in steps for host, items in step["hosts"].items() for item in items] == \
        [(host, item["index"]) for host, items in due.items() for item in items]
    assert [step["gate"] for step in steps] == [True, *[False] * (len(steps) - 1)][:len(steps)]
    assert all(sum(map(len, step["hosts"].values())) <= rollout.size(batch, sum(counts)) for step in steps)


def host(releases="aa bb cc", current="cc", previous="bb"):
    return {"releases": releases.split(), "current": current, "previous": previous, "examples": {"bb": ["apiKey"]}}


def test_without_a_name_it_is_the_previous_one():
    choice = rollout.go_back_to({"app1": host(), "app2": host()})
    assert (choice["problems"], choice["package"]["release"], choice["package"]["examples"]) == ([], "bb", ["apiKey"])


def test_a_name_is_taken_where_all_hosts_have_it():
    assert rollout.go_back_to({"app1": host(), "app2": host()}, "aa")["package"]["release"] == "aa"
    assert rollout.go_back_to({"app1": host(), "app2": host("bb cc")}, "aa")["problems"] == [
        "app2 does not have the release aa: it has bb, cc (current). Set xitrum_rollback_to to one of them, or deploy the package again."]


def test_a_host_without_a_previous_release_says_so():
    assert "app1 has no release before its current one: it has cc (current)" in rollout.go_back_to({"app1": host("cc", previous="")})["problems"][0]


def test_hosts_that_would_go_back_to_different_ones_say_so():
    assert "(app1: bb; app2: aa)" in rollout.go_back_to({"app1": host(), "app2": host(previous="aa")})["problems"][0]


def test_what_is_started_and_out_of_use_is_told_apart_by_its_name_at_the_proxies():
    start = [{"index": 0, "port": 8000}, {"index": 1, "port": 8001}]
    rows = [{"item": "xitrum/app_2-0", "effective": "MAINT"}, {"item": "xitrum/app_2-1", "effective": "UP"}, {"item": "xitrum/other-1", "effective": "DRAIN"}]
    assert rollout.started_out_of_use(start, [{"proxy": {"rows": rows}}, {}], "app 2") == start[:1]
    assert rollout.started_out_of_use(start, [{"proxy": {"rows": [{"item": "xitrum/app_2-1", "effective": "drain"}]}}], "app 2") == start[1:]
    assert rollout.started_out_of_use(start, [{}], "app 2") == []
