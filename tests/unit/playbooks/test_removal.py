# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal under the real playbook and roles: what it asks the proxies, drains and removes, in this order."""

from __future__ import annotations

import pytest

from ..stubbed_plays import MODULES, play

BOOK = "- import_playbook: PLAYBOOKS/remove.yml\n"
APPLICATIONS = [{"name": name, "root": f"/opt/{name}", "log_dir": f"/var/log/{name}", "indices": [0]} for name in ("shop", "old")]


def found_on(host):
    """What a read finds on an application host."""
    return {
        "changed": False, "applications": APPLICATIONS, "proxies": False, "nofile": [],
        "kernel": [], "alternatives": [], "jdks": [], "redirects": False, "firewall": False, "leftovers": False, "kept": [], "errors": [],
        "lines": [f"instances of {host}"],
    }


def remove(folder, **variables):
    """Removes two application hosts; the proxy stays."""
    hosts = ["app1", "app2"]
    rules = []
    for host in hosts:
        call = {"module": "host_record read", "host": host}
        # The last read finds nothing any more.
        rules += [({**call, "nth": 1}, found_on(host)), (call, {**found_on(host), "applications": [], "lines": []})]
    return play(folder, BOOK, hosts, rules, ["proxy1"], modules=(*MODULES, "host_record"), options=["--limit", "xitrum"],
                xitrum_name="shop", xitrum_user="shop", xitrum_drain_timeout=7, xitrum_drain_grace=3, **variables)


def of_proxies(ran):
    """The calls at the proxies: the host that they are for, whether the proxy is only queried, the state and the servers."""
    names = ("state", "servers", "timeout")
    return [(call["host"], call["args"]["keep_enabled"], *(call["args"][name] for name in names)) for call in ran.calls if call["action"] == "proxy_server"]


def test_a_removal_asks_the_proxies_once_for_all_hosts_and_drains_each(tmp_path):
    ran = remove(tmp_path, remove_host_count=2)
    assert ran.code == 0, ran.text
    assert of_proxies(ran) == [
        ("app1", True, "maint", ["app1-0", "app2-0"], 0),
        *((host, False, "drain", [f"{host}-0"], 7) for host in ("app1", "app2")),
        *((host, False, "maint", [f"{host}-0"], 3) for host in ("app1", "app2"))]


@pytest.mark.long
def test_a_removal_takes_every_application_that_it_finds(tmp_path):
    """Those of other names too, whose user it does not know."""
    ran = remove(tmp_path, remove_host_count=2)
    removed = [call["args"] for call in ran.calls if call["action"] == "instance_service" and call["host"] == "app1"]
    assert [(args["name"], args["root"], args["log_dir"], args["user"], args["state"], args["instances"]) for args in removed] == [
        ("shop", "/opt/shop", "/var/log/shop", "shop", "absent", []), ("old", "/opt/old", "/var/log/old", "", "absent", [])]


@pytest.mark.long
def test_the_last_hosts_are_removed_without_asking_the_proxies(tmp_path):
    ran = remove(tmp_path, remove_host_count=2, remove_last=True)
    assert ran.code == 0, ran.text
    assert not any(dry_run for _host, dry_run, *_rest in of_proxies(ran))


def test_a_removal_that_is_not_confirmed_changes_nothing(tmp_path):
    ran = remove(tmp_path)
    assert ran.code != 0 and "-e remove_host_count=2" in ran.text
    assert {call["action"] for call in ran.calls} == {"host_record read"}
