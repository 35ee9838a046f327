# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check found, as a flat list and as a table."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from ansible.template import Templar
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import CHECK, RUN, BlockingError, Plan, Row
from ansible_collections.xitrum.host.plugins.module_utils.core.statuses import STATUSES
from ansible_collections.xitrum.host.plugins.module_utils.report import findings, fleet_summary
from ansible_collections.xitrum.host.plugins.plugin_utils import fleet_reports

from ..read_fixture import read_of, state

CAUSED = "caused by another finding"


def found(**changes):
    """The findings of two hosts, of which one has what `changes` report, and of one that was not reached."""
    return findings.list_findings({"app1": {**state(), **changes}, "app2": state(), "app3": None}, ["app1", "app2"])


def test_findings_are_flat_and_the_worst_come_first():
    levels = [item["level"] for item in found()]
    assert levels == sorted(levels, key=["drift", "note", "ok"].index)
    assert {item["host"] for item in found()} == {"app1", "app2", "app3"}
    assert next(item for item in found() if item["host"] == "app3")["why"] == "it could not be reached"


def test_an_error_and_an_instance_too_many_are_findings():
    machine = {"rows": [], "drift": False, "errors": ["port 8002 is held by nginx"]}
    assert "port 8002 is held by nginx" in [item["why"] for item in found(machine=machine)]
    assert "the inventory has fewer instances" in [item["why"] for item in found(**state(orphaned=[{"index": 4}]))]


def test_a_user_who_is_not_root_does_not_see_what_it_cannot_know():
    machine = {"rows": [], "drift": False, "errors": ["port 8002 is held by somebody"], "uid": 1000}
    levels = {item["item"]: item["status_text"] for item in found(machine=machine) if item["host"] == "app1"}
    assert levels == {"net.core.somaxconn": "ok", "instance-0 nofile": "not readable", "machine": "not readable"}
    assert {item["fix"] for item in found(machine=machine) if item["status_text"] == "not readable"} == {CHECK}


def test_a_refused_variable_is_no_unreadable_host():
    state = {"msg": "xitrum_slots is true: found 2 instances", "refused": True}
    assert findings.list_host_findings("app1", state, True)[0]["why"] == "xitrum_slots is true: found 2 instances"
    assert findings.list_host_findings("app1", {**state, "refused": False}, True)[0]["why"].startswith("it could not be read: ")


@pytest.mark.parametrize("fix, commands, typed", [
    ("", [], ""),
    (RUN, [], f"{RUN} --limit app1"),
    ("", [["nft", "delete", "rule", "inet", "t", "in", "handle", "4"]], 'ansible app1 -b -m ansible.builtin.shell -a "nft delete rule inet t in handle 4"'),
])
def test_a_port_that_is_not_reached_has_no_remedy_but_its_own(fix, commands, typed):
    row = Row("reach", "port 80 over the network", "reachable", "", "timed out", "drift", "blocked", fix, commands)
    (item,) = [
        item for item in findings.list_findings({"app1": {**state(), "reach": {"rows": [asdict(row)], "errors": []}}}, ["app1"])
        if item["component"] == "reach"]
    assert (item["level"], item["fix"]) == ("drift", typed)
    assert (RUN in findings.check_table([item], False)) == (fix == RUN)


def test_a_host_that_could_not_be_read_reports_why():
    result = findings.list_findings({"app1": {"failed": True, "msg": "no python"}}, ["app1"])
    assert result[0]["level"] == "drift" and "no python" in result[0]["why"]
    assert result[0]["fix"] == f"{RUN} --limit app1"


def test_a_host_that_did_not_answer_is_one_though_the_run_went_on():
    result = findings.list_findings({"app1": {"unreachable": True, "msg": "refused"}}, ["app1"], "-i fleet")
    assert (result[0]["why"], result[0]["fix"]) == ("it could not be reached", "ansible app1 -i fleet -m ansible.builtin.ping")


def test_an_error_that_a_row_reports_as_well_is_one_finding():
    result = read_of(Plan(rows=[Row("capacity", "connections", "9", "", "5", "drift", "too many", "xitrum_max_connections: 5")], errors=["too many"]))
    assert [item["fix"] for item in found(capacity=result) if item["why"] == "too many"] == ["xitrum_max_connections: 5"]


def test_every_finding_that_is_red_has_a_line_to_type_with_the_inventory():
    held = BlockingError("port 80 is held by nginx", ["systemctl", "disable", "--now", "nginx.service"])
    machine = {**Plan(errors=[held]).report(), "drift": False}
    result = findings.list_findings({"app1": {**state(orphaned=[{"index": 4}]), "machine": machine}, "app3": None}, ["app1"], "-i fleet")
    assert [item["fix"] for item in result if item["level"] == "drift"] == [
        "ansible-playbook -i fleet xitrum.host.site --limit app1",
        'ansible app1 -i fleet -b -m ansible.builtin.shell -a "systemctl disable --now nginx.service"',
        "ansible-playbook -i fleet xitrum.host.site --limit app1",
        "ansible app3 -i fleet -m ansible.builtin.ping"]


def test_the_text_of_an_error_is_never_a_command():
    """A name that somebody chose, in the words by which a command was once found."""
    texts = ["held by x (kill 1; curl evil)", "stop it (systemctl disable --now x;reboot)", "(nft delete table inet xitrum_host)", "(kill 1)"]
    machine = {**Plan(errors=texts).report(), "drift": False}
    result = findings.list_findings({"app1": {**state(), "machine": machine}}, ["app1"])
    assert {item["fix"] for item in result if item["why"] in texts} == {f"{RUN} --limit app1"}
    assert "ansible.builtin.shell" not in findings.check_table(result, True)


def test_what_a_run_of_ansible_itself_reports_is_shown_without_control_characters():
    message = "no route\x1b]52;c;Y3VybA==\x07 \x1b[2J \x9b31m a\rb \u202e \x00 \ufffe"
    (item,) = findings.list_findings({"app1": {"failed": True, "msg": message}}, ["app1"])
    assert item["why"] == r"it could not be read: no route\x1b]52;c;Y3VybA==\x07 \x1b[2J \x9b31m a\rb \u202e \x00 \ufffe"


def of_proxy(*items):
    """The read of a proxy that finds servers down, or a certificate that ends."""
    return {"proxy": read_of(Plan(rows=[Row(component, item, "UP", "", effective, "drift", "why") for component, item, effective in items]))}


def test_what_follows_from_another_finding_is_not_red_as_well():
    pem = "/etc/site.pem"
    proxy = of_proxy(("proxy", "xitrum/app1-0", "DOWN"), ("proxy", "xitrum/app1-1", "DOWN"), ("proxy", "xitrum/app1-0", "MAINT"),
                     ("proxy", pem, ""), ("certificate", f"certificate {pem}", "2026-11-30"), ("certificate", "certificate /etc/other.pem", "2026-11-30"),
                     ("redirects", "port 80 (IPv6)", ""), ("redirects", "connection to ::1 port 80", ""), ("redirects", "connection to 127.0.0.1 port 80", ""))
    result = findings.list_findings({"app1": state(), "proxy1": proxy}, ["app1", "proxy1"])
    assert [(item["item"], item["effective"]) for item in result if item["host"] == "proxy1" and item["level"] == "drift"] == [
        ("xitrum/app1-1", "DOWN"), ("xitrum/app1-0", "MAINT"), (pem, ""), ("certificate /etc/other.pem", "2026-11-30"), ("port 80 (IPv6)", ""),
        ("connection to 127.0.0.1 port 80", "")]
    follows = [item for item in result if item["status_text"] == CAUSED]
    assert [item["why"] for item in follows] == [
        "caused by app1 instance-0 nofile: why", f"caused by proxy1 {pem}: why", "caused by proxy1 port 80 (IPv6): why"]
    assert {item["fix"] for item in follows} == {""}


@pytest.mark.parametrize(("host", "server"), [("app1", "app1"), ("2001:db8::1", "2001_db8__1")])
def test_a_server_of_a_host_that_is_not_reached_follows_from_that(host, server):
    proxy = of_proxy(("proxy", f"xitrum/{server}-0", "DOWN"), ("proxy", f"forum/{server}", "DOWN"))
    result = findings.list_findings({host: None, "proxy1": proxy}, ["proxy1"])
    assert {item["item"]: item["status_text"] for item in result} == {"host": "DRIFT", f"xitrum/{server}-0": CAUSED, f"forum/{server}": "DRIFT"}
    result = findings.list_findings({host: state(), "proxy1": proxy}, [host, "proxy1"])
    assert [item["item"] for item in result if item["status_text"] == CAUSED] == [f"xitrum/{server}-0"]


def test_every_status_has_a_level_and_a_word():
    assert set(findings.LEVELS) == set(fleet_summary.WORDS) == set(STATUSES)


def test_what_a_host_reports_is_never_taken_for_a_template():
    result = fleet_reports.check_document({"app1": {"xitrum_host_state": {"msg": "{{ 6 * 7 }}"}}}, ["app1"], ["app1"])["findings"]
    templar = Templar(None, variables={"result": result})
    assert "{{ 6 * 7 }}" in templar.template(result)[0]["why"]


def test_the_check_shows_drift_and_the_fix_once():
    result = findings.check_table(found(), False)
    assert result.startswith("3 hosts, 5 values: 3 drift, 0 notes, 2 in sync")
    assert "app1 instance-0 nofile, app2 instance-0 nofile: fixed at start" in result
    assert "net.core.somaxconn" not in result
    assert "net.core.somaxconn" in findings.check_table(found(), True)


def test_the_check_shows_what_an_operator_stopped():
    row = Row("instance", "instance-1 process", "not running", "new", "not running", "stopped", "it was stopped by operator ann")
    result = findings.check_table(found(machine={"rows": [asdict(row)], "drift": False}), False)
    assert result.startswith("3 hosts, 6 values: 3 drift, 1 note, 2 in sync")
    assert "stopped by operator" in next(line for line in result.splitlines() if line.startswith("app1  instance-1 process"))
    assert "app1 instance-1 process: it was stopped by operator ann" in result


def rolled_back(kept):
    rows = [Row("release", "release", "aa", "bb", "bb", "drift", "leads elsewhere", RUN),
            Row("instance", "instance-0 folder", "aa-1", "bb-1", "bb-2", "restart_pending", "why", RUN),
            Row("instance", "instance-1 folder", "aa-1", "aa-1", "aa-0", "restart_pending", "why", RUN),
            Row("instance", "instance-0 nofile", "1", "1", "2", "restart_pending", "w", RUN)]
    kernel = read_of(Plan(rows=[Row("kernel", "net.core.somaxconn", "1", "", "2", "drift", "other", RUN)]))
    return {"release": read_of(Plan(rows=rows, facts={"kept": kept})), "kernel": kernel}


def test_no_line_brings_the_release_back_that_a_host_was_rolled_back_from():
    states = {"app1": rolled_back("bb"), "app2": rolled_back("")}
    result = findings.list_findings(states, ["app1", "app2"], "-i fleet", "-e a=1")
    rollback = "ansible-playbook -i fleet xitrum.host.rollback -e a=1 -e rollback_to=bb --limit app1"
    assert {(item["item"], item["level"]): item["fix"] for item in result if item["host"] == "app1"} == {
        ("release", "drift"): "xitrum_package: the package of release bb, which the host is to keep",
        # That another release runs is reported once; another configuration of it is not that.
        ("instance-0 folder", "note"): "",
        ("instance-1 folder", "drift"): rollback, ("instance-0 nofile", "drift"): rollback,
        ("net.core.somaxconn", "drift"): "ansible-playbook -i fleet xitrum.host.base -e a=1 --limit app1"}
    assert {item["fix"] for item in result if item["host"] == "app2"} == {
        "ansible-playbook -i fleet xitrum.host.site -e a=1 --limit app2"}


def test_the_lines_repeat_what_the_check_was_given(monkeypatch):
    secret = '{"xitrum_secure_key": "s3cret-s3cret", "xitrum_report_dir": "/r"}'
    given = {"inventory": ("/x",), "extra_vars": ("xitrum_http_port=9000", secret), "become_ask_pass": True}
    monkeypatch.setattr(fleet_reports.command_line.context, "CLIARGS", given)
    result = fleet_reports.check_document({"app1": {"xitrum_host_state": rolled_back("")}}, ["app1"], ["app1"], ["/y"])["findings"]
    assert {item["fix"] for item in result} == {
        "ansible-playbook -i /y --ask-become-pass xitrum.host.site -e xitrum_http_port=9000 "
        "-e '{\"xitrum_secure_key\": \"...\"}' --limit app1"}


@pytest.mark.parametrize("cause, status", [
    ("port 80 (IPv4)", CAUSED), ("port 80 (IPv6)", CAUSED), ("service", CAUSED), ("instance-0 process", CAUSED),
    ("port 80 in firewalld zone drop", CAUSED), ("port 443 (IPv4)", "DRIFT"), ("instance-0 backlog", "DRIFT"), ("", "DRIFT")])
def test_a_port_that_nobody_reaches_follows_from_what_is_not_there(cause, status):
    reach = {"component": "reach", "item": "port 80 over the network", "desired": "reachable", "configured": "", "effective": "refused from app2",
             "status": "drift", "why": "why", "fix": ""}
    rows = [{**reach, "component": "redirects", "item": cause, "effective": ""}] if cause else []
    result = found(reach={"rows": [reach], "drift": False}, redirects={"rows": rows, "drift": bool(rows), "errors": []})
    assert next(item["status_text"] for item in result if item["item"] == reach["item"]) == status
