# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was there before the first change is written down once, and what is to be done to bring it back."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import recorded, unmanaged_file
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat

from tests.unit.fake_host import FakeHost
from tests.unit.record_texts import record_text

SHOP = {"name": "shop", "root": "/opt/shop", "log_dir": "/var/log/shop", "user": "shop"}
DPKG = "dpkg-query --show --showformat=${Package} ${db:Status-Status}\n "
SHOW = "systemctl show --no-pager --property=LoadState,ActiveState,UnitFileState -- "


def desired(packages=(), application=None):
    return {"packages": list(packages), "application": application, "supervisord": False}


def test_what_is_missing_is_written_down_and_what_is_there_is_not():
    host = FakeHost({"/var/log/shop/old": ""}, {DPKG + "haproxy socat": "haproxy installed\n", "getent group shop": "shop:x:1:\n"})
    shop = {**SHOP, "adopt": ["log_dir", "user"]}
    found = recorded.read_state(host, desired(["haproxy", "socat"], shop))
    record = recorded.add_to_record(desired(["haproxy", "socat"], shop), found)
    assert record["packages"] == ["socat"]
    assert record["applications"]["shop"] == {
        "roots": {"/opt/shop": True}, "logs": {"/var/log/shop": False}, "users": {"shop": True}, "groups": {"shop": False}}


@pytest.mark.parametrize("files, commands, message", [
    ({"/opt/shop/releases/20260101/x": ""}, {}, "xitrum_root is /opt/shop, which exists and is not on record as shop's"),
    ({"/var/log/shop/old": ""}, {}, "xitrum_log_dir is /var/log/shop"),
    ({}, {"getent passwd shop": "shop:x:1:\n"}, "xitrum_user is shop"),
    ({}, {"getent group shop": "shop:x:1:\n"}, "xitrum_user is shop"),
])
def test_what_exists_without_a_record_is_refused_or_adopted_and_recorded(files, commands, message):
    host = FakeHost(files, commands)
    found = recorded.read_state(host, desired((), SHOP))
    with pytest.raises(ValueError, match=message):
        recorded.add_to_record(desired((), SHOP), found)
    option = message.partition(" ")[0][len("xitrum_"):]
    record = recorded.add_to_record(desired((), {**SHOP, "adopt": [option]}), found)
    # What was adopted once is the application's, and a later run needs no word for it.
    assert recorded.add_to_record(desired((), SHOP), {**found, "record": record}) == record
    assert sorted(made for kind in record["applications"]["shop"].values() for made in kind.values())[0] is False
    assert recorded.parse(recorded.format_text(record)) == record


def test_a_first_run_that_was_killed_runs_again():
    """The record comes before what it is of, so that all of it is the application's by then."""
    nothing = recorded.read_state(FakeHost(), desired((), SHOP))
    record = recorded.add_to_record(desired((), SHOP), nothing)
    there = recorded.read_state(FakeHost({recorded.PATH: recorded.format_text(record), "/opt/shop/releases/.a.partial/x": "", "/var/log/shop/0/x": ""},
                                         {"getent passwd shop": "x", "getent group shop": "x"}), desired((), SHOP))
    assert recorded.add_to_record(desired((), SHOP), there) == record


def test_an_empty_folder_is_nobodys():
    found = recorded.read_state(FakeHost({"/opt/shop/lost+found/x": ""}), desired((), SHOP))
    assert recorded.add_to_record(desired((), SHOP), found)["applications"]["shop"]["roots"] == {"/opt/shop": False}


def test_the_ports_on_record_are_those_of_today():
    shop = {**SHOP, "ports": [8001, 8000]}
    record = recorded.add_to_record(desired((), shop), recorded.read_state(FakeHost(), desired((), shop)))
    assert record["applications"]["shop"]["ports"] == [8000, 8001]
    found = recorded.read_state(FakeHost({recorded.PATH: recorded.format_text(record)}), desired((), shop))
    assert recorded.add_to_record(desired((), {**shop, "ports": [9000]}), found)["applications"]["shop"]["ports"] == [9000]


def test_a_package_that_was_removed_and_left_its_settings_is_not_installed():
    assert recorded.find_installed(FakeHost(commands={DPKG + "nginx": "nginx config-files\n"}), ["nginx"]) == set()


def test_without_dpkg_rpm_is_queried():
    host = FakeHost(commands={"rpm --query --quiet nginx": "", "rpm --query --quiet socat": (1, "", "")})
    assert recorded.find_installed(host, ["nginx", "socat"]) == {"nginx"}


def test_a_second_run_changes_nothing_and_another_root_is_added():
    none, all_of_it = (dict.fromkeys(("roots", "logs", "users", "groups"), there) for there in (False, True))
    first = recorded.add_to_record(desired(["socat"], SHOP), {"record": recorded.parse(None), "installed": set(), "there": none, "missing": []})
    there = {"record": first, "installed": {"socat"}, "there": all_of_it, "missing": []}
    assert recorded.add_to_record(desired(["socat"], SHOP), there) == first
    moved = recorded.add_to_record(desired((), {**SHOP, "root": "/srv/shop"}), there)
    assert moved["applications"]["shop"]["roots"] == {"/opt/shop": True, "/srv/shop": False}


def entry(**more):
    return record_text({"applications": {"shop": {"roots": {}, "logs": {}, "users": {}, "groups": {}, **more}}})


@pytest.mark.parametrize("text", [
    "{", "[]", '{"packages": {}}', '{"units": 1}', '{"packages": [1]}', '{"units": {"a": null}}', '{"units": {"a": {"boot": ""}}}', '{"modes": {"/a": "1"}}',
    '{"modes": [1]}', '{"files": {"/a": {}}}', '{"files": {"/a": {"target": "b"}}}',
    '{"files": {"/a": {"target": "/b", "mode": "1"}}}',
    '{"applications": {"shop": {"roots": {}}}}', '{"applications": {"shop": null}}',
    entry(roots={"/": True}), entry(roots={"/etc": True}), entry(logs={"/opt/../etc/x": True}), entry(logs={"log": True}), entry(users={"shop": 1}),
    entry(ports={}), entry(ports=["8000"]), entry(other={}),
])
def test_a_damaged_record_is_an_error_that_names_it(text):
    with pytest.raises(ValueError, match="/var/lib/xitrum.host/before.json is damaged"):
        recorded.parse(record_text(text))


def test_an_empty_record_is_no_file():
    host = FakeHost({recorded.PATH: "{}"})
    recorded.write(host, recorded.parse(None))
    assert recorded.PATH not in host.files


def test_a_unit_is_written_down_once():
    host = FakeHost(commands={SHOW + "nginx.service": "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n"})
    recorded.note_unit(host, "nginx.service", "nginx")
    host.commands[SHOW + "nginx.service"] = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
    recorded.note_unit(host, "nginx.service", "nginx")
    assert recorded.read(host)["units"] == {"nginx.service": {"boot": "disabled", "active": "inactive"}}


def test_a_unit_that_came_with_a_package_of_ours_was_not_there():
    host = FakeHost({recorded.PATH: record_text({"packages": ["nginx"]})}, {
        SHOW + "nginx.service": "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"})
    recorded.note_unit(host, "nginx.service", "nginx")
    assert recorded.read(host)["units"] == {"nginx.service": {"boot": "", "active": ""}}


ON, OFF, NONE = {"boot": "enabled", "active": "active"}, {"boot": "disabled", "active": "inactive"}, {"boot": "", "active": ""}


@pytest.mark.parametrize(("before", "now", "commands"), [
    (NONE, ON, ["stop", "disable"]), (OFF, ON, ["stop", "disable"]), (ON, OFF, ["enable", "start"]),
    (ON, ON, []), (OFF, OFF, []), (NONE, NONE, []), (ON, NONE, []),
])
def test_a_unit_gets_what_brings_it_back(before, now, commands):
    assert recorded.plan_unit_commands(before, now) == [[command] for command in commands]


def test_a_unit_that_others_need_stays():
    assert recorded.plan_unit_commands(NONE, ON, needed=True) == []


def test_a_unit_that_goes_on_reads_its_files_and_then_forgotten():
    host = FakeHost({recorded.PATH: record_text({"units": {"nginx.service": ON}})}, {
        SHOW + "nginx.service": "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n", "systemctl reload nginx.service": ""})
    recorded.put_back(host, "nginx.service", again="reload")
    assert ("run", "systemctl reload nginx.service") in host.done
    assert recorded.PATH not in host.files


def test_a_unit_that_refuses_is_an_error_and_stays_on_record():
    host = FakeHost({recorded.PATH: record_text({"units": {"nginx.service": ON}})}, {
        SHOW + "nginx.service": "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n", "systemctl start nginx.service": (1, "", "no")})
    with pytest.raises(RuntimeError, match="systemctl start nginx.service failed with exit code 1: no"):
        recorded.put_back(host, "nginx.service")
    assert "nginx.service" in recorded.read(host)["units"]


def test_a_file_is_recorded_once_and_forgotten_when_it_is_back():
    host = FakeHost({"/etc/rc.local": "x"}, stats={"/etc/rc.local": Stat("file", 0o600, "root", "root", 1)})
    unmanaged_file.note_file(host, unmanaged_file.read_file(host, "/etc/rc.local"))
    host.stats["/etc/rc.local"] = Stat("file", 0o711, "root", "root", 1)
    unmanaged_file.note_file(host, unmanaged_file.read_file(host, "/etc/rc.local"))
    assert recorded.forget(host, "files", "/etc/rc.local") == {"target": "/etc/rc.local", "mode": 0o600}
    assert recorded.forget(host, "files", "/etc/rc.local") is None


@pytest.mark.parametrize("recorded_mode, mode", [(0o777, 0o755), (0o666, 0o644), (0o640, 0o640)])
def test_a_recorded_mode_lets_no_other_write(recorded_mode, mode):
    there = FakeHost(
        {
            "/etc/rc.local": "#!/bin/sh\n",
            recorded.PATH: record_text({"files": {"/etc/rc.local": {"target": "/etc/rc.local", "mode": recorded_mode}}}),
        },
        stats={"/etc/rc.local": Stat("file", recorded_mode, "root", "root", 0)},
    )
    unmanaged_file.restore_file(there, "/etc/rc.local", lambda text: text.replace("#!", "#! "))
    assert there.files["/etc/rc.local"] == "#! /bin/sh\n" and there.stat("/etc/rc.local").mode == mode
    assert recorded.read(there)["files"] == {}


@pytest.mark.parametrize("group, mode", [("root", 0o775), ("shop", 0o755)])
def test_a_group_other_than_roots_gets_no_right_to_write_back(group, mode):
    note = {"target": "/etc/inittab", "mode": 0o775}
    there = FakeHost(
        {"/etc/inittab": "id:2\nours\n", recorded.PATH: record_text({"files": {"/etc/inittab": note}})},
        stats={"/etc/inittab": Stat("file", 0o644, "root", group, 0)},
    )
    unmanaged_file.restore_file(there, "/etc/inittab", lambda text: text.replace("ours\n", ""))
    assert there.stat("/etc/inittab").mode == mode


def test_a_file_that_others_may_write_by_now_loses_what_is_ours_and_that_right():
    there = FakeHost({"/etc/rc.local": "a\nours\n"}, stats={"/etc/rc.local": Stat("file", 0o777, "root", "root", 0)})
    unmanaged_file.restore_file(there, "/etc/rc.local", lambda text: text.replace("ours\n", ""))
    assert (there.files["/etc/rc.local"], there.stat("/etc/rc.local").mode) == ("a\n", 0o755)


@pytest.mark.parametrize(
    "stats, message",
    [
        ({"/etc/rc.local": Stat("file", 0o755, "nobody", "root", 0)}, "/etc/rc.local belongs to nobody"),
        ({"/etc/rc.local": Stat("file", 0o664, "root", "staff", 0)}, "may be written by the group staff"),
        ({"/etc": Stat("directory", 0o777, "root", "root", 0)}, "/etc may be written by every user"),
        ({"/etc": Stat("directory", 0o775, "root", "ops", 0)}, "/etc may be written by the group ops"),
    ],
)
def test_a_file_that_root_obeys_is_roots_alone_also_without_a_link(stats, message):
    there = FakeHost({"/etc/rc.local": "x"}, stats=stats)
    found = unmanaged_file.read_file(there, "/etc/rc.local")
    assert message in found.error and "expected a file and folders that root alone may change" in found.error


@pytest.mark.parametrize("stat", [Stat("file", 0o664, "root", "root", 0), Stat("file", 0o640, "root", "adm", 0)])
def test_a_file_that_others_may_only_read_is_fine(stat):
    assert not unmanaged_file.read_file(FakeHost({"/etc/inittab": "x"}, stats={"/etc/inittab": stat}), "/etc/inittab").error
