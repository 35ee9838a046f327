# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses compared by what they mean: which socket serves which configured address, on every kind of host."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import addresses
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost, listeners

IPS = st.ip_addresses()


def rows(*ends):
    """Sockets of port 8000 as ss prints them, each `(address, v6only or empty)`."""
    text = "".join(
        f"LISTEN 0 1024 {end}:8000 {'*' if flag else '0.0.0.0'}:* ino:1 sk:1{' v6only:' + flag if flag else ''} <->\n"
        for end, flag in ends
    )
    found = listeners(text)
    assert len(found) == len(ends) and not found.unread
    return found


# What a JVM binds for each configured address, as ss printed it on the three kinds of hosts.
@pytest.mark.parametrize("text", ["", "*", "0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0", "0::0", "::0"])
@pytest.mark.parametrize("end", [("*", "0"), ("0.0.0.0", "")], ids=["both families", "without IPv6"])
def test_every_address_is_served_by_a_socket_for_the_families_of_the_host(text, end):
    assert addresses.serves(rows(end), text)
    assert not addresses.serves(rows(("127.0.0.1", "")), text)
    assert not addresses.serves(rows(("[::1]", "0")), text)
    assert not addresses.serves(rows(("192.0.2.1", ""), end), text)


@pytest.mark.parametrize("text, served", [("::", True), ("", False), ("0.0.0.0", False)])
def test_a_socket_for_ipv6_alone_serves_only_who_requested_that(text, served):
    assert addresses.serves(rows(("[::]", "1")), text) is served
    assert addresses.serves(rows(("[::]", "1"), ("0.0.0.0", "")), text)


@pytest.mark.parametrize(
    "text, end",
    [
        ("192.0.2.1", ("192.0.2.1", "")),
        ("192.0.2.1", ("[::ffff:192.0.2.1]", "0")),
        ("::ffff:192.0.2.1", ("192.0.2.1", "")),
        ("::ffff:c000:201", ("192.0.2.1", "")),
        ("2001:DB8:0:0::1", ("[2001:db8::1]", "0")),
        ("[2001:db8::1]", ("[2001:db8::1]", "0")),
        ("127.0.0.1", ("[::ffff:127.0.0.1]", "0")),
        ("::1", ("[::1]", "0")),
        ("fe80::1", ("[fe80::1]%eth0", "0")),
        ("fe80::1%eth0", ("[fe80::1]%eth0", "0")),
        ("FE80:0::1%eth0", ("[fe80::1]%eth0", "0")),
        ("[fe80::1]%eth0", ("[fe80::1]%eth0", "0")),
        ("[fe80::1%eth0]", ("[fe80::1]%eth0", "0")),
    ],
)
def test_one_address_in_two_texts_is_served(text, end):
    assert addresses.serves(rows(end), text)


@pytest.mark.parametrize(
    "text, end",
    [
        ("192.0.2.1", ("*", "0")),
        ("192.0.2.1", ("0.0.0.0", "")),
        ("192.0.2.1", ("[::ffff:192.0.2.2]", "0")),
        ("2001:db8::1", ("*", "0")),
        ("fe80::1%eth0", ("[fe80::1]%eth1", "0")),
        ("::1", ("127.0.0.1", "")),
        ("localhost", ("*", "0")),
        ("localhost", ("[2001:db8::1]", "0")),
    ],
)
def test_an_instance_that_listens_elsewhere_or_on_more_is_not_served(text, end):
    assert not addresses.serves(rows(end), text)


def test_nothing_serves_nothing():
    assert not addresses.serves([], "") and not addresses.serves([], "192.0.2.1")


@pytest.mark.parametrize("names", [["127.0.0.1"], ["::1"], ["::1", "127.0.0.1"]])
def test_localhost_is_what_the_host_takes_it_for(names):
    found = addresses.resolve(FakeHost(names={"localhost": names}), "localhost")
    assert found == names
    for end, address in (
        (("127.0.0.1", ""), "127.0.0.1"),
        (("[::ffff:127.0.0.1]", "0"), "127.0.0.1"),
        (("[::1]", "0"), "::1"),
    ):
        assert addresses.serves(rows(end), "localhost", found) is (address in names)


def test_a_name_is_served_by_any_of_its_addresses_and_an_unknown_one_by_none():
    host = FakeHost(names={"app1": ["192.0.2.1", "2001:DB8::1"]})
    found = addresses.resolve(host, "app1")
    assert found == ["192.0.2.1", "2001:db8::1"]
    assert addresses.serves(rows(("[::ffff:192.0.2.1]", "0")), "app1", found) and addresses.serves(
        rows(("[2001:db8::1]", "0")), "app1", found
    )
    assert not addresses.serves(rows(("192.0.2.2", "")), "app1", found)
    assert addresses.resolve(host, "nobody") == [] and not addresses.serves(rows(("192.0.2.1", "")), "nobody", [])


@pytest.mark.parametrize("end", [("*", "0"), ("0.0.0.0", "")], ids=["both families", "without IPv6"])
def test_a_short_zero_and_a_name_of_it_stand_for_every_address(end):
    host = FakeHost(names={"any": ["0.0.0.0"], "0x0": ["0.0.0.0"], "any6": ["::"], "mixed": ["0.0.0.0", "192.0.2.1"]})
    for text in ("0", "0.0", " 0.0.0 ", "00"):
        assert addresses.is_every(text) and addresses.format_application_address(text) == "0.0.0.0"
        assert addresses.serves(rows(end), text, addresses.resolve(host, text))
        assert addresses.find_local_target(text) == "127.0.0.1"
    for name in ("any", "0x0", "any6", "mixed"):
        assert addresses.serves(rows(end), name, addresses.resolve(host, name))
        assert not addresses.serves(rows(("127.0.0.1", "")), name, addresses.resolve(host, name))
        assert not addresses.serves(rows(end, ("192.0.2.7", "")), name, addresses.resolve(host, name))
    assert addresses.serves(rows(("192.0.2.1", "")), "mixed", addresses.resolve(host, "mixed"))


@pytest.mark.parametrize("text", ["0.0.0.0.0", "0.", "10", "0.1", "0a", "zero"])
def test_what_only_resembles_zero_is_not_every_address(text):
    assert not addresses.is_every(text)


def test_a_zone_by_number_is_the_interface_of_that_number():
    host = FakeHost({"/sys/class/net/lo/ifindex": "1\n", "/sys/class/net/eth0/ifindex": "2\n"})
    found = addresses.resolve(host, "fe80::1%2")
    assert found == ["fe80::1%eth0"]
    assert addresses.serves(rows(("[fe80::1]%eth0", "0")), "fe80::1%2", found)
    assert not addresses.serves(rows(("[fe80::1]%lo", "0")), "fe80::1%eth0", addresses.resolve(host, "fe80::1%eth0"))


@given(IPS)
def test_every_form_of_an_address_is_that_address(ip):
    forms = [str(ip), str(ip).upper(), ip.exploded, f"[{ip.exploded}]", f" {ip} "]
    if ip.version == 4:
        forms += [f"::ffff:{ip}", f"0:0:0:0:0:FFFF:{ip}", f"[::ffff:{int(ip) >> 16:x}:{int(ip) & 0xffff:x}]"]
    assert {addresses.normalize(form) for form in forms} == {addresses.normalize(str(ip))}
    row = {"address": addresses.normalize(str(ip)), "port": 8000}
    assert all(addresses.serves([row], form) for form in forms)


@given(IPS, IPS)
def test_a_socket_serves_another_address_only_if_that_is_the_same(one, other):
    row = {"address": addresses.normalize(str(one)), "port": 8000}
    every = one.is_unspecified and other.is_unspecified
    same = addresses.normalize(str(one)) == addresses.normalize(str(other))
    assert addresses.serves([row], str(other)) == (same or (every and (one.version == 4 or other.version == 6)))


@given(st.text(), st.text())
def test_no_text_breaks_a_comparison(one, other):
    row = {"address": one, "port": 8000, "interface": other, "family": other}
    for result in (
        addresses.serves([row], other),
        addresses.accepts(row, other),
        addresses.collides(row, [other]),
        addresses.is_every(one),
        addresses.is_loopback(one),
    ):
        assert result in (True, False)
    assert isinstance(
        addresses.format_socket(row)
        + addresses.find_socket_target(row)
        + addresses.find_local_target(one)
        + addresses.format_application_address(one),
        str,
    )
    assert isinstance(addresses.find_listen_target(addresses.list_listen_addresses([one, other])), str)


@pytest.mark.parametrize(
    "end, taken, not_taken",
    [
        (("*", "0"), ["127.0.0.1", "::1", "192.0.2.1"], ["a name"]),
        (("0.0.0.0", ""), ["127.0.0.1"], ["::1"]),
        (("[::]", "1"), ["::1"], ["127.0.0.1"]),
        (("[::ffff:192.0.2.1]", "0"), ["192.0.2.1", "::ffff:192.0.2.1"], ["127.0.0.1", "::1"]),
        (("[::1]", "0"), ["::1"], ["127.0.0.1"]),
    ],
)
def test_which_connections_a_socket_takes(end, taken, not_taken):
    row = rows(end)[0]
    assert all(addresses.accepts(row, address) for address in taken) and not any(
        addresses.accepts(row, address) for address in not_taken
    )


@pytest.mark.parametrize(
    "end, texts, coexists",
    [
        (("127.0.0.53", ""), ["192.0.2.1"], True),
        (("127.0.0.1", ""), ["0.0.0.0"], False),
        (("*", "0"), ["192.0.2.1"], False),
        (("[::]", "1"), ["192.0.2.1"], True),
        (("[::]", "1"), ["0.0.0.0", "::"], False),
        (("[2001:db8::1]", "0"), ["0.0.0.0"], True),
        (("192.0.2.1", ""), ["a-name"], False),
        (("192.0.2.1", ""), [""], False),
    ],
)
def test_which_socket_blocks_a_listener(end, texts, coexists):
    assert addresses.collides(rows(end)[0], texts) is not coexists


@pytest.mark.parametrize(
    "text, passed, reached",
    [
        ("", "", "127.0.0.1"),
        ("  ", "", "127.0.0.1"),
        ("*", "0.0.0.0", "127.0.0.1"),
        ("::", "0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("localhost", "127.0.0.1", "localhost"),
        ("LOCALHOST", "127.0.0.1", "LOCALHOST"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("app1.example", "app1.example", "app1.example"),
        ("[2001:DB8::1]", "[2001:DB8::1]", "2001:db8::1"),
        ("::1", "::1", "::1"),
    ],
)
def test_what_the_application_is_given_and_where_the_host_reaches_it(text, passed, reached):
    assert addresses.format_application_address(text) == passed
    assert addresses.find_local_target(text) == reached


@pytest.mark.parametrize(
    "texts, listed, reached",
    [
        (["0.0.0.0", "::"], ["0.0.0.0", "::"], "127.0.0.1"),
        (["::"], ["::"], "::1"),
        (["*"], ["0.0.0.0", "::"], "127.0.0.1"),
        ([], [], "127.0.0.1"),
        (["[2001:DB8::0:1]", "2001:db8::1"], ["2001:db8::1"], "2001:db8::1"),
        (["192.0.2.1", "127.0.0.1"], ["192.0.2.1", "127.0.0.1"], "127.0.0.1"),
        (["::ffff:192.0.2.1"], ["192.0.2.1"], "192.0.2.1"),
    ],
)
def test_where_a_proxy_listens(texts, listed, reached):
    assert addresses.list_listen_addresses(texts) == listed
    assert addresses.find_listen_target(texts) == reached


@pytest.mark.parametrize(
    "text, exists, supports",
    [
        (None, False, False),
        ("", False, True),
        ("\n", False, True),
        ("00000000000000000000000000000001 01 80 10 80       lo\n", True, True),
    ],
)
def test_ipv6_that_is_off_in_either_way(text, exists, supports):
    host = FakeHost({} if text is None else {addresses.IF_INET6: text})
    assert (addresses.has_ipv6(host), addresses.supports_ipv6(host)) == (exists, supports)


def test_an_address_is_written_before_a_port_in_brackets_where_it_needs_them():
    assert addresses.format_socket(rows(("[fe80::1]%eth0", "0"))[0]) == "[fe80::1%eth0]:8000"
    assert addresses.format_socket(rows(("[::ffff:192.0.2.1]", "0"))[0]) == "192.0.2.1:8000"
    assert addresses.parse_address("[::1") is None and addresses.parse_address("[::1]x") is None
    assert addresses.parse_address("::1").ip == ipaddress.ip_address("::1")
