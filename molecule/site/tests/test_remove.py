# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end: everything is removed, one host while the others serve, and then the rest. Each test begins where the one before ended."""

import pytest

from tests.lib.baseline import compare_host
from tests.lib.faults import SOCKET
from tests.lib.site import wait_for
from tests.verify.load import THOROUGH, Load

REMOVE = "playbooks/remove.yml"


@pytest.mark.parametrize("extra", [{}, pytest.param({"remove_host_count": 2}, marks=pytest.mark.long)])
def test_without_the_number_of_hosts_it_reports_what_it_would_do_and_does_nothing(site, extra):
    before = site.list_running()
    run = site.run(playbook=REMOVE, **extra)
    assert run.code != 0 and not run.changed
    assert "No host was changed." in run.message and "-e remove_host_count=3" in run.message
    printed = {host: result["msg"] for name, host, result in run.tasks if name == "Print what would be removed"}
    for line in ("instance 1 of xitrum", "/etc/systemd/system/xitrum@.service", "/opt/xitrum", "user xitrum", "/etc/sysctl.d/90-xitrum.conf",
                 "alternative java"):
        assert line in printed["app1"], printed["app1"]
    assert "/etc/haproxy/haproxy.cfg: the configuration from before comes back" in printed["proxy1"]
    assert site.list_running() == before


def test_check_mode_shows_every_step_and_does_nothing(site):
    before = site.list_running()
    run = site.run("--check", "--diff", "--limit", "app1,proxy1", playbook=REMOVE).assert_ended_well()
    steps = {result["action"] for _task, _host, result in run.tasks if result.get("changed")}
    assert steps >= {"xitrum.host." + name for name in (
        "instance_service", "sysctl_profile", "jdk")}
    assert any("nofile" in result for _host, result in run.list_results("xitrum.host.host_base") if result.get("changed"))
    # The proxies are restored, and leftovers removed, which alone reports what is kept.
    assert {"kept" in result for _host, result in run.list_results("xitrum.host.host_record") if result.get("changed")} == {False, True}
    assert site.list_running() == before


def test_the_last_host_that_serves_is_not_removed(site):
    def set_app1(state):
        for index in (0, 1):
            site.run_script("proxy1", f"echo 'set server xitrum/app1-{index} state {state}' | socat stdio {SOCKET}")

    before = site.list_running()
    set_app1("maint")
    try:
        run = site.run("--limit", "app2", playbook=REMOVE, remove_host_count=1)
    finally:
        set_app1("ready")
    messages = [result["msg"] for _host, result in run.list_results("xitrum.host.proxy_server")]
    assert len(messages) == 1 and "app2-0 and app2-1 would be disabled, and haproxy has no other server that is enabled and healthy" in messages[0]
    assert (run.code, run.changed, site.list_running()) == (2, {}, before)
    wait_for("app1 is enabled", lambda: set(site.read_statuses().values()) == {"UP"})


@pytest.mark.long
def test_one_host_is_removed_with_its_packages_while_the_others_serve(site):
    before = site.list_running()
    with Load(site.hosts["proxy1"]["xitrum_address"], 80, "/", threads=1) as load:
        run = site.run("--limit", "app2", playbook=REMOVE, remove_host_count=1, remove_packages=True, xitrum_drain_timeout=3, xitrum_drain_grace=1)
    run.assert_ended_well()
    load.assert_nothing_lost()
    assert sum(load.statuses.values()) > 20
    assert compare_host(site, "app2") == []
    after = site.list_running()
    assert {host for host in after if after[host] != before[host]} == {"app2"}
    assert {name for name, status in site.read_statuses().items() if status.startswith("MAINT")} == {"app2-0", "app2-1"}
    site.run("--limit", "app2", playbook=REMOVE, remove_host_count=1, remove_packages=True).assert_did_nothing()


@pytest.mark.long
def test_a_host_that_was_removed_and_is_set_up_again_is_enabled_again(site):
    site.run().assert_ended_well()
    assert site.read_statuses() == dict.fromkeys(["app1-0", "app1-1", "app2-0", "app2-1"], "UP")


def test_a_run_that_is_killed_is_finished_by_the_next_and_data_that_was_kept_goes_another_day(site):
    """Packages stay in CI, and go where everything is tested."""
    keeping = {"playbook": REMOVE, "remove_host_count": 3, "remove_keep_data": True, "remove_packages": THOROUGH}
    with site.start_killed_run(**keeping):
        wait_for("the instances of app1 end", lambda: not site.list_processes("app1"))
    site.run(**keeping).assert_ended_well()
    assert site.list_releases("app1") != []
    assert "outcome=removed" in site.run_script("app1", "getent passwd xitrum && tail -n 1 /var/log/xitrum/runs.log")
    kept = ("files: /opt/xitrum", "names: /var/log:", "names: /var/lib:", "users: xitrum:", "groups: xitrum:")
    assert [line for line in compare_host(site, "app1") if not line.startswith(kept)] == []
    for host, program in (("app1", "/usr/bin/java"), ("app2", "/usr/bin/java"), ("proxy1", "/usr/sbin/haproxy")):
        assert bool(site.run_script(host, f"ls {program}", check=False)) != THOROUGH, f"{host}: {program}"
    site.run(**keeping).assert_did_nothing()
    site.run(playbook=REMOVE, remove_host_count=3).assert_ended_well()


@pytest.mark.parametrize("name", ["proxy1", "app1", "app2", "bare"])
def test_the_host_is_what_it_was_before_the_first_run(site, name):
    if THOROUGH and name == "proxy1":
        # Debian's removal of the package leaves what the service has made.
        assert site.run_script(name, "find /var/lib/haproxy -type f -printf '%p %s'; rm -r /var/lib/haproxy") == "/var/lib/haproxy/dev/log 0"
    assert compare_host(site, name) == []


def test_a_run_after_it_does_nothing(site):
    run = site.run(playbook=REMOVE, remove_host_count=3).assert_did_nothing()
    assert [result["msg"] for task, _host, result in run.tasks if task == "Print what would be removed"] == [
        f"{name}:\n  nothing" for name in ("app1", "app2", "proxy1")]
