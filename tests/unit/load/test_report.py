# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limited a load is named from what was read, and the report puts it next to earlier runs and the plan's promise."""

from __future__ import annotations

import copy
import pathlib

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.load import burst as load_burst
from ansible_collections.xitrum.host.plugins.module_utils.load import counts as load_counts
from ansible_collections.xitrum.host.plugins.module_utils.load import limits as load_limits
from ansible_collections.xitrum.host.plugins.module_utils.load import report as load_report
from ansible_collections.xitrum.host.plugins.module_utils.load import state as load_state

from ..fake_host import FakeHost

READING = {
    "processes": [{"name": "app1-0", "port": 8000, "pid": 20, "process": "java", "memory_bytes": 300 << 20, "files": 500, "nofile": 20000,
                   "backlog": 4096, "started": 1}],
    "counters": {"ListenOverflows": 7, "ListenDrops": 9, "SyncookiesSent": 0, "TCPReqQFullDrop": 0},
    "sockets": {}, "conntrack": [10, 1000], "proxy": None, "memory_bytes": 8 << 30, "memory_free_bytes": 4 << 30, "cpus": 2,
}
CAPACITIES = {"app1": {"largest": 18000, "limited_by": "nofile"}, "proxy1": {"largest": 9000, "limited_by": "memory"}}
GROUPS = {"xitrum": ["app1"], "xitrum_proxy": ["proxy1"]}


def counts(**more):
    base = {"tried": 1000, "opened": 1000, "held": 1000, "pings": 1, "pongs": 1}
    return {**load_counts.sum_counts([]), **base, **more}


def seen(**changes):
    """Readings before, during and after; `changes` are of what was read during, `after_NAME` of what was read afterwards."""
    found = {moment: copy.deepcopy(READING) for moment in ("before", "during", "after")}
    for name, value in changes.items():
        found["after" if name.startswith("after_") else "during"][name.replace("after_", "")] = value
    return {"app1": found}


def process(**more):
    return [{**READING["processes"][0], **more}]


def test_nothing_limits_what_is_held_whole():
    assert load_limits.find_limits(1000, counts(), seen(processes=process(files=20000))) == []


FULL = {"connections": 900, "maximum": 900}
PARTLY = {"held": 900, "opened": 900, "unanswered": 100}


@pytest.mark.parametrize(("numbers", "changes", "word", "message"), [
    ({**PARTLY, "client_files": 100}, {}, "nofile", "load_test_clients"),
    ({**PARTLY, "client_ports": 100}, {}, "ports", "load_test_sources"),
    (PARTLY, {"processes": process(files=999, nofile=1000)}, "nofile", "app1-0 (java 20 on app1) has 999 of its 1000 open files"),
    (PARTLY, {"proxy": FULL, "processes": process(process="haproxy", nofile=2000)}, "nofile", "computes from its 2000 open files"),
    (PARTLY, {"proxy": FULL, "processes": process(process="haproxy")}, "maxconn", "its maxconn"),
    (PARTLY, {"conntrack": [1000, 1000]}, "conntrack", "1000 of 1000"),
    (PARTLY, {"memory_free_bytes": 1 << 20}, "memory", "1 MiB of 8192 MiB"),
    (PARTLY, {"after_processes": process(pid=21)}, "process", "process 20, restarted"),
    (PARTLY, {"after_processes": []}, "process", "not there any more"),
    (PARTLY, {"after_counters": {**READING["counters"], "ListenOverflows": 57}}, "backlog", "50 connects found the queue"),
    ({"held": 0, "opened": 0, "turned_away": 1000, "status": 404}, {}, "answer", "1000 were answered with 404: load_test_path is not a path of it"),
    ({"held": 0, "opened": 0, "refused": 1000}, {}, "refused", "nobody listened"),
    (PARTLY, {}, "timeout", "100 were not answered in time"),
    ({"held": 990, "dropped": 10}, {}, "dropped", "10 were closed by the other side"),
    ({"silent": 10}, {}, "silent", "10 did not answer a ping"),
    ({"held": 0, "opened": 0, "closed_early": 1000}, {}, "closed", "1000 were closed"),
    ({"held": 0, "opened": 0, "other": 1000, "errno": 113}, {}, "error", "error 113"),
])
def test_what_limited_it_is_named(numbers, changes, word, message):
    first = load_limits.find_limits(1000, counts(**numbers), seen(**changes))[0]
    assert first[0] == word and message in first[1]


def test_what_was_not_tried_any_more_is_reported_last():
    found = load_limits.find_limits(5000, counts(**PARTLY), seen())
    assert found[-1] == ("rest", "4000 were not tried any more")


def report(label, when, **more):
    route = load_report.build_route_report(1000, seen(processes=process(memory_bytes=(300 << 20) + 1000 * 9216), **more.pop("changes", {})),
                                           {"proxy1": counts(**more)}, CAPACITIES, GROUPS, "proxy")
    capped = {"requested": 1024, "backlog": 128, "connects": 500, "at_once": 129, "delayed": 371, "failed": 0, "ListenOverflows": 700}
    live = {"requested": 0, "backlog": 0, "connects": 500, "at_once": 500, "delayed": 0, "failed": 0, "ListenOverflows": 0}
    return {"label": label, "when": when, "routes": {"proxy": route}, "bursts": {"app1": [capped, live]}}


def test_an_earlier_run_stands_next_to_the_present_one_and_its_own_label_does_not():
    before, after = report("before", "2026-01-01", **PARTLY), report("after", "2026-01-03")
    text = load_report.load_table(after, [after, report("after", "2026-01-02"), before])
    lines = {line[:30].strip(): line[30:].split() for line in text.splitlines() if line.strip()}
    assert ["before", "after"] in [line.split() for line in text.splitlines()]
    assert [line.split()[-2:] for line in text.splitlines() if line.startswith("held ")] == [["900", "1000"]]
    assert any(line.startswith("limited by") and line.split()[-2:] == ["timeout", "nothing"] for line in text.splitlines()), lines
    assert "9000 (memory)" in text and "9.0 java" in text
    assert "129 of 500 at once, 371 after 1 s or more, 700 times full (the kernel gives 128)" in text
    assert "app1, the application itself" in text


def test_what_was_not_opened_is_what_failed_whatever_became_of_the_others():
    numbers = {"tried": 100, "opened": 90, "held": 70, "refused": 10, "silent": 20}
    route = load_report.build_route_report(100, seen(), {"proxy1": counts(**numbers)}, CAPACITIES, GROUPS, "proxy")
    assert [dict(load_report.format_cells(route))[title] for title in ("requested", "held", "lost", "not opened", "not tried any more")] == [
        "100",
        "70",
        "20",
        "10",
        "0",
    ]
    # A connection of a process that was lost is in no number; it is not one that was not opened.
    route = load_report.build_route_report(100, seen(), {"proxy1": counts(**{**numbers, "held": 60})}, CAPACITIES, GROUPS, "proxy")
    assert dict(load_report.format_cells(route))["not opened"] == "10"


def test_the_sentences_of_what_limited_it_stand_below():
    text = load_report.load_table(report("run", "2026-01-01", **PARTLY), [])
    assert "  - 100 were not answered in time (load_test_timeout)" in text


def test_the_promise_is_that_of_the_part_that_ends_first():
    assert load_report.find_promise(CAPACITIES, GROUPS, "direct") == {"largest": 18000, "limited_by": "nofile", "hosts": ["app1"]}
    assert load_report.find_promise(CAPACITIES, GROUPS, "proxy") == {"largest": 9000, "limited_by": "memory", "hosts": ["proxy1"]}
    assert load_report.find_promise({}, GROUPS, "direct") is None


NETSTAT = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 3 16 17\nIpExt: InOctets\nIpExt: 5\n"


def test_the_kernels_counters_are_read():
    assert load_state.parse_netstat(NETSTAT) == {"SyncookiesSent": 3, "ListenOverflows": 16, "ListenDrops": 17}
    assert load_state.parse_netstat("") == {}
    assert load_state.parse_sockstat("sockets: used 9\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1\n") == {"inuse": 5, "orphan": 0, "tw": 2, "alloc": 7, "mem": 1}


def test_a_host_is_read_with_and_without_a_tracking_table():
    files = {"/proc/net/netstat": NETSTAT, "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB\n"}
    read = load_state.read(FakeHost(files), {"watched": [], "socket": ""})
    assert read["conntrack"] is None and read["proxy"] is None and read["processes"] == []
    assert (read["memory_bytes"], read["memory_free_bytes"], read["counters"]["ListenOverflows"]) == (1024000, 409600, 16)
    tracked = {**files, load_state.CONNTRACK + "count": "5\n", load_state.CONNTRACK + "max": "100\n"}
    assert load_state.read(FakeHost(tracked), {"watched": [], "socket": ""})["conntrack"] == (5, 100)


@pytest.mark.parametrize(("text", "count"), [("", 0), ("8000-8001,4430\n", 3), ("1-50000", 17233), ("22", 0)])
def test_reserved_ports_are_not_there_for_connections(text, count):
    assert load_state.count_reserved(text, 32768 if text.startswith("1-") else 1024, 65535) == count


@pytest.mark.parametrize(("wrong", "message"), [
    ({"connects": 0}, "load_test_burst_connections: found 0"), ({"connects": -1}, "found -1"), ({"connects": 20001}, "from 1 to 20000"),
    ({"pause": 6}, "load_test_burst_pause: found 6"),
    ({"backlogs": [0]}, "load_test_burst_backlogs"), ({"connects": 5000}, "can make 4968 at once: its open files"),
])
def test_a_burst_that_cannot_be_made_is_refused(wrong, message):
    desired = {"connects": 500, "backlogs": [128], "pause": 0.5, **wrong}
    assert message in load_burst.find_errors(desired, 10000, 28000)[0]
    assert load_burst.find_errors({**desired, "connects": 500, "backlogs": [128], "pause": 0.5}, 10000, 28000) == []


def test_a_burst_is_reported_by_what_took_a_repeated_syn():
    assert load_burst.summarize_burst([(0.01, False), (1.03, True)], 3) == {"connects": 3, "at_once": 1, "delayed": 1, "failed": 1, "slowest_ms": 1030.0}
    assert load_burst.summarize_burst([], 2)["slowest_ms"] is None


@pytest.mark.parametrize(("held", "ended_by", "message"), [
    (1000, [], []),
    (999, [["closed", "1 were closed"], ["closed", "x"], ["nofile", "y"]],
     ["found 999 connections held through the proxies, expected 1000 (load_test_connections): limited by closed, nofile. "
      "The table before this message has the details"]),
    (0, [], ["found 0 connections held through the proxies, expected 1000 (load_test_connections): limited by an unknown reason. "
             "The table before this message has the details"]),
])
def test_fewer_connections_than_requested_are_a_failure(held, ended_by, message):
    routes = {"direct": {"requested": 1000, "held": 1000, "ended_by": []}, "proxy": {"requested": 1000, "held": held, "ended_by": ended_by}}
    assert list(load_report.find_shortfalls({"routes": routes})) == message


def test_the_figures_are_kept_before_a_run_fails():
    """A run that fails has written its report, and shown it."""
    folder = pathlib.Path(__file__).parents[3] / "roles/load_test/tasks"
    names = [task["name"] for task in yaml.safe_load((folder / "report.yml").read_text(encoding="utf-8"))]
    assert names == ["Write the load test report", "Print the load test report", "Fail when fewer connections were held than requested"]
    assert yaml.safe_load((folder / "main.yml").read_text(encoding="utf-8"))[-1]["ansible.builtin.include_tasks"] == "report.yml"
