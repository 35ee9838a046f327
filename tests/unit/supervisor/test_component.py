# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a supervisor has to have on a host: files that depend on it, and what is never overwritten."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import recorded
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import component as services
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import inittab, supervisord_config, table
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

LIMITS = "Max open files            1024                 20000                files     \n"
ALL = "Max open files            1048576              1048576              files     \n"
MAIN = "[supervisord]\nlogfile=/var/log/s.log\nminfds = 30000\n[include]\nfiles = conf.d/*.conf\n"
STATUS = "Uid:\t1000\t1000\t1000\t1000\nCapBnd:\t0000000001000000\n"
UNIT = "systemctl show --no-pager --property=ActiveState,UnitFileState,MainPID -- "
RUN = "/etc/demo-runit/0/run"
BARE = {"/proc/self/status": STATUS, "/proc/1/limits": LIMITS, "/run/systemd/system/some.unit": ""}
#: Without systemd, and with a process 1 whose name is that of three programs.
OLD = {**{path: text for path, text in BARE.items() if "systemd" not in path}, "/proc/1/comm": "init\n"}


def desired(kind="supervisord", text="; Written by xitrum.host\nminfds=@MINFDS@\n", path="/etc/demo-supervisord/run", **more):
    return {"name": "demo", "supervisor": kind, "instances": 1, "nofile": 1024000, "low_port": False, "supervisord_version": "",
            "files": [{"path": path, "content": text, "mode": "0644", "owner": "root", "group": "root"}], **more}


def host(files=None, commands=None, links=None, nofile=LIMITS):
    return FakeHost({**BARE, "/proc/9/limits": nofile, supervisord_config.MAIN: MAIN, **(files or {})},
                    {"supervisorctl status": "demo-0   RUNNING   pid 7, uptime 0:00:09\n", "supervisord --version": "4.2.5\n",
                     "systemctl is-enabled supervisor.service": "enabled\n", "systemctl enable --now supervisor.service": "",
                     "systemctl enable demo-logs.service": "", "systemctl enable --now demo-logs.path": "",
                     UNIT + "supervisor.service": "ActiveState=active\nUnitFileState=enabled\nMainPID=9\n",
                     "prlimit --pid 9 --nofile=30000:30000": "", **(commands or {})}, links)


def planned(there, want):
    state = services.read(there, want)
    return state, services.plan(want, state)


def test_the_limit_in_a_file_is_what_others_want_at_least():
    state, plan = planned(host(), desired(nofile=25000))
    assert state["set"]["files"][0]["content"].endswith("minfds=30000\n")
    assert ("raise", 9) in plan.actions


def test_a_running_supervisord_is_raised_and_not_restarted():
    there, want = host(), desired(nofile=25000)
    state, plan = planned(there, want)
    services.apply(there, plan)
    commands = [what[1] for what in there.done if what[0] == "run"]
    assert "prlimit --pid 9 --nofile=25000:25000" in commands
    assert not any("restart" in words or "reload" in words for words in commands)
    # Debian's package has started it; the files are in sync now.
    assert not planned(host({"/etc/demo-supervisord/run": there.files["/etc/demo-supervisord/run"]}, nofile=ALL,
                            links={"/etc/supervisor/conf.d/demo-0.conf": "/etc/demo-supervisord/0.conf"}), want)[1].changed


def test_the_link_of_one_that_runs_is_put_back_and_of_one_that_another_has_is_not():
    mark = "/etc/supervisor/conf.d/demo-0.conf"
    assert planned(host(), desired())[0]["set"]["links"] == [{"path": mark, "target": "/etc/demo-supervisord/0.conf"}]
    assert planned(host(links={"/etc/demo-runit/enabled/0": "x"}), desired())[0]["set"]["links"] == []
    stopped = {"supervisorctl status": "demo-0   STOPPED   Nov 24 02:00 PM\n"}
    assert planned(host(commands=stopped), desired())[0]["set"]["links"] == []


@pytest.mark.parametrize(("links", "files", "found"), [
    ({}, {}, []), ({"enabled/1": "start"}, {}, [1]),
    ({}, {"/run/demo-rc.local-1.pid": "7\n"}, []), ({}, {"/run/demo-rc.local-1.pid": "7\n", "/proc/7": ""}, [1])])
def test_under_rc_local_the_link_of_one_that_runs_is_put_back_and_the_other_slot_gets_none(links, files, found):
    home = "/etc/demo-rc.local"
    there = host({"/etc/rc.local": "#!/bin/sh\n", **files}, {"logrotate": ""}, {f"{home}/{path}": f"{home}/{to}" for path, to in links.items()})
    state, _plan = planned(there, desired("rc.local", "# Written by xitrum.host", f"{home}/boot", instances=2))
    assert state["set"]["links"] == [{"path": f"{home}/enabled/{index}", "target": f"{home}/start"} for index in found]


def test_what_is_missing_is_named_and_not_started():
    there, want = FakeHost(), desired("runit", "# Written by xitrum.host", RUN)
    state, plan = planned(there, want)
    assert plan.facts["packages"] == ["runit"] and not plan.facts["from_pypi"]
    with pytest.raises(RuntimeError, match="runit is not installed on this host"):
        services.apply(there, plan)
    assert not [what for what in there.done if what[0] != "run"]


def test_a_daemon_that_does_not_run_is_started():
    there = FakeHost({RUN: "# Written by xitrum.host"}, {"runsvdir": "", UNIT + "demo-runit.service": "ActiveState=inactive\nUnitFileState=enabled\n"})
    _state, plan = planned(there, desired("runit", "# Written by xitrum.host", RUN))
    assert list(plan.actions) == [("commands", None)]
    assert [row.why for row in plan.rows if row.status == "drift"] == ["it keeps the instances running"]


def test_what_another_supervisor_has_left_goes():
    there = host({"/etc/demo-runit/0/run": "", "/etc/demo-supervisord/run": "; Written by xitrum.host\nminfds=20000\n"}, nofile=ALL)
    want = desired(nofile=20000)
    there.files[supervisord_config.MAIN] = ""
    there.links["/etc/supervisor/conf.d/demo-0.conf"] = "/etc/demo-supervisord/0.conf"
    state, plan = planned(there, want)
    assert list(plan.actions) == [("clean", "runit")]
    services.apply(there, plan)
    assert "/etc/demo-runit/0/run" not in there.files


@pytest.mark.parametrize("folder", services.UNIT_FOLDERS)
@pytest.mark.parametrize("kind, name, unit", [
    ("systemd", "user", "user@.service"), ("systemd", "getty", "getty@.service"), ("runit", "a", "a-runit.service"), ("supervisord", "b", "b-logs.path"),
])
def test_a_name_of_a_unit_of_the_distribution_is_refused(folder, kind, name, unit):
    """A unit in /etc replaces it, without a word."""
    there = host({f"{folder}/{unit}": "[Unit]\n"}, {"systemctl": "", "runsvdir": ""})
    want = desired(kind, "# Written by xitrum.host", "/etc/x", name=name)
    assert any(f"xitrum_name is {name}, and this host has {folder}/{unit} already" in message for message in planned(there, want)[1].errors)
    assert not any("already, which a unit" in message for message in planned(there, {**want, "name": "shop"})[1].errors)


@pytest.mark.parametrize("kind", [kind for kind in SUPERVISORS.values() if kind.KEEPS], ids=lambda kind: kind.name)
def test_what_a_killed_removal_left_in_a_service_directory_is_nobody_elses(kind):
    want = desired(kind.name, "# xitrum.host", f"/etc/demo-{kind.name}/0/run")
    for name in kind.KEEPS:
        left = FakeHost({**BARE, f"/etc/demo-{kind.name}/0/{name}/x": ""})
        assert not any("not managed" in error for error in planned(left, want)[1].errors)


UPSTART = desired("upstart", "# xitrum.host", "/etc/init/demo-0.conf")


@pytest.mark.parametrize("there, want, message", [
    (host({"/etc/demo-supervisord/run": "theirs"}), desired(), "/etc/demo-supervisord/run exists and was not written by this collection"),
    (host({"/etc/supervisor/conf.d/demo-0.conf": "theirs"}), desired(), "/etc/supervisor/conf.d/demo-0.conf exists and is not the link"),
    (host({"/etc/supervisor/conf.d/x.conf": "[program:demo-0]\ncommand=x\n"}), desired(), "/etc/supervisor/conf.d/x.conf has a program demo-0 already"),
    (host(commands={"supervisord --version": "3.3.5\n"}), desired(), "supervisord is 3.3.5, expected 4.0 or newer"),
    (host(), desired(low_port=True), "supervisord cannot give an instance a port below 1024: choose one of systemd, runit, daemontools, rc.local"),
    (FakeHost({**BARE, "/etc/demo-runit/0/finish": "x"}), desired("runit", "# xitrum.host", RUN),
     "the service directory /etc/demo-runit/0 exists and is not managed by this collection (finish)"),
    (FakeHost({"/etc/rc.local": "#!/usr/bin/perl\n"}), desired("rc.local", "# xitrum.host", "/etc/demo-rc.local/boot"),
     "expected a shell script"),
    (FakeHost(BARE, {"initctl --version": "initctl (upstart 1.13.2)\n", "initctl version": "init (upstart 1.13.2)\n"}),
     UPSTART, "process 1 is systemd, and the xitrum_supervisor upstart wants upstart"),
    (FakeHost(OLD, {"initctl --version": "initctl (upstart 1.13.2)\n",
                    "initctl version": (1, "", "initctl: Unable to connect to Upstart\n")}), UPSTART,
     "process 1 is init, and the xitrum_supervisor upstart wants upstart"),
    (FakeHost(OLD, {"initctl version": "init (upstart 1.3)\n"}), UPSTART, "process 1 is upstart 1.3"),
    (FakeHost(OLD, {"initctl version": "init (upstart 1.13.2)\n", "runsvdir": ""}),
     desired("runit", "# xitrum.host", RUN), "process 1 is upstart, and the xitrum_supervisor runit wants systemd or init"),
    (FakeHost(OLD, {"svscan": ""}, {"/proc/1/exe": "/bin/busybox"}),
     desired("daemontools", "# xitrum.host", "/etc/demo-daemontools/0/run"),
     "process 1 is busybox, and the xitrum_supervisor daemontools wants systemd or init"),
])
def test_errors_are_reported_and_nothing_is_written(there, want, message):
    errors = list(planned(there, want)[1].errors)
    assert len(errors) == 1
    assert message in errors[0]
    assert not [what for what in there.done if what[0] != "run"]


def test_what_is_left_of_a_service_directory_is_no_error():
    there = FakeHost({**BARE, "/etc/demo-runit/0/down": "", "/etc/demo-runit/0/supervise/ok": ""})
    assert list(planned(there, desired("runit", "# Written by xitrum.host", RUN))[1].errors) == []


def test_rc_local_becomes_executable_and_reports_what_it_cannot():
    want = desired("rc.local", "# xitrum.host", "/etc/demo-rc.local/boot")
    there = FakeHost({"/etc/rc.local": "#!/bin/sh\nexit 0\n"}, {"logrotate": ""})
    state, plan = planned(there, want)
    assert state["set"]["files"][-1]["mode"] == "0755"
    assert "[ ! -x /etc/demo-rc.local/boot ] || /etc/demo-rc.local/boot\n" in state["set"]["files"][-1]["content"]
    assert [row.status for row in plan.rows if row.item == "restart after a crash"] == ["absent"]
    assert "does not start it again when it ends" in plan.facts["notes"][0]


RC_LOCAL = {**desired("rc.local", "# xitrum.host", "/etc/demo-rc.local/boot")}
RHEL = "#!/bin/bash\n# compatibility\n\ntouch /var/lock/subsys/local\n"


def linked(text=RHEL, mode=0o644, group="root", folder=None, target="rc.d/rc.local"):
    """A host whose script at boot is a link, as RHEL has it."""
    stats = {"/etc/rc.d/rc.local": Stat("file", mode, "root", group, 0)} if text is not None else {}
    stats.update({"/etc/rc.d": folder} if folder else {})
    files = {"/etc/rc.d/rc.local": text} if text is not None else {}
    return FakeHost(files, {"logrotate": ""}, {"/etc/rc.local": target}, stats)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
@pytest.mark.parametrize("target", ["rc.d/rc.local", "/etc/rc.d/rc.local"])
def test_a_linked_script_stays_a_link_and_its_target_comes_back_as_it_was(mode, target):
    there = linked(mode=mode, group="adm", target=target)
    state, plan = planned(there, RC_LOCAL)
    assert not plan.errors
    services.apply(there, plan)
    assert there.links["/etc/rc.local"] == target and "/etc/rc.local" not in there.files
    assert "/etc/demo-rc.local/boot\n# END" in there.files["/etc/rc.d/rc.local"]
    assert there.stat("/etc/rc.d/rc.local")[:4] == ("file", mode | 0o111, "root", "adm")
    assert SUPERVISORS["rc.local"].query_boot_word(there, "demo") == "enabled"
    assert not planned(there, RC_LOCAL)[1].changed
    assert table.find_leftovers(there, "demo")["rc.local"][-1] == "/etc/rc.local"
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert there.files["/etc/rc.d/rc.local"] == RHEL and there.links["/etc/rc.local"] == target
    assert there.stat("/etc/rc.d/rc.local")[:4] == ("file", mode, "root", "adm")
    assert recorded.read(there)["files"] == {} and "rc.local" not in table.find_leftovers(there, "demo")


def test_a_dangling_link_gets_a_script_and_dangles_again():
    there = linked(text=None)
    state, plan = planned(there, RC_LOCAL)
    services.apply(there, plan)
    assert there.files["/etc/rc.d/rc.local"].startswith("#!/bin/sh\n")
    assert there.stat("/etc/rc.d/rc.local").mode == 0o755
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert "/etc/rc.d/rc.local" not in there.files and there.links["/etc/rc.local"] == "rc.d/rc.local"
    assert recorded.read(there)["files"] == {}


def test_a_link_that_was_led_elsewhere_leaves_nothing_of_ours_behind():
    there = linked()
    services.apply(there, planned(there, RC_LOCAL)[1])
    there.links["/etc/rc.local"] = "/srv/rc.local"
    there.files["/srv/rc.local"] = "#!/bin/sh\nexit 0\n"
    services.apply(there, planned(there, RC_LOCAL)[1])
    assert "boot" in there.files["/srv/rc.local"] and "boot" in there.files["/etc/rc.d/rc.local"]
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert there.files["/srv/rc.local"] == "#!/bin/sh\nexit 0\n" and there.files["/etc/rc.d/rc.local"] == RHEL


def test_of_two_applications_the_last_one_brings_the_mode_back():
    there, shop = linked(mode=0o600), {**RC_LOCAL, "name": "shop"}
    for want in (RC_LOCAL, shop):
        services.apply(there, planned(there, want)[1])
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert there.stat("/etc/rc.d/rc.local").mode == 0o711 and "shop-rc.local/boot" in there.files["/etc/rc.d/rc.local"]
    SUPERVISORS["rc.local"].clean(there, "shop")
    assert (there.files["/etc/rc.d/rc.local"], there.stat("/etc/rc.d/rc.local").mode) == (RHEL, 0o600)


@pytest.mark.parametrize("there, message", [
    (linked(mode=0o777), "/etc/rc.d/rc.local has the mode 0777, so every user may change it"),
    (linked(folder=Stat("directory", 0o755, "carol", "carol", 0)),
     "/etc/rc.d belongs to carol, who could change what root runs"),
    (linked(folder=Stat("directory", 0o777, "root", "root", 0)), "/etc/rc.d may be written by every user"),
    (linked(target="rc.local"), "leads in a circle"), (linked(target="rc.d"), "which is a directory"),
    (FakeHost(links={"/etc/rc.local": "/dev/null"}, stats={"/dev/null": Stat("other", 0o666, "root", "root", 0)}),
     "/dev/null, which is a device"),
])
def test_a_script_that_is_not_roots_alone_is_refused_before_anything_is_changed(there, message):
    errors = list(planned(there, RC_LOCAL)[1].errors)
    assert len(errors) == 1 and message in errors[0]


def test_notes_on_a_script_are_reported():
    there = linked("#!/bin/sh\n[ -e /on ] || exit 0\ntrue\n")
    there.stats["/etc/rc.d/rc.local"] = there.stats["/etc/rc.d/rc.local"]._replace(names=2)
    notes = planned(there, RC_LOCAL)[1].facts["notes"]
    assert "has 2 names (hard links)" in notes[1] and "on line 2" in notes[2]


@pytest.mark.parametrize("kind", [kind for kind, what in SUPERVISORS.items() if what.restarts and kind != "upstart"])
def test_nothing_is_reported_of_those_that_can_restart(kind):
    assert planned(FakeHost(BARE), desired(kind, "# xitrum.host", "/etc/x"))[1].facts["notes"] == []


@pytest.mark.parametrize("text, found", [("4.2.5\n", ()), ("4.0.0", ()), ("3.4.0\n", "3.4.0"), ("3.0b2", "3.0b2"), ("", ()), ("supervisord: not found", ())])
def test_versions_of_supervisord(text, found):
    assert (found in supervisord_config.find_too_old_reason(text)) if found else supervisord_config.find_too_old_reason(text) == ""


# ---------------------------------------------------------------------------------------------------- without systemd

TABLE = "id:2:initdefault:\n1:2345:respawn:/sbin/getty 38400 tty1\n"
SCAN = {"/proc/5/cmdline": "/usr/bin/runsvdir\0-P\0/etc/demo-runit/enabled\0"}


def old_init(table=TABLE, **files):
    files = {**OLD, **SCAN, "/etc/inittab": table, **files}
    texts = {name: text for name, text in files.items() if text is not None}
    return FakeHost(texts, {"runsvdir": "", "telinit q": ""}, {"/etc/demo-runit/enabled/0": "/etc/demo-runit/0"})


def runit():
    files = [{"path": path, "content": "# Written by xitrum.host", "mode": "0644", "owner": "root", "group": "root"}
             for path in (RUN, "/etc/systemd/system/demo-runit.service")]
    return {**desired("runit"), "files": files}


def test_another_init_starts_it_by_an_entry_and_not_by_a_unit():
    there = old_init()
    state, plan = planned(there, runit())
    services.apply(there, plan)
    assert there.files["/etc/inittab"] == f"{TABLE}# BEGIN xitrum.host demo-runit\nx00:2345:respawn:/etc/demo-runit/scan\n# END xitrum.host demo-runit\n"
    assert "/etc/systemd/system/demo-runit.service" not in there.files
    assert ("run", "telinit q") in there.done and not [words for kind, words, *_more in there.done if kind == "run" and words.startswith("systemctl")]
    _state, again = planned(there, runit())
    assert not again.changed
    assert [(row.configured, row.effective) for row in again.rows if row.item == "demo-runit in /etc/inittab"] == [("enabled", "active")]


def test_what_an_entry_should_have_started_and_does_not_run_is_due():
    there = old_init()
    state, plan = planned(there, runit())
    services.apply(there, plan)
    del there.files["/proc/5/cmdline"]
    assert [kind for kind, _detail in planned(there, runit())[1].actions] == ["commands"]


@pytest.mark.parametrize("table, message", [(None, "/etc/inittab is missing"),
                                            ("".join(f"x{number:02d}:2:respawn:theirs\n" for number in range(100)), "so there is none for one more")])
def test_a_host_without_the_table_or_without_room_in_it_is_reported(table, message):
    errors = planned(old_init(table=table), runit())[1].errors
    assert len(errors) == 1 and message in errors[0]


def test_a_table_that_is_a_link_stays_one_and_what_it_leads_to_gets_the_entry():
    there = old_init(table=None)
    there.links["/etc/inittab"] = "inittab.real"
    there.files["/etc/inittab.real"] = TABLE
    there.stats["/etc/inittab.real"] = Stat("file", 0o640, "root", "adm", 0)
    state, plan = planned(there, runit())
    services.apply(there, plan)
    assert there.links["/etc/inittab"] == "inittab.real"
    assert "respawn:/etc/demo-runit/scan" in there.files["/etc/inittab.real"]
    assert there.stat("/etc/inittab.real")[:4] == ("file", 0o640, "root", "adm")
    assert not planned(there, runit())[1].changed
    SUPERVISORS["runit"].clean(there, "demo")
    assert there.files["/etc/inittab.real"] == TABLE and there.links["/etc/inittab"] == "inittab.real"
    assert recorded.read(there)["files"] == {}


def test_the_entry_goes_with_the_last_instance():
    there = old_init(table=inittab.put_entry(TABLE, "demo-runit", "/etc/demo-runit/scan"))
    assert table.find_leftovers(there, "demo")["runit"] == ["/etc/demo-runit", "/etc/inittab"]
    SUPERVISORS["runit"].clean(there, "demo")
    assert there.files["/etc/inittab"] == TABLE and ("run", "telinit q") in there.done


# ----------------------------------------------------------------------------------------------------- supervisord of PyPI

LINK = {"/usr/bin/supervisord": "/opt/supervisord/bin/supervisord"}


@pytest.mark.parametrize("desired_version, found, path, link, install, error", [
    ("4.3.0", "", "supervisord", "", True, ""),
    ("4.3.0", "4.3.0\n", "/opt/supervisord/bin/supervisord", "", False, ""),
    ("4.3", "4.3.0\n", "/opt/supervisord/bin/supervisord", "", False, ""),
    ("4.3", "4.3.1\n", "/opt/supervisord/bin/supervisord", "", True, ""),
    ("4.3.0", "4.2.5\n", "/usr/local/bin/supervisord", "/opt/supervisord/bin/supervisord", True, ""),
    ("4.3.0", "4.3.0\n", "/usr/local/bin/supervisord", "/opt/supervisord/bin/supervisord", False, ""),
    ("4.3.0", "4.2.5\n", "/usr/bin/supervisord", "", False, "/usr/bin/supervisord is supervisord 4.2.5, which this collection did not install"),
    ("3.4.0", "", "supervisord", "", False, "supervisord is 3.4.0, expected 4.0 or newer"),
    ("latest", "", "supervisord", "", False, "supervisor_supervisord_version is 'latest'"),
    ("4.3.0; reboot", "", "supervisord", "", False, "supervisor_supervisord_version is '4.3.0; reboot'"),
])
def test_whether_it_is_installed_from_pypi(desired_version, found, path, link, install, error):
    does, message = supervisord_config.choose_source(desired_version, found, path, link)
    assert does is install
    assert message.startswith(error) and bool(message) is bool(error)


def test_on_a_host_without_it_pypis_is_desired_with_what_pip_takes():
    bare = FakeHost(BARE, {"dpkg-query": ""})
    state, plan = planned(bare, desired(supervisord_version="4.3.0"))
    assert plan.facts["packages"] == ["python3-venv", "python3-packaging"] and plan.facts["from_pypi"]
    assert ("install", plan.facts["packages"]) in plan.actions
    assert [(row.desired, row.status) for row in plan.rows if row.item == "supervisord of PyPI"] == [("4.3.0", "drift")]
    assert {item["path"]: item["target"] for item in state["set"]["links"]} == supervisord_config.COMMANDS


def test_what_pip_has_just_installed_is_linked_to():
    program = "/opt/supervisord/bin/supervisord"
    there = FakeHost({**BARE, program: "", recorded.PATH: record_text({"made": ["/opt/supervisord"]})}, {f"{program} --version": "4.3.0\n", "dpkg-query": ""})
    state, plan = planned(there, desired(supervisord_version="4.3.0"))
    assert plan.facts["packages"] == [] and not plan.errors and not plan.facts["from_pypi"]
    assert {item["path"]: item["target"] for kind, item in plan.actions if kind == "link"} == supervisord_config.COMMANDS


@pytest.mark.parametrize("running, status", [("4.3.0\n", "ok"), ("4.2.5\n", "restart_pending")])
def test_a_daemon_of_an_older_version_is_reported_and_not_restarted(running, status):
    there = host(commands={"supervisord --version": "4.3.0\n", "supervisorctl version": running}, links=LINK)
    state, plan = planned(there, desired(supervisord_version="4.3.0"))
    assert plan.facts["packages"] == [] and not plan.errors and not plan.facts["from_pypi"]
    row = next(row for row in plan.rows if row.item == "supervisord of PyPI")
    assert (row.effective, row.status) == (running.strip(), status)
    services.apply(there, plan)
    assert not any("restart" in words for kind, words, *_more in there.done if kind == "run")


@pytest.mark.parametrize("files, path", [
    ({"/usr/local/bin/supervisorctl": "#!/bin/sh\n"}, "/usr/local/bin/supervisorctl"), ({"/opt/supervisord/bin/python3": ""}, "/opt/supervisord")])
def test_what_is_unmanaged_at_its_paths_is_not_overwritten(files, path):
    errors = list(planned(FakeHost({**BARE, **files}), desired(supervisord_version="4.3.0"))[1].errors)
    assert errors == [f"{path} exists and is not of this collection: move it away, or unset supervisor_supervisord_version"]


def test_that_of_the_distribution_is_not_adopted():
    errors = planned(host(), desired(supervisord_version="4.3.0"))[1].errors
    assert len(errors) == 1 and "/usr/bin/supervisord is supervisord 4.2.5, which this collection did not install" in errors[0]


def test_a_unit_whose_path_is_a_link_goes_and_its_link_stays():
    unit = "/etc/systemd/system/demo@.service"
    there = FakeHost({**BARE, "/srv/unit": "# Written by xitrum.host"}, links={unit: "/srv/unit"})
    assert table.find_leftovers(there, "demo") == {"systemd": [unit]}
    SUPERVISORS["systemd"].clean(there, "demo")
    assert there.links == {unit: "/srv/unit"} and "/srv/unit" not in there.files
    assert table.find_leftovers(there, "demo") == {}


def test_bits_of_a_script_that_give_rights_are_not_given_to_what_is_written():
    there = linked(mode=0o4755)
    services.apply(there, planned(there, RC_LOCAL)[1])
    assert there.stat("/etc/rc.d/rc.local").mode == 0o755 and not planned(there, RC_LOCAL)[1].changed


RC_UNIT = "systemctl show --no-pager --property=LoadState,ExecStart -- rc-local.service"
RUNS = "LoadState=loaded\nExecStart={{ path={0} ; argv[]={0} start ; ignore_errors=no ; pid=0 }}\n"


@pytest.mark.parametrize("message, links, error", [
    (RUNS.format("/etc/rc.local"), {}, ""), ("", {}, ""),
    (RUNS.format("/etc/rc.d/rc.local"), {"/etc/rc.local": "rc.d/rc.local"}, ""),
    (RUNS.format("/etc/rc.d/rc.local"), {"/etc/rc.local": "/srv/rc.local"},
     "systemd runs /etc/rc.d/rc.local at boot, and /etc/rc.local does not lead"),
    (RUNS.format("/etc/rc.d/rc.local"), {}, "make /etc/rc.local a link to it"),
    ("LoadState=not-found\n", {}, "rc-local.service of systemd is not-found"), ("LoadState=masked\n", {}, "is masked"),
])
def test_a_script_that_systemd_does_not_run_at_boot_is_refused(message, links, error):
    errors = list(planned(FakeHost(BARE, {"logrotate": "", RC_UNIT: message}, links), RC_LOCAL)[1].errors)
    assert len(errors) == bool(error) and all(error in sentence for sentence in errors)
