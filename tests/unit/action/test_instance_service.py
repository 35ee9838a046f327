# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller prints while instances are waited for, and the result of several calls as that of one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.xitrum.host.plugins.action import instance_service

INSTANCES = [{"index": 0, "port": 8000}, {"index": 1, "port": 8001}]


def run(monkeypatch, answers, check_mode=False, **arguments):
    """The result, what each call of the module got, and what was printed."""
    given, printed, made = [], [], object.__new__(instance_service.ActionModule)
    made._task = SimpleNamespace(args={"name": "demo", "instances": INSTANCES, **arguments}, check_mode=check_mode, async_val=0, diff=False)
    made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    made._execute_module = lambda module_name, module_args, task_vars: given.append(module_args) or answers.pop(0)
    monkeypatch.setattr(instance_service.progress, "report", lambda *words: printed.append(words))
    return made.run(task_vars={"inventory_hostname": "app1"}), given, printed


def waiting(seconds, **more):
    return {"phase": "started", "seconds": seconds, "limit": 120, "launched": [0, 1], **more}


def test_a_restart_is_one_result_of_several_calls(monkeypatch):
    answers = [
        {"changed": True, "diff": "first", "seconds": {}, "waiting": waiting(5.2, faults={"0": "no", "1": "no"}), "warnings": ["a"]},
        {"changed": True, "diff": "", "seconds": {}, "waiting": waiting(10.3, faults={"1": "no"})},
        {"changed": True, "diff": "", "seconds": {"0": 6.0, "1": 11.0}, "cut": 0, "warnings": ["a", "b"]},
    ]
    result, given, printed = run(monkeypatch, answers, state="restarted", path="/ping")
    assert result == {"changed": True, "diff": "first", "seconds": {"0": 6.0, "1": 11.0}, "cut": 0, "warnings": ["a", "b"]}
    assert [call.get("resume", {}).get("seconds") for call in given] == [None, 5.2, 10.3]
    assert printed == [
        ("app1-0, app1-1", "restarted, waiting for /ping to answer 200", 5.2, 120),
        ("app1-1", "restarted, waiting for /ping to answer 200", 10.3, 120),
    ]


@pytest.mark.parametrize("arguments, report, text", [
    ({"state": "returned"}, waiting(3), "back to the earlier release, waiting for / to answer 200"),
    ({"state": "started"}, waiting(3, phase="running"), "runs, waiting for / to answer 200"),
    ({"state": "restarted", "status": 204}, waiting(121, late=True), "restarted, not healthy in time, restoring the earlier release"),
    ({"state": "absent"}, waiting(3, phase="drained", left=1), "draining, 1 connection left"),
    ({"state": "started", "watch": 60}, waiting(5, phase="watched", limit=60), "watched under live traffic"),
])
def test_what_is_waited_for(arguments, report, text):
    assert instance_service.describe({"instances": INSTANCES, **arguments}, "app1", report) == ("app1-0, app1-1", text)


def test_all_instances_of_a_host(monkeypatch):
    answers = [{"changed": True, "waiting": waiting(5, phase="drained", left=2)}, {"changed": True}]
    assert run(monkeypatch, answers, state="absent", instances=[])[2] == [("app1", "draining, 2 connections left", 5, 120)]


def test_a_failure_of_a_later_call_is_the_result(monkeypatch):
    answers = [{"changed": True, "waiting": waiting(5)}, {"failed": True, "changed": False, "msg": "not healthy"}]
    result, _given, _printed = run(monkeypatch, answers, state="restarted")
    assert result == {"failed": True, "changed": True, "msg": "not healthy"}


@pytest.mark.parametrize("more", [{"state": "drained"}, {"state": "restarted", "check_mode": True}])
def test_what_waits_for_nothing_is_called_as_it_is(monkeypatch, more):
    _result, given, _printed = run(monkeypatch, [{"changed": False}], **more)
    assert given == [{"name": "demo", "instances": INSTANCES, "state": more["state"]}]
