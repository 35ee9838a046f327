# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one supervisor to another, what blocks that, and to none: each test begins where the one before ended."""

import threading
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.contract import fill
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.lib.baseline import compare_host
from tests.lib.demo_instance import request

#: The hosts from which the application is taken away in the end, with their supervisors.
GONE = {"supervisord": "supervisord", "daemontools": "daemontools", "rclocal": "rc.local"}


#: The record of the instances that an operator stopped.
STOPS = "/var/lib/xitrum.host/xitrum.stopped"

#: The processes of those that start what they find in a folder.
SCANNERS = {"runit": "runsv|svlogd", "daemontools": "svscan|supervise|multilog"}


def left_of(site, host, kind):
    """The paths that a supervisor has of the application, and its daemon where that is of the application alone."""
    what = SUPERVISORS[kind]
    paths = fill([*what.shared, what.mark, *what.instance_paths], name="xitrum", index=0)
    return site.run_script(host, f"for path in {' '.join(paths)}; do ! test -e $path || echo $path; done; pgrep -a '^({'|'.join(SCANNERS.values())})' || true")


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


def test_what_was_broken_is_found_and_fixed_and_nothing_else_restarted(site):
    site.run_script("supervisord", "rm /etc/supervisor/conf.d/xitrum-0.conf")
    site.run_script("runit", "sv -w 60 force-stop /etc/xitrum-runit/0")
    site.run_script("daemontools", "systemctl -q disable xitrum-daemontools")
    site.run_script("rclocal", "chmod 644 /etc/rc.local")
    assert set(site.check().drift) == {
        ("supervisord", "xitrum-service /etc/supervisor/conf.d/xitrum-0.conf"), ("supervisord", "instance-0 supervisord"),
        ("runit", "instance-0 process"),
        ("daemontools", "xitrum-daemontools.service"), ("daemontools", "instance-0 daemontools"),
        ("rclocal", "xitrum-service /etc/rc.local"), ("rclocal", "instance-0 rc.local"),
    }
    before = site.list_running()
    site.run().assert_ended_well()
    after = site.list_running()
    assert {host for host in after if after[host] != before[host]} == {"runit"}


@pytest.mark.parametrize(("old", "new"), [("runit", "systemd"), ("systemd", "supervisord")])
def test_the_new_one_has_the_instance_and_the_old_one_nothing(site, old, new):
    with Watch(site.hosts["runit"]["xitrum_address"]) as watch:
        run = site.run("--limit", "runit", xitrum_supervisor=new).assert_ended_well()
    took = [seconds for _host, result in run.list_results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values()]
    assert len(took) == 1, "one restart"
    # The JVM's own end takes some seconds, and commands take theirs on a busy machine; xitrum_stop_timeout, 30 seconds, has not passed.
    assert watch.worst < took[0] + 28, f"no page for {watch.worst:.1f} s, of which the start took {took[0]} s"
    assert left_of(site, "runit", old) == ""
    assert len(site.list_processes("runit")) == 1


def test_a_run_after_a_move_does_nothing(site):
    before = site.list_processes("runit")
    site.run("--limit", "runit", xitrum_supervisor="supervisord").assert_did_nothing()
    assert site.list_processes("runit") == before


def test_without_systemd_the_table_of_init_has_the_new_one_and_the_old_one_nothing(site):
    """And back. The supervisors that only systemd starts are refused."""
    run = site.run("--limit", "sysvinit", xitrum_supervisor="systemd")
    assert run.code != 0 and not run.changed
    assert "process 1 is init, and the xitrum_supervisor systemd wants systemd" in run.message
    for old, new in (("daemontools", "runit"), ("runit", "daemontools")):
        site.run("--limit", "sysvinit", xitrum_supervisor=new).assert_ended_well()
        assert left_of(site, "sysvinit", old).splitlines() == site.run_script("sysvinit", f"pgrep -a '^({SCANNERS[new]})'").splitlines()
        assert site.run_script("sysvinit", "grep -o 'respawn:/etc.*' /etc/inittab") == f"respawn:/etc/xitrum-{new}/scan"
        assert len(site.list_processes("sysvinit")) == 1
    site.run("--limit", "sysvinit").assert_did_nothing()


def test_what_is_unmanaged_is_never_overwritten(site, tmp_path):
    other = site.with_inventory(tmp_path / "inventory", host_vars={
        "runit": {"xitrum_supervisor": "rc.local"}, "supervisord": {"xitrum_supervisor": "daemontools"}, "daemontools": {"xitrum_supervisor": "runit"}})
    site.run_script("runit", "printf '#!/usr/bin/perl\\ntrue\\n' > /etc/rc.local")
    site.run_script("supervisord", "mkdir -p /etc/xitrum-daemontools/0; echo theirs > /etc/xitrum-daemontools/0/run")
    site.run_script("daemontools", "mkdir -p /etc/xitrum-runit/0; echo theirs > /etc/xitrum-runit/0/finish")
    before = site.list_running()
    run = other.run("--limit", "runit,supervisord,daemontools")
    assert run.code != 0
    for message in ("/etc/rc.local begins with '#!/usr/bin/perl'; expected a shell script",
                    "/etc/xitrum-daemontools/0/run exists and was not written by this collection",
                    "the service directory /etc/xitrum-runit/0 exists and is not managed by this collection (finish)"):
        assert message in run.message
    assert not run.changed
    assert site.list_running() == before
    assert site.run_script("runit", "tail -n 1 /etc/rc.local; rm /etc/rc.local") == "true"
    assert site.run_script("supervisord", "cat /etc/xitrum-daemontools/0/run; rm -r /etc/xitrum-daemontools") == "theirs"
    assert site.run_script("daemontools", "cat /etc/xitrum-runit/0/finish; rm -r /etc/xitrum-runit") == "theirs"


def test_a_supervisord_of_the_distribution_is_not_replaced_by_one_of_pypi(site):
    before = site.list_running()
    # The hash is not used: nothing is downloaded.
    run = site.run("--limit", "supervisord", supervisor_supervisord_version="4.3.0", supervisor_supervisord_hashes=[f"sha256:{'0' * 64}"])
    assert run.code != 0 and not run.changed
    assert "/usr/bin/supervisord is supervisord 4." in run.message and "which this collection did not install" in run.message
    assert site.list_running() == before


def test_a_port_below_1024_is_taken_by_those_that_can_give_it_and_refused_by_the_other(site):
    before = site.list_running()
    run = site.run("--limit", "supervisord", xitrum_http_port=80)
    assert run.code != 0
    assert "supervisord cannot give an instance a port below 1024: choose one of systemd, runit, daemontools, rc.local" in run.message
    assert site.list_running() == before
    hosts = ["runit", "daemontools", "rclocal"]
    site.run("--limit", ",".join(hosts), xitrum_http_port=80).assert_ended_well()
    for host in hosts:
        assert request(80, "/", host=site.hosts[host]["xitrum_address"]).status == 200
        output = site.run_script(host, "ps -o user= -p $(pgrep -x java); grep -hE 'Cap(Eff|Prm|Amb)' /proc/$(pgrep -x java)/status").split()
        assert output[0] == "xitrum"
        # The right to bind such a port, and no other.
        assert {int(value, 16) for value in output[2::2]} == {1 << 10}
    site.run("--limit", ",".join(hosts), xitrum_http_port=80).assert_did_nothing()
    # Back, as a run reports that wants the redirect again: first the instance leaves the port, and the next run redirects it.
    run = site.run("--limit", ",".join(hosts))
    assert "An instance of the application leaves the port by a run with xitrum_port_forward: false" in run.message
    site.run("--limit", ",".join(hosts), xitrum_port_forward=False).assert_ended_well()
    assert all(request(8000, "/", host=site.hosts[host]["xitrum_address"]).status == 200 for host in hosts)


def test_an_outside_port_leads_to_another_port_of_its_instance_once_that_listens_there(site):
    """Without slots: the instance is restarted, and only then the redirect moves."""
    site.run("--limit", "daemontools").assert_ended_well()
    for port in (9000, 8000):
        run = site.run("--limit", "daemontools", xitrum_http_port=port).assert_ended_well()
        steps = [result["action"].rpartition(".")[2] for _task, _host, result in run.tasks if result.get("changed")]
        assert steps.index("port_redirect") > steps.index("instance_service")
        assert request(80, "/", host=site.hosts["daemontools"]["xitrum_address"]).status == 200
        assert request(port, "/", host=site.hosts["daemontools"]["xitrum_address"]).status == 200


def stop(site, *hosts):
    """Stops the instances of hosts, as an operator does, and shows that this is on record."""
    site.run("--limit", ",".join(hosts), playbook="playbooks/stop.yml", stop_last=True).assert_ended_well()
    assert {host: site.list_processes(host) for host in hosts} == dict.fromkeys(hosts, [])
    assert {host: site.run_script(host, f"ls {STOPS}") for host in hosts} == dict.fromkeys(hosts, STOPS)


def test_taken_away_nothing_is_left_and_what_others_have_stays(site, tmp_path):
    """Also of instances that an operator has stopped."""
    stop(site, "daemontools", "rclocal")
    theirs = site.list_processes("supervisord", "sleep")
    fewer = site.with_inventory(tmp_path / "inventory", {"xitrum": ["runit"], "xitrum_decommissioned": list(GONE)},
                                {**{host: {"xitrum_supervisor": kind} for host, kind in GONE.items()}, "runit": {"xitrum_supervisor": "supervisord"}})
    fewer.run().assert_ended_well()
    for host, kind in GONE.items():
        assert site.list_processes(host) == []
        assert left_of(site, host, kind) == ""
        assert site.run_script(host, f"ls -d /opt/xitrum {STOPS}", check=False) == ""
    assert site.list_processes("supervisord", "sleep") == theirs != []
    assert site.run_script("rclocal", "tail -n 2 /etc/rc.local").splitlines() == ["# Leave it to the others.", "exit 0"]
    assert site.run_script("rclocal", "readlink /etc/rc.local; stat -Lc %a /etc/rc.local").split() == ["rc.d/rc.local", "700"]
    assert len(site.list_processes("runit")) == 1


def test_everything_is_removed_and_a_second_run_does_nothing(site):
    """Those from which the application was taken away are as those that still have it: what else was done is there."""
    stop(site, "pypi", "sysvinit")
    theirs = site.list_processes("supervisord", "sleep")
    everything = {"playbook": "playbooks/remove.yml", "remove_host_count": len(site.hosts)}
    site.run(**everything).assert_ended_well()
    assert {name: compare_host(site, name) for name in site.hosts} == {name: [] for name in site.hosts}
    assert site.list_processes("supervisord", "sleep") == theirs != []
    site.run(**everything).assert_did_nothing()
