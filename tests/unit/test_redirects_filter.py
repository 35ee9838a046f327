# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own filter: dropped is said only where nothing could let a redirected connection in."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.redirects_filter import Packet, dropped
from hypothesis import given
from hypothesis import strategies as some

DATA = pathlib.Path(__file__).parent / "data" / "redirects"
PACKET = Packet("ipv4", 8000)


def match(left, right, op="=="):
    return {"match": {"op": op, "left": left, "right": right}}


def dport(right, op="==", protocol="tcp"):
    return match({"payload": {"protocol": protocol, "field": "dport"}}, right, op)


def vmap(key, *verdicts):
    return {"vmap": {"key": key, "data": {"set": list(verdicts)}}}


ACCEPT, DROP = {"accept": None}, {"drop": None}
SOURCE = match({"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "10.0.0.0", "len": 8}})
ESTABLISHED = match({"ct": {"key": "state"}}, ["established", "related"], "in")
LOOPBACK = match({"meta": {"key": "iifname"}}, "lo")


def ruleset(*rules, policy="drop", family="inet", extra=()):
    chain = {"family": family, "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    return [{"chain": chain}, *extra, *({"rule": {"family": family, "table": "t", "chain": "in", "expr": list(rule)}} for rule in rules)]


@pytest.mark.parametrize("rules, policy, is_dropped", [
    ([], "drop", True),
    ([], "accept", False),
    ([[dport(8000), ACCEPT]], "drop", False),
    ([[dport(80), ACCEPT], [dport({"set": [443, 22]}), ACCEPT]], "drop", True),
    ([[dport({"set": [443, {"range": [8000, 8010]}]}), ACCEPT]], "drop", False),
    ([[dport({"range": [1024, 65535]}), {"counter": {"packets": 0}}, ACCEPT]], "drop", False),
    ([[dport(80, "!="), ACCEPT]], "drop", False),
    ([[dport(8000), DROP]], "accept", True),
    ([[dport(8000), {"reject": {"type": "tcp reset"}}]], "accept", True),
    ([[SOURCE, dport(8000), ACCEPT]], "drop", False),
    ([[SOURCE, dport(8000), DROP]], "accept", False),
    ([[ESTABLISHED, ACCEPT], [LOOPBACK, ACCEPT]], "drop", True),
    ([[match({"meta": {"key": "iifname"}}, "lo", "!="), dport(8000), DROP]], "accept", True),
    ([[match({"ct": {"key": "status"}}, "dnat", "in"), ACCEPT]], "drop", False),
    ([[dport(8000, protocol="udp"), ACCEPT]], "drop", True),
    ([[match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), dport(8000, protocol="th"), ACCEPT]], "drop", False),
    ([[match({"meta": {"key": "nfproto"}}, "ipv6"), ACCEPT]], "drop", True),
    ([[match({"payload": {"protocol": "ip6", "field": "saddr"}}, "::1"), ACCEPT]], "drop", True),
    ([[dport("@web"), ACCEPT]], "drop", False),
    ([[dport("@closed"), ACCEPT]], "drop", True),
    ([[{"limit": {"rate": 5, "per": "second"}}, DROP]], "accept", False),
    ([[match({"&": [{"meta": {"key": "mark"}}, 1]}, 1), ACCEPT]], "drop", False),
    ([[{"xt": {"type": "match", "name": "x"}}]], "drop", False),
    ([[vmap({"ct": {"key": "state"}}, ["established", ACCEPT], ["invalid", DROP])], [dport(80), ACCEPT]], "drop", True),
    ([[vmap({"payload": {"protocol": "tcp", "field": "dport"}}, [22, ACCEPT], [8000, {"jump": {"target": "web"}}])]], "drop", False),
    ([[{"jump": {"target": "web"}}]], "drop", False),
    ([[dport(8000), {"goto": {"target": "shut"}}], [dport(8000), ACCEPT]], "accept", True),
    ([[dport(8000), {"jump": {"target": "back"}}], [dport(8000), ACCEPT]], "drop", False),
    ([[dport(8000), {"goto": {"target": "back"}}], [dport(8000), ACCEPT]], "drop", True),
])
def test_nftables(rules, policy, is_dropped):
    def in_chain(name, *expressions):
        return {"rule": {"family": "inet", "table": "t", "chain": name, "expr": list(expressions)}}

    def port_set(name, *ports):
        return {"set": {"family": "inet", "table": "t", "name": name, "elem": list(ports)}}

    extra = [port_set("web", 80, 8000), port_set("closed", 80),
             in_chain("web", dport(8000), ACCEPT), in_chain("shut", DROP), in_chain("back", {"return": None})]
    said = dropped(PACKET, ruleset(*rules, policy=policy, extra=extra), {})
    assert said == (("chain inet t in", "nft insert rule inet t in tcp dport 8000 accept") if is_dropped else None)


@pytest.mark.parametrize("family, packet, is_dropped", [
    ("ip", "ipv4", True), ("ip", "ipv6", False), ("ip6", "ipv6", True), ("inet", "ipv6", True), ("bridge", "ipv4", False)])
def test_a_table_filters_its_own_family(family, packet, is_dropped):
    assert (dropped(Packet(packet, 8000), ruleset(family=family), {}) is not None) == is_dropped


@pytest.mark.parametrize("interface, is_dropped", [("eth0", False), ("eth1", True), ("", False)])
def test_an_interface_decides_where_a_pair_names_one(interface, is_dropped):
    rules = ruleset([match({"meta": {"key": "iifname"}}, "eth0"), ACCEPT])
    assert (dropped(Packet("ipv4", 8000, interface), rules, {}) is not None) == is_dropped


@pytest.mark.parametrize("lines, policy, is_dropped", [
    ([], "DROP", True),
    (["-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT"], "DROP", False),
    (["-A INPUT -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT"], "DROP", False),
    (["-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", "-A INPUT -i lo -j ACCEPT", "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT"], "DROP", True),
    (["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT"], "DROP", False),
    (["-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT"], "DROP", False),
    (["-A INPUT -s 10.0.0.0/8 -p tcp -j DROP"], "ACCEPT", False),
    (["-A INPUT ! -i lo -p tcp -m tcp --dport 8000 -j REJECT --reject-with tcp-reset"], "ACCEPT", True),
    (["-A INPUT -p tcp -m tcp ! --dport 22 -j DROP"], "ACCEPT", True),
    (["-A INPUT -p udp -m udp --dport 8000 -j ACCEPT"], "DROP", True),
    (["-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j LOG --log-prefix \"new -j ACCEPT\"", "-A INPUT -j WEB"], "DROP", False),
    (["-A INPUT -j ELSE"], "ACCEPT", True),
])
def test_iptables(lines, policy, is_dropped):
    chains = ["-A WEB -p tcp -m tcp --dport 8000 -j ACCEPT", "-A ELSE -j DROP"]
    text = "\n".join(["*filter", f":INPUT {policy} [0:0]", ":WEB - [0:0]", *lines, *chains, "COMMIT", ""])
    said = dropped(PACKET, [], {"ipv4": text})
    assert said == (("iptables INPUT", "iptables -I INPUT -p tcp --dport 8000 -j ACCEPT") if is_dropped else None)


def test_what_iptables_made_is_judged_by_iptables_save():
    """nft shows the matches of iptables as nothing: its own chain would look like one that drops or accepts everything."""
    chain = {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT\nCOMMIT\n"
    assert dropped(PACKET, [chain], {"ipv4": text}) is None
    assert dropped(PACKET, [chain], {}) is not None


def test_firewalld_accepts_what_was_redirected():
    objects = json.loads((DATA / "nft-1.0.6-firewalld.json").read_text())["nftables"]
    assert dropped(PACKET, objects, {}) is None
    without = [entry for entry in objects if not ("rule" in entry and any("dnat" in json.dumps(expr) for expr in entry["rule"]["expr"]))]
    assert len(without) < len(objects)
    assert dropped(Packet("ipv4", 8000, "eth0"), without, {})[0] == "chain inet firewalld filter_INPUT"


@given(some.sets(some.integers(1, 65535), max_size=20), some.integers(1, 65535))
def test_a_port_is_let_in_exactly_where_it_is_listed(listed, port):
    rules = ruleset([dport({"set": sorted(listed)}), ACCEPT])
    text = "*filter\n:INPUT DROP [0:0]\n" + "".join(f"-A INPUT -p tcp -m tcp --dport {number} -j ACCEPT\n" for number in listed) + "COMMIT\n"
    assert (dropped(Packet("ipv4", port), rules, {}) is None) == (port in listed)
    assert (dropped(Packet("ipv4", port), [], {"ipv4": text}) is None) == (port in listed)
