# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema versions of all records: files that the collection writes and reads back.

A record of another version, or of none, is refused: guessed wrongly, it would restore or remove the wrong things.
Whoever changes what a record holds raises its version here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .untrusted_text import make_printable, parse_json

#: The key of the version in a record.
KEY = "schema_version"


class VersionError(RuntimeError):
    """A record of another schema version, or of none, as a sentence with the file, both versions and what to do.
    `reason` has the versions alone."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class DamagedError(ValueError):
    """A text that is not a record, as a short reason."""


@dataclass(frozen=True)
class Format:
    """One kind of record.

    `name` is what it is for a person, `remedy` what to do about a file of another version. `is_rebuilt`: it only saves
    work, so a file of another version is replaced without a word.
    """

    name: str
    version: int
    remedy: str
    is_rebuilt: bool = False

    def parse(self, text: str, path: str) -> dict[str, Any]:
        """Return the record in the text of the file `path`, without its version.

        Raises DamagedError for a text that is not a JSON object, and VersionError for another version, or none.
        """
        try:
            found = parse_json(text)
        except ValueError as error:
            raise DamagedError(str(error)) from error
        if not isinstance(found, dict):
            raise DamagedError("it is not a record")
        version = found.pop(KEY, None)
        # True equals 1.
        if isinstance(version, bool) or version != self.version:
            given = "no schema version" if version is None else f"schema version {make_printable(json.dumps(version))}"
            reason = f"has {given}, expected {self.version}: another version of xitrum.host wrote it"
            raise VersionError(f"{path} ({self.name}) {reason}. {self.remedy}", f"it {reason}")
        return found

    def render(self, record: Mapping[str, Any], indent: int | None = None, is_sorted: bool = True) -> str:
        """Return the text of a record, with its version, as one line or indented. Unsorted keys keep their order."""
        return json.dumps({KEY: self.version, **record}, indent=indent, sort_keys=is_sorted) + "\n"


_SAME_VERSION = "Run the version of xitrum.host that wrote it"

BEFORE = Format(
    "what was on the host before the first change", 1,
    f"{_SAME_VERSION}, or move the file away; what is there today then counts as the host's own",
)
KERNEL = Format(
    "the kernel parameters before the first change", 1,
    f"{_SAME_VERSION}, or move the file away; the values of today then count as the host's own",
)
ALTERNATIVES = Format(
    "the choices of Java before the first change", 1,
    f"{_SAME_VERSION}, or move the file away; the choice of today then counts as the host's own",
)
FIREWALL = Format(
    "the ports that were opened", 1,
    f"{_SAME_VERSION}, or move the file away; what is open today stays open then",
)
REDIRECTS = Format(
    "the tables of the packet filter before the first redirect", 1,
    f"{_SAME_VERSION}, or move the file away; empty tables and chains of today stay then",
)
LOCK = Format(
    "the lock of a run", 1,
    "Where no run is at work on this host, run again with -e xitrum_break_lock=true",
)
STEP = Format(
    "the step of a rollout",
    1,
    f"{_SAME_VERSION} to end its rollout, or, where every instance runs and the proxies have all of them enabled, move "
    "the file away",
)
STOPS = Format(
    "the instances that an operator stopped", 1,
    f"{_SAME_VERSION}, or move the file away, and stop the instances again with stop.yml",
)
MANIFEST = Format(
    "the files of a release", 1,
    "Move the file away: the files of that release are then verified by their content",
)
LOAD = Format(
    "the state of a running load", 1,
    "Start the load again",
)
JOB = Format(
    "the state of a command in the background", 1,
    "Run the playbook again",
)
LOAD_REPORT = Format(
    "the report of a load test", 1,
    f"{_SAME_VERSION}, move the file away, or set load_test_report_dir to another folder",
)
#: How far an instance's logs were at its last start. Without it an error shows more of them.
LOG_MARKS = Format("the ends of an instance's logs", 1, "The next start writes it again", is_rebuilt=True)
#: What the jars of packages need, by their content, on the controller.
JAR_SCANS = Format("the scans of jars", 1, "The jars are scanned again", is_rebuilt=True)

#: Every format: a record that is missing here is one that no test covers.
FORMATS = (
    BEFORE, KERNEL, ALTERNATIVES, FIREWALL, REDIRECTS, LOCK, STEP, STOPS, MANIFEST, LOAD, JOB, LOAD_REPORT, LOG_MARKS,
    JAR_SCANS,
)
