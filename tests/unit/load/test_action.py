# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of a load: it waits for no load for ever, and what it passes on masks nothing else."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.xitrum.host.plugins.action import connection_load as action
from ansible_collections.xitrum.host.plugins.module_utils.load import counts as load_counts
from ansible_collections.xitrum.host.plugins.module_utils.load import planning as load_plan

REPORTED = {"phase": "hold", "seconds": 1.0, "held_seconds": 0, "counts": load_counts.sum_counts([]), "deadline": 40.0}
GONE = {"failed": True, "msg": "its process 7 is gone"}


class Clock:
    """Time that passes only while one sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        assert self.now < 1000, "it would wait for ever"


@pytest.fixture
def clock(monkeypatch):
    """The time of the action."""
    found = Clock()
    monkeypatch.setattr(action, "time", found)
    return found


def half(respond, **arguments):
    """The action with a host that reports this, and what the host was queried."""
    made, calls = object.__new__(action.ActionModule), []
    made._task = SimpleNamespace(args=arguments, check_mode=False)
    made._display = SimpleNamespace(display=lambda text: None)
    made._execute_module = lambda module_name, module_args, task_vars: calls.append(module_args) or respond(module_args)
    return made, calls


def watched(respond):
    made, calls = half(respond)
    return made._watch("run", {"inventory_hostname": "proxy1"}, lambda state: False), [one["state"] for one in calls]


@pytest.mark.parametrize("answers", [[REPORTED], [REPORTED, GONE]])
def test_a_load_that_does_not_end_is_given_up_after_its_deadline(clock, answers):
    turns = itertools.cycle(answers)
    result, calls = watched(lambda calls: next(turns))
    assert result["failed"] and "after its deadline of 40 s" in result["msg"]
    assert REPORTED["deadline"] + load_plan.LEASE < clock.now < REPORTED["deadline"] + load_plan.LEASE + 10
    assert calls[-1] == "stopped"


def test_a_load_whose_process_is_gone_is_given_up_with_its_sentence(clock):
    result, calls = watched(lambda calls: GONE)
    assert (result["failed"], result["msg"]) == (True, GONE["msg"])
    assert calls == ["polled"] * action.FAILURES + ["stopped"]


def test_a_host_that_reports_nothing_is_given_up(clock):
    result, _calls = watched(lambda calls: {})
    assert result["failed"] and result["msg"]


def test_short_values_of_headers_mask_nothing_of_the_result(monkeypatch):
    """As the module does it: what is given is what is masked."""
    arguments = {"state": "planned", "headers": {"X-A": "x", "X-B": "1", "Cookie": "secret-one"}}
    made, calls = half(lambda calls: {}, **arguments)
    monkeypatch.setattr(action.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    made.run(task_vars={})
    given = {"headers": calls[0]["headers"]}
    checked = ModuleArgumentSpecValidator(load_plan.SPEC).validate(given)
    assert checked.error_messages == []
    assert load_plan.read_headers(checked.validated_parameters)["headers"] == arguments["headers"]
    result = {"run": "/run/xitrum.host-load-x1", "largest": 1001, "invocation": {"module_args": given}}
    shown = remove_values(result, checked._no_log_values)
    assert (shown["run"], shown["largest"]) == (result["run"], result["largest"])
    assert "secret-one" not in str(shown)


@pytest.mark.parametrize(("headers", "text"), [({}, ""), ("", ""), ('{"A": "b"}', '{"A": "b"}'), ({"A": 1}, '{"A": 1}')])
def test_headers_are_one_text(headers, text):
    assert action.to_text(headers) == text
