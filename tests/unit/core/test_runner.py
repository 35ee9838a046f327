# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of modules share, with a module that is an object with two ends."""

from __future__ import annotations

import functools

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import runner as bodies
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan


class End(Exception):
    """A module that ended: how, and with what."""


class Module:
    def __init__(self, check_mode=False):
        self.check_mode = check_mode

    def fail_json(self, **said):
        raise End("failed", said)

    def exit_json(self, **said):
        raise End("well", said)


def ended(plan, apply, check_mode=False):
    with pytest.raises(End) as end:
        bodies.carry_out(Module(check_mode), plan, apply, lambda error: f"it is so: {error}", "/etc/x")
    return end.value.args


def refuse():
    raise OSError("no room")


def test_problems_are_told_line_by_line_and_nothing_is_done():
    how, said = ended(Plan(problems=["a", "b"], actions=[("write", "x")]), refuse)
    assert (how, said["msg"], said["changed"]) == ("failed", "a\nb", False)


@pytest.mark.parametrize(("plan", "message", "changed"), [
    (Plan(problems=["a", "b"]), "a\nb", False), (Plan(actions=[("write", "x")]), "it is so: no room", True),
])
def test_a_brief_failure_is_its_message_alone(plan, message, changed):
    with pytest.raises(End) as end:
        bodies.carry_out(Module(), plan, refuse, lambda error: f"it is so: {error}", brief=True)
    assert end.value.args == ("failed", {"msg": message, "changed": changed})


@pytest.mark.parametrize("plan, check_mode", [(Plan(), False), (Plan(actions=[("write", "x")]), True)])
def test_without_a_difference_and_in_check_mode_nothing_is_done(plan, check_mode):
    how, said = ended(plan, refuse, check_mode)
    assert (how, said["changed"], said["diff"]["after_header"]) == ("well", plan.changed, "/etc/x")


def test_what_was_done_may_say_more():
    assert ended(Plan(actions=[("write", "x")]), lambda: {"said": ["done"]})[1]["said"] == ["done"]


def test_an_error_of_the_system_is_told_as_the_module_describes_it():
    how, said = ended(Plan(actions=[("write", "x")]), refuse)
    assert (how, said["msg"]) == ("failed", "it is so: no room")


class Concern:
    """Of which a plan is given, and which notes what was done to it."""

    def __init__(self, plan, refuses=False):
        self.planned, self.refuses, self.done = plan, refuses, False

    def read(self, _host, wanted):
        return wanted

    def plan(self, _wanted, _state):
        return self.planned

    def apply(self, _host, _plan):
        if self.refuses:
            raise OSError("no room")
        self.done = True


def each(*concerns, check_mode=False, user=0, monkeypatch=None):
    monkeypatch.setattr(bodies.os, "geteuid", lambda: user)
    with pytest.raises(End) as end:
        bodies.finish_all(Module(check_mode), {
            str(number): functools.partial(bodies.settle_file, concern, "Limits", None, {"path": f"/etc/{number}"}, check_mode)
            for number, concern in enumerate(concerns)})
    return end.value.args


def test_several_are_done_in_turn(monkeypatch):
    first, second = Concern(Plan()), Concern(Plan(actions=["x"]))
    how, said = each(first, second, monkeypatch=monkeypatch)
    assert (how, said["changed"], first.done, second.done) == ("well", True, False, True)
    assert [part["after_header"] for part in said["diff"]] == ["/etc/0", "/etc/1"]


def test_several_are_only_told_in_check_mode(monkeypatch):
    both = [Concern(Plan(actions=["x"])), Concern(Plan(actions=["x"]))]
    how, said = each(*both, check_mode=True, monkeypatch=monkeypatch)
    assert (how, said["changed"], [one.done for one in both]) == ("well", True, [False, False])


@pytest.mark.parametrize("bad, message", [
    (Concern(Plan(actions=["x"], problems=["a", "b"])), "a\nb"), (Concern(Plan(actions=["x"]), refuses=True), "no room")])
def test_what_was_done_before_one_failed_is_told(bad, message, monkeypatch):
    first, last = Concern(Plan(actions=["x"])), Concern(Plan(actions=["x"]))
    how, said = each(first, bad, last, monkeypatch=monkeypatch)
    assert (how, said["msg"], said["changed"], first.done, last.done, "2" in said) == ("failed", message, True, True, False, False)


def test_what_cannot_be_read_after_another_was_done_does_not_lose_its_report(monkeypatch):
    first, second = Concern(Plan(actions=["x"])), Concern(Plan())

    def unreadable(_host, _wanted):
        raise IsADirectoryError("a directory")

    monkeypatch.setattr(second, "read", unreadable)
    how, said = each(first, second, monkeypatch=monkeypatch)
    assert (how, said["msg"], said["changed"], first.done) == ("failed", "1: a directory", True, True)


def test_another_user_than_root_is_told_what_to_do(monkeypatch):
    how, said = each(Concern(Plan(actions=["x"])), user=1000, monkeypatch=monkeypatch)
    assert (how, said["msg"]) == ("failed", "Limits are set by root only, and this module runs as another user: use become: true.")
