# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching, starting, stopping and waiting for instances, with a supervisor that is a dictionary and a real web server."""

from __future__ import annotations

import http.server
import json
import threading
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.application import step_record
from ansible_collections.xitrum.host.plugins.module_utils.core import operator_stops, recorded
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import table
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.lib.http_server import serve_in_background
from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

HOME = "/opt/demo/instances/0"

#: What the module has: the tests wait for less.
PATIENCE = service.PATIENCE


def desired(state="started", **more):
    return {
        "name": "demo", "root": "/opt/demo", "log_dir": "/var/log/demo", "supervisor": "systemd", "state": state,
        "instances": [{"index": 0, "port": 1, "folder": "bb-2"}], "address": "127.0.0.1", "path": "/", "status": 200,
        "start_timeout": 0, "stop_timeout": 0, **more,
    }


def host(runs=False, start=(0, "", "")):
    entry = {"roots": {"/opt/demo": True}, "logs": {}, "users": {}, "groups": {}}
    files = {f"{HOME}/aa-1/script/runner": "", f"{HOME}/bb-2/script/runner": "", "/proc/stat": "btime 1\n",
             recorded.PATH: record_text({"applications": {"demo": entry}})}
    links = {f"{HOME}/current": "aa-1"}
    if runs:
        files["/proc/7/stat"] = "7 (java) S 1 " + "0 " * 17 + "100 0"
        files["/proc/7/status"] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1 kB\n"
        links["/proc/7/cwd"] = f"{HOME}/aa-1"
    return FakeHost(files, {
        "systemctl start demo@0.service": start, "systemctl stop demo@0.service": "", "systemctl reset-failed demo@0.service": "",
        "journalctl --no-pager --quiet --lines=30 --output=cat _SYSTEMD_UNIT=demo@0.service": "Could not open port 8000 for HTTP server\n"}, links)


@pytest.fixture(name="impatient", autouse=True)
def fixture_impatient(monkeypatch):
    """No test waits for what never gets healthy."""
    monkeypatch.setattr(service, "PATIENCE", 0)


@pytest.mark.parametrize("state", ["restarted", "returned"])
def test_what_goes_back_gets_its_time_whatever_a_new_release_gets(state, monkeypatch):
    """On a busy host the few seconds of a run that expected a failure were too short for the old release, too."""
    there, given = host(), []
    monkeypatch.setattr(service, "PATIENCE", PATIENCE)
    monkeypatch.setattr(service, "stop", lambda *_what: None)
    monkeypatch.setattr(service, "read_log_tail", lambda *_what: "")

    def wait(_host, want, _todo):
        given.append(want["start_timeout"])
        if len(given) == 1 and state == "restarted":
            raise RuntimeError("it is not healthy")
        return {}

    monkeypatch.setattr(service, "wait_until_healthy", wait)
    if state == "restarted":
        with pytest.raises(RuntimeError, match="Restored and healthy"):
            service.execute(there, desired(state, start_timeout=15), [{"index": 0, "port": 1, "folder": "bb-2", "runs": True}])
    else:
        service.execute(there, desired(state, start_timeout=15), [{"index": 0, "port": 1, "folder": "bb-2", "runs": True}])
    assert given == ([15, 120] if state == "restarted" else [120])


@pytest.mark.parametrize("state, runs, todo", [
    ("started", False, 1), ("started", True, 0), ("restarted", True, 1), ("restarted", False, 1),
    ("stopped", True, 1), ("stopped", False, 0), ("absent", False, 1),
])
def test_what_is_to_do(state, runs, todo):
    assert len(service.find_pending(host(runs), desired(state))) == todo


def test_the_switch_remembers_where_it_pointed():
    there = host()
    assert service.switch(there, desired(), {"index": 0, "folder": "bb-2"})
    assert (there.links[f"{HOME}/current"], there.links[f"{HOME}/previous"]) == ("bb-2", "aa-1")
    assert not service.switch(there, desired(), {"index": 0, "folder": "bb-2"})


def test_current_never_points_at_what_is_not_there():
    there = host()
    with pytest.raises(RuntimeError, match="nothing was switched"):
        service.switch(there, desired(), {"index": 0, "folder": "cc-3"})
    assert there.links[f"{HOME}/current"] == "aa-1"


def test_a_supervisor_that_refuses_is_quoted_with_the_end_of_the_output():
    with pytest.raises(RuntimeError, match="(?s)unit is masked.*Could not open port"):
        service.start(host(start=(1, "", "unit is masked")), desired(), 0)


def test_a_process_that_does_not_end_is_named(monkeypatch):
    monkeypatch.setattr(service.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    there = host(runs=True)
    monkeypatch.setattr(there, "kill", lambda *what: there.done.append(("kill", *what)))
    with pytest.raises(RuntimeError, match=r"processes are \[7\]"):
        service.stop(there, desired(), 0)
    assert [what for what in there.done if what[0] == "kill"] == [("kill", 7, 15), ("kill", 7, 9)]


def test_what_another_supervisor_has_is_stopped_there_and_taken_away_before_the_start():
    there = host()
    there.links.update({"/etc/demo-rc.local/enabled/0": "/etc/demo-rc.local/start", "/etc/supervisor/conf.d/demo-0.conf": "/etc/demo-supervisord/0.conf"})
    there.files["/etc/demo-supervisord/0.conf"] = ""
    there.commands.update({"supervisorctl stop demo-0": "", "supervisorctl remove demo-0": ""})
    with pytest.raises(RuntimeError, match="is not healthy"):
        service.execute(there, desired("restarted", instances=[]), [{"index": 0, "port": 1, "folder": "bb-2", "runs": True}])
    commands = [what[1] for what in there.done if what[0] in ("run", "link")]
    assert commands.index("supervisorctl stop demo-0") < commands.index("supervisorctl remove demo-0") < commands.index("systemctl start demo@0.service")
    assert [path for path in [*there.links, *there.files] if path.startswith(("/etc/demo", "/etc/supervisor"))] == []
    assert there.links["/etc/systemd/system/multi-user.target.wants/demo@0.service"] == "/etc/systemd/system/demo@.service"


def test_one_that_takes_up_what_it_finds_is_held_until_the_port_is_free():
    folder = "/etc/demo-runit/0"
    there = host()
    there.commands.update({f"sv status {folder}": "", f"sv up {folder}": ""})
    SUPERVISORS["runit"].register(there, "demo", 0)
    assert there.files[f"{folder}/down"] == "" and there.links["/etc/demo-runit/enabled/0"] == folder
    service.start(there, desired(supervisor="runit"), 0)
    assert f"{folder}/down" not in there.files
    SUPERVISORS["runit"].register(there, "demo", 0)
    assert f"{folder}/down" not in there.files, "it would not start at boot if the run ended here"


def test_all_is_taken_away_whichever_supervisor_has_it():
    there = host()
    there.files.update({"/etc/demo-rc.local/start": "", "/etc/systemd/system/demo@.service": ""})
    there.links["/etc/demo-rc.local/enabled/4"] = "/etc/demo-rc.local/start"
    want = desired("absent", instances=[])
    todo = service.find_pending(there, want)
    assert [item["index"] for item in todo] == [0, 4]
    service.execute(there, want, todo)
    assert table.find_leftovers(there, "demo") == table.find_defined(there, "demo") == {}
    assert service.find_pending(there, want) == [] and not service.find_unused_supervisors(there, want)


@pytest.fixture(name="port")
def fixture_port():
    """A server that answers 200 for / and 500 for /broken."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_arguments):
            """Reports nothing: the test's output is pytest's."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serve_in_background(server)
    yield server.server_address[1]
    server.shutdown()


def test_healthy_is_the_desired_status_of_the_page(port):
    assert list(service.wait_until_healthy(host(), desired(), [{"index": 0, "port": port}])) == [0]


def test_not_healthy_shows_the_answer_and_the_end_of_the_output(port):
    with pytest.raises(RuntimeError, match="(?s)answers 500, expected 200.*Could not open port"):
        service.wait_until_healthy(host(), desired(path="/broken"), [{"index": 0, "port": port}])


def test_what_its_supervisor_gave_up_is_not_waited_for(port, monkeypatch):
    monkeypatch.setattr(type(SUPERVISORS["systemd"]), "query_words", lambda *_which: {0: "failed", 1: "activating"})
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="(?s)instance 0 ended each time that it was started, and systemd gave up: failed.*Could not open port"):
        service.wait_until_healthy(host(), desired(path="/broken", start_timeout=60), [{"index": 0, "port": port}, {"index": 1, "port": port}])
    assert time.monotonic() - began < 30


def gone(files, made=None, links=None, **more):
    """What is removed of a root with the last instance, and what is left."""
    entry = {"roots": {} if made is None else {"/opt/demo": made}, "logs": {}, "users": {}, "groups": {}}
    there = FakeHost({**dict.fromkeys(files, ""), recorded.PATH: record_text({"applications": {"demo": entry}})}, links=links)
    options = desired("absent", instances=[], **{"remove_root": True, **more})
    left = service.find_removable_root(there, options)
    service.remove_root(there, options, left)
    return left, sorted(path for path in there.files if path != recorded.PATH)


OURS = ("/opt/demo/manifests/a.json", "/opt/demo/run")


def test_a_root_that_was_made_for_the_application_goes_with_its_last_instance():
    assert gone([*OURS, "/opt/demo/notes"], made=True) == (["/opt/demo"], [])


def test_of_a_root_that_was_adopted_only_what_is_ours_goes():
    assert gone([*OURS, "/opt/demo/notes"], False) == (["/opt/demo/manifests", "/opt/demo/run"], ["/opt/demo/notes"])


def test_a_root_that_is_not_on_record_stays_whatever_is_in_it():
    """It may be that of another application, where a variable is wrong."""
    there = sorted([*OURS, "/opt/demo/notes", "/opt/demo/instances/0/aa-1/script/runner"])
    assert gone(there, None) == ([], there)
    other = host()
    other.files[recorded.PATH] = other.files[recorded.PATH].replace('"demo"', '"blog"')
    assert service.find_pending(other, desired("absent", instances=[])) == []
    want = desired("absent")
    service.execute(other, want, [{"index": 0, "port": 1, "folder": "", "runs": False}])
    assert f"{HOME}/aa-1/script/runner" in other.files


def test_a_folder_without_anything_of_ours_stays():
    files = ["/opt/demo/releases/photo", "/opt/demo/notes"]
    assert gone(files) == ([], files[::-1])


def test_a_folder_of_the_system_stays_whatever_is_in_it():
    assert gone(["/var/www/manifests/a.json", "/var/www/run"], root="/var/www")[0] == []
    assert gone(["/var/www/manifests/a.json"], made=True, links={"/opt/demo": "/var/www"})[0] == []


@pytest.mark.parametrize("more", [{"remove_root": False}, {"state": "stopped"}, {"instances": [{"index": 1, "port": 1, "folder": ""}]}])
def test_a_root_stays_unless_all_of_it_is_to_go(more):
    there = FakeHost(dict.fromkeys(OURS, ""))
    assert service.find_removable_root(there, {**desired("absent", instances=[], remove_root=True), **more}) == []


def test_without_a_list_all_instances_of_the_host_are_taken_away():
    assert [item["index"] for item in service.find_pending(host(), desired("absent", instances=[]))] == [0]
    assert service.find_pending(host(), desired("stopped", instances=[])) == []


def test_an_instance_that_does_not_get_healthy_goes_back(port, monkeypatch):
    there, answers = host(), iter([500, 200])
    monkeypatch.setattr(there, "fetch_status", lambda *_where: next(answers))
    monkeypatch.setattr(service, "stop", lambda *_what: None)
    instance = {"index": 0, "port": port, "folder": "bb-2", "runs": True}
    with pytest.raises(RuntimeError, match="(?s)answers 500.*Restored and healthy: instance 0 to aa"):
        service.execute(there, desired("restarted"), [instance])
    assert there.links[f"{HOME}/current"] == "aa-1"


class Calls:
    """Calls of the module, as the controller makes them: one after the other, while it waits. Each waits for no time at all."""

    def __init__(self, there, monkeypatch, state="restarted", **more):
        self.there, self.stops, self.given = there, [], desired(state, watch=0, drain=0, remove_root=False, **more)
        monkeypatch.setattr(service, "is_over", lambda want, _called: bool(want["return_after"]))
        monkeypatch.setattr(service, "stop", lambda _host, _desired, index: self.stops.append(index))
        monkeypatch.setattr(service, "find_unused_supervisors", lambda *_what: {})

    def call(self, earlier=None):
        want = {**self.given, "return_after": 5, "resume": earlier or {}}
        return service.apply(self.there, service.plan(want, service.read(self.there, want))).results


def test_a_wait_in_several_calls_restarts_once(port, monkeypatch):
    there, answers = host(), iter([0, 0, 200])
    monkeypatch.setattr(there, "fetch_status", lambda *_where: next(answers))
    calls = Calls(there, monkeypatch, start_timeout=120, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    first = calls.call()["waiting"]
    assert (first["phase"], first["launched"], first["in_step"], first["limit"]) == ("started", [0], [], 120)
    assert "answers 0" in first["faults"][0]
    # Over JSON, the numbers of instances are texts.
    second = calls.call(json.loads(json.dumps({**first, "seconds": 60})))["waiting"]
    assert second["seconds"] >= 60
    last = calls.call(second)
    assert "waiting" not in last and last["seconds"][0] >= 60
    assert calls.stops == [0] and there.links[f"{HOME}/current"] == "bb-2"
    assert not [path for path in there.files if path.endswith(step_record.ENDING)], "no step is left on record"


def test_a_wait_in_several_calls_that_fails_goes_back_in_the_last(port, monkeypatch):
    there, answers = host(), iter([500, 500, 500, 200])
    monkeypatch.setattr(there, "fetch_status", lambda *_where: next(answers))
    calls = Calls(there, monkeypatch, start_timeout=60, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    late = calls.call({**calls.call()["waiting"], "seconds": 60})["waiting"]
    assert late["late"] and there.links[f"{HOME}/current"] == "bb-2", "the controller prints that first"
    with pytest.raises(RuntimeError, match="(?s)not healthy 60 s after its start.*answers 500.*Restored and healthy: instance 0 to aa"):
        calls.call(late)
    assert there.links[f"{HOME}/current"] == "aa-1"


def test_an_instance_that_was_healthy_in_an_earlier_call_is_not_queried_again(port, monkeypatch):
    there = host()
    monkeypatch.setattr(there, "fetch_status", lambda *_where: 1 / 0)
    calls = Calls(there, monkeypatch, start_timeout=60, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    with pytest.raises(ZeroDivisionError):
        calls.call()
    found = calls.call({"phase": "started", "seconds": 5, "launched": [0], "in_step": [0], "took": {"0": 4.5}})
    assert found["seconds"] == {0: 4.5}


def test_a_call_goes_on_with_instances_that_ran_already(port, monkeypatch):
    """One that has ended meanwhile is its supervisor's to start."""
    there, answers = host(runs=True), iter([0, 200])
    monkeypatch.setattr(there, "fetch_status", lambda *_where: next(answers))
    calls = Calls(there, monkeypatch, "started", start_timeout=60, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    waiting = calls.call()["waiting"]
    assert (waiting["phase"], waiting["launched"]) == ("running", [])
    for path in [path for path in there.files if path.startswith("/proc/7")]:
        del there.files[path]
    assert "waiting" not in calls.call(waiting) and calls.stops == []


def test_a_watch_in_several_calls_ends_when_its_time_is_over(port, monkeypatch):
    calls = Calls(host(runs=True), monkeypatch, "started", start_timeout=60, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    calls.given["watch"] = 60
    monkeypatch.setattr(service, "verify_running", lambda *_what: None)
    first = calls.call()["waiting"]
    assert (first["phase"], first["limit"], first["pids"]) == ("watched", 60, {0: [7]})
    second = calls.call(json.loads(json.dumps({**first, "seconds": 59})))["waiting"]
    assert second["seconds"] >= 59 and second["pids"] == {0: [7]}
    assert "waiting" not in calls.call({**second, "seconds": 60}) and calls.stops == []


@pytest.mark.parametrize(("now", "fault"), [([8], r"the process \[8\] instead of \[7\]"), ([], r"the process none instead of \[7\]")])
def test_a_process_that_is_lost_between_two_calls_of_a_watch_fails_and_is_not_started(port, monkeypatch, now, fault):
    there = host(runs=True)
    calls = Calls(there, monkeypatch, "started", start_timeout=60, instances=[{"index": 0, "port": port, "folder": "bb-2"}])
    calls.given["watch"] = 60
    monkeypatch.setattr(service, "list_pids", lambda *_what: now)
    monkeypatch.setattr(service, "find_running", lambda *_what: [])
    monkeypatch.setattr(service, "is_over", lambda *_what: False)
    with pytest.raises(RuntimeError, match=fault):
        calls.call({"phase": "watched", "seconds": 5, "limit": 60, "launched": [], "pids": {"0": [7]}})
    assert not [what for what in there.done if "start" in str(what)]


def test_a_drain_in_several_calls(monkeypatch):
    there = FakeHost(commands={SS: TWO})
    want = {**desired("absent", drain=60), "return_after": 5}
    monkeypatch.setattr(service, "is_over", lambda *_what: True)
    with pytest.raises(service.Waiting) as raised:
        service.wait_until_drained(there, want, [{"index": 0, "port": 8000}])
    assert raised.value.report["left"] == 2 and raised.value.report["phase"] == "drained"
    assert service.wait_until_drained(there, {**want, "resume": {"phase": "drained", "seconds": 60}}, [{"index": 0, "port": 8000}]) == 2


def test_where_there_is_nothing_to_go_back_to_that_is_reported(port):
    there = host()
    del there.links[f"{HOME}/current"]
    there.pages[port] = "refused"
    with pytest.raises(RuntimeError, match="no earlier release to restore"):
        service.execute(there, desired(), [{"index": 0, "port": port, "folder": "bb-2", "runs": False}])


def test_going_back_that_fails_reports_both(port, monkeypatch):
    there = host()
    there.pages[port] = 500
    monkeypatch.setattr(service, "stop", lambda *_what: None)
    with pytest.raises(RuntimeError, match="(?s)answers 500.*Restoring instance .* failed too.*answers 500"):
        service.execute(there, desired("restarted"), [{"index": 0, "port": port, "folder": "bb-2", "runs": True}])


def test_an_instance_that_goes_no_longer_holds_up_the_hosts_current_release():
    there = host()
    there.links.update({f"{HOME}/current": "bb-2", "/opt/demo/instances/1/current": "aa-1", "/opt/demo/current": "releases/aa"})
    service.execute(there, desired("absent"), [{"index": 1, "port": 0, "folder": "", "runs": False}])
    assert (there.links["/opt/demo/current"], there.links["/opt/demo/previous"]) == ("releases/bb", "releases/aa")


def back(there):
    return service.find_pending(there, desired("returned"))


def test_what_a_step_has_switched_goes_back_and_what_it_has_not_stays_as_it_runs():
    there = host(runs=True)
    there.links.update({f"{HOME}/current": "aa-1", f"{HOME}/previous": "cc-3"})
    assert [item["folder"] for item in back(there)] == ["bb-2"]
    there.links[f"{HOME}/current"] = "bb-2"
    assert back(there) == [], "a step that only restarts has no earlier release to restore"


def test_what_was_stopped_and_not_switched_is_started_again():
    there = host()
    there.links[f"{HOME}/current"] = "bb-2"
    assert [item["folder"] for item in back(there)] == ["bb-2"]


def watched(there, port, **more):
    service.watch(there, desired(watch=1, instances=[{"index": 0, "port": port, "folder": "bb-2"}], **more), pause=0.1)


def test_what_stays_healthy_passes_and_is_queried_until_the_end(port):
    there = host(runs=True)
    watched(there, port)
    queried = [what for what in there.done if what[0] == "page"]
    assert len(queried) >= 5 and set(queried) == {("page", "127.0.0.1", port, "/")}


def test_what_does_not_stay_healthy_is_reported_with_the_end_of_its_log(port):
    with pytest.raises(RuntimeError, match="(?s)did not stay so for 1 s: it answers 500.*Could not open port"):
        watched(host(runs=True), port, path="/broken")


def test_a_process_that_was_replaced_meanwhile_did_not_stay_healthy(port, monkeypatch):
    found = iter([[7], [7], [8]])
    monkeypatch.setattr(service, "list_pids", lambda *_what: next(found))
    with pytest.raises(RuntimeError, match=r"has the process \[8\] instead of \[7\]"):
        watched(host(runs=True), port)


SS = "ss -H -t -n -e state established"
TWO = "0 0 192.0.2.11:8000 192.0.2.9:40000\n0 0 192.0.2.11:8000 192.0.2.9:40001\n0 0 192.0.2.11:8001 192.0.2.9:40002\n"


@pytest.mark.parametrize("port, left", [(8000, 2), (8001, 1), (8002, 0), (0, 0)])
def test_connections_that_are_left_at_the_end_of_a_drain_are_counted(port, left):
    there = FakeHost(commands={SS: TWO})
    assert service.wait_until_drained(there, desired("absent", drain=0), [{"index": 0, "port": port}]) == left


def test_a_drain_ends_when_the_last_connection_does():
    there = FakeHost(commands={SS: ""})
    assert service.wait_until_drained(there, desired("absent", drain=60), [{"index": 0, "port": 8000}]) == 0


def test_a_drain_whose_connections_ss_cannot_count_reports_it():
    for answer, message in (((1, "", "ss: not permitted\n"), "found a failure of ss ('ss: not permitted')"), ("0 0 garbled\n", "found 1 unreadable line(s)")):
        there = FakeHost(commands={SS: answer})
        left = service.wait_until_drained(there, desired("absent", drain=0), [{"index": 0, "port": 8000}])
        (note,) = service.find_drain_notes(there, left)
        assert left == 1 and note.startswith(message) and "Run ss -tne on the host" in note
    assert service.find_drain_notes(FakeHost(commands={SS: TWO}), 2) == []
    assert service.find_drain_notes(FakeHost(), 0) == [], "nothing waited"


def configured(there, folder, http, https="null", interface=""):
    lines = [f"    http = {http}", f"    https = {https}", *([f'  interface = "{interface}"'] if interface else [])]
    there.files[f"{HOME}/{folder}/config/xitrum.conf"] = "\n".join(lines) + "\n"


def test_an_instance_that_goes_back_is_found_healthy_at_the_port_and_address_that_it_had():
    there = host()
    configured(there, "aa-1", 8000, interface="10.0.0.5")
    configured(there, "bb-2", 9000)
    there.pages = {8000: 200, 9000: "refused"}
    with pytest.raises(RuntimeError, match=r"(?s)http://127.0.0.1:9000/ answers refused.*Restored and healthy: instance 0 to aa"):
        service.begin(there, desired(), [{"index": 0, "port": 9000, "folder": "bb-2"}])
    assert ("page", "10.0.0.5", 8000, "/") in there.done


@pytest.mark.parametrize(("interface", "address"), [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("10.0.0.5", "10.0.0.5")])
def test_maintenance_asks_an_instance_where_it_listens_whatever_the_inventory_states_by_now(interface, address):
    there = host()
    configured(there, "aa-1", 8000, interface=interface)
    assert service.find_target(there, desired(), {"index": 0, "port": 9000}) == (address, 8000)
    del there.files[f"{HOME}/aa-1/config/xitrum.conf"]
    assert service.find_target(there, desired(), {"index": 0, "port": 9000}) == ("127.0.0.1", 9000)


@pytest.mark.parametrize(("https", "left"), [("null", 1), ("4430", 2)])
def test_connections_are_drained_at_the_ports_that_the_old_instance_has(monkeypatch, https, left):
    there = host()
    configured(there, "aa-1", 8000, https)
    monkeypatch.setattr(service.sockets, "read_established", lambda _host: [{"port": port} for port in (8000, 4430, 9000, 22)])
    assert service.wait_until_drained(there, desired("absent", drain=0), [{"index": 0, "port": 9000}]) == left


LOG, PRINTED = "/var/log/demo/0/xitrum.log", "/var/log/demo/output-0.log"


def fails_after(there, written, supervisor="rc.local", **more):
    """The message of a start that fails, after which `written` maps logs to what they hold then. Stopped instances of
    other supervisors than systemd print into a file."""
    want = desired(supervisor=supervisor, start_timeout=-1, **more)
    there.commands["env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /etc/demo-rc.local/start 0"] = ""

    def page(*_where):
        there.files.update(written)
        return "refused"

    there.fetch_status = page
    with pytest.raises(RuntimeError) as error:
        service.begin(there, want, [{"index": 0, "port": 1, "folder": "bb-2"}])
    return str(error.value).partition("Restoring instance")[0]


OLD = "release aa is up\nrelease aa reports good bye\n"


@pytest.mark.parametrize(("before", "after", "inode", "shown", "hidden"), [
    ({LOG: OLD, PRINTED: OLD}, {LOG: OLD + "bb: no database\n", PRINTED: OLD + "bb: exit 1\n"}, {}, ("bb: no database", "bb: exit 1"), "release aa"),
    # The release that failed wrote nothing: the old one's last words are not its own.
    ({LOG: OLD, PRINTED: OLD}, {}, {}, (), "release aa"),
    # The log was rotated by the start: renamed, and by now longer than the old one was; or copied and emptied.
    ({LOG: OLD}, {LOG: "bb: no database\n" * 20}, {LOG: 2}, ("bb: no database",), "release aa"),
    ({PRINTED: OLD}, {PRINTED: "bb: exit 1\n"}, {}, ("bb: exit 1",), "release aa"),
    # A first start, or one after the log was removed.
    ({}, {LOG: "bb: no database\n"}, {}, ("bb: no database",), "release aa"),
    ({LOG: OLD}, {LOG: ""}, {}, (), "release aa"),
])
def test_the_log_of_a_failure_is_that_of_the_failed_start(before, after, inode, shown, hidden):
    there = host()
    there.files.update(before)
    written = {**after}
    began = service.wait_until_healthy

    def rotated(*what):
        there.inodes.update(inode)
        return began(*what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "wait_until_healthy", rotated)
        message = fails_after(there, written)
    assert "The end of its log" in message and hidden not in message
    assert all(words in message for words in shown)


def test_of_the_journal_only_what_follows_the_start_is_requested(monkeypatch):
    there = host()
    monkeypatch.setattr(service.time, "time", lambda: 1700000000.25)
    since = "journalctl --no-pager --quiet --lines=30 --output=cat --since=@1700000000.250000 _SYSTEMD_UNIT=demo@0.service"
    there.commands[since] = "bb: exit 1\n"
    message = fails_after(there, {}, "systemd")
    assert "bb: exit 1" in message and "Could not open port" not in message


def test_a_release_that_fails_after_its_start_shows_no_log_of_another_one(port):
    """Another run of the module watches it."""
    there = host(runs=True)
    there.files[LOG] = OLD
    there.commands["env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /etc/demo-rc.local/start 0"] = ""
    service.start(there, desired(supervisor="rc.local"), 0)
    there.files[LOG] += "bb: it is over\n"
    with pytest.raises(RuntimeError) as error:
        watched(there, port, path="/broken", supervisor="rc.local")
    assert "bb: it is over" in str(error.value) and "release aa" not in str(error.value)


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"time": "x", "log": 1, "output": []}', '{"time": 1}'])
def test_a_damaged_mark_shows_the_whole_end_of_the_log(text):
    there = host()
    there.files.update({service.get_marks_path(desired(), 0): record_text(text), LOG: OLD})
    assert "release aa" in service.read_log_tail(there, desired(), 0)
    assert "Could not open port" in service.read_log_tail(there, desired(), 0)


def test_a_mark_that_cannot_be_written_keeps_nothing_from_starting(monkeypatch):
    there = host()

    def full(*_what):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(there, "write", full)
    service.start(there, desired(), 0)
    assert ("run", "systemctl start demo@0.service") in there.done


# ---------------------------------------------- health that lies: the table of docs/explanation/health-checks.md, a row each


@pytest.fixture(name="serve")
def fixture_serve():
    """Serves with a function of (the handler, how many requests there were): the port."""
    servers = []

    def serve(answer):
        counted = iter(range(1, 100000))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    answer(self, next(counted))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_arguments):
                """Reports nothing: the test's output is pytest's."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        serve_in_background(server)
        servers.append(server)
        return server.server_address[1]

    yield serve
    for server in servers:
        server.shutdown()


def reply(handler, status=200, text="all is well", **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(text.encode())


def fault(port, **more):
    return service.find_health_fault(host(), desired(**more), {"index": 0, "port": port})


def drip(handler, what):
    """A byte each tenth of a second, without an end: of the header, or of the body."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if what == "body" else b"X-Slow: "))
    for _unused in range(100):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("what", ["silence", "header", "body"])
def test_a_slow_page_is_not_healthy_whatever_of_it_is_slow(serve, what):
    port = serve(lambda handler, _count: time.sleep(8) if what == "silence" else drip(handler, what))
    began = time.monotonic()
    assert "answers no whole page within 1 s, expected 200" in fault(port, timeout=1)
    assert time.monotonic() - began < 6


def test_a_page_that_takes_less_than_the_limit_is_healthy(serve):
    assert fault(serve(lambda handler, _count: time.sleep(0.3) or reply(handler)), timeout=10) == ""


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 429, 500, 503])
def test_a_redirect_a_login_and_an_error_are_not_followed_and_not_healthy(serve, status):
    port = serve(lambda handler, _count: reply(handler, 200 if handler.path == "/login" else status, Location="/login"))
    assert f"answers {status}, expected 200" in fault(port)
    assert fault(port, status=status) == "", "what is right is the inventory's to report"
    assert fault(port, path="/login") == ""


def test_a_broken_application_that_answers_200_is_detected_by_the_text_alone(serve):
    port = serve(
        lambda handler, _count: reply(
            handler, text="<h1>no database</h1>" if handler.path == "/" else "all is well, \u00fc"
        )
    )
    assert fault(port) == ""
    assert "answers 200 without the text 'all is well, \u00fc'" in fault(port, text="all is well, \u00fc")
    assert fault(port, path="/health", text="all is well, \u00fc") == ""


def test_a_text_behind_the_first_mebibyte_is_not_searched_for(serve):
    assert "without the text" in fault(
        serve(lambda handler, _count: reply(handler, text="x" * (1 << 20) + "well")), text="well"
    )


def test_what_is_well_at_first_and_breaks_is_detected_by_the_time_that_it_has_to_stay_well(serve):
    port = serve(lambda handler, count: reply(handler, 200 if count < 4 else 500))
    instance = {"index": 0, "port": port}
    assert list(service.wait_until_healthy(host(), desired(), [instance])) == [0], (
        "the check after the start sees nothing"
    )
    with pytest.raises(RuntimeError, match="did not stay so for 20 s: it answers 500"):
        service.watch(host(), desired(watch=20, instances=[instance]), pause=0.05)


def test_what_breaks_under_load_is_detected_only_while_there_is_some(serve):
    busy = threading.Semaphore(2)

    def answer(handler, _count):
        # One request at a time is fine, with two under way it is not.
        with busy:
            well = busy.acquire(blocking=False)
            if well:
                busy.release()
            if handler.path == "/slow":
                time.sleep(5)
            reply(handler, 200 if well else 503)

    port = serve(answer)
    assert fault(port) == ""
    client = threading.Thread(target=lambda: host().read_page("127.0.0.1", port, "/slow", 10), daemon=True)
    client.start()
    deadline = time.monotonic() + 4
    while not fault(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "answers 503" in fault(port)
    client.join()
    assert fault(port) == ""


def test_who_answers_no_http_is_not_healthy(serve):
    assert "expected 200" in fault(serve(lambda handler, _count: handler.wfile.write(b"220 smtp ready\r\n")))


STOPPED = operator_stops.get_path("demo")


def operate(there, monkeypatch, state, healthy=True, **more):
    """Runs the module for an operator on a host whose instance ends when it is stopped."""
    def end(_host, _desired, index):
        there.done.append(("stopped", index))
        for path in [path for path in there.files if path.startswith("/proc/7/")]:
            del there.files[path]
        there.links.pop("/proc/7/cwd", None)

    def wait(_host, _desired, todo, _phase=""):
        if not healthy:
            raise RuntimeError("instance 0 is not healthy")
        return {item["index"]: 1.0 for item in todo}

    monkeypatch.setattr(service, "stop", end)
    monkeypatch.setattr(service, "wait_until_healthy", wait)
    want = desired(state, operator=True, drain=0, watch=0, remove_root=False, user="",
                   instances=[{"index": 0, "port": 1, "folder": ""}], **more)
    plan = service.plan(want, service.read(there, want))
    return plan, (service.apply(there, plan) if plan.changed else None)


def test_an_operator_stops_an_instance_for_good(monkeypatch):
    there = host(runs=True)
    mark = "/etc/systemd/system/multi-user.target.wants/demo@0.service"
    there.links[mark] = "/etc/systemd/system/demo@.service"
    plan, _applied = operate(there, monkeypatch, "stopped")
    assert plan.changed and mark not in there.links
    assert list(operator_stops.read_stops(there, "demo")) == [0]
    assert step_record.read_record(there, "demo") == {}
    assert there.links[f"{HOME}/current"] == "aa-1", "it stays where it was"
    assert not operate(there, monkeypatch, "stopped")[0].changed, "a second stop does nothing"
    # A plain stop is not for good.
    assert service.find_pending(there, desired("stopped")) == []


def test_a_stop_that_was_killed_before_its_record_is_one_of_a_killed_run(monkeypatch):
    there = host(runs=True)

    def fail(*_arguments):
        raise OSError("killed")

    monkeypatch.setattr(operator_stops, "note", fail)
    with pytest.raises(OSError, match="killed"):
        operate(there, monkeypatch, "stopped")
    assert step_record.read_record(there, "demo")["0"]["state"] == "stopped" and STOPPED not in there.files


def test_an_operator_starts_it_again(monkeypatch):
    there = host()
    operator_stops.note(there, "demo", 0, 5)
    operate(there, monkeypatch, "started")
    assert STOPPED not in there.files
    assert there.links["/etc/systemd/system/multi-user.target.wants/demo@0.service"] == "/etc/systemd/system/demo@.service"


def test_one_that_does_not_get_healthy_is_stopped_again(monkeypatch):
    there = host()
    operator_stops.note(there, "demo", 0, 5)
    with pytest.raises(RuntimeError, match=r"(?s)instance 0 is not healthy.*Stopped again: instance 0\. Fix the cause, then start it again"):
        operate(there, monkeypatch, "started", healthy=False)
    assert ("stopped", 0) in there.done and list(operator_stops.read_stops(there, "demo")) == [0]
    assert "/etc/systemd/system/multi-user.target.wants/demo@0.service" not in there.links
    assert step_record.read_record(there, "demo") == {}


def test_one_that_was_started_since_is_taken_off_the_record(monkeypatch):
    there = host(runs=True)
    operator_stops.note(there, "demo", 0, 5)
    plan, _applied = operate(there, monkeypatch, "started")
    assert list(plan.actions) == [("started", 0)]
    assert STOPPED not in there.files and ("stopped", 0) not in there.done


def test_a_stopped_instance_is_switched_to_a_release_without_a_start():
    there = host()
    want = desired("switched", remove_root=False)
    plan = service.plan(want, service.read(there, want))
    service.execute(there, want, plan.state["pending"])
    assert (there.links[f"{HOME}/current"], there.links[f"{HOME}/previous"]) == ("bb-2", "aa-1")
    assert not [done for done in there.done if done[0] == "run"]
    assert service.read(there, want)["pending"] == [] and service.find_pending(host(runs=True), want) == []


def test_a_removal_takes_the_record_away(monkeypatch):
    there = host()
    operator_stops.note(there, "demo", 0, 5)
    monkeypatch.setattr(service, "stop", lambda *_what: None)
    want = desired("absent", instances=[], drain=0, watch=0, remove_root=False, user="")
    service.apply(there, service.plan(want, service.read(there, want)))
    assert STOPPED not in there.files
