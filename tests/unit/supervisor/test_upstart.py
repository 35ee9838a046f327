# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""upstart as process 1: the rules of the double, and what the collection makes of such a host."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import starts as service
from ansible_collections.xitrum.host.plugins.module_utils.core import operator_stops, recorded
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine
from ansible_collections.xitrum.host.plugins.module_utils.removal import leftovers
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import component as services
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import init_system, table
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.contract import WELL
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost
from ..fake_upstart import UpstartHost, instance_files

JOB = (pathlib.Path(__file__).parents[1] / "data" / "supervisor" / "upstart.conf").read_text()
CONF, OVERRIDE = "/etc/init/demo-0.conf", "/etc/init/demo-0.override"
#: What an upstart that is installed and not process 1 reports: its client's version, and no word from process 1.
INSTALLED = {
    "initctl --version": "initctl (upstart 1.13.2)\n",
    "initctl version": (
        1,
        "",
        "initctl: Unable to connect to Upstart: Failed to connect to socket /com/ubuntu/upstart: Connection refused\n",
    ),
}


def test_an_override_that_keeps_a_stopped_instance_is_no_drift():
    record = record_text({"0": {"user": "ann", "host": "laptop", "since": 5}})
    text = SUPERVISORS["upstart"].boot_lock_text
    assert services.read(UpstartHost({OVERRIDE: text, CONF: JOB}), desired())["hiding"] == [OVERRIDE]
    files = {OVERRIDE: text, CONF: JOB, operator_stops.get_path("demo"): record}
    assert services.read(UpstartHost(files), desired())["hiding"] == []


def desired():
    return {
        "name": "demo",
        "supervisor": "upstart",
        "instances": 1,
        "nofile": 1024,
        "low_port": False,
        "supervisord_version": "",
        "files": [{"path": CONF, "content": JOB, "mode": "0644", "owner": "root", "group": "root"}],
    }


def started(state="started", **more):
    return {
        "name": "demo",
        "root": "/opt/demo",
        "log_dir": "/var/log/demo",
        "supervisor": "upstart",
        "state": state,
        "address": "127.0.0.1",
        "instances": [{"index": 0, "port": 8000, "folder": "bb-2"}],
        "path": "/",
        "status": 200,
        "start_timeout": 60,
        "stop_timeout": 0,
        **more,
    }


def host(files=None, page=200, **more):
    limits = "Max open files            1024                 20000                files     \n"
    there = UpstartHost(
        {
            "/proc/self/status": "Uid:\t0\t0\t0\t0\nCapBnd:\t0\n",
            "/proc/1/limits": limits,
            **instance_files("/opt/demo"),
            **(files or {}),
        },
        {"/opt/demo/instances/0/current": "aa-1"},
        pages={8000: page},
        **more,
    )
    there.homes["demo-0"] = "/opt/demo/instances/0/bb-2"
    return there


def defined(there):
    """The host with the job, as the role supervisor defines it."""
    state = services.read(there, desired())
    plan = services.plan(desired(), state)
    assert not plan.errors
    if plan.changed:
        services.apply(there, plan)
    return plan


# ------------------------------------------------------------------------------------------------ rules of the double


def run_initctl(there, *words):
    result = there.run(["initctl", *words])
    return result.rc, (result.out or result.err).strip()


def test_the_version_is_that_of_process_1_or_of_the_client():
    there = UpstartHost(version="1.5", client="1.13.2")
    assert run_initctl(there, "version") == (0, "init (upstart 1.5)")
    assert run_initctl(there, "--version") == (0, "initctl (upstart 1.13.2)")


def test_a_job_is_known_once_the_configuration_is_read():
    there = UpstartHost()
    there.files["/etc/init/a.conf"] = "start on runlevel [2345]\n"
    assert run_initctl(there, "status", "a") == (1, "initctl: Unknown job: a")
    run_initctl(there, "reload-configuration")
    assert run_initctl(there, "status", "a") == (0, "a stop/waiting")


def test_a_job_is_started_and_stopped_once():
    there = UpstartHost({"/etc/init/a.conf": "exec x\n"})
    assert run_initctl(there, "start", "a") == (0, "a start/running, process 101")
    assert run_initctl(there, "start", "a") == (1, "initctl: Job is already running: a")
    assert run_initctl(there, "stop", "a") == (0, "a stop/waiting")
    assert run_initctl(there, "stop", "a")[0] == 1


def test_a_job_that_runs_is_known_until_it_stops_when_its_file_is_gone():
    there = UpstartHost({"/etc/init/a.conf": "exec x\n"})
    run_initctl(there, "start", "a")
    del there.files["/etc/init/a.conf"]
    run_initctl(there, "reload-configuration")
    assert run_initctl(there, "status", "a")[0] == 0
    run_initctl(there, "stop", "a")
    assert run_initctl(there, "status", "a")[0] == 1


@pytest.mark.parametrize(
    "job, ends, state",
    [
        ("exec x\n", 1, "a stop/waiting"),
        ("respawn\n", 10, "a start/running, process 111"),
        ("respawn\n", 11, "a stop/waiting"),
        ("respawn\nrespawn limit 2 300\n", 2, "a start/running, process 103"),
        ("respawn\nrespawn limit 2 300\n", 3, "a stop/waiting"),
        ("respawn\nrespawn limit 2 2\n", 9, "a start/running, process 110"),
    ],
)
def test_a_process_that_ends_is_started_again_until_the_limit(job, ends, state):
    there = UpstartHost({"/etc/init/a.conf": job})
    run_initctl(there, "start", "a")
    for _end in range(ends):
        if there.jobs["a"]["pid"]:
            there.crash("a", seconds=0.4 if "limit" not in job else 1)
    assert run_initctl(there, "status", "a") == (0, state)


@pytest.mark.parametrize(
    "override, runs",
    [
        ("", True),
        ("manual\n", False),
        ("env A=manual\n", True),
        ("# manual\n", True),
        ("start on never\n", False),
        ("manual\nstart on runlevel [2345]\n", True),
    ],
)
def test_stanzas_of_an_override_win_at_boot(override, runs):
    there = UpstartHost({"/etc/init/a.conf": "start on runlevel [2345]\n", "/etc/init/a.override": override})
    there.boot()
    assert bool(there.jobs["a"]["pid"]) is runs


# ------------------------------------------------------------------------------------------------------------ process 1


@pytest.mark.parametrize(
    "there, init",
    [
        (UpstartHost(version="1.5"), ("upstart", "1.5")),
        (FakeHost({"/run/systemd/system/x": "", "/proc/1/comm": "systemd\n"}, INSTALLED), ("systemd", "")),
        (FakeHost({"/proc/1/comm": "init\n"}, INSTALLED), ("init", "")),
        (FakeHost({"/proc/1/comm": "init\n"}), ("init", "")),
        (FakeHost({"/proc/1/comm": "init\n"}, links={"/proc/1/exe": "/bin/busybox"}), ("busybox", "")),
        (FakeHost({"/proc/1/comm": "runit\n"}), ("runit", "")),
        (FakeHost(), ("", "")),
    ],
)
def test_process_1_is_queried_and_not_a_program_that_is_installed(there, init):
    assert init_system.read_init(there) == init
    assert machine.read_system(there)["init"] == init[0]


@pytest.mark.parametrize(
    "kind, init, refused",
    [
        ("upstart", ("upstart", "1.13.2"), ""),
        ("upstart", ("upstart", "1.4"), ""),
        ("upstart", ("upstart", "1.3"), "process 1 is upstart 1.3"),
        ("upstart", ("upstart", "0.6.5"), "or newer"),
        ("upstart", ("init", ""), "process 1 is init"),
        ("upstart", ("systemd", ""), "wants upstart"),
        ("runit", ("upstart", "1.13.2"), "process 1 is upstart, and the xitrum_supervisor runit wants systemd or init"),
        ("daemontools", ("upstart", "1.13.2"), "wants systemd or init"),
        ("supervisord", ("upstart", "1.5"), "wants systemd"),
        ("systemd", ("upstart", "1.5"), "wants systemd"),
        ("rc.local", ("upstart", "1.5"), ""),
        ("runit", ("init", ""), ""),
        ("runit", ("busybox", ""), "process 1 is busybox"),
        ("", ("", ""), ""),
    ],
)
def test_a_supervisor_that_process_1_cannot_start_is_refused(kind, init, refused):
    error = table.find_init_error(kind, init_system.Init(*init))
    assert refused in error and bool(error) is bool(refused)


@pytest.mark.parametrize("kind", ["runit", "daemontools"])
def test_what_goes_into_inittab_is_refused_before_anything_is_written(kind):
    there = host({"/etc/inittab": "id:2:initdefault:\n"})
    path = f"/etc/demo-{kind}/0/run"
    want = {**desired(), "supervisor": kind, "files": [{**desired()["files"][0], "path": path}]}
    errors = list(services.plan(want, services.read(there, want)).errors)
    assert errors == [
        f"process 1 is upstart, and the xitrum_supervisor {kind} wants systemd or init: choose another for this host"
    ]
    assert "/etc/inittab" in there.files and not [what for what in there.done if what[0] == "write"]


# ------------------------------------------------------------------------------------------------------------ instances


def test_an_instance_is_defined_started_kept_and_started_at_boot():
    there = host()
    assert defined(there).changed and not defined(there).changed
    assert SUPERVISORS["upstart"].query_states(there, "demo", [0]) == {0: {"active": "stop/waiting", "boot": "enabled"}}
    service.execute(there, started(), service.find_pending(there, started()))
    assert SUPERVISORS["upstart"].query_states(there, "demo", [0]) == {0: WELL}
    before = there.jobs["demo-0"]["pid"]
    there.kill(before, 9)
    assert there.jobs["demo-0"]["pid"] not in (0, before) and SUPERVISORS["upstart"].find_given_up(there, "demo", [0]) == {}
    there.boot()
    assert SUPERVISORS["upstart"].query_states(there, "demo", [0]) == {0: WELL}


def test_a_job_that_gave_up_is_reported_and_not_waited_for(monkeypatch):
    moments = iter(range(1000))
    monkeypatch.setattr(service.time, "monotonic", lambda: next(moments))
    there = host(page="Connection refused")
    monkeypatch.setattr(service.time, "sleep", lambda _seconds: None)
    there.files["/var/log/upstart/demo-0.log"] = "Could not open port 8000\n"
    # upstart begins the file at the start.
    monkeypatch.setattr(there, "read_position", lambda _path: (0, 0))
    defined(there)
    log, crash = "/var/log/upstart/demo-0.log", there.crash

    def crash_with_words(name):
        there.files[log] = there.files.get(log, "") + "Could not open port 8000\n"
        crash(name)

    monkeypatch.setattr(there, "crash", crash_with_words)
    there.crashes.add("demo-0")
    message = r"(?s)instance 0 ended each time that it was started, and upstart gave up: stop/waiting.*Could not open port"
    with pytest.raises(RuntimeError, match=message):
        service.execute(there, started(), service.find_pending(there, started()))
    assert next(moments) < 60


@pytest.mark.parametrize(
    "override, hidden",
    [
        ("manual\n", True),
        ("  manual # by hand\n", True),
        ("start on never\n", True),
        ("", False),
        ("env JAVA=1\n", False),
        ("# manual\n", False),
    ],
)
def test_an_override_that_keeps_a_job_from_starting_at_boot_is_found_and_goes(override, hidden):
    there = host()
    defined(there)
    there.files[OVERRIDE] = override
    there.boot()
    assert bool(there.jobs["demo-0"]["pid"]) is not hidden
    assert (SUPERVISORS["upstart"].query_states(there, "demo", [0])[0]["boot"] == f"hidden by {OVERRIDE}") is hidden
    assert defined(there).changed is hidden
    there.boot()
    assert there.jobs["demo-0"]["pid"] and (OVERRIDE in there.files) is not hidden


def test_an_instance_is_taken_away_with_all_that_upstart_wrote_of_it():
    there = host()
    defined(there)
    service.execute(there, started(), service.find_pending(there, started()))
    mine = [
        f"/var/log/upstart/demo-{name}" for name in ("0.log", "0.log.1", "0.log.2.gz", "12.log", "0.log-20260101.gz")
    ]
    others = [
        f"/var/log/upstart/{name}" for name in ("demo.log", "demo-2-0.log", "xdemo-0.log", "demo-0.logs", "demo-x.log")
    ]
    there.files.update(dict.fromkeys([*mine, *others], ""))
    there.files[recorded.PATH] = record_text({"applications": {"demo": {"roots": {}, "logs": {}, "users": {}, "groups": {}}}})
    service.execute(there, started("absent"), service.find_pending(there, started("absent")))
    assert CONF not in there.files and run_initctl(there, "status", "demo-0")[0] == 1 and "demo-0" not in there.jobs
    for keep, left in ((True, [*mine, *others]), (False, others)):
        want = {"keep_data": keep, "remove_packages": False, "applications": []}
        state = leftovers.read(there, want)
        plan = leftovers.plan(want, state)
        leftovers.apply(there, plan)
        assert sorted(path for path in there.files if path.startswith("/var/log/upstart/")) == sorted(left)
