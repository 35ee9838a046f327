# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run validates and plans for all its hosts at once, without a connection to one."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.xitrum.host.plugins.action import run_plan

from tests.docs.plugins import read_documentation
from tests.docs.role_variables import ROOT

from ..stubbed_plays import instance, read_of

OPTIONS = read_documentation(ROOT / "plugins/modules/run_plan.py")["options"]


def planned(kind, hostvars, hosts=None, reached=None, groups=None, needed=run_plan.GROUPS, limit=None, **options):
    """What the action returns in a play of these hosts. `groups` are those of the inventory, and the playbook works on those `needed`."""
    hosts = list(hostvars) if hosts is None else hosts
    task_vars = {
        **hostvars.get((hosts or ["localhost"])[0], {}), "inventory_hostname": (hosts or ["localhost"])[0], "hostvars": hostvars,
        "groups": groups if groups is not None else {"xitrum": list(hostvars)}, "ansible_play_hosts_all": hosts,
        "ansible_play_hosts": hosts if reached is None else reached, **({"ansible_limit": limit} if limit else {}),
    }
    made = object.__new__(run_plan.ActionModule)
    made._task = SimpleNamespace(args={"kind": kind, **options}, check_mode=False, async_val=0, diff=False)
    made._connection, made._loader = SimpleNamespace(_shell=None), DataLoader()
    made._templar = Templar(loader=made._loader, variables=task_vars)
    given = {"groups": list(needed), "patterns": None, "prefixes": None, "addresses": True, "deploy": False, "removes": False, "reports": False}
    return getattr(made, f"_plan_{kind}")({**given, **options}, task_vars)


def test_the_documentation_has_the_kinds_and_options():
    options = OPTIONS
    assert options["kind"]["choices"] == list(run_plan.KINDS)
    assert set(options) == run_plan.ActionModule._VALID_ARGS
    assert not run_plan.ActionModule._requires_connection


@pytest.mark.parametrize("groups", [{}, {"xitrum": [], "xitrum_proxy": []}, {"xitrum_decommissioned": ["old"]}])
def test_an_inventory_without_hosts_is_an_error(groups):
    found = planned("inventory", {}, groups=groups, prefixes=[])
    assert "no host in the groups xitrum and xitrum_proxy" in found["msg"] and found["rules"] == ["inventory.no-hosts"]


FLEET = {"xitrum": [f"app{number}" for number in range(1, 13)], "xitrum_proxy": ["proxy1"], "other": ["db1"]}


@pytest.mark.parametrize(("limit", "hosts", "needed", "expected"), [
    ("app1", ["app1"], ["xitrum"], ""),
    ("proxy1", ["proxy1"], run_plan.GROUPS, ""),
    ("proxy1", ["proxy1"], ["xitrum"],
     "--limit is 'proxy1': expected one or more hosts of the group xitrum, which are app1, app2, app3, app4, app5, app6, app7, app8, app9, app10 "
     "and 2 more. Choose other hosts, or run the playbook without --limit"),
    ("db1,localhost", ["localhost", "db1"], run_plan.GROUPS, "--limit is 'db1,localhost': expected one or more hosts of the groups xitrum, xitrum_proxy,"),
    ("\x1b[2J", ["db1"], ["xitrum"], "--limit is '\\x1b[2J': expected"),
])
def test_a_limit_without_a_host_that_the_playbook_works_on_is_an_error(limit, hosts, needed, expected):
    found = planned("inventory", {host: {} for host in hosts}, groups=FLEET, needed=needed, limit=limit)
    assert (found.get("rules"), found.get("msg", "").startswith(expected)) == (["inventory.limit"] if expected else None, True), found


def test_an_inventory_of_proxies_alone_is_none_for_a_playbook_of_applications():
    found = planned("inventory", {}, groups={"xitrum_proxy": ["proxy1"]}, needed=["xitrum"])
    assert found["rules"] == ["inventory.limit"] and found["msg"].startswith("The inventory has no host in the group xitrum, which")


@pytest.mark.parametrize(("pattern", "limit", "hosts", "rules"), [
    ("app1", None, ["localhost"], None), ("app1,app2", None, ["localhost"], None), ("xitrum", "app2", ["app2"], None),
    ("app99", None, ["localhost"], ["inventory.pattern"]), ("proxy1", None, ["localhost"], ["inventory.pattern"]),
    ("app1", "app2", ["app2"], ["inventory.pattern"]),
])
def test_a_variable_with_a_pattern_selects_a_host_of_the_run(pattern, limit, hosts, rules):
    found = planned("inventory", {host: {} for host in hosts}, groups=FLEET, needed=["xitrum"], limit=limit, patterns={"console_host": pattern})
    assert found.get("rules") == rules
    assert not rules or found["msg"].startswith(f"console_host is '{pattern}': expected one or more hosts of the group xitrum, which are app1,")


@pytest.mark.parametrize("prefixes", [None, ["logs_"]])
def test_a_misspelt_prefix_of_the_command_line_is_an_error_of_each_playbook(monkeypatch, prefixes):
    monkeypatch.setattr(run_plan.command_line, "list_variables", lambda: ["rolback_to", "log_lines", "xitrm_heap"])
    found = planned("inventory", {"app1": {}, "localhost": {}}, ["localhost"], groups={"xitrum": ["app1"]}, prefixes=prefixes)
    names = [line.split()[2] for line in found["msg"].splitlines()]
    assert (names, found["rules"]) == (["rolback_to", "xitrm_heap"] if prefixes is None else ["log_lines", "xitrm_heap"], ["variable.unknown"])


def test_with_a_limit_names_are_validated_of_its_hosts_alone():
    hostvars = {"app1": {"xitrum_heap": "1g"}, "app2": {"xitrum_heapp": "1g"}, "localhost": {}}
    for limit, hosts, rules in ((None, ["localhost"], ["variable.unknown"]), ("app2", ["app2"], ["variable.unknown"]), ("app1", ["app1"], None)):
        found = planned("inventory", hostvars, hosts=hosts, groups={"xitrum": ["app1", "app2"]}, limit=limit, prefixes=[])
        assert found.get("rules") == rules, limit


@pytest.mark.parametrize(("sources", "shown", "demo"), [
    ([], "The inventory has no host", False), (["/etc/ansible/hosts"], "The inventory /etc/ansible/hosts has", False),
    ([f"{os.getcwd()}/inventories/demo"], "The inventory inventories/demo has", True),
])
def test_the_message_names_the_inventory_and_how_to_start_the_demo(sources, shown, demo):
    message = run_plan.describe_no_hosts_error(sources)
    assert message.startswith(shown) and ("make demo" in message) is demo


def test_misspelt_names_of_all_groups_are_one_error():
    hostvars = {"app1": {"xitrum_pakage": 1}, "old": {"xitrum_heapp": 1}, "localhost": {"console_instnace": 1}, "other": {"xitrum_naem": 1}}
    groups = {"xitrum": ["app1"], "xitrum_decommissioned": ["old"], "others": ["other"]}
    found = planned("inventory", hostvars, ["localhost"], groups=groups, prefixes=["console_"])
    assert found["failed"] and [line.split()[2] for line in found["msg"].splitlines()] == ["console_instnace", "xitrum_heapp", "xitrum_pakage"]
    assert found["rules"] == ["variable.unknown"]
    assert planned("inventory", hostvars, ["localhost"], groups=groups) == {}, "the read of all hosts reports them"


def test_hosts_with_invalid_values_are_not_read():
    hostvars = {"app1": {}, "app2": {"xitrum_http_port": "80a"}, "app3": {"xitrum_package": 7, "xitrum_main_class": []}, "proxy1": {}}
    found = planned("values", hostvars, groups={"xitrum": ["app1", "app2", "app3"], "xitrum_proxy": ["proxy1"]}, addresses=False)
    assert found["hosts"][:1] == ["app1"] and "app2" not in found["hosts"] and "proxy1" in found["hosts"]
    assert found["package"][:2] == ["app1", "app2"] and "proxy1" not in found["package"]


def test_errors_of_all_hosts_are_one_message_without_an_escape_sequence():
    state = {"failed": True, "refused": True, "msg": "wrong \x1b[2J"}
    found = planned("errors", {"app1": {"xitrum_host_state": state}, "app2": {"xitrum_host_state": state}})
    assert found["failed"] and "\x1b" not in found["msg"] and found["msg"].count("wrong") == 1
    assert found["rules"] == ["variable.unusable"]


def test_errors_come_with_the_rules_that_they_break():
    machine = {"errors": ["no disk"], "broken_rules": {"no disk": "host.disk-space"}, "notes": []}
    host = {"xitrum_host_state": {"machine": machine}, "application_package_read": {"errors": ["no jar"], "rules": ["package.layout"]}}
    found = planned("errors", {"app1": {**host, "xitrum_heap": "lots"}, "app2": host})
    assert found["failed"] and found["rules"] == ["package.layout", "xitrum.heap", "host.disk-space"], found


def test_notes_and_what_a_proxy_has_disabled_are_by_host():
    host = {"machine": {"errors": [], "notes": ["not tested"]}, "instances": {"start": [{"index": 0}, {"index": 1}]}}
    proxy = {"proxy": {"rows": [{"item": "xitrum/app1-1", "effective": "MAINT"}], "errors": []}}
    hostvars = {"app1": {"xitrum_host_state": host}, "proxy1": {"xitrum_host_state": proxy}}
    groups = {"xitrum": ["app1"], "xitrum_proxy": ["proxy1"]}
    found = planned("errors", hostvars, groups=groups)
    assert not found.get("failed"), found
    assert found["notes"]["app1"][0] == "not tested" and set(found["notes"]) == {"app1", "proxy1"}
    assert found["disabled"] == {"app1": [{"index": 1}]}


def test_the_batches_begin_with_a_canary_and_know_what_each_goes_back_to():
    hostvars = {host: {"xitrum_host_state": read_of(instance()), "xitrum_rollout_batch": "100%"} for host in ("app1", "app2", "app3")}
    hostvars["app3"]["xitrum_host_state"]["instances"]["instances"][0]["healthy"] = False
    found = planned("batches", hostvars)["batches"]
    assert [(batch["label"], batch["canary"]) for batch in found] == [("app3-0", True), ("app1-0, app2-0", False)]
    assert found[0]["before"] == {"app3": [{"index": 0, "port": 8000, "folder": "old-1"}]}


def test_the_batches_follow_the_defaults_and_the_strategy():
    hostvars = {host: {"xitrum_host_state": read_of(instance())} for host in ("app1", "app2", "app3")}
    assert len(planned("batches", hostvars)["batches"]) == 3
    hostvars["app1"]["xitrum_rollout_strategy"] = "all_at_once"
    assert len(planned("batches", hostvars)["batches"]) == 1


def test_an_invalid_batch_is_an_error():
    with pytest.raises(ValueError, match="xitrum_rollout_batch is '0'"):
        planned("batches", {"app1": {"xitrum_host_state": read_of(instance()), "xitrum_rollout_batch": "0"}})


def read_as(overview):
    """The variable in which a host has what host_state_info read."""
    return {"application_releases_read": {"overview": overview}}


def releases(*names, healthy=()):
    return read_as({
        "releases": list(names), "current": names[-1], "previous": "", "healthy": list(healthy), "switched": [names[-1]], "running": [names[-1]],
        "examples": {}, "main_classes": dict.fromkeys(names, ["quickstart.Boot"])})


def test_all_hosts_go_back_to_a_release_that_they_have():
    hostvars = {host: releases("aa", "bb", healthy=["aa", "bb"]) for host in ("app1", "app2")}
    assert planned("rollback", hostvars)["package"]["release"] == "aa"
    hostvars["app1"]["rollback_to"] = "cc"
    found = planned("rollback", hostvars)
    assert found["failed"] and "app2 does not have the release cc" in found["msg"]


@pytest.mark.parametrize(("rule", "given", "hosts"), [
    ("different-releases", {}, [releases("aa", "cc", healthy=["aa", "cc"]), releases("bb", "cc", healthy=["bb", "cc"])]),
    ("main-class", {}, [read_as({**releases("aa", "bb", healthy=["aa", "bb"])["application_releases_read"]["overview"],
                             "main_classes": {"aa": ["a.Boot", "b.Boot"]}})]),
    ("mixed", {}, [releases("aa", "bb", healthy=["aa", "bb"]), releases("bb", "aa", healthy=["aa", "bb"])]),
    ("no-earlier", {}, [releases("aa", healthy=["aa"])]),
    ("no-healthy", {}, [releases("aa", "bb", healthy=["bb"])]),
    ("no-release", {}, [releases("")]),
    ("unknown", {"rollback_to": "cc"}, [releases("aa", "bb")]),
])
def test_each_reason_against_a_rollback_names_its_rule(rule, given, hosts):
    if rule == "no-release":
        hosts = [read_as({**hosts[0]["application_releases_read"]["overview"], "releases": [], "current": "", "switched": [], "running": []})]
    found = planned("rollback", {f"app{number}": {**given, **one} for number, one in enumerate(hosts, 1)})
    assert found["failed"] and set(found["rules"]) == {f"rollback.{rule}"}, found


def test_arguments_of_pip_are_split_from_their_credentials():
    found = planned("pip", {"app1": {"supervisor_supervisord_pip_arguments": "-i https://bob:s3cret@pypi.example.com/simple"}})
    assert "s3cret" not in found["arguments"] and "s3cret" in found["files"]["netrc"]
    assert planned("pip", {"app1": {}})["files"] == {}


def test_each_action_is_documented_next_to_the_modules():
    assert {path.stem for path in ROOT.glob("plugins/action/*.py")} <= {path.stem for path in ROOT.glob("plugins/modules/*.*")}


@pytest.mark.parametrize("admin, drift, found", [
    ("maint", False, {}), ("ready", False, {"app1": [{"index": 1, "port": 8001, "folder": "new-1"}]}),
    ("drain", False, {"app1": [{"index": 1, "port": 8001, "folder": "new-1"}]}), ("maint", True, {"app1": [{"index": 1, "port": 8001, "folder": "new-1"}]}),
])
def test_what_an_operator_stopped_is_disabled_at_proxies_that_forgot_it_or_are_about_to(admin, drift, found):
    stop = {"user": "ann", "host": "laptop", "since": 5}
    servers = [{"backend": "xitrum", "name": name, "admin": admin} for name in ("app1-0", "app1-1")]
    hostvars = {
        "app1": {"xitrum_host_state": read_of(instance(0, restart_reasons=()), instance(1, restart_reasons=(), running=False, stopped=stop))},
        "proxy1": {"xitrum_host_state": {"proxy": {"rows": [], "errors": [], "drift": drift, "servers": servers}}},
    }
    plan = planned("errors", hostvars, groups={"xitrum": ["app1"], "xitrum_proxy": ["proxy1"]})
    assert plan["stopped"] == found


@pytest.mark.parametrize("variables, hosts, chosen", [
    ({}, ["app1", "app2"], {"app1": [0, 1], "app2": [0, 1]}),
    ({"restart_instances": "app2-1"}, ["app1", "app2"], {"app2": [1]}),
    ({}, ["app2"], {"app2": [0, 1]}),
])
def test_the_instances_that_an_operator_chose(variables, hosts, chosen):
    hostvars = {host: {**variables, "xitrum_instances": 2, "xitrum_slots": False} for host in ("app1", "app2")}
    found = planned("operation", hostvars, hosts, verb="restart")
    assert (found["chosen"], found["one_by_one"]) == (chosen, bool(variables))
    assert found["servers"] == [f"{host}-{index}" for host in chosen for index in chosen[host]]


@pytest.mark.parametrize("value, rule", [("app3-0", "operation.unknown-instance"), ("", "operation.names"), ("app2-0", "operation.outside-limit")])
def test_an_instance_that_cannot_be_chosen_is_an_error_with_its_rule(value, rule):
    hostvars = {host: {"stop_instances": value, "xitrum_instances": 1, "xitrum_slots": False} for host in ("app1", "app2")}
    found = planned("operation", hostvars, ["app1"], verb="stop")
    assert found["failed"] and found["rules"] == [rule] and "stop_instances" in found["msg"]


def test_the_release_of_a_host_takes_the_place_of_a_package():
    read = {"releases": ["aa", "bb"], "current": "bb", "previous": "aa", "healthy": ["aa"], "switched": ["bb"], "running": ["bb"], "in_step": [],
            "last_run": {}, "examples": {}, "main_classes": {"bb": ["shop.Boot"]}}
    found = planned("installed", {"app1": {**read_as(read), "xitrum_main_class": ""}})
    assert (found["package"]["release"], found["package"]["main_class"], found["package"]["folder"]) == ("bb", "shop.Boot", "")
    mixed = {**read, "current": "aa", "switched": ["aa", "bb"], "running": ["aa", "bb"]}
    assert planned("installed", {"app1": {**read_as(mixed), "xitrum_main_class": "a.B"}})["package"]["release"] == "aa"
    bare = {**read, "releases": [], "current": "", "switched": [], "running": []}
    found = planned("installed", {"app1": {**read_as(bare), "xitrum_main_class": ""}})
    assert found["failed"] and found["rules"] == ["operation.not-installed"]


@pytest.mark.parametrize(("limit", "hosts"), [
    (None, ["app2", "app3"]), ("all", ["app2", "app3"]), ("app1", []), ("app1,app3", ["app3"]), ("*", ["app2", "app3"]),
    ("xitrum_decommissioned:!app2", ["app3"]), ("all:!app3", ["app2"]), ("a*2", ["app2"]), ("~app[13]", ["app3"])])
def test_decommissioned_hosts_are_those_that_the_limit_does_not_leave_out(limit, hosts):
    made = object.__new__(run_plan.ActionModule)
    made._loader = DataLoader()
    groups = {"all": ["app1", "app2", "app3"], "xitrum": ["app1"], "xitrum_decommissioned": ["app2", "app3"]}
    assert made._filter_limited(groups["xitrum_decommissioned"], {"groups": groups, "ansible_limit": limit}) == hosts
