# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a fleet: its document, which has a published schema, and the screen that is made of it."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.report import findings, schemas, status
from ansible_collections.xitrum.host.plugins.plugin_utils import fleet_reports, run_identity

from tests.docs.role_variables import ROOT
from tests.lib.questions import validate

from .status_fixture import app, application, down, fleet, front, instance, proxy, server, troubled


def document(hosts):
    """The document of hosts, which the published schema allows."""
    return validate(status.build_status_document(hosts, 4600), "status")


def test_a_fleet_that_is_well():
    found = document(fleet())
    assert (found["outcome"], found["errors"], found["schema_version"]) == ("ok", [], 1)
    assert [item["name"] for item in found["instances"]] == ["app1-0", "app1-1", "app2-0", "app2-1"]
    first = found["instances"][0]
    assert (first["started"], first["uptime_seconds"]) == ("1970-01-01T00:16:40Z", 3600)
    assert first["proxies"] == [{"name": "proxy1", "status": "UP", "serving": True}]
    assert (found["proxies"][0]["serving"], found["proxies"][0]["connections"]) == (True, 8)


def test_the_screen_of_a_fleet_that_is_well():
    assert status.render_status_table(document(fleet())).splitlines() == [
        "OK: 3 hosts, 4 of 4 instances healthy, release aaa (1970-01-01T01:16:40Z)",
        "",
        "host  instance  state    release  up since                    health  connections  memory   restarts (24 h)  proxies",
        *(f"{name[:4]}  {name}    running  aaa      1970-01-01T00:16:40Z (1 h)  200     5            300 MiB  0                UP"
          for name in ("app1-0", "app1-1", "app2-0", "app2-1")),
        "",
        "proxy   software        state    serving         connections",
        "proxy1  HAProxy 2.6.12  running  4 of 4 servers  8",
    ]


def test_what_is_wrong_comes_first():
    found = document(troubled())
    assert found["outcome"] == "degraded"
    assert [(item["name"], item["state"]) for item in found["instances"]] == [
        ("app1-1", "down"), ("app2-1", "unhealthy"), ("app1-0", "running"), ("app2-0", "running")]
    assert found["errors"] == [
        "app1-1 is down: no process runs, and release aaa is installed", "app2-1 is unhealthy: found 503 for its health page"]


@pytest.mark.parametrize("software", ["Nginx", "Apache"])
def test_a_proxy_that_counts_no_connections_is_shown(software):
    """Their servers have no such number: only HAProxy has a runtime socket."""
    uncounted = {name: value for name, value in server("app1-0").items() if name != "sessions"}
    found = document([app("app1", application(instance(0)), expected=1), front("proxy1", proxy(uncounted, title=software))])
    assert (found["outcome"], found["proxies"][0]["connections"], found["proxies"][0]["servers"][0]["connections"]) == ("ok", None, None)
    assert status.render_status_table(found).splitlines()[-1] == f"proxy1  {software} 2.6.12  running  1 of 1 servers  unknown"


def test_an_instance_that_a_proxy_leaves_out_is_an_error():
    hosts = [app("app1", application(instance(0))), front("proxy1", proxy(server("app1-0", admin="maint"), server("x-0"))),
             front("proxy2", proxy(server("app1-0")))]
    found = document(hosts)
    assert found["errors"] == ["app1-0 runs, and gets no requests from proxy1 (maint)"]
    assert "proxy1 maint, proxy2 UP" in status.render_status_table(found)


@pytest.mark.parametrize("lost, state, error", [
    ({"reached": False}, None, "it could not be reached"),
    ({}, {"unreachable": True, "msg": "x"}, "it could not be reached"),
    ({}, {"msg": "no \x1b sudo"}, "it could not be read: no \\x1b sudo"),
    ({}, None, "it could not be read: no reason was given"),
])
def test_the_instances_of_a_host_that_was_not_read_are_unknown(lost, state, error):
    found = document([*fleet()[1:], app("app1", state, **lost)])
    assert (found["outcome"], found["errors"]) == ("degraded", [f"app1: {error}"])
    assert [(item["name"], item["state"], item["port"]) for item in found["instances"][:2]] == [("app1-0", "unknown", None), ("app1-1", "unknown", None)]
    assert (found["hosts"][0]["name"], found["hosts"][0]["error"]) == ("app1", error)
    # Its proxies still have a view of it.
    assert found["instances"][0]["proxies"][0]["status"] == "UP"


@pytest.mark.parametrize("hosts", [
    [app("app1", application(down(0), down(1)))],
    [app("app1", application(instance(0))), front("proxy1", proxy(server("app1-0"), running=False))],
    [app("app1", application(instance(0))), front("proxy1", proxy(server("app1-0", status="DOWN")))],
])
def test_a_fleet_that_serves_nobody_is_down(hosts):
    assert document(hosts)["outcome"] == "down"


@pytest.mark.parametrize("more, sentence", [
    ({"running": False}, "proxy1: HAProxy does not run"), ({"set_up": False}, "proxy1: HAProxy is not set up"),
    ({"servers": []}, "proxy1: HAProxy has no healthy server"),
])
def test_a_proxy_that_serves_nobody_is_an_error(more, sentence):
    assert sentence in document([app("app1", application(instance(0))), front("proxy1", proxy(server("app1-0"), **more))])["errors"]


def test_what_an_operator_stopped_is_shown_and_no_error():
    stop = down(1, state="stopped", stopped_by_operator={"user": "ann", "host": "laptop", "since": 5})
    found = document([app("app1", application(instance(0), stop))])
    assert (found["outcome"], found["errors"]) == ("ok", [])
    assert status.render_status_table(found).splitlines()[-1] == "app1-1 was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z"


def test_a_fleet_of_which_all_is_stopped_is_down():
    stop = down(0, state="stopped", stopped_by_operator={"user": "ann", "host": "laptop", "since": 5})
    assert document([app("app1", application(stop))])["outcome"] == "down"


def test_an_idle_slot_is_no_error():
    found = document([app("app1", application(instance(0), down(1, state="idle")))])
    assert (found["outcome"], status.format_headline(found)[:42]) == ("ok", "OK: 1 host, 1 of 1 instances healthy, rele")


@pytest.mark.parametrize("more, line", [
    ({"lock": {"user": "ann", "host": "laptop", "since": 5}}, "app1 is locked by ann on laptop, since 1970-01-01T00:00:05Z"),
    ({"lock_fault": "it is not a record in JSON"}, "app1 has a lock that cannot be read: it is not a record in JSON"),
    ({"unfinished": True}, "app1: a run ended early; run the playbook again"),
])
def test_locks_are_shown(more, line):
    assert status.render_status_table(document([app("app1", application(instance(0), **more))])).splitlines()[-1] == line


def test_a_run_whose_process_has_ended_locks_nothing():
    hosts = [app(name, application(instance(0), lock={"id": f"b/{name}/1", "user": "ann", "host": "desk", "since": 5})) for name in ("app1", "app2")]
    found = validate(status.build_status_document(hosts, 4600, lambda lock: lock["id"] == "b/app2/1"), "status")
    assert [(host["lock"] is None, host["unfinished"]) for host in found["hosts"]] == [(False, False), (True, True)]
    assert status.render_status_table(found).splitlines()[-2:] == [
        "app1 is locked by ann on desk, since 1970-01-01T00:00:05Z", "app2: a run ended early; run the playbook again"]


def test_the_end_of_a_run_of_this_controller_is_found_out():
    own = run_identity.read_identity()
    lock = {**own, "id": f"{run_identity.read_boot()}/999999999/1", "since": 5}
    found = fleet_reports.build_status_document({"app1": {"xitrum_host_state": application(instance(0), lock=lock)}}, ["app1"], ["app1"], {"xitrum": ["app1"]})
    assert [(host["lock"], host["unfinished"]) for host in found["hosts"]] == [(None, True)]


def test_a_large_fleet_has_a_line_for_each_release():
    hosts = [app(f"app{number:02}", application(instance(0), instance(1, release="bbb" if number == 3 else "aaa"))) for number in range(30)]
    hosts.append(app("late", application(instance(0, restarts_last_day=2), down(1))))
    lines = status.render_status_table(document(hosts)).splitlines()
    assert len(lines) < 15
    assert [line.split()[1] for line in lines if line.startswith("late  ")] == ["late-1", "late-0"]
    assert ("59 more instances on 30 hosts, healthy, release aaa: up since 1970-01-01T00:16:40Z or later, 295 connections, "
            "at most 300 MiB each") in lines
    assert any(line.startswith("1 more instance on 1 host, healthy, release bbb: ") for line in lines)


def test_what_a_host_reports_is_escaped():
    hosts = [app("app1", application(instance(0, release="a\x1b[2J"))), front("proxy1", proxy(server("app1-0", status="\x9bUP", check="\u202e")))]
    found = document(hosts)
    assert "\x1b" not in status.render_status_table(found) and "\x9b" not in json.dumps(found, ensure_ascii=False)
    assert "\u202e" not in json.dumps(found, ensure_ascii=False)


def test_numbers_that_nobody_knows():
    found = document([app("app1", application(instance(0, restarts_last_day=None, connections=None)))])
    line = status.list_status_rows(found)[0]
    assert (line[6], line[8]) == ("unknown", "unknown")


@pytest.mark.parametrize("seconds, text", [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200000, "2 d")])
def test_a_duration_is_in_its_largest_unit(seconds, text):
    assert status.format_duration(seconds) == text


def test_every_state_has_its_place():
    assert set(status.STATES) == set(schemas.STATUS["properties"]["instances"]["items"]["properties"]["state"]["enum"])


@pytest.mark.parametrize("states, level, outcome", [
    ({"app1": {"kernel": {"rows": []}}}, "note", "in_sync"), ({"app1": {"kernel": {"rows": []}}}, "drift", "drift"),
    ({"app1": {"msg": "x"}}, "drift", "failed"), ({"app1": None}, "drift", "failed"), ({"app1": {"msg": "x", "refused": True}}, "drift", "invalid_input"),
    ({"app1": None, "app2": {"refused": True}}, "drift", "invalid_input"),
])
def test_the_outcome_of_a_check(states, level, outcome):
    assert findings.decide_outcome(states, [{"level": level}], list(states)) == outcome


def test_a_host_that_was_lost_fails_a_check():
    assert findings.decide_outcome({"app1": {"kernel": {"rows": []}}}, [], []) == "failed"


@pytest.mark.parametrize(("about", "schema"), [("status", schemas.STATUS), ("check", schemas.CHECK), ("history", schemas.HISTORY)])
def test_the_page_has_every_outcome_of_a_document(about, schema):
    """The schema's own values are tested against what the code decides: every document is validated."""
    page = (ROOT / "docs/how-to/query-status-and-check.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| the {about} |")]
    assert set(re.findall(r"`(\w+)`", row)) == set(schema["properties"]["outcome"]["enum"])
