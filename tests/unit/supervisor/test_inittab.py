# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of our own in the table of an init that is not systemd."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils.core import marked_block
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import inittab
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.sampled_from(["id:2:initdefault:", "# x00:2345:respawn:no", "", "x00:2:respawn:theirs", "  x01:23:wait:theirs"]), max_size=5)


@given(LINES)
def test_an_entry_has_an_id_of_its_own_and_goes_without_a_trace(lines):
    text = "".join(f"{line}\n" for line in lines)
    assert inittab.find_error(text, "demo-runit") == ""
    once = inittab.put_entry(text, "demo-runit", "/etc/demo-runit/scan")
    assert len(set(inittab.list_ids(once)) - set(inittab.list_ids(text))) == 1
    assert len(inittab.list_ids(once)) == len(inittab.list_ids(text)) + 1
    assert inittab.put_entry(once, "demo-runit", "/etc/demo-runit/scan") == once
    assert marked_block.remove_block(once, "demo-runit") == text


def test_an_entry_keeps_its_id_when_another_application_goes():
    both = inittab.put_entry(inittab.put_entry("", "a-runit", "a"), "b-runit", "b")
    alone = marked_block.remove_block(both, "a-runit")
    assert inittab.put_entry(alone, "b-runit", "b") == alone
    assert inittab.list_ids(alone) == ["x01"]


def test_entries_of_two_applications_stay_where_they_are_and_so_does_what_is_between():
    both = inittab.put_entry(inittab.put_entry("", "a-runit", "a") + "t1:2:respawn:theirs\n", "b-runit", "b")
    for name, command in (("a-runit", "a"), ("b-runit", "b")):
        assert inittab.put_entry(both, name, command) == both


def test_an_entry_that_was_commented_out_or_whose_id_was_taken_is_made_again():
    once = inittab.put_entry("", "a-runit", "a")
    assert inittab.put_entry(once.replace("x00:", "#x00:"), "a-runit", "a") == once
    taken = "x00:2:respawn:theirs\n" + once
    assert inittab.find_error(taken, "a-runit") == ""
    assert inittab.list_ids(inittab.put_entry(taken, "a-runit", "a")) == ["x00", "x01"]


TABLE = ["# /etc/inittab", "id:2:initdefault:", "si::sysinit:/etc/init.d/rcS", "toolong:2:respawn:/bin/a",
         "x00:2:respawn:/bin/b", "x00:2:respawn:/bin/b", "", "  # x01:2:respawn:no", "1:2345:respawn:/sbin/getty 38400 tty1"]


@given(st.lists(st.sampled_from(TABLE), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_table_keeps_its_line_ends_and_comes_back_byte_for_byte(lines, end, ended):
    text = end.join(lines) + (end if ended else "")
    once = inittab.put_entry(text, "demo-runit", "/etc/demo-runit/scan")
    assert inittab.put_entry(once, "demo-runit", "/etc/demo-runit/scan") == once
    assert once.endswith("\n") == (text.endswith("\n") or not text)
    assert "\n" not in once.replace(marked_block.find_line_end(text), "")
    two = inittab.put_entry(once, "shop-runit", "/etc/shop-runit/scan")
    assert len(set(inittab.list_ids(two)) - set(inittab.list_ids(text))) == 2
    for first, second in (("demo-runit", "shop-runit"), ("shop-runit", "demo-runit")):
        assert marked_block.remove_block(marked_block.remove_block(two, first), second) == text


def test_an_entry_works_where_a_carriage_return_would_belong_to_its_command():
    """init gives a command with a semicolon to a shell, after exec, so that the carriage return behind it is not read."""
    once = inittab.put_entry("id:2:initdefault:\r\n", "a-runit", "/etc/a/scan")
    assert "\r\nx00:2345:respawn:/etc/a/scan;\r\n" in once
    assert "respawn:/etc/a/scan\n" in inittab.put_entry("id:2:initdefault:\n", "a-runit", "/etc/a/scan")


def test_a_table_that_an_editor_converted_has_one_entry_all_the_same():
    once = inittab.put_entry("id:2:initdefault:\n", "a-runit", "/etc/a/scan")
    converted = once.replace("\n", "\r\n")
    assert marked_block.has_block(converted, "a-runit")
    again = inittab.put_entry(converted, "a-runit", "/etc/a/scan")
    assert inittab.list_ids(again) == ["id", "x00"] and again.count("# BEGIN") == 1
    assert marked_block.remove_block(again, "a-runit") == "id:2:initdefault:\r\n"


def test_a_block_that_is_there_twice_is_there_once():
    once = inittab.put_entry("", "a-runit", "/etc/a/scan")
    twice = once + "t1:2:respawn:theirs\n" + once.replace("x00", "x01")
    assert inittab.put_entry(twice, "a-runit", "/etc/a/scan") == once + "t1:2:respawn:theirs\n"


def test_lines_after_a_mark_that_lost_its_other_half_are_not_taken_for_ours():
    once = inittab.put_entry("# BEGIN xitrum.host a-runit\nt1:2:respawn:theirs\n", "a-runit", "/etc/a/scan")
    assert "t1:2:respawn:theirs" in inittab.put_entry(once, "a-runit", "/etc/a/scan")
    assert marked_block.remove_block(once, "a-runit") == "# BEGIN xitrum.host a-runit\nt1:2:respawn:theirs\n"
