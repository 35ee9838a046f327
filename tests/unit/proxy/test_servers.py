# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a running proxy: which are set, in which words, and what is waited for."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.proxy import haproxy_socket
from ansible_collections.xitrum.host.plugins.module_utils.proxy import servers as proxy_server
from ansible_collections.xitrum.host.plugins.module_utils.proxy.kinds import haproxy as proxy_haproxy

from ..fake_host import FakeHost, connections

DATA = pathlib.Path(__file__).parents[1] / "data" / "haproxy"
SS = "ss -H -t -n -e state established"
CONNECTIONS = """\
0 0 192.168.0.10:40000 192.168.0.12:8001 users:(("haproxy",pid=99,fd=12))
0 0 192.168.0.10:40001 192.168.0.12:8001 users:(("haproxy",pid=101,fd=13))
0 0 192.168.0.10:40002 192.168.0.12:8001 users:(("curl",pid=7,fd=5))
0 0 [fd00::10]:40003 [fd00::12]:8001 users:(("haproxy",pid=99,fd=14))
0 0 192.168.0.10:40004 192.168.0.12:8000
"""


def desired(**more):
    defaults = {name: option.get("default") for name, option in proxy_server.SPEC.items()}
    return proxy_server.place_options({**defaults, "servers": ["app1-0"], "state": "drain", **more})


@pytest.fixture(name="proxy")
def fixture_proxy(monkeypatch):
    """An HAProxy in which app1-0 is ready and app1-1 is in drain; the commands that it was given."""
    commands = []

    def ask(_host, path, command, timeout=5.0):
        if command.startswith("show"):
            return {"show info": "Pid: 101\n", "show stat": (DATA / "stat-3.0.txt").read_text(),
                    "show servers state": (DATA / "servers_state-3.0.txt").read_text()}[command]
        commands.append(command)
        return "\n" if not refuses else refuses[0]

    refuses = []
    proxy_double = type("Proxy", (), {"commands": commands, "refuses": refuses})
    monkeypatch.setattr(haproxy_socket, "ask", ask)
    return proxy_double


def host():
    return FakeHost(commands={SS: CONNECTIONS})


def planned(want):
    return proxy_server.plan(want, proxy_server.read(host(), want))


# --------------------------------------------------------------------------------------------------------- planning

def test_only_the_servers_that_are_not_in_the_desired_state_are_set(proxy):
    want = desired(servers=["app1-0", "app1-1"])
    plan = planned(want)
    proxy_server.set_servers(host(), want, plan)
    assert proxy.commands == ["set server xitrum/app1-0 state drain"]
    assert (plan.before, plan.after) == ("xitrum/app1-0 ready\n", "xitrum/app1-0 drain\n")
    assert [(row.item, row.configured, row.status) for row in plan.rows] == [("xitrum/app1-0", "ready", "drift"), ("xitrum/app1-1", "drain", "ok")]


def test_the_last_that_serves_is_not_taken_out_where_others_have_to_stay(proxy):
    names = [row["name"] for row in proxy_server.read(host(), desired(servers=["app1-0", "app1-1"]))["servers"]]
    assert names == ["app1-0", "app1-1"]
    serving = proxy_server.read(host(), desired())["serving"]
    refused = planned(desired(servers=serving, state="maint", keep_enabled=True))
    assert len(refused.errors) == 1 and "has no other server that is enabled and healthy" in refused.errors[0]
    assert list(planned(desired(servers=serving, state="maint")).errors) == []
    assert list(planned(desired(servers=["app1-1"], state="maint", keep_enabled=True)).errors) == []


def test_where_all_is_so_nothing_is_set(proxy):
    want = desired(servers=["app1-1"])
    plan = planned(want)
    proxy_server.set_servers(host(), want, plan)
    assert (plan.changed, proxy.commands) == (False, [])


def test_a_server_that_comes_back_is_checked_again(proxy):
    want = desired(servers=["app1-1"], state="ready")
    proxy_server.set_servers(host(), want, planned(want))
    name = "set server xitrum/app1-1"
    assert proxy.commands == [f"{name} state drain; {name} health down; {name} state ready"]


def test_a_server_without_checks_has_no_health_to_set():
    server = {"backend": "xitrum", "name": "a", "status": "MAINT", "checked": False}
    assert proxy_haproxy.build_command(server, "ready") == "set server xitrum/a state ready"


def test_an_unknown_server_is_refused_with_the_known_ones(proxy):
    plan = planned(desired(servers=["app1-0", "app9-0"]))
    assert "no server app9-0 in its backend xitrum: it has app1-0, app1-1." in plan.errors[0]
    assert plan.facts["missing"] == ["app9-0"]


def test_an_unknown_server_may_be_passed_over(proxy):
    plan = planned(desired(servers=["app1-0", "app9-0"], allow_missing=True))
    assert (list(plan.errors), plan.facts["missing"], len(plan.actions)) == ([], ["app9-0"], 1)


@pytest.mark.parametrize("state", ["ready", "drain"])
def test_only_a_server_in_maintenance_is_closed(proxy, state):
    assert "close goes with the state maint only" in planned(desired(state=state, close=True)).errors[0]


def test_a_server_of_another_backend_is_another_server(proxy):
    assert "has no server app1-0 in its backend discourse: it has discourse-0." in planned(desired(backend="discourse")).errors[0]


# ---------------------------------------------------------------------------------------------------------- reading

def test_connections_of_older_workers_count_and_no_others(proxy):
    servers = {row["name"]: row["sessions"] for row in proxy_haproxy.PROXY.read_view(host(), desired())}
    assert servers == {"app1-0": 0, "app1-1": 1, "discourse-0": 0}
    assert proxy_haproxy.find_older_peers(connections(CONNECTIONS), "99") == ["192.168.0.12:8001"]
    assert proxy_haproxy.find_older_peers(connections(CONNECTIONS), "101") == ["192.168.0.12:8001", "fd00::12:8001"]


def test_a_proxy_that_does_not_answer_is_reported(monkeypatch):
    def ask(_host, path, command, timeout=5.0):
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(haproxy_socket, "ask", ask)
    with pytest.raises(RuntimeError, match="does not answer on /run/haproxy/admin.sock"):
        proxy_server.read(host(), desired())


def test_a_command_that_is_refused_is_reported_with_haproxys_words(proxy):
    proxy.refuses.append("No such server.\n\n")
    want = desired()
    with pytest.raises(RuntimeError, match="'No such server.' to 'set server xitrum/app1-0 state drain'"):
        proxy_server.set_servers(host(), want, planned(want))


# ---------------------------------------------------------------------------------------------------------- waiting

class Proxy:
    """A back end that reports one thing after the other, and the last one for ever."""

    closes, probes = True, False
    service, config_path, has_socket = "haproxy", "/etc/haproxy/haproxy.cfg", True

    def __init__(self, *rows):
        self.rows = list(rows)
        self.closed = []

    def read_view(self, unused_host, unused_desired):
        row = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        return [{"backend": "xitrum", "name": "app1-0", "address": "a", "port": 1, "state": "ready", "status": "UP", "check": "L4CON", "healthy": True,
                 "sessions": 0, **row}]

    def close(self, unused_host, unused_desired, servers):
        self.closed += [row["name"] for row in servers]
        self.rows = [{**self.rows[0], "sessions": 0}]


def waited(monkeypatch, proxy, **more):
    monkeypatch.setitem(proxy_server.PROXIES, "haproxy", proxy)
    ticks = itertools.count()
    return proxy_server.wait(None, desired(timeout=3, **more), lambda: next(ticks), lambda seconds: None)


def test_ready_ends_when_the_proxy_counts_the_server_as_healthy(monkeypatch):
    result = waited(monkeypatch, Proxy({"healthy": False}, {"healthy": True}), state="ready")
    assert result["servers"][0]["healthy"]


def test_a_server_that_does_not_get_healthy_is_an_error_with_what_its_check_reports(monkeypatch):
    with pytest.raises(RuntimeError, match=r"after 3 s: xitrum/app1-0 \(a:1\) is DOWN, its health check reports L4CON"):
        waited(monkeypatch, Proxy({"healthy": False, "status": "DOWN"}), state="ready")


def test_a_drain_ends_when_nothing_is_left(monkeypatch):
    result = waited(monkeypatch, Proxy({"state": "drain", "sessions": 2}, {"state": "drain", "sessions": 0}))
    assert (result["open"], result["closed"]) == (0, 0)


def test_an_old_worker_that_answers_after_a_reload_is_no_lost_state(monkeypatch):
    proxy = Proxy({"state": "ready"}, {"state": "ready"}, {"state": "drain"})
    proxy.has_socket = False
    assert waited(monkeypatch, proxy)["servers"][0]["state"] == "drain"


@pytest.mark.parametrize("has_socket, answers", [(True, 1), (False, 3)])
def test_a_state_that_something_else_set_back_is_an_error(monkeypatch, has_socket, answers):
    proxy = Proxy(*[{"state": "ready", "sessions": 2}] * answers)
    proxy.has_socket = has_socket
    with pytest.raises(RuntimeError, match="something else set it back"):
        waited(monkeypatch, proxy, close=True)
    assert proxy.closed == []


def test_what_is_left_at_the_deadline_is_counted_and_no_error(monkeypatch):
    proxy = Proxy({"state": "drain", "sessions": 2})
    assert waited(monkeypatch, proxy)["open"] == 2
    assert proxy.closed == []


def test_a_call_that_is_to_return_closes_nothing_and_reports_what_is_left(monkeypatch):
    proxy = Proxy({"state": "maint", "sessions": 2})
    result = waited(monkeypatch, proxy, state="maint", close=True, return_after=1)
    assert (result["waiting"], result["open"], result["seconds"], proxy.closed) == (True, 2, 1, [])


def test_what_earlier_calls_have_waited_counts(monkeypatch):
    proxy = Proxy({"state": "maint", "sessions": 2})
    result = waited(monkeypatch, proxy, state="maint", close=True, return_after=1, waited=2.5)
    assert "waiting" not in result and (result["closed"], result["seconds"]) == (2, 4.5)
    with pytest.raises(RuntimeError, match="after 3 s: xitrum/app1-0"):
        waited(monkeypatch, Proxy({"healthy": False}), state="ready", return_after=1, waited=2.5)


def test_what_is_left_is_closed_where_that_was_requested(monkeypatch):
    proxy = Proxy({"state": "maint", "sessions": 2})
    result = waited(monkeypatch, proxy, state="maint", close=True)
    assert (result["open"], result["closed"], proxy.closed) == (0, 2, ["app1-0"])


def test_with_no_timeout_nothing_is_waited_for(monkeypatch):
    monkeypatch.setitem(proxy_server.PROXIES, "haproxy", Proxy({"healthy": False}))
    assert not proxy_server.wait(None, desired(timeout=0, state="ready"))["servers"][0]["healthy"]


def test_a_server_is_moved_only_where_it_comes_back_and_leads_elsewhere():
    row, state = {"name": "old1-0", "server": "app1-0", "address": "192.0.2.1", "port": 8000}, {"endpoints": {"app1-0": ["192.0.2.1:80"]}}
    assert proxy_server.is_moved(desired(state="ready"), state, row)
    assert not proxy_server.is_moved(desired(state="maint"), state, row)
    assert not proxy_server.is_moved(desired(state="ready"), {"endpoints": {"app1-0": ["192.0.2.1:8000"]}}, row)
    assert not proxy_server.is_moved(desired(state="ready"), {"endpoints": {}}, row)


def test_a_server_is_moved_before_it_is_enabled(proxy, monkeypatch):
    want = desired(servers=["app1-1"], state="ready", endpoints={"app1-1": "192.168.0.12:9001"})
    plan = planned(want)
    assert plan.after == "xitrum/app1-1 at 192.168.0.12:9001\nxitrum/app1-1 ready\n"
    with pytest.raises(RuntimeError, match=r"HAProxy has xitrum/app1-1 at \['192.168.0.12:8001'\], expected 192.168.0.12:9001"):
        proxy_server.set_servers(host(), want, plan)
    assert proxy.commands == ["set server xitrum/app1-1 addr 192.168.0.12 port 9001"]
    moves = []
    monkeypatch.setattr(proxy_haproxy.Haproxy, "move", lambda _self, unused, options, rows: moves.extend((row["name"], row["port"]) for row in rows))
    proxy_server.set_servers(host(), want, plan)
    assert moves == [("app1-1", 9001)] and proxy.commands[-1].endswith("set server xitrum/app1-1 state ready")


def test_a_server_is_found_by_where_it_leads_whatever_its_name(proxy):
    renamed = desired(servers=["web1-0"], allow_missing=True, endpoints={"web1-0": "192.168.0.12:8001"})
    plan = planned(renamed)
    assert [row.item for row in plan.rows] == ["xitrum/app1-1"] and plan.facts["missing"] == []
    elsewhere = planned(desired(servers=["web1-0"], allow_missing=True, endpoints={"web1-0": "192.168.0.99:8001"}))
    assert list(elsewhere.rows) == [] and elsewhere.facts["missing"] == ["web1-0"]
    host_by_name = FakeHost(commands={SS: CONNECTIONS}, names={"app1.example": ["192.168.0.12"]})
    by_name = proxy_server.read(host_by_name, desired(servers=["x"], endpoints={"x": "app1.example:8001"}))
    assert [row["name"] for row in by_name["servers"]] == ["app1-1"]


class Movable:
    """A back end whose servers, `name: (address, port)`, can be moved."""

    closes, probes = False, False
    service, config_path, has_socket = "haproxy", "/etc/haproxy/haproxy.cfg", True

    def __init__(self, **servers):
        self.rows = {name: {"backend": "xitrum", "name": name, "address": address, "port": port, "state": "ready", "healthy": True,
                            "status": "UP", "check": "", "sessions": 0} for name, (address, port) in servers.items()}

    def read_view(self, unused_host, unused_desired):
        return [dict(row) for row in self.rows.values()]

    def change(self, unused_host, options, rows):
        for row in rows:
            self.rows[row["name"]]["state"] = options["state"]

    def move(self, unused_host, unused_options, rows):
        for row in rows:
            self.rows[row["name"]].update(address=row["address"], port=row["port"])


def set_to(monkeypatch, fleet, server, state, **more):
    """What a run does at the proxy; the servers that it waited for, and the errors."""
    monkeypatch.setitem(proxy_server.PROXIES, "haproxy", fleet)
    want = desired(servers=[server], state=state, allow_missing=True, keep_healthy=state != "ready", **more)
    found = proxy_server.read(host(), want)
    plan = proxy_server.plan(want, found)
    if not plan.errors:
        proxy_server.set_servers(host(), want, plan)
    waits = proxy_server.wait(host(), proxy_server.choose_servers(want, found))
    return [row["name"] for row in waits["servers"]], list(plan.errors)


def test_renamed_hosts_with_another_port_come_back_at_it(monkeypatch):
    """Under its new port no server was found, and all of them stayed drained, one after the other."""
    fleet = Movable(old1_0=("192.0.2.1", 8000), old2_0=("192.0.2.2", 8000))
    before, after = {"new1-0": "192.0.2.1:8000"}, {"new1-0": "192.0.2.1:9000"}
    assert set_to(monkeypatch, fleet, "new1-0", "maint", endpoints=before, other_endpoints=after) == (["old1_0"], [])
    assert set_to(monkeypatch, fleet, "new1-0", "ready", endpoints=after, other_endpoints=before) == (["old1_0"], [])
    assert [(row["port"], row["state"]) for row in fleet.rows.values()] == [(9000, "ready"), (8000, "ready")]
    # And back, where the new release fails.
    assert set_to(monkeypatch, fleet, "new1-0", "maint", endpoints=before, other_endpoints=after) == (["old1_0"], [])
    assert set_to(monkeypatch, fleet, "new1-0", "ready", endpoints=before, other_endpoints=after) == (["old1_0"], [])
    assert [(row["port"], row["state"]) for row in fleet.rows.values()] == [(8000, "ready"), (8000, "ready")]


def test_ports_that_overlap_are_those_of_the_servers_with_the_names(monkeypatch):
    fleet = Movable(**{"app1-0": ("192.0.2.1", 8001), "app1-1": ("192.0.2.1", 8002)})
    before, after = ({f"app1-{index}": f"192.0.2.1:{port + index}" for index in (0, 1)} for port in (8001, 8000))
    for name in ("app1-0", "app1-1"):
        assert set_to(monkeypatch, fleet, name, "maint", endpoints=before, other_endpoints=after) == ([name], [])
        assert set_to(monkeypatch, fleet, name, "ready", endpoints=after, other_endpoints=before) == ([name], [])
    assert [row["port"] for row in fleet.rows.values()] == [8000, 8001]


def test_names_that_hosts_have_swapped_take_one_server_out(monkeypatch):
    fleet = Movable(**{f"{name}-0": (f"192.0.2.{number}", 8000) for number, name in enumerate("abc")})
    ends = {"a-0": "192.0.2.1:8000"}
    assert set_to(monkeypatch, fleet, "a-0", "maint", endpoints=ends) == (["b-0"], [])
    assert [row["state"] for row in fleet.rows.values()] == ["ready", "maint", "ready"]


def test_a_server_that_was_drained_and_is_missing_now_is_an_error(monkeypatch):
    fleet, ends = Movable(other=("192.0.2.2", 8000)), {"new1-0": "192.0.2.1:8000"}
    _servers, errors = set_to(monkeypatch, fleet, "new1-0", "ready", endpoints=ends, drained=["new1-0"])
    assert len(errors) == 1 and "no server new1-0 (192.0.2.1:8000) in its backend xitrum any more" in errors[0]
    assert set_to(monkeypatch, fleet, "new1-0", "ready", endpoints=ends) == ([], [])
    assert set_to(monkeypatch, fleet, "new1-0", "maint", endpoints=ends, drained=["new1-0"]) == ([], [])


# ------------------------------------------------------------------------------------------- who serves meanwhile


class Fleet:
    """A back end of several servers, `name: (state, healthy)`, that does what it is requested to."""

    closes, probes = False, False
    service, config_path, has_socket = "haproxy", "/etc/haproxy/haproxy.cfg", True

    def __init__(self, **servers):
        self.servers = servers

    def read_view(self, unused_host, unused_desired):
        return [
            {"backend": "xitrum", "name": name, "address": "192.0.2.1", "port": 8000 + number, "state": state, "healthy": healthy,
             "status": "UP" if healthy else "DOWN", "check": "", "sessions": 0}
            for number, (name, (state, healthy)) in enumerate(self.servers.items())
        ]

    def change(self, unused_host, options, rows):
        self.servers.update({row["name"]: (options["state"], False) for row in rows})


def guarded(monkeypatch, fleet, servers, **more):
    monkeypatch.setitem(proxy_server.PROXIES, "haproxy", fleet)
    want = desired(servers=servers, keep_healthy=True, **more)
    return want, proxy_server.plan(want, proxy_server.read(host(), want))


@pytest.mark.parametrize(
    "servers, leaving, refused",
    [
        ({"a": ("ready", True), "b": ("ready", True)}, [], False),
        ({"a": ("ready", True), "b": ("ready", False)}, [], True),
        ({"a": ("ready", True), "b": ("drain", False)}, [], True),
        ({"a": ("ready", True), "b": ("ready", True)}, ["a", "b"], False),
        ({"a": ("ready", True), "b": ("ready", True), "c": ("maint", False)}, ["a", "b"], True),
        # Nobody else is configured, and one that serves nobody may always go: a broken fleet can be repaired.
        ({"a": ("ready", True)}, [], False),
        ({"a": ("ready", False), "b": ("ready", False)}, [], False),
    ],
)
def test_the_last_that_serves_is_drained_only_with_all_others(monkeypatch, servers, leaving, refused):
    hint = "or restart all at once: -e xitrum_rollout_strategy=all_at_once"
    _want, plan = guarded(monkeypatch, Fleet(**servers), ["a"], leaving=leaving, hint=hint)
    assert ["none is enabled and healthy" in error for error in plan.errors] == ([True] if refused else [])
    if refused:
        assert plan.errors[0].endswith(f"Repair or enable one of them first, {hint}")
        _want, plan = guarded(monkeypatch, Fleet(**servers), ["a"], leaving=leaving)
        assert plan.errors[0].endswith("Repair or enable one of them first")
    _want, back = guarded(monkeypatch, Fleet(**servers), ["a"], state="ready")
    assert list(back.errors) == []


def test_of_two_hosts_that_leave_at_the_same_time_the_second_is_refused(monkeypatch):
    fleet = Fleet(a=("ready", True), b=("ready", True))
    first, second = (guarded(monkeypatch, fleet, [name]) for name in ("a", "b"))
    assert list(first[1].errors) == list(second[1].errors) == []
    proxy_server.set_servers(host(), *first)
    with pytest.raises(RuntimeError, match="b would be drained, and of the other servers of haproxy .a. none"):
        proxy_server.set_servers(host(), *second)
    assert fleet.servers["b"] == ("ready", True)


@pytest.mark.parametrize(("servers", "refused"), [
    ({"a": ("ready", True), "b": ("ready", True), "c": ("ready", True)}, ""),
    ({"a": ("ready", True), "b": ("ready", False), "c": ("ready", True)}, "b of an earlier batch was healthy"),
    ({"a": ("ready", True), "b": ("maint", False), "c": ("ready", True)}, "b of an earlier batch was healthy"),
    # One that the proxy does not know gets nothing from it.
    ({"a": ("ready", True), "c": ("ready", True)}, ""),
])
def test_no_batch_is_drained_while_an_instance_of_an_earlier_one_does_not_serve(monkeypatch, servers, refused):
    """A release that failed after a while was rolled out over all instances, one after the other."""
    fleet = Fleet(**servers)
    want, plan = guarded(monkeypatch, fleet, ["a"], earlier=["b"], timeout=5)
    assert list(plan.errors) == [], "c serves"
    now = itertools.count(0, 2)
    if not refused:
        proxy_server.set_servers(host(), want, plan, lambda: next(now), lambda _seconds: None)
        assert fleet.servers["a"] == ("drain", False)
        return
    with pytest.raises(RuntimeError, match=refused):
        proxy_server.set_servers(host(), want, plan, lambda: next(now), lambda _seconds: None)
    assert fleet.servers["a"] == ("ready", True)
    # Whoever goes back, and whoever is requested no guard, is not held up.
    for more in ({"state": "ready"}, {"keep_healthy": False}):
        want = {**want, **more}
        proxy_server.set_servers(host(), want, proxy_server.plan(want, proxy_server.read(host(), want)), lambda: next(now), lambda _seconds: None)


def test_an_instance_of_an_earlier_batch_that_is_restarting_is_waited_for(monkeypatch):
    fleet = Fleet(a=("ready", True), b=("ready", False), c=("ready", True))
    want, plan = guarded(monkeypatch, fleet, ["a"], earlier=["b"], timeout=60)
    proxy_server.set_servers(host(), want, plan, itertools.count().__next__, lambda _seconds: fleet.servers.update(b=("ready", True)))
    assert fleet.servers["a"] == ("drain", False)


def test_a_drain_that_was_set_back_is_an_error_and_closes_nothing(monkeypatch):
    proxy = Proxy({"state": "maint", "sessions": 2}, {"state": "ready", "sessions": 2})
    with pytest.raises(RuntimeError, match="xitrum/app1-0 is ready at haproxy, expected maint"):
        waited(monkeypatch, proxy, state="maint", close=True)
    assert proxy.closed == []


@pytest.mark.parametrize("software, state, left, noted", [
    ("nginx", "maint", 1, True), ("apache", "drain", 1, True),
    ("nginx", "maint", 0, False), ("nginx", "ready", 1, False), ("haproxy", "maint", 1, False),
])
def test_a_count_that_ss_cannot_give_is_a_note_where_the_proxy_does_not_count_itself(software, state, left, noted):
    there = FakeHost(commands={SS: (1, "", "ss: not permitted")})
    notes = proxy_server.find_drain_notes(there, {"software": software, "state": state}, left)
    assert ["a failure of ss" in note for note in notes] == ([True] if noted else [])
    fine = FakeHost(commands={SS: CONNECTIONS})
    assert proxy_server.find_drain_notes(fine, {"software": software, "state": state}, left) == []
