# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on installed instances: whom an operator chooses, and what is left of a read for them."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import operations

from ..stubbed_plays import instance, read_of

PLACES = {"app1": 2, "app2": 2}


@pytest.mark.parametrize("value, names", [
    ("app1-0", ["app1-0"]),
    ("app1-0, app2-1", ["app1-0", "app2-1"]),
    (["app1-0", "app1-0", " app2-1 "], ["app1-0", "app2-1"]),
])
def test_names_are_a_list_or_a_text_with_commas(value, names):
    assert operations.read_names(value) == names


@pytest.mark.parametrize("value", ["", " ", "app1-0,", [], [0], 5, None, {"app1-0": 1}, ["app1-0", ""]])
def test_a_value_without_names_is_refused_and_does_not_choose_all(value):
    with pytest.raises(ValueError, match="expected names of instances such as app1-0"):
        operations.read_names(value)


@pytest.mark.parametrize("names, hosts, chosen", [
    (None, ["app1", "app2"], {"app1": [0, 1], "app2": [0, 1]}),
    (None, ["app2"], {"app2": [0, 1]}),
    (["app2-1", "app1-0"], ["app1", "app2"], {"app2": [1], "app1": [0]}),
])
def test_the_chosen_instances(names, hosts, chosen):
    assert operations.choose("restart_instances", {} if names is None else {"restart_instances": names}, PLACES, hosts) == (chosen, [])


def test_all_names_that_are_none_are_refused_with_the_nearest_one_and_the_list():
    chosen, errors = operations.choose("restart_instances", {"restart_instances": ["app1-0", "ap2-1", "web", "app2-0"]}, PLACES, ["app1"])
    assert chosen == {"app1": [0]}
    assert errors == [
        "restart_instances contains ap2-1, which is not an instance of this inventory. Did you mean app2-1? The instances are app1-0, app1-1, app2-0, "
        "app2-1",
        "restart_instances contains web, which is not an instance of this inventory. The instances are app1-0, app1-1, app2-0, app2-1",
        "restart_instances contains app2-0, and --limit leaves out app2: add that host to --limit, or run without --limit"]
    assert [error.rule for error in errors] == ["operation.unknown-instance"] * 2 + ["operation.outside-limit"]


def test_the_name_of_a_host_is_refused_with_what_chooses_its_instances():
    _chosen, (error,) = operations.choose("stop_instances", {"stop_instances": "app2"}, PLACES, PLACES)
    assert error.startswith("stop_instances contains app2, which is not an instance of this inventory. app2 is a host: to choose all its "
                            "instances, use --limit app2. The instances are app1-0")


@pytest.mark.parametrize("value", ["", None])
def test_a_variable_without_names_is_an_error_of_its_own_and_chooses_nothing(value):
    chosen, (error,) = operations.choose("stop_instances", {"stop_instances": value}, PLACES, PLACES)
    assert chosen == {} and error.rule == "operation.names"
    assert error.startswith(f"stop_instances is {value!r}: expected names of instances such as app1-0")


def test_of_many_instances_the_first_are_listed():
    _chosen, (error,) = operations.choose("stop_instances", {"stop_instances": "web"}, {"app1": 64}, ["app1"])
    assert error.endswith("The instances are " + ", ".join(f"app1-{index}" for index in range(operations.LISTED)) + " and 44 more")


def read(*listed, drift=(), **more):
    """A read with rows of drift in these components."""
    state = read_of(*listed)
    state["instances"].update(more)
    for name in drift:
        state[name]["drift"] = True
    return state


def limited(state, chosen=(0, 1), slots=False, before=None, one_by_one=False):
    given = copy.deepcopy(state)
    operation = {"verb": "restart", "instances": list(chosen), "one_by_one": one_by_one}
    found = operations.limit_read(state, operation, "app1", slots, before)
    assert state == given, "the read is an argument, and stays"
    return found


def due(found):
    return [(item["index"], item["folder"]) for item in found["instances"]["restart"]]


def well(index=0, **more):
    """An instance that is in sync."""
    return instance(index, folder="old-1", restart_reasons=(), **{"pid": 7 + index, **more})


def test_what_is_installed_is_restarted_and_nothing_else_is_done():
    found = limited(read(instance(0, pid=7), well(1), drift=("jdk", "redirects", "instances"), start=[{"index": 9}], orphaned=[{"index": 2}]))
    assert due(found) == [(0, "old-1"), (1, "old-1")], "the folder that it has, and not the one that it is to have"
    instances = found["instances"]
    assert (instances["start"], instances["orphaned"]) == ([], [])
    assert not any(found[name]["drift"] for name in ("jdk", "redirects", "instances")) and found["redirects"]["moves"] is False
    (note,) = instances["notes"]
    assert note.startswith("a change is pending for app1-0 (another release). This run does not apply it")
    assert instances["errors"] == []


def test_an_instance_keeps_the_port_that_it_has():
    found = limited(read(well(0, port=9000, configured={"http": 8000})))
    assert found["instances"]["restart"] == [{"index": 0, "port": 8000, "folder": "old-1"}]


def test_only_chosen_instances_restart_and_count():
    found = limited(read(well(0), well(1), unhealthy=[0, 1]), [1])
    assert (due(found), found["instances"]["unhealthy"]) == ([(1, "old-1")], [1])
    assert due(limited(read(well(0), well(1)), [])) == []


def test_an_instance_is_done_once_another_process_runs():
    first = limited(read(well(0), well(1)))
    assert first["operation"] == {"verb": "restart", "pids": [7, 8]}
    assert due(limited(read(well(0, pid=99), well(1)), before=first["operation"]["pids"])) == [(1, "old-1")]
    assert due(limited(read(well(0, pid=99), well(1, pid=98)), before=first["operation"]["pids"])) == []


def test_one_that_does_not_run_is_started():
    assert due(limited(read(well(0, running=False, pid=0), well(1)), [0], before=[0])) == [(0, "old-1")]


def test_what_a_killed_run_left_is_taken_up_whatever_is_chosen():
    stopped = read(well(0, running=False, pid=0), well(1), restart=[{"index": 0, "port": 8000, "folder": "old-1"}])
    assert due(limited(stopped, [1])) == [(0, "old-1"), (1, "old-1")]
    sick = read(well(0), well(1), recovery={"replace": [{"index": 0}]})
    assert due(limited(sick, [])) == [(0, "old-1")]


def test_one_that_was_never_installed_is_refused():
    found = limited(read(instance(0, current="", restart_reasons=())))["instances"]
    error = "app1-0 is not installed yet. Run site.yml or deploy.yml first"
    assert (found["errors"], found["broken_rules"]) == ([error], {error: "operation.not-installed"})


def test_with_slots_the_active_one_restarts_and_is_done_in_the_other():
    first = limited(read(well(0)), [0, 1], slots=True)
    assert (due(first), first["operation"]["pids"]) == ([(0, "old-1")], [7])
    after = limited(read(well(1, pid=99), orphaned=[{"index": 0}]), [0, 1], slots=True, before=[7])
    assert (due(after), after["instances"]["orphaned"]) == ([], [{"index": 0}]), "the slot that a killed run left is emptied"


def test_with_slots_a_pending_change_is_refused():
    found = limited(read(instance(0, pid=7), drift=("redirects",)), [0], slots=True)["instances"]
    (error,) = found["errors"]
    assert error.startswith("found a pending change for app1-0 (another release), the port redirects of app1, expected none")
    assert found["broken_rules"] == {error: "operation.pending"} and found["notes"] == []
    assert {type(error) for error in found["errors"]} == {str}, "what Ansible stores without a warning"


def test_with_slots_the_inactive_one_cannot_be_named():
    (error,) = limited(read(well(1)), [0], slots=True, one_by_one=True)["instances"]["errors"]
    assert error == "app1-0 is the inactive blue/green slot of this host, expected the active one: app1-1"
    assert limited(read(well(1)), [1], slots=True, one_by_one=True)["instances"]["errors"] == []
    assert limited(read(well(0, pid=99)), [1], slots=True, one_by_one=True, before=[7])["instances"]["errors"] == [], "it has switched meanwhile"


def test_a_read_without_instances_stays():
    for state in ({"failed": True, "msg": "no"}, {"proxy_health": {"rows": [], "drift": False}}):
        assert limited(state) == state


STOP = {"user": "ann", "host": "laptop", "since": 5}


def operated(verb, state, chosen=(0, 1), **more):
    operation = {"verb": verb, "instances": list(chosen), "one_by_one": more.pop("one_by_one", False)}
    return operations.limit_read(copy.deepcopy(state), operation, "app1", False, **more)["instances"]


def work(found):
    return {verb: [item["index"] for item in found[verb]] for verb in operations.VERBS}


def test_a_stop_is_of_what_runs_or_is_not_on_record_yet():
    state = read(well(0), well(1, running=False, stopped=STOP))
    assert work(operated("stop", state)) == {"restart": [], "stop": [0], "start": []}
    down = read(well(0), well(1, running=False))
    assert work(operated("stop", down, [1])) == {"restart": [], "stop": [1], "start": []}, "no run is to start it then"
    assert operated("stop", read(well(0), unhealthy=[0]), [0])["unhealthy"] == []


def test_a_start_is_of_what_does_not_run_or_is_on_record():
    state = read(well(0), well(1, running=False, stopped=STOP))
    assert work(operated("start", state)) == {"restart": [], "stop": [], "start": [1]}
    assert work(operated("start", read(well(0, stopped=STOP)), [0])) == {"restart": [], "stop": [], "start": [0]}, "the record goes"


@pytest.mark.parametrize("verb", ["stop", "start"])
def test_what_a_killed_run_left_is_restarted_unless_it_is_chosen(verb):
    state = read(well(0, running=False), well(1, running=verb == "stop"), restart=[{"index": 0}])
    assert work(operated(verb, state, [1])) == {"restart": [0], "stop": [], "start": [], verb: [1]}
    assert work(operated(verb, state, [0])) == {"restart": [], "stop": [], "start": [], verb: [0]}


def test_a_restart_leaves_out_what_was_stopped_and_refuses_it_by_name():
    state = read(well(0), well(1, running=False, stopped=STOP))
    found = operated("restart", state)
    assert work(found)["restart"] == [0] and found["errors"] == []
    assert found["notes"] == ["app1-1 was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z, and stays so"]
    found = operated("restart", state, one_by_one=True)
    (error,) = found["errors"]
    assert found["broken_rules"] == {error: "operation.stopped"} and error.endswith("expected one that runs. Start it by start.yml")


@pytest.mark.parametrize("more, left_out, allowed, names", [
    ({}, (), False, "app1-0, app1-1"),
    ({}, ("app2",), False, "app1-0, app1-1"),
    ({}, (), True, ""),
    ({"app2": read(well(0))["instances"]}, (), False, ""),
    ({"app2": read(well(0, healthy=False))["instances"]}, (), False, "app1-0, app1-1"),
])
def test_the_last_instances_are_not_stopped_without_proxies(more, left_out, allowed, names):
    states = {"app1": {"instances": operated("stop", read(well(0), well(1)))}, **{host: {"instances": {**found, "stop": []}} for host, found in more.items()}}
    found = operations.find_last_errors(states, left_out, allowed)
    assert bool(found) == bool(names)
    if names:
        (error,) = found["app1"]
        assert f"once {names} is stopped" in error and "add -e stop_last=true" in error and ("app2: outside of --limit" in error) == bool(left_out)


def test_what_serves_nobody_may_always_be_stopped():
    states = {"app1": {"instances": operated("stop", read(well(0, running=False), well(1, healthy=False)))}}
    assert operations.find_last_errors(states, (), False) == {}
