# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root does below a folder that the application's user may write: links, hard links and pipes are planted there."""

from __future__ import annotations

import multiprocessing
import os
import resource
import stat
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded
from ansible_collections.xitrum.host.plugins.module_utils.core import host as host_module
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, PathError, find_user_name
from ansible_collections.xitrum.host.plugins.module_utils.jdk import fetch as jdk_fetch
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.contract import Output
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

#: The application's user, and another one.
USER, OTHER = 54321, 54322
SECRET = "root:$6$hash:19000::::::\n"


@pytest.fixture(name="real")
def fixture_real():
    return Host()


@pytest.fixture(name="etc")
def fixture_etc(tmp_path):
    """Root's own folder, with a file that nobody else may read and a folder that nobody else may change."""
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "etc/shadow").write_text(SECRET)
    (tmp_path / "etc/shadow").chmod(0o600)
    return tmp_path / "etc"


@pytest.fixture(name="theirs")
def fixture_theirs(tmp_path):
    """A folder of the application's user, as that of an instance's log is."""
    (tmp_path / "log").mkdir()
    os.chown(tmp_path / "log", USER, USER)
    return tmp_path / "log"


def state_of(folder):
    """Every path below a folder with what must not change of it."""
    rows = [(path, path.lstat()) for path in sorted([folder, *folder.rglob("*")])]
    texts = {path: path.read_text() for path, found in rows if stat.S_ISREG(found.st_mode)}
    return [(str(path), found.st_mode, found.st_uid, found.st_gid, texts.get(path)) for path, found in rows]


PLANTS = {
    "link": lambda path, etc: os.symlink(etc / "shadow", path),
    "link to a folder": lambda path, etc: os.symlink(etc / "cron.d", path),
    "hard link": lambda path, etc: os.link(etc / "shadow", path),
    "hard link that lost its other name": lambda path, etc: [
        os.link(etc / "shadow", path),
        (etc / "shadow-").write_text(SECRET),
        os.rename(etc / "shadow-", etc / "shadow"),
    ],
    "pipe": lambda path, _etc: os.mkfifo(path),
    "device": lambda path, _etc: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
    # It is the folder's owner's, so that the owner proves nothing.
    "pipe of the user": lambda path, _etc: [os.mkfifo(path), os.chown(path, USER, USER)],
    "device of the user": lambda path, _etc: [os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)), os.chown(path, USER, USER)],
}

VERBS = {
    "append": lambda host, path: host.append(path, "line\n", 0o640, "root", "root"),
    "set_owner": lambda host, path: host.set_owner(path, 0o666 & 0o640, str(OTHER), str(OTHER)),
    "make_directory": lambda host, path: host.make_directory(path, 0o750, str(USER), str(USER)),
    "locked": lambda host, path: host.hold_lock(path, 0).__enter__(),
    "make_parents": lambda host, path: host.make_parents(f"{path}/below/file"),
}


@AS_ROOT
@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("verb", VERBS)
def test_what_a_user_has_planted_is_neither_changed_nor_given_away(real, etc, theirs, verb, plant):
    path = theirs / "planted"
    PLANTS[plant](path, etc)
    if path.is_symlink():
        os.lchown(path, USER, USER)
    before, there = state_of(etc), path.lstat()
    with pytest.raises(OSError):
        VERBS[verb](real, str(path))
    assert state_of(etc) == before
    assert (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_size) == (there.st_mode, there.st_uid, there.st_size)


@AS_ROOT
@pytest.mark.parametrize("plant", PLANTS)
def test_the_end_of_a_log_is_nothing_of_root(real, etc, theirs, plant):
    PLANTS[plant](theirs / "current", etc)
    assert real.read_tail(str(theirs / "current")) == ""
    (theirs / "xitrum.log").write_text("of the application\n")
    os.chown(theirs / "xitrum.log", USER, USER)
    assert real.read_tail(str(theirs / "xitrum.log")) == "of the application\n"


def test_a_link_in_a_folder_of_all_is_not_read(real, etc, tmp_path):
    """The file that it leads to is root's, as the folder is: its owner proves nothing."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "shared/log").symlink_to(etc / "shadow")
    assert real.read_tail(f"{tmp_path}/shared/log") == ""
    (tmp_path / "shared/own").write_text("x")
    assert real.read_tail(f"{tmp_path}/shared/own") == "x"


@AS_ROOT
def test_a_folder_of_another_account_does_not_change_its_owner(real, theirs):
    (theirs / "planted").mkdir(mode=0o755)
    os.chown(theirs / "planted", OTHER, OTHER)
    with pytest.raises(PathError, match="who could have put it there"):
        real.set_owner(str(theirs / "planted"), 0o700, str(USER), str(USER))
    assert ((theirs / "planted").stat().st_uid, stat.S_IMODE((theirs / "planted").stat().st_mode)) == (OTHER, 0o755)


@AS_ROOT
def test_a_hard_link_of_another_user_in_a_folder_of_all_is_refused(real, etc, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all").chmod(0o777)
    os.link(etc / "shadow", tmp_path / "all/log")
    assert real.read_tail(str(tmp_path / "all/log")) == ""
    with pytest.raises(PathError, match="who could have put it there; expected one of root"):
        real.append(str(tmp_path / "all/log"), "line\n", 0o640, "root", "root")
    # In a folder of root alone nobody else has made it: the files of releases are hard links.
    os.link(etc / "shadow", etc / "log")
    assert real.read_tail(str(etc / "log")) == SECRET


@AS_ROOT
@pytest.mark.parametrize("kind", ["runit", "daemontools", "rc.local", "supervisord"])
def test_a_failure_message_shows_nothing_of_a_file_that_a_planted_link_leads_to(etc, tmp_path, kind):
    """`read_tail` run by root followed the link."""
    logs = tmp_path / "logs"
    desired = {"name": "shop", "root": str(tmp_path / "root"), "log_dir": str(logs), "supervisor": kind, "stop_timeout": 1}
    output = service.get_output_path(desired, 0)
    os.makedirs(os.path.dirname(output))
    os.chown(os.path.dirname(output), USER, USER)
    os.symlink(etc / "shadow", output)
    os.lchown(output, USER, USER)

    def run_command(argv, *_options):
        with open(argv[-1], "rb") as file:
            return bounded.Run(0, file.read(), b"")

    assert service.read_log_tail(Host(run_command), desired, 0) == ""


@pytest.mark.parametrize("kind", sorted(SUPERVISORS))
def test_no_command_of_a_supervisor_has_a_path_below_the_log_folder(kind):
    # Where its output is kept is read without a command.
    fields = [value for value in vars(SUPERVISORS[kind]).values() if not isinstance(value, Output)]
    words = [word for value in fields if isinstance(value, tuple) for word in value]
    flat = [part for word in words for part in (word if isinstance(word, tuple) else [word])]
    assert "{name}" in "".join(flat)
    assert not [part for part in flat if "{log_dir}" in part]


@AS_ROOT
def test_a_folder_that_is_swapped_for_a_link_while_it_is_made_gives_nothing_away(real, etc, theirs, monkeypatch):
    (theirs / "0").mkdir()
    os.chown(theirs / "0", USER, USER)
    before, resolve = state_of(etc), host_module.resolve

    def swapped(host, path):
        found = resolve(host, path)
        if path == str(theirs) and not (theirs / "0").is_symlink():
            os.rmdir(theirs / "0")
            os.symlink(etc / "cron.d", theirs / "0")
        return found

    monkeypatch.setattr(host_module, "resolve", swapped)
    with pytest.raises(OSError):
        real.make_directory(str(theirs / "0"), 0o750, str(USER), str(USER))
    assert (theirs / "0").is_symlink() and state_of(etc) == before


@AS_ROOT
def test_a_folder_of_another_user_is_not_given_to_the_application(real, theirs):
    (theirs / "0").mkdir()
    os.chown(theirs / "0", OTHER, OTHER)
    with pytest.raises(PathError, match=f"belongs to {OTHER} and is in a folder that {USER} or others may write"):
        real.make_directory(str(theirs / "0"), 0o750, str(USER), str(USER))
    assert (theirs / "0").stat().st_uid == OTHER


@AS_ROOT
def test_a_folder_of_the_application_is_made_and_made_again(real, theirs):
    for _again in range(2):
        real.make_directory(str(theirs / "a/b"), 0o750, str(USER), str(USER))
    found = (theirs / "a/b").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o750, USER, USER)
    assert stat.S_IMODE((theirs / "a").stat().st_mode) == 0o755


# ------------------------------------------------------------------------------------------------------------ removing


@pytest.mark.parametrize("plant", ["link", "link to a folder", "hard link", "pipe"])
def test_a_tree_is_removed_and_nothing_that_a_link_in_it_leads_to(real, etc, tmp_path, plant):
    (tmp_path / "tree/a/b").mkdir(parents=True)
    PLANTS[plant](tmp_path / "tree/a/b/planted", etc)
    (tmp_path / "tree/file").write_text("x")
    before = state_of(etc)
    real.remove(str(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists() and state_of(etc) == before
    real.remove(str(tmp_path / "tree"))


def test_a_link_is_removed_and_not_what_it_leads_to(real, etc, tmp_path):
    (tmp_path / "link").symlink_to(etc)
    real.remove(str(tmp_path / "link"))
    assert not (tmp_path / "link").is_symlink() and (etc / "shadow").exists()


@AS_ROOT
def test_nothing_is_removed_through_a_link_of_another_user(real, etc, theirs):
    os.symlink(etc, theirs / "old")
    os.lchown(theirs / "old", USER, USER)
    before = state_of(etc)
    for verb in (real.remove, real.remove_empty):
        with pytest.raises(PathError, match="who could point the link at another file"):
            verb(str(theirs / "old/cron.d"))
    with pytest.raises(PathError, match="who could point the link at another file"):
        real.rename(str(theirs / "old/cron.d"), str(theirs / "mine"))
    with pytest.raises(PathError, match="who could point the link at another file"):
        real.link(str(theirs / "old/link"), "/dev/null")
    with pytest.raises(PathError, match="who could point the link at another file"):
        real.create(str(theirs / "old/new"), "x")
    assert state_of(etc) == before


def test_a_tree_deeper_than_a_process_may_have_descriptors_is_removed(real, tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    for _level in range(1500):
        os.mkdir("d", dir_fd=handle)
        os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=handle))
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    try:
        real.remove(str(tmp_path / "d"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert sorted(os.listdir(tmp_path)) == ["f"]


def test_a_folder_that_is_moved_while_its_tree_is_removed_ends_it(real, etc, tmp_path, monkeypatch):
    """Up again from it would be another place."""
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "tree/a/b/file").write_text("x")
    unlink = os.unlink

    def moved(name, **where):
        unlink(name, **where)
        os.rename(tmp_path / "tree/a/b", etc / "b")

    monkeypatch.setattr(host_module.os, "unlink", moved)
    with pytest.raises(PathError, match="was moved while that was removed"):
        real.remove(str(tmp_path / "tree"))
    assert (etc / "cron.d").is_dir() and (etc / "shadow").exists()


# ------------------------------------------------------------------------------------------------ reading and copying


def test_a_pipe_or_a_device_is_not_read(real, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "/dev/zero"):
        assert real.read(path) is None
        assert real.overruns[-1].startswith(f"{path} is a pipe, a socket, a device")
    # As one masks a file of sysctl.d(5).
    (tmp_path / "masked").symlink_to("/dev/null")
    assert real.read(str(tmp_path / "masked")) == ""
    assert "self" in os.listdir("/proc") and real.read("/proc/self/status").startswith("Name:")
    with pytest.raises(IsADirectoryError):
        real.read(str(tmp_path))


def test_a_tree_of_hard_links_has_no_pipe_in_it(real, tmp_path):
    (tmp_path / "release/config/more").mkdir(parents=True)
    (tmp_path / "release/config/more/app.conf").write_text("x")
    (tmp_path / "release/config/link").symlink_to("more/app.conf")
    me = (find_user_name(os.geteuid()), str(os.getegid()))
    real.link_tree(f"{tmp_path}/release/config", f"{tmp_path}/one", [f"{tmp_path}/one/more/left"], 0o750, *me)
    assert (tmp_path / "one/more/app.conf").stat().st_nlink == 2
    assert os.readlink(tmp_path / "one/link") == "more/app.conf"
    os.mkfifo(tmp_path / "release/config/more/pipe")
    with pytest.raises(PathError, match="a device, a pipe or a socket"):
        real.link_tree(f"{tmp_path}/release/config", f"{tmp_path}/two", [], 0o750, *me)


# --------------------------------------------------------------------------------------------------------------- locks


def hold(path, ready):
    """Holds a lock until it is ended."""
    with Host().hold_lock(path):
        ready.set()
        time.sleep(60)


def test_a_lock_that_another_process_holds_is_waited_for_and_no_longer(real, tmp_path):
    path, ready = str(tmp_path / "lock"), multiprocessing.Event()
    holder = multiprocessing.Process(target=hold, args=(path, ready), daemon=True)
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(TimeoutError, match=f"another process on the same machine holds the lock file {path}, .* within 0.3 s. .*fuser -v {path}"):
            real.hold_lock(path, 0.3).__enter__()
    finally:
        holder.kill()
        holder.join()
    with real.hold_lock(path, 0.3):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_lock_that_others_may_open_is_theirs_no_more(real, tmp_path):
    (tmp_path / "lock").write_text("")
    (tmp_path / "lock").chmod(0o644)
    with real.hold_lock(str(tmp_path / "lock")):
        assert stat.S_IMODE(os.stat(tmp_path / "lock").st_mode) == 0o600


@AS_ROOT
def test_a_lock_of_another_user_is_refused(real, tmp_path):
    (tmp_path / "lock").write_text("")
    os.chown(tmp_path / "lock", USER, USER)
    with pytest.raises(PathError, match=f"belongs to {USER}; expected a file of root"):
        real.hold_lock(str(tmp_path / "lock")).__enter__()


def test_the_lock_of_the_controllers_archives_is_the_users_alone_and_has_an_end(tmp_path):
    with jdk_fetch.lock_folder(str(tmp_path / "archives")) as folder:
        assert stat.S_IMODE(os.stat(f"{folder}/.lock").st_mode) == 0o600
        with open(f"{folder}/.lock", "ab") as other:
            with pytest.raises(TimeoutError, match="another process on the same machine holds the lock"):
                bounded.lock(other, 0, f"{folder}/.lock")
