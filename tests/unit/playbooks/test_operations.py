# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restart.yml, stop.yml and start.yml by the real plays on stubbed hosts."""

from __future__ import annotations

import pytest

from ..report.status_fixture import proxy, server
from ..stubbed_plays import instance, play, read_of

BOOK = """
- import_playbook: PLAYBOOKS/{}.yml
"""
HOSTS = ("app1", "app2")
RELEASES = {"releases": ["old"], "current": "old", "previous": "", "healthy": ["old"], "switched": ["old"], "running": ["old"], "in_step": [],
            "examples": {}, "main_classes": {"old": ["quickstart.Boot"]}, "last_run": {}, "slot": 0, "interrupted": False}


def state_of(first, locked=False, **more):
    """The read of a host with two instances, whose first process has this number."""
    listed = [instance(index, folder="old-1", restart_reasons=(), pid=first + index, **more) for index in (0, 1)]
    state = read_of(*listed)
    state["instances"]["locked"] = locked
    return state


def reads(before=10, after=20):
    """Two reads before the restart, and one after it."""
    state = ({"module": "host_state_info", "host": "proxy1"}, proxy(*(server(f"{host}-{index}") for host in HOSTS for index in (0, 1))))
    found = [({"module": "overview", "host": host}, RELEASES) for host in HOSTS]
    for nth, pid in ((1, before), (2, before), (3, after)):
        found += [({"module": "host_state_info", "host": host, "nth": nth}, state_of(pid)) for host in HOSTS]
    return [*found, state]


def restart(folder, rules=None, options=(), **variables):
    given = {"xitrum_instances": 2, "application_package_read": None, "xitrum_canary_seconds": 0, **variables}
    return play(folder, BOOK.format("restart"), HOSTS, reads() if rules is None else rules, ("proxy1",), options=options, **given)


def restarted(run):
    """The instances that were restarted, in their order."""
    return [f"{call['host']}-{item['index']}" for call in run.calls if call["action"] == "instance_service" and call["args"]["state"] == "restarted"
            for item in call["args"]["instances"]]


def test_all_instances_restart_one_after_the_other_with_what_is_installed(tmp_path):
    run = restart(tmp_path)
    assert run.code == 0, run.text
    assert restarted(run) == ["app1-0", "app1-1", "app2-0", "app2-1"]
    assert {item["folder"] for call in run.calls if call["action"] == "instance_service" and call["args"]["state"] == "restarted"
            for item in call["args"]["instances"]} == {"old-1"}
    drained = [call["args"]["servers"] for call in run.calls if call["action"] == "proxy_server" and call["args"]["state"] == "drain"]
    assert drained == [[name] for name in restarted(run)]
    assert not {"instances", "release", "service_definition", "host_base"} & {call["action"] for call in run.calls}, "no setting changes"
    locks = [(call["host"], call["args"]["state"]) for call in run.calls if call["action"] == "run_lock"]
    assert [lock for lock in locks if lock[1] != "renewed"] == [(host, state) for state in ("held", "released") for host in HOSTS]
    read = next(call["args"] for call in run.calls if call["action"] == "host_state_info" and call["host"] == "app1")
    assert "release" not in read and "operation" not in read and "instances" in read


@pytest.mark.long
def test_a_chosen_instance_restarts_alone_and_its_host_alone_is_touched(tmp_path):
    rules = [({"host": "app2"}, {"failed": True, "msg": "app2 is down"}), *reads()]
    run = restart(tmp_path, rules, restart_instances="app1-1")
    assert run.code == 0, run.text
    assert restarted(run) == ["app1-1"] and "app2" not in {call["host"] for call in run.calls}


@pytest.mark.long
def test_a_limit_chooses_the_instances_of_its_hosts(tmp_path):
    run = restart(tmp_path, options=["--limit", "app2"])
    assert run.code == 0 and restarted(run) == ["app2-0", "app2-1"], run.text


@pytest.mark.parametrize("value, message", [
    ("app1-9", "restart_instances contains app1-9, which is not an instance of this inventory. Did you mean app1-1? "
     "The instances are app1-0, app1-1, app2-0, app2-1"),
    ("", "restart_instances is '': expected names of instances such as app1-0"),
])
def test_a_wrong_name_ends_the_run_before_a_host_is_touched(tmp_path, value, message):
    run = restart(tmp_path, restart_instances=value)
    assert run.code == 2 and message.replace("app1-1? The", "app1-0? The") in run.text.replace("app1-1? The", "app1-0? The"), run.text
    assert run.calls == []


def test_a_misspelt_variable_gets_the_nearest_name(tmp_path):
    run = restart(tmp_path, restart_instance="app1-0")
    assert run.code == 2 and "did you mean restart_instances?" in run.text and run.calls == []


def test_check_mode_changes_nothing_and_names_what_would_restart(tmp_path):
    run = restart(tmp_path, options=["--check"])
    assert run.code == 0, run.text
    assert "Run batch 1 of 4, app1-0" in run.text and "Check mode: no host was changed" in run.text
    assert "run_lock" not in {call["action"] for call in run.calls}


@pytest.mark.long
def test_an_instance_that_is_not_healthy_stops_the_restart(tmp_path):
    fails = ({"module": "instance_service", "host": "app1", "state": "restarted"}, {"failed": True, "msg": "instance 0 is not healthy"})
    run = restart(tmp_path, [fails, *reads()])
    assert run.code == 2 and restarted(run) == ["app1-0"]
    assert "The restart stopped at batch 1 of 4 (app1-0), at " in run.text and "instance 0 is not healthy" in run.text
    assert "rollout of" not in run.text


@pytest.mark.long
def test_one_that_was_not_replaced_is_a_failure(tmp_path):
    run = restart(tmp_path, reads(after=10))
    assert run.code == 2 and "app1 is out of sync after this run" in run.text, run.text


STOP = {"user": "ann", "host": "laptop", "since": 5}


def stopped_state(first, *gone, running=()):
    """As `state_of`, with instances that an operator stopped."""
    state = state_of(first)
    for item in state["instances"]["instances"]:
        if item["index"] in gone:
            item.update(running=item["index"] in running, stopped=STOP)
    return state


def operation_reads(before, after):
    """Reads of app1 before and after an operation; app2 and the proxy have all of their instances."""
    front = ({"module": "host_state_info", "host": "proxy1"}, proxy(*(server(f"{host}-{index}") for host in HOSTS for index in (0, 1))))
    found = [({"module": "overview", "host": host}, RELEASES) for host in HOSTS]
    found += [({"module": "host_state_info", "host": "app1", "nth": nth}, state) for nth, state in ((1, before), (2, before), (3, after))]
    return [*found, ({"module": "host_state_info", "host": "app2"}, state_of(20)), front]


def operate(folder, book, rules, proxies=("proxy1",), options=(), **variables):
    given = {"xitrum_instances": 2, "application_package_read": None, "xitrum_slots": False, **variables}
    return play(folder, BOOK.format(book), HOSTS, rules, proxies, options=options, **given)


def done(run, action="instance_service"):
    """What was done by calls of a module, in its order: state and instances or servers."""
    return [(call["args"]["state"], call["args"].get("servers") or [item["index"] for item in call["args"]["instances"]])
            for call in run.calls if call["action"] == action]


STOPS = operation_reads(state_of(10), stopped_state(10, 1))


def test_an_instance_is_drained_and_then_stopped_for_good(tmp_path):
    run = operate(tmp_path, "stop", STOPS, stop_instances="app1-1")
    assert run.code == 0, run.text
    assert done(run, "proxy_server") == [("maint", ["app1-1"]), ("drain", ["app1-1"]), ("maint", ["app1-1"])], "the first one only queries"
    queried, *drained = [call["args"] for call in run.calls if call["action"] == "proxy_server"]
    assert (queried["keep_enabled"], queried["hint"]) == (True, "or add -e stop_last=true")
    assert all(args["keep_healthy"] and args["leaving"] == ["app1-1"] for args in drained)
    assert done(run, "step_record") == [("drained", [1])]
    (stop,) = [call["args"] for call in run.calls if call["action"] == "instance_service"]
    assert (stop["state"], stop["operator"], [item["index"] for item in stop["instances"]]) == ("stopped", True, [1])
    assert "app1-1 was stopped by operator ann on laptop, since" in run.text and "app2" not in {call["host"] for call in run.calls}
    order = [(call["action"], call["args"]["state"]) for call in run.calls if call["action"] in ("run_lock", "proxy_server", "instance_service")]
    assert order == [("proxy_server", "maint"), ("run_lock", "held"), ("proxy_server", "drain"), ("proxy_server", "maint"),
                     ("instance_service", "stopped"), ("run_lock", "released")], "a refusal comes before the lock"


@pytest.mark.long
def test_stop_last_queries_nobody(tmp_path):
    run = operate(tmp_path, "stop", STOPS, stop_instances="app1-1", stop_last=True)
    assert run.code == 0 and done(run, "proxy_server") == [("drain", ["app1-1"]), ("maint", ["app1-1"])]
    assert not any(call["args"]["keep_healthy"] for call in run.calls if call["action"] == "proxy_server")


def test_a_refusal_of_the_proxies_ends_the_stop_before_the_lock(tmp_path):
    refusal = ({"module": "proxy_server", "keep_enabled": True}, {"failed": True, "msg": "app1-1 would be disabled, and no other is healthy"})
    run = operate(tmp_path, "stop", [refusal, *STOPS], stop_instances="app1-1")
    assert run.code == 2 and "no other is healthy" in run.text
    assert {"run_lock", "instance_service", "step_record"} & {call["action"] for call in run.calls} == set()


@pytest.mark.long
@pytest.mark.parametrize("variables, options, message", [
    ({}, [], "found no instance that would still run once app1-0, app1-1, app2-0, app2-1 is stopped, expected one"),
    ({}, ["--limit", "app1"], "once app1-0, app1-1 is stopped (app2: outside of --limit, and not read), expected one"),
])
def test_without_proxies_the_last_instance_is_refused(tmp_path, variables, options, message):
    run = operate(tmp_path, "stop", STOPS, (), options, **variables)
    assert run.code == 2 and message in run.text, run.text
    assert "run_lock" not in {call["action"] for call in run.calls}


@pytest.mark.long
def test_without_proxies_one_of_several_is_stopped(tmp_path):
    run = operate(tmp_path, "stop", STOPS, (), stop_instances=["app1-1"])
    assert run.code == 0 and done(run) == [("stopped", [1])], run.text


@pytest.mark.long
def test_check_mode_stops_nothing(tmp_path):
    run = operate(tmp_path, "stop", STOPS, stop_instances="app1-1", options=["--check"])
    assert run.code == 0 and "run_lock" not in {call["action"] for call in run.calls}, run.text


def test_a_start_is_waited_for_and_then_enabled(tmp_path):
    run = operate(tmp_path, "start", operation_reads(stopped_state(10, 1), state_of(10)), start_instances="app1-1")
    assert run.code == 0, run.text
    assert done(run) == [("started", [1])] and done(run, "proxy_server") == [("ready", ["app1-1"])]
    assert done(run, "step_record") == [("drained", [1]), ("enabled", [1]), ("finished", [1])]
    (start,) = [call["args"] for call in run.calls if call["action"] == "instance_service"]
    assert start["operator"] is True and start["instances"][0]["folder"] == "old-1"


@pytest.mark.long
def test_a_start_of_what_runs_does_nothing(tmp_path):
    run = operate(tmp_path, "start", operation_reads(state_of(10), state_of(10)), start_instances="app1-1")
    assert run.code == 0 and {call["action"] for call in run.calls} == {"overview", "host_state_info"}, run.text


def test_a_restart_leaves_out_what_an_operator_stopped(tmp_path):
    run = operate(tmp_path, "restart", operation_reads(stopped_state(10, 1), stopped_state(20, 1)), options=["--limit", "app1,proxy1"],
                  xitrum_canary_seconds=0)
    assert run.code == 0 and restarted(run) == ["app1-0"], run.text
    assert "app1-1 was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z, and stays so" in run.text


def test_a_restart_of_a_stopped_instance_by_its_name_is_refused(tmp_path):
    run = operate(tmp_path, "restart", operation_reads(stopped_state(10, 1), stopped_state(10, 1)), restart_instances="app1-1")
    assert run.code == 2 and "expected one that runs. Start it by start.yml" in run.text, run.text
    assert "run_lock" not in {call["action"] for call in run.calls}


@pytest.mark.long
@pytest.mark.parametrize("stopped, handled", [([1], [0]), ([], [0, 1]), ([0, 1], None)])
def test_a_maintenance_leaves_out_what_an_operator_stopped(tmp_path, stopped, handled):
    (tmp_path / "mine.yml").write_text("- name: Upgrade\n  ansible.builtin.debug:\n    msg: upgraded\n")
    run = play(tmp_path, BOOK.format("maintenance"), ("app1",), [({"module": "overview"}, {**RELEASES, "stopped": stopped})], ("proxy1",),
               xitrum_instances=2, xitrum_slots=False, xitrum_maintenance_tasks=str(tmp_path / "mine.yml"))
    assert run.code == 0 and "upgraded" in run.text, run.text
    assert done(run) == ([("started", handled)] if handled else [])
    states = ["drain", "maint", "ready"] if handled else []
    assert done(run, "proxy_server") == [(state, [f"app1-{index}" for index in handled]) for state in states]


@pytest.mark.long
def test_a_deploy_disables_a_stopped_instance_that_a_proxy_has_enabled(tmp_path):
    state = stopped_state(10, 1)
    for item in state["instances"]["instances"]:
        item["configured"] = {"http": item["port"], "https": 0, "interface": "", "cluster": False}
    for name in ("machine", "release", "service"):
        state[name] = {"rows": [], "errors": [], "notes": [], "drift": False}
    rules = [({"module": "host_state_info", "host": "app1"}, state),
             ({"module": "host_state_info", "host": "proxy1"}, proxy(server("app1-0"), server("app1-1", status="DOWN")))]
    run = play(tmp_path, BOOK.format("deploy"), ("app1",), rules, ("proxy1",), xitrum_instances=2, xitrum_slots=False)
    assert done(run, "proxy_server") == [("drain", ["app1-1"]), ("maint", ["app1-1"])], run.text
    assert done(run) == [] and run.code == 0, run.text
