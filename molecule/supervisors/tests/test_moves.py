# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one supervisor to another, what stands in the way of that, and to none: each test begins where the one before ended."""

import threading
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import supervisors

from tests.lib.demo_instance import request

EVERY = {"supervisord": "supervisord", "runit": "runit", "daemontools": "daemontools", "rclocal": "rc.local"}


def left_of(site, host, kind):
    """The paths that a supervisor has of the application, and its daemon where that is of the application alone."""
    what = supervisors.KINDS[kind]
    paths = supervisors.filled([*what["shared"], what["mark"], *what["own"]], name="xitrum", index=0)
    return site.sh(host, f"for path in {' '.join(paths)}; do ! test -e $path || echo $path; done; pgrep -a '^(runsv|svscan|supervise|svlogd|multilog)' || true")


class Watch:
    """Asks for a page all the time, and notes for how long there was none at a stretch."""

    def __init__(self, address):
        self.address, self.worst, self.ended = address, 0.0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_unused):
        self.ended.set()
        self.thread.join()

    def run(self):
        good = time.monotonic()
        while not self.ended.is_set():
            try:
                well = request(8000, "/", host=self.address).status == 200
            except OSError:
                well = False
            now = time.monotonic()
            if well:
                self.worst, good = max(self.worst, now - good), now
            time.sleep(0.1)


@pytest.mark.parametrize(("old", "new"), [("systemd", "runit"), ("runit", "supervisord")])
def test_the_new_one_has_the_instance_and_the_old_one_nothing(site, old, new):
    with Watch(site.hosts["moving"]["xitrum_address"]) as watch:
        run = site.run("--limit", "moving", xitrum_supervisor=new).assert_ended_well()
    took = [seconds for _host, result in run.results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values()]
    assert len(took) == 1, "one restart"
    # The JVM's own end takes some seconds; nothing else is waited for while nothing runs.
    assert watch.worst < took[0] + 8, f"no page for {watch.worst:.1f} s, of which the start took {took[0]} s"
    assert len(site.processes("moving")) == 1
    daemons = {"runit": "", "supervisord": ""}
    assert left_of(site, "moving", old) == daemons.get(new, "") or new == "runit"
    if new == "runit":
        assert "systemd" not in left_of(site, "moving", old)
        assert site.sh("moving", "systemctl is-active xitrum@0", check=False) == "inactive"
    before = site.processes("moving")
    site.run("--limit", "moving", xitrum_supervisor=new).assert_did_nothing()
    assert site.processes("moving") == before


def test_what_is_somebody_elses_is_never_overwritten(site, tmp_path):
    other = site.with_inventory(tmp_path / "inventory", host_vars={
        "moving": {"xitrum_supervisor": "rc.local"}, "runit": {"xitrum_supervisor": "daemontools"}, "daemontools": {"xitrum_supervisor": "runit"}})
    site.sh("moving", "printf '#!/bin/sh\\ntrue\\n' > /etc/rc.local")
    site.sh("runit", "mkdir -p /etc/xitrum-daemontools/0; echo theirs > /etc/xitrum-daemontools/0/run")
    site.sh("daemontools", "mkdir -p /etc/xitrum-runit/0; echo theirs > /etc/xitrum-runit/0/finish")
    before = {host: site.processes(host) for host in ("moving", "runit", "daemontools")}
    run = other.run("--limit", "moving,runit,daemontools")
    assert run.code != 0
    for said in ("/etc/rc.local is somebody else's script and ends with 'true'; wanted is a last line 'exit 0'",
                 "/etc/xitrum-daemontools/0/run exists and was not written by this collection",
                 "the service directory /etc/xitrum-runit/0 exists and is somebody else's (finish)"):
        assert said in run.message
    assert not run.changed
    assert {host: site.processes(host) for host in before} == before
    assert site.sh("moving", "tail -n 1 /etc/rc.local; rm /etc/rc.local") == "true"
    assert site.sh("runit", "cat /etc/xitrum-daemontools/0/run; rm -r /etc/xitrum-daemontools") == "theirs"
    assert site.sh("daemontools", "cat /etc/xitrum-runit/0/finish; rm -r /etc/xitrum-runit") == "theirs"


def test_taken_away_nothing_is_left_and_what_others_have_stays(site, tmp_path):
    theirs = {host: site.processes(host, "sleep") for host in EVERY}
    fewer = site.with_inventory(tmp_path / "inventory", {"xitrum": ["moving"], "xitrum_retired": list(EVERY)},
                                {**{host: {"xitrum_supervisor": kind} for host, kind in EVERY.items()}, "moving": {"xitrum_supervisor": "supervisord"}})
    fewer.run().assert_ended_well()
    for host, kind in EVERY.items():
        assert site.processes(host) == []
        assert left_of(site, host, kind) == ""
        assert site.sh(host, "ls -d /opt/xitrum /etc/systemd/system/*xitrum-[rd]*t* /etc/systemd/system/*/xitrum-[rd]*", check=False) == ""
        assert site.sh(host, "systemctl --failed --plain --no-legend") == ""
    assert {host: site.processes(host, "sleep") for host in EVERY} == theirs
    assert len(theirs["supervisord"]) == 1
    assert site.sh("rclocal", "tail -n 2 /etc/rc.local").splitlines() == ["# Leave it to the others.", "exit 0"]
    assert len(site.processes("moving")) == 1
    fewer.run().assert_did_nothing()
