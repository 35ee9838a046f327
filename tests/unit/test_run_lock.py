# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a run: who has it, when it can be had, and the line that a run leaves."""

from __future__ import annotations

import json
import os
import subprocess
import types

import pytest
from ansible_collections.xitrum.host.plugins.action import run_lock as controller
from ansible_collections.xitrum.host.plugins.module_utils import run_lock

from .fake_host import FakeHost

LOCK = "/var/lib/xitrum.host/demo.lock"
ANN = {"id": "boot/7/100", "user": "ann", "host": "laptop", "since": 1000.0, "from": "aa"}
BOB = {"id": "boot/8/200", "user": "bob", "host": "desk"}


def wanted(state="held", **more):
    return {"name": "demo", "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "demo", "state": state, "holder": BOB,
            "release": "bb", "outcome": "done", "seconds": 3600, "take_over": "", **more}


def host(lock=None, current="bb"):
    return FakeHost({"/var/log/demo/0/xitrum.log": "", **({LOCK: json.dumps(lock)} if lock else {})}, links={"/opt/demo/current": f"releases/{current}"})


def refusal(lock, now=1010, **more):
    return run_lock.refusal(wanted(**more), lock, now)


def test_a_lock_of_somebody_else_names_whose_it_is_and_what_to_do():
    said = refusal(ANN)
    assert "that of ann on laptop, since 1970-01-01T00:16:40Z (10 s ago)" in said
    assert "xitrum_take_over=true" in said


@pytest.mark.parametrize("lock, more", [
    ({}, {}), ({**ANN, "id": BOB["id"]}, {}), (ANN, {"take_over": ANN["id"]}), (ANN, {"take_over": "any"}), (ANN, {"now": 1000 + 3601}),
])
def test_when_it_can_be_had(lock, more):
    assert refusal(lock, **more) == ""


def test_to_take_over_from_one_holder_is_not_to_take_over_from_the_next():
    assert refusal(ANN, take_over="boot/6/50")


def taken(there, **more):
    return run_lock.take(there, wanted(**more), run_lock.read(there, wanted()), 1100.0)


def test_a_free_lock_is_taken_and_remembers_the_release():
    there = host()
    assert taken(there) is False
    assert json.loads(there.files[LOCK]) == {**BOB, "since": 1100.0, "from": "bb"}


def test_of_two_that_take_it_at_once_one_is_told():
    there = host()
    state = run_lock.read(there, wanted())
    there.files[LOCK] = json.dumps(ANN)
    with pytest.raises(RuntimeError, match="at this very moment"):
        run_lock.take(there, wanted(), state, 1100.0)


def test_what_another_run_left_is_written_down():
    there = host(ANN)
    assert taken(there) is True
    assert there.files["/var/log/demo/runs.log"] == "1970-01-01T00:16:40Z ann@laptop from=aa to=bb outcome=unknown seconds=100\n"
    assert json.loads(there.files[LOCK])["user"] == "bob"


@pytest.mark.parametrize("text", ["", '{"id": "bo'])
def test_half_a_lock_is_no_lock(text):
    there = FakeHost({LOCK: text})
    assert taken(there) is True
    assert json.loads(there.files[LOCK])["user"] == "bob"


def test_a_run_that_goes_on_keeps_its_lock_young():
    there = host({**ANN, "id": BOB["id"]})
    assert taken(there) is False
    lock = json.loads(there.files[LOCK])
    assert (lock["since"], lock["seen"]) == (1000.0, 1100.0)
    assert refusal({**lock, "id": ANN["id"]}, now=1100 + 3599) and not refusal({**lock, "id": ANN["id"]}, now=1100 + 3601)


@pytest.mark.parametrize("outcome, to", [("done", "cc"), ("failed", "bb")])
def test_giving_it_back_leaves_a_line_and_no_lock(outcome, to):
    there = host({**ANN, "id": BOB["id"]}, current="cc")
    run_lock.give_back(there, wanted("released", outcome=outcome), run_lock.read(there, wanted()), 1025.0)
    assert there.files["/var/log/demo/runs.log"].endswith(f"from=aa to={to} outcome={outcome} seconds=25\n")
    assert LOCK not in there.files


def test_what_a_lock_says_is_one_line_of_the_log_and_one_word_of_it():
    lock = {**ANN, "user": "ann outcome=done\n2026 root@x", "host": "a\x1b[2J b", "from": "aa to=cc"}
    text = run_lock.line(lock, "b\nb", "done", 1025.0)
    assert text == "1970-01-01T00:16:40Z ann_outcome_done\\n2026_root@x@a\\x1b[2J_b from=aa_to_cc to=b\\nb outcome=done seconds=25\n"
    assert "\x1b" not in refusal(lock) and "\n" not in refusal(lock)


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
    assert controller.identity()["user"] == name


def test_somebody_elses_lock_is_not_given_back():
    there = host(ANN)
    run_lock.give_back(there, wanted("released"), run_lock.read(there, wanted()), 1025.0)
    assert LOCK in there.files and "/var/log/demo/runs.log" not in there.files


def test_a_run_of_this_controller_is_known_to_be_dead_or_alive():
    here = controller.identity()
    assert not controller.gone(here, here)
    with subprocess.Popen(["sleep", "30"]) as child:
        lock = {**here, "id": f"{controller.boot()}/{child.pid}/{controller.started(child.pid)}"}
        assert not controller.gone(lock, here)
        assert controller.gone({**lock, "id": f"{controller.boot()}/{child.pid}/1"}, here), "another process has its number"
        child.kill()
    assert controller.gone(lock, here)


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"id": f"another-boot/{os.getpid()}/1"}, {"id": ""}])
def test_of_a_run_of_another_controller_nothing_is_known(change):
    here = controller.identity()
    assert not controller.gone({**here, "id": f"{controller.boot()}/999999999/1", **change}, here)
