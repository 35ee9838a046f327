# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one contract of all supervisors, and that nobody else's services were touched."""

import pathlib
import re
import tomllib

import pytest

from tests.lib.site import wait_for
from tests.verify.instances import InstanceContract

#: The rows of the scenario: one host a supervisor, and more of those that differ by how the host is.
HOSTS = list(tomllib.loads((pathlib.Path(__file__).parents[1] / "fleet.toml").read_text(encoding="utf-8"))["hosts"])
RESTARTS = {"supervisord": "supervisorctl restart xitrum-0", "daemontools": "svc -t /etc/xitrum-daemontools/0",
            "rclocal": "pkill -x java; while pgrep -x java; do sleep 0.2; done; /etc/xitrum-rc.local/start 0"}


@pytest.mark.parametrize("index", [0])
@pytest.mark.parametrize("host", HOSTS)
class TestEachSupervisor(InstanceContract):
    """Scenario site holds systemd against the same contract."""


def test_what_an_instance_prints_is_rotated(site):
    """By the means of each: what it is configured with, and once for real where that takes no megabytes."""
    output = site.run_script("supervisord", "cat /etc/xitrum-supervisord/0.conf")
    assert {"stdout_logfile_maxbytes=10485760", "stdout_logfile_backups=7", "startsecs=3", "autorestart=true"} <= set(output.splitlines())
    assert site.run_script("runit", "cat /var/log/xitrum/output-0/config").split() == ["s10485760", "n7"]
    assert "multilog t s10485760 n7 ." in site.run_script("daemontools", "ps -eo args")
    log = "/var/log/xitrum/output-0.log"
    before = site.run_script("rclocal", f"cat {log}")
    site.run_script("rclocal", "logrotate --force --state /tmp/rotated /etc/logrotate.d/xitrum-rc.local")
    assert site.run_script("rclocal", f"stat -c %s {log}; cat {log}.1").partition("\n") == ("0", "\n", before)


def test_the_log_and_the_output_of_each_instance_are_read(site):
    """Also what was rotated before."""
    code, output = site.type("""ansible-playbook playbooks/logs.yml -e 'logs_grep="Picked up|demo started"' -e logs_lines=10000""")
    assert code == 0, output[-4000:]
    for host in HOSTS:
        assert re.search(rf"^{host}-0 +\| .*Picked up", output, re.MULTILINE), host
        assert re.search(rf"^{host}-0 +\| .*demo started", output, re.MULTILINE), host


def test_programs_of_others_go_on(site):
    """The one that runs was started before ours came, by a supervisord that has booted since; the other was never taken up."""
    words = {line.split()[0]: line.split()[1] for line in site.run_script("supervisord", "supervisorctl status || true").splitlines()}
    assert words == {"other": "RUNNING", "later": "STOPPED", "xitrum-0": "RUNNING"}
    soft, hard = site.run_script("supervisord", "prlimit --pid $(supervisorctl pid) --nofile --output SOFT,HARD --noheadings").split()
    assert int(hard) >= int(soft) >= min(1024000, int(site.run_script("supervisord", "ulimit -Hn")))


def test_supervisord_of_pypi_runs_in_an_environment_of_its_own(site):
    output = site.run_script("pypi", "ps -o args= -p $(supervisorctl pid); supervisorctl version; stat -c %a /run/supervisor.sock").splitlines()
    assert output[0].startswith("/opt/supervisord/bin/python3 /opt/supervisord/bin/supervisord ")
    assert output[1:] == ["4.3.0", "700"]
    assert site.run_script("pypi", "dpkg-query --show --showformat='${db:Status-Status}' supervisor", check=False) != "installed"


def test_an_unmanaged_rc_local_keeps_its_lines_and_gets_ours_before_the_last(site):
    lines = site.run_script("rclocal", "cat /etc/rc.local").splitlines()
    assert lines[:3] == ["#!/bin/sh -e", "date > /var/tmp/booted", "# Leave it to the others."]
    assert (lines[3], lines[5:]) == ("# BEGIN xitrum.host xitrum", ["# END xitrum.host xitrum", "exit 0"])
    assert site.run_script("rclocal", "stat -Lc %a /etc/rc.local") == "711", "it keeps its mode, and is executable"
    assert site.run_script("rclocal", "readlink /etc/rc.local") == "rc.d/rc.local"
    table = site.run_script("sysvinit", "readlink /etc/inittab; grep -c respawn:/etc/xitrum /srv/inittab")
    assert table.split() == ["/srv/inittab", "1"]
    assert site.run_script("rclocal", "cat /var/tmp/booted")


@pytest.mark.parametrize("host", RESTARTS)
def test_removed_log_folders_are_made_by_the_next_start(site, host):
    before = site.find_pid(host, 0)
    site.run_script(host, "rm -r /var/log/xitrum")
    # supervisord opens its file of the output before it starts the program, and tries again where it cannot.
    site.run_script(host, RESTARTS[host], check=False)
    wait_for(f"{host} runs again", lambda: site.find_pid(host, 0) not in (0, before))
    assert site.run_script(host, "stat -c '%a %U:%G' /var/log/xitrum /var/log/xitrum/0").splitlines() == ["750 root:xitrum", "750 xitrum:xitrum"]
    wait_for("it logs", lambda: "started" in site.run_script(host, "cat /var/log/xitrum/0/xitrum.log", check=False))
    output = {"daemontools": "output-0/current"}.get(host, "output-0.log")
    wait_for("its output is kept", lambda: "Picked up" in site.run_script(host, f"cat /var/log/xitrum/{output}", check=False))
