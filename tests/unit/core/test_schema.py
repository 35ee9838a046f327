# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every record has a schema version, and one of another version, or of none, is refused with what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import (
    installed,
    run_lock,
    starts,
    step_record,
)
from ansible_collections.xitrum.host.plugins.module_utils.core import jobs, lock_record, operator_stops, recorded, schema
from ansible_collections.xitrum.host.plugins.module_utils.firewall import component as firewall
from ansible_collections.xitrum.host.plugins.module_utils.jdk import alternatives
from ansible_collections.xitrum.host.plugins.module_utils.kernel import component as kernel
from ansible_collections.xitrum.host.plugins.module_utils.load import run as load_run
from ansible_collections.xitrum.host.plugins.module_utils.package import java
from ansible_collections.xitrum.host.plugins.module_utils.redirects import leftovers
from ansible_collections.xitrum.host.plugins.plugin_utils import load_reports

from tests.unit.fake_host import FakeHost
from tests.unit.record_texts import record_text

ROOT = Path(__file__).parents[3]
INSTANCE = {"root": "/opt/demo", "name": "demo"}

#: Files that make JSON of something else than a record, and of what.
NO_RECORDS = {
    "module_utils/core/schema.py": "the helper itself",
    "module_utils/core/commands.py": "words of a command line",
    "module_utils/configuration/shared.py": "names of a configuration in HOCON",
    "module_utils/preflight/platforms.py": "a command line in a message",
    "module_utils/redirects/nft.py": "comparison of nft's own listing",
    "module_utils/package/contents.py": "the digest of a package",
    "plugin_utils/questions.py": "the answer to a question, which nothing reads back",
    "plugin_utils/held_locks.py": "messages between the processes of one run",
    "action/report.py": "the report of a check, which nothing reads back",
    "action/connection_load.py": "an option of a module",
    "plugin_utils/after_run.py": "messages between the processes of one run",
    "plugin_utils/log_stream.py": "messages between the processes of one run",
}


def error_of(read, *kinds):
    """The sentence of what `read` raises; empty where it raises nothing."""
    try:
        read()
    except kinds as error:
        return str(error)
    return ""


def read_lock(text):
    host, desired = FakeHost({lock_record.get_path("demo"): text}), {**INSTANCE, "break_lock": "", "seconds": 1, "holder": {"id": "a"}}
    return run_lock.find_refusal(desired, run_lock.read_state(host, desired))


def read_load(text, folder):
    (folder / "state.json").write_text(text)
    return error_of(lambda: load_run.read(str(folder), "state"), load_run.LoadError)


def read_job(text, folder):
    (folder / "command.json").write_text(text)
    return error_of(lambda: jobs.read(str(folder), "command"), jobs.JobError)


def read_report(text, folder):
    (folder / "run.json").write_text(text)
    return error_of(lambda: load_reports.read_earlier_reports(str(folder)), schema.VersionError, ValueError)


def read_release(text):
    host = FakeHost({installed.get_manifest_path("/opt/demo", "aa"): text, "/opt/demo/releases/aa/x": ""})
    return error_of(lambda: installed.list_installed(host, "/opt/demo"), RuntimeError)


#: Format to where its record is (a part of the path), and what reading a text of it reports.
READERS = {
    schema.BEFORE: (recorded.PATH, lambda text, _folder: error_of(lambda: recorded.read(FakeHost({recorded.PATH: text})), ValueError)),
    schema.KERNEL: (kernel.RECORD, lambda text, _folder: kernel.list_recorded_profiles(FakeHost({kernel.RECORD: text}))[1]),
    schema.ALTERNATIVES: (alternatives.RECORD, lambda text, _folder: alternatives.read_record(FakeHost({alternatives.RECORD: text}))[1]),
    schema.FIREWALL: (firewall.RECORD, lambda text, _folder: firewall.parse_record(text)[1]),
    schema.REDIRECTS: (leftovers.RECORD, lambda text, _folder: leftovers.find_error(text)),
    schema.LOCK: (lock_record.get_path("demo"), lambda text, _folder: read_lock(text)),
    schema.STEP: (step_record.get_path("demo"), lambda text, _folder: error_of(
        lambda: step_record.read_record(FakeHost({step_record.get_path("demo"): text}), "demo"), RuntimeError)),
    schema.STOPS: (operator_stops.get_path("demo"), lambda text, _folder: error_of(
        lambda: operator_stops.read_stops(FakeHost({operator_stops.get_path("demo"): text}), "demo"), RuntimeError)),
    schema.MANIFEST: (installed.get_manifest_path("/opt/demo", "aa"), lambda text, _folder: read_release(text)),
    schema.LOAD: ("/state.json", read_load),
    schema.JOB: ("/command.json", read_job),
    schema.LOAD_REPORT: ("/run.json", read_report),
}
#: Format to what is read of a text that is not used.
REBUILT = {
    schema.LOG_MARKS: lambda text, _path: starts.read_marks(FakeHost({starts.get_marks_path(INSTANCE, 0): text}), INSTANCE, 0),
    schema.JAR_SCANS: lambda text, path: (path.write_text(text), java.read_remembered_scans(str(path)))[1],
}
NOTHING = {schema.LOG_MARKS: {"time": 0.0, "log": (0, 0), "output": (0, 0)}, schema.JAR_SCANS: {}}
#: What a damaged record of these reports is not needed: what runs, and the files themselves, are read instead.
SILENT = (schema.STEP, schema.MANIFEST)

VERSIONS = [(2, "schema version 2"), (0, "schema version 0"), ("1", 'schema version "1"'), (True, "schema version true"), (None, "no schema version")]


def test_every_record_has_a_format_and_a_reader_here():
    formats = {value for value in vars(schema).values() if isinstance(value, schema.Format)}
    assert formats == set(schema.FORMATS) == {*READERS, *REBUILT}
    assert {one for one in formats if one.is_rebuilt} == set(REBUILT)
    assert len({one.name for one in formats}) == len(formats)


def test_nothing_else_writes_json():
    plugins = ROOT / "plugins"
    found = {str(path.relative_to(plugins)) for path in plugins.rglob("*.py") if re.search(r"json\.dumps?\b", path.read_text())}
    assert found <= set(NO_RECORDS), "a record is rendered by a format of core/schema.py"


@pytest.mark.parametrize("record", READERS, ids=lambda one: one.name)
@pytest.mark.parametrize("version, words", VERSIONS)
def test_a_record_of_another_version_is_refused_with_what_to_do(record, version, words, tmp_path):
    path, report = READERS[record]
    errors = report(json.dumps({} if version is None else {schema.KEY: version}), tmp_path)
    assert path in errors and words in errors and f"expected {record.version}" in errors
    # Of a lock, what to do is reported for a damaged one too.
    assert record.remedy in errors or (record is schema.LOCK and "run again with -e xitrum_break_lock=true" in errors)


@pytest.mark.parametrize("record", READERS, ids=lambda one: one.name)
@pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 99999])
def test_a_damaged_record_is_reported_or_not_needed(record, text, tmp_path):
    path, report = READERS[record]
    errors = report(text, tmp_path)
    assert errors == "" if record in SILENT else path in errors and "damaged" in errors


@pytest.mark.parametrize("record", REBUILT, ids=lambda one: one.name)
@pytest.mark.parametrize("version", [2, "1", True, None])
def test_what_only_saves_work_is_not_used_in_another_version(record, version, tmp_path):
    marks, scans = {"time": 5, "log": [1, 2], "output": [3, 4]}, {"digest Main": dict.fromkeys(java.SCAN_KEYS, 0)}
    content = marks if record is schema.LOG_MARKS else scans
    used = REBUILT[record](record_text(content), tmp_path / "jars.json")
    text = json.dumps(content) if version is None else record_text(content, version)
    assert REBUILT[record](text, tmp_path / "jars.json") == NOTHING[record] != used


@pytest.mark.parametrize("record", schema.FORMATS, ids=lambda one: one.name)
def test_a_record_is_read_as_it_was_written(record):
    text = record.render({"b": 1, "a": [2]})
    assert json.loads(text)[schema.KEY] == record.version
    assert record.parse(text, "/a") == {"b": 1, "a": [2]}
    assert list(record.parse(record.render({"b": 1, "a": 2}, is_sorted=False), "/a")) == ["b", "a"]
