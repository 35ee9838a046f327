# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `logs`: what it reads of instances under each supervisor, and where the next read goes on."""

from __future__ import annotations

import json

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.file_parts import FileInfo
from ansible_collections.xitrum.host.plugins.module_utils.desired.logs import WAIT_SECONDS
from ansible_collections.xitrum.host.plugins.module_utils.logs import component, journal
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS
from ansible_collections.xitrum.host.plugins.plugin_utils import log_stream

from ..fake_host import FakeHost

LINE = "2020-12-01T03:00:0{}Z {}\n"
UNIT = "_SYSTEMD_UNIT=app@0.service"
ASK = "journalctl " + " ".join(journal.OPTIONS)
STAMPS = {"": "", "svlogd": "2020-12-01_03:00:05.0 ", "tai64n": f"@{1606791605 + (1 << 62) + 10:016x}00000000 "}


def desired(**given):
    return {"name": "app", "log_dir": "/var/log/app", "supervisor": "rc.local", "instances": [0], "lines": 100, "since": 0.0, "grep": "",
            "follow": True, "positions": None, "wait": 0.0, **given}


def message(cursor, text, micros=1606791605000000):
    return json.dumps({"__CURSOR": cursor, "__REALTIME_TIMESTAMP": str(micros), "MESSAGE": text}) + "\n"


def read(host, **given):
    options = desired(**given)
    return component.plan(options, component.read(host, options)).report()


@pytest.mark.parametrize("kind", sorted(SUPERVISORS))
def test_the_log_and_the_output_are_read_under_each_supervisor(kind):
    kept = SUPERVISORS[kind].kept
    files = {"/var/log/app/0/xitrum.log": LINE.format(1, "logged")}
    commands = {}
    if kept.unit:
        commands = {f"{ASK} --lines=1": message("c0", "x"), f"{ASK} --lines=100 {UNIT}": message("c1", "printed"),
                    f"{ASK} --after-cursor=c1 {UNIT}": message("c2", "more")}
    else:
        path = kept.path.format(log_dir="/var/log/app", name="app", index=0)
        files[path] = f"{STAMPS[kept.stamp]}printed\n"
    host = FakeHost(files, commands)
    report = read(host, supervisor=kind)
    assert [entry[1:] for entry in report["entries"] if entry[2] == "log"] == [[0, "log", LINE.format(1, "logged").rstrip()]]
    (output,) = [entry for entry in report["entries"] if entry[2] == "output"]
    assert output[3] == "printed" and (output[0] == 1606791605 or not (kept.unit or kept.stamp))
    assert report["read_from"][1] == SUPERVISORS[kind].log.format(log_dir="/var/log/app", name="app", index="N")
    if not kept.unit:
        host.files[path] += "more\n"
    again = read(host, supervisor=kind, positions=report["positions"])
    assert [entry[3] for entry in again["entries"]] == ["more"]


def test_the_last_lines_of_an_instance_are_those_of_all_its_logs():
    files = {"/var/log/app/0/a.log": "".join(LINE.format(number, f"a{number}") for number in range(9)),
             "/var/log/app/0/b.log": "".join(LINE.format(number, f"b{number}") for number in range(0, 9, 3))}
    report = read(FakeHost(files), lines=4)
    assert [entry[3].split()[1] for entry in report["entries"]] == ["a6", "b6", "a7", "a8"]


def test_a_condition_is_one_on_whole_entries():
    files = {"/var/log/app/0/a.log": LINE.format(1, "first") + "\tat x.Y\n" + LINE.format(2, "second")}
    assert [entry[3].count("\n") for entry in read(FakeHost(files), grep="x\\.Y$")["entries"]] == [1]
    files = {"/var/log/app/0/a.log": LINE.format(1, "first")}
    assert read(FakeHost(files), grep="absent")["entries"] == []


def note_of(infos, files=None, **given):
    """The notes of a read of a folder that has further files."""
    host = FakeHost({"/var/log/app/0/a.log": LINE.format(1, "first"), **(files or {})})
    host.list_log_files = lambda folder: [info._replace(changed=2e9) for info in FakeHost.list_log_files(host, folder)] + (
        list(infos) if folder.endswith("/0") else [])
    return read(host, **given)["notes"]


def test_files_that_are_not_read_are_noted():
    bzip2 = [FileInfo(f"a.log.{number}.bz2", 10 + number, 9, 1e9 + number) for number in range(5)]
    assert note_of(bzip2) == [
        "instance 0: in /var/log/app/0, a.log.0.bz2, a.log.1.bz2, a.log.2.bz2 and 2 more were not read: compressed as bz2"]
    assert note_of(bzip2, since=1e9 + 4) == ["instance 0: in /var/log/app/0, a.log.4.bz2 was not read: compressed as bz2"]
    foreign = [FileInfo("b.log", 20, 9, 3e9, "the file of another user"), FileInfo("c.log", 21, 9, 1e9, "a link")]
    assert note_of(foreign) == ["instance 0: in /var/log/app/0, b.log was not read: the file of another user",
                                "instance 0: in /var/log/app/0, c.log was not read: a link"]
    assert note_of([*foreign[:1], *bzip2], lines=1) == ["instance 0: in /var/log/app/0, b.log was not read: the file of another user"]


def test_nothing_of_a_rotated_file_is_missing_where_newer_ones_have_all_lines():
    assert note_of([FileInfo("a.log.1.xz", 10, 9, 1e9)], lines=1) == []
    assert note_of([FileInfo("a.log.1.gz", 10, 9, 1e9)], {"/var/log/app/0/a.log.1.gz": ""}) == []


def test_a_new_line_is_found_and_printed_within_a_second():
    """Of a host that is being polled: the next look, the time that lines are held back for those of other hosts, and a turn of the printer."""
    assert component.PAUSE + log_stream.HELD_SECONDS * 1.25 < 1
    # An answer without lines comes before the host is taken for lost.
    assert WAIT_SECONDS < component.MOST_SECONDS <= 15 and log_stream.POLL_SECONDS < 1


def test_nothing_older_is_read():
    files = {"/var/log/app/0/a.log": LINE.format(1, "first") + LINE.format(5, "second")}
    host = FakeHost(files)
    host.list_log_files = lambda folder: [info._replace(changed=2e9) for info in FakeHost.list_log_files(host, folder)]
    assert [entry[3].split()[1] for entry in read(host, since=1606791603.0)["entries"]] == ["second"]


def test_messages_of_the_journal_that_are_no_text_are_read():
    raw = message("c1", [103, 0, 255, 27]) + message("c2", None) + "no json\n" + message("c3", "2020-12-01T03:00:00Z own\nsecond line")
    host = FakeHost({}, {f"{ASK} --lines=1": "", f"{ASK} --lines=100 {UNIT}": raw})
    report = read(host, supervisor="systemd")
    assert [(entry[0], entry[3]) for entry in report["entries"]] == [
        (1606791600.0, "2020-12-01T03:00:00Z own\nsecond line"), (1606791605.0, "g\\x00\\xff\\x1b\n")]
    assert report["positions"] == {"0 output app@0.service": {"cursor": "c3"}}


def test_an_empty_journal_is_followed_from_its_end_on():
    host = FakeHost({}, {f"{ASK} --lines=1": message("c9", "of others"), f"{ASK} --lines=100 {UNIT}": "",
                         f"{ASK} --after-cursor=c9 {UNIT}": message("c10", "first")})
    report = read(host, supervisor="systemd")
    assert report["entries"] == []
    assert [entry[3] for entry in read(host, supervisor="systemd", positions=report["positions"])["entries"]] == ["first"]


def test_one_answer_has_an_end(monkeypatch):
    monkeypatch.setattr(component, "MOST", 1000)
    files = {"/var/log/app/0/a.log": "".join(LINE.format(number, "x" * 150) for number in range(9))}
    report = read(FakeHost(files))
    assert 0 < len(report["entries"]) < 9 and report["entries"][-1][3].startswith("2020-12-01T03:00:08Z")
    assert report["notes"] == ["only the last 0 MiB are shown: set logs_lines, logs_grep or logs_instances"]


def test_a_folder_that_cannot_be_read_is_a_note(monkeypatch):
    host = FakeHost({"/var/log/app/output-0.log": "printed\n"})

    def refuse(folder):
        if folder.endswith("/0"):
            raise PermissionError(13, "Permission denied\x1b", folder)
        return FakeHost.list_log_files(host, folder)

    host.list_log_files = refuse
    report = read(host)
    assert report["notes"] == ["instance 0: /var/log/app/0 was not read: Permission denied\\x1b"]
    assert [entry[3] for entry in report["entries"]] == ["printed"]


def test_a_read_waits_until_nobody_reads_its_answer(monkeypatch):
    waits = []
    monkeypatch.setattr(component.time, "sleep", waits.append)
    host = FakeHost({"/var/log/app/0/a.log": LINE.format(1, "first")})
    positions = read(host)["positions"]
    host.has_reader = lambda: len(waits) < 3
    assert read(host, positions=positions, wait=10.0)["entries"] == [] and len(waits) == 3
