# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `logs`: the last lines of the instances' log files and of what they print, and those written since.
Read only.

A read returns where it ended, and the next one goes on from there, so that nothing of a reader stays on the host.
"""

from __future__ import annotations

import time
from typing import Any, Iterator, Mapping, NamedTuple

from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.name_lists import format_names
from ..core.plan import Draft, Plan
from ..core.untrusted_text import make_printable
from ..supervisor import table
from ..supervisor.contract import Output, fill
from ..supervisor.table import SUPERVISORS
from . import files, journal, matching
from .entries import Entry

NAME = "logs"

SPEC = {
    "name": {"type": "str", "required": True},
    "log_dir": {"type": "path", "required": True},
    "supervisor": table.OPTION,
    "instances": {"type": "list", "elements": "int", "default": []},
    "lines": {"type": "int", "default": 100},
    "since": {"type": "float", "default": 0},
    "grep": {"type": "str", "default": ""},
    "follow": {"type": "bool", "default": False},
    "positions": {"type": "dict"},
    "wait": {"type": "float", "default": 0},
}

#: Characters that a read returns at most.
MOST = 1 << 23

#: Seconds between two looks for new lines, and the longest wait for one.
PAUSE, MOST_SECONDS = 0.3, 15.0

#: Files that a note lists.
LISTED = 3

#: The kinds of what is read: the application's own log files, and what it prints.
LOG, OUTPUT = "log", "output"


class Source(NamedTuple):
    """One log of an instance: files, or the journal by a unit."""

    number: int
    kind: str
    path: str
    family: files.Family | None = None
    unit: str = ""

    @property
    def key(self) -> str:
        """What its position is kept by."""
        return f"{self.number} {self.kind} {self.unit or self.path}"


class Found(NamedTuple):
    """What was read of a host."""

    entries: list[tuple[Source, Entry]]
    positions: dict[str, Any]
    notes: list[str]
    more: bool = False


def list_sources(host: Host, desired: Mapping[str, Any], notes: list[str]) -> Iterator[Source]:
    """Each log of each instance. Why one cannot be read is added to the notes."""
    kept = SUPERVISORS[desired["supervisor"]].kept
    for index in desired["instances"]:
        folder = f"{desired['log_dir']}/{index}"
        try:
            for family in files.list_families(host, folder):
                yield Source(index, LOG, f"{folder}/{family.name}", family)
        except OSError as error:
            notes.append(describe_error(index, folder, error))
        words = {"name": desired["name"], "index": index, "log_dir": desired["log_dir"]}
        output = Output(fill(kept.path, **words), fill(kept.unit, **words), kept.rotated, kept.stamp)
        if output.unit:
            yield Source(index, OUTPUT, "", None, output.unit)
            continue
        try:
            found = files.read_family(host, output.path, output.rotated, output.stamp)
            yield Source(index, OUTPUT, output.path, found)
        except OSError as error:
            notes.append(describe_error(index, output.path, error))


def describe_error(index: int, path: str, error: OSError) -> str:
    """Why a log was not read, as a sentence."""
    return f"instance {index}: {path} was not read: {make_printable(str(error.strerror or error))}"


def describe_left_out(source: Source, left_out: Mapping[str, str]) -> list[str]:
    """The files of a log that were not read, as sentences: one for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        by_reason.setdefault(reason, []).append(make_printable(name))
    folder = source.path.rpartition("/")[0]
    return [
        f"instance {source.number}: in {folder}, {format_names(names, LISTED)} "
        f"{'was' if len(names) == 1 else 'were'} not read: {reason}"
        for reason, names in by_reason.items()
    ]


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> Found:
    """The last lines; with positions, those since, for which it waits."""
    del seen
    has_match = matching.compile_search(desired["grep"])

    def keep(entry: Entry) -> bool:
        return has_match(entry.text)

    if desired["positions"] is None:
        return read_last(host, desired, keep)
    deadline = time.monotonic() + min(desired["wait"], MOST_SECONDS)
    while True:
        found = read_next(host, desired, keep)
        desired = {**desired, "positions": found.positions}
        if found.entries or found.more or time.monotonic() >= deadline or not host.has_reader():
            return found
        time.sleep(PAUSE)


def read_last(host: Host, desired: Mapping[str, Any], keep: files.Keep) -> Found:
    """The last lines of each log, at most so many of each instance."""
    notes: list[str] = []
    found: dict[int, list[tuple[Source, Entry]]] = {}
    positions: dict[str, Any] = {}
    now, lines, since = time.time(), desired["lines"], desired["since"]
    for source in list_sources(host, desired, notes):
        try:
            if source.family is None:
                tail = journal.read_last(host, source.unit, lines, since, keep, bool(desired["grep"]), now)
            else:
                tail = files.read_last(host, source.family, lines, since, keep, now, desired["follow"])
        except OSError as error:
            notes.append(describe_error(source.number, source.path, error))
            continue
        positions[source.key] = tail.position
        found.setdefault(source.number, []).extend((source, entry) for entry in tail.entries)
        notes += describe_left_out(source, tail.left_out)
        if tail.cut:
            notes.append(
                f"instance {source.number}: {source.path or source.unit} is longer than is searched at once, and its "
                "older part was not: search on the host, or set logs_since"
            )
    chosen: list[tuple[Source, Entry]] = []
    for index, of_instance in found.items():
        of_instance.sort(key=lambda item: item[1].time or 0)
        kept = files.keep_last_lines([entry for _source, entry in of_instance], lines)
        if len(kept) < len(of_instance) and since:
            notes.append(f"instance {index}: only its last {lines} lines are shown; logs_lines sets how many")
        chosen += of_instance[len(of_instance) - len(kept) :]
    return Found(keep_newest(chosen, notes), positions, notes)


def read_next(host: Host, desired: Mapping[str, Any], keep: files.Keep) -> Found:
    """What was written since the positions."""
    notes: list[str] = []
    found: list[tuple[Source, Entry]] = []
    # That of a log which is not there now is kept: its folder may come back.
    before, more = desired["positions"], False
    positions: dict[str, Any] = dict(before)
    now = time.time()
    for source in list_sources(host, desired, notes):
        position = before.get(source.key) or {}
        try:
            if source.family is None:
                read_part = journal.read_next(host, source.unit, position, now)
            else:
                read_part = files.read_next(host, source.family, position, now)
        except OSError as error:
            notes.append(describe_error(source.number, source.path, error))
            continue
        positions[source.key] = read_part.position
        more = more or read_part.more
        found += [(source, entry) for entry in read_part.entries if keep(entry)]
    return Found(found, positions, notes, more)


def keep_newest(found: list[tuple[Source, Entry]], notes: list[str]) -> list[tuple[Source, Entry]]:
    """The newest entries that fit into one answer."""
    left, kept = MOST, []
    # Those of one moment stay in their order.
    for item in reversed(sorted(found, key=lambda one: one[1].time or 0)):
        left -= len(item[1].text) + 100
        if left < 0:
            notes.append(f"only the last {MOST >> 20} MiB are shown: set logs_lines, logs_grep or logs_instances")
            break
        kept.append(item)
    return kept[::-1]


def plan(desired: Desired, state: Found) -> Plan:
    """What was read, as data. Never an action, and no row: nothing is compared."""
    kind = SUPERVISORS[desired["supervisor"]]
    words = {"name": desired["name"], "index": "N", "log_dir": desired["log_dir"]}
    facts = {
        "entries": [[entry.time, source.number, source.kind, entry.text] for source, entry in state.entries],
        "positions": state.positions,
        "notes": list(state.notes),
        "more": state.more,
        "read_from": [f"{desired['log_dir']}/N/*.log", fill(kind.log, **words)],
    }
    return Draft(facts=facts).plan(desired, state)
