# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that an inventory's instances form."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import cluster

DEFAULTS = {"xitrum_cluster_port": 2551, "xitrum_instances": 2}


def host(name, address, **more):
    return {"inventory_hostname": name, "xitrum_address": address, **more}


APPS = [host("app1", "192.0.2.11"), host("app2", "192.0.2.12", xitrum_instances=1, xitrum_cluster_port=3000), host("app3", "fd00::3")]


def plan(hosts, count=2):
    return cluster.plan(hosts, DEFAULTS, count, "xitrum")


def test_every_instance_is_a_member_on_a_port_of_its_own():
    assert [(member["host"], member["address"], member["port"]) for member in plan(APPS)["members"]] == [
        ("app1", "192.0.2.11", 2551), ("app1", "192.0.2.11", 2552), ("app2", "192.0.2.12", 3000), ("app3", "fd00::3", 2551), ("app3", "fd00::3", 2552)]


def test_seeds_are_on_different_hosts_as_far_as_there_are_some():
    assert plan(APPS, 4)["seeds"] == ["akka://xitrum@192.0.2.11:2551", "akka://xitrum@192.0.2.12:3000", "akka://xitrum@[fd00::3]:2551",
                                      "akka://xitrum@192.0.2.11:2552"]
    assert plan(APPS[:1])["seeds"] == ["akka://xitrum@192.0.2.11:2551", "akka://xitrum@192.0.2.11:2552"]


def test_a_cluster_address_of_its_own_wins():
    assert plan([host("app1", "8.8.8.8", xitrum_cluster_address="10.0.0.1")])["members"][0]["address"] == "10.0.0.1"


@pytest.mark.parametrize("hosts, count, said", [
    ([host("app1", "8.8.8.8")], 2, "app1: its cluster address 8.8.8.8 is public"),
    ([host("app1", "app1.example.com")], 2, "is a name, wanted is an address"),
    ([host("app1", "192.0.2.1", xitrum_instances=1)], 2, "there is 1 instance"),
    (APPS, 1, "xitrum_cluster_seeds is 1"),
    ([APPS[0], host("app2", "127.0.0.1")], 2, "address of app2 is a loopback one"),
])
def test_what_must_not_be_formed(hosts, count, said):
    assert any(said in problem for problem in plan(hosts, count)["problems"])


def test_on_one_host_the_loopback_does():
    assert plan([host("app1", "127.0.0.1")])["problems"] == []


def test_every_wrong_address_is_reported_at_once_with_the_number_of_seeds():
    hosts = [{"inventory_hostname": name, "ansible_host": found} for name, found in (("app1", "app1"), ("app2", "8.8.8.8"), ("app3", "10.0.0.3"))]
    found = cluster.plan(hosts, {cluster.PORT: 2551, cluster.COUNT: 1}, 1, "demo")
    assert [sentence.split(" is ")[0] for sentence in found["problems"]] == [
        "app1: its cluster address app1", "app2: its cluster address 8.8.8.8", "xitrum_cluster_seeds"]
    assert found["members"] == []
