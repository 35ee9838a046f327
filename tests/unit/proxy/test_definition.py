# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every proxy needs from the inventory: servers, trusted addresses, other backends, durations."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.xitrum.host.plugins.filter import proxy_addresses, proxy_server_names
from ansible_collections.xitrum.host.plugins.module_utils.proxy import definition as proxy
from hypothesis import given
from hypothesis import strategies as st

DEFAULTS = {"xitrum_http_port": 8000, "xitrum_instances": 1}


def host(name, **variables):
    return {"inventory_hostname": name, **variables}


def places(hosts, asker="proxy1", **defaults):
    return [(row["name"], row["address"], row["port"]) for row in proxy.list_servers(hosts, asker, {**DEFAULTS, **defaults})]


# ---------------------------------------------------------------------------------------------------------- servers

def test_each_instance_of_each_host_is_a_server():
    hosts = [host("app1", xitrum_address="192.0.2.11", xitrum_instances=2), host("app2", ansible_host="192.0.2.12"), host("app3.example.com")]
    assert proxy.list_servers(hosts[:1], "proxy1", DEFAULTS)[1] == {"name": "app1-1", "host": "app1", "address": "192.0.2.11", "port": 8001, "instance": 1}
    assert places(hosts) == [("app1-0", "192.0.2.11", 8000), ("app1-1", "192.0.2.11", 8001), ("app2-0", "192.0.2.12", 8000),
                             ("app3.example.com-0", "app3.example.com", 8000)]


def test_what_a_host_reports_of_itself_wins_over_the_fallback():
    hosts = [host("a", xitrum_address="192.0.2.1", xitrum_http_port="9000", xitrum_instances="2"), host("b", xitrum_address="192.0.2.2")]
    assert places(hosts, xitrum_instances=1) == [
        ("a-0", "192.0.2.1", 9000), ("a-1", "192.0.2.1", 9001), ("b-0", "192.0.2.2", 8000)]


def test_xitrum_address_wins_over_ansible_host():
    assert places([host("a", xitrum_address="10.0.0.1", ansible_host="198.51.100.1")]) == [("a-0", "10.0.0.1", 8000)]


def test_a_proxy_reaches_its_own_instances_over_the_loopback():
    assert places([host("both", ansible_host="192.0.2.1")], asker="both") == [("both-0", "127.0.0.1", 8000)]


@pytest.mark.parametrize(("interface", "address"), [
    ("10.0.0.5", "10.0.0.5"), ("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), (None, "127.0.0.1"), ("::", "127.0.0.1"),
])
def test_an_instance_that_listens_on_one_interface_is_reached_there(interface, address):
    assert places([host("both", ansible_host="192.0.2.1", xitrum_interface=interface)], asker="both") == [("both-0", address, 8000)]


@pytest.mark.parametrize("variables", [{"ansible_host": "127.0.0.1"}, {"ansible_host": "::1"}, {"ansible_host": "localhost"},
                                       {"xitrum_address": "192.0.2.1", "xitrum_interface": "127.0.0.1"}])
def test_a_loopback_address_of_another_host_is_refused(variables):
    with pytest.raises(ValueError, match="Set xitrum_address of app1"):
        places([host("app1", **variables)])


@pytest.mark.parametrize("hosts", [[], [host("a", xitrum_address="192.0.2.1", xitrum_instances=0)]])
def test_no_instance_at_all_is_refused(hosts):
    with pytest.raises(ValueError, match="group xitrum"):
        places(hosts)


@pytest.mark.parametrize(("key", "value"), [
    ("xitrum_http_port", "http"), ("xitrum_http_port", 0), ("xitrum_http_port", 65536), ("xitrum_instances", -1), ("xitrum_instances", "two"),
])
def test_a_number_that_is_none_is_named(key, value):
    with pytest.raises(ValueError, match=f"app1: {key} is"):
        places([host("app1", xitrum_address="192.0.2.1", **{key: value})])


def test_instances_past_the_last_port_are_refused():
    with pytest.raises(ValueError, match="past port 65535"):
        places([host("app1", xitrum_address="192.0.2.1", xitrum_http_port=65535, xitrum_instances=2)])


def test_a_name_that_no_configuration_can_hold_is_made_safe():
    assert places([host("app one;", xitrum_address="192.0.2.1")])[0][0] == "app_one_-0"


# -------------------------------------------------------------------------------------------------------- addresses

def test_the_trusted_addresses_are_those_of_the_proxies():
    hosts = [host("proxy1", xitrum_address="192.0.2.1"), host("proxy2", ansible_host="2001:db8::2"),
             host("proxy3", xitrum_address="198.51.100.0/28"), host("192.0.2.1")]
    assert proxy.list_addresses(hosts, "app1") == ["192.0.2.1", "2001:db8::2", "198.51.100.0/28"]


def test_a_proxy_on_the_same_host_comes_from_the_loopback():
    assert proxy.list_addresses([host("both", ansible_host="192.0.2.1")], "both") == ["127.0.0.1", "::1", "192.0.2.1"]
    assert proxy.list_addresses([host("both.example.com")], "both.example.com") == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("variables", [{}, {"ansible_host": "proxy.example.com"}, {"ansible_host": "127.0.0.1"}])
def test_a_proxy_without_a_usable_address_is_refused_with_what_to_set(variables):
    with pytest.raises(ValueError, match="Set xitrum_address of proxy1"):
        proxy.list_addresses([host("proxy1", **variables)], "app1")


def test_without_proxies_nobody_is_trusted():
    assert proxy.list_addresses([], "app1") == []


def test_load_balancers_are_addresses_and_networks():
    assert proxy.check_networks(["192.0.2.1", "2001:db8::/64"]) == ["192.0.2.1", "2001:db8::/64"]
    with pytest.raises(ValueError, match=r"found 'lb.example' .*, '192.0.2.1/24' .*; expected IP addresses"):
        proxy.check_networks(["lb.example", "192.0.2.2", "192.0.2.1/24"])


# --------------------------------------------------------------------------------------------------------- backends

def backend(name="forum", path_prefix="/forum", servers=("127.0.0.1:3000",), **more):
    return {"name": name, "path_prefix": path_prefix, "servers": list(servers), **more}


def test_a_backend_has_its_path_and_what_is_below_it():
    assert proxy.build_backends([backend(servers=["127.0.0.1:3000", "[2001:db8::1]:3001"], health_path="/forum/up")]) == [{
        "name": "forum", "path": "/forum", "below": "/forum/", "health_path": "/forum/up",
        "servers": [{"name": "forum-0", "address": "127.0.0.1", "port": 3000}, {"name": "forum-1", "address": "[2001:db8::1]", "port": 3001}]}]


def test_a_prefix_that_ends_in_a_slash_is_only_what_is_below():
    assert (proxy.build_backends([backend(path_prefix="/forum/")])[0]["path"], proxy.build_backends([backend(path_prefix="/forum/")])[0]["below"]) == (
        None,
        "/forum/",
    )


def test_the_longest_prefix_comes_first():
    assert [item["name"] for item in proxy.build_backends([backend("a", "/x"), backend("b", "/x/y/z"), backend("c", "/x/y")])] == ["b", "c", "a"]


@pytest.mark.parametrize(("fault", "message"), [
    ({"name": "2x"}, "the name '2x'"), ({"name": "xitrum"}, "the name 'xitrum' is taken"), ({"path_prefix": "forum"}, "path_prefix 'forum'"),
    ({"path_prefix": "/"}, "all of the site"), ({"path_prefix": "/a b"}, "path_prefix '/a b'"), ({"path_prefix": "/x\nuse_backend y"}, "path_prefix"),
    ({"servers": []}, "it has no server"), ({"servers": ["127.0.0.1"]}, "server '127.0.0.1'"), ({"servers": ["h:99999"]}, "server 'h:99999'"),
    ({"health_path": "up"}, "health_path 'up'"),
])
def test_a_fault_is_named(fault, message):
    with pytest.raises(ValueError) as error:
        proxy.build_backends([{**backend(), **fault}], ["xitrum"])
    assert message in str(error.value)


def test_all_faults_are_reported_at_once():
    with pytest.raises(ValueError) as error:
        proxy.build_backends([backend("1", "x"), backend(), backend(servers=[])])
    for message in ("the name '1'", "path_prefix 'x'", "the name 'forum' is taken", "path_prefix '/forum' is taken", "it has no server"):
        assert message in str(error.value)


# -------------------------------------------------------------------------------------------------------- durations

@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("10h", 36000), ("2m", 120), ("500ms", 0.5), ("1d", 86400)])
def test_a_duration_in_seconds(text, seconds):
    assert proxy.parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["10", "", "h", "1.5s", "10 s", "-1s", "10s\n"])
def test_a_duration_without_a_unit_is_refused(text):
    with pytest.raises(ValueError, match="for example 10s"):
        proxy.parse_seconds(text)


@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h", "d"]))
def test_a_longer_duration_is_longer(number, unit):
    assert proxy.parse_seconds(f"{number + 1}{unit}") > proxy.parse_seconds(f"{number}{unit}") >= 0


@pytest.mark.parametrize(("address", "shown"), [("::1", "[::1]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("app1", "app1")])
def test_an_ipv6_address_gets_brackets_before_a_port(address, shown):
    assert proxy.add_brackets(address) == shown


# ---------------------------------------------------------------------------------------------------------- filters

@pytest.mark.parametrize(("module", "name", "arguments", "answer"), [
    (proxy_addresses, "proxy_addresses", ([host("p", xitrum_address="192.0.2.1")], "a"), ["192.0.2.1"]),
    (proxy_server_names, "proxy_server_names", ([0, 2], "app one;"), ["app_one_-0", "app_one_-2"]),
])
def test_the_filters_answer_as_the_functions(module, name, arguments, answer):
    assert module.FilterModule().filters()[name](*arguments) == answer


@pytest.mark.parametrize(("module", "name", "arguments"), [
    (proxy_addresses, "proxy_addresses", ([host("p")], "a")),
])
def test_a_filter_fails_as_filters_do(module, name, arguments):
    with pytest.raises(AnsibleFilterError):
        module.FilterModule().filters()[name](*arguments)


def test_servers_and_backends_at_their_limits():
    assert proxy.list_servers([host("a", xitrum_address="192.0.2.1")], "p", DEFAULTS) == [
        {"name": "a-0", "host": "a", "address": "192.0.2.1", "port": 8000, "instance": 0}]
    assert proxy.build_backends([], proxy.RESERVED) == []
    with pytest.raises(ValueError):
        proxy.list_servers([], "p", DEFAULTS)
    with pytest.raises(ValueError):
        proxy.build_backends([backend("1")], proxy.RESERVED)


# ------------------------------------------------------------------------------------------- all that is wrong at once

def test_every_proxy_without_a_usable_address_is_reported_at_once():
    hosts = [host("proxy1"), host("proxy2", ansible_host="192.0.2.2"), host("proxy3", ansible_host="127.0.0.1"), host("app1")]
    with pytest.raises(ValueError) as caught:
        proxy.list_addresses(hosts, "app1")
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["proxy1", "proxy3"]
    assert all("Set xitrum_address of" in line for line in lines)


def test_every_wrong_value_of_every_application_host_is_reported_at_once():
    hosts = [host("app1", ansible_host="127.0.0.1", xitrum_http_port=0, xitrum_instances="two"), host("app2", xitrum_address="192.0.2.2"),
             host("app3", xitrum_address="192.0.2.3", xitrum_http_port=65535, xitrum_instances=2), host("app4", xitrum_interface="::1"),
             host("app5", ansible_host="127.0.0.1", xitrum_instances=0)]
    with pytest.raises(ValueError) as caught:
        places(hosts)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["app1", "app1", "app1", "app3", "app4"]
    assert "xitrum_instances is 'two'" in lines[0] and "xitrum_http_port is 0" in lines[1] and "Set xitrum_address of app1" in lines[2]


@pytest.mark.parametrize("prefix", ["/x/../y", "/..", "/x/./y", "/x//y", "//x", "/x/.."])
def test_a_prefix_that_no_request_has_is_refused(prefix):
    with pytest.raises(ValueError, match="which no request has"):
        proxy.build_backends([backend(path_prefix=prefix)])


@pytest.mark.parametrize("prefix", ["/x..y", "/.well-known/x", "/x/"])
def test_dots_in_a_name_are_no_such_prefix(prefix):
    assert proxy.build_backends([backend(path_prefix=prefix)])
