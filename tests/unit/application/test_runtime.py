# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the instances of a host do now: state, start, health, connections, memory, restarts."""

from __future__ import annotations

import json

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import runtime
from ansible_collections.xitrum.host.plugins.module_utils.core import lock_record, operator_stops, sockets

from ..fake_host import FakeHost

DESIRED = {"name": "demo", "root": "/opt/demo", "user": "815815", "supervisor": "systemd", "instances": 2, "slots": False, "http_port": 8000,
           "health_path": "/", "health_status": 200, "health_text": "", "seconds": 3600}
JOURNAL = ("journalctl --no-pager --quiet --output=json --output-fields=UNIT --since=-86400s _PID=1 "
           "MESSAGE_ID=5eb03494b6584870a536b337290809b3 UNIT=demo@0.service UNIT=demo@1.service")
CONNECTION = "0 0 192.0.2.1:{port} 192.0.2.9:{peer} ino:6 sk:2 <->\n"


def machine(running=(0, 1), pages=None, files=(), established=None, journal=None, folders=(0, 1)):
    """A host that booted at second 1,000 of the epoch, on which these instances were started 50 seconds later."""
    found = {"/proc/stat": "btime 1000\n", "/usr/bin/systemctl": "", **dict(files)}
    links, text = {}, ""
    for index in folders:
        found[f"/opt/demo/instances/{index}/aaa-1/config/xitrum.conf"] = f"  http = {8000 + index}\n"
        links[f"/opt/demo/instances/{index}/current"] = "aaa-1"
    for index in running:
        pid = 7 + index
        found[f"/proc/{pid}/stat"] = f"{pid} (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n"
        found[f"/proc/{pid}/status"] = "Uid:\t815815\t815815\t815815\t815815\nGid:\t815815\t815815\t815815\t815815\nVmRSS:\t  2048 kB\n"
        links[f"/proc/{pid}/cwd"] = f"/opt/demo/instances/{index}/aaa-1"
        text += f'LISTEN 0 128 *:{8000 + index} *:* users:(("java",pid={pid},fd=9)) ino:{index + 1} sk:1 v6only:0 <->\n'
    commands = {" ".join(sockets.SS): text, " ".join(sockets.ESTABLISHED): established or ""}
    if journal is not None:
        found["/var/log/journal/x"] = ""
        commands[JOURNAL] = journal
    host = FakeHost(found, commands, links, pages={8000: 200, 8001: 200} if pages is None else pages)
    host.find_program = lambda program: f"/usr/bin/{program}"
    return host


def facts(host, **more):
    desired = {**DESIRED, **more}
    return runtime.plan(desired, runtime.read(host, desired)).facts


def only(host, index=0, **more):
    return next(item for item in facts(host, **more)["instances"] if item["index"] == index)


def test_an_instance_that_runs_has_its_start_memory_release_and_connections():
    rows = CONNECTION.format(port=8000, peer=5) + CONNECTION.format(port=8000, peer=6) + CONNECTION.format(port=8001, peer=7)
    assert only(machine(established=rows)) == {
        "index": 0, "port": 8000, "state": "running", "pid": 7, "release": "aaa", "installed": "aaa", "started": 1050, "health": "ok",
        "answer": "200", "connections": 2, "memory_bytes": 2048 * 1024, "restarts_last_day": None, "stopped_by_operator": None,
    }


def test_an_instance_without_a_process_is_down():
    item = only(machine(running=(0,)), 1)
    assert (item["state"], item["pid"], item["release"], item["installed"], item["started"], item["memory_bytes"]) == ("down", None, None, "aaa", None, None)
    assert (item["health"], item["answer"], item["connections"]) == ("unknown", None, 0)


def test_an_instance_that_was_never_made_is_down():
    item = only(machine(running=(), folders=()), 1)
    assert (item["state"], item["installed"], item["port"]) == ("down", None, 8001)


@pytest.mark.parametrize("page, answer", [(503, "503"), ("timed out", "timed out"), ("\x1b[31mred", "\\x1b[31mred")])
def test_an_instance_whose_page_fails_is_unhealthy(page, answer):
    item = only(machine(pages={8000: page, 8001: 200}))
    assert (item["state"], item["health"], item["answer"]) == ("unhealthy", "failing", answer)


def test_a_page_without_the_text_of_a_healthy_one_fails():
    host = machine()
    host.texts[8000] = "starting"
    assert only(host, health_text="ready")["answer"] == "200 without the text 'ready'"
    host.texts[8000] = "ready"
    assert only(host, health_text="ready")["state"] == "running"


def test_an_instance_that_does_not_listen_is_unhealthy():
    host = machine()
    host.commands[" ".join(sockets.SS)] = ""
    assert only(host)["answer"] == "it does not listen on port 8000"


def test_without_ss_neither_health_nor_connections_are_known():
    host = machine()
    for words in (sockets.SS, sockets.ESTABLISHED):
        del host.commands[" ".join(words)]
    item = only(host)
    assert (item["state"], item["health"], item["connections"]) == ("running", "unknown", None)


def test_health_pages_have_a_deadline_together(monkeypatch):
    monkeypatch.setattr(runtime, "PAGES_SECONDS", 0.0)
    assert [item["health"] for item in facts(machine())["instances"]] == ["unknown", "unknown"]


def test_an_instance_beyond_the_inventory_is_orphaned():
    assert only(machine(), 1, instances=1)["state"] == "orphaned"
    assert only(machine(running=(0,)), 1, instances=1)["state"] == "orphaned"


@pytest.mark.parametrize("running, remembered, states", [
    ((0,), "0", ["running", "idle"]), ((1,), "0", ["idle", "running"]), ((), "1", ["idle", "down"]), ((0, 1), "1", ["running", "running"]),
])
def test_of_two_slots_one_is_idle(running, remembered, states):
    host = machine(running=running, files={"/opt/demo/slot": f"{remembered}\n"}.items())
    assert [item["state"] for item in facts(host, instances=1, slots=True)["instances"]] == states


def test_what_an_operator_stopped_is_not_down():
    record = json.dumps({"schema_version": 1, "1": {"user": "ann\n", "host": "laptop", "since": 5}})
    host = machine(running=(0,), files={operator_stops.get_path("demo"): record}.items())
    item = only(host, 1)
    assert (item["state"], item["stopped_by_operator"]) == ("stopped", {"user": "ann\\n", "host": "laptop", "since": 5})
    assert only(host)["stopped_by_operator"] is None


def test_what_runs_is_not_stopped_whatever_the_record_has():
    record = json.dumps({"schema_version": 1, "0": {"user": "ann", "host": "laptop", "since": 5}})
    item = only(machine(files={operator_stops.get_path("demo"): record}.items()))
    assert (item["state"], item["stopped_by_operator"]) == ("running", None)


def test_the_lock_of_a_run_and_what_one_left():
    lock = {"id": "1", "user": "ann\n", "host": "laptop", "since": 100.5, "boot": "b", "uptime": 3, "schema_version": 1}
    found = facts(machine(files={lock_record.get_path("demo"): json.dumps(lock), lock_record.get_unfinished_path("demo"): ""}.items()))
    assert (found["lock"], found["unfinished"]) == ({"id": "1", "user": "ann\\n", "host": "laptop", "since": 100}, True)
    found = facts(machine(files={lock_record.get_path("demo"): "{"}.items()))
    assert (found["lock"], found["lock_fault"]) == (None, "it is not a record in JSON")
    found = facts(machine())
    assert (found["lock"], found["lock_fault"], found["unfinished"]) == (None, "", False)


@pytest.mark.parametrize(("uptime", "is_held"), [(3603, True), (3604, False)])
def test_a_lock_of_which_nothing_is_heard_any_more_is_that_of_a_run_that_ended_early(uptime, is_held):
    lock = {"id": "1", "user": "ann", "host": "laptop", "since": 100, "boot": "b", "uptime": 3, "schema_version": 1}
    files = {lock_record.get_path("demo"): json.dumps(lock), "/proc/sys/kernel/random/boot_id": "b\n", "/proc/uptime": f"{uptime} 1.0\n"}
    found = facts(machine(files=files.items()))
    assert (bool(found["lock"]), found["unfinished"]) == (is_held, not is_held)


def test_systemd_has_its_own_restarts_in_the_journal():
    journal = '{"UNIT":"demo@1.service"}\n{"UNIT":"demo@1.service","_PID":"1"}\nno json\n{"UNIT":["x"]}\n[]\n'
    assert [item["restarts_last_day"] for item in facts(machine(journal=journal))["instances"]] == [0, 2]


def test_restarts_are_unknown_without_a_journal():
    assert [item["restarts_last_day"] for item in facts(machine())["instances"]] == [None, None]
    assert [item["restarts_last_day"] for item in facts(machine(journal=(1, "", "no access")))["instances"]] == [None, None]


@pytest.mark.parametrize("kind", ["daemontools", "rc.local", "runit", "supervisord", "upstart"])
def test_a_supervisor_without_a_record_has_no_number(kind):
    assert only(machine(journal=""), supervisor=kind)["restarts_last_day"] is None


def test_the_plan_changes_nothing_and_compares_nothing():
    desired = dict(DESIRED)
    plan = runtime.plan(desired, runtime.read(machine(running=()), desired))
    assert (plan.changed, plan.rows, plan.errors) == (False, (), ())
