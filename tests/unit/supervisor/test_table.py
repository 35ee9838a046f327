# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of supervisors: what they report about instances, where they keep them, and how they let go of them."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import starts
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import contract, inittab, kinds, rc_script, table
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.contract import WELL, fill
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from ..fake_host import FakeHost

RUNIT, TOOLS = "/etc/demo-runit", "/etc/demo-daemontools"

#: What each reports about an instance 0 that runs and an instance 1 that does not, as it was printed on Debian 12.
REPORTED = {
    "systemd": {"systemctl show --no-pager --property=Id,ActiveState -- demo@0.service demo@1.service":
                "Id=demo@0.service\nActiveState=active\n\nId=demo@1.service\nActiveState=failed\n"},
    "supervisord": {"supervisorctl status": (3, "demo-0                           STARTING  \n"
                                             "demo-1                           FATAL     Exited too quickly (process log may have details)\n", "")},
    "runit": {f"sv status {RUNIT}/0 {RUNIT}/1": (1, f"run: {RUNIT}/0: (pid 2068) 71s; run: log: (pid 2062) 75s\n"
                                                 f"down: {RUNIT}/1: 3s, normally up; run: log: (pid 2063) 75s\n", "")},
    "daemontools": {f"svstat {TOOLS}/0 {TOOLS}/1": f"{TOOLS}/0: up (pid 1979) 71 seconds\n{TOOLS}/1: down 3 seconds, normally up\n"},
    "upstart": {"initctl status demo-0": "demo-0 start/running, process 12\n", "initctl status demo-1": "demo-1 stop/waiting\n"},
}
WORDS = {"systemd": "failed", "supervisord": "FATAL", "runit": "down", "daemontools": "down", "upstart": "stop/waiting"}


def host(kind, **more):
    what = SUPERVISORS[kind]
    links = {fill(what.mark, name="demo", index=0): "somewhere"}
    daemon = fill(what.daemon, name="demo")
    files = {"/run/systemd/system/some.unit": "", **more.get("files", {})}
    return FakeHost(files, {**REPORTED.get(kind, {}), f"systemctl is-enabled {daemon}": "enabled\n"}, links)


def test_there_is_a_sample_of_every_kind():
    """But of rc.local, which has no daemon to query."""
    assert set(REPORTED) == set(WORDS) == set(SUPERVISORS) - {"rc.local"}


@pytest.mark.parametrize("kind", REPORTED)
def test_each_is_queried_in_its_own_words(kind):
    assert SUPERVISORS[kind].query_states(host(kind), "demo", [0, 1]) == {0: WELL, 1: {"active": WORDS[kind], "boot": "disabled"}}


@pytest.mark.parametrize("folder", ["/etc/systemd/system", "/run/systemd/system"])
def test_an_instance_that_was_masked_is_not_started_at_boot(folder):
    """As systemctl mask does, for good or until the next boot; the mark for the next boot stays."""
    there = host("systemd")
    there.link(f"{folder}/demo@0.service", "/dev/null")
    assert SUPERVISORS["systemd"].query_states(there, "demo", [0, 1])[0] == {"active": "active", "boot": f"hidden by {folder}/demo@0.service"}


def test_a_daemon_that_does_not_start_at_boot_starts_no_instance():
    there = host("runit")
    there.commands["systemctl is-enabled demo-runit.service"] = (1, "disabled\n", "")
    assert SUPERVISORS["runit"].query_states(there, "demo", [0])[0]["boot"] == "disabled"


@pytest.mark.parametrize("table, boot", [(inittab.put_entry("", "demo-runit", "x"), "enabled"), ("", "disabled"), (None, "disabled")])
def test_without_systemd_the_table_of_init_reports_what_starts_at_boot(table, boot):
    there = host("runit", files={} if table is None else {"/etc/inittab": table})
    del there.files["/run/systemd/system/some.unit"]
    assert SUPERVISORS["runit"].query_states(there, "demo", [0])[0]["boot"] == boot


@pytest.mark.parametrize("kind", [kind for kind in SUPERVISORS if kind != "rc.local"])
def test_without_its_program_nothing_is_active(kind):
    assert SUPERVISORS[kind].query_states(FakeHost(), "demo", [0]) == {0: {"active": "", "boot": "disabled"}}


def test_nobody_watches_over_what_rc_local_has_started():
    there = host("rc.local", files={"/etc/rc.local": "#!/bin/sh\nexit 0\n"})
    assert SUPERVISORS["rc.local"].query_states(there, "demo", [0])[0] == {"active": "active", "boot": "/etc/rc.local is not executable"}
    there.stats["/etc/rc.local"] = there.stat("/etc/rc.local")._replace(mode=0o755)
    assert SUPERVISORS["rc.local"].query_states(there, "demo", [0])[0] == WELL


def test_instances_are_found_by_what_starts_them_at_boot():
    there = FakeHost({"/etc/supervisor/conf.d/other-0.conf": "", "/etc/supervisor/conf.d/demo-x.conf": "", "/etc/init/demo-3.conf": ""},
                     links={"/etc/supervisor/conf.d/demo-12.conf": "/etc/demo-supervisord/12.conf", "/etc/demo-runit/enabled/0": "/etc/demo-runit/0"})
    assert table.find_defined(there, "demo") == {"supervisord": {12}, "runit": {0}, "upstart": {3}}
    assert table.find_defined(there, "dem") == {}


def test_what_is_left_of_one_without_an_instance():
    there = FakeHost({"/etc/demo-runit/0/run": "", "/etc/demo-supervisord/run": "", "/etc/rc.local": "#!/bin/sh\n# BEGIN xitrum.host demo\nx\n"
                      "# END xitrum.host demo\nexit 0\n"}, links={"/etc/demo-supervisord/0.conf": "x", "/etc/supervisor/conf.d/demo-0.conf": "x"})
    assert table.find_unused(there, "demo", ("systemd",)) == {"runit": ["/etc/demo-runit"], "rc.local": ["/etc/rc.local"]}
    assert table.find_unused(there, "demo", ("runit",)) == {"rc.local": ["/etc/rc.local"]}


def test_an_instance_is_let_go_of_before_its_folder_goes(monkeypatch):
    monkeypatch.setattr(contract.time, "sleep", lambda _seconds: None)
    there = FakeHost({f"{RUNIT}/0/run": "", f"{RUNIT}/0/supervise/ok": ""}, {f"sv exit {RUNIT}/0": "", f"sv status {RUNIT}/0": (1, "", "")},
                     {f"{RUNIT}/enabled/0": f"{RUNIT}/0"})
    SUPERVISORS["runit"].forget(there, "demo", 0)
    assert there.done == [("remove", f"{RUNIT}/enabled/0"), ("run", f"sv exit {RUNIT}/0"), ("run", f"sv status {RUNIT}/0"), ("remove", f"{RUNIT}/0")]
    assert not there.listdir(RUNIT)


@pytest.mark.parametrize("kind", SUPERVISORS)
def test_one_that_an_operator_stopped_is_not_started_at_boot_until_it_is_registered(kind, monkeypatch):
    # What is waited for does not come: each query is a minute after the last one.
    moments = itertools.count(step=60)
    monkeypatch.setattr(contract.time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(contract.time, "sleep", lambda _seconds: None)
    what = SUPERVISORS[kind]
    own = fill(what.instance_paths, name="demo", index=0)
    files = {path if not path.endswith("/0") else f"{path}/run": "" for path in own}
    there = FakeHost(files, links={} if not what.target else {fill(what.mark, name="demo", index=0): fill(what.target, name="demo", index=0)})
    if not what.target:
        there.files[fill(what.mark, name="demo", index=0)] = "start on runlevel [2345]\n"
    what.disable(there, "demo", 0)
    if kind == "rc.local":
        assert not there.files, "the file with its process would be left by a removal"
    else:
        assert set(files) <= set(there.files), "its definition stays"
    if what.boot_lock:
        assert there.files["/etc/init/demo-0.override"].endswith("manual\n") and what.list_defined(there, "demo") == {0}
        assert what.query_states(there, "demo", [0])[0]["boot"].startswith("hidden by /etc/init/demo-0.override")
    else:
        assert what.list_defined(there, "demo") == set(), "nothing starts it at boot"
    what.register(there, "demo", 0)
    assert what.list_defined(there, "demo") == {0}
    assert "/etc/init/demo-0.override" not in there.files


def test_the_last_leftovers_go_and_the_script_of_others_stays():
    own = "# BEGIN xitrum.host demo\nx\n# END xitrum.host demo\n"
    there = FakeHost({"/etc/demo-rc.local/boot": "", "/etc/rc.local": f"#!/bin/sh\ntheirs\n{own}exit 0\n"})
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert there.files == {"/etc/rc.local": "#!/bin/sh\ntheirs\nexit 0\n"}
    there = FakeHost({"/etc/rc.local": rc_script.put_block(None, "demo", "x")})
    SUPERVISORS["rc.local"].clean(there, "demo")
    assert not there.files


def test_a_shell_in_the_folder_is_no_process_of_the_instance():
    links, files = {}, {"/proc/stat": "btime 1\n"}
    for pid, comm, environ in ((7, "java", "A=1"), (8, "bash", "A=1"), (9, "run", "XITRUM_SERVICE=feed")):
        links[f"/proc/{pid}/cwd"] = "/opt/demo/instances/0"
        files[f"/proc/{pid}/stat"] = f"{pid} ({comm}) S 1 " + "0 " * 17 + "100 0"
        files[f"/proc/{pid}/status"] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1 kB\n"
        files[f"/proc/{pid}/environ"] = environ
    assert [row["pid"] for row in starts.find_processes(FakeHost(files, links=links), "/opt/demo/instances/0")] == [7, 9]


@pytest.mark.parametrize("kind", SUPERVISORS)
def test_every_supervisor_has_every_column(kind):
    what = SUPERVISORS[kind]
    assert what.name == kind and what.program and what.log and what.start and what.files
    for method in ("query_words", "query_pids"):
        assert getattr(type(what), method) is not getattr(contract.Supervisor, method)
    assert "{index}" in what.mark and what.mark.startswith("/etc/")
    # What takes up what it finds has to be kept from it, and to be waited for.
    assert bool(what.hold) == bool(what.ready) == bool(what.wait_seconds)
    assert bool(what.scan) == bool(what.unit), "an entry of the init of System V replaces the unit"
    assert what.output or what.log.startswith(("{log_dir}/", "/")), "a failure shows the end of the output"


def test_every_file_of_a_kind_is_in_the_table():
    names = [path.stem for path in pathlib.Path(kinds.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert sorted(names) == sorted(kind.replace(".", "_") for kind in SUPERVISORS)
