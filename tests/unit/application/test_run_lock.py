# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a run: who has it, when it can be had, and the line that a run leaves."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import types

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import run_lock
from ansible_collections.xitrum.host.plugins.module_utils.core.host import PathError, Stat
from ansible_collections.xitrum.host.plugins.plugin_utils import run_identity as controller

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

LOCK, UNFINISHED, LOG = "/var/lib/xitrum.host/demo.lock", "/var/lib/xitrum.host/demo.unfinished", "/var/log/demo/runs.log"
ANN = {"id": "boot/7/100", "user": "ann", "host": "laptop", "since": 1000.0, "from": "aa", "boot": "b1", "uptime": 50.0}
BOB = {"id": "boot/8/200", "user": "bob", "host": "desk"}
MINE = {**ANN, **BOB}


def desired(state="held", **more):
    return {"name": "demo", "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "demo", "state": state, "holder": BOB,
            "release": "bb", "outcome": "done", "seconds": 3600, "break_lock": "", **more}


def host(lock=None, current="bb", uptime=150.0, boot="b1", log=None, double=FakeHost):
    """A host whose lock is a record, or the text of a damaged one."""
    text = record_text(lock) if isinstance(lock, dict) else lock
    return double({"/var/log/demo/0/xitrum.log": "", "/proc/uptime": f"{uptime} 1.0\n", "/proc/sys/kernel/random/boot_id": f"{boot}\n",
                   **({LOCK: text} if lock is not None else {}), **({LOG: log} if log else {})}, links={"/opt/demo/current": f"releases/{current}"})


def change_lock(there, state="held", now=1100.0, **more):
    return run_lock.change_lock(there, desired(state, **more), now)


def refusal(there, **more):
    """Why the lock cannot be had: an empty text where it was taken."""
    try:
        change_lock(there, **more)
    except run_lock.LockError as error:
        return str(error)
    return ""


def test_a_lock_of_another_run_names_whose_it_is_and_what_to_do():
    message = refusal(host(ANN, uptime=60.0))
    assert "that of ann on laptop, since 1970-01-01T00:16:40Z (last active 10 s ago)" in message
    assert "xitrum_break_lock=true" in message


@pytest.mark.parametrize("lock, more", [
    (None, {}), ({**ANN, "id": BOB["id"]}, {}), (ANN, {"break_lock": ANN["id"]}), (ANN, {"break_lock": "any"}),
])
def test_when_it_can_be_had(lock, more):
    assert refusal(host(lock), **more) == ""


@pytest.mark.parametrize("now", [0.0, 1000.0, 1e9])
@pytest.mark.parametrize("uptime, boot, is_free", [
    (3649.0, "b1", False), (3651.0, "b1", True),
    # The host booted since: the run was heard of before that.
    (3599.0, "b2", False), (3601.0, "b2", True),
    # Its clock began again in the same boot.
    (49.0, "b1", False),
    # No clock but the one that is set: a lock has no age then.
    (9999.0, "", False),
])
def test_a_lock_ages_by_a_clock_that_nobody_sets(uptime, boot, is_free, now):
    assert (refusal(host(ANN, uptime=uptime, boot=boot), now=now) == "") is is_free


def test_to_break_the_lock_of_one_holder_is_not_to_break_that_of_the_next():
    assert refusal(host(ANN), break_lock="boot/6/50")


def test_a_free_lock_is_taken_and_remembers_the_release():
    there = host()
    assert change_lock(there) == (False, [])
    assert json.loads(there.files[LOCK]) == {"schema_version": 1, **BOB, "since": 1100.0, "from": "bb", "boot": "b1", "uptime": 150.0}
    assert there.files[LOG] == "1970-01-01T00:18:20Z bob@desk from=bb to=bb outcome=began seconds=0 run=878065e83334 playbook=-\n"


def test_it_is_taken_and_given_back_by_one_at_a_time_and_renewed_while_modules_work():
    there = host()
    for state in ("held", "renewed", "released"):
        change_lock(there, state)
    assert [step[2] for step in there.done if step[0] == "guarded"] == [True, False, True]


class Busy(FakeHost):
    """A host on which a module of the run before is at work."""

    def hold_guard(self, path, alone, seconds):
        raise PathError(errno.ETIMEDOUT, f"{path} is held")


def test_while_a_module_of_the_run_before_changes_something_its_lock_is_not_broken():
    there = host(ANN, double=Busy)
    message = refusal(there, break_lock="any")
    assert "a module of the run of ann on laptop, since 1970-01-01T00:16:40Z is still changing something" in message
    assert there.files[LOCK] == record_text(ANN) and not there.done


def test_of_two_that_take_it_at_once_one_is_reported():
    there = host()
    state = run_lock.read_state(there, desired())
    there.files[LOCK] = record_text(ANN)
    with pytest.raises(RuntimeError, match="at this moment"):
        run_lock.take(there, desired(), state, 1100.0)


def test_what_another_run_left_is_written_down():
    there = host(ANN)
    assert change_lock(there, break_lock=ANN["id"])[0] is True
    assert there.files[LOG].startswith("1970-01-01T00:16:40Z ann@laptop from=aa to=bb outcome=died seconds=100 run=ebfee80d4066 playbook=-\n")
    assert json.loads(there.files[LOCK])["user"] == "bob"


DAMAGED = ["", '{"id": "bo', "[]", '"x"', "{}", record_text({**ANN, "since": "x"}), record_text({**ANN, "id": ""}).replace('"id"', '"no"'), "[" * 99999,
           record_text({**ANN, "uptime": float("nan")}), record_text({**ANN, "since": 1e300}), record_text({**ANN, "uptime": True})]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_lock_is_reported_with_what_to_do(text):
    message = refusal(host(text))
    assert f"the lock {LOCK} of this host is damaged" in message and "-e xitrum_break_lock=true" in message
    for state in ("renewed", "released", "abandoned"):
        there = host(text)
        assert f"{LOCK} is damaged" in refusal(there, state=state) or state != "renewed"
        assert there.files[LOCK] == text
    there = host(text)
    assert change_lock(there, break_lock="any")[0] is True
    assert json.loads(there.files[LOCK])["user"] == "bob"


def test_a_run_that_goes_on_keeps_its_lock_young():
    for state in ("held", "renewed"):
        there = host(MINE)
        assert change_lock(there, state) == (False, [])
        lock = json.loads(there.files[LOCK])
        assert (lock["since"], lock["uptime"]) == (1000.0, 150.0)
        lock["id"] = ANN["id"]
        assert refusal(host(lock, uptime=150 + 3599.0)) and not refusal(host(lock, uptime=150 + 3601.0))


@pytest.mark.parametrize("lock, words", [(ANN, "to the run of ann on laptop, since 1970-01-01T00:16:40Z"), (None, f"since {LOCK} is gone")])
def test_a_lock_that_is_gone_or_anothers_is_not_renewed_whatever_the_command_line_states(lock, words):
    there = host(lock)
    before = dict(there.files)
    message = refusal(there, state="renewed", break_lock="any", seconds=1)
    assert "this run has lost its lock of demo on this host" in message and words in message
    assert there.files == before


@pytest.mark.parametrize("outcome, to", [("done", "cc"), ("failed", "bb")])
def test_giving_it_back_leaves_a_line_and_no_lock(outcome, to):
    there = host(MINE, current="cc")
    change_lock(there, "released", 1025.0, outcome=outcome)
    assert there.files[LOG].endswith(f"from=aa to={to} outcome={outcome} seconds=25 run=878065e83334 playbook=-\n")
    assert LOCK not in there.files


def test_what_a_lock_reports_is_one_line_of_the_log_and_one_word_of_it():
    lock = {**ANN, "user": "ann outcome=done\n2026 root@x", "host": "a\x1b[2J b", "from": "aa to=cc"}
    text = run_lock.format_line(lock, "b\nb", "done", 1025.0)
    assert text == (
        "1970-01-01T00:16:40Z ann_outcome_done\\n2026_root@x@a\\x1b[2J_b from=aa_to_cc to=b\\nb outcome=done seconds=25 run=ebfee80d4066 playbook=-\n")
    assert "\x1b" not in refusal(host(lock)) and "\n" not in refusal(host(lock))


@pytest.mark.parametrize(("number", "environment", "name"), [
    (1000, {"LOGNAME": "root\nx", "USER": "boss", "SUDO_UID": "0"}, "ann"),
    (0, {"LOGNAME": "boss"}, "root"),
    (0, {"SUDO_UID": "1000", "SUDO_USER": "boss\nx"}, "ann"),
    (0, {"SUDO_UID": "1000; x", "SUDO_USER": "boss"}, "root"),
    (1001, {"USER": "boss"}, "uid-1001"),
])
def test_who_runs_ansible_comes_from_the_account(monkeypatch, number, environment, name):
    names = {0: "root", 1000: "ann"}
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_UID", "SUDO_USER"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(controller.os, "getuid", lambda: number)
    monkeypatch.setattr(controller.pwd, "getpwuid", lambda number: types.SimpleNamespace(pw_name=names[number]))
    assert controller.read_identity()["user"] == name


@pytest.mark.parametrize("state", ["released", "abandoned"])
def test_the_lock_of_another_run_is_not_given_back(state):
    there = host(ANN)
    change_lock(there, state)
    assert there.files[LOCK] == record_text(ANN) and LOG not in there.files and UNFINISHED not in there.files


def test_a_run_that_ends_before_its_last_task_is_known_to_the_next():
    there = host(MINE)
    change_lock(there, "abandoned", 1025.0)
    assert LOCK not in there.files and there.files[LOG].endswith("outcome=stopped seconds=25 run=878065e83334 playbook=-\n")
    assert run_lock.is_interrupted(there, "demo")
    other = {"id": "boot/9/1", "user": "cleo", "host": "ci"}
    assert change_lock(there, holder=other) == (True, []), "at once, from another controller too"
    change_lock(there, "released", holder=other)
    assert not run_lock.is_interrupted(there, "demo") and change_lock(there) == (False, [])


class Full(FakeHost):
    """A host whose disk is full: names are made and removed, and nothing is written."""

    def write(self, path, text, mode=None, owner=None, group=None):
        raise PathError(errno.ENOSPC, f"{path} could not be replaced and is as it was: the file system is full")

    append = write


@pytest.mark.parametrize("state", ["released", "abandoned"])
def test_a_full_disk_keeps_no_lock(state):
    there = host(MINE, double=Full)
    _interrupted, notes = change_lock(there, state)
    assert LOCK not in there.files and "runs.log" in notes[0] and "the file system is full" in notes[0]


def test_a_full_disk_keeps_no_lock_where_the_release_was_healthy():
    there = host(MINE, double=Full)
    there.files["/opt/demo/releases/bb/lib"] = ""
    with pytest.raises(OSError, match="file system is full"):
        change_lock(there, "released", healthy=True)
    assert LOCK not in there.files


def test_a_full_disk_ends_no_run_in_the_middle():
    _interrupted, notes = change_lock(host(MINE, double=Full), "renewed")
    assert "could not be renewed, and is as old as it was" in notes[0]


def test_a_log_that_cannot_be_written_keeps_nobody_from_the_lock():
    there = host(ANN)
    there.stats[LOG] = Stat("other", 0o644, "root", "root", 0)
    interrupted, notes = change_lock(there, break_lock="any")
    assert interrupted and len(notes) == 2 and json.loads(there.files[LOCK])["user"] == "bob"


BEGAN = "2026-01-01T00:00:00Z ann@laptop from=aa to=bb outcome=began seconds=0\n"
ENDED = "2026-01-01T00:00:00Z ann@laptop from=aa to=bb outcome=done seconds=9\n"
LATER = "2026-01-02T00:00:00Z ann@laptop from=bb to=cc outcome=began seconds=0\n"


@pytest.mark.parametrize("text, outcomes", [
    ("", []), (BEGAN, ["died"]), (BEGAN + ENDED, ["done"]), (BEGAN + ENDED + LATER, ["done", "died"]), (BEGAN + LATER + ENDED, ["done", "died"]),
    (BEGAN.replace("01-01T00", "13-01T00"), []), (BEGAN.replace("01-01T00", "02-30T00"), []), (BEGAN.replace("T00:00", "T24:00"), []),
    (BEGAN.replace("seconds=0", "seconds=-1"), []), (BEGAN.replace("seconds=0", f"seconds={'9' * 11}"), []), (BEGAN.replace("ann@", "ann"), []),
    (BEGAN.replace("2026", "0000"), []), (BEGAN.replace("2026", "２０２６"), []), (BEGAN.replace("ann", "a" * 300), []),
    ("nonsense\n" + BEGAN[:40] + "\n" + ENDED, ["done"]), (BEGAN.replace("ann", "a\x1b[2Jnn"), []), (BEGAN.strip() + " rm -rf\n", []),
])
def test_a_run_that_began_and_did_not_end_has_died(text, outcomes):
    assert [run["outcome"] for run in run_lock.read_runs(text)] == outcomes


@pytest.mark.parametrize("cut", [1, 40, len(LATER) - 1])
def test_a_part_of_a_line_is_ended_before_the_next_one(cut):
    there = host(log=ENDED + LATER[:cut])
    change_lock(there)
    change_lock(there, "released")
    assert [run["outcome"] for run in run_lock.read_runs(there.files[LOG])][-1] == "done"
    lines = there.files[LOG].split("\n")
    assert lines[1] == LATER[:cut] and "outcome=began" in lines[2 + (cut == len(LATER) - 1)] and "" not in lines[:-1]


@pytest.mark.parametrize(("text", "fault"), [
    ("", ""), (BEGAN + ENDED, ""), ("\n" + BEGAN, ""),
    (BEGAN + LATER[:30], '/l has 1 line that is not a line of a run, left out here. The first is "2026-01-02T00:00:00Z ann@lapto". The host may have lost '
                         "power, or somebody changed the file"),
    ("x\x1b[2J" + "y" * 99 + "\n" + ENDED + "z\n",
     '/l has 2 lines that are not lines of a run, left out here. The first is "x' + r"\x1b[2J" + "y" * 55 + '".'),
    ("half of a line\n" + ENDED * (run_lock.TAIL // len(ENDED) + 1), ""),
])
def test_lines_that_are_none_are_reported(text, fault):
    assert run_lock.find_log_fault(text[-run_lock.TAIL:], "/l").startswith(fault) and bool(fault) == bool(run_lock.find_log_fault(text, "/l"))


def test_a_run_that_has_the_lock_has_not_died():
    there = host()
    change_lock(there)
    lock = json.loads(there.files[LOCK])
    assert [run["outcome"] for run in run_lock.read_runs(there.files[LOG], lock)] == ["began"]
    assert [run["outcome"] for run in run_lock.read_runs(there.files[LOG], ANN)] == ["died"]
    assert run_lock.read_last_run(there, LOG.rpartition("/")[0])["outcome"] == "died"
    assert run_lock.read_last_run(there, "/nothing") == {}


def test_the_next_run_writes_down_what_died_once():
    there = host(log=BEGAN + ENDED + LATER)
    change_lock(there)
    assert there.files[LOG].count("outcome=died") == 1 and LATER.replace("began", "died") in there.files[LOG]
    change_lock(there, "released")
    change_lock(there)
    assert there.files[LOG].count("outcome=died") == 1


def test_a_line_has_the_run_and_its_playbook():
    there = host()
    change_lock(there, holder={**BOB, "playbook": "site"})
    change_lock(there, "abandoned", holder={**BOB, "playbook": "site"})
    (run,) = run_lock.read_runs(there.files[LOG])
    assert (run["run"], run["playbook"], run["outcome"]) == (run_lock.format_run_id(BOB["id"]), "site", "stopped")
    (earlier,) = run_lock.read_runs(ENDED)
    assert (earlier["run"], earlier["playbook"]) == ("", "")
    assert run_lock.read_runs(ENDED.strip() + " run=XYZ playbook=site\n") == []


def test_a_line_is_one_line_of_eight_words_whatever_a_name_holds():
    there = host()
    change_lock(there, holder={"id": "x", "user": "a b\nc outcome=done", "host": "\x1b]0;h", "playbook": "my site\n" * 20}, release="bb cc")
    line = there.files[LOG]
    assert line.count("\n") == 1 and len(line.split()) == 8 and "\x1b" not in line
    assert [run["outcome"] for run in run_lock.read_runs(line)] == ["died"]


def test_a_run_of_this_controller_is_known_to_be_dead_or_alive():
    own = controller.read_identity()
    assert not controller.has_ended(own, own)
    with subprocess.Popen(["sleep", "30"]) as child:
        lock = {**own, "id": f"{controller.read_boot()}/{child.pid}/{controller.read_start_time(child.pid)}"}
        assert not controller.has_ended(lock, own)
        assert controller.has_ended({**lock, "id": f"{controller.read_boot()}/{child.pid}/1"}, own), "another process has its number"
        child.kill()
    assert controller.has_ended(lock, own)


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"id": f"another-boot/{os.getpid()}/1"}, {"id": ""}])
def test_of_a_run_of_another_controller_nothing_is_known(change):
    own = controller.read_identity()
    assert not controller.has_ended({**own, "id": f"{controller.read_boot()}/999999999/1", **change}, own)


def test_a_lock_from_later_than_now_in_the_same_boot_ages_as_one_of_another_boot():
    """It never aged, so that no run could take it over but by hand."""
    assert (refusal(host({**ANN, "uptime": 9999.0}, uptime=3599.0, boot="b1")) == "") is False
    assert (refusal(host({**ANN, "uptime": 9999.0}, uptime=3601.0, boot="b1")) == "") is True
