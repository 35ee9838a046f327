# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load test from its variables to its report, without a host."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.desired import load
from ansible_collections.xitrum.host.plugins.module_utils.desired.inputs import Inputs
from ansible_collections.xitrum.host.plugins.plugin_utils import load_reports

from .test_fleet import DESIRED, GROUPS, HOSTS
from .test_report import READING, counts

VARIABLES = {
    **{f"load_test_{name}": DESIRED[name] for name in (
        "connections", "rate", "seconds", "heartbeat", "timeout", "sources", "path", "label", "headers", "tls")},
    "load_test_burst_connections": DESIRED["burst"], "load_test_routes": DESIRED["through"], "load_test_clients": DESIRED["from"],
    "xitrum_http_port": "8000", "xitrum_instances": "2", "xitrum_proxy_software": "haproxy", "xitrum_proxy_load_balancers": [],
    "xitrum_proxy_load_balancer_protocol": "proxy", "xitrum_proxy_listen": DESIRED["proxy_listen"],
    "xitrum_proxy_http_port": 80, "xitrum_proxy_https_port": 443, "groups": GROUPS, "hostvars": HOSTS,
}


def inputs(host, **changes):
    return Inputs({**VARIABLES, "inventory_hostname": host, **changes})


def test_settings_have_the_types_of_their_options():
    assert load.build_settings(inputs("proxy1")) == DESIRED
    typed = load.build_settings(inputs("proxy1", load_test_connections="1001", load_test_tls="no", xitrum_proxy_load_balancers=["192.0.2.1"]))
    assert typed == {**DESIRED, "behind": "proxy"}
    with pytest.raises(ValueError, match="load_test_rate is 'fast': expected a whole number"):
        load.build_settings(inputs("proxy1", load_test_rate="fast"))


def test_a_host_plans_its_own_part():
    assert load.plan(inputs("proxy1"))["loads"]["direct"]["connections"] == 501
    assert load.plan(inputs("app1"))["watched"] == [{"name": "app1-0", "port": 8000}, {"name": "app1-1", "port": 8001}]


@pytest.mark.parametrize("host, connections, share", [("app1", 1001, 501), ("proxy1", 1001, 1001), ("app2", 0, 1), ("app1", 2, 1)])
def test_a_host_has_its_share_of_the_connections_rounded_up(host, connections, share):
    assert load.compute_share(inputs(host, load_test_connections=connections)) == share


def test_the_figures_of_all_hosts_are_added_up():
    readings = [copy.deepcopy(READING) for _unused in range(5)]
    for number, reading in enumerate(readings):
        reading["counters"]["ListenOverflows"] = number * number
    first, during, between, later, last = readings
    nothing = {**first, "processes": []}
    hostvars = {
        "app1": {
            "__load_test_first": {"load": first}, "__load_test_capacity": {"capacity": {"limits": {"largest": 5000, "limited_by": "heap"}}},
            "__load_test_burst": {"bursts": [{"requested": 128}]},
            "__load_test_routes": [{"route": "direct", "during": during, "after": between, "counts": {}},
                                   {"route": "proxy", "during": later, "after": last, "counts": {}}],
        },
        # One that only connects, and has no process of interest.
        "other": {
            "__load_test_first": {"load": nothing}, "__load_test_burst": {"skipped": True}, "__load_test_capacity": {"skipped": True},
            "__load_test_routes": [{"route": route, "during": nothing, "after": nothing, "counts": counts()} for route in ("direct", "proxy")],
        },
        "lost": {},
    }
    found = load_reports.make_report(hostvars, {"xitrum": ["app1"]}, list(hostvars), {**DESIRED, "headers": {"Cookie": "a"}}, "2026-01-01T00:00:00Z")
    assert "Cookie" not in str(found) and found["settings"]["when"] == found["when"] == "2026-01-01T00:00:00Z"
    assert (found["label"], found["bursts"]) == ("run", {"app1": [{"requested": 128}]})
    assert found["machine"] == {host: {"cpus": 2, "memory_bytes": 8 << 30} for host in ("app1", "other")}
    # Each route begins with what was there after the one before.
    assert [found["routes"][route]["overflows"] for route in ("direct", "proxy")] == [{"app1": 4}, {"app1": 12}]
    assert found["routes"]["direct"]["held"] == 1000 and found["routes"]["direct"]["promise"]["largest"] == 5000
