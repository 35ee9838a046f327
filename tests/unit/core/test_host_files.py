# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a real host and its double write and remove files that may be links: both must do alike."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import host as host_module
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, PathError, Stat, describe_untrusted, find_user_name

from ..fake_host import FakeHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(name="top")
def fixture_top(tmp_path):
    """A folder like /etc, with a folder that a link leads to."""
    (tmp_path / "etc/rc.d").mkdir(parents=True)
    return tmp_path / "etc"


@pytest.fixture(name="real")
def fixture_real():
    return Host()


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_two_paths_to_one_folder(real, top):
    (top / "link").symlink_to("rc.d")
    assert real.is_same(str(top / "rc.d"), f"/proc/self/root{top}/link")
    assert not real.is_same(str(top), str(top / "rc.d")) and not real.is_same(str(top), str(top / "nothing"))
    double = FakeHost({"/etc/rc.d/a": ""}, links={"/etc/link": "rc.d"})
    assert double.is_same("/etc/rc.d", "/etc/link")
    assert not double.is_same("/etc", "/etc/rc.d") and not double.is_same("/etc", "/etc/nothing")


# ------------------------------------------------------------------------------------------------------------ writing


@pytest.mark.parametrize("link", ["rc.d/rc.local", "./rc.d/../rc.d/rc.local", "{top}/rc.d/rc.local", "middle"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_link_stays_a_link_and_its_target_keeps_its_mode(top, real, link, mode):
    target = top / "rc.d/rc.local"
    target.write_text("old")
    target.chmod(mode)
    (top / "middle").symlink_to("rc.d/rc.local")
    (top / "rc.local").symlink_to(link.format(top=top))
    real.write(f"{top}/rc.local", "new")
    assert os.readlink(top / "rc.local") == link.format(top=top)
    assert (target.read_text(), mode_of(target)) == ("new", mode)
    assert sorted(path.name for path in top.iterdir()) == ["middle", "rc.d", "rc.local"], "no temporary file is left"
    assert [path.name for path in (top / "rc.d").iterdir()] == ["rc.local"]


def test_a_folder_that_is_a_link_is_followed(top, real):
    (top / "sysctl.d").symlink_to("rc.d")
    real.write(f"{top}/sysctl.d/90-xitrum.conf", "text", 0o640)
    assert (top / "sysctl.d").is_symlink()
    assert ((top / "rc.d/90-xitrum.conf").read_text(), mode_of(top / "rc.d/90-xitrum.conf")) == ("text", 0o640)


def test_a_dangling_link_gets_its_target_and_loses_it_again(top, real):
    (top / "rc.local").symlink_to("missing/deep/rc.local")
    real.write(f"{top}/rc.local", "text", 0o755)
    assert (top / "missing/deep/rc.local").read_text() == "text"
    assert mode_of(top / "missing") == mode_of(top / "missing/deep") == 0o755
    real.remove_written(f"{top}/rc.local")
    assert os.readlink(top / "rc.local") == "missing/deep/rc.local" and not (top / "rc.local").exists()


def test_a_new_file_is_nobodys_to_write_whatever_the_umask_is(top, real):
    before = os.umask(0)
    try:
        real.write(f"{top}/new/folder/file", "text")
        real.append(f"{top}/log", "line\n", 0o640, find_user_name(os.geteuid()), str(os.getegid()))
        with real.hold_lock(f"{top}/lock"):
            pass
    finally:
        os.umask(before)
    modes = {path: oct(mode_of(top / path)) for path in ("new", "new/folder", "new/folder/file", "log", "lock")}
    assert modes == {"new": "0o755", "new/folder": "0o755", "new/folder/file": "0o644", "log": "0o640", "lock": "0o600"}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda top: (top / "file").symlink_to("file"), "leads in a circle"),
        (lambda top: [(top / "file").symlink_to("other"), (top / "other").symlink_to("file")], "leads in a circle"),
        (lambda top: (top / "file").symlink_to("rc.d"), "which is a directory; expected a file"),
        (lambda top: (top / "file").mkdir(), "file is a directory; expected a file"),
        (
            lambda top: (top / "file").symlink_to("/dev/null"),
            "leads to /dev/null, which is a device, a pipe or a socket",
        ),
        (lambda top: os.mkfifo(top / "file"), "is a device, a pipe or a socket"),
        (
            lambda top: [(top / "file").write_text("old"), (top / "file").chmod(0o666)],
            "has the mode 0666, so every user may change it",
        ),
        (
            lambda top: [
                (top / "other").write_text("old"),
                (top / "other").chmod(0o602),
                (top / "file").symlink_to("other"),
            ],
            "run chmod o-w",
        ),
        (lambda top: [(top / "other").write_text(""), (top / "file").symlink_to("other/file")], "Not a directory"),
    ],
)
def test_what_is_no_file_of_root_is_refused_and_nothing_is_changed(top, real, make, message):
    make(top)
    before = sorted((path.name, mode_of(path)) for path in top.iterdir())
    with pytest.raises(PathError, match=message) as caught:
        real.write(f"{top}/file", "new")
    assert not str(caught.value).startswith("[Errno")
    assert sorted((path.name, mode_of(path)) for path in top.iterdir()) == before


def test_a_mode_that_lets_others_write_is_refused(top, real):
    with pytest.raises(PathError, match="expected a file that others cannot write"):
        real.write(f"{top}/file", "new", 0o666)
    assert not (top / "file").exists()


def test_a_link_that_others_may_change_is_not_followed(top, real):
    (top / "open").mkdir()
    (top / "open/file").symlink_to("../rc.d/file")
    (top / "open").chmod(0o777)
    with pytest.raises(PathError, match="open may be written by every user, who could point the link at another file"):
        real.write(f"{top}/open/file", "new")
    assert not (top / "rc.d/file").exists()
    # As in /tmp, a name is its owner's alone there.
    (top / "open").chmod(0o1777)
    real.write(f"{top}/open/file", "new")
    assert (top / "rc.d/file").read_text() == "new"


@AS_ROOT
def test_owner_and_group_without_a_name_stay(top, real):
    target = top / "rc.d/rc.local"
    target.write_text("old")
    os.chown(target, 54321, 54322)
    (top / "rc.local").symlink_to(target)
    real.write(f"{top}/rc.local", "new")
    assert (target.stat().st_uid, target.stat().st_gid) == (54321, 54322)
    real.write(f"{top}/rc.local", "newer", 0o600, "54322", "root")
    assert (target.stat().st_uid, target.stat().st_gid) == (54322, 0)


@AS_ROOT
def test_a_file_of_ours_belongs_to_root_whoever_had_it(top, real):
    (top / "file").write_text("old")
    os.chown(top / "file", 54321, 54322)
    real.write(f"{top}/file", "new", 0o755)
    assert ((top / "file").stat().st_uid, (top / "file").stat().st_gid) == (0, 0)


@AS_ROOT
@pytest.mark.parametrize("which", ["link", "folder", "group"])
def test_a_link_of_another_user_is_not_followed(top, real, which):
    (top / "theirs").mkdir(mode=0o755)
    (top / "theirs/file").symlink_to("../rc.d/file")
    if which == "link":
        os.lchown(top / "theirs/file", 54321, 54321)
    elif which == "folder":
        os.chown(top / "theirs", 54321, 54321)
    else:
        os.chown(top / "theirs", 0, 54321)
        (top / "theirs").chmod(0o775)
    with pytest.raises(PathError, match="54321, who could point the link at another file"):
        real.write(f"{top}/theirs/file", "new")
    assert not (top / "rc.d/file").exists()


def test_an_attribute_that_a_rename_would_lose_is_carried_over(top, real, monkeypatch):
    monkeypatch.setattr(host_module, "KEPT_ATTRIBUTES", ("user.label",))
    (top / "file").write_text("old")
    try:
        os.setxattr(top / "file", "user.label", b"etc_t")
    except OSError:
        pytest.skip("this file system keeps no attributes")
    real.write(f"{top}/file", "new")
    assert os.getxattr(top / "file", "user.label") == b"etc_t"


@pytest.mark.parametrize(
    "number, message",
    [
        (errno.EPERM, "chattr -i|set become"),
        (errno.EROFS, "mounted read-only"),
        (errno.EBUSY, "mount point of its own"),
    ],
)
def test_a_file_that_cannot_be_replaced_is_as_it_was_and_the_reason_is_plain(top, real, monkeypatch, number, message):
    (top / "file").write_text("old")

    def refuse(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(host_module.os, "rename", refuse)
    with pytest.raises(PathError, match=message) as caught:
        real.write(f"{top}/file", "new")
    assert os.strerror(number) in str(caught.value) and caught.value.errno == number
    assert [(path.name, path.read_text()) for path in top.iterdir() if path.is_file()] == [("file", "old")]


def test_a_folder_that_is_swapped_for_a_link_meanwhile_is_not_followed(top):
    (top / "rc.d/real").mkdir()
    (top / "swapped").symlink_to("rc.d")
    with pytest.raises(OSError):
        host_module.open_folder(f"{top}/swapped/real")


@pytest.mark.parametrize(
    "target, left", [("rc.d/file", True), ("missing", True), ("/dev/null", False), ("rc.d", False)]
)
def test_a_link_stays_when_the_file_behind_it_goes_and_nothing_else_is_removed_through_it(top, real, target, left):
    (top / "rc.d/file").write_text("ours")
    (top / "link").symlink_to(target)
    real.remove_written(f"{top}/link")
    assert (top / "link").is_symlink() is left
    assert (top / "rc.d/file").exists() is (target != "rc.d/file") and os.path.exists("/dev/null")


def test_what_a_module_unpacks_or_copies_is_nobodys_to_write(top):
    before = os.umask(0)
    try:
        Host()
        (top / "copied").write_text("x")
        (top / "unpacked").mkdir()
    finally:
        os.umask(before)
    assert (mode_of(top / "copied"), mode_of(top / "unpacked")) == (0o644, 0o755)


# ----------------------------------------------------------------------------------------------------------- appending


def test_nothing_is_appended_to_what_is_no_file(top, real):
    (top / "log").symlink_to("rc.d/log")
    os.mkfifo(top / "pipe")
    for name, message in (("log", "is a link, which is not followed here"), ("pipe", "a device, a pipe or a socket")):
        with pytest.raises(PathError, match=message):
            real.append(f"{top}/{name}", "line\n", 0o640, find_user_name(os.geteuid()), "root")
    assert not (top / "rc.d/log").exists()


# ------------------------------------------------------------------------------------------------- who else may write

WRITERS = {
    "write": lambda host, path, mode, group: host.write(path, "new", mode, "root", group),
    "create": lambda host, path, mode, _group: host.create(path, "new", mode),
    "append": lambda host, path, mode, group: host.append(path, "new", mode, "root", group),
    "make_directory": lambda host, path, mode, group: host.make_directory(path, mode, "root", group),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("mode, group", [(0o777, "root"), (0o602, "root"), (0o664, "nogroup"), (0o770, "65533")])
def test_no_writer_makes_what_others_may_write(top, real, writer, mode, group):
    if writer == "create" and group != "root":
        # It is the group's of who runs this.
        mode |= 0o002
    for there, path in ((real, f"{top}/new"), (FakeHost(), "/etc/new")):
        with pytest.raises(PathError, match="may change it; expected") as caught:
            WRITERS[writer](there, path, mode, group)
        assert f"{mode:04o}" in str(caught.value) and there.stat(path) is None


def test_a_file_of_a_user_may_be_its_groups():
    there = FakeHost({"/home/carol/a": "x"}, stats={"/home/carol/a": Stat("file", 0o664, "carol", "team", 1)})
    there.write("/home/carol/a", "new")
    assert there.stat("/home/carol/a")[:4] == ("file", 0o664, "carol", "team")


@AS_ROOT
@pytest.mark.parametrize("group, mode", [(None, 0o644), ("root", 0o664)])
def test_a_file_that_keeps_its_mode_is_no_groups_to_write(top, real, group, mode):
    (top / "file").write_text("old")
    (top / "file").chmod(0o664)
    os.chown(top / "file", 0, 0 if group else 65533)
    if group:
        real.write(f"{top}/file", "new")
        assert ((top / "file").read_text(), mode_of(top / "file")) == ("new", mode)
        return
    with pytest.raises(PathError, match="the group 65533 may change it"):
        real.write(f"{top}/file", "new")
    assert (top / "file").read_text() == "old"


def test_a_folder_that_is_a_link_gets_the_mode_at_its_end_and_no_other(top, real):
    (top / "shop").symlink_to("rc.d")
    before = mode_of(top / "rc.d")
    with pytest.raises(PathError, match="rc.d has the mode 0777"):
        real.make_directory(f"{top}/shop", 0o777)
    assert mode_of(top / "rc.d") == before
    real.make_directory(f"{top}/shop", 0o750, find_user_name(os.geteuid()), str(os.getegid()))
    assert (top / "shop").is_symlink() and mode_of(top / "rc.d") == 0o750


def test_a_folder_is_not_made_where_a_file_is_or_through_a_link_of_others(top, real):
    (top / "file").write_text("x")
    (top / "open").mkdir()
    (top / "open/shop").symlink_to("../rc.d")
    (top / "open").chmod(0o777)
    with pytest.raises(PathError, match="file is not a folder; expected a folder, or nothing"):
        real.make_directory(f"{top}/file")
    with pytest.raises(PathError, match="who could point the link at another file"):
        real.make_directory(f"{top}/open/shop", 0o700)
    assert mode_of(top / "rc.d") != 0o700


# ---------------------------------------------------------------------------------------------------------- the double


@pytest.mark.parametrize(
    "links, path, target",
    [
        ({"/etc/rc.local": "rc.d/rc.local"}, "/etc/rc.local", "/etc/rc.d/rc.local"),
        ({"/etc/haproxy": "/srv/haproxy"}, "/etc/haproxy/haproxy.cfg", "/srv/haproxy/haproxy.cfg"),
        ({"/etc/a": "../srv/b", "/srv/b": "c"}, "/etc/a", "/srv/c"),
    ],
)
def test_the_double_follows_links_as_a_host_does(links, path, target):
    there = FakeHost({target: "old"}, links=links, stats={target: Stat("file", 0o640, "root", "adm", 3)})
    there.write(path, "new")
    assert there.files == {target: "new"} and there.links == links
    assert there.stat(target)[:4] == ("file", 0o640, "root", "adm")
    there.remove_written(path)
    assert not there.files and there.links == links


@pytest.mark.parametrize(
    "there",
    [
        FakeHost(links={"/etc/a": "b", "/etc/b": "a"}),
        FakeHost({"/srv/x/file": ""}, links={"/etc/a": "/srv/x"}),
        FakeHost({"/srv/x": ""}, links={"/etc/a": "/srv/x"}, stats={"/srv/x": Stat("file", 0o666, "root", "root", 0)}),
        FakeHost(
            {"/srv/x": ""},
            links={"/home/carol/a": "/srv/x"},
            stats={"/home/carol": Stat("directory", 0o755, "carol", "carol", 0)},
        ),
    ],
)
def test_the_double_refuses_what_a_host_refuses(there):
    path = next(iter(there.links))
    before = dict(there.files)
    with pytest.raises(PathError):
        there.write(path, "new")
    assert there.files == before and not there.done


def test_who_may_replace_a_path_follows_from_its_folders():
    there = FakeHost({"/srv/conf/x": ""}, stats={"/srv/conf": Stat("directory", 0o775, "root", "deploy", 0)})
    assert describe_untrusted(there, "/srv/conf/x") == "/srv/conf may be written by the group deploy"
    assert describe_untrusted(FakeHost({"/srv/conf/x": ""}), "/srv/conf/x") == ""


@pytest.mark.parametrize(("size", "found"), [(100, "one\ntwo\nthree\n"), (10, "three\n"), (9, "three\n"), (4, "ree\n")])
def test_the_end_of_a_log_begins_with_a_whole_line(tmp_path, size, found):
    (tmp_path / "log").write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert Host().read_tail(str(tmp_path / "log"), size) == found


def test_the_end_of_a_log_is_what_was_written_since_a_position(tmp_path):
    log, there = tmp_path / "log", Host()
    assert there.read_position(str(log)) == (0, 0)
    log.write_text("old\n")
    mark = there.read_position(str(log))
    assert there.read_tail(str(log)) == "old\n" and there.read_tail(str(log), since=mark) == ""
    with log.open("a") as file:
        file.write("new\n")
    assert there.read_tail(str(log), since=mark) == "new\n"
    assert there.read_tail(str(log), size=2, since=mark) == "w\n"
    # Copied and emptied.
    log.write_text("n\n")
    assert there.read_tail(str(log), since=mark) == "n\n"
    # Renamed, and another in its place.
    os.rename(log, tmp_path / "log.1")
    log.write_text("newer\nlines\n")
    assert there.read_tail(str(log), since=mark) == "newer\nlines\n"


def test_a_log_that_is_a_link_or_a_pipe_has_no_position(tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "log").symlink_to("secret")
    os.mkfifo(tmp_path / "pipe")
    assert [Host().read_position(str(tmp_path / name)) for name in ("log", "pipe")] == [(0, 0), (0, 0)]
    assert [Host().read_tail(str(tmp_path / name)) for name in ("log", "pipe")] == ["", ""]


@pytest.mark.parametrize("group, message", [("syslog", ""), ("adm", "/var/log may be written by the group adm")])
def test_the_log_folder_of_ubuntu_is_its_daemons(group, message):
    there = FakeHost(links={"/var/log/shop": "/data/logs"}, stats={"/var/log": Stat("directory", 0o775, "root", group, 0)})
    assert describe_untrusted(there, "/var/log/shop") == message
