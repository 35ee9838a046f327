# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of our own in the table of an init that is not systemd."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import inittab, marked_block
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.sampled_from(["id:2:initdefault:", "# x00:2345:respawn:no", "", "x00:2:respawn:theirs", "  x01:23:wait:theirs"]), max_size=5)


@given(LINES)
def test_an_entry_has_an_id_of_its_own_and_goes_without_a_trace(lines):
    text = "".join(f"{line}\n" for line in lines)
    assert inittab.problem(text, "demo-runit") == ""
    once = inittab.with_entry(text, "demo-runit", "/etc/demo-runit/scan")
    assert len(set(inittab.ids(once)) - set(inittab.ids(text))) == 1
    assert len(inittab.ids(once)) == len(inittab.ids(text)) + 1
    assert inittab.with_entry(once, "demo-runit", "/etc/demo-runit/scan") == once
    assert marked_block.without(once, "demo-runit") == text


def test_an_entry_keeps_its_id_when_another_application_goes():
    both = inittab.with_entry(inittab.with_entry("", "a-runit", "a"), "b-runit", "b")
    alone = marked_block.without(both, "a-runit")
    assert inittab.with_entry(alone, "b-runit", "b") == alone
    assert inittab.ids(alone) == ["x01"]


def test_entries_of_two_applications_stay_where_they_are_and_so_does_what_is_between():
    both = inittab.with_entry(inittab.with_entry("", "a-runit", "a") + "t1:2:respawn:theirs\n", "b-runit", "b")
    for name, command in (("a-runit", "a"), ("b-runit", "b")):
        assert inittab.with_entry(both, name, command) == both


def test_an_entry_that_somebody_commented_out_or_whose_id_was_taken_is_made_anew():
    once = inittab.with_entry("", "a-runit", "a")
    assert inittab.with_entry(once.replace("x00:", "#x00:"), "a-runit", "a") == once
    taken = "x00:2:respawn:theirs\n" + once
    assert inittab.problem(taken, "a-runit") == ""
    assert inittab.ids(inittab.with_entry(taken, "a-runit", "a")) == ["x00", "x01"]
