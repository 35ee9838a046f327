# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of the system are refused, by their names and by what a host has in their place."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import instances, releases
from ansible_collections.xitrum.host.plugins.module_utils.core import folders, recorded
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import HIDING_HOMES
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fake_host import FakeHost
from tests.unit.record_texts import record_text

DESIRED = {"name": "shop", "user": "shop", "root": "/opt/shop", "log_dir": "/var/log/shop", "supervisor": "systemd", "adopt": []}
#: The account is made by an earlier run.
RECORD = {"applications": {"shop": {"roots": {}, "logs": {}, "users": {"shop": True}, "groups": {"shop": True}}}}
ADOPT = {"adopt": ["root", "log_dir"]}
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
    assert "expected an absolute path" in folders.find_folder_error("xitrum_root", path)


@given(st.text())
def test_a_path_without_an_error_is_written_in_one_way(text):
    if not folders.find_folder_error("xitrum_root", text):
        assert folders.normalize(text) == text and folders.PATH.fullmatch(text) and not folders.is_system(text)


@given(st.text("/.ab"))
def test_a_path_is_judged_by_what_it_means(text):
    path = "/" + text
    assert folders.is_system(path) == folders.is_system(folders.normalize(path))


def find_errors(host, record=None, **more):
    desired = {**DESIRED, **more}
    return list(folders.find_host_errors(
        desired, folders.read(host, desired, {**recorded.EMPTY, **(record or RECORD)}), HIDING_HOMES))


def host(files=None, **more):
    return FakeHost({"/etc/passwd": PASSWD, **(files or {})}, **more)


def test_folders_that_are_not_there_yet_are_fine():
    assert find_errors(host()) == []


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
        (host({"/opt/shop": "a file"}), {}, "xitrum_root is /opt/shop, which is not a folder"),
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
    found = find_errors(there, **more)
    assert len(found) == 1 and text in found[0], found


@pytest.mark.parametrize(
    "there, more",
    [
        (host(links={"/opt/shop": "/data/shop"}), {}),
        (host({"/opt/shop/old.jar": ""}), ADOPT),
        (host({"/data/releases/x": "", "/data/manifests/x": ""}), {"root": "/data", **ADOPT}),
        (host({"/srv/app/run": "# xitrum.host\n", "/srv/app/notes": ""}), {"root": "/srv/app", **ADOPT}),
        (host({"/srv/logs/runs.log": "", "/srv/logs/old.txt": ""}), {"log_dir": "/srv/logs", **ADOPT}),
        (host({"/srv/logs/0/a.log": "", "/srv/logs/output-0.log": ""}), {"log_dir": "/srv/logs", **ADOPT}),
        (host({"/srv/app/lost+found/x": ""}), {"root": "/srv/app"}),
        (host({"/srv/app/.bashrc": ""}), {"root": "/srv/app", **ADOPT}),
        (host(stats=stats(**{"/srv/app": (0o755, "root")})), {"root": "/srv/app"}),
        (host({"/usr/local/lib/app/run": "# xitrum.host\n"}), {"root": "/usr/local/lib/app", **ADOPT}),
        (host({"/usr/local/app/run": "# xitrum.host\n"}), {"root": "/usr/local/app", **ADOPT}),
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
    assert find_errors(there, **more) == []


MINE = {"/srv/logs/runs.log": "", "/srv/logs/0/a.log": "", "/srv/logs/output-0.log": ""}


@pytest.mark.parametrize("entry, stat, why", [
    ("output-0.log", Stat("link", 0o777, "nobody", "nogroup", 0), "is a link"),
    ("output-0.log", Stat("link", 0o777, "root", "root", 0), "is a link"),
    ("0", Stat("link", 0o777, "shop", "shop", 0), "is a link"),
    ("runs.log", Stat("file", 0o644, "alice", "alice", 0), "belongs to alice"),
    ("0", Stat("directory", 0o755, "1234", "1234", 0), "belongs to 1234"),
    ("output-0.log", Stat("file", 0o644, "root", "root", 0, 2), "is a hard link"),
    ("output-0.log", Stat("other", 0o644, "shop", "shop", 0), "is a pipe, a socket or a device"),
    ("output-0.log", Stat("file", 0o640, "shop", "shop", 0), ""),
    ("output-0.log", Stat("file", 0o640, "root", "root", 0), ""),
])
def test_an_entry_through_which_root_would_write_elsewhere_is_not_adopted(entry, stat, why):
    found = find_errors(host(MINE, stats={f"/srv/logs/{entry}": stat}), log_dir="/srv/logs", **ADOPT)
    assert len(found) == bool(why)
    assert all(f"xitrum_log_dir is /srv/logs, and {entry} in it {why}: expected" in sentence for sentence in found)


@pytest.mark.parametrize("name, owner, count", [("current", "root", 0), ("current", "alice", 1), ("instances", "root", 1)])
def test_of_links_in_a_root_only_those_of_the_collection_are_adopted(name, owner, count):
    files = {"/opt/shop/releases/x": "", "/opt/shop/manifests/x": ""}
    there = host(files, stats={f"/opt/shop/{name}": Stat("link", 0o777, owner, owner, 0)}, links={f"/opt/shop/{name}": "releases/x"})
    assert len(find_errors(there, **ADOPT)) == count


def record_of(name, root, logs="/var/log/other"):
    return {"applications": {name: {"roots": {root: True}, "logs": {logs: True}, "users": {}, "groups": {}}}}


@pytest.mark.parametrize(
    "root, logs", [("/opt/shop", "/x"), ("/opt/shop/inner", "/x"), ("/x", "/var/log/shop"), ("/x", "/opt/shop/logs")]
)
def test_two_applications_do_not_share_a_folder(root, logs):
    there = host({f"{root}/run": "", f"{logs}/runs.log": ""})
    found = find_errors(there, record_of("blog", root, logs))
    assert found and "which the application blog of this host has already" in found[0]
    # What is gone is nobody's.
    assert find_errors(host(), record_of("blog", root, logs)) == []


def test_a_folder_that_was_made_for_the_application_is_not_reread():
    there = host({"/opt/shop/run": ""}, commands={"dpkg-query --search /opt/shop": "shop-deb: /opt/shop\n"})
    assert find_errors(there, record_of("shop", "/opt/shop", "/var/log/shop")) == []
    assert not [words for kind, words in there.done if "/opt/shop" in words]


def test_the_applications_user_owns_no_folder_above():
    there = host({"/etc/passwd": "shop:x:9:9::/srv/shop:/bin/sh\n"}, stats=stats(**{"/srv/shop": (0o755, "shop")}))
    found = find_errors(there, root="/srv/shop/app")
    assert len(found) == 1 and "a folder above it belongs to shop, the application's user" in found[0]


@pytest.mark.parametrize(
    "enforce, root, notes", [("1", "/home/deploy/shop", 1), ("0", "/home/deploy/shop", 0), ("1", "/opt/shop", 0)]
)
def test_selinux_is_named_where_it_keeps_a_service_out(enforce, root, notes):
    there = host({"/sys/fs/selinux/enforce": enforce})
    found = folders.find_host_notes(folders.read(there, {**DESIRED, "root": root}, None))
    assert len(found) == notes and all("SELinux is enforcing" in note for note in found)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("root", ["/srv/app", "/data", "/usr/local/lib/app"])
def test_a_folder_on_record_keeps_what_is_in_it(root, made):
    record = record_of("shop", root, "/var/log/nginx")
    record["applications"]["shop"].update(roots={root: made}, logs={"/var/log/nginx": made})
    there = host({f"{root}/photos/x": "", "/var/log/nginx/access.log": ""})
    assert find_errors(there, record, root=root, log_dir="/var/log/nginx") == []


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
    assert find_errors(there, **ADOPT, **more) == []
    found = folders.find_host_notes(folders.read(there, {**DESIRED, **ADOPT, **more}, {**recorded.EMPTY, **RECORD}))
    assert len(found) == 1 and text in found[0]
    refused = find_errors(there, **more)
    assert len(refused) == 1 and "is not on record as shop's; expected a folder that is made for it" in refused[0]
    assert text[text.index("has other") :] in refused[0] and "to xitrum_adopt: it then gets" in refused[0]


def test_whose_folder_it_is_in_is_a_note():
    there = host(stats=stats(**{"/home/deploy": (0o755, "deploy")}))
    desired = {**DESIRED, "root": "/home/deploy/shop"}
    assert folders.find_host_notes(folders.read(there, desired, None)) == [
        "xitrum_root (/home/deploy/shop) is below a folder of deploy, who can replace it: "
        "keep that account as safe as root"
    ]


@given(st.text())
def test_passwd_of_any_text_is_read(text):
    assert isinstance(folders.parse_passwd(text), dict)


def test_a_record_with_a_folder_that_was_there_before_is_sound_whatever_it_is():
    kept = {"shop": {"roots": {"/var/www": False}, "logs": {}, "users": {}, "groups": {}}}
    assert recorded.parse(record_text({"applications": kept}))["applications"] == kept
    with pytest.raises(ValueError, match="damaged"):
        recorded.parse(record_text({"applications": {"shop": {**kept["shop"], "roots": {"/var/www": True}}}}))


def test_a_folder_that_this_user_may_not_read_stops_no_reading():
    """Without root's rights another sentence reports that they are missing."""

    class Closed(FakeHost):
        def listdir(self, path):
            raise PermissionError(13, "Permission denied", path)

        def stat(self, path):
            raise PermissionError(13, "Permission denied", path)

    assert list(folders.find_host_errors(
        DESIRED, folders.read(Closed({"/etc/passwd": PASSWD}), DESIRED, recorded.EMPTY), HIDING_HOMES)) == []


# ------------------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("files", [
    {"/opt/shop/releases/x": "", "/opt/shop/manifests/x": ""}, {"/opt/shop/run": "# xitrum.host\n"}, {"/opt/shop/notes": ""},
])
def test_a_folder_that_is_not_on_record_is_refused_whatever_is_in_it(files):
    """By its contents alone a release of another tool counted as one of ours, and was pruned."""
    found = find_errors(host(files))
    assert len(found) == 1 and "xitrum_root is /opt/shop, which has other contents" in found[0]
    assert find_errors(host(files), adopt=["root"]) == [] and len(find_errors(host(files), adopt=["log_dir", "user"])) == 1


def test_an_empty_folder_of_root_is_nobodys_and_one_of_a_user_is_his():
    there = host(stats=stats(**{"/srv/shop": (0o755, "root")}))
    assert find_errors(there, root="/srv/shop") == []
    there = host(stats=stats(**{"/srv/shop": (0o755, "alice")}))
    assert "xitrum_root is /srv/shop, which belongs to alice and is not on record" in find_errors(there, root="/srv/shop")[0]
    assert find_errors(there, root="/srv/shop", adopt=["root"]) == []


ACCOUNTS = {"/etc/passwd": "root:x:0:0::/root:/bin/sh\nweb:x:990:990::/srv/web:/bin/bash\n", "/etc/group": "web:x:990:\n"}


@pytest.mark.parametrize("files, adopt, text", [
    (ACCOUNTS, [], "the user and the group web exist without a record of shop; expected an account that is made for it"),
    ({"/etc/group": "web:x:990:alice\n"}, [], "the group web exists without a record of shop"),
    ({**ACCOUNTS, "/etc/passwd": "web:x:0:0::/:/bin/sh\n"}, ["user"], "which has root's number 0"),
    ({**ACCOUNTS, "/etc/passwd": "web:x:990:990::/:/bin/sh\nftp:x:990:9::/:/bin/sh\n"}, ["user"], "whose number 990 is also that of ftp"),
    ({**ACCOUNTS, "/etc/passwd": "web:x:990:100::/:/bin/sh\n"}, ["user"], "whose own group is not web"),
    ({"/etc/passwd": "web:x:990:990::/:/bin/sh\n"}, ["user"], "whose own group is not web"),
])
def test_an_account_of_something_else_is_refused(files, adopt, text):
    found = find_errors(FakeHost(files), user="web", adopt=adopt)
    assert len(found) == 1 and found[0].startswith("xitrum_user is web") and text in found[0]


def test_an_account_that_is_adopted_made_or_not_there_is_fine():
    assert find_errors(FakeHost(ACCOUNTS), user="web", adopt=["user"]) == []
    for made in (True, False):
        entry = {"roots": {}, "logs": {}, "users": {"web": made}, "groups": {"web": made}}
        assert find_errors(FakeHost(ACCOUNTS), {"applications": {"shop": entry}}, user="web") == []
    assert find_errors(FakeHost({"/etc/passwd": "root:x:0:0::/root:/bin/sh\n"}), user="web") == []


@pytest.mark.parametrize("users, adopt, noted", [
    ({}, ["user"], True),
    # Recorded as there before, where the variable is gone, and as made for the application.
    ({"web": False}, [], True), ({"web": True}, ["user"], False), ({"web": True}, [], False),
])
def test_an_adopted_account_is_reported(users, adopt, noted):
    record = {**recorded.EMPTY, "applications": {"shop": {"roots": {}, "logs": {}, "users": users, "groups": users}}}
    found = folders.find_host_notes(folders.read(FakeHost(ACCOUNTS), {**DESIRED, "user": "web", "adopt": adopt}, record))
    sentence = "every program of the account web can read the application's secrets"
    assert [sentence in note for note in found] == [True] * noted


def test_an_account_that_only_a_directory_of_the_network_knows_is_there():
    there = FakeHost(commands={"getent passwd web": "web:x:70000:70000::/home/web:/bin/sh\n"})
    assert "the user web exists without a record" in find_errors(there, user="web")[0]


def test_two_applications_do_not_share_an_account():
    record = record_of("blog", "/opt/blog")
    record["applications"]["blog"]["users"] = {"web": True}
    found = find_errors(FakeHost(ACCOUNTS), record, user="web", adopt=["user"])
    assert len(found) == 1 and "which the application blog of this host has already" in found[0]


def test_without_a_record_that_can_be_read_nobody_reports_what_is_whose():
    """As for a check that does not run as root."""
    there = FakeHost({**ACCOUNTS, "/opt/shop/notes": ""})
    desired = {**DESIRED, "user": "web"}
    assert list(folders.find_host_errors(desired, folders.read(there, desired, None), HIDING_HOMES)) == []


@pytest.mark.parametrize(("root", "logs", "refused"), [
    ("/var/lib", "/var/log/shop", "/var/lib belongs to the system"),
    ("/srv/link", "/var/log/shop", "/srv/link belongs to the system"),
    ("/opt/shop", "/var/log", "/var/log belongs to the system"),
    ("/opt/shop", "/var/log/shop", ""),
])
def test_a_module_that_is_used_without_a_preflight_refuses_a_folder_of_the_system(root, logs, refused):
    host = FakeHost(links={"/srv/link": "/etc"})
    found = instances.EXECUTION.refuse(host, {"root": root, "log_dir": logs})
    assert found.startswith(refused) and bool(found) == bool(refused)
    if logs != "/var/log":
        assert bool(releases.EXECUTION.refuse(host, {"root": root})) == bool(refused)
