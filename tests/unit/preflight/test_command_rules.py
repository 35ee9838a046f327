# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands and modules refuse on their own, not in a preflight check, names its rule: a case for each rule."""

from __future__ import annotations

import pathlib
import sys
import tempfile
from types import SimpleNamespace

import pytest
from ansible_collections.xitrum.host.plugins.action import console, report
from ansible_collections.xitrum.host.plugins.module_utils.application import one_off
from ansible_collections.xitrum.host.plugins.module_utils.core import host_record, recorded, runner
from ansible_collections.xitrum.host.plugins.module_utils.desired import logs
from ansible_collections.xitrum.host.plugins.module_utils.load import burst, fleet, planning
from ansible_collections.xitrum.host.plugins.module_utils.preflight import catalog
from ansible_collections.xitrum.host.plugins.module_utils.proxy import servers
from ansible_collections.xitrum.host.plugins.module_utils.removal import component as removal
from ansible_collections.xitrum.host.plugins.module_utils.removal import leftovers
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import push
from ansible_collections.xitrum.host.plugins.modules import connection_load
from ansible_collections.xitrum.host.plugins.modules import host_record as record_module
from ansible_collections.xitrum.host.plugins.plugin_utils import commands_once, log_stream

from ..fake_host import FakeHost
from ..load.test_fleet import DESIRED as LOADS
from ..load.test_fleet import GROUPS, HOSTS
from ..load.test_planning import DESIRED as LOAD
from ..load.test_planning import STATE as CLIENT

APPLICATION = {"name": "shop", "root": "/srv/shop", "log_dir": "/var/log/shop", "user": "shop"}
RECORD = {"packages": [], "supervisord": False, "application": APPLICATION}
NOTHING = {name: option.get("default") for name, option in leftovers.SPEC.items()}
SERVERS = {"servers": [], "others": [], "serving": [], "missing": [], "endpoints": {}}
KNOWN = {"host": "app1", "backend": "xitrum", "name": "app1-0", "server": "app1-0", "state": "ready", "healthy": True, "status": "UP",
         "address": "192.0.2.1", "port": 8000}


def rules_of(errors):
    return [error.rule for error in errors]


def of_command(**variables):
    found, errors = commands_once.read_command({"run_class": "shop.Migrate", **variables}, {"xitrum": ["app1"]}, ["app1"])
    assert found == {}, "nothing runs where something is wrong"
    return rules_of(errors)


def of_logs(**variables):
    return rules_of(logs.read_settings(variables, {"app1": 1}, ["app1"], 1e9)[1])


def acting(kind, **options):
    """The result of `report`, and of no host."""
    made = object.__new__(report.ActionModule)
    given = {"about": "status", "format": "table", "query": "", "runs": 20, **options}
    return getattr(made, f"_report_{kind}")(given, {"hostvars": options.get("hostvars", {}), "ansible_play_hosts_all": list(options.get("hostvars", {}))})


def of_question(**options):
    return acting("question", **options)["rules"]


def of_answer(query):
    return report.render_answer("status", {"format": "table", "query": query}, {"hosts": []}, {})["rules"]


def of_one_off(**read):
    state = {"folder": "", "release": "r1", "installed": [], "runner": False, "class_error": "", **read}
    return rules_of(one_off.plan({"instance": 0, "root": "/opt/shop", "main_class": "shop.Migrate"}, state).errors)


def of_push(**read):
    options = {"path": "/srv/shop", "remote": "origin", "branch": "main", "paths": [], "prefix": "heroku", "allow_uncommitted": False, "pending": False}
    return rules_of(push.plan(options, {"failed": "", "root": "/srv/shop", "uncommitted": [], "head": "1", "there": "1", **read}).errors)


def of_console(monkeypatch, terminal, **arguments):
    made = object.__new__(console.ActionModule)
    made._task = SimpleNamespace(args=arguments, check_mode=False, async_val=0)
    made._connection = SimpleNamespace(transport="local", _shell=SimpleNamespace(tmpdir=None))
    monkeypatch.setattr(console.ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(console, "find_terminal", lambda _pid: terminal)
    found = made.run(None, {"inventory_hostname": "app1"})
    assert found["failed"]
    return found["rules"]


def of_servers(read, **desired):
    spec = {name: option.get("default") for name, option in servers.SPEC.items()}
    return rules_of(servers.plan({**spec, "software": "haproxy", "servers": ["app1-0"], "state": "drain", **desired}, {**SERVERS, **read}).errors)


def of_load(**changes):
    return rules_of(planning.plan({**LOAD, **changes}, CLIENT).errors)


def of_fleet(**changes):
    found = fleet.plan_loads(HOSTS, GROUPS, "app1", {**LOADS, **changes})
    assert found["loads"] == {}
    return rules_of(found["errors"])


def of_burst(**changes):
    options = {name: option.get("default") for name, option in burst.SPEC.items()}
    return rules_of(burst.plan({**options, **changes}, {"nofile": 1000, "ports": 28000}).errors)


def of_failure(call):
    """The rules in the result of a module that fails."""
    with pytest.raises(runner.NotApplied) as failed:
        call()
    found = failed.value.results
    assert found["errors"] == [str(failed.value)] == list(found["broken_rules"])
    return list(found["broken_rules"].values())


def find_jdk_use_errors():
    state = removal.read(FakeHost({"/proc/sys/kernel/osrelease": "6.1.0\n"}), NOTHING)
    found = removal.summarize({**state, "jdks": {"jdk-21": [7]}})
    assert found["errors"] == list(found["broken_rules"])
    return list(found["broken_rules"].values())


def record_of(host):
    return of_failure(lambda: runner.converge(host_record, host, {**RECORD, "application": APPLICATION}, False))


def without_jmespath(monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    return of_question(query="hosts")


def of_files(name, find):
    """What is wrong with a folder that has a file of a name, and nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, name).write_text("", encoding="utf-8")
        return rules_of(find(folder))


DAMAGED = FakeHost({recorded.PATH: "{"})

CASES = {
    "command.arguments": lambda _: of_command(run_arguments="'a"),
    "command.class": lambda _: of_command(run_class="rm -rf /; $(id)"),
    "command.class-missing": lambda _: of_one_off(folder="/opt/shop/instances/0/r1", runner=True, class_error="no class shop.Migrate"),
    "command.host": lambda _: of_command(run_host="app9"),
    "command.instance": lambda _: of_command(run_instance="-1"),
    "command.no-runner": lambda _: of_one_off(folder="/opt/shop/instances/0/r1"),
    "command.not-installed": lambda _: of_one_off(),
    "command.timeout": lambda _: of_command(run_timeout="soon"),
    "console.connection": lambda patch: of_console(patch, "/dev/pts/1"),
    "console.save": lambda patch: of_console(patch, "", action="heap_dump"),
    "console.terminal": lambda patch: of_console(patch, ""),
    "history.runs": lambda _: of_question(about="history", runs="many"),
    "load.burst": lambda _: of_burst(connects=0),
    "load.burst-capacity": lambda _: of_burst(connects=500),
    "load.capacity": lambda _: of_load(connections=1 << 30, rate=1 << 30),
    "load.clients": lambda _: of_fleet(**{"from": ["nobody"]}),
    "load.headers": lambda _: of_load(headers={"Origin": ["a"]}),
    "load.label": lambda _: of_fleet(label="a/b"),
    "load.numbers": lambda _: of_load(rate=0),
    "load.path": lambda _: of_load(path="echo"),
    "load.report": lambda _: of_files("old.json", report.find_earlier_errors),
    "load.routes": lambda _: of_fleet(through=["tunnel"]),
    "load.run": lambda _: of_failure(lambda: connection_load.poll(FakeHost(), {"run": "/nowhere"}, False)),
    "load.targets": lambda _: of_load(targets=[]),
    "logs.follow": lambda _: of_logs(logs_follow="perhaps"),
    "logs.grep": lambda _: of_logs(logs_grep="(a"),
    "logs.lines": lambda _: of_logs(logs_lines=-1),
    "logs.save": lambda _: of_files("app1-0.log", lambda folder: log_stream.find_file_errors(folder, ["app1-0"])),
    "logs.since": lambda _: of_logs(logs_since="garbage"),
    "proxy.close-state": lambda _: of_servers({"servers": [KNOWN]}, close=True),
    "proxy.last-server": lambda _: of_servers({"servers": [KNOWN], "serving": ["app1-0"]}, keep_enabled=True),
    "proxy.server-lost": lambda _: of_servers({"missing": ["app1-0"]}, state="ready", allow_missing=True, drained=["app1-0"]),
    "proxy.server-missing": lambda _: of_servers({"missing": ["app9-0"]}),
    "question.expression": lambda _: of_question(query="hosts[?"),
    "question.format": lambda _: of_question(format="xml"),
    "question.package": without_jmespath,
    "removal.jdk-used": lambda _: find_jdk_use_errors(),
    "tree.push-remote": lambda _: of_push(failed="git ls-remote failed with exit code 128"),
    "tree.push-root": lambda _: of_push(root="/srv"),
}

#: Rules that have a case elsewhere as well: here in a module of their own.
MORE = {
    "host.folder-not-recorded": lambda: record_of(FakeHost({"/srv/shop/a": ""})),
    "host.record": lambda: record_of(DAMAGED),
    "load.burst": lambda: of_fleet(burst=-1),
    "load.path": lambda: of_fleet(path=""),
    "proxy.last-server": lambda: of_servers({"servers": [KNOWN], "serving": ["app1-0"], "others": ["app1-1"]}, keep_healthy=True),
    "question.expression": lambda: of_answer("join('', hosts[0])"),
    "tree.uncommitted": lambda: of_push(uncommitted=[("M ", "build.sbt")]),
}


@pytest.mark.parametrize("rule", CASES)
def test_what_a_command_refuses_names_its_rule(rule, monkeypatch):
    assert CASES[rule](monkeypatch) == [rule] and rule in catalog.BY_IDENTIFIER


@pytest.mark.parametrize("rule", MORE)
def test_the_same_rule_is_named_by_another_module(rule):
    assert MORE[rule]() == [rule]


def test_a_damaged_record_stops_a_removal_with_its_rule():
    assert of_failure(lambda: record_module.read(DAMAGED, NOTHING, False)) == ["host.record"]


def test_following_without_a_terminal_is_refused():
    assert rules_of(logs.find_follow_errors(["app1"], 5, False)) == ["logs.follow"]


def test_the_errors_of_a_load_test_are_reported_once_for_all_hosts():
    plan = {"errors": ["wrong"], "broken_rules": {"wrong": "load.path"}}
    found = acting("load_errors", hostvars={"app1": {report.LOAD_PLAN: plan}, "app2": {report.LOAD_PLAN: plan}, "app3": {}})
    assert found == {"failed": True, "msg": "wrong", "rules": ["load.path"]}
    assert acting("load_errors", hostvars={"app1": {}}) == {}


def test_what_keeps_a_server_in_after_the_plan_was_made_is_in_the_result():
    error = servers.RefusedError(servers.find_serving_errors(
        {"state": "drain", "keep_enabled": True, "keep_healthy": False, "software": "haproxy", "hint": ""},
        {"serving": ["app1-0"], "others": []}))
    assert list(error.results["broken_rules"].values()) == ["proxy.last-server"] and error.results["errors"] == [str(error)]
