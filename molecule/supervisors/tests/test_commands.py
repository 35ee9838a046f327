# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""logs.yml, run.yml, console.yml and status.yml under every supervisor, and what they leave on a host. No instance is restarted."""

import collections
import os
import pathlib
import re
import threading
import tomllib

import pytest

from tests.lib.followed_logs import ask, assert_no_process_is_left, find_lines, follow, interrupt, parse_lines
from tests.lib.leftovers import MIGRATE, find_leftovers
from tests.lib.questions import read_document
from tests.lib.site import kill, wait_for

HOSTS = list(tomllib.loads((pathlib.Path(__file__).parents[1] / "fleet.toml").read_text(encoding="utf-8"))["hosts"])
INSTANCES = [f"{host}-0" for host in HOSTS]
#: The begin of the names of pages, of this process alone, and the requests to each instance while somebody follows.
FOLLOWED, REQUESTS = f"followed{os.getpid()}", 20
#: What a JVM prints for SIGQUIT.
PRINTED = "Full thread dump OpenJDK"
#: What each action of the console brings begins with or has.
FETCHED = {
    "threads": rb'"Attach Listener"', "heap": rb"(garbage-first heap|par new generation|def new generation) +total", "histogram": rb"java\.lang\.String",
    "flight_recording": rb"\AFLR\0", "heap_dump": rb"\AJAVA PROFILE ",
}


@pytest.fixture(autouse=True)
def fixture_nothing_restarts(site):
    before = site.list_running()
    yield
    assert site.list_running() == before


def test_logs_follow_each_line_of_log_and_output_once_and_leave_no_process(site):
    expected = {(name, number) for name in INSTANCES for number in range(REQUESTS)}
    with follow(site) as terminal:
        requests = threading.Thread(target=ask, args=(site, INSTANCES, FOLLOWED, range(REQUESTS)))
        requests.start()
        for host in HOSTS:
            site.run_script(host, f"kill -QUIT {site.find_pid(host, 0)}")
        requests.join()
        wait_for("all lines", lambda: (terminal.read(0.2), set(parse_lines(terminal.output, FOLLOWED)) >= expected
                                       and set(find_lines(terminal.output, PRINTED)) >= set(INSTANCES))[1])
        assert interrupt(terminal) == 99
    assert collections.Counter(parse_lines(terminal.output, FOLLOWED)) == dict.fromkeys(expected, 1)
    assert collections.Counter(find_lines(terminal.output, PRINTED)) == dict.fromkeys(INSTANCES, 1)
    assert_no_process_is_left(site, HOSTS)


def read_process(site, host, pid):
    """What a process has of its service: its program, users and groups, limits, and variables for Java. Sudo allows no core files."""
    status = f"readlink /proc/{pid}/exe; grep -E '^([UG]id|Groups|Cap...):' /proc/{pid}/status"
    limits = f"tail -n +2 /proc/{pid}/limits | grep -v '^Max core'; tr '\\0' '\\n' < /proc/{pid}/environ | grep '^JAVA_HOME='"
    return site.run_script(host, f"{status}; {limits}", check=False)


def test_a_one_off_command_has_the_configuration_user_jdk_and_limits_of_its_instance(site):
    running = {host: read_process(site, host, site.find_pid(host, 0)) for host in HOSTS}
    # One step that lasts until all hosts are read.
    process = site.start(playbook="molecule/supervisors/tests/run_everywhere.yml", run_class=MIGRATE, run_arguments="1 0 40000")
    found = {}
    try:
        def have_all():
            for host in set(HOSTS) - set(found):
                pid = site.run_script(host, f"pgrep -f '^[^ ]*java .*{MIGRATE[:-1]}[e]' || true")
                seen = read_process(site, host, pid) if pid.isdecimal() else ""
                if "JAVA_HOME=" in seen:
                    found[host] = seen
            return len(found) == len(HOSTS)
        wait_for("the command on every host", have_all)
        output, _errors = process.communicate(timeout=600)
    finally:
        kill(process)
    assert process.returncode == 0, output[-3000:]
    assert found == running
    lines = re.findall(r"user xitrum, configured port 8000, working in /opt/xitrum/runs/0/[^ \"]+", output)
    assert len(set(lines)) >= 1 and {host: find_leftovers(site, host) for host in HOSTS} == dict.fromkeys(HOSTS, "")


@pytest.mark.parametrize("action", FETCHED)
def test_the_console_queries_every_instance_and_leaves_nothing(site, tmp_path, action):
    run = site.run(playbook="playbooks/console.yml", console_action=action, console_save=str(tmp_path), console_seconds=2, console_timeout=180)
    run.assert_ended_well()
    kept = {path.name.partition("-0-")[0]: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(kept) == sorted(HOSTS) and run.changed == {} and "template error" not in run.output
    assert [host for host, content in kept.items() if not re.search(FETCHED[action], content)] == []
    assert {host: find_leftovers(site, host) for host in HOSTS} == dict.fromkeys(HOSTS, "")


def test_the_status_of_every_instance_is_read(site):
    document = read_document(site, "status")
    assert document["outcome"] == "ok"
    assert {item["name"]: (item["state"], item["health"]) for item in document["instances"]} == dict.fromkeys(INSTANCES, ("running", "ok"))
