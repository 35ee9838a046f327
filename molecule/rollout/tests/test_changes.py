# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes between two runs: applied without a lost request, or refused with the way to it (docs/reference/changes.md)."""

import contextlib

import pytest

from tests.lib.site import RUN_SECONDS, kill, wait_for
from tests.verify.traffic import Traffic

APPS = ("app1", "app2")
EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
DEPLOY = "playbooks/deploy.yml"
LOCK = "/var/lib/xitrum.host/xitrum.lock"


def ports(site):
    """The ports of the application on which each host listens."""
    script = "ss -Hltn | grep -oE ':(800[01]|900[01]) ' | tr -d ': ' | sort -u"
    return {host: site.run_script(host, script).split() for host in APPS}


@pytest.mark.long
def test_another_port_behind_a_proxy_loses_no_request(site, print_line):
    proxy = site.list_running()["proxy1"]
    # The proxy reads its configuration again: connections that clients keep end between two requests.
    with Traffic(site, requests=5000, keeps=False, pause=0.08) as traffic:
        site.run(xitrum_http_port=9000).assert_ended_well()
        assert ports(site) == dict.fromkeys(APPS, ["9000", "9001"])
        site.run(xitrum_http_port=9000).assert_did_nothing()
        site.run().assert_ended_well()
    traffic.assert_nothing_lost()
    print_line(f"{traffic.count} requests while four instances moved to another port and back: none lost")
    assert ports(site) == dict.fromkeys(APPS, ["8000", "8001"])
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")
    assert site.list_running()["proxy1"][0] == proxy[0], "the proxy was restarted: a reload keeps its first process"
    site.run().assert_did_nothing()


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({"xitrum_user": "web"}, "found xitrum as xitrum_user of xitrum on this host, expected web"),
        # One of them shows that the refusal reaches a run; the unit tests of application/ and proxy/ have them all.
        pytest.param({"xitrum_root": "/srv/shop"}, "found /opt/xitrum as xitrum_root of xitrum on this host, expected /srv/shop", marks=pytest.mark.long),
        pytest.param({"xitrum_name": "shop", "xitrum_root": "/opt/xitrum"}, "found the configuration of the application xitrum", marks=pytest.mark.long),
    ],
)
def test_what_cannot_change_is_refused_before_anything_changes(site, variables, expected):
    before = site.list_running()
    run = site.run(**variables)
    assert run.code != 0 and not run.changed
    assert expected in run.message
    assert "remove.yml" in run.message
    assert site.list_running() == before


@pytest.mark.long
def test_a_proxy_that_is_away_is_named_and_can_be_left_out(site):
    before = site.list_running()
    with site.change_for_now("proxy1", "systemctl stop ssh; pkill -x sshd", "systemctl start ssh"):
        run = site.run(playbook=DEPLOY, xitrum_heap="300m")
        assert run.code != 0
        assert "proxy1" in run.message and "-e xitrum_unavailable_proxies=proxy1" in run.message
        assert site.list_running()["app1"] == before["app1"]
        unknown = site.run(playbook=DEPLOY, xitrum_unavailable_proxies="proxy9")
        assert unknown.code != 0 and "expected names of the group xitrum_proxy (proxy1)" in unknown.output + str(unknown.failures)
        site.run("--limit", "app1", playbook=DEPLOY, xitrum_heap="300m", xitrum_unavailable_proxies="proxy1").assert_ended_well()
        assert site.list_running()["app1"] != before["app1"]
    site.run().assert_ended_well()
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")


@pytest.mark.long
def test_another_name_of_a_host_loses_no_request(site, tmp_path, print_line):
    """The proxies have the servers by their old names when the batches of the same run drain them."""
    renamed = site.with_inventory(tmp_path / "inventory", renamed={"app1": "web1"})
    names = ["web1-0", "web1-1", "app2-0", "app2-1"]
    with Traffic(site, keeps=False) as traffic:
        renamed.run(xitrum_heap="300m").assert_ended_well()
        assert renamed.read_statuses() == dict.fromkeys(names, "UP")
        renamed.run(xitrum_heap="300m").assert_did_nothing()
        site.run().assert_ended_well()
    traffic.assert_nothing_lost()
    print_line(f"{traffic.count} requests while a host got another name and back, and its instances restarted: none lost")
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")
    site.run().assert_did_nothing()


@pytest.mark.long
def test_another_proxy_software_is_refused_with_the_way_to_it(site):
    before = site.list_running()
    run = site.run(xitrum_proxy_software="nginx")
    assert run.code != 0 and not run.changed
    assert "haproxy" in run.message and "remove.yml" in run.message
    assert site.list_running() == before


@contextlib.contextmanager
def without_ssh(site, host):
    """A host that refuses each connection of SSH for the block, and ends those that it has."""
    with site.change_for_now(host, "systemctl stop ssh; pkill -x sshd", "systemctl start ssh"):
        yield


@pytest.mark.long
@pytest.mark.parametrize("lose", [without_ssh, lambda site, host: site.pause_host(host)], ids=["refuses", "stands still"])
def test_a_proxy_that_is_lost_in_the_middle_is_named_and_its_loss_leaves_a_whole_fleet(site, lose):
    process = site.start(playbook=DEPLOY, xitrum_heap="300m")
    try:
        wait_for("the run has its locks", lambda: all(site.run_script(host, f"test -e {LOCK} && echo held", check=False) for host in APPS))
        with lose(site, "proxy1"):
            out = process.communicate(timeout=RUN_SECONDS)[0]
    finally:
        kill(process)
    assert process.returncode != 0
    assert "proxy proxy1 cannot be reached" in out and "-e xitrum_unavailable_proxies=proxy1" in out
    assert len(set(map(site.read_answered_release, EVERY))) == 1, "one instance has another release"
    site.run().assert_ended_well()
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")


@pytest.mark.long
def test_a_host_that_stands_still_ends_the_run_and_the_next_one_converges(site):
    process = site.start(playbook=DEPLOY, xitrum_heap="300m")
    try:
        wait_for("the run has its locks", lambda: all(site.run_script(host, f"test -e {LOCK} && echo held", check=False) for host in APPS))
        with site.pause_host("app2"):
            out, err = process.communicate(timeout=RUN_SECONDS)
    finally:
        kill(process)
    assert process.returncode != 0
    assert '"unreachable": true' in out
    site.run().assert_ended_well()
    assert site.read_statuses() == dict.fromkeys(EVERY, "UP")
    site.run().assert_did_nothing()
