# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a step, its record on a host, and what is made of a record that a killed run left."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import instances, overview, rollout, slots, step_record, step_state
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import contract
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost
from .test_instances import desired as desired_instances
from .test_instances import folder, running
from .test_starts import HOME, desired, host

PATH = "/var/lib/xitrum.host/demo.step"
ITEM = {"index": 0, "port": 1, "folder": "bb-2"}


def record(state, folder="bb-2", healthy="aa-1", index=0):
    return {str(index): {"state": state, "folder": folder, "healthy": healthy}}


def advance_all(*states, current="aa-1", found=None):
    for state in states:
        found = step_state.advance(found or {}, 0, state, current, "bb-2")
    return found


def test_a_step_goes_through_its_states_and_knows_where_to_go_back_to():
    assert advance_all("drained", "stopped", "switched") == record("switched")
    found = advance_all("started", "healthy", current="bb-2", found=record("switched"))
    assert found == record("healthy"), "what it was switched to is not verified yet"
    assert step_state.advance(found, 0, "enabled", "bb-2") == record("enabled", healthy="bb-2")
    assert step_state.finish(found, 0) == {}


@pytest.mark.parametrize(("before", "state"), [
    ("drained", "healthy"), ("stopped", "enabled"), ("switched", "enabled"), ("started", "enabled"), ("started", "switched"), ("healthy", "started"),
    ("enabled", "healthy"),
])
def test_a_state_that_cannot_follow_is_refused(before, state):
    with pytest.raises(ValueError, match=f"instance 0 cannot become {state} now. .* has it as {before}; expected next: drained, stopped"):
        step_state.advance(record(before), 0, state)


def test_a_second_attempt_keeps_the_last_healthy_folder_of_the_first():
    """The first run was killed while it waited for a broken release, which is what the instance is switched to now."""
    found = advance_all("drained", "stopped", current="bb-2", found=record("healthy"))
    assert step_state.return_folder(found, 0, "bb-2") == "aa-1"
    assert step_state.return_folder({}, 0, "bb-2") == "bb-2"
    assert step_state.is_unverified(advance_all("drained", current="bb-2", found=record("healthy")), 0, "bb-2")


@pytest.mark.parametrize("text", [
    None, "", "{", "[]", "3", '{"0": 1}', '{"x": {"state": "drained", "folder": "", "healthy": ""}}',
    '{"0": {"state": "gone", "folder": "", "healthy": ""}}', '{"0": {"state": "drained", "folder": "../x", "healthy": ""}}',
    '{"0": {"state": "drained", "folder": "", "healthy": ".."}}', '{"0": {"state": "drained", "folder": ""}}',
    '{"0": {"state": [], "folder": 1, "healthy": ""}}',
])
def test_a_record_that_is_damaged_reports_nothing(text):
    assert step_state.parse(record_text(text) if text else text) == {}


@given(some.lists(some.tuples(some.integers(0, 3), some.sampled_from(step_state.STATES), some.sampled_from(["", "aa-1", "bb-2"])), max_size=20))
def test_whatever_follows_is_read_as_it_was_written(steps):
    found = {}
    for index, state, current in steps:
        try:
            found = step_state.advance(found, index, state, current, "bb-2")
        except ValueError:
            assert state not in step_state.NEXT[(step_state.find_entry(found, index) or {"state": ""})["state"]]
    assert step_state.parse(step_state.format_text(found)) == found


def seen(running=True, healthy=True, due=(), current="aa-1"):
    return {"running": running, "healthy": healthy, "restart_reasons": list(due), "current": current}


@pytest.mark.parametrize(("left", "now", "interrupted", "action"), [
    ({}, seen(), False, ""),
    ({}, seen(), True, "enable"),
    ({}, seen(due=["x"]), True, "enable_now"),
    # Nobody waits for what can never be healthy and is replaced anyway.
    ({}, seen(healthy=False, due=["x"]), True, "replace"),
    # It boots, for example.
    ({}, seen(healthy=False), True, "enable"),
    ({}, seen(running=False), True, "start"),
    (record("stopped"), seen(running=False), False, "replace"), (record("started", healthy=""), seen(running=False), False, "start"),
    (record("drained"), seen(), False, "enable"),
    (record("healthy"), seen(healthy=False, due=["x"], current="bb-2"), False, "replace"),
    # Its page is not known: what was never healthy is not put back on trust.
    (record("healthy"), seen(healthy=None, due=["x"], current="bb-2"), False, "replace"),
    ({}, seen(healthy=None, due=["x"]), True, "enable_now"),
    (record("healthy", index=1), seen(healthy=False, due=["x"]), False, ""),
])
def test_what_a_run_does_about_what_another_one_left(left, now, interrupted, action):
    assert step_state.plan_recovery(left, {0: now}, interrupted) == {0: action}


# ------------------------------------------------------------------------------------------------------------ service

@pytest.fixture(name="quick")
def fixture_quick(monkeypatch):
    monkeypatch.setattr(service, "stop", lambda *_what: None)
    monkeypatch.setattr(service, "read_log_tail", lambda *_what: "")


def written(there):
    """The states that were recorded, with everything that was done in between."""
    found, write = [], there.write

    def spy(path, text, *more, **options):
        write(path, text, *more, **options)
        if path == PATH:
            found.append({index: entry["state"] for index, entry in step_state.parse(text).items()})

    there.write = spy
    return found


def test_each_state_is_recorded_before_it_begins(quick, monkeypatch):
    there = host()
    found = written(there)
    reached = {}
    for name in ("stop", "switch", "start", "wait_until_healthy"):
        real = getattr(service, name)
        monkeypatch.setattr(service, name, lambda *what, name=name, real=real: (reached.setdefault(name, found[-1]["0"]), real(*what))[1])
    there.pages = {1: 200}
    service.execute(there, desired("restarted"), [{**ITEM, "runs": True}])
    # The start too is on record before the switch: on a full disk the way back needs the room.
    assert reached == {"stop": "stopped", "switch": "started", "start": "started", "wait_until_healthy": "healthy"}
    assert [states["0"] for states in found] == ["stopped", "started", "healthy", "enabled"], "switched and started are one write"
    assert PATH not in there.files, "whoever begins a step ends it"


def test_a_step_that_a_playbook_has_begun_is_ended_by_it(quick):
    there = host()
    there.pages = {1: 200}
    step_record.note(there, desired(), 0, "drained", "bb-2")
    service.execute(there, desired("restarted"), [{**ITEM, "runs": True}])
    assert step_record.read_record(there, "demo") == record("enabled", healthy="bb-2")
    settings = {**desired("finished"), "instances": [ITEM], "slot": None}
    step_record.apply(there, step_record.plan(settings, step_record.read(there, settings)))
    assert PATH not in there.files


def left_by_a_killed_run():
    """An instance that was switched to a broken release, which the run that was killed was waiting for."""
    there = host()
    there.links[f"{HOME}/current"] = "bb-2"
    there.links[f"{HOME}/previous"] = "aa-1"
    there.files[f"{HOME}/cc-3/script/runner"] = ""
    there.files[PATH] = record_text(record("healthy"))
    return there


def test_a_fixed_release_replaces_a_broken_one_that_a_killed_run_left(quick):
    there = left_by_a_killed_run()
    there.pages = {1: 200}
    service.execute(there, desired("restarted"), [{**ITEM, "folder": "cc-3", "runs": True}])
    assert there.links[f"{HOME}/current"] == "cc-3"
    assert there.links[f"{HOME}/previous"] == "aa-1", "not the one that was never healthy"


def test_what_fails_after_a_killed_run_goes_back_to_the_last_healthy_folder_and_not_to_the_broken_one(quick, monkeypatch):
    there = left_by_a_killed_run()
    monkeypatch.setattr(there, "fetch_status", lambda *_where: 200 if there.links[f"{HOME}/current"] == "aa-1" else 500)
    with pytest.raises(RuntimeError, match="Restored and healthy: instance 0 to aa"):
        service.execute(there, desired("restarted", start_timeout=-1), [{**ITEM, "folder": "cc-3", "runs": True}])
    assert there.links[f"{HOME}/current"] == "aa-1"


def test_a_full_disk_keeps_an_instance_from_nothing_but_a_new_release(quick, monkeypatch):
    """Before anything is stopped the record has to be written. On the way back it does not."""
    there, full = host(), []
    write = there.write

    def refuse(path, *more, **options):
        if full and path == PATH:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *more, **options)

    there.write = refuse
    full.append(True)
    with pytest.raises(OSError, match="No space"):
        service.execute(there, desired("restarted"), [{**ITEM, "runs": True}])
    assert there.links[f"{HOME}/current"] == "aa-1"
    full.clear()
    monkeypatch.setattr(there, "fetch_status", lambda *_where: 200 if there.links[f"{HOME}/current"] == "aa-1" else full.append(True) or 500)
    with pytest.raises(RuntimeError, match="Restored and healthy"):
        service.execute(there, desired("restarted", start_timeout=-1), [{**ITEM, "runs": True}])
    assert there.links[f"{HOME}/current"] == "aa-1"


def test_an_instance_that_is_removed_is_in_no_step(quick, monkeypatch):
    there = host()
    monkeypatch.setattr(contract.Supervisor, "clean", lambda *_what: None)
    service.drain(there, desired("absent", drain=0), [ITEM])
    assert step_record.read_record(there, "demo")["0"]["state"] == "drained"
    service.execute(there, desired("absent"), [{**ITEM, "runs": False}])
    assert step_record.read_record(there, "demo") == {}


# ------------------------------------------------------------------------------------------------------- what is read

def left(answer, state, **more):
    """The plan for an instance of the desired release that a run left in a step."""
    want = desired_instances()
    found = {**running(want), "record": record(state, healthy="old-1")}
    found["instances"][0].update(answer=answer, page=answer, configured={"http": 8000}, **more)
    return instances.plan(want, found)


def test_a_release_that_was_left_broken_is_due_although_it_is_the_desired_one():
    plan = left(500, "healthy")
    assert [item["index"] for item in plan.facts["restart"]] == [0]
    assert plan.facts["instances"][0]["restart_reasons"] == ["health: 500 instead of 200"]
    assert plan.facts["recovery"] == {"replace": plan.facts["restart"]} and plan.facts["interrupted"]
    assert plan.facts["instances"][0]["back"] == "old-1", "a step that fails puts it back to what was healthy"
    assert left(200, "healthy").facts["restart"] == []


@pytest.mark.parametrize(("state", "errors"), [("healthy", 0), ("started", 0), ("enabled", 1)])
def test_a_page_that_only_a_broken_release_lacks_stops_no_run(state, errors):
    want = desired_instances()
    found = {**running(want), "record": record(state, healthy=folder(want) if state == "enabled" else "old-1")}
    found["instances"][0].update(answer=404, page=404, configured={"http": 8000})
    assert len(list(instances.find_page_errors(want, found))) == errors
    assert list(instances.find_page_errors({**want, "health_required": False}, found)) == []


def test_an_instance_that_moves_to_another_port_is_queried_at_the_one_that_it_has():
    want = desired_instances()
    observed = {**running(want)["instances"][0], "answer": 200, "page": None}
    assert instances.is_healthy(want, observed) is True
    assert instances.is_healthy(want, {**observed, "answer": 503}) is False
    assert instances.is_healthy(want, {**observed, "unread": "ss did not answer"}) is None
    assert instances.is_healthy({**want, "health_path": ""}, observed) is None


def test_what_is_on_record_and_not_on_the_host_is_forgotten():
    want = desired_instances()
    found = {**running(want), "record": record("drained", index=7)}
    assert instances.plan(want, found).facts["recovery"] == {"gone": [{"index": 7}]}


def test_an_instance_that_a_step_has_stopped_is_that_of_a_step_again():
    """Started with all others that do not run, it would be left drained where its new release fails."""
    want = desired_instances()
    for healthy, name in (("old-1", "restart"), ("", "start")):
        found = {**running(want), "record": record("stopped", healthy=healthy)}
        found["instances"][0]["process"] = None
        facts = instances.plan(want, found).facts
        assert {key: len(facts[key]) for key in ("start", "restart")} == {"start": 0, "restart": 0, name: 1}


def test_instances_that_serve_nobody_come_first():
    due = {host_name: [{"index": index} for index in (0, 1)] for host_name in ("app1", "app2")}
    found = rollout.plan_batches(due, 2, sick={("app2", 1), ("app1", 1)})
    assert [step["label"] for step in found] == ["app1-1", "app2-1, app1-0", "app2-0"]


# -------------------------------------------------------------------------------------------------------------- slots

@pytest.mark.parametrize(("pairs", "running_slots", "remembered", "slot"), [
    # The run was killed after the redirect was switched and before the slot was written down.
    ({80: 9001}, [0, 1], 0, 1),
    ({80: 8000}, [0, 1], 1, 0),
    ({80: 8000, 443: 4430}, [0, 1], 1, 0),
    # One port was switched and the other was not: what is remembered has the older clients.
    ({80: 9001, 443: 4430}, [0, 1], 0, 0),
    # It leads to where nothing runs.
    ({80: 9001}, [0], 1, 0),
    ({80: 9001}, [], 0, 1),
    # No redirect is live: what runs, and then what is remembered.
    ({}, [1], 0, 1), ({}, [0, 1], 1, 1), ({}, [], 1, 1),
    # An unmanaged redirect.
    ({80: 3000}, [1], 0, 1),
])
def test_the_active_slot_is_the_one_that_the_live_redirect_leads_to(pairs, running_slots, remembered, slot):
    configured = {0: {"http": 8000, "https": 4430}, 1: {"http": 9001, "https": 0}}
    listed = [{"outside": outside, "inside": inside} for outside, inside in pairs.items()]
    assert slots.find_used(listed, configured, running_slots, remembered) == slot


def test_the_slot_is_read_from_the_live_rules():
    from ..redirects.test_component import with_nft
    there = with_nft()
    for index, port in ((0, 7000), (1, 8000)):
        there.files[f"/opt/demo/instances/{index}/aa-1/config/xitrum.conf"] = f"    http = {port}\n    https = null\n"
        there.links[f"/opt/demo/instances/{index}/current"] = "aa-1"
        there.files[f"/proc/{index + 7}/stat"] = f"{index + 7} (java) S 1 " + "0 " * 17 + "100 0"
        there.files[f"/proc/{index + 7}/status"] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1 kB\n"
        there.links[f"/proc/{index + 7}/cwd"] = f"/opt/demo/instances/{index}/aa-1"
    there.files["/proc/stat"] = "btime 1\n"
    there.files["/opt/demo/slot"] = "0\n"
    assert overview.read_slot(there, "/opt/demo") == 1
    assert overview.read_instances(there, "/opt/demo") == [{"index": 0, "port": 7000}, {"index": 1, "port": 8000}]
    del there.commands["nft -j list ruleset"]
    assert overview.read_slot(there, "/opt/demo") == 0, "a user who may not see the rules goes by what was written down"


# ----------------------------------------------------------------------------------------------------------- rollback

@pytest.mark.parametrize(("running_ones", "switched", "in_step", "goes"), [
    (["bb"], ["bb"], [], "aa"),
    # A run that brought cc was killed before anything ran it: back to what the fleet runs.
    (["bb"], ["bb"], ["cc"], "bb"), ([], ["bb"], ["cc"], "bb"),
    # The processes report what runs, not a link that was switched before the run was killed.
    (["bb"], ["cc"], ["cc"], "bb"), (["cc"], ["cc"], ["cc"], "bb"), (["cc"], ["bb"], [], "bb"),
    # It was run again after a rollback was killed.
    (["bb", "cc"], ["bb", "cc"], ["bb"], "bb"),
])
def test_a_rollback_goes_by_what_the_instances_run(running_ones, switched, in_step, goes):
    found = {"releases": ["aa", "bb", "cc"], "current": "bb", "previous": "aa", "healthy": ["aa", "bb"], "switched": switched, "running": running_ones,
             "in_step": in_step, "examples": {}, "main_classes": {}}
    assert rollout.choose_previous({"app1": found}) == {"app1": goes}


@pytest.mark.parametrize("left", [
    {"in_step": ["aa"]},
    *({"last_run": {"from": "bb", "to": "aa", "outcome": outcome}} for outcome in ("began", "died", "stopped")),
])
@pytest.mark.parametrize("healthy", [["aa", "bb"], ["aa"]])
def test_a_rollback_that_stopped_is_not_undone_by_the_next_one(left, healthy):
    """Every host still ran the release to leave, which counted as the one from before a rollout."""
    both = {"releases": ["aa", "bb"], "current": "bb", "previous": "aa", "healthy": healthy, "switched": [], "examples": {}, "main_classes": {}}
    found = {"app1": {**both, "running": ["aa", "bb"], **left}, "app2": {**both, "running": ["bb"]}}
    errors = " ".join(rollout.choose_rollback_release(found).errors)
    assert "-e rollback_to=aa" in errors and "-e rollback_to=bb" in errors
    assert rollout.choose_rollback_release(found, "aa").errors == ()


@pytest.mark.parametrize("left", [
    {"in_step": ["cc"], "last_run": {"from": "bb", "to": "cc", "outcome": "died"}},
    {"last_run": {"from": "bb", "to": "aa", "outcome": "done"}}, {"last_run": {}},
])
def test_a_rollout_that_stopped_is_undone_by_a_rollback(left):
    both = {"releases": ["aa", "bb", "cc"], "current": "bb", "previous": "aa", "healthy": ["aa", "bb"], "switched": [], "examples": {}, "main_classes": {}}
    found = {"app1": {**both, "running": ["bb", "cc"], **left}, "app2": {**both, "running": ["bb"]}}
    assert rollout.choose_rollback_release(found).package["release"] == "bb"


def test_the_overview_has_what_runs_and_what_a_step_was_bringing():
    there = FakeHost({"/proc/stat": "btime 1\n", "/proc/7/stat": "7 (java) S 1 " + "0 " * 17 + "100 0",
                      "/proc/7/status": "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1 kB\n", "/opt/demo/instances/0/aa-1/x": ""},
                     links={"/proc/7/cwd": "/opt/demo/instances/0/aa-1", "/opt/demo/instances/0/current": "bb-2"})
    found = overview.read_releases(there, "/opt/demo", record("healthy", folder="bb-2"))
    assert (found["running"], found["switched"], found["in_step"]) == (["aa"], ["bb"], ["bb"])
