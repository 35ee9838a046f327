# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as hardened hosts have them: a root below a home, a noexec /tmp, and log folders that somebody has removed."""

import pytest

from tests.lib.site import wait_for

ROOTS = {"app1": "/home/carol/apps/xitrum", "app2": "/opt/xitrum"}
LOGS = {"app1": "/var/log/xitrum", "app2": "/srv/logs/xitrum"}
RESTART = {"app1": "systemctl restart xitrum@0", "app2": "sv restart /etc/xitrum-runit/0"}
HOSTS = tuple(ROOTS)


def answers(site, host):
    try:
        return site.ask(f"{host}-0", "/").status == 200
    except OSError:
        return False


def restart(site, host):
    before = site.pid(host, 0)
    site.sh(host, RESTART[host])
    wait_for(f"{host} answers again", lambda: site.pid(host, 0) not in (0, before) and answers(site, host))


def test_the_unit_sees_nothing_of_home_but_its_own_folders(site):
    assert site.sh("app1", "stat -c %a /home/carol") == "700"
    inside = f"nsenter --target {site.pid('app1', 0)} --mount"
    assert site.sh("app1", f"{inside} ls -A /home /home/carol /home/carol/apps").split() == [
        "/home:", "carol", "/home/carol:", "apps", "/home/carol/apps:", "xitrum"]
    user = "setpriv --reuid=xitrum --regid=xitrum --clear-groups"
    closed = ["/home", "/root", "/home/carol", ROOTS["app1"], f"{ROOTS['app1']}/releases"]
    for folder, rights in {**dict.fromkeys(closed, ""), f"{ROOTS['app1']}/instances/0/current/tmp": "w"}.items():
        script = f"{user} sh -c 'touch {folder}/x && rm {folder}/x && echo w || true' 2> /dev/null"
        assert site.sh("app1", f"{inside} {script}") == rights, folder


@pytest.mark.parametrize("host", HOSTS)
def test_native_code_is_loaded_although_nothing_in_tmp_can_be_executed(site, host):
    for mode in ("sh", "exec"):
        script = {"sh": "cat /proc/mounts | grep ' /tmp '", "exec": "cp /bin/true /tmp/true; /tmp/true; echo $?; rm /tmp/true"}[mode]
        said = site.sh(host, f"{script} 2> /dev/null")
        assert "noexec" in said if mode == "sh" else said == "126"
    assert answers(site, host)
    pid = site.pid(host, 0)
    assert "netty_transport_native_epoll" in site.sh(host, f"cat /proc/{pid}/maps")
    home = site.sh(host, f"readlink -f {ROOTS[host]}/instances/0/current")
    assert f"-Djava.io.tmpdir={home}/tmp " in site.sh(host, f"tr '\\0' '\\n' < /proc/{pid}/environ")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("gone", ["{logs}", "{logs}/0"])
def test_a_log_folder_that_somebody_removed_is_made_by_the_next_start(site, host, gone):
    logs = LOGS[host]
    site.sh(host, f"rm -r {gone.format(logs=logs)}")
    restart(site, host)
    assert site.sh(host, f"stat -c '%a %U:%G %F' {logs}/0") == "750 xitrum:xitrum directory"
    assert site.sh(host, f"stat -c '%U %F' {logs}") == "root directory"
    wait_for("it logs", lambda: "started" in site.sh(host, f"cat {logs}/0/xitrum.log", check=False))
    if host == "app2":
        wait_for("its output is kept", lambda: site.sh(host, f"ls {logs}/output-0/current", check=False))


def test_after_all_that_nothing_differs(site):
    site.run().assert_did_nothing()
