# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of the system are refused, by their names and by what a host has in their place."""

from __future__ import annotations

import json

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import folders, recorded
from ansible_collections.xitrum.host.plugins.module_utils.host import Stat
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fake_host import FakeHost

WANTED = {"name": "shop", "user": "shop", "root": "/opt/shop", "log_dir": "/var/log/shop", "supervisor": "systemd"}
PASSWD = """root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
nologin:x:99:99::/:/usr/sbin/nologin
postgres:x:105:113:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash
alice:x:1000:1000::/export/people/alice:/bin/bash
broken line
"""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/./",
        "/opt",
        "/srv/",
        "/home",
        "/home/alice",
        "/home/alice/",
        "/home//alice/.",
        "/home/alice/.ssh",
        "/root",
        "/root/shop",
        "/var/log",
        "/var//log/",
        "/var/./log",
        "/var/log/journal",
        "/var/log/journal/x",
        "/var/lib",
        "/var/lib/dpkg",
        "/var/lib/docker/volumes",
        "/var/www",
        "/var/www/html",
        "/var/spool",
        "/var/spool/cron/crontabs",
        "/var/cache",
        "/var/backups",
        "/run",
        "/run/",
        "/tmp",
        "/var/tmp",
        "/etc",
        "/etc/shop",
        "/usr",
        "/usr/share/shop",
        "/usr/lib/jvm",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/lib",
        "/usr/bin",
        "/bin/x",
        "/lib64",
        "/boot/efi",
        "/proc/1",
        "/sys/fs",
        "/dev",
        "/mnt",
        "/mnt/disk",
        "/media/usb",
        "/opt/supervisord",
        "/srv/www",
        "/lost+found",
        "/var/home/alice",
    ],
)
def test_a_folder_of_the_system(path):
    assert folders.is_system(path)


@pytest.mark.parametrize(
    "path",
    [
        "/opt/shop",
        "/opt/shop/",
        "/srv/shop",
        "/var/www/shop",
        "/var/lib/shop",
        "/var/log/shop",
        "/usr/local/shop",
        "/usr/local/lib/shop",
        "/home/alice/shop",
        "/home/alice/shop/",
        "/mnt/disk/shop",
        "/data",
        "/data/shop",
        "/optical",
        "/etcetera",
        "/rooted/x",
        "/usr2",
        "/var/log-shop",
        "/var/logs",
    ],
)
def test_a_folder_that_may_be_the_applications(path):
    assert not folders.is_system(path)


@pytest.mark.parametrize(
    "path",
    [
        "opt/shop",
        "",
        ".",
        "~/shop",
        "/opt/../etc",
        "/opt/shop/..",
        "/opt/my shop",
        "/opt/shop\n",
        "/opt/\tshop",
        "/opt/a'b",
        '/opt/a"b',
        "/opt/$HOME",
        "/opt/%i",
        "/opt/a:b",
        "/opt/a;b",
        "/opt/a@b",
        "/opt/a*",
        "/opt/a\\b",
        "/opt/{a}",
        "/opt/#a",
        "/opt/b\u00fcro",
        "/opt/shop\0",
        "/opt//shop",
        "/opt/./shop",
        "/opt/shop/",
    ],
)
def test_a_path_that_files_and_scripts_cannot_take(path):
    assert "expected an absolute path" in folders.folder_problem("xitrum_root", path)


@given(st.text())
def test_a_path_without_a_problem_is_written_in_one_way(text):
    if not folders.folder_problem("xitrum_root", text):
        assert folders.normalize(text) == text and folders.PATH.fullmatch(text) and not folders.is_system(text)


@given(st.text("/.ab"))
def test_a_path_is_judged_by_what_it_means(text):
    path = "/" + text
    assert folders.is_system(path) == folders.is_system(folders.normalize(path))


def problems(host, record=None, **more):
    wanted = {**WANTED, **more}
    return list(folders.host_problems(wanted, folders.read(host, wanted, {**recorded.EMPTY, **(record or {})})))


def host(files=None, **more):
    return FakeHost({"/etc/passwd": PASSWD, **(files or {})}, **more)


def test_folders_that_are_not_there_yet_are_fine():
    assert problems(host()) == []


def stats(**modes):
    return {path: Stat("directory", mode, owner, owner, 0) for path, (mode, owner) in modes.items()}


@pytest.mark.parametrize(
    "there, more, text",
    [
        (
            host(links={"/opt/shop": "/var/www"}),
            {},
            "xitrum_root is /opt/shop, a link to /var/www, which belongs to the system",
        ),
        (
            host(links={"/opt": "/usr/local", "/usr/local/shop": "/usr/local/lib"}),
            {},
            "a link to /usr/local/lib, which belongs to the system",
        ),
        (
            host({"/etc/passwd": "deploy:x:9:9::/home/deploy:/bin/sh\n"}, links={"/opt/shop": "/home/deploy"}),
            {},
            "a link to /home/deploy, the home of the account deploy. Set xitrum_root to a folder for this application "
            "alone, such as /srv/shop",
        ),
        (
            host(links={"/var/log/shop": "/home/deploy"}),
            {},
            "which may be the home of deploy. Set xitrum_log_dir to a folder for this application alone, such as "
            "/var/log/shop-application",
        ),
        (
            host(links={"/srv/log": "/var/log"}),
            {"log_dir": "/srv/log"},
            "belongs to the system. Set xitrum_log_dir to a folder for this application alone, such as /var/log/shop",
        ),
        (
            host(links={"/var/log/shop": "../www"}),
            {},
            "xitrum_log_dir is /var/log/shop, a link to /var/www, which belongs to the system",
        ),
        (
            host(),
            {"root": "/var/lib/postgresql"},
            "xitrum_root is /var/lib/postgresql, the home of the account postgres",
        ),
        (host(), {"root": "/export/people"}, "has the home of the account alice in it"),
        (host(), {"root": "/export"}, "has the home of the account alice in it"),
        (
            host({"/opt/shop/x": ""}, commands={"dpkg-query --search /opt/shop": "shop-deb: /opt/shop\n"}),
            {},
            "which the package shop-deb has brought",
        ),
        (
            host(
                {"/var/log/nginx/x": ""},
                commands={"rpm --query --queryformat %{NAME}\n --file /var/log/nginx": "nginx\n"},
            ),
            {"log_dir": "/var/log/nginx"},
            "xitrum_log_dir is /var/log/nginx, which the package nginx has brought",
        ),
        (host({"/opt/shop": "a file"}), {}, "xitrum_root is /opt/shop, which is no folder"),
        (
            host({"/data/photos/a": ""}),
            {"root": "/data"},
            "has other contents (photos). Set xitrum_root to a folder in it, such as /data/shop",
        ),
        (host({"/data/releases/x": ""}), {"root": "/data"}, "has other contents (releases)"),
        (
            host({"/srv/app/releases/x": "", "/srv/app/shared/x": ""}),
            {"root": "/srv/app"},
            "has other contents (releases). Move them away",
        ),
        (
            # Capistrano's: its releases are not ours, whatever the folder's name is.
            host({"/opt/shop/releases/x": "", "/opt/shop/repo/HEAD": ""}, links={"/opt/shop/current": "releases/x"}),
            {},
            "xitrum_root is /opt/shop, which has other contents (current, releases). Move them away",
        ),
        (
            host({"/var/log/nginx/access.log": ""}),
            {"log_dir": "/var/log/nginx"},
            "xitrum_log_dir is /var/log/nginx, which has other contents (access.log)",
        ),
        (host({"/var/lib/haproxy/dev/log": ""}), {"root": "/var/lib/haproxy"}, "has other contents (dev)"),
        (host({"/opt/app/run": "#!/bin/sh\n"}), {"root": "/opt/app"}, "has other contents (run)"),
        (host(), {"root": "/usr/local/bin/x"}, "and /usr/local/bin is for programs of the whole host"),
        (host({"/usr/local/lib/python3.11/x": ""}), {"root": "/usr/local/lib/python3.11"}, "/usr/local/lib is for"),
        (host(), {"log_dir": "/usr/local/share/man"}, "/usr/local/share is for"),
        (host(links={"/opt/shop": "/usr/local/games/shop"}), {}, "/usr/local/games is for"),
        (
            host(stats=stats(**{"/srv/all": (0o777, "root")})),
            {"root": "/srv/all/shop"},
            "every user may write to /srv/all",
        ),
        (
            host(links={"/var/log/shop": "/opt/shop/log"}),
            {},
            "are /opt/shop and /opt/shop/log on this host: expected two folders",
        ),
        (
            host(links={"/srv/shop": "/home/deploy/shop"}),
            {"root": "/srv/shop"},
            "a hardened unit does not see that. Set xitrum_root to /home/deploy/shop",
        ),
        (
            host(links={"/home": "/var/homes"}),
            {"root": "/var/homes/deploy/shop"},
            "a hardened unit does not see that. Set xitrum_root to /home/deploy/shop",
        ),
        (
            host(stats=stats(**{"/srv/own": (0o750, "root")})),
            {"root": "/srv/own/shop"},
            "/srv/own has the mode 0750, and the user shop cannot reach xitrum_root (/srv/own/shop) through it",
        ),
        (
            host(stats=stats(**{"/home/deploy": (0o700, "deploy")})),
            {"root": "/home/deploy/shop", "supervisor": "runit"},
            "or xitrum_supervisor to systemd",
        ),
    ],
)
def test_what_a_host_has_in_the_place_of_a_folder(there, more, text):
    found = problems(there, **more)
    assert len(found) == 1 and text in found[0], found


@pytest.mark.parametrize(
    "there, more",
    [
        (host(links={"/opt/shop": "/data/shop"}), {}),
        (host({"/opt/shop/old.jar": ""}), {}),
        (host({"/data/releases/x": "", "/data/manifests/x": ""}), {"root": "/data"}),
        (host({"/srv/app/run": "# xitrum.host\n", "/srv/app/notes": ""}), {"root": "/srv/app"}),
        (host({"/srv/logs/runs.log": "", "/srv/logs/old.txt": ""}), {"log_dir": "/srv/logs"}),
        (host({"/srv/logs/0/a.log": "", "/srv/logs/output-0.log": ""}), {"log_dir": "/srv/logs"}),
        (host({"/srv/app/lost+found/x": ""}), {"root": "/srv/app"}),
        (host({"/srv/app/.bashrc": ""}), {"root": "/srv/app"}),
        (host(stats=stats(**{"/srv/app": (0o755, "root")})), {"root": "/srv/app"}),
        (host({"/usr/local/lib/app/run": "# xitrum.host\n"}), {"root": "/usr/local/lib/app"}),
        (host({"/usr/local/app/run": "# xitrum.host\n"}), {"root": "/usr/local/app"}),
        (host({"/data/lost+found/x": ""}), {"root": "/data"}),
        (host(stats=stats(**{"/home/deploy": (0o700, "deploy")})), {"root": "/home/deploy/shop"}),
        (host(links={"/home": "/var/home"}), {"root": "/home/deploy/shop"}),
        (host(), {"root": "/home/deploy/shop", "supervisor": "runit"}),
        (host({"/etc/passwd": "shop:x:9:9::/srv/shop:/bin/sh\n"}), {"root": "/srv/shop"}),
        (
            host(
                {"/etc/passwd": "shop:x:9:9::/nonexistent:/bin/sh\n"},
                stats=stats(**{"/srv/own": (0o750, "root")}),
                commands={"setpriv --reuid=shop --regid=shop --init-groups -- test -x /srv/own": ""},
            ),
            {"root": "/srv/own/shop"},
        ),
    ],
)
def test_what_is_fine(there, more):
    assert problems(there, **more) == []


def record_of(name, root, logs="/var/log/other"):
    return {"applications": {name: {"roots": {root: True}, "logs": {logs: True}, "users": {}, "groups": {}}}}


@pytest.mark.parametrize(
    "root, logs", [("/opt/shop", "/x"), ("/opt/shop/inner", "/x"), ("/x", "/var/log/shop"), ("/x", "/opt/shop/logs")]
)
def test_two_applications_do_not_share_a_folder(root, logs):
    there = host({f"{root}/run": "", f"{logs}/runs.log": ""})
    found = problems(there, record_of("blog", root, logs))
    assert found and "which the application blog of this host has already" in found[0]
    # What is gone is nobody's.
    assert problems(host(), record_of("blog", root, logs)) == []


def test_a_folder_that_was_made_for_the_application_is_not_looked_up_again():
    there = host({"/opt/shop/run": ""}, commands={"dpkg-query --search /opt/shop": "shop-deb: /opt/shop\n"})
    assert problems(there, record_of("shop", "/opt/shop", "/var/log/shop")) == []
    assert not [words for kind, words in there.done if "/opt/shop" in words]


def test_the_applications_user_owns_no_folder_above():
    there = host({"/etc/passwd": "shop:x:9:9::/srv/shop:/bin/sh\n"}, stats=stats(**{"/srv/shop": (0o755, "shop")}))
    found = problems(there, root="/srv/shop/app")
    assert len(found) == 1 and "a folder above it belongs to shop, the application's user" in found[0]


@pytest.mark.parametrize(
    "enforce, root, notes", [("1", "/home/deploy/shop", 1), ("0", "/home/deploy/shop", 0), ("1", "/opt/shop", 0)]
)
def test_selinux_is_named_where_it_keeps_a_service_out(enforce, root, notes):
    there = host({"/sys/fs/selinux/enforce": enforce})
    found = folders.host_notes(folders.read(there, {**WANTED, "root": root}, None))
    assert len(found) == notes and all("SELinux is enforcing" in note for note in found)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("root", ["/srv/app", "/data", "/usr/local/lib/app"])
def test_a_folder_on_record_keeps_what_is_in_it(root, made):
    record = record_of("shop", root, "/var/log/nginx")
    record["applications"]["shop"].update(roots={root: made}, logs={"/var/log/nginx": made})
    there = host({f"{root}/photos/x": "", "/var/log/nginx/access.log": ""})
    assert problems(there, record, root=root, log_dir="/var/log/nginx") == []


@pytest.mark.parametrize(
    "there, more, text",
    [
        (host({"/opt/shop/old.jar": ""}), {}, "xitrum_root (/opt/shop) has other contents (old.jar)"),
        (host({"/var/log/shop/old.log": ""}), {}, "xitrum_log_dir (/var/log/shop) has other contents (old.log)"),
        (host({"/srv/app/.snapshot/x": ""}), {"root": "/srv/app"}, "has other contents (.snapshot)"),
        (
            host({"/etc/passwd": "shop:x:9:9::/srv/home:/bin/sh\n", "/srv/home/x": ""}),
            {"root": "/srv/home"},
            "xitrum_root (/srv/home) has other contents (x)",
        ),
    ],
)
def test_contents_that_may_be_the_applications_are_a_note(there, more, text):
    assert problems(there, **more) == []
    found = folders.host_notes(folders.read(there, {**WANTED, **more}, None))
    assert len(found) == 1 and text in found[0]


def test_whose_folder_it_is_in_is_a_note():
    there = host(stats=stats(**{"/home/deploy": (0o755, "deploy")}))
    wanted = {**WANTED, "root": "/home/deploy/shop"}
    assert folders.host_notes(folders.read(there, wanted, None)) == [
        "xitrum_root (/home/deploy/shop) is below a folder of deploy, who can replace it: "
        "keep that account as safe as root"
    ]


@given(st.text())
def test_passwd_of_any_text_is_read(text):
    assert isinstance(folders.parse_passwd(text), dict)


def test_a_record_with_a_folder_that_was_there_before_is_sound_whatever_it_is():
    kept = {"shop": {"roots": {"/var/www": False}, "logs": {}, "users": {}, "groups": {}}}
    assert recorded.parse(json.dumps({"applications": kept}))["applications"] == kept
    with pytest.raises(ValueError, match="damaged"):
        recorded.parse(json.dumps({"applications": {"shop": {**kept["shop"], "roots": {"/var/www": True}}}}))


def test_a_folder_that_this_user_may_not_read_stops_no_reading():
    """Without root's rights another sentence says that they are missing."""

    class Closed(FakeHost):
        def listdir(self, path):
            raise PermissionError(13, "Permission denied", path)

        def stat(self, path):
            raise PermissionError(13, "Permission denied", path)

    assert list(folders.host_problems(WANTED, folders.read(Closed({"/etc/passwd": PASSWD}), WANTED, recorded.EMPTY))) == []
