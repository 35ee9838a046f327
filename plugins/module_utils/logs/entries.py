# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log as entries: a line with its time, and the lines that continue it, such as a stack trace. Pure."""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple, Sequence

from ..core.untrusted_text import escape_text
from . import times

#: Characters of a line that are shown, and lines of one entry.
LONGEST, MOST_LINES = 4096, 1000

#: What continues a line: white space before it, and the lines of a stack trace that have none.
_CONTINUES = re.compile(
    r"[ \t]|$|(?:Caused by|Suppressed|Wrapped by): |\.\.\. [0-9]+ (?:more|common frames omitted)|"
    r"(?:[\w$]+\.)+[\w$]*(?:Exception|Error|Throwable)(?::|$)"
)


class Entry(NamedTuple):
    """A line, its continuation lines after it, and its time in seconds since the epoch; None where nobody knows it.

    own: whether the program wrote the time itself.
    """

    time: float | None
    text: str
    own: bool = False


def clean(raw: bytes) -> str:
    """A line as it is shown: control characters are escaped, and what is too long is cut."""
    text = raw.rstrip(b"\r").decode("utf-8", "surrogateescape")
    left = len(text) - LONGEST
    return escape_text(text) if left <= 0 else f"{escape_text(text[:LONGEST])}... ({left} more characters)"


def is_continuation(line: str) -> bool:
    """Whether a line without a time continues the one before it, by its looks alone."""
    return _CONTINUES.match(line) is not None


def build_entries(
    lines: Iterable[bytes], stamp: str, now: float, latest: float, last: Entry | None = None
) -> list[Entry]:
    """The entries of consecutive lines.

    stamp: as for `times.split_stamp`. latest: a time that no line is after: the file's. last: the entry before them,
    whose time a line without one has.
    """
    found: list[tuple[times.OwnTime | None, float | None, list[str]]] = []
    stamped = last is not None and last.own
    for raw in lines:
        arrival, line = times.split_stamp(clean(raw), stamp)
        own = times.parse_own_time(line, now)
        belongs = own is None and (is_continuation(line) or stamped and arrival is None)
        if belongs and found and len(found[-1][2]) < MOST_LINES:
            found[-1][2].append(line)
        else:
            found.append((own, arrival, [line]))
        stamped = own is not None or stamped and arrival is None
    return date_entries(found, latest, last)


def date_entries(
    found: Sequence[tuple[times.OwnTime | None, float | None, Sequence[str]]], latest: float, last: Entry | None
) -> list[Entry]:
    """The entries with their times. A time of day is that of the last day that fits what follows."""
    known: list[float | None] = []
    for own, arrival, _lines in reversed(found):
        if own is not None:
            latest = times.find_moment(own.seconds, latest) if own.of_day else own.seconds
            known.append(latest)
        else:
            known.append(arrival)
    before = last.time if last else None
    entries = []
    for (own, _arrival, lines), time in zip(found, reversed(known)):
        before = before if time is None else time
        entries.append(Entry(before, "\n".join(lines), own is not None))
    # An entry before the first one with a time came before that one.
    first = next((entry.time for entry in entries if entry.time is not None), None)
    return [entry if entry.time is not None else entry._replace(time=first) for entry in entries]


def find_first_entry(lines: Sequence[bytes], stamp: str, now: float) -> int:
    """The number of the first line that surely begins an entry, whatever is before it; the number of lines where none
    does: the lines before it may continue one that is further up."""
    plain = len(lines)
    for number, raw in enumerate(lines):
        arrival, line = times.split_stamp(clean(raw), stamp)
        if times.parse_own_time(line, now) is not None:
            return number
        if not is_continuation(line):
            if arrival is not None:
                return number
            plain = min(plain, number)
    # A file whose program writes no times at all.
    return plain
