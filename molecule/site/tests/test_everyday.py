# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's everyday, in the order in which it is listed here: each test begins where the one before ended.

New releases and old ones, parts of the fleet, fewer hosts and instances, and runs that are killed. The first release is
test-1, of converge; the last one is test-4.
"""

import hashlib

import pytest

from tests.lib.site import CLONE, ROOT, wait_for

APPS = ("app1", "app2")
EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
JAR = "lib/quickstart_2.13-1.0.jar"
#: What a tar archive of the few small files next to that jar may take.
SMALL = 40 << 10
#: Another definition of the service, which is another reason to restart an instance.
OTHER_UNIT = {"supervisor_restart_seconds": 2}


def test_check_mode_on_a_bare_host_shows_everything_and_does_nothing(site, tmp_path):
    everything = site.with_inventory(tmp_path / "inventory", {"xitrum": [*APPS, "bare"], "xitrum_proxy": ["proxy1", "bare"]})
    site.run_script("bare", "sleep 1; touch /run/before; sleep 1")
    run = everything.run("--check", "--diff", "--limit", "bare").assert_ended_well()
    assert run.changed
    diffs = [result["diff"] for _task, _host, result in run.tasks if result.get("diff")]
    after = "\n".join(str(part.get("after", "")) + str(part.get("prepared", "")) for diff in diffs for part in (diff if isinstance(diff, list) else [diff]))
    for expected in ("net.ipv4.tcp_fin_timeout", "nofile", "release ", "instances/0/", "xitrum@.service", "User=xitrum", "option forwardfor",
                     "instance 1: runs"):
        assert expected in after, f"{expected} is not in the diff:\n{after}"
    assert "Check mode: no host was changed." in run.find_text("Print the fleet summary")
    newer = "find /etc /opt /usr /srv /root /var/lib /var/log/xitrum -newer /run/before -not -path '/var/lib/systemd/*'"
    assert site.run_script("bare", newer, check=False) == ""
    assert site.run_script("bare", "getent passwd xitrum haproxy; command -v java haproxy", check=False) == ""


@pytest.mark.long
def test_of_a_package_with_one_changed_jar_only_that_jar_travels_and_instances_follow_each_other(site, packages):
    """By a user who has to give a password to sudo."""
    old, before = site.find_release("app1"), site.list_running()
    run = site.run(xitrum_package=str(packages("test-2")), ansible_user="carol", ansible_become_password="carol").assert_ended_well()
    size = (packages("test-2") / JAR).stat().st_size
    assert set(run.sent) == set(APPS)
    assert all(size < count < size + SMALL for count in run.sent.values()), (size, run.sent)
    new = site.find_release("app1")
    assert {site.read_answered_release(name) for name in EVERY} == {"test-2"}
    for host in APPS:
        assert site.list_releases(host) == sorted([old, new])
        assert site.read_links(host)["previous"] == f"releases/{old}"
        same = site.run_script(host, f"cd {ROOT}/releases; stat -c %i {old}/lib/netty-codec-http*.jar {new}/lib/netty-codec-http*.jar").split()
        assert len(same) == 2 and same[0] == same[1], "an unchanged jar takes the disk once"
        assert site.run_script(host, f"cat {ROOT}/releases/{new}/extra/nested/note.txt")
    after = site.list_running()
    assert after["proxy1"] == before["proxy1"], "the proxy was restarted"
    took = [seconds for _host, result in run.list_results("xitrum.host.instance_service") for seconds in result.get("seconds", {}).values()]
    starts = sorted(start for host in APPS for _pid, start in after[host])
    assert len(starts) == len(took) == 4
    for first, second, seconds in zip(starts[:-1], starts[1:], took[:-1], strict=True):
        assert (second - first) / 100 > seconds, f"an instance was started before the one before it was healthy: {starts}, {took}"


@pytest.mark.long
def test_the_same_package_by_a_url_is_the_same_release(site, packages, archives):
    path, url = archives("test-2", packages("test-2"))
    before = site.list_running()
    site.run("--limit", "app1", xitrum_package=url, xitrum_package_sha256=hashlib.sha256(path.read_bytes()).hexdigest()).assert_did_nothing()
    assert site.list_running() == before


@pytest.mark.long
def test_one_host_goes_back_alone_and_a_killed_run_before_it_is_made_up_for(site):
    """The first run dies after it wrote the unit and before systemd read it: no file shows the next one that anything is left."""
    deadly = "printf '#!/bin/sh\\n[ \"$1\" != daemon-reload ] || { kill -9 $PPID; exit 1; }\\nexec /bin/systemctl \"$@\"\\n' " \
             "> /usr/local/sbin/systemctl; chmod 755 /usr/local/sbin/systemctl"
    command = "/bin/systemctl show --property NeedDaemonReload --property RestartUSec --value xitrum@0; ls /var/lib/xitrum.host/pending"
    before, new = site.find_pids(EVERY), site.find_release("app1")
    with site.change_for_now("app1", deadly, "rm /usr/local/sbin/systemctl"):
        assert site.run("--limit", "app1", **OTHER_UNIT).code != 0
        assert site.run_script("app1", command).split() == ["1s", "yes", "xitrum-service"]
        assert site.find_pids(EVERY) == before
    run = site.run("--limit", "app1", **OTHER_UNIT).assert_ended_well()
    assert site.run_script("app1", command).split() == ["2s", "no"]
    assert not any(run.sent.values()), "the host has the release"
    assert site.read_links("app1")["previous"] == f"releases/{new}"
    assert {name: site.read_answered_release(name) for name in EVERY} == dict(zip(EVERY, ["test-1", "test-1", "test-2", "test-2"], strict=True))
    after = site.find_pids(EVERY)
    assert {name for name in EVERY if after[name] == before[name]} == {"app2-0", "app2-1"}
    assert site.hosts["proxy1"]["xitrum_address"] in site.run_script("app1", f"grep ips {ROOT}/instances/0/current/config/xitrum.conf")
    site.run("--limit", "proxy1").assert_did_nothing()
    assert site.list_backends() == EVERY


@pytest.mark.long
def test_a_run_that_is_killed_in_the_middle_of_a_rollout_is_finished_by_the_next(site):
    before = site.find_pids(EVERY)
    with site.start_killed_run(**OTHER_UNIT):
        wait_for("the first instance of app2 was restarted", lambda: site.read_main_pid("app2", 0) not in (0, before["app2-0"]))
    assert site.read_main_pid("app2", 1) == before["app2-1"], "the run was killed too late to show anything"
    site.read_links("app2")
    wait_for("what was started comes up without the run", lambda: site.find_pids(EVERY).get("app2-0"))
    between = site.find_pids(EVERY)
    site.run(**OTHER_UNIT).assert_ended_well()
    assert {site.read_answered_release(name) for name in EVERY} == {"test-1"}
    after = site.find_pids(EVERY)
    assert {name for name in EVERY if after[name] != between[name]} == {"app2-1"}
    assert site.find_release("app2") == site.find_release("app1")


@pytest.mark.long
def test_an_instance_and_a_host_that_the_inventory_no_longer_has_are_gone(site, packages, archives, tmp_path):
    """The release is a tar.gz here, and the instance that stays moves to a port below 1024."""
    smaller = site.with_inventory(tmp_path / "inventory", {"xitrum": ["app1"], "xitrum_decommissioned": ["app2"]})
    variables = {"xitrum_package": str(archives("test-3", packages("test-3"))[0]), "xitrum_instances": 1, "xitrum_http_port": 80}
    smaller.run(**variables).assert_ended_well()
    assert set(site.find_pids(EVERY)) == {"app1-0"}
    assert site.read_answered_release("app1-0", first_port=80) == "test-3"
    assert site.run_script("app1", f"ps -o user= -p {site.read_main_pid('app1', 0)}") == "xitrum"
    assert site.read_exposure("app1", 0) <= 1.5
    assert "-XX:+ExitOnOutOfMemoryError" in site.read_flags("app1", 0), "jcmd attaches"
    assert site.list_backends() == ["app1-0"]
    assert site.run_script("app1", f"ls {ROOT}/instances; ls /etc/systemd/system/multi-user.target.wants").split().count("xitrum@1.service") == 0
    assert site.run_script("app1", f"ls {ROOT}/instances") == "0"
    assert site.list_processes("app2") == []
    assert site.run_script("app2", f"ls -d {ROOT} /etc/systemd/system/xitrum* /etc/systemd/system/*/xitrum*", check=False) == ""
    again = smaller.run(**variables).assert_did_nothing()
    message = again.find_text("xitrum.host.supervisor : Report that the host had nothing to remove")
    assert message.startswith("app2 has nothing of xitrum: no service of that name, and no /opt/xitrum.")
    assert "Could not match supplied host pattern" not in again.output


@pytest.mark.long
def test_a_run_that_builds_and_is_killed_in_the_middle_of_an_upload_is_finished_by_the_next(site, tmp_path):
    """The way back to four instances. Of the four releases that app1 would have then, only what is current and previous stays."""
    there = site.read_links("app1")
    assert len(site.list_releases("app1")) == 3
    variables = {
        "xitrum_build_command": f"{CLONE}/tests/demo_app/package.sh built/xitrum test-4", "xitrum_build_dir": str(tmp_path),
        "xitrum_package": str(tmp_path / "built/xitrum"), "xitrum_keep_releases": 1,
    }
    whole = f"ls {ROOT}/releases | grep -x '[0-9a-f]*'"
    begun = f"ls -d /home/deploy/.ansible/tmp/*/files.tar {ROOT}/releases/.*.partial"
    with site.start_killed_run(**variables):
        wait_for("the upload to app2 has begun", lambda: site.run_script("app2", begun, check=False))
    assert site.run_script("app2", whole, check=False) == "", "the run was killed too late to show anything"
    site.read_links("app1")
    site.run(**variables).assert_ended_well()
    assert {site.read_answered_release(name) for name in EVERY} == {"test-4"}
    assert site.list_backends() == EVERY
    new, third = site.find_release("app1"), there["current"].removeprefix("releases/")
    assert site.list_releases("app2") == [new], "nothing half-made is left"
    assert site.list_releases("app1") == sorted([third, new]), "the running and the previous release stay, whatever the number to keep"
    assert site.run_script("app1", f"find {ROOT} -xtype l") == "", "no folder of an instance is left whose release is gone"
    for host in APPS:
        assert site.read_links(host)["current"] == f"releases/{new}"
    site.run(**variables).assert_did_nothing()
