# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook run.yml and the command before a release, by the real plays on stubbed hosts."""

from __future__ import annotations

import json

import pytest

from tests.unit.stubbed_plays import MODULES, PACKAGE, instance, play, state_of

RUN = """
- import_playbook: PLAYBOOKS/run.yml
"""
RELEASE = """
- import_playbook: PLAYBOOKS/plays/read.yml
- import_playbook: PLAYBOOKS/plays/lock.yml
- import_playbook: PLAYBOOKS/plays/release.yml
- import_playbook: PLAYBOOKS/plays/rollout.yml
"""
STUBBED = (*MODULES, "console", "host_record", "service_definition")
HOSTS = ("app1", "app2")
JOB = "/run/xitrum.host-job-1"


def command(output="done\n", rc=0, **host):
    """The answers of the stub to a class that runs on a host."""
    ended = {"output": output, "position": len(output), "phase": "ended", "rc": rc, "reason": "", "more": False}
    return [({"module": "console", "action": "run", **host}, {"changed": True, "job": JOB, "instance": 0, "release": "aa"}),
            ({"module": "console", "action": "job", "want": "end"}, {"job": {}}),
            ({"module": "console", "action": "job"}, {"job": ended})]


def run(folder, rules, *options, hosts=HOSTS, **variables):
    return play(folder, RUN, hosts, rules, modules=STUBBED, options=["-e", json.dumps(variables), *options])


def started(played):
    return [(call["host"], call["args"]["main_class"], call["args"]["arguments"], call["args"]["instance"]) for call in played.calls
            if call["action"] == "console" and call["args"]["action"] == "run"]


def test_it_runs_once_on_the_first_host_and_its_output_is_printed(tmp_path):
    played = run(tmp_path, command("step 1\nstep 2\n"), run_class="shop.Migrate", run_arguments="--from 'a b'")
    assert played.code == 0, played.text
    assert started(played) == [("app1", "shop.Migrate", ["--from", "a b"], 0)]
    assert "step 1 step 2" in played.text and "shop.Migrate ended with exit code 0 after" in played.text
    first = next(call["args"] for call in played.calls if call["action"] == "console")
    assert (first["timeout"], first["nofile"], first["user"], first["root"]) == (3600, 1024000, "xitrum", "/opt/xitrum")


@pytest.mark.long
def test_it_runs_on_the_host_and_with_the_instance_that_are_named(tmp_path):
    played = run(tmp_path, command(), run_class="M", run_host="app2", run_instance=1, run_timeout=0, run_arguments=["x y"])
    assert played.code == 0 and started(played) == [("app2", "M", ["x y"], 1)]


def test_a_class_that_fails_fails_the_playbook_with_its_exit_code_and_its_last_lines(tmp_path):
    played = run(tmp_path, command("no table\n", 3), run_class="M")
    assert played.code == 2 and "M ended with exit code 3. The end of its output:" in played.text and played.text.count("no table") >= 2


@pytest.mark.long
def test_check_mode_reports_what_would_run(tmp_path):
    played = run(tmp_path, [({"module": "console"}, {"changed": True, "instance": 0, "release": "aa"})], "--check", run_class="M")
    assert played.code == 0 and "Check mode: M would run with the configuration of instance 0 of app1, release aa" in played.text
    assert [call["args"]["action"] for call in played.calls if call["action"] == "console"] == ["run"]


@pytest.mark.parametrize("rc", [0, 3])
def test_arguments_which_may_be_secret_are_printed_nowhere(tmp_path, rc):
    played = run(tmp_path, command(rc=rc), "-v", "--diff", run_class="M", run_arguments="--login 'hush 1234'")
    assert started(played) == [("app1", "M", ["--login", "hush 1234"], 0)] and "timeout" in played.text
    assert "hush" not in played.text and "--login" not in played.text


@pytest.mark.parametrize(("variables", "message"), [
    ({}, "run_class is not set: expected a class of the release that has a main method, such as -e run_class=shop.Migrate"),
    ({"run_class": "shop/Migrate"}, "did you mean shop.Migrate?"),
    ({"run_class": "M", "run_arguments": "a 'b"}, "run_arguments cannot be split into arguments"),
    ({"run_class": "M", "run_timeout": -1}, "run_timeout is '-1': expected a number of seconds, or 0 for no limit"),
    ({"run_class": "M", "run_instance": -1}, "run_instance is '-1': expected the number of an instance, from 0"),
    ({"run_class": "M", "run_host": "app9"}, "run_host is 'app9': expected one host of the group xitrum, which are app1, app2"),
    ({"run_clas": "M"}, "did you mean run_class?"),
    ({"run_class": "M", "run_timeout": "long"}, "run_timeout is 'long': expected a whole number"),
])
def test_what_is_wrong_is_refused_before_a_host_is_reached(tmp_path, variables, message):
    played = run(tmp_path, command(), **variables)
    assert played.code == 2 and message in played.text and played.calls == []


def test_a_host_that_limit_leaves_out_is_reported(tmp_path):
    played = run(tmp_path, command(), "--limit", "app1,localhost", run_class="M", run_host="app2")
    assert played.code == 2 and "run_host is app2, which --limit leaves out" in played.text and played.calls == []


# --------------------------------------------------------------------------------------------------- before a release


def reads(*listed, start=()):
    """The read of a host with these instances, of which some are to be started and those that are due restarted."""
    due = [item for item in listed if item["restart_reasons"]]
    picked = [[{name: item[name] for name in ("index", "port", "folder")} for item in some] for some in (start, due)]
    state = state_of()
    state["instances"] = {**state["instances"], "instances": list(listed), "start": picked[0], "restart": picked[1], "drift": True}
    return state


def release(folder, states, more=(), **variables):
    rules = [*more, *(({"module": "host_state_info", "host": host}, state) for host, state in states.items())]
    return play(folder, RELEASE, tuple(states), rules, modules=STUBBED,
                **{"xitrum_before_release": "shop.Migrate --all", "application_package_read": {**PACKAGE, "folder": ""}, "xitrum_slots": False, **variables})


NEW = f"{PACKAGE['release']}-1"


def test_the_command_runs_once_with_the_new_release_before_anything_restarts(tmp_path):
    states = {host: reads(instance(folder=NEW), start=[instance(1, NEW)]) for host in HOSTS}
    played = release(tmp_path, states, command())
    assert started(played) == [("app1", "shop.Migrate", ["--all"], 0)], played.text
    order = [call["action"] for call in played.calls if call["action"] in ("console", "instance_service", "instances")]
    assert order.index("console") < order.index("instance_service")
    assert next(call["args"]["folder"] for call in played.calls if call["action"] == "console") == NEW


def test_the_arguments_of_the_command_are_printed_nowhere(tmp_path):
    states = {"app1": reads(instance(folder=NEW))}
    played = release(tmp_path, states, command(), xitrum_before_release="shop.Migrate hush-1234", options=["-v", "--diff"])
    assert started(played) == [("app1", "shop.Migrate", ["hush-1234"], 0)], played.text
    assert "hush-1234" not in played.text


def test_a_command_that_fails_stops_the_run_before_any_instance_changes(tmp_path):
    states = {host: reads(instance(folder=NEW)) for host in HOSTS}
    played = release(tmp_path, states, command("no table\n", 7))
    assert played.code == 2 and "shop.Migrate ended with exit code 7" in played.text and "no table" in played.text
    assert {call["action"] for call in played.calls} & {"instance_service", "service_definition", "proxy_server"} == set()


@pytest.mark.long
@pytest.mark.parametrize(("listed", "variables"), [
    ([instance(folder=NEW, current=NEW)], {}), ([instance(folder=NEW)], {"xitrum_before_release": None}),
    ([instance(folder=NEW)], {"application_releases_read": {"releases": []}}),
])
def test_it_does_not_run_for_a_release_that_an_instance_has_nor_at_a_rollback(tmp_path, listed, variables):
    played = release(tmp_path, {"app1": reads(*listed)}, command(), **variables)
    assert started(played) == [], played.text


@pytest.mark.long
def test_it_runs_at_the_first_install_too(tmp_path):
    first = {**instance(folder=NEW, current="", restart_reasons=()), "running": False, "pid": 0, "release": ""}
    played = release(tmp_path, {"app1": reads(first, start=[first])}, command())
    assert started(played) == [("app1", "shop.Migrate", ["--all"], 0)], played.text


def test_check_mode_reports_it_and_runs_nothing(tmp_path):
    rules = [({"module": "host_state_info"}, reads(instance(folder=NEW)))]
    played = play(tmp_path, RELEASE, ("app1",), rules, modules=STUBBED, options=["--check"], xitrum_before_release="shop.Migrate",
                  xitrum_slots=False, application_package_read={**PACKAGE, "folder": ""})
    assert "Check mode: shop.Migrate (xitrum_before_release) would run on app1." in played.text, played.text
    assert started(played) == []


@pytest.mark.parametrize(("value", "message"), [
    ({"clas": "M"}, "xitrum_before_release has clas: expected class, arguments and timeout"), (7, "xitrum_before_release is 7: expected a text")])
def test_a_command_of_another_form_is_refused_with_all_other_errors(tmp_path, value, message):
    played = release(tmp_path, {"app1": reads(instance(folder=NEW))}, xitrum_before_release=value)
    assert played.code == 2 and message in played.text
    assert {call["action"] for call in played.calls} <= {"host_state_info"}
