# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity plan: what it gives is enough, what it refuses is too much, and one more is always one too many."""

from __future__ import annotations

import dataclasses

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.xitrum.host.plugins.filter.capacity_plan import FilterModule
from ansible_collections.xitrum.host.plugins.module_utils.kernel import values as kernel_values
from ansible_collections.xitrum.host.plugins.module_utils.limits import capacity, host_capacity
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost

CONNECTIONS = st.integers(1, 5_000_000)
SHAPES = st.builds(
    capacity.HostShape,
    application=st.booleans(), proxy=st.booleans(), instances=st.integers(1, 16), heap_bytes=st.integers(64 << 20, 64 << 30),
    connection_heap_bytes=st.integers(1024, 1 << 20), backends=st.integers(0, 64), reserved_ports=st.integers(0, 1000),
    memory_bytes=st.none() | st.integers(1 << 30, 1 << 40), nofile_most=st.none() | st.integers(20000, 1 << 30),
    conntrack=st.booleans(), cpus=st.integers(1, 128),
).filter(lambda shape: shape.application or shape.proxy)


@given(CONNECTIONS, SHAPES)
def test_every_limit_is_enough(connections, shape):
    plan = capacity.compute_limits(connections, shape)
    on_each = -(-connections // shape.instances)
    if shape.application:
        assert plan.nofile > on_each
        assert plan.heap_bytes >= on_each * shape.connection_heap_bytes
    if shape.proxy:
        assert plan.nofile > 2 * connections
        assert plan.nginx_worker_connections * shape.cpus >= 2 * connections
        assert plan.nginx_worker_rlimit_nofile > plan.nginx_worker_connections
        assert plan.haproxy_maxconn >= connections
    assert plan.instances_for_ports * shape.ports >= connections > (plan.instances_for_ports - 1) * shape.ports
    kernel = {key: entry["value"] for key, entry in plan.kernel.items()}
    assert kernel["fs.nr_open"] >= plan.nofile
    assert kernel["fs.file-max"] >= plan.sockets
    assert int(kernel["net.ipv4.tcp_mem"].split()[0]) >= plan.sockets
    if shape.conntrack:
        assert kernel["net.netfilter.nf_conntrack_max"] >= plan.sockets
        assert 4 * kernel["net.netfilter.nf_conntrack_buckets"] >= kernel["net.netfilter.nf_conntrack_max"]
        assert bin(kernel["net.netfilter.nf_conntrack_buckets"]).count("1") == 1
    else:
        assert not [key for key in kernel if "conntrack" in key], "reading a key of a module must not be a reason to load it"


@given(CONNECTIONS, SHAPES)
def test_its_kernel_parameters_are_a_valid_profile(connections, shape):
    entries, errors = kernel_values.build_entries(capacity.compute_limits(connections, shape).kernel)
    assert errors == []
    assert {entry.policy for entry in entries} == {"at_least", "range"}


@given(CONNECTIONS, SHAPES)
def test_the_largest_number_holds_and_one_more_does_not(connections, shape):
    plan = capacity.compute_limits(connections, shape)
    most = plan.largest
    assert (plan.error == "") == (connections <= most)
    if most:
        assert capacity.compute_limits(most, shape).error == ""
    if most < capacity.MOST:
        refused = capacity.compute_limits(most + 1, shape)
        assert f"The largest number that holds is {most}" in refused.error
        assert f"{plan.limited_by} ends first" in refused.error


@given(CONNECTIONS, CONNECTIONS, SHAPES)
def test_more_connections_never_need_less(one, other, shape):
    few, many = (capacity.compute_limits(number, shape) for number in sorted((one, other)))
    for name in ("sockets", "nofile", "memory_bytes", "heap_bytes", "instances_for_ports", "haproxy_maxconn", "nginx_worker_connections", "conntrack_max"):
        assert getattr(few, name) <= getattr(many, name), name


@given(SHAPES)
def test_more_of_a_resource_never_holds_fewer(shape):
    most = capacity.find_largest(shape)[0]
    more = {"heap_bytes": shape.heap_bytes, "memory_bytes": shape.memory_bytes, "nofile_most": shape.nofile_most, "backends": shape.backends}
    for name, value in more.items():
        if value is not None and name != "heap_bytes":
            assert capacity.find_largest(dataclasses.replace(shape, **{name: value * 2}))[0] >= most, name


GIB = 1 << 30


@pytest.mark.parametrize(("connections", "shape", "ends", "largest", "fix"), [
    (200000, {"application": False, "proxy": True, "backends": 2, "reserved_ports": 2}, "ports", 129020, "raise xitrum_instances"),
    (100000, {"heap_bytes": 512 << 20}, "heap", 32768, "raise xitrum_heap or xitrum_instances"),
    (100000, {"heap_bytes": 8 * GIB, "memory_bytes": 8 * GIB}, "memory", 0, "give the host more memory"),
    (100000, {"heap_bytes": 8 * GIB, "nofile_most": 20000}, "nofile", 18976, "raise what the host can grant"),
])
def test_refused_with_what_ends_first_and_the_number_that_holds(connections, shape, ends, largest, fix):
    plan = capacity.compute_limits(connections, capacity.HostShape(**shape))
    assert (plan.limited_by, plan.largest) == (ends, largest)
    assert plan.error.startswith(f"xitrum_max_connections: {connections} connections cannot be held. {ends} ends first: ")
    assert fix in plan.error


@pytest.mark.parametrize(("connections", "shape", "words"), [
    (0, {}, "found 0, expected a number from 1"),
    (5, {"application": False}, "neither an application host nor a proxy"),
    (5, {"instances": 0}, "instances: found 0, expected 1 or more"),
    (5, {"reserved_ports": 65000}, "ports: found -488, expected 1 or more"),
])
def test_wrong_arguments_are_reported(connections, shape, words):
    assert words in capacity.compute_limits(connections, capacity.HostShape(**shape)).error


def test_the_filter():
    plan = FilterModule().filters()["capacity_plan"]
    assert plan(10000, instances=2)["nofile"] == 6024
    # As `-e name=value` gives them.
    texts = {"instances": "2", "heap_bytes": str(1 << 30), "application": "True", "conntrack": "False", "cpus": "4"}
    assert plan("10000", **texts) == plan(10000, instances=2, heap_bytes=1 << 30, cpus=4)
    with pytest.raises(AnsibleFilterError, match="capacity_plan of 10000 connections .*instance"):
        plan(10000, instance=2)
    with pytest.raises(AnsibleFilterError, match="capacity_plan of 'many'"):
        plan("many")


def plan_capacity(host, **desired):
    """What the component reports about a host."""
    desired = {**{name: option.get("default") for name, option in host_capacity.SPEC.items()}, **desired}
    return host_capacity.plan(desired, host_capacity.read(host, desired))


def small_host(hard=20000, cap="0000000000000000"):
    """8 GiB of memory, and a container whose root cannot raise a limit."""
    return FakeHost({
        "/proc/meminfo": "MemTotal:        8388608 kB\nMemAvailable:    4000000 kB\n", "/proc/sys/fs/nr_open": "1048576\n",
        "/proc/self/limits": f"Max open files            1024                 {hard}                files     \n",
        "/proc/self/status": f"Uid:\t1000\t1000\t1000\t1000\nPPid:\t1\nCapBnd:\t{cap}\n",
    })


def test_the_host_is_queried_what_it_has():
    refused = plan_capacity(small_host(), connections=30000)
    assert list(refused.errors) == [
        "xitrum_max_connections: 30000 connections cannot be held. nofile ends first: 31024 open files of one process are needed, 20000 are there. "
        "The largest number that holds is 18976. To hold more: raise what the host can grant, or xitrum_instances"]
    assert [(row.desired, row.effective, row.status, row.fix) for row in refused.rows] == [("30000", "18976", "drift", "xitrum_max_connections: 18976")]
    assert not refused.changed
    assert list(plan_capacity(small_host(cap="000001ffffffffff"), connections=30000).errors) == []
    assert "memory ends first" in plan_capacity(small_host(cap="000001ffffffffff"), connections=900000, heap_bytes=7 * GIB, instances=2).errors[0]


@pytest.mark.parametrize(("shape", "resources"), [
    ({"heap_bytes": 512 << 20, "memory_bytes": GIB}, ["memory", "heap"]),
    ({"heap_bytes": 512 << 20, "nofile_most": 20000}, ["nofile", "heap"]),
    ({"heap_bytes": 512 << 20, "memory_bytes": GIB, "nofile_most": 20000, "proxy": True, "backends": 1}, ["memory", "heap", "ports", "nofile"]),
])
def test_every_shortfall_is_listed_at_once_with_what_to_do(shape, resources):
    shape = capacity.HostShape(**shape)
    error = capacity.compute_limits(100000, shape).error
    first, rest = error.split("Too little as well: ")
    assert f"{resources[0]} ends first" in first
    short = [bound for bound in capacity.list_bounds(100000, shape) if bound.needed > bound.there]
    assert {bound.resource for bound in short} == set(resources)
    assert all(f"{bound.needed} {bound.unit} are needed, {bound.there} are there" in error and bound.fix in error for bound in short)
    assert all(f"{name}, " in rest for name in resources[1:])
    assert error.count("The largest number that holds is") == 1


def test_nothing_is_desired_without_a_number():
    plan = plan_capacity(small_host())
    assert (list(plan.rows), list(plan.errors), plan.changed) == ([], [], False)
