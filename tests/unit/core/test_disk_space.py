# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full at each point of a deploy: the old release goes on, the message names path and space, and the next
run converges."""

from __future__ import annotations

import errno
import getpass
import grp
import os
import re
import tarfile

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.xitrum.host.plugins.action import release as action
from ansible_collections.xitrum.host.plugins.module_utils.application import installed, instances
from ansible_collections.xitrum.host.plugins.module_utils.application import releases as release
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.core import disk_space, recorded, trees
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, PathError
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan

from ..fake_host import FakeHost

HOME = "/opt/demo/instances/0"
FREE = (4096, 0)


def full(path):
    """The error of a call that names no path, as write(2) has it, or of one that does."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([path] if path else []))


class FullHost(FakeHost):
    """A host whose disk is full from its `fails_at`th change on: for good, or, with `once`, for that change alone."""

    fails_at, once, changes = 0, False, 0

    def change(self, path):
        self.changes += 1
        if self.fails_at and (self.changes == self.fails_at or (self.changes > self.fails_at and not self.once)):
            raise full(path)

    def write(self, path, text, mode=None, owner=None, group=None):
        self.change(path)
        super().write(path, text, mode, owner, group)

    def link(self, path, target):
        self.change(path)
        super().link(path, target)

    def make_directory(self, path, mode=0o755, owner="root", group="root"):
        self.change(path)
        super().make_directory(path, mode, owner, group)


def desired(supervisor="systemd", **more):
    return {
        "name": "demo", "root": "/opt/demo", "log_dir": "/var/log/demo", "supervisor": supervisor, "state": "restarted",
        "instances": [{"index": 0, "port": 8000, "folder": "bb-2"}], "address": "127.0.0.1", "path": "/", "status": 200,
        "start_timeout": -1, "stop_timeout": 0, **more,
    }  # fmt: skip


RUNIT = "/etc/demo-runit/0"
COMMANDS = {
    "systemd": {
        "systemctl start demo@0.service": "",
        "systemctl stop demo@0.service": "",
        "systemctl reset-failed demo@0.service": "",
    },
    "runit": {f"sv up {RUNIT}": "", f"sv -w 0 force-stop {RUNIT}": "", f"sv status {RUNIT}": ""},
}
STARTS = {"systemd": "systemctl start demo@0.service", "runit": f"sv up {RUNIT}"}
STOPS = {"systemd": "systemctl stop demo@0.service", "runit": f"sv -w 0 force-stop {RUNIT}"}


def machine(supervisor):
    """A host on which aa runs and is healthy, and bb is laid out."""
    there = FullHost(
        {f"{HOME}/aa-1/script/runner": "", f"{HOME}/bb-2/script/runner": "", "/opt/demo/releases/aa/x": "", "/opt/demo/releases/bb/x": "",
         "/opt/demo/healthy": "bb\naa\n", "/proc/stat": "btime 1\n"},
        COMMANDS[supervisor], {f"{HOME}/current": "aa-1", "/opt/demo/current": "releases/aa"})  # fmt: skip
    there.pages[8000], there.free = 200, FREE
    return there


def restart(there, supervisor):
    want = desired(supervisor)
    return service.execute(there, want, [{**want["instances"][0], "runs": True}])


def runs(there, supervisor):
    """Whether what was stopped was started again after that."""
    commands = [what[1] for what in there.done if what[0] == "run"]
    stop, start = STOPS[supervisor], STARTS[supervisor]
    return stop not in commands or start in commands[len(commands) - commands[::-1].index(stop) :]


def changes_of_a_restart(supervisor):
    there = machine(supervisor)
    restart(there, supervisor)
    return there.changes


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("supervisor", COMMANDS)
def test_a_disk_that_becomes_full_during_a_restart_leaves_an_instance_that_runs(supervisor, once):
    count, failed = changes_of_a_restart(supervisor), 0
    for point in range(1, count + 1):
        there = machine(supervisor)
        there.fails_at, there.once = point, once
        try:
            restart(there, supervisor)
        except (RuntimeError, OSError) as error:
            failed += 1
            message = service.explain(there, desired(), error)
            assert "No space left on device" in message
            assert re.search(r"Make room: /(opt|etc|var)/\S+ needs more room, and its file system has 4 KiB and 0 inodes", message)
        assert runs(there, supervisor), f"after change {point} of {count} what was stopped stays stopped"
        assert there.links[f"{HOME}/current"] in ("aa-1", "bb-2")
        there.fails_at = 0
        restart(there, supervisor)
        assert (there.links[f"{HOME}/current"], there.links["/opt/demo/current"]) == ("bb-2", "releases/bb")
    # The mark of how far the logs are is worth no failure by itself.
    assert failed == count - once and count >= 7


def test_a_release_that_fails_on_a_full_disk_goes_back_before_anything_is_written():
    """Nothing runs at that moment, and the record of healthy releases needs room."""
    there = machine("systemd")
    there.pages[8000] = 500
    answers = iter([500, 200])
    there.fetch_status = lambda *_where: next(answers)
    write = there.write

    def fill(path, *more):
        if path == installed.get_healthy_path("/opt/demo"):
            raise full(path)
        write(path, *more)

    there.write = fill
    with pytest.raises(RuntimeError) as error:
        service.begin(there, desired(), desired()["instances"])
    message = str(error.value)
    assert message.index("Restored and healthy: instance 0 to aa") < message.index(
        "The record of healthy releases was not changed"
    )
    assert "Make room: /opt/demo/healthy needs more room, and its file system has 4 KiB and 0 inodes free." in message
    assert there.links[f"{HOME}/current"] == "aa-1"


# ------------------------------------------------------------------------------------------------- with a real file system


class Local(Host):
    """The real host, with files owned by whoever runs the test, whose disk becomes full at one of its changes."""

    fails_at, changes = 0, 0

    def set_owner(self, path, mode, owner, group):
        super().set_owner(path, mode, getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)

    def change(self, path):
        self.changes += 1
        if self.fails_at and self.changes >= self.fails_at:
            raise full(path)

    def make_directory(self, path, *more, **options):
        self.change(path)
        super().make_directory(path, *more, **options)

    def link(self, path, target):
        self.change(path)
        super().link(path, target)

    def link_tree(self, source, target, *more):
        self.change(None)
        super().link_tree(source, target, *more)

    def write(self, path, text, *more, **options):
        self.change(path)
        super().write(path, text, *more, **options)


def lay_out(folder, fails_at):
    """Lays out an instance of a release in a folder: the host."""
    there = Local(lambda *_arguments, **_more: (0, "", ""))
    there.fails_at = fails_at
    want = {"root": f"{folder}/opt", "log_dir": f"{folder}/log", "user": getpass.getuser(), "release": "aa"}
    actions = [("launcher", None, None), ("make", 0, ("aa-1", {"config/xitrum.conf": "own", "environment": "A='b'\n"}))]
    instances.apply(there, Plan(actions=actions, desired=want))
    return there


def prepare(folder):
    for path in ("config/xitrum.conf", "script/runner", "lib/a.jar"):
        target = folder / "opt/releases/aa" / path
        target.parent.mkdir(parents=True)
        target.write_text("x")


def test_a_disk_that_becomes_full_while_an_instance_is_laid_out_leaves_nothing_half_made(tmp_path):
    prepare(tmp_path / "whole")
    count = lay_out(tmp_path / "whole", 0).changes
    assert count > 10
    for point in range(1, count + 1):
        folder = tmp_path / str(point)
        prepare(folder)
        with pytest.raises(OSError, match="No space left"):
            lay_out(folder, point)
        home = folder / "opt/instances/0"
        assert not home.exists() or os.listdir(home) == []
        assert sorted(os.listdir(folder / "opt/releases/aa")) == ["config", "lib", "script"], "the release is as it was"
        lay_out(folder, 0)
        assert os.listdir(home) == ["aa-1"] and (home / "aa-1/config/xitrum.conf").read_text() == "own"


def test_a_file_that_is_not_written_for_want_of_room_names_its_path_and_the_space(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("before")

    def sync(_handle):
        raise full(None)

    monkeypatch.setattr(os, "fsync", sync)
    there = Host(None)
    monkeypatch.setattr(there, "read_free_space", lambda _path: FREE)
    with pytest.raises(PathError) as error:
        there.write(str(path), "x" * 5000, 0o644, os.geteuid(), os.getegid())
    message = str(error.value)
    assert (
        f"{path} could not be replaced and is as it was (No space left on device): the file system is full; make room"
        in message
    )
    assert f"{path} needs 5 KiB, and its file system has 4 KiB and 0 inodes free" in message
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["file"]
    assert disk_space.note(there, error.value, "/x") == "", "it is reported once"


def test_the_space_is_that_of_the_nearest_folder_that_is_there(tmp_path):
    free = Host(None).read_free_space(str(tmp_path / "a/b/c"))
    assert free[0] > 0 and free == Host(None).read_free_space(str(tmp_path)) or free[0] > 0
    assert Host(None).read_free_space("")[0] >= 0


def test_a_record_that_cannot_be_written_is_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    path.write_text(recorded.format_text({**recorded.read(FakeHost()), "packages": ["haproxy"]}))
    monkeypatch.setattr(recorded, "PATH", str(path))
    there = Local(None)
    before = path.read_text()
    there.fails_at = 1
    with pytest.raises(OSError, match="No space left"):
        recorded.write(there, recorded.read(there))
    assert path.read_text() == before


@pytest.mark.parametrize(("error", "message"), [
    (full("/opt/demo/a\x1b[2J"), r" Make room: /opt/demo/a\x1b[2J needs 12 MiB, and its file system has 4 KiB and 0 inodes free."),
    (full(None), " Make room: /given needs 12 MiB, and its file system has 4 KiB and 0 inodes free."),
    (OSError(errno.ENOSPC, "full", "bb-2", None, "/opt/demo/current.new"), " Make room: /opt/demo/current.new needs 12 MiB"),
    (OSError(errno.EDQUOT, "quota"), " Make room: /given needs 12 MiB"),
    (OSError(errno.EACCES, "no"), ""), (RuntimeError("other"), ""),
])  # fmt: skip
def test_what_is_reported_of_an_error(error, message):
    there = FakeHost()
    there.free = FREE
    found = disk_space.note(there, error, "/given", 12 << 20)
    assert found.startswith(message) and bool(found) is bool(message)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 MiB"), (1, "1 KiB"), (1025, "2 KiB"), (1 << 20, "1 MiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes(count, text):
    assert disk_space.format_room(count) == text


def test_where_the_space_cannot_be_read_that_is_reported():
    assert disk_space.describe("/x", None) == "/x needs more room, and its file system is full"


# ------------------------------------------------------------------------------------------------------------ the upload


@pytest.mark.parametrize("at", ["unpack", "manifest", "sync"])
def test_a_disk_that_becomes_full_while_a_release_is_unpacked_leaves_none_of_it(tmp_path, monkeypatch, at):
    (tmp_path / "a").write_text("a" * 3000)
    digest = trees.compute_digest(tmp_path / "a")
    manifest = [{"path": "lib/a", "mode": "0644", "sha256": digest, "size": 3000}]
    with tarfile.open(tmp_path / "files.tar", "w") as tar:
        tar.add(tmp_path / "a", arcname=digest)
    want = {"root": str(tmp_path / "opt"), "release": "1" * 12, "keep": 5, "group": grp.getgrgid(os.getgid()).gr_name}
    there = Local(lambda *_arguments, **_more: (0, "", ""))

    def fails(*_arguments, **_more):
        raise full(None)

    with monkeypatch.context() as patch:
        patch.setattr(
            *{
                "unpack": (trees.shutil, "copyfileobj", fails),
                "manifest": (there, "write", fails),
                "sync": (there, "sync", fails),
            }[at]
        )
        desired = {**want, "manifest": manifest, "archive": str(tmp_path / "files.tar")}
        planned = release.plan(desired, release.read(there, desired))
        with pytest.raises(RuntimeError, match=f"the file system is full.*/releases/{'1' * 12} needs 3 KiB, and its file system has"):
            release.apply(there, planned)
        assert os.listdir(tmp_path / "opt/releases") == [], "nothing half made takes room"
        with pytest.raises(OSError, match="No space left") as error:
            release.assemble(there, want, manifest, {}, str(tmp_path / "files.tar"), 1)
    assert installed.list_installed(there, want["root"]) == []
    message = release.describe(error.value, want) + disk_space.note(
        there, error.value, installed.get_folder(want["root"], want["release"]), 3000
    )
    assert "the file system is full" in message and f"/releases/{'1' * 12} needs 3 KiB, and its file system has" in message
    release.clean(there, want["root"], release.read(there, want))
    assert os.listdir(tmp_path / "opt/releases") == []
    release.assemble(there, want, manifest, {}, str(tmp_path / "files.tar"), 1)
    assert installed.list_installed(there, want["root"]) == ["1" * 12]


@pytest.mark.parametrize(
    ("df", "free"),
    [
        (
            "Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 4 4 0 100% /tmp\n",
            ", and its file system has 0 MiB free",
        ),
        ("", ""),
    ],
)
def test_an_archive_that_does_not_fit_on_the_host_is_reported_with_its_size(tmp_path, df, free):
    made = object.__new__(action.ActionModule)

    def transfer(_archive, _remote):
        raise AnsibleError("failed to transfer file to /tmp/x/files.tar:\nNo space left on device")

    calls = []
    made._transfer_file = transfer
    made._low_level_execute_command = lambda command, sudoable: calls.append(command) or {"stdout": df}
    with pytest.raises(action.AnsibleActionFail) as error:
        made._send("/tmp/files.tar", "/tmp/x y/files.tar", 12 << 20)
    message = str(error.value)
    assert (
        f"/tmp/x y/files.tar needs 12 MiB{free}. What runs is untouched." in message and "No space left on device" in message
    )
    assert calls == ["df -P -k '/tmp/x y'"]


def test_a_host_that_is_away_during_the_upload_is_reported_as_such():
    made = object.__new__(action.ActionModule)

    def transfer(_archive, _remote):
        raise AnsibleConnectionFailure("no route")

    made._transfer_file = transfer
    with pytest.raises(AnsibleConnectionFailure, match="no route"):
        made._send("a", "/tmp/b", 1)
