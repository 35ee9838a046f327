# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in the background: its output is read once and whole, and whoever ends it or goes away, nothing of it is left."""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import sys
import tempfile
import time
import types

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import background_folder, job_poll, jobs
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.core.runner import NotApplied

SECONDS = 20


@pytest.fixture(autouse=True)
def fixture_folders(tmp_path, monkeypatch):
    """Jobs have their folders here."""
    (tmp_path / "jobs").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "jobs"))
    monkeypatch.setattr(jobs, "find_base", lambda: None)


def until(is_so):
    """Waits for something to be so."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def python(text):
    return [sys.executable, "-u", "-c", text]


def start(argv, **more):
    return Host().start_job(argv, {"PATH": os.environ["PATH"], "GIVEN": "äöü"}, **more)


def follow(folder):
    """All output of a job, and what it reports at its end."""
    output, position = "", 0
    while True:
        found = Host().poll_job(folder, position)
        output, position = output + found["output"], found["position"]
        if found["phase"] == "ended" and not found["more"]:
            return output, found
        time.sleep(0 if found["more"] else 0.02)


def is_gone(pid):
    return jobs.read_start_ticks(pid) is None


def test_output_is_read_line_by_line_while_the_command_runs_and_it_has_its_own_environment(tmp_path):
    folder = start(python(
        "import os, sys, time; print(os.environ['GIVEN'], sorted(os.environ)); print('half', end='');\n"
        f"while not os.path.exists({str(tmp_path / 'on')!r}): time.sleep(.01)\n"
        "print(' a line', file=sys.stderr); print('\\x1b[31m', end=''); sys.exit(3)"))
    first = {"output": ""}

    def has_line():
        first.update(Host().poll_job(folder, 0))
        return first["output"]

    until(has_line)
    assert first["output"].startswith("äöü ['GIVEN', ") and first["output"].endswith("]\n") and first["phase"] == "running"
    (tmp_path / "on").touch()
    output, found = follow(folder)
    assert output.splitlines()[1:] == ["half a line", "\\x1b[31m"], "the end has no line's end, and no control character is sent"
    assert (found["rc"], found["reason"]) == (3, "")
    Host().end_job(folder)
    assert not os.path.exists(folder)


def test_a_command_waits_for_its_reader_and_nothing_of_much_output_is_lost(monkeypatch):
    monkeypatch.setattr(jobs, "PART", 5000)
    monkeypatch.setattr(jobs, "POLLED", 3000)
    folder = start(python("for number in range(20000): print(number, 'ü')"))
    # A block of the pipe is several parts.
    until(lambda: len(jobs.list_parts(folder)) >= jobs.MOST_PARTS)
    time.sleep(0.3)
    assert len(jobs.list_parts(folder)) <= jobs.MOST_PARTS + 13, "a block of the pipe at most"
    output, found = follow(folder)
    assert output == "".join(f"{number} ü\n" for number in range(20000)) and found["rc"] == 0
    Host().end_job(folder)


def test_a_line_without_an_end_is_read_in_pieces(monkeypatch):
    monkeypatch.setattr(jobs, "POLLED", 3000)
    folder = start(python("print('x' * 10000, end='')"))
    assert follow(folder)[0] == "x" * 10000
    Host().end_job(folder)


def test_a_line_that_is_read_in_pieces_is_cut_between_characters(monkeypatch):
    monkeypatch.setattr(jobs, "POLLED", 3001)
    text = "aüb€c😀" * 1000
    folder = start(python(f"print({text!r}, end='')"))
    assert follow(folder)[0] == text, "half a character is an escape"
    Host().end_job(folder)


@pytest.mark.parametrize(("data", "whole"), [
    ("aü".encode(), 3), ("aü".encode()[:2], 1), ("€".encode()[:1], 0), ("€".encode()[:2], 0), ("€".encode(), 3), ("😀".encode()[:3], 0), ("😀".encode(), 4),
    (b"", 0), (b"abc", 3), (b"\x80" * 9, 9), (b"a\xff", 2)])
def test_a_character_that_is_not_whole_is_left_for_the_next_poll(data, whole):
    assert jobs.drop_partial_character(data) == data[:whole]


def test_much_output_takes_few_polls():
    size = (jobs.MOST_PARTS - 1) * jobs.PART
    folder = start(python(f"import sys\nfor number in range({size} // 64): sys.stdout.write('x' * 63 + '\\n')\nsys.stdout.flush()"))
    until(lambda: Host().poll_job(folder, 0)["phase"] == "ended")
    first = Host().poll_job(folder, 0)
    assert (len(first["output"]), first["more"]) == (jobs.POLLED, True), "a poll takes a second over SSH"
    second = Host().poll_job(folder, first["position"])
    assert second["position"] == size
    Host().end_job(folder)


@pytest.mark.parametrize("step", [-10_000_000, 10_000_000])
def test_a_step_of_the_time_of_day_neither_ends_a_job_nor_keeps_it(monkeypatch, tmp_path, step):
    clock = {"monotonic": 1000.0}
    monkeypatch.setattr(background_folder, "time", types.SimpleNamespace(monotonic=lambda: clock["monotonic"], time=lambda: time.time() + step))
    job = jobs.Job(str(tmp_path), [], {}, print, "/", 0, 30, 0, 0o027)
    assert not job.is_polled(), "there is no lease"
    background_folder.renew_lease(str(tmp_path))
    clock["monotonic"] += 29
    assert job.is_polled()
    clock["monotonic"] += 2
    assert not job.is_polled()


@pytest.mark.parametrize(("code", "rc"), [("raise SystemExit(9)", 9), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_that_of_the_command(code, rc):
    folder = start(python(code))
    assert follow(folder)[1]["rc"] == rc
    Host().end_job(folder)


def test_a_command_that_cannot_be_started_is_reported():
    folder = start(["/nowhere/at/all"])
    assert follow(folder)[1]["reason"].startswith("it could not be started: ")
    Host().end_job(folder)


STUBBORN = ("import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "child = subprocess.Popen(['sleep', '600'], start_new_session=True); print(os.getpid(), child.pid, flush=True); time.sleep(600)")


def started(folder):
    """The processes of the command and of what it has started."""
    found = []
    until(lambda: found or found.extend(Host().poll_job(folder, 0)["output"].split()))
    return [int(one) for one in found]


@pytest.mark.parametrize("way", ["ended", "abandoned", "timeout", "killed"])
def test_whoever_ends_it_nothing_is_left(monkeypatch, tmp_path, way):
    monkeypatch.setattr(jobs, "END_SECONDS", 0.5)
    monkeypatch.setattr(jobs, "REST_SECONDS", 0.3)
    made = tmp_path / "made"
    made.mkdir()
    folder = start(python(STUBBORN), removed=[str(made)], lease=1 if way == "abandoned" else 0, seconds=1 if way == "timeout" else 0)
    pids = started(folder)
    assert not any(map(is_gone, pids))
    if way == "ended":
        Host().end_job(folder)
    if way == "timeout":
        found = follow(folder)[1]
        assert (found["rc"], found["reason"]) == (137, "it had not ended after 1 s")
        Host().end_job(folder)
    if way == "killed":
        keeper = jobs.read(folder, "process")["pid"]
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)
        with pytest.raises(RuntimeError, match="Somebody has killed it, or the kernel, out of memory"):
            Host().poll_job(folder, 0)
        # The next job clears it away; a child in a session of its own is an orphan then.
        Host().end_job(start(python("")))
        os.kill(pids.pop(), signal.SIGKILL)
    until(lambda: all(map(is_gone, pids)))
    until(lambda: not os.path.exists(folder))
    assert not made.exists()


def test_a_folder_is_held_for_as_long_as_the_job_is_there(tmp_path):
    folder = start(python("pass"), held=str(tmp_path))
    follow(folder)
    assert Host().is_held(str(tmp_path))
    Host().end_job(folder)
    until(lambda: not Host().is_held(str(tmp_path)))


def test_open_files_and_new_files_are_as_given(tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    folder = start(python("import os, resource; print(*resource.getrlimit(7)); print(oct(os.umask(0)))"), nofile=min(hard, 500), umask=0o077, cwd=str(tmp_path))
    assert follow(folder)[0].split() == [str(min(hard, 500))] * 2 + ["0o77"]
    Host().end_job(folder)


def test_the_file_that_a_command_makes_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(job_poll, "FETCHED", 6)
    (tmp_path / "made").write_bytes(b"0123456789")
    folder = start(python("pass"), file=str(tmp_path / "made"))
    first = job_poll.read(Host(), {"job": folder, "position": 0, "want": "file"}, False)["job"]
    assert (first["position"], first["size"]) == (6, 10)
    assert Host().read_job_file(folder, 6, 100) == (b"6789", 10)
    (tmp_path / "made").unlink()
    with pytest.raises(NotApplied, match=f"^found no {tmp_path}/made; expected the file that the command has made. Somebody has removed it"):
        job_poll.read(Host(), {"job": folder, "position": 0, "want": "file"}, False)
    (tmp_path / "made").symlink_to("/etc/passwd")
    with pytest.raises(NotApplied):
        job_poll.read(Host(), {"job": folder, "position": 0, "want": "file"}, False)
    assert job_poll.read(Host(), {"job": folder, "position": 0, "want": "end"}, False) == {"job": {}}


def test_what_is_no_job_is_not_touched(tmp_path):
    (tmp_path / "state.json").write_text("{}")
    for folder in ("", "/", str(tmp_path), f"{tmp_path}/{jobs.PREFIX}x"):
        with pytest.raises(RuntimeError, match="is not a folder of a job that runs"):
            Host().poll_job(folder, 0)
        with pytest.raises(RuntimeError, match="is not a folder of a job that runs"):
            Host().end_job(folder)
    assert sorted(path.name for path in pathlib.Path(tmp_path).iterdir()) == ["jobs", "state.json"]
