# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of variables that follow from others, and the desired state that is computed from them."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.desired import components, network, tuning
from ansible_collections.xitrum.host.plugins.module_utils.desired.inputs import NOFILE, Inputs
from ansible_collections.xitrum.host.plugins.module_utils.limits import capacity

GIVEN = {
    "inventory_hostname": "app1", "groups": {"xitrum": ["app1"]}, "xitrum_slots": False, "xitrum_instances": 2, "xitrum_http_port": 8000,
    "xitrum_https_port": 4430, "xitrum_cluster": False, "xitrum_heap": "2g", "tuning_conntrack": True, "tuning_policy": "at_least",
    "tuning_sysctl": {}, "tuning_state": "present", "tuning_sysctl_file": "/etc/sysctl.d/90-xitrum.conf", "tuning_kernel_modules": [],
}


def inputs(**more):
    return Inputs({**GIVEN, **more})


def test_the_capacity_is_computed_once_for_all_that_takes_from_it(monkeypatch):
    calls = []
    compute = capacity.compute_limits
    monkeypatch.setattr(capacity, "compute_limits", lambda *arguments: calls.append(arguments) or compute(*arguments))
    found = inputs(xitrum_max_connections="100000")
    limits = found.limits
    assert found["tuning_nofile"] == limits.nofile == found["xitrum_nofile"]
    assert found["tuning_file_max"] == limits.kernel["fs.file-max"]["value"]
    assert found["xitrum_proxy_max_connections"] == found["proxy_max_connections"] == limits.connections == 100000
    assert tuning.build_kernel(found)["profile"]["net.ipv4.tcp_mem"] == limits.kernel["net.ipv4.tcp_mem"]
    assert len(calls) == 1


def test_without_a_number_of_connections_the_guides_values_are_used():
    found = inputs()
    assert (found.limits, found["tuning_nofile"], found["tuning_file_max"]) == (capacity.Limits(), NOFILE, 2 * NOFILE)
    assert found["xitrum_proxy_max_connections"] == 0


def test_what_a_user_sets_wins_over_what_follows():
    found = inputs(xitrum_max_connections=100000, tuning_nofile="5000", xitrum_nofile=7)
    assert (found.get_number("tuning_nofile"), found["xitrum_nofile"]) == (5000, 7)


@pytest.mark.parametrize(("more", "ports"), [
    ({}, [8000, 8001, 4430, 4431]),
    ({"groups": {"xitrum": ["other"], "xitrum_proxy": ["app1"]}}, []),
    ({"xitrum_cluster": True, "xitrum_cluster_port": 2551}, [8000, 8001, 4430, 4431, 2551, 2552]),
    ({"xitrum_slots": True, "xitrum_instances": 1}, [8000, 8001, 4430, 4431]),
])
def test_outgoing_connections_take_no_port_of_an_instance(more, ports):
    assert inputs(**more)["tuning_reserved_ports"] == ports


@pytest.mark.parametrize(("more", "pairs"), [
    ({}, [(80, 8000)]),
    ({"xitrum_http_port": 80}, []),
    ({"xitrum_tls_certificate": "a.pem"}, [(80, 8000), (443, 4430)]),
    ({"groups": {"xitrum": ["app1"], "xitrum_proxy": ["app1"]}}, []),
    ({"xitrum_slots": True, "application_slot_read": {"slot": 1}}, [(80, 8001)]),
])
def test_the_outside_ports_lead_to_the_active_instance(more, pairs):
    assert [(pair["outside"], pair["inside"]) for pair in inputs(**more)["port_forward_pairs"]] == pairs


def test_a_slot_that_is_given_wins_over_the_active_one():
    more = {"xitrum_slots": True, "application_slot_read": {"slot": 0}, "port_forward_state": "present", "port_forward_backend": "auto",
            "port_forward_loopback": True, "port_forward_stop_services": [], "port_forward_probe": False}
    assert network.build_redirects(Inputs({**GIVEN, **more}, slot=1))["pairs"] == [{"outside": 80, "inside": 8001}]


def test_a_value_that_is_no_number_is_an_error_with_its_name():
    with pytest.raises(ValueError, match="xitrum_http_port is '80a': expected a whole number"):
        inputs(xitrum_http_port="80a").get_number("xitrum_http_port")


def test_which_components_a_run_reads():
    proxy = inputs(groups={"xitrum": ["other"], "xitrum_proxy": ["app1"]})
    assert components.expand_names(["base"], inputs()) == ["machine", "capacity", "kernel", "nofile", "jdk", "restarts"]
    assert components.expand_names(["deploy"], inputs()) == ["machine", "jdk", "redirects", "release", "instances", "service"]
    assert components.expand_names(["deploy"], proxy) == ["machine", "proxy_health"]
    assert components.expand_names(["site"], proxy) == ["machine", "capacity", "kernel", "nofile", "firewall", "proxy"]
    assert components.expand_names(["jdk", "jdk"], proxy) == ["jdk"]
