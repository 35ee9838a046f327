# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of several hosts: their order, what is printed of them and saved, and following them over processes."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.xitrum.host.plugins.plugin_utils import log_stream
from ansible_collections.xitrum.host.plugins.plugin_utils.log_stream import Files, Line, Merger, Printer


def entry(moment, text, index=0, kind="log"):
    return [moment, index, kind, text]


def test_lines_are_merged_by_their_times_and_those_of_one_moment_stay_in_order():
    lines = [*log_stream.build_lines("app2", [entry(1.0, "b"), entry(3.0, "d")]),
             *log_stream.build_lines("app1", [entry(1.0, "z"), entry(1.0, "a"), entry(2, "c")])]
    assert [(line.instance, line.text) for line in sorted(lines)] == [("app1-0", "z"), ("app1-0", "a"), ("app2-0", "b"), ("app1-0", "c"), ("app2-0", "d")]


def test_no_line_can_be_one_of_another_instance():
    line = Line(1.0, "app1-0", 0, "log", "evil\napp2-0 | forged\r\x1b[2J")
    assert log_stream.render(line, 8) == ["app1-0   | evil", "app1-0   | app2-0 | forged\\r\\x1b[2J"]


def test_lines_are_held_for_older_ones_of_other_hosts():
    merger = Merger()
    merger.add("app1", [entry(10.0, "late")], 100.0, 0)
    merger.add("app2", [entry(9.0, "early"), entry(11.0, "later")], 100.2, 0)
    assert merger.take_ready(100.3) == []
    assert [line.text for line in merger.take_ready(100.45)] == ["early", "late"]
    assert [line.text for line in merger.take_ready(100.7)] == ["later"]
    assert merger.take_ready(200.0) == []


def test_a_line_without_a_time_is_where_it_came():
    merger = Merger()
    merger.add("app1", [entry(None, "x")], 1.0, 50.0)
    assert merger.take_ready(9.0)[0].time == 50.0


def test_secrets_of_the_inventory_are_mreads():
    found = {"xitrum_secure_key": "0123456789abcdef", "xitrum_metrics_api_key": "short", "xitrum_config": {"db": {"password": "correct horse"}},
             "xitrum_name": "application"}
    secrets = log_stream.find_secrets(found)
    assert secrets == ["0123456789abcdef", "correct horse"]
    assert log_stream.hide("key 0123456789abcdef, correct horse, application", secrets) == "key ********, ********, application"


def test_lines_are_saved_to_new_files_that_others_cannot_read(tmp_path):
    lines = log_stream.build_lines("app1", [entry(1.0, "a"), entry(2.0, "b", 1), entry(3.0, "p\x1b", 0, "output")])
    before = os.umask(0)
    try:
        Files(str(tmp_path)).save(lines)
    finally:
        os.umask(before)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "app1-0.log": "a\n", "app1-1.log": "b\n", "app1-0.output.log": "p\\x1b\n"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}
    with pytest.raises(FileExistsError):
        Files(str(tmp_path)).save(lines)
    Files(str(tmp_path), ["app1-0"]).save(lines[:1])
    assert (tmp_path / "app1-0.log").read_text(encoding="utf-8") == "a\na\n"
    assert "which has app1-0.log, app1-0.output.log already: files are not overwritten" in log_stream.find_file_errors(str(tmp_path), ["app1-0"])[0]
    assert list(log_stream.find_file_errors(str(tmp_path / "new/folder"), ["app1-0"])) == []
    assert not (tmp_path / "new").exists(), "it is made when lines are saved"
    Files(str(tmp_path / "new/folder")).save([])
    assert not (tmp_path / "new").exists()
    Files(str(tmp_path / "new/folder")).save(lines[:1])
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["app1-0.log"]
    assert "cannot be made" in log_stream.find_file_errors(str(tmp_path / "app1-0.log" / "x"), ["app1-0"])[0]


def test_all_lines_of_all_workers_are_printed_once_by_their_times():
    """Each worker is a thread here; the process that prints is a child, as in a run."""
    reading, writing = os.pipe()
    place = log_stream.make_socket_path()
    printer = Printer(lambda text: os.write(writing, f"{text}\n".encode()), 6, Files(""))
    log_stream.start_printer(place, printer, 3)
    os.close(writing)

    def work(host):
        with log_stream.connect(place) as link:
            for number in range(0, 100, 10):
                log_stream.send(link, {"host": host, "entries": [entry(number + one, f"{host} {number + one}") for one in range(10)], "notes": []})
                time.sleep(0.01)
            log_stream.send(link, {"host": host, "entries": [], "notes": ["gone\x1b"]})

    workers = [threading.Thread(target=work, args=(f"app{number}",)) for number in range(3)]
    for worker in workers:
        worker.start()
    with os.fdopen(reading, encoding="utf-8") as file:
        printed = file.read().splitlines()
    for worker in workers:
        worker.join()
    os.wait()
    lines = [line for line in printed if not line.startswith("[")]
    assert lines == [f"app{host}-0 | app{host} {number}" for number in range(100) for host in range(3)]
    assert sorted(set(printed) - set(lines)) == [f"[app{host}: gone\\x1b]" for host in range(3)]
    assert not os.path.exists(os.path.dirname(place))


def test_a_host_that_is_lost_is_tried_again_and_continued_where_it_was(monkeypatch):
    monkeypatch.setattr(log_stream, "LOST_SECONDS", 0.0)
    monkeypatch.setattr(log_stream, "POLL_SECONDS", 0.0)
    ours, theirs = socket.socketpair()
    reads = []

    def read(options):
        reads.append(options["positions"])
        if len(reads) in (2, 3):
            raise AnsibleConnectionFailure("no route")
        if len(reads) == 4:
            return {"failed": True, "msg": "no sudo\x1b"}
        if len(reads) == 6:
            theirs.close()
        return {"logs": {"entries": [entry(1.0, str(len(reads)))], "positions": {"at": len(reads)}, "notes": ["always"], "more": False}}

    with pytest.raises(AnsibleActionFail, match="has ended"):
        log_stream.follow("app1", {"positions": {"at": 0}}, read, ours, os.getppid())
    assert reads == [{"at": 0}, {"at": 1}, {"at": 1}, {"at": 1}, {"at": 1}, {"at": 5}]


def test_a_failure_of_the_component_is_reported():
    assert log_stream.read_report({"logs": {"rows": [{"why": "permission denied"}]}}) == ({}, "permission denied")
    assert log_stream.read_report({"msg": "no sudo", "failed": True}) == ({}, "no sudo")
    assert log_stream.read_report({"unreachable": True}) == ({}, "no reason was given")


def test_following_ends_with_the_controller():
    ours, _theirs = socket.socketpair()
    log_stream.follow("app1", {}, lambda options: {}, ours, os.getpid())
