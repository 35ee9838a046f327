# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load is planned before the first connection, and what a host cannot make is refused with what it can."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.load import planning as load_plan
from hypothesis import given
from hypothesis import strategies as st

TARGETS = [{"name": name, "address": "192.0.2.1", "port": port, "tls": False} for name, port in (("app1-0", 8000), ("app1-1", 8001))]
DESIRED = {"connections": 1000, "rate": 200, "seconds": 10, "heartbeat": 5, "timeout": 10, "path": "/echo", "headers": {}, "sources": [], "targets": TARGETS}
STATE = {"nofile": 20000, "cpus": 2, "ports": 28232, "memory_free_bytes": 8 << 30, "files_free": 1 << 40, "conntrack_free": None,
         "local": {"192.0.2.1": False, "127.0.0.1": True}}
LOCAL = [{"name": "haproxy", "address": "127.0.0.1", "port": 80, "tls": False}]


def plan(desired=None, **state):
    return load_plan.plan({**DESIRED, **(desired or {})}, {**STATE, **state})


@given(connections=st.integers(1, 400_000), cpus=st.integers(1, 64), nofile=st.integers(1024, 100_000), rate=st.integers(200, 50_000))
def test_every_connection_has_a_process_with_files_for_it_and_they_are_one_after_the_other(connections, cpus, nofile, rate):
    found = plan({"connections": connections, "rate": rate, "targets": LOCAL}, cpus=cpus, nofile=nofile)
    if found.errors:
        assert connections > found.facts["largest"] or connections / rate > load_plan.RAMP_MOST
        return
    shares = [worker["connections"] for worker in found.facts["workers"]]
    assert sum(shares) == connections and min(shares) > 0
    assert max(shares) <= nofile - load_plan.BASE_FILES
    assert [worker["first"] for worker in found.facts["workers"]] == [sum(shares[:index]) for index in range(len(shares))]
    assert sum(worker["rate"] for worker in found.facts["workers"]) == pytest.approx(rate)
    assert len(found.facts["sources"][0]) * STATE["ports"] >= connections


@pytest.mark.parametrize(("state", "ends", "most"), [
    ({"nofile": 1088}, "ports", 56464),
    ({"nofile": 164}, "nofile", 6400),
    ({"memory_free_bytes": 100 << 20}, "memory", 10240),
    ({"files_free": 5000}, "file-max", 5000),
    ({"conntrack_free": 3000}, "conntrack", 3000),
])
def test_the_largest_number_that_holds_is_reported_and_one_more_is_refused(state, ends, most):
    refused = plan({"connections": most + 1, "rate": 1000}, **state)
    assert (refused.facts["largest"], refused.facts["limited_by"]) == (most, ends)
    assert f"The largest number that holds is {most}" in refused.errors[0] and f"{ends} runs out first" in refused.errors[0]
    assert list(plan({"connections": most, "rate": 1000}, **state).errors) == []


def test_where_the_ports_of_an_address_end_more_addresses_are_used():
    assert plan({"targets": LOCAL, "connections": 28232, "rate": 1000}).facts["sources"] == [[""]]
    assert plan({"targets": LOCAL, "connections": 28233, "rate": 1000}).facts["sources"] == [["127.0.0.1", "127.0.0.2"]]
    assert plan({"sources": ["192.0.2.8", "192.0.2.9"]}).facts["sources"] == [["192.0.2.8", "192.0.2.9"]] * 2
    assert list(plan({"sources": ["192.0.2.8", "192.0.2.9"], "connections": 112_928, "rate": 1000}, nofile=1 << 20).errors) == []


@pytest.mark.parametrize(("wrong", "message"), [
    ({"connections": 0}, "load_test_connections: found 0, expected 1 or more"),
    ({"connections": -5}, "load_test_connections: found -5, expected 1 or more"),
    ({"rate": 0}, "load_test_rate: found 0"),
    ({"seconds": -1}, "load_test_seconds: found -1"),
    ({"seconds": 100_000}, "expected at most 86400"),
    ({"connections": 10_000, "rate": 1}, "expected 3 or more"),
    ({"path": "echo"}, "load_test_path: found 'echo'"),
    ({"path": "/a b"}, "load_test_path: found '/a b'"),
    ({"headers": {"X": "a\r\nHost: b"}}, "load_test_headers: 'X' has a line break"),
    ({"headers": ["Origin"]}, "load_test_headers: found something else"),
    ({"headers": {"X": ["a"]}}, "load_test_headers: 'X' is not a text"),
    ({"targets": []}, "targets: found none"),
])
def test_invalid_values_are_reported(wrong, message):
    assert message in " ".join(plan(wrong).errors)


@pytest.mark.parametrize(("text", "headers"), [("", {}), ('{"X": "1"}', {"X": "1"}), ("[1]", [1]), ("{'X'", "{'X'")])
def test_headers_come_as_one_text_of_json(text, headers):
    found = load_plan.read_headers({"headers": text, "rate": 1})
    assert found == {"headers": headers, "rate": 1}
    assert (load_plan.find_header_errors(found["headers"]) == []) == isinstance(headers, dict)


def test_a_late_process_does_not_make_up_for_it_in_a_burst():
    assert load_plan.compute_credit(0.5, 0.05, 100) == pytest.approx(5.5)
    assert load_plan.compute_credit(0.0, 60, 100) == pytest.approx(20)
