# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a process and a listening socket are: a local user takes an instance's port, and works in its folder."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import instances, ownership, restarts
from ansible_collections.xitrum.host.plugins.module_utils.application import releases as release
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.core import process, sockets
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, Stat
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from ..fake_host import FakeHost

#: See conftest.py.
JUDGES_SOCKETS = True

ROOT, HOME = "/opt/demo", "/opt/demo/instances/0"
APP, MALLORY = "815815", "666666"
#: Commands that ask each supervisor for the process of instance 0, and what it prints when that is 70, or none.
QUERIED = {
    "systemd": ("systemctl show --no-pager --property=Id,MainPID -- demo@0.service", "Id=demo@0.service\nMainPID={}\n", "0"),
    "supervisord": ("supervisorctl pid demo-0", "{}\n", "0"),
    "runit": ("sv status /etc/demo-runit/0", "run: /etc/demo-runit/0: (pid {}) 71s; run: log: (pid 62) 75s\n", ""),
    "daemontools": ("svstat /etc/demo-daemontools/0", "/etc/demo-daemontools/0: up (pid {}) 71 seconds\n", ""),
    "upstart": ("initctl status demo-0", "demo-0 start/running, process {}\n", ""),
}
KINDS = [*QUERIED, "rc.local"]


def desired(kind="systemd", **more):
    return {
        "name": "demo", "root": ROOT, "log_dir": "/var/log/demo", "supervisor": kind, "state": "started",
        "instances": [{"index": 0, "port": 8000, "folder": "bb-2"}], "address": "127.0.0.1", "path": "/", "status": 200,
        "start_timeout": -1, "stop_timeout": 0, "watch": 1, **more,
    }  # fmt: skip


def add(there, pid, uid=APP, parent=1, comm="java", cwd=f"{HOME}/bb-2"):
    """A process of a host."""
    there.files[f"/proc/{pid}/stat"] = f"{pid} ({comm}) S {parent} " + "0 " * 17 + "100 0"
    there.files[f"/proc/{pid}/status"] = f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
    there.files[f"/proc/{pid}/environ"] = ""
    there.links[f"/proc/{pid}/cwd"] = cwd


def machine_with(kind="systemd", holder=70, main=70, place="*", port=8000):
    """A host whose supervisor has the process 70 (parent of 71), and on which `holder` listens; 90 is another one."""
    there = FakeHost({"/proc/stat": "btime 1\n", f"{HOME}/bb-2/config/xitrum.conf": "    http = 8000\n    https = 4430\n"})
    there.stats[f"{HOME}/bb-2/tmp"] = Stat("directory", 0o750, APP, APP, 0)
    there.links[f"{HOME}/current"] = "bb-2"
    add(there, 70)
    add(there, 71, parent=70)
    add(there, 90, MALLORY)
    there.pages[8000] = 200
    users = "".join(f',("java",pid={pid},fd=9)' for pid in ([holder] if isinstance(holder, int) else holder))
    users = f"users:({users[1:]})" if users else ""
    there.commands[" ".join(sockets.SS)] = f"LISTEN 0 128 {place}:{port} *:* {users} ino:1 sk:1 v6only:0 <->\n"
    if kind == "rc.local":
        if main:
            there.files["/run/demo-rc.local-0.pid"] = f"{main}\n"
    else:
        command, answer, none = QUERIED[kind]
        there.commands[command] = answer.format(main or none)
    return there


@pytest.mark.parametrize("kind", KINDS)
def test_every_supervisor_reports_which_process_it_has(kind):
    assert SUPERVISORS[kind].find_main_pids(machine_with(kind), "demo", [0]) == {0: 70}
    assert SUPERVISORS[kind].find_main_pids(machine_with(kind, main=0), "demo", [0]) == {}
    assert SUPERVISORS[kind].find_main_pids(FakeHost(), "demo", [0]) == {}
    assert set(KINDS) == set(SUPERVISORS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holder", [70, 71, (70, 71)])
def test_an_instance_whose_own_process_listens_is_healthy(kind, holder):
    assert service.find_health_fault(machine_with(kind, holder), desired(kind), desired()["instances"][0]) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_takes_the_port_while_an_instance_restarts_is_not_the_instance(kind):
    there = machine_with(kind, 90)
    with pytest.raises(RuntimeError) as error:
        service.wait_until_healthy(there, desired(kind), desired()["instances"])
    message = str(error.value)
    assert "is held by process 90 (java) of the user 666666" in message
    assert f"expected is process 70 that {kind} started for the instance" in message and "of the user 815815" in message
    assert [what for what in there.done if what[0] == "page"] == [], "nobody else is requested a page"


@pytest.mark.parametrize(("change", "why"), [
    # The application's user has taken it, outside of the supervisor: a process that was left, for example.
    ({"holder": 91}, "process 91 (java) of the user 815815"),
    # It is a child of the instance, and not of its user any more: a program with the s bit.
    ({"holder": 92}, "process 92 (java) of the user 666666"),
    # One socket in two hands: whoever has it takes connections from it.
    ({"holder": (70, 90)}, "process 90 (java) of the user 666666"),
    ({"main": 0}, "expected is a process that systemd started"),
    # The supervisor's number is of a process that has ended, and that another process has by now.
    ({"holder": 90, "main": 90}, "process 90 (java) of the user 666666"),
    ({"holder": 99}, "process 99, which has ended"),
    ({"holder": ()}, "a process that cannot be seen"),
    ({"holder": 90, "place": "127.0.0.1"}, "process 90"), ({"holder": 90, "place": "0.0.0.0"}, "process 90"),
    ({"holder": 90, "port": 4430}, "port 4430, where the instance is to answer"),
])
def test_what_is_not_the_instance(change, why):
    there = machine_with(**change)
    add(there, 91)
    add(there, 92, MALLORY, parent=70)
    assert why in service.find_health_fault(there, desired(), desired()["instances"][0])


OTHER_PLACES = [{"holder": 90, "place": "192.0.2.7"}, {"holder": 90, "port": 9000}]


def listing(**change):
    return machine_with(**change).commands[" ".join(sockets.SS)]


@pytest.mark.parametrize("change", OTHER_PLACES)
def test_a_socket_that_takes_no_request_of_the_instance_is_no_matter(change):
    there = machine_with()
    there.commands[" ".join(sockets.SS)] += listing(**change).replace("ino:1", "ino:2")
    assert service.find_health_fault(there, desired(), desired()["instances"][0]) == ""


@pytest.mark.parametrize("change", OTHER_PLACES)
def test_a_page_that_nothing_of_the_instance_can_have_answered_is_not_healthy(change):
    fault = service.find_health_fault(machine_with(**change), desired(), desired()["instances"][0])
    assert "port 8000 has answered, and nothing listens on it now" in fault


def test_an_instance_that_listens_at_https_alone_has_not_answered():
    there = machine_with(port=4430)
    assert "port 8000 has answered, and nothing listens on it" in service.find_health_fault(there, desired(), desired()["instances"][0])


def test_without_ss_nothing_is_healthy():
    there = machine_with()
    del there.commands[" ".join(sockets.SS)]
    assert "ss did not answer" in service.find_health_fault(there, desired(), desired()["instances"][0])


@pytest.mark.parametrize(("before", "after", "why"), [
    (None, {"holder": 90}, "process 90"),
    # Who answers binds the port after the first inspection, and closes the listening socket before the second.
    (None, None, "port 8000 has answered, and nothing listens on it now"),
    ({}, None, "port 8000 has answered, and nothing listens on it now"),
    # The instance takes the port when the other process has left it.
    (None, {}, "port 8000 has answered before this socket of the instance was there"),
    ({}, {"inode": 2}, "port 8000 has answered before this socket of the instance was there"),
    ({}, {}, ""),
])
def test_only_one_socket_of_the_instance_before_and_after_the_page_is_healthy(before, after, why, monkeypatch):
    def rows(change):
        if change is None:
            return sockets.Rows()
        found = sockets.read_listeners(machine_with(holder=change.get("holder", 70)))
        found[0]["inode"] = change.get("inode", 1)
        return found

    earlier = iter([rows(before), rows(after)])
    monkeypatch.setattr(ownership.sockets, "read_listeners", lambda _host: next(earlier))
    fault = service.find_health_fault(machine_with(), desired(), desired()["instances"][0])
    assert why in fault and bool(fault) is bool(why)


def test_an_instance_that_listens_between_two_inspections_is_healthy_at_the_next_request(monkeypatch):
    there = machine_with()
    full, original = listing(), there.fetch_status
    there.commands[" ".join(sockets.SS)] = ""

    def page(*where):
        there.commands[" ".join(sockets.SS)] = full
        return original(*where)

    monkeypatch.setattr(there, "fetch_status", page)
    monkeypatch.setattr(service.time, "sleep", lambda _seconds: None)
    assert list(service.wait_until_healthy(there, desired(start_timeout=60), desired()["instances"])) == [0]


def test_a_canary_that_another_process_replaces_is_not_healthy_any_more(monkeypatch):
    there, takes = machine_with(), machine_with(holder=90).commands
    original = there.fetch_status

    def page(*where):
        there.commands.update(takes)
        return original(*where)

    monkeypatch.setattr(there, "fetch_status", page)
    with pytest.raises(RuntimeError, match=r"did not stay so for 1 s: port 8000.*process 90 \(java\) of the user 666666"):
        service.watch(there, desired(), pause=0.01)


def test_a_name_that_holds_escape_sequences_is_printed_harmlessly():
    there = machine_with(holder=90)
    add(there, 90, MALLORY, comm="a\x1b]52;c;\x07\n) S 1")
    fault = service.find_health_fault(there, desired(), desired()["instances"][0])
    assert "\x1b" not in fault and "\n" not in fault and r"a\x1b]52;c;\x07\n) S 1" in fault


# ---------------------------------------------------------------------------------------------------- working folders


def test_another_users_process_in_the_folder_neither_runs_for_the_instance_nor_keeps_it_from_starting():
    there = machine_with()
    for pid in (70, 71):
        there.remove(f"/proc/{pid}")
    assert service.find_pending(there, desired()) != [], "it does not run"
    assert service.list_pids(there, desired(), 0) == [] and service.wait_until_gone(there, desired(), 0, 0)
    service.kill(there, desired(), 0, 9)
    assert [what for what in there.done if what[0] == "kill"] == []
    assert release.read_running(there, ROOT) == []
    there = machine_with()
    assert service.list_pids(there, desired(), 0) == [70, 71] and release.read_running(there, ROOT) == ["bb"]


def test_the_account_is_the_one_that_root_gave_the_folders_to():
    there = machine_with()
    there.stats[f"{HOME}/aa-1/tmp"] = Stat("directory", 0o750, "1234", "1234", 0)
    there.links[f"{HOME}/cc-3/tmp"] = "/home/mallory"
    assert process.list_accounts(there, HOME) == {APP, "1234"}
    assert process.list_accounts(there, "/opt/demo/instances/7", "demo") == {"demo"}
    assert process.filter_processes_of_users([{"user": MALLORY}, {"user": "root"}], set()) == [{"user": "root"}], "where nothing is known, nobody's is ours"


@pytest.mark.parametrize(("user", "running"), [("", []), (APP, [70, 71]), (MALLORY, [90])])
def test_in_a_folder_without_tmp_the_applications_user_counts_alone(user, running):
    there = machine_with()
    del there.stats[f"{HOME}/bb-2/tmp"]
    assert service.list_pids(there, desired(user=user), 0) == running
    assert bool(service.find_health_fault(there, desired(user=user), desired()["instances"][0])) is (user != APP)


def test_preparation_of_a_host_judges_no_process_of_others():
    there = machine_with(holder=90)
    want = {"root": ROOT, "user": APP, "http_port": 8000, "nofile": 100, "backlog": 1}
    there.files["/proc/1/limits"] = "Max open files            100                100                files\n"
    assert restarts.read(there, want)["instances"][0]["process"]["pid"] == 70
    for pid in (70, 71):
        there.remove(f"/proc/{pid}")
    assert restarts.read(there, want)["instances"] == {}


def test_preflight_takes_no_process_for_its_own_by_its_working_folder():
    options = {"ports": [8000], "own_roots": [ROOT], "own_units": [], "user": APP}
    assert machine.find_holders(machine_with(), options)[0]["allowed"]
    (held,) = machine.find_holders(machine_with(holder=90), options)
    assert not held["allowed"]
    (error,) = machine.find_port_errors([held])
    assert error.startswith("port 8000 is held by java (process 90): stop it")
    assert error.endswith("set xitrum_http_port (it runs as the user 666666)")


def test_a_report_names_what_listens_in_the_place_of_an_instance():
    want = {**desired(), "user": APP}
    users = {APP}
    for holder, words in ((90, "process 90 (java) of the user 666666"), (70, "")):
        there = machine_with(holder=holder)
        fault = instances.find_other_listener(there, want, sockets.read_listeners(there), 70, users, 8000)
        assert words in fault and bool(fault) is bool(words)
    assert instances.find_other_listener(there, want, None, 70, users, 8000) == ""


def test_real_processes_are_distinguished_by_who_started_them():
    host = Host(None)
    with subprocess.Popen(["sh", "-c", "sleep 30 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        try:
            child = int(shell.stdout.readline())
            assert ownership.is_below(host, child, shell.pid) and ownership.is_below(host, child, os.getpid())
            assert not ownership.is_below(host, shell.pid, child) and not ownership.is_below(host, os.getppid(), os.getpid())
        finally:
            os.kill(child, 9)
            shell.kill()


@pytest.mark.parametrize("loop", [True, False])
def test_parents_without_an_end_are_not_followed_for_ever(loop):
    there = FakeHost()
    for pid in range(100, 300):
        add(there, pid, parent=100 if loop and pid == 299 else pid + 1)
    assert not ownership.is_below(there, 100, 5)
