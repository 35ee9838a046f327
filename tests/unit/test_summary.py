# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a read means for a run, and what a person is told of it."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import summary
from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan, Row


def read_of(plan):
    """What host_state_info returns of a concern."""
    said = plan.report()
    said["differs"] = said.pop("changed")
    return said


def state(kernel=(), **instances):
    found = {"instances": [], "start": [], "restart": [], "surplus": [], **instances}
    return {
        "changed": False,
        "kernel": read_of(Plan(rows=[Row("kernel", "net.core.somaxconn", "1024", "1024", "4096")], actions=list(kernel))),
        "instances": read_of(Plan(rows=[Row("instance", "instance-0 nofile", "20000", "1024000", "1024/1024", "restart", "fixed at start")], facts=found)),
    }


@pytest.mark.parametrize("read, needed", [
    (state(), False),
    (state(kernel=["write"]), True),
    (state(start=[{"index": 0}]), True),
    (state(restart=[{"index": 0}]), True),
    (state(surplus=[{"index": 2}]), True),
    ({}, False),
    (None, False),
])
def test_whether_a_run_would_do_anything(read, needed):
    assert summary.needs_work(read) is needed


def test_what_is_still_open_names_the_host_the_value_and_the_reason():
    said = summary.open_work(state(kernel=["write"]), "app1")
    assert "app1" in said and "kernel" in said
    assert "instance-0 nofile: wanted 20000, configured 1024000, effective 1024/1024 (fixed at start)" in said


def test_the_fleet_in_one_screen():
    item = {"index": 0, "port": 8000, "running": True, "pid": 7, "release": "aaaaaaaaaaaa"}
    said = summary.fleet_summary({"app2": state(instances=[item]), "app1": state(instances=[item]), "app3": None}, False)
    assert said.startswith("3 hosts, 2 of 2 instances running, release aaaaaaaaaaaa")
    assert "Not reached: app3" in said
    line = next(line for line in said.splitlines() if line.startswith("nofile"))
    assert line.split() == ["nofile", "20000", "1024000", "1024/1024", "RESTART", "DUE", "app1:0", "app2:0", "fixed", "at", "start"]
    assert "1 more values are as wanted" in said


def test_everything_is_shown_on_request():
    line = next(line for line in summary.fleet_summary({"app1": state()}, False, True).splitlines() if line.startswith("net.core.somaxconn"))
    assert line.split() == ["net.core.somaxconn", "1024", "1024", "4096", "ok", "app1"]


def test_what_a_container_does_not_have_is_one_line():
    read = state()
    read["kernel"]["rows"] = [{**read["kernel"]["rows"][0], "item": item, "status": "absent"} for item in ("a.b", "c.d")]
    assert "not on this host: a.b, c.d (all hosts)" in summary.fleet_summary({"app1": read, "app2": read}, False)


def test_check_mode_says_that_it_only_would():
    assert summary.fleet_summary({"app1": state()}, True).startswith("Check mode")


def test_a_table_is_as_wide_as_its_widest_cells():
    assert summary.table(("a", "b"), [("long", 1)]) == ["a     b", "long  1"]


def found(**changes):
    """The findings of two hosts, of which one has what C(changes) say, and of one that was not reached."""
    return summary.findings({"app1": {**state(), **changes}, "app2": state(), "app3": None}, ["app1", "app2"])


def test_findings_are_flat_and_the_worst_come_first():
    levels = [item["level"] for item in found()]
    assert levels == sorted(levels, key=["bad", "note", "good"].index)
    assert {item["host"] for item in found()} == {"app1", "app2", "app3"}
    assert next(item for item in found() if item["host"] == "app3")["why"] == "it could not be reached"


def test_a_problem_and_an_instance_too_many_are_findings():
    machine = {"rows": [], "differs": False, "problems": ["port 8002 is held by nginx"]}
    assert "port 8002 is held by nginx" in [item["why"] for item in found(machine=machine)]
    assert "the inventory has fewer instances" in [item["why"] for item in found(**state(surplus=[{"index": 4}]))]


def test_a_user_who_is_not_root_does_not_see_what_it_cannot_know():
    machine = {"rows": [], "differs": False, "problems": ["port 8002 is held by somebody"], "uid": 1000}
    levels = {item["item"]: item["word"] for item in found(machine=machine) if item["host"] == "app1"}
    assert levels == {"net.core.somaxconn": "ok", "instance-0 nofile": "not seen", "machine": "not seen"}
    assert {item["mend"] for item in found(machine=machine) if item["word"] == "not seen"} == {"run with become"}


def test_a_host_that_could_not_be_read_says_why():
    said = summary.findings({"app1": {"failed": True, "msg": "no python"}}, ["app1"])
    assert said[0]["level"] == "bad" and "no python" in said[0]["why"]


@pytest.mark.parametrize("mend, line", [
    ("ansible-playbook site.yml", "ansible-playbook site.yml --limit app1"),
    ("", "ansible-playbook site.yml --limit app1"),
    ("renew it, then ansible-playbook site.yml", "renew it, then ansible-playbook site.yml --limit app1"),
    ("systemctl start firewalld", 'ansible app1 -b -m ansible.builtin.shell -a "systemctl start firewalld"'),
    ("sed -i '2s/^/# /' /etc/a.conf", """ansible app1 -b -m ansible.builtin.shell -a "sed -i '2s/^/# /' /etc/a.conf\""""),
    ("echo $HOME", "ansible app1 -b -m ansible.builtin.shell -a 'echo $HOME'"),
    ("set xitrum_proxy_max_connections", "set xitrum_proxy_max_connections"),
])
def test_a_mend_is_a_line_for_the_controller(mend, line):
    assert summary.finding("app1", {"concern": "a", "item": "b", "status": "differs", "mend": mend})["mend"] == line


def of_proxy(*items):
    """The read of a proxy that finds servers down, or a certificate that ends."""
    return {"haproxy": read_of(Plan(rows=[Row(concern, item, "UP", "", effective, "differs", "why") for concern, item, effective in items]))}


def test_what_follows_from_another_finding_is_not_red_as_well():
    pem = "/etc/site.pem"
    proxy = of_proxy(("haproxy", "xitrum/app1-0", "DOWN"), ("haproxy", "xitrum/app1-1", "DOWN"), ("haproxy", "xitrum/app1-0", "MAINT"),
                     ("haproxy", pem, ""), ("certificate", f"certificate {pem}", "2026-11-30"), ("certificate", "certificate /etc/other.pem", "2026-11-30"),
                     ("redirects", "port 80 (IPv6)", ""), ("redirects", "connection to ::1 port 80", ""), ("redirects", "connection to 127.0.0.1 port 80", ""))
    said = summary.findings({"app1": state(), "proxy1": proxy}, ["app1", "proxy1"])
    assert [(item["item"], item["effective"]) for item in said if item["host"] == "proxy1" and item["level"] == "bad"] == [
        ("xitrum/app1-1", "DOWN"), ("xitrum/app1-0", "MAINT"), (pem, ""), ("certificate /etc/other.pem", "2026-11-30"), ("port 80 (IPv6)", ""),
        ("connection to 127.0.0.1 port 80", "")]
    follows = [item for item in said if item["word"] == "follows"]
    assert [item["why"] for item in follows] == [
        "follows from app1 instance-0 nofile: why", f"follows from proxy1 {pem}: why", "follows from proxy1 port 80 (IPv6): why"]
    assert {item["mend"] for item in follows} == {""}


def test_the_check_shows_what_differs_and_the_mend_once():
    said = summary.check_table(found(), False)
    assert said.startswith("3 hosts, 5 values: 3 differ, 0 worth knowing, 2 as wanted")
    assert "app1 instance-0 nofile, app2 instance-0 nofile: fixed at start" in said
    assert "net.core.somaxconn" not in said
    assert "net.core.somaxconn" in summary.check_table(found(), True)
