# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as hardened hosts have them: a root below a home, a noexec /tmp, and log folders that somebody has removed."""

from tests.lib.site import wait_for


def answers(site, host):
    """Whether instance 0 of a host answers a page."""
    try:
        return site.ask(f"{host}-0", "/").status == 200
    except OSError:
        return False


def assert_native_code_is_loaded_from(site, host, root):
    """Nothing in the host's /tmp can be executed, and Netty's native transport runs all the same, out of the instance's own folder."""
    assert "noexec" in site.run_script(host, "grep ' /tmp ' /proc/mounts")
    assert site.run_script(host, "cp /bin/true /tmp/true; /tmp/true 2> /dev/null; echo $?; rm /tmp/true") == "126"
    pid, home = site.find_pid(host, 0), site.run_script(host, f"readlink -f {root}/instances/0/current")
    assert f"{home}/tmp/libnetty_transport_native_epoll" in site.run_script(host, f"cat /proc/{pid}/maps")
    assert f"-Djava.io.tmpdir={home}/tmp " in site.run_script(host, f"tr '\\0' '\\n' < /proc/{pid}/environ")
    assert answers(site, host)


def assert_unit_sees_only(site, host, root):
    """The unit's user sees of all homes the application's root alone, and writes nowhere but into its own tmp."""
    inside = f"nsenter --target {site.find_pid(host, 0)} --mount"
    parents = [f"/{'/'.join(root.split('/')[1:count])}" for count in range(2, len(root.split("/")))]
    for parent, child in zip(parents, root.split("/")[2:], strict=True):
        assert site.run_script(host, f"{inside} ls -A {parent}") == child
    user = "setpriv --reuid=xitrum --regid=xitrum --clear-groups"
    own = f"{root}/instances/0/current/tmp"
    for folder in (*parents, "/root", root, f"{root}/releases", own):
        script = f"{inside} {user} sh -c 'touch {folder}/x && rm {folder}/x && echo written || true' 2> /dev/null"
        assert site.run_script(host, script) == ("written" if folder == own else ""), folder
    assert site.read_exposure(host, 0) <= 1.5


def assert_log_folder_is_made(site, host, logs, gone, restart):
    """What somebody has removed of the log folder is there after a restart by hand, and the instance logs into it."""
    before = site.find_pid(host, 0)
    site.run_script(host, f"rm -r {gone}")
    site.run_script(host, restart)
    wait_for(f"{host} answers again", lambda: site.find_pid(host, 0) not in (0, before) and answers(site, host))
    assert site.run_script(host, f"stat -c '%a %U:%G %F' {logs}/0") == "750 xitrum:xitrum directory"
    assert site.run_script(host, f"stat -c '%U %F' {logs}") == "root directory"
    wait_for("it logs", lambda: "started" in site.run_script(host, f"cat {logs}/0/xitrum.log", check=False))
