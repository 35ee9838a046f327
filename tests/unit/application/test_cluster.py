# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that an inventory's instances form."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import cluster
from ansible_collections.xitrum.host.plugins.module_utils.configuration import xitrum_conf as package_config
from ansible_collections.xitrum.host.plugins.module_utils.core import addresses
from ansible_collections.xitrum.host.plugins.module_utils.preflight import values

from tests.unit.invalid_values import find_errors

DEFAULTS = {"xitrum_cluster_port": 2551, "xitrum_instances": 2}


def host(name, address, **more):
    return {"inventory_hostname": name, "xitrum_address": address, **more}


def sentences(check, variables):
    """The messages of a check of values."""
    return [error.message for error in check(variables)]


APPS = [
    host("app1", "10.0.2.11"),
    host("app2", "10.0.2.12", xitrum_instances=1, xitrum_cluster_port=3000),
    host("app3", "fd00::3"),
]


def plan(hosts, count=2):
    return cluster.plan(hosts, DEFAULTS, count, "xitrum")


def test_every_instance_is_a_member_on_a_port_of_its_own():
    assert [(member.host, member.address, member.port) for member in plan(APPS).members] == [
        ("app1", "10.0.2.11", 2551),
        ("app1", "10.0.2.11", 2552),
        ("app2", "10.0.2.12", 3000),
        ("app3", "fd00::3", 2551),
        ("app3", "fd00::3", 2552),
    ]


def test_seeds_are_on_different_hosts_as_far_as_there_are_some():
    assert list(plan(APPS, 4).seeds) == [
        "akka://xitrum@10.0.2.11:2551",
        "akka://xitrum@10.0.2.12:3000",
        "akka://xitrum@[fd00::3]:2551",
        "akka://xitrum@10.0.2.11:2552",
    ]
    assert plan(APPS[:1]).seeds == ("akka://xitrum@10.0.2.11:2551", "akka://xitrum@10.0.2.11:2552")


def test_a_cluster_address_of_its_own_wins():
    assert plan([host("app1", "8.8.8.8", xitrum_cluster_address="10.0.0.1")]).members[0].address == "10.0.0.1"


@pytest.mark.parametrize(
    "hosts, count, message",
    [
        ([host("app1", "8.8.8.8")], 2, "app1: its cluster address 8.8.8.8 is public"),
        ([host("app1", "app1.example.com")], 2, "is a name, expected an address"),
        ([host("app1", "10.0.2.1", xitrum_instances=1)], 2, "the number of instances is 1"),
        (APPS, 1, "xitrum_cluster_seeds is 1"),
        ([APPS[0], host("app2", "127.0.0.1")], 2, "address of app2 is a loopback one"),
    ],
)
def test_what_must_not_be_formed(hosts, count, message):
    assert any(message in error for error in plan(hosts, count).errors)


def test_on_one_host_the_loopback_does():
    assert plan([host("app1", "127.0.0.1")]).errors == ()


def test_every_wrong_address_is_reported_at_once_with_the_number_of_seeds():
    hosts = [{"inventory_hostname": name, "ansible_host": found} for name, found in (("app1", "app1"), ("app2", "8.8.8.8"), ("app3", "10.0.0.3"))]
    found = cluster.plan(hosts, {cluster.PORT: 2551, cluster.COUNT: 1}, 1, "demo")
    assert [sentence.split(" is ")[0] for sentence in found.errors] == [
        "app1: its cluster address app1", "app2: its cluster address 8.8.8.8", "xitrum_cluster_seeds"]
    assert found.members == ()


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.1.1",
        "fd12:3456::1",
        "fc00::1",
        "[fd00::1]",
        "::ffff:10.0.0.1",
        "127.0.0.1",
        "127.0.1.1",
        "::1",
    ],
)
def test_addresses_of_private_networks_are_taken(address):
    assert addresses.find_private_fault(address) == "" and plan([host("app1", address)]).errors == ()


REFUSED = [
    ("0.0.0.0", "every address of the host"),
    ("::", "every address of the host"),
    ("[::]", "every address of the host"),
    ("0", "every address of the host"),
    ("*", "every address of the host"),
    ("::ffff:0.0.0.0", "every address of the host"),
    ("224.0.0.1", "a multicast address"),
    ("239.255.0.1", "a multicast address"),
    ("ff02::1", "a multicast address"),
    ("ff08::1", "a multicast address"),
    ("169.254.169.254", "a link-local address"),
    ("fe80::1", "a link-local address"),
    ("fe80::1%eth0", "a link-local address"),
    ("8.8.8.8", "public"),
    ("::ffff:8.8.8.8", "public"),
    ("2606:4700::1", "public"),
    ("172.32.0.1", "public"),
    ("192.169.0.1", "public"),
    ("11.0.0.1", "public"),
    ("100.64.0.1", "in 100.64.0.0/10"),
    ("100.127.255.254", "in 100.64.0.0/10"),
    ("100.128.0.1", "public"),
    ("192.0.2.1", "in no private network"),
    ("240.0.0.1", "in no private network"),
    ("255.255.255.255", "in no private network"),
    ("2001:db8::1", "in no private network"),
    ("fd00::1%eth0", "written with the zone eth0"),
]


@pytest.mark.parametrize(("address", "fault"), REFUSED)
def test_every_other_address_is_refused_wherever_it_is_set(address, fault):
    for variables in ({"xitrum_cluster_address": address}, {"xitrum_address": address}, {"ansible_host": address}):
        (error,) = plan([{"inventory_hostname": "app1", **variables}]).errors
        # What is not an address at all is refused as such.
        without = "*" in (variables.get("xitrum_address"), variables.get("ansible_host"))
        expected = ["expected an IP address"] if without else [f"is {fault}", "Set xitrum_cluster_address"]
        assert all(text in error for text in expected)
    for name in (
        "artery.canonical.hostname",
        "artery.bind.hostname",
        "netty.tcp.hostname",
        "classic.netty.tcp.bind-hostname",
        "netty.ssl.hostname",
    ):
        (error,) = sentences(values.check_java_options, {"xitrum_java_options": ["-Xss1m", f"-Dakka.remote.{name}={address}"]})
        assert f"-Dakka.remote.{name}={address}, which is {fault}" in error


def test_the_name_of_an_interface_is_no_address():
    (error,) = plan([host("app1", "10.0.0.1", xitrum_cluster_address="eth0\nx")]).errors
    assert r"its cluster address eth0\nx is a name" in error


@pytest.mark.parametrize(
    "setting", [{"xitrum_cluster_allow_shared_address_space": True}, {"xitrum_cluster_allow_shared_address_space": "yes"}]
)
def test_the_shared_address_space_is_taken_on_request_alone(setting):
    assert plan([host("app1", "100.64.0.1", **setting)]).errors == ()
    options = {"xitrum_java_options": ["-Dakka.remote.artery.canonical.hostname=100.64.0.1"]}
    assert list(sentences(values.check_java_options, {**options, **setting})) == []
    (error,) = sentences(values.check_java_options, {**options, "xitrum_cluster_allow_shared_address_space": "no"})
    assert "set xitrum_cluster_allow_shared_address_space: true" in error
    assert "is public" in plan([host("app1", "8.8.8.8", **setting)]).errors[0]


@pytest.mark.parametrize(
    "option",
    [
        "-Dakka.remote.artery.canonical.hostname=10.0.0.5",
        "-Dakka.remote.artery.bind.hostname=",
        "-Dakka.remote.artery.bind.hostname=localhost",
        "-Dakka.remote.artery.canonical.port=2551",
        "-Dakka.loglevel=DEBUG",
        "-Dxitrum.interface=0.0.0.0",
        "-Dother.akka.remote.hostname=0.0.0.0",
    ],
)
def test_other_options_are_let_through(option):
    assert list(sentences(values.check_java_options, {"xitrum_java_options": [option]})) == []


@pytest.mark.parametrize("value", ["", "<getHostName>", "<getHostAddress>", "app1.example.com", "127.1", "0x0a000001"])
def test_an_option_whose_address_only_the_host_knows_is_refused(value):
    (error,) = sentences(values.check_java_options, {"xitrum_java_options": [f" -Dakka.remote.artery.canonical.hostname={value}"]})
    assert "a name" in error or "every address" in error
    options = [f" -Dakka.remote.artery.canonical.hostname={value}"]
    assert error in list(find_errors({"xitrum_java_options": options}))


def package_errors(folder, akka, application='include "xitrum"\ninclude "akka"\n'):
    config = folder / "config"
    config.mkdir()
    (config / "application.conf").write_text(application)
    (config / "xitrum.conf").write_text("xitrum { port { http = 8000 } }")
    (config / "akka.conf").write_text(akka)
    settings = package_config.read_package_settings(str(folder))
    return list(cluster.find_package_errors(settings, "config/application.conf"))


CLUSTER = 'akka {{ actor.provider = {provider}, remote {{ artery {{ canonical {{ hostname = "{address}" }} }} }} }}'


@pytest.mark.parametrize(
    ("provider", "address", "count"),
    [
        ("cluster", "0.0.0.0", 1),
        ('"akka.cluster.ClusterActorRefProvider"', "8.8.8.8", 1),
        ("remote", "224.0.0.1", 1),
        ("cluster", "10.0.0.1", 0),
        ("cluster", "127.0.0.1", 0),
        ("local", "0.0.0.0", 0),
        ("cluster", "<getHostAddress>", 0),
    ],
)
def test_a_package_that_opens_remoting_is_refused(tmp_path, provider, address, count):
    found = package_errors(tmp_path, CLUSTER.format(provider=provider, address=address))
    assert len(found) == count and all(
        f"akka.remote.artery.canonical.hostname to {address}" in sentence for sentence in found
    )


def test_of_a_package_the_setting_in_force_counts(tmp_path):
    both = CLUSTER.format(provider="cluster", address="0.0.0.0") + "\nakka.remote.artery.canonical.hostname = 10.0.0.1"
    assert package_errors(tmp_path, both) == []


def test_a_package_without_remoting_or_whose_address_the_environment_sets_is_let_through(tmp_path):
    assert package_errors(tmp_path, "akka.remote.artery.canonical.hostname = 0.0.0.0") == []
    text = CLUSTER.format(provider="cluster", address="x").replace('"x"', "${?AKKA_HOST}")
    (tmp_path / "two").mkdir()
    assert package_errors(tmp_path / "two", text) == []


@pytest.mark.parametrize("text", [
    CLUSTER.format(provider="cluster", address="{}"),
    # The package may turn remoting on.
    "akka.remote.artery.canonical.hostname = {}",
    'akka.remote.artery.bind {{ hostname = "{}" }}',
    "akka.remote.netty.tcp.bind-hostname = {}",
    # The file of an instance has this inside of xitrum {{}}.
    "x = 1 }}\nakka.remote.artery.canonical {{ hostname = {}",
])
@pytest.mark.parametrize(("address", "count"), [
    ("0.0.0.0", 1), ("8.8.8.8", 1), ("100.64.0.1", 1), ("10.0.0.1", 0), ("127.0.0.1", 0), ("app1", 0),
])
def test_xitrum_config_does_not_open_remoting(text, address, count):
    variables = {"xitrum_config": text.replace("{{", "{").replace("}}", "}").replace("{}", address)}
    found = [sentence for sentence in find_errors(variables) if "xitrum_config sets akka.remote." in sentence]
    assert len(found) == count and all(f"to {address}, which is" in sentence for sentence in found)
    shared = {**variables, "xitrum_cluster_allow_shared_address_space": True}
    assert len(list(sentences(values.check_config, shared))) == (0 if address == "100.64.0.1" else count)


@pytest.mark.parametrize("text", ["", "session.store = x", "broken = {", "akka.loglevel = DEBUG", 'cors.allowOrigins = ["0.0.0.0"]'])
def test_other_settings_in_xitrum_config_are_let_through(text):
    assert list(sentences(values.check_config, {"xitrum_config": text})) == []
