# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that outlives its run changes nothing on a host whose lock another run has by now: real files and processes."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import subprocess
import tarfile
import threading
import time

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.xitrum.host.plugins.module_utils.application import run_lock
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded, fence, jobs, lock_record, parts
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.modules import service_definition

from tests.docs.role_variables import ROOT
from tests.unit.record_texts import record_text

ANN = {"id": "boot pid:[1]/7/100", "user": "ann", "host": "laptop", "since": 1000.0, "boot": "b1", "uptime": 50.0}
BOB = {**ANN, "id": "boot pid:[1]/8/200", "user": "bob", "host": "desk"}


class Stopped(Exception):
    """The end of a module."""


def stop(why):
    raise Stopped(why)


@pytest.fixture(name="folder", autouse=True)
def fixture_folder(tmp_path, monkeypatch):
    """Locks and their guards below a folder of the test."""
    monkeypatch.setattr(lock_record, "FOLDER", str(tmp_path))
    for module in (lock_record, run_lock):
        monkeypatch.setattr(module, "get_guard_path", lambda name: f"{tmp_path}/{name}.guard")
    monkeypatch.setattr(fence, "SECONDS", 0.3)
    # Nobody polls what a test starts.
    monkeypatch.setattr(jobs, "LEASE", 0.1)
    return tmp_path


def hold(folder, record, name="demo"):
    (folder / f"{name}.lock").write_text(record if isinstance(record, str) else record_text(record))


def host(*runs):
    return fence.FencedHost(list(runs or [("demo", ANN["id"])]), stop, lambda argv, *_more: bounded.Run(0, " ".join(argv).encode(), b""))


CHANGES = {
    "run": (["true"],), "make_directory": ("{}/new", 0o755, os.getuid(), os.getgid()), "make_parents": ("{}/new/x",), "write": ("{}/new", "text"),
    "create": ("{}/new", "text"), "append": ("{}/new", "text", 0o600, os.getuid(), os.getgid()), "poke": ("{}/old", "text"), "link": ("{}/new", "old"),
    "make_hard_link": ("{}/old", "{}/new"), "copy": ("{}/old", "{}/new"), "unpack_digests": ("{}/sent.tar", "{}/tree"),
    "link_tree": ("{}/tree", "{}/new", (), 0o755, os.getuid(), os.getgid()), "rename": ("{}/old", "{}/new"), "remove": ("{}/old",),
    "remove_written": ("{}/old",), "remove_empty": ("{}/tree/empty",), "kill": (2 ** 30, 0), "set_owner": ("{}/old", 0o640, os.getuid(), os.getgid()),
    "start_job": (["true"], {}),
}


def names_below(folder):
    return {str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
            if path.suffix != ".guard"}


@pytest.mark.parametrize("record", [BOB, None, "", '{"id": "boo'], ids=["of another run", "gone", "empty", "damaged"])
@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_changed_once_the_lock_is_lost(folder, name, record):
    there = host()
    (folder / "old").write_text("old")
    (folder / "tree/empty").mkdir(parents=True)
    with tarfile.open(folder / "sent.tar", "w") as tar:
        tar.add(folder / "old", arcname=hashlib.sha256(b"old").hexdigest())
    if record is not None:
        hold(folder, record)
    before = names_below(folder)
    given = [value.format(folder) if isinstance(value, str) else value for value in CHANGES[name]]
    with pytest.raises(Stopped, match="this run has lost its lock of demo on this host"):
        getattr(there, name)(*given)
    assert names_below(folder) == before
    hold(folder, ANN)
    getattr(there, name)(*given)
    assert name in ("run", "kill", "start_job") or names_below(folder) != before


def test_every_way_to_change_a_host_is_behind_the_fence():
    """The others only read; a new method is added to one of the two."""
    reads = {"find_program", "read", "read_tail", "read_position", "read_untrusted", "readlink", "listdir", "read_free_space",
             "realpath", "exists", "stat", "resolve", "hold_lock", "hold_guard", "fetch_status", "read_page", "connect",
             "resolve_addresses", "find_bind_error", "exchange", "request", "compute_digest", "seal", "has_mode", "list_entries", "list_archive",
             "read_head", "is_file", "is_same", "hold_folder", "is_held", "hold_fence", "sync", "read_clock_ticks", "count_processors",
             "read_architecture", "make_absolute", "find_user", "is_root",
             # A job is of the run that has started it.
             "poll_job", "read_job_file", "end_job",
             # Of which the changes below are made.
             "open_parent", "open_file",
             # Of the logs of an instance.
             "list_log_files", "read_part", "has_reader"}
    public = {name for name, value in vars(Host).items() if callable(value) and not name.startswith("_")}
    assert public == reads | set(CHANGES)
    assert set(CHANGES) <= set(vars(fence.FencedHost))


def test_it_reports_whose_the_lock_is_and_what_to_do(folder):
    hold(folder, BOB)
    with pytest.raises(Stopped, match="to the run of bob on desk, since .* It changed nothing more here. .* run the playbook again"):
        host().write(f"{folder}/new", "text")


def test_all_applications_that_a_run_has_locked_are_verified(folder):
    hold(folder, ANN)
    hold(folder, BOB, "other")
    with pytest.raises(Stopped, match="lock of other"):
        host(("demo", ANN["id"]), ("other", ANN["id"])).write(f"{folder}/new", "text")


def test_a_role_that_is_used_alone_has_no_lock_to_verify(folder):
    there = fence.FencedHost([], stop)
    there.write(f"{folder}/new", "text")
    assert (folder / "new").read_text() == "text" and not (folder / "demo.guard").exists()


def test_what_a_task_reports_of_its_run_is_read_back():
    text = "\n".join([fence.describe("demo", ANN["id"]), fence.describe("other", ANN["id"])])
    assert fence.read_runs(text) == [("demo", ANN["id"]), ("other", ANN["id"])]
    assert fence.read_runs("") == fence.read_runs("demo") == fence.read_runs("\n \n") == []


def test_a_lock_is_not_broken_while_a_change_is_under_way(folder, monkeypatch):
    """Breaking the lock waits, and gets the lock when the change has been made; the next change is refused."""
    hold(folder, ANN)
    order, began = [], threading.Event()

    def slow(argv, *_more):
        began.set()
        time.sleep(0.5)
        order.append("changed")
        return bounded.Run(0, b"", b"")

    def take():
        began.wait()
        taken(folder, monkeypatch)
        order.append("taken")

    there = fence.FencedHost([("demo", ANN["id"])], stop, slow)
    taker = threading.Thread(target=take)
    taker.start()
    there.run(["true"])
    taker.join()
    assert order == ["changed", "taken"]
    with pytest.raises(Stopped, match="to the run of bob on desk"):
        there.run(["true"])


def taken(folder, monkeypatch, seconds=30):
    """Bob takes the lock over."""
    monkeypatch.setattr(run_lock, "GUARD_SECONDS", seconds)
    monkeypatch.setattr(run_lock, "FOLDER", str(folder))
    monkeypatch.setattr(run_lock.installed, "begin_healthy", lambda *_given: None)
    desired = {"name": "demo", "root": str(folder), "log_dir": f"{folder}/none", "user": "root", "state": "held", "release": "", "outcome": "done",
               "holder": {name: BOB[name] for name in ("id", "user", "host")}, "seconds": 3600, "break_lock": "any"}
    return run_lock.change_lock(Host(), desired, 2000.0)


def test_a_change_that_does_not_end_is_named(folder, monkeypatch):
    hold(folder, ANN)
    with host().hold_fence(), pytest.raises(run_lock.LockError, match="a module of the run of ann on laptop, since .* is still changing something"):
        taken(folder, monkeypatch, 0.3)
    assert (folder / "demo.lock").read_text() == record_text(ANN)
    taken(folder, monkeypatch, 0.3)
    assert json.loads((folder / "demo.lock").read_text())["user"] == "bob"


def test_a_program_that_goes_on_does_not_hold_it(folder, monkeypatch):
    """As the supervisor that a module starts, which has what it inherits for ever."""
    hold(folder, ANN)
    started = []

    def start(argv, *_more):
        started.append(subprocess.Popen(argv, close_fds=False))
        return bounded.Run(0, b"", b"")

    try:
        fence.FencedHost([("demo", ANN["id"])], stop, start).run(["sleep", "30"])
        taken(folder, monkeypatch, 0.3)
    finally:
        started[0].kill()
        started[0].wait()


def test_nobody_else_can_hold_it(folder):
    hold(folder, ANN)
    (folder / "demo.guard").touch(0o644)
    host().write(f"{folder}/new", "text")
    assert (folder / "demo.guard").stat().st_mode & 0o777 == 0o600
    (folder / "demo.guard").unlink()
    (folder / "demo.guard").symlink_to("elsewhere")
    with pytest.raises(Stopped, match="could not be verified, so nothing more was changed here"):
        host().write(f"{folder}/other", "text")
    assert not (folder / "elsewhere").exists() and not (folder / "other").exists()


def test_a_guard_of_another_user_is_refused(folder, monkeypatch):
    hold(folder, ANN)
    (folder / "demo.guard").touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Stopped, match="could not be verified, so nothing more was changed here: .* belongs to"):
        host().write(f"{folder}/other", "text")


PLUGINS = "ansible_collections.xitrum.host.plugins"
#: Modules that change a host without a lock of the host's application: why.
WITHOUT = {
    "run_lock": "takes it",
    "proxy_server": "works on a proxy, for an application of another host",
    "source_tree": "works on the controller",
    "connection_load": "changes nothing", "console": "only attaches to a process",
}


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/modules").glob("*.py")), ids=lambda path: path.stem)
def test_a_module_that_changes_a_host_is_behind_the_fence(path):
    text = path.read_text()
    plain = re.search(r"\bHost\(", text) is not None
    assert not plain or path.stem.endswith("_info") or path.stem in WITHOUT, "use fence.host_of(module)"
    module = importlib.import_module(f"{PLUGINS}.modules.{path.stem}")
    run = re.search(r"\brunner\.run\((\w+)\)", text)
    if run:
        assert getattr(module, run[1]).EXECUTION.fenced is (path.stem not in WITHOUT)
    for part in getattr(module, "PARTS", {}).values():
        # A reader gets a host without the fence, and changes nothing.
        assert isinstance(part, parts.Reader) or part.EXECUTION.fenced is (path.stem not in WITHOUT)


AFTER_LOCK = {"base", "release", "rollout", "proxy", "stopped", "orphaned", "close_ports", "prune", "stop", "start"}


@pytest.mark.parametrize("name", sorted(AFTER_LOCK))
def test_every_play_after_the_lock_reports_of_which_run_it_is(name):
    for play in yaml.safe_load((ROOT / f"playbooks/plays/{name}.yml").read_text()):
        assert play["environment"] == {fence.VARIABLE: "{{ (application_lock | default({})).run | default('') }}"}, play["name"]


@pytest.mark.parametrize("name", ["site", "deploy", "base", "restart", "stop", "start"])
def test_all_plays_after_the_lock_are_among_those(name):
    plays = [play["ansible.builtin.import_playbook"] for play in yaml.safe_load((ROOT / f"playbooks/{name}.yml").read_text())]
    after = plays[plays.index("plays/lock.yml") + 1:]
    assert {play[len("plays/"):-len(".yml")] for play in after} <= AFTER_LOCK | {"report"} and after[-1] == "plays/report.yml"


@pytest.mark.parametrize("holder, is_changed", [(ANN, True), (BOB, False)])
def test_a_module_reads_its_run_from_its_environment(folder, monkeypatch, capsys, holder, is_changed):
    hold(folder, holder)
    given = {"kind": "other", "name": "demo", "files": [{"path": f"{folder}/new", "content": "text"}], "commands": []}
    monkeypatch.setenv(fence.VARIABLE, fence.describe("demo", ANN["id"]))
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    monkeypatch.setattr(service_definition.file_set, "PENDING", f"{folder}/pending")
    with pytest.raises(SystemExit):
        service_definition.main()
    result = json.loads(capsys.readouterr().out)
    assert (folder / "new").exists() is is_changed
    assert is_changed is not ("this run has lost its lock of demo" in result.get("msg", "")), result
