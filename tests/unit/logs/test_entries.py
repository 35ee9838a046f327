# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as entries: continuation lines, times that are missing, and control characters."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.logs.entries import LONGEST, Entry, build_entries, clean, find_first_entry

NOW = 1796097600.0
ERROR = b"""2026-12-01T03:00:00Z ERROR a.B: it failed
java.lang.IllegalStateException: no
\tat a.B.c(B.java:12)
Caused by: java.io.IOException: disk
\t... 12 more
and a line of its own text
2026-12-01T03:00:01Z INFO a.B: it goes on""".split(b"\n")


def entries(lines, stamp="", latest=NOW, last=None):
    return build_entries(lines, stamp, NOW, latest, last)


def test_a_stack_trace_stays_with_its_line():
    first, second = entries(ERROR)
    assert first.text.split("\n") == [line.decode() for line in ERROR[:6]]
    assert second == Entry(NOW - 3599, "2026-12-01T03:00:01Z INFO a.B: it goes on", True)


def test_lines_of_a_program_that_writes_no_times_are_entries_of_their_own():
    found = entries([b"[INFO] one", b"[INFO] two", b"\tmore of two", b"", b"three"])
    assert [entry.text for entry in found] == ["[INFO] one", "[INFO] two\n\tmore of two\n", "three"]
    assert {entry.time for entry in found} == {None}


def test_a_line_without_a_time_has_that_of_the_line_before():
    last = Entry(5.0, "", False)
    assert [entry.time for entry in entries([b"a", b"2026-12-01T03:00:00Z b"], last=last)] == [5.0, NOW - 3600]
    # What was read before ended within a stack trace.
    assert entries([b"\tat a.B", b"other"], last=Entry(5.0, "", True)) == [Entry(5.0, "\tat a.B\nother")]


def test_times_of_day_go_back_over_midnight(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    found = entries([b"23:59:59.000 a", b"00:00:01.000 b", b"03:59:59.000 c"])
    midnight = NOW - 4 * 3600
    assert [entry.time for entry in found] == [midnight - 1, midnight + 1, NOW - 1]


def test_a_supervisors_time_counts_where_the_line_has_none():
    found = entries([b"2026-12-01_03:00:05.0 plain", b"2026-12-01_03:00:06.0 2026-12-01T03:00:00Z own", b"2026-12-01_03:00:07.0 \tat a"], "svlogd")
    assert [(entry.time - NOW + 3600, entry.text) for entry in found] == [(5, "plain"), (0, "2026-12-01T03:00:00Z own\n\tat a")]


@pytest.mark.parametrize("line, shown", [
    (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"), (b"a\rb\r", "a\\rb"), (b"a\x00b", "a\\x00b"), ("a\u202eb\u2028c".encode(), "a\\u202eb\\u2028c"),
    (b"\xff\xfe", "\\xff\\xfe"), (b"tab\tstays", "tab\tstays"), ("Grüße".encode(), "Grüße"), (b"\xc2\x9b2J", "\\x9b2J"),
])
def test_control_characters_are_escaped(line, shown):
    assert clean(line) == shown


def test_a_huge_line_is_cut():
    assert clean(b"x" * 100000) == "x" * LONGEST + f"... ({100000 - LONGEST} more characters)"


def test_a_block_begins_with_the_first_line_that_has_a_time():
    assert find_first_entry([b"\tat a", b"text", b"2026-12-01T03:00:00Z b"], "", NOW) == 2
    assert find_first_entry([b"\tat a", b"text", b"more"], "", NOW) == 1
    assert find_first_entry([b"\tat a", b" b"], "", NOW) == 2
