# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of modules share, with a module that is an object with two ends."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import runner
from ansible_collections.xitrum.host.plugins.module_utils.core.component import Applied, Brief, Execution
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan

from ..fake_host import FakeHost


class End(Exception):
    """A module that ended: how, and with what."""


class Module:
    def __init__(self, check_mode=False):
        self.check_mode = check_mode

    def fail_json(self, **arguments):
        raise End("failed", arguments)

    def exit_json(self, **arguments):
        raise End("well", arguments)


class Component:
    """Of which a plan is given, and which notes whether it was applied."""

    NAME = "limits"
    SPEC = {}

    def __init__(self, plan, apply=None, **execution):
        self.planned, self.act, self.done = plan, apply, False
        self.EXECUTION = Execution(**{"header": lambda desired: desired["path"], **execution})

    def read(self, _host, desired, _seen):
        return desired

    def plan(self, desired, state):
        return replace(self.planned, desired=desired, state=state)

    def apply(self, _host, _plan):
        results = self.act() if self.act else None
        self.done = True
        return Applied(results or {})


def describe_error(_host, _plan, error):
    return f"it is so: {error}"


def ended(plan, apply, check_mode=False, **execution):
    component = Component(plan, apply, **{"describe": describe_error, **execution})
    with pytest.raises(End) as end:
        runner.finish(Module(check_mode), lambda: runner.converge(component, FakeHost(), {"path": "/etc/x"}, check_mode))
    return end.value.args


def refuse():
    raise OSError("no room")


def test_errors_are_reported_line_by_line_and_nothing_is_done():
    how, result = ended(Plan(errors=["a", "b"], actions=[("write", "x")]), refuse)
    assert (how, result["msg"], result["changed"]) == ("failed", "a\nb", False)


@pytest.mark.parametrize(("plan", "message", "changed"), [
    (Plan(errors=["a", "b"]), "a\nb", False), (Plan(actions=[("write", "x")]), "it is so: no room", True),
])
def test_a_brief_failure_is_its_message_alone(plan, message, changed):
    assert ended(plan, refuse, brief=Brief.ALWAYS) == ("failed", {"msg": message, "changed": changed})


@pytest.mark.parametrize("plan, check_mode", [(Plan(), False), (Plan(actions=[("write", "x")]), True)])
def test_without_a_difference_and_in_check_mode_nothing_is_done(plan, check_mode):
    how, result = ended(plan, refuse, check_mode)
    assert (how, result["changed"], result["diff"]["after_header"]) == ("well", plan.changed, "/etc/x")


def test_what_was_done_may_report_more():
    assert ended(Plan(actions=[("write", "x")]), lambda: {"output": ["done"]})[1]["output"] == ["done"]


def test_an_error_of_the_system_is_reported_as_the_module_describes_it():
    how, result = ended(Plan(actions=[("write", "x")]), refuse)
    assert (how, result["msg"]) == ("failed", "it is so: no room")


def each(*components, check_mode=False, host=None):
    with pytest.raises(End) as end:
        runner.finish_all(Module(check_mode), {
            str(number): functools.partial(runner.converge, component, host or FakeHost(), {"path": f"/etc/{number}"}, check_mode)
            for number, component in enumerate(components)})
    return end.value.args


def test_several_are_done_one_after_the_other():
    first, second = Component(Plan()), Component(Plan(actions=["x"]))
    how, result = each(first, second)
    assert (how, result["changed"], first.done, second.done) == ("well", True, False, True)
    assert [part["after_header"] for part in result["diff"]] == ["/etc/0", "/etc/1"]


def test_several_are_only_reported_in_check_mode():
    both = [Component(Plan(actions=["x"])), Component(Plan(actions=["x"]))]
    how, result = each(*both, check_mode=True)
    assert (how, result["changed"], [one.done for one in both]) == ("well", True, [False, False])


@pytest.mark.parametrize("bad, message", [
    (Component(Plan(actions=["x"], errors=["a", "b"])), "a\nb"), (Component(Plan(actions=["x"]), refuse), "no room")])
def test_what_was_done_before_one_failed_is_reported(bad, message):
    first, last = Component(Plan(actions=["x"])), Component(Plan(actions=["x"]))
    how, result = each(first, bad, last)
    assert (how, result["msg"], result["changed"], first.done, last.done, "2" in result) == ("failed", message, True, True, False, False)


def test_what_cannot_be_read_after_another_was_done_does_not_lose_its_report(monkeypatch):
    first, second = Component(Plan(actions=["x"])), Component(Plan())

    def unreadable(_host, _desired, _seen):
        raise IsADirectoryError("a directory")

    monkeypatch.setattr(second, "read", unreadable)
    how, result = each(first, second)
    assert (how, result["msg"], result["changed"], first.done) == ("failed", "1: a directory", True, True)


def test_another_user_than_root_reads_what_to_do():
    host = FakeHost()
    host.is_root = lambda: False
    how, result = each(Component(Plan(actions=["x"]), root="Limits"), host=host)
    assert (how, result["msg"]) == ("failed", "Limits are set by root only, and this module runs as another user: use become: true")
