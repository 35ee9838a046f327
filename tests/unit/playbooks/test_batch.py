# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a rollout under the real plays and roles: several hosts at once, and what fails among them."""

from __future__ import annotations

import pytest

from ..stubbed_plays import Fleet, instance, read_of

VARIABLES = {
    "application_package_read": {"release": "new", "folder": "/tmp/package", "manifest": [], "examples": [], "main_class": "quickstart.Boot"},
    "xitrum_name": "demo", "xitrum_user": "demo", "xitrum_log_dir": "/var/log/demo", "xitrum_canary_seconds": 0, "xitrum_drain_grace": 1,
}
MANY = [f"app{number}" for number in range(1, 8)]


@pytest.fixture(name="slotted")
def fixture_slotted(tmp_path):
    """Hosts with two slots of which the first serves, all but one in one batch after the canary."""
    fleet = Fleet(tmp_path, {host: read_of(instance()) for host in ["app0", *MANY]}, {
        **VARIABLES, "xitrum_slots": True, "xitrum_rollout_batch": "100%", "application_slot_read": {"slot": 0}})
    fleet.answer("instances", ["app0", *MANY], instances=[{"index": 1, "folder": "new-2"}])
    return fleet


def removed(fleet, host):
    """The slots that were emptied on a host, in this order."""
    calls = fleet.calls(host, "instance_service")
    return [call["args"]["instances"][0]["index"] for call in calls if call["args"]["state"] == "absent"]


@pytest.mark.long
def test_with_slots_each_host_of_a_batch_that_is_put_back_keeps_the_release_that_serves(slotted):
    """The condition of a block guards its rescue and always tasks too: once one host of a batch had stopped the rollout, the
    others skipped the mark of that, and what cleans up after a success took the slot that serves."""
    *failing, well = MANY
    slotted.fail("instance_service", failing, {"state": "started"}, "instance 1 is not healthy")
    code, output = slotted.run("rollout")
    assert code != 0 and "instance 1 is not healthy" in output
    for host in failing:
        # Before the start and after the failure: the other slot, never the one that serves.
        assert removed(slotted, host) == [1, 1], f"{host}: {removed(slotted, host)}"
    for host in ("app0", well):
        assert removed(slotted, host) == [1, 0], "the old release ends where the new one serves"
    assert output.count("The rollout of new stopped at batch 2 of 2") >= len(failing), "each host explains why"


@pytest.fixture(name="proxied")
def fixture_proxied(tmp_path):
    """Two hosts behind a proxy: a run was killed while the release of its first batch did not get healthy on app1-0."""
    broken = instance(folder="fixed-1", current="broken-1", healthy=False, restart_reasons=["folder: broken-1 instead of fixed-1"])
    hosts = {"app0": read_of(instance(folder="fixed-1")), "app1": read_of(broken, instance(1, folder="fixed-1"))}
    hosts["app1"]["instances"]["recovery"] = {
        "replace": [{"index": 0, "port": 8000, "folder": "fixed-1"}], "enable_now": [{"index": 1, "port": 8001, "folder": "fixed-1"}]}
    return Fleet(tmp_path, hosts, {**VARIABLES, "groups": {"xitrum_proxy": ["proxy0"]}, "xitrum_slots": False,
                                   "application_lock": {"interrupted": True}, "xitrum_start_timeout": 60})


def states(fleet, host):
    """What was done to instances of a host and at the proxy for them, in this order: (module, state, indices or servers)."""
    found = []
    for call in fleet.calls(host):
        args = call["args"]
        if call["action"] in ("instance_service", "step_record"):
            found.append((call["action"], args["state"], [item["index"] for item in args["instances"]]))
        elif call["action"] == "proxy_server":
            found.append((call["action"], args["state"], args["servers"]))
    return found


@pytest.mark.long
def test_a_broken_release_that_a_killed_run_left_does_not_block_the_one_that_replaces_it(proxied):
    """The run waited for all instances before its first batch, also for the one that can never be healthy."""
    proxied.fail("proxy_server", ["app1"], {"state": "ready", "servers": ["app1-0", "app1-1"]}, "not healthy for haproxy after 60 s: xitrum/app1-0")
    code, output = proxied.run("rollout")
    assert code == 0, output[-3000:]
    steps = [call["host"] for call in proxied.calls(action="instance_service") if call["args"]["state"] == "restarted"]
    assert steps == ["app1", "app0", "app1"], "the one that serves nobody is replaced first"
    first = states(proxied, "app1")
    assert first[0] == ("proxy_server", "ready", ["app1-1"]), "what serves and is due is enabled"
    waits = [int(call["args"]["timeout"]) for call in proxied.calls("app1", "proxy_server")]
    assert waits[0] == 0, "and not waited for"
    assert first[1] == ("step_record", "finished", [1])
    assert first[2:] == [
        *(entry for index in (0, 1) for entry in (
            ("step_record", "drained", [index]), ("proxy_server", "drain", [f"app1-{index}"]), ("proxy_server", "maint", [f"app1-{index}"]),
            ("instance_service", "restarted", [index]), ("step_record", "enabled", [index]), ("proxy_server", "ready", [f"app1-{index}"]),
            ("step_record", "finished", [index])))]


@pytest.mark.long
def test_an_instance_that_is_enabled_again_is_drained_before_it_goes_back(proxied):
    """Its release failed after the proxies had it back, and the rescue restarted it under its clients."""
    proxied.fail("instance_service", ["app0", "app1"], {"state": "started"}, "instance 0 was healthy and did not stay so")
    code, output = proxied.run("rollout", xitrum_canary_seconds=5)
    assert code != 0 and "did not stay so" in output
    watch = next(call for call in proxied.calls(action="instance_service") if call["args"]["state"] == "started")
    host = watch["host"]
    assert int(watch["args"]["watch"]) == 5, "it has to stay healthy for as long"
    # It had less than the new release, and a busy host takes its time.
    assert int(proxied.calls(host, "proxy_server")[-1]["args"]["timeout"]) == 120
    done = states(proxied, host)
    begin = done.index(("instance_service", "started", [0]))
    assert done[begin + 1:] == [
        ("step_record", "drained", [0]), ("proxy_server", "drain", [f"{host}-0"]), ("proxy_server", "maint", [f"{host}-0"]),
        ("instance_service", "returned", [0]), ("step_record", "enabled", [0]), ("proxy_server", "ready", [f"{host}-0"]),
        ("step_record", "finished", [0])]


@pytest.mark.long
def test_an_instance_that_was_never_enabled_again_goes_back_at_once(proxied):
    proxied.fail("instance_service", ["app1"], {"state": "restarted"}, "instance 0 is not healthy")
    code, _output = proxied.run("rollout")
    done = states(proxied, "app1")
    begin = done.index(("instance_service", "restarted", [0]))
    assert code != 0 and done[begin + 1] == ("instance_service", "returned", [0])


@pytest.mark.long
def test_orphaned_and_decommissioned_instances_are_drained_like_those_of_a_batch(tmp_path):
    # The names are the defaults of a role that the inventory does not repeat.
    variables = {name: value for name, value in VARIABLES.items() if name not in ("xitrum_name", "xitrum_user", "xitrum_log_dir")}
    fleet = Fleet(tmp_path, {"app0": read_of(instance(restart_reasons=()), orphaned=[1])}, {
        **variables, "groups": {"xitrum_proxy": ["proxy0"], "xitrum_decommissioned": ["old"]}, "xitrum_slots": False})
    fleet.answer("overview", ["old"], instances=[{"index": 0, "port": 8000}, {"index": 1, "port": 8001}])
    code, output = fleet.run("orphaned")
    assert code == 0, output[-3000:]
    for host, drained, removed_ones in (("app0", [1], [1]), ("old", [0, 1], [])):
        names = [f"{host}-{index}" for index in drained]
        assert states(fleet, host) == [
            ("step_record", "drained", drained), ("proxy_server", "drain", names), ("proxy_server", "maint", names),
            ("instance_service", "absent", removed_ones)]
        assert int(fleet.calls(host, "instance_service")[0]["args"]["drain"]) == 21, "what is left at its port may end"


@pytest.fixture(name="maintained")
def fixture_maintained(tmp_path):
    """Three hosts behind a proxy, whose maintenance changes nothing."""
    (tmp_path / "nothing.yml").write_text("- name: Change nothing\n  ansible.builtin.debug:\n    msg: nothing\n", encoding="utf-8")
    return Fleet(tmp_path, {host: read_of(instance(restart_reasons=())) for host in ("app1", "app2", "app3")}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0"]}, "xitrum_slots": False, "xitrum_maintenance_tasks": str(tmp_path / "nothing.yml")})


@pytest.mark.long
def test_a_maintenance_begins_with_the_host_that_an_earlier_one_left_disabled(maintained):
    """It began with the first host again, and took a second one out of three out of the proxies."""
    maintained.answer("overview", ["app2"], interrupted=True)
    code, output = maintained.run("../maintenance")
    assert code == 0, output[-3000:]
    locks = [(call["host"], call["args"]["state"]) for call in maintained.calls(action="run_lock")]
    assert locks == [(host, state) for host in ("app2", "app1", "app3") for state in ("held", "released")]
    (call, *_others) = maintained.calls(action="proxy_server")
    assert not call["args"]["hint"], "it reads no xitrum_rollout_strategy"


@pytest.mark.long
def test_a_maintenance_does_not_begin_where_the_host_that_is_out_fails_again(maintained):
    maintained.answer("overview", ["app2"], interrupted=True)
    maintained.fail("instance_service", ["app2"], {"state": "started"}, "instance 0 is not healthy")
    code, output = maintained.run("../maintenance")
    assert code != 0 and "app2 could not be maintained: instance 0 is not healthy" in " ".join(output.split())
    assert {call["host"] for call in maintained.calls(action="run_lock")} == {"app2"}


def test_a_server_that_a_batch_has_drained_has_to_come_back_at_its_new_port(tmp_path):
    """Of a renamed host it is recognized by the port that the instance had: the new port alone found nothing, which was passed over."""
    read = read_of(instance(port=9000))
    read["instances"]["configured"] = {"0": {"http": 8000, "https": 0}}
    fleet = Fleet(tmp_path, {"app0": read}, {**VARIABLES, "xitrum_slots": False, "xitrum_address": "192.0.2.1", "groups": {"xitrum_proxy": ["proxy0"]}})
    fleet.answer("proxy_server", ["app0"], missing=[])
    code, output = fleet.run("rollout")
    assert code == 0, output[-3000:]
    old, new = ({"app0-0": f"192.0.2.1:{port}"} for port in (8000, 9000))
    calls = [call["args"] for call in fleet.calls("app0", "proxy_server")]
    assert [(args["state"], args["endpoints"], args["other_endpoints"], args["drained"]) for args in calls] == [
        ("drain", old, new, []), ("maint", old, new, []), ("ready", new, old, ["app0-0"])]


def test_a_batch_in_which_one_host_is_lost_and_another_one_fails_reports_both(tmp_path):
    """The next batch ended the run because of the lost host, before the reason of the other one was printed."""
    fleet = Fleet(tmp_path, {f"app{number}": read_of(instance()) for number in range(5)}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0"]}, "xitrum_slots": False, "xitrum_rollout_batch": "2"})
    fleet.answer("instance_service", ["app1"], {"state": "restarted"}, unreachable=True, msg="lost")
    fleet.fail("instance_service", ["app2"], {"state": "restarted"}, "instance 0 is not healthy")
    code, output = fleet.run("rollout")
    text = " ".join(output.split())
    assert code != 0 and "Unreachable or failed before batch" not in text
    assert "The rollout of new stopped at batch 2 of 3" in text and "instance 0 is not healthy" in text
    assert "app1 failed or became unreachable during this run" in text
    released = [call["host"] for call in fleet.calls(action="run_lock") if (call["args"]["state"], call["args"]["outcome"]) == ("released", "failed")]
    assert sorted(released) == ["app0", "app2", "app3", "app4"]
    assert not [call for host in ("app3", "app4") for call in fleet.calls(host, "instance_service")]


def test_outside_ports_lead_back_where_nothing_else_has_read_the_variables(tmp_path):
    """The names of the application's role, which the inventory does not repeat, were not known there."""
    variables = {name: value for name, value in VARIABLES.items() if name not in ("xitrum_name", "xitrum_user", "xitrum_log_dir")}
    pairs = [{"outside": 80, "inside": 8001}]
    read = read_of(instance(restart_reasons=()), orphaned=[1], pairs=pairs)
    read["instances"]["configured"] = {"0": {"http": 8000, "https": 0}, "1": {"http": 8001, "https": 0}}
    fleet = Fleet(tmp_path, {"app0": read}, {**variables, "xitrum_slots": True, "application_slot_read": {"slot": 0}})
    code, output = fleet.run("rollout")
    assert code == 0, output[-3000:]
    (call,) = fleet.calls("app0", "port_redirect")
    assert call["args"]["pairs"] == [{"outside": 80, "inside": 8000}]


def test_a_host_is_locked_while_it_is_decommissioned(tmp_path):
    fleet = Fleet(tmp_path, {"app0": read_of(instance(restart_reasons=()))}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0"], "xitrum_decommissioned": ["old"]}, "xitrum_slots": False})
    fleet.answer("overview", ["old"], instances=[{"index": 0, "port": 8000}])
    fleet.answer("run_lock", ["old"], {"state": "held"}, run="demo the-run")
    code, output = fleet.run("orphaned")
    assert code == 0, output[-3000:]
    calls = fleet.calls("old")
    assert [(call["action"], call["args"].get("state")) for call in calls] == [
        ("run_lock", "held"), ("overview", None), ("step_record", "drained"), ("proxy_server", "drain"), ("proxy_server", "maint"),
        ("instance_service", "absent"), ("run_lock", "released")]
    assert {call["args"]["outcome"] for call in calls if call["action"] == "run_lock"} == {"removed"}
    assert {call["run"] for call in calls[1:-1]} == {"demo the-run"}


@pytest.mark.long
def test_a_restart_that_fails_has_the_time_to_go_back(proxied):
    """It needs a stop and a start, and then both again: the task ended in between, and nothing ran."""
    code, output = proxied.run("rollout", xitrum_start_timeout=500, xitrum_stop_timeout=30)
    assert code == 0, output[-3000:]
    restarts = [call for call in proxied.calls(action="instance_service") if call["args"]["state"] == "restarted"]
    assert {int(call["timeout"]) for call in restarts} == {300 + 2 * 500 + 2 * 16 * 30}


@pytest.mark.long
def test_all_proxies_that_are_away_are_in_the_line_to_type(tmp_path):
    fleet = Fleet(tmp_path, {"app0": read_of(instance())}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0", "proxy1"]}, "xitrum_slots": False, "xitrum_unavailable_proxies": "proxy1"})
    fleet.answer("proxy_server", ["app0"], unreachable=True, msg="lost")
    code, output = fleet.run("rollout")
    assert code != 0 and "-e xitrum_unavailable_proxies=proxy1,proxy0." in " ".join(output.split())


@pytest.mark.long
def test_a_batch_names_the_servers_of_the_batches_before_it(tmp_path):
    """The proxies drain nothing more while one of them does not serve."""
    fleet = Fleet(tmp_path, {f"app{number}": read_of(instance()) for number in range(3)}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0"]}, "xitrum_slots": False})
    code, output = fleet.run("rollout")
    assert code == 0, output[-3000:]
    calls = [call["args"] for call in fleet.calls(action="proxy_server") if call["args"]["state"] != "ready"]
    earlier = {"app0-0": [], "app1-0": ["app0-0"], "app2-0": ["app0-0", "app1-0"]}
    assert [(args["keep_healthy"], args["earlier"]) for args in calls] == [(True, earlier[args["servers"][0]]) for args in calls]
    assert len(calls) == 6
    locks = [(call["host"], call["args"]["state"]) for call in fleet.calls(action="run_lock")]
    assert sorted(locks) == [(f"app{number}", "renewed") for number in range(3)], "a batch takes no lock that is gone or another run's"


def test_a_proxy_that_is_lost_in_a_batch_keeps_nothing_drained_at_the_others(tmp_path):
    fleet = Fleet(tmp_path, {"app0": read_of(instance())}, {
        **VARIABLES, "groups": {"xitrum_proxy": ["proxy0", "proxy1"]}, "xitrum_slots": False})
    fleet.answer("proxy_server", ["app0"], {"delegated": "proxy1"}, unreachable=True, msg="lost")
    code, output = fleet.run("rollout")
    assert code != 0 and "proxy1" in output and "app0 was lost" not in output
    assert states(fleet, "app0")[-2:] == [("proxy_server", "ready", ["app0-0"]), ("step_record", "finished", [0])]
