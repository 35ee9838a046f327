# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of modules share, with a module that is an object with two ends."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import bodies
from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan


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


@pytest.mark.parametrize("plan, check_mode", [(Plan(), False), (Plan(actions=[("write", "x")]), True)])
def test_without_a_difference_and_in_check_mode_nothing_is_done(plan, check_mode):
    how, said = ended(plan, refuse, check_mode)
    assert (how, said["changed"], said["diff"]["after_header"]) == ("well", plan.changed, "/etc/x")


def test_what_was_done_may_say_more():
    assert ended(Plan(actions=[("write", "x")]), lambda: {"said": ["done"]})[1]["said"] == ["done"]


def test_an_error_of_the_system_is_told_as_the_module_describes_it():
    how, said = ended(Plan(actions=[("write", "x")]), refuse)
    assert (how, said["msg"]) == ("failed", "it is so: no room")
