# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log files on a real file system: their ends, and what is written to them while they are rotated."""

from __future__ import annotations

import gzip
import os
import shutil
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.logs import files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: Of the clock that the files are changed by.
NOW = float(int(time.time()))


def everything(_entry):
    return True


def stamp(number):
    """The time of a line, an hour ago: a line each second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 3600 + number))


class Log:
    """A log in a folder, and a reader that follows it."""

    def __init__(self, folder):
        self.folder, self.path, self.host = folder, folder / "app.log", Host()
        self.position, self.count, self.now = None, 0, NOW

    def write(self, count=1, end="\n", path=None):
        lines = [f"{stamp(number)} line {number}" for number in range(self.count, self.count + count)]
        self.count += count
        with open(path or self.path, "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + end)

    def family(self):
        return next(iter(files.list_families(self.host, str(self.folder))), files.Family(str(self.folder), "app.log"))

    def last(self, lines=1000, since=0.0, keep=everything, whole=True):
        tail = files.read_last(self.host, self.family(), lines, since, keep, self.now, whole)
        self.position = tail.position
        return numbers(tail.entries)

    def next(self):
        found, more = [], True
        while more:
            part = files.read_next(self.host, self.family(), self.position, self.now)
            self.position, more = part.position, part.more
            found += part.entries
        return numbers(found)


def numbers(entries):
    return [int(line.rpartition(" ")[2]) for entry in entries for line in entry.text.split("\n") if " line " in line]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


def test_a_log_is_found_by_the_names_of_its_files():
    assert [files.find_log_name(name) for name in (
        "xitrum.log", "xitrum.log.26-11", "xitrum.log.1", "xitrum.log.2.gz", "xitrum-2026-11-30.log", "xitrum.2026-11-30.3.log.gz", "output-0.log-20261130",
        "app.out", "core.hprof", "access_2026-11.log", "notes",
    )] == ["xitrum.log"] * 6 + ["output-0.log", "app.out", "", "access.log", ""]


def test_the_last_lines_are_read(log):
    log.write(100)
    assert log.last(3) == [97, 98, 99]


def test_rotated_files_are_read_as_far_as_it_takes(log):
    log.write(10)
    os.rename(log.path, f"{log.path}.1")
    with gzip.open(f"{log.path}.2.gz", "wt", encoding="utf-8") as file:
        file.write(f"{stamp(-1)} line -1\n")
    os.utime(f"{log.path}.2.gz", (NOW - 9999, NOW - 9999))
    os.utime(f"{log.path}.1", (NOW - 99, NOW - 99))
    log.write(5)
    assert log.last(8) == list(range(7, 15))
    assert log.last(100) == list(range(-1, 15))
    assert log.last(100, since=NOW - 3600 + 12) == [12, 13, 14]


def test_a_large_file_is_read_from_its_end_in_blocks(log, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 100)
    log.write(500)
    assert log.last(250) == list(range(250, 500))
    assert log.last(10 ** 6) == list(range(500))


def test_only_lines_that_match_count(log, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 1000)
    log.write(500)
    assert log.last(3, keep=lambda entry: entry.text.endswith("7")) == [477, 487, 497]


def test_a_search_ends_at_its_limit(log, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 1000)
    monkeypatch.setattr(files, "SEARCHED", 5000)
    log.write(2000)
    tail = files.read_last(log.host, log.family(), 10, 0, lambda entry: False, NOW, False)
    assert tail.cut and not tail.entries


def test_a_stack_trace_over_two_blocks_stays_with_its_line(log, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 64)
    log.write(1)
    with open(log.path, "a", encoding="utf-8") as file:
        file.write("java.lang.Error: x\n" + "".join(f"\tat a.B{number}\n" for number in range(50)))
    log.write(1)
    tail = files.read_last(log.host, log.family(), 100, 0, everything, NOW, True)
    assert [entry.text.count("\n") for entry in tail.entries] == [51, 0]


def test_a_line_without_an_end_is_read_when_it_has_one(log):
    log.write(2, end="")
    assert log.last() == [0] and log.next() == []
    with open(log.path, "a", encoding="utf-8") as file:
        file.write("\n")
    assert log.next() == [1] and log.next() == []
    log.write(1, end="")
    # Who does not follow gets it as it is.
    assert log.last(whole=False) == [0, 1, 2]


def rename(log):
    os.rename(log.path, f"{log.path}.1")


def rename_all(log):
    """As supervisord does: app.log.1 becomes app.log.2."""
    if os.path.exists(f"{log.path}.1"):
        os.rename(f"{log.path}.1", f"{log.path}.2")
    os.rename(log.path, f"{log.path}.1")


def copy_and_truncate(log):
    """As logrotate does for rc.local."""
    shutil.copyfile(log.path, f"{log.path}.1")
    os.truncate(log.path, 0)


def compress(log):
    """As logback does in the background."""
    with open(log.path, "rb") as file, gzip.open(f"{log.path}.{log.count}.gz", "wb") as zipped:
        shutil.copyfileobj(file, zipped)
    os.unlink(log.path)


@pytest.mark.parametrize("rotate", [rename, rename_all, copy_and_truncate, compress])
def test_following_goes_on_over_a_rotation(log, rotate):
    log.write(20)
    assert log.last(5) == [15, 16, 17, 18, 19]
    log.write(3)
    rotate(log)
    log.write(4)
    assert log.next() == list(range(20, 27))
    log.write(2)
    assert log.next() == [27, 28] and log.next() == []
    rotate(log)
    log.write(1)
    assert log.next() == [29]


def test_two_rotations_between_two_reads_lose_nothing(log):
    log.write(5)
    log.last()
    for _unused in range(3):
        log.write(5)
        rename_all(log)
    os.rename(f"{log.path}.2", f"{log.path}.3")
    log.write(1)
    # The first of them was replaced by a later one, as supervisord does with the last of its backups.
    assert log.next()[-6:] == [15, 16, 17, 18, 19, 20]


def test_a_copy_of_a_log_is_not_read(log):
    log.write(50)
    log.last()
    shutil.copyfile(log.path, f"{log.path}.bak")
    log.write(1)
    assert log.next() == [50] and log.next() == []


def test_a_file_that_is_compressed_later_is_read_once(log):
    log.write(50)
    log.last()
    rename(log)
    log.write(2)
    assert log.next() == [50, 51]
    with open(f"{log.path}.1", "rb") as file, gzip.open(f"{log.path}.1.gz", "wb") as zipped:
        shutil.copyfileobj(file, zipped)
    os.unlink(f"{log.path}.1")
    assert log.next() == []


def test_a_log_that_comes_later_is_read_from_its_begin(log):
    assert log.last() == []
    assert log.next() == []
    log.write(3)
    assert log.next() == [0, 1, 2]


def test_much_at_once_is_read_in_parts(log, monkeypatch):
    monkeypatch.setattr(files, "FORWARD", 1000)
    log.write(1)
    log.last()
    log.write(300)
    rename(log)
    log.write(300)
    assert log.next() == list(range(1, 601))


def test_a_huge_line_is_cut_and_the_next_one_is_whole(log, monkeypatch):
    monkeypatch.setattr(files, "FORWARD", 1 << 16)
    log.write(1)
    log.last()
    with open(log.path, "a", encoding="utf-8") as file:
        file.write("x" * 300000 + "\n")
    log.write(1)
    found, more = [], True
    while more:
        part = files.read_next(log.host, log.family(), log.position, NOW)
        log.position, more = part.position, part.more
        found += [line for entry in part.entries for line in entry.text.split("\n")]
    assert len(found) == 2 and found[0].startswith("xxx") and len(found[0]) < 5000 and found[1].endswith("line 1")


def test_no_link_is_followed(log, tmp_path_factory):
    secret = tmp_path_factory.mktemp("other") / "secret.log"
    secret.write_text(f"{stamp(0)} line 666\n", encoding="utf-8")
    log.write(1)
    (log.folder / "app.log.1").symlink_to(secret)
    (log.folder / "evil.log").symlink_to(secret)
    os.mkfifo(log.folder / "pipe.log")
    families = files.list_families(log.host, str(log.folder))
    assert [family.name for family in families if family.sort_newest_first()] == ["app.log"]
    assert {info.name: info.refused for family in families for info in family.files if info.refused} == {"app.log.1": "a link", "evil.log": "a link"}
    assert log.last() == [0]
    rename(log)
    log.path.symlink_to(secret)
    assert log.next() == []


ACTIONS = st.lists(st.sampled_from(["write", "partial", "read", "rename", "copy"]), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS)
def test_each_line_is_read_once_whatever_is_done(tmp_path_factory, actions):
    """But for a truncated file, each reading between two rotations: what a reader has not seen twice is gone."""
    log = Log(tmp_path_factory.mktemp("log"))
    log.write(3)
    found = log.last()
    rotations = 0
    for action in actions:
        if action == "write":
            log.write(2)
        elif action == "partial":
            log.write(1, end="")
            with open(log.path, "a", encoding="utf-8") as file:
                found += log.next()
                file.write("\n")
        elif action == "read":
            found += log.next()
        elif os.path.exists(log.path) and os.path.getsize(log.path):
            rotations += 1
            if action == "copy":
                found += log.next()
                shutil.copyfile(log.path, f"{log.path}.{rotations}")
                os.truncate(log.path, 0)
                found += log.next()
            else:
                os.rename(log.path, f"{log.path}.{rotations}")
    found += log.next()
    assert found == list(range(log.count))
