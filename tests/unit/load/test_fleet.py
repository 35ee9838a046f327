# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who connects to whom comes from the inventory alone."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.load import fleet as load_fleet

HOSTS = {
    "app1": {"inventory_hostname": "app1", "xitrum_address": "192.0.2.11"},
    "app2": {"inventory_hostname": "app2", "xitrum_address": "192.0.2.12", "application_slot_read": {"slot": 1}, "xitrum_instances": 1},
    "proxy1": {"inventory_hostname": "proxy1", "xitrum_address": "192.0.2.10"},
    "other": {"inventory_hostname": "other"},
}
GROUPS = {"all": list(HOSTS), "xitrum": ["app1", "app2"], "xitrum_proxy": ["proxy1"]}
DESIRED = {
    "connections": 1001, "through": ["direct", "proxy"], "path": "/echo", "headers": {}, "tls": False,
    "rate": 100, "seconds": 10, "heartbeat": 5, "timeout": 10,
    "from": ["proxy1", "other"], "sources": [], "burst": 0, "label": "run", "http_port": 8000, "instances": 2, "software": "haproxy", "behind": "",
    "proxy_listen": ["0.0.0.0", "::"], "proxy_http_port": 80, "proxy_https_port": 443,
}


def loads(host, **changes):
    return load_fleet.plan_loads(HOSTS, GROUPS, host, {**DESIRED, **changes})


def test_each_host_that_connects_has_its_share_of_both_ways():
    found = loads("proxy1")
    assert found["errors"] == []
    direct, through = found["loads"]["direct"], found["loads"]["proxy"]
    assert (direct["connections"], direct["rate"], loads("other")["loads"]["direct"]["connections"]) == (501, 50, 500)
    assert [(one["name"], one["address"], one["port"]) for one in direct["targets"]] == [
        ("app1-0", "192.0.2.11", 8000), ("app1-1", "192.0.2.11", 8001), ("app2-0", "192.0.2.12", 8001)]
    assert through["targets"] == [{"name": "proxy1", "address": "127.0.0.1", "port": 80, "tls": False}]
    assert loads("other")["loads"]["proxy"]["targets"][0]["address"] == "192.0.2.10"
    assert loads("app1")["loads"] == {}


def test_a_proxy_with_tls_and_an_address_of_its_own():
    found = loads("proxy1", tls=True, proxy_listen=["198.51.100.1"])
    assert found["loads"]["proxy"]["targets"] == [{"name": "proxy1", "address": "198.51.100.1", "port": 443, "tls": True}]
    assert found["watched"] == [{"name": "haproxy", "port": 443}]


def test_the_ports_of_a_host_are_watched():
    assert loads("app1")["watched"] == [{"name": "app1-0", "port": 8000}, {"name": "app1-1", "port": 8001}]
    assert loads("app2")["watched"] == [{"name": "app2-0", "port": 8001}]
    assert loads("other")["watched"] == []


@pytest.mark.parametrize(("wrong", "message"), [
    ({"connections": 0}, "load_test_connections: found 0"), ({"rate": -1}, "load_test_rate: found -1"),
    ({"burst": -1}, "load_test_burst_connections: found -1"),
    ({"path": ""}, "load_test_path is not set"), ({"label": "a/b"}, "load_test_label: found 'a/b'"),
    ({"from": ["nobody"]}, "found nobody, which the inventory does not have"),
    ({"from": []}, "load_test_clients is empty"), ({"through": ["tunnel"]}, "load_test_routes: found ['tunnel']"),
    ({"through": []}, "load_test_routes: found []"),
])
def test_invalid_values_are_reported_before_any_host_connects(wrong, message):
    found = loads("proxy1", **wrong)
    assert message in " ".join(found["errors"]) and found["loads"] == {}


BEHIND = {"software": "nginx", "behind": "proxy", "from": ["proxy1"]}


@pytest.mark.parametrize(("changes", "outside"), [
    ({}, ""), ({"through": ["direct"], "from": ["other"]}, ""), ({"behind": "http", "from": ["other"]}, ""), ({"software": "haproxy", "from": ["other"]}, ""),
    ({"from": ["other", "proxy1"]}, "other"), ({"from": ["localhost"]}, "localhost"), ({"proxy_listen": ["192.0.2.10"]}, "proxy1"),
])
def test_nginx_that_wants_the_proxy_protocol_answers_its_own_host_alone(changes, outside):
    found = " ".join(loads("proxy1", **{**BEHIND, **changes})["errors"])
    first = "load_test_routes: found proxy, but Nginx on proxy1 accepts only connections with the PROXY protocol"
    assert (first in found and f"The load clients cannot send it from {outside}:" in found) if outside else found == ""
    assert ("load_test_clients=['proxy1']" in found) == (bool(outside) and "proxy_listen" not in changes)


def test_two_such_proxies_do_not_answer_each_other():
    groups = {**GROUPS, "xitrum_proxy": ["proxy1", "other"]}
    found = load_fleet.plan_loads(HOSTS, groups, "proxy1", {**DESIRED, **BEHIND, "from": ["proxy1", "other"]})["errors"]
    assert len(found) == 1
    assert "Nginx on proxy1, other accepts" in found[0] and "from proxy1, other: " in found[0]
    assert found[0].endswith("test directly (load_test_routes=['direct'])")


def test_a_way_that_the_inventory_does_not_have_is_refused():
    found = load_fleet.plan_loads(HOSTS, {"all": list(HOSTS)}, "other", {**DESIRED, "from": ["localhost"]})
    assert [sentence.split(",")[0] for sentence in found["errors"]] == ["load_test_routes contains proxy", "load_test_routes contains direct"]
