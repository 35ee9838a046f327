# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects of the same port by something else: which of them are a conflict for certain, which may be one, and which
are none."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.redirects.unmanaged import (
    Aim,
    find_conflicts,
    find_takings,
)
from hypothesis import given
from hypothesis import strategies as some

from .test_component import data, planned, with_iptables, with_nft

DATA = pathlib.Path(__file__).parents[1] / "data" / "redirects"
AIM = Aim("ipv4", 80, "", ("docker0", "eth0", "lo"), ("127.0.0.1", "10.0.0.3", "172.17.0.1"))
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
REDIRECT = {"redirect": {"port": 8080}}


def match(left, right, operator="=="):
    return {"match": {"op": operator, "left": left, "right": right}}


def dport(right, operator="=="):
    return match(DPORT, right, operator)


def meta(key, right, operator="=="):
    return match({"meta": {"key": key}}, right, operator)


def address(field, right, operator="=="):
    return match({"payload": {"protocol": "ip", "field": field}}, right, operator)


def ruleset(*rules, family="ip", table="t", hook="prerouting", kind="nat", more=()):
    """A table with one base chain and these rules; `more` are further objects of the same table."""
    place = {"family": family, "table": table}
    chain = {**place, "name": "pre", "type": kind, "hook": hook, "prio": -100, "policy": "accept"}
    items = [{"rule": {**place, "chain": "pre", "handle": 7, "expr": list(expr)}} for expr in rules]
    return [{"chain": chain}, *items, *[{name: {**place, **item}} for name, item in more]]


def found(objects=(), save="", aim=AIM):
    saves = {"ipv4": save, "ipv6": save} if save else {}
    return [certain for _taking, certain in find_conflicts(find_takings(list(objects), saves), aim)]


@pytest.mark.parametrize(
    "expr, expected",
    [
        ([dport(80), REDIRECT], [True]),
        ([dport(81), REDIRECT], []),
        ([dport(80, "!="), REDIRECT], []),
        ([dport(81, "!="), REDIRECT], [True]),
        ([dport({"set": [80, 443]}), REDIRECT], [True]),
        ([dport({"set": [443, {"range": [70, 90]}]}), REDIRECT], [True]),
        ([dport({"range": [81, 90]}), REDIRECT], []),
        ([dport({"set": [{"elem": {"val": 80, "comment": "web"}}]}), REDIRECT], [True]),
        ([dport("@web"), REDIRECT], [True]),
        ([dport("@other"), REDIRECT], []),
        ([dport(80), {"dnat": {"addr": "10.0.0.9", "port": 80}}], [True]),
        ([dport(80), {"accept": None}], []),
        ([meta("l4proto", "tcp"), match({"payload": {"protocol": "th", "field": "dport"}}, 80), REDIRECT], [True]),
        ([meta("l4proto", "udp"), match({"payload": {"protocol": "th", "field": "dport"}}, 80), REDIRECT], []),
        ([meta("l4proto", 6), REDIRECT], [True]),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 80), REDIRECT], []),
        ([meta("iifname", "lo"), dport(80), REDIRECT], []),
        ([meta("iifname", "eth0"), dport(80), REDIRECT], [True]),
        ([meta("iifname", "eth9"), dport(80), REDIRECT], []),
        ([meta("iifname", "docker0"), dport(80), REDIRECT], [False]),
        ([meta("iifname", "docker0", "!="), dport(80), REDIRECT], [True]),
        ([meta("iifname", {"set": ["eth*", "lo"]}), dport(80), REDIRECT], [True]),
        ([address("daddr", "10.0.0.3"), dport(80), REDIRECT], [True]),
        ([address("daddr", "10.0.0.4"), dport(80), REDIRECT], []),
        ([address("daddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}), dport(80), REDIRECT], [True]),
        ([address("daddr", "127.0.0.1"), dport(80), REDIRECT], []),
        ([address("daddr", {"prefix": {"addr": "127.0.0.0", "len": 8}}, "!="), dport(80), REDIRECT], [True]),
        ([address("saddr", "192.0.2.7"), dport(80), REDIRECT], [False]),
        ([meta("mark", 7), dport(80), REDIRECT], [False]),
        ([dport(80), {"limit": {"rate": 5, "per": "second"}}, REDIRECT], [False]),
        ([match({"fib": {"flags": ["daddr"], "result": "type"}}, "local"), dport(80), REDIRECT], [True]),
        ([match({"ct": {"key": "state"}}, "new", "in"), dport(80), {"counter": {}}, REDIRECT], [True]),
        (
            [
                match(
                    {"concat": [{"payload": {"protocol": "ip", "field": "daddr"}}, DPORT]},
                    {"set": [{"concat": ["10.0.0.3", 80]}]},
                ),
                REDIRECT,
            ],
            [False],
        ),
        (
            [
                match(
                    {"concat": [{"payload": {"protocol": "ip", "field": "daddr"}}, DPORT]},
                    {"set": [{"concat": ["10.0.0.3", 81]}]},
                ),
                REDIRECT,
            ],
            [],
        ),
        ([dport(80), {"jump": {"target": "web"}}], [True]),
        ([dport(81), {"jump": {"target": "web"}}], []),
        ([{"goto": {"target": "web"}}], [True]),
        (
            [{"vmap": {"key": DPORT, "data": {"set": [[443, {"drop": None}], [80, {"jump": {"target": "web"}}]]}}}],
            [True],
        ),
        ([{"vmap": {"key": DPORT, "data": "@verdicts"}}], [True]),
        ([{"vmap": {"key": DPORT, "data": {"set": [[81, {"jump": {"target": "web"}}]]}}}], []),
        (
            [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth9", {"jump": {"target": "web"}}]]}}}],
            [],
        ),
        ([{"redirect": {"port": {"map": {"key": DPORT, "data": {"set": [[80, 8080], [443, 8443]]}}}}}], [True]),
        ([{"redirect": {"port": {"map": {"key": DPORT, "data": {"set": [[443, 8443]]}}}}}], []),
        ([{"dnat": {"family": "ip", "addr": {"map": {"key": DPORT, "data": "@backends"}}}}], [True]),
    ],
)
def test_a_rule_of_nftables(expr, expected):
    more = [
        ("set", {"name": "web", "elem": [80, 443]}),
        ("set", {"name": "other", "elem": [{"range": [81, 90]}]}),
        ("map", {"name": "verdicts", "elem": [[{"range": [70, 90]}, {"goto": {"target": "web"}}]]}),
        ("map", {"name": "backends", "elem": [[80, "10.0.0.9"]]}),
        ("rule", {"chain": "web", "expr": [REDIRECT]}),
    ]
    assert found(ruleset(expr, more=more)) == expected


def test_a_chain_that_leads_to_itself_ends():
    more = [("rule", {"chain": "a", "expr": [{"jump": {"target": "a"}}]})]
    assert found(ruleset([{"jump": {"target": "a"}}], more=more)) == []


@pytest.mark.parametrize(
    "more, expected",
    [
        ({"family": "inet"}, [True]),
        ({"family": "ip6"}, []),
        ({"hook": "output"}, []),
        ({"kind": "filter"}, []),
        ({"family": "inet", "table": "xitrum_host"}, []),
    ],
)
def test_only_chains_that_redirect_what_comes_in_count(more, expected):
    assert found(ruleset([dport(80), REDIRECT], **more)) == expected


def saved(*lines):
    return "\n".join(
        [
            "*nat",
            ":PREROUTING ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            ":DOCKER - [0:0]",
            ":WEB - [0:0]",
            *lines,
            "COMMIT",
            "",
        ]
    )


DOCKER = (
    "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
    "-A DOCKER -i docker0 -j RETURN",
)


@pytest.mark.parametrize(
    "lines, expected",
    [
        ((*DOCKER, "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"), [True]),
        ((*DOCKER, "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"), []),
        (
            (
                *DOCKER,
                "-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80",
            ),
            [],
        ),
        (
            (
                *DOCKER,
                "-A DOCKER -d 10.0.0.3/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80",
            ),
            [True],
        ),
        (("-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",), [True]),
        (("-A PREROUTING -p tcp -m multiport --dports 443,80:90 -j REDIRECT --to-ports 8080",), [True]),
        (("-A PREROUTING -p tcp -m tcp ! --dport 22 -j REDIRECT --to-ports 8080",), [True]),
        (("-A PREROUTING -p udp -m udp --dport 80 -j REDIRECT --to-ports 8080",), []),
        (("-A PREROUTING -d 203.0.113.9/32 -j DNAT --to-destination 10.9.9.9",), []),
        (("-A PREROUTING -d 10.0.0.3/32 -j DNAT --to-destination 10.9.9.9",), [True]),
        (("-A PREROUTING -s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",), [False]),
        (("-A PREROUTING -p tcp -m set --match-set web dst -j REDIRECT --to-ports 8080",), [False]),
        (
            (
                "-A PREROUTING -p tcp -j WEB",
                '-A WEB -p tcp -m tcp --dport 80 -m comment --comment "a -j b" -j REDIRECT --to-ports 8080',
            ),
            [True],
        ),
        (("-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080",), []),
        (("-A PREROUTING -p tcp -m tcp --dport 80 -m comment --comment xitrum.host -j REDIRECT --to-ports 8000",), []),
        (
            (
                "-A PREROUTING -j XITRUM_HOST_PRE",
                "-A XITRUM_HOST_PRE -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 80 -j REDIRECT --to-ports 8000",
            ),
            [],
        ),
    ],
)
def test_a_rule_of_iptables(lines, expected):
    assert found(save=saved(*lines)) == expected


WEB = "-p tcp -m tcp --dport 80"
TAKE = f"{WEB} -j REDIRECT --to-ports 9000"


@pytest.mark.parametrize(
    "lines, expected",
    [
        ((f"-A PREROUTING {WEB} -j RETURN", f"-A PREROUTING {TAKE}"), [False]),
        ((f"-A PREROUTING {WEB} -j ACCEPT", f"-A PREROUTING {TAKE}"), [False]),
        (("-A PREROUTING -p tcp -m multiport --dports 22,70:90 -j RETURN", f"-A PREROUTING {TAKE}"), [False]),
        (("-A PREROUTING -j ACCEPT", "-A PREROUTING -j WEB", f"-A WEB {TAKE}"), [False]),
        (("-A PREROUTING -j WEB", f"-A WEB {WEB} -j ACCEPT", f"-A PREROUTING {TAKE}"), [False]),
        ((f"-A PREROUTING {WEB} -g WEB", "-A WEB -j RETURN", f"-A PREROUTING {TAKE}"), [False]),
        (("-A PREROUTING -i eth0 -j RETURN", f"-A PREROUTING {TAKE}"), [False]),
        # A later one, one of another port, of some clients, and a return to the chain that goes on.
        ((f"-A PREROUTING {TAKE}", f"-A PREROUTING {WEB} -j RETURN"), [True]),
        (("-A PREROUTING -p tcp -m tcp --dport 81 -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        (("-A PREROUTING -p udp -m udp --dport 80 -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        ((f"-A PREROUTING -s 192.0.2.0/24 {WEB} -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        (("-A PREROUTING -i docker0 -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        (("-A PREROUTING -d 10.0.0.3/32 -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        (("-A PREROUTING -j WEB", f"-A WEB {WEB} -j RETURN", f"-A PREROUTING {TAKE}"), [True]),
        ((f"-A PREROUTING {WEB} -j LOG", f"-A PREROUTING {TAKE}"), [True]),
    ],
)
def test_an_earlier_end_of_the_way_makes_a_rule_of_iptables_a_note(lines, expected):
    assert found(save=saved(*lines)) == expected


@pytest.mark.parametrize(
    "first, expected",
    [
        ([dport(80), {"return": None}], [False]),
        ([dport(80), {"counter": {}}, {"accept": None}], [False]),
        ([dport({"set": [80, 443]}), {"drop": None}], [False]),
        ([{"vmap": {"key": DPORT, "data": {"set": [[80, {"accept": None}]]}}}], [False]),
        ([{"jump": {"target": "passes"}}], [False]),
        ([dport(80), {"goto": {"target": "returns"}}], [False]),
        ([{"jump": {"target": "returns"}}], [True]),
        ([dport(443), {"return": None}], [True]),
        ([meta("mark", 7), {"accept": None}], [True]),
        ([dport(80), {"limit": {"rate": 5, "per": "second"}}, {"return": None}], [True]),
        ([{"vmap": {"key": DPORT, "data": {"set": [[443, {"accept": None}]]}}}], [True]),
    ],
)
def test_an_earlier_end_of_the_way_makes_a_rule_of_nftables_a_note(first, expected):
    more = [
        ("rule", {"chain": "passes", "expr": [dport(80), {"accept": None}]}),
        ("rule", {"chain": "returns", "expr": [dport(80), {"return": None}]}),
    ]
    assert found(ruleset(first, [dport({"set": [80, 443]}), REDIRECT], more=more)) == expected


def test_what_iptables_shows_is_not_reported_twice():
    objects = ruleset([{"xt": {"type": "match", "name": "tcp"}}, REDIRECT], table="nat")
    assert found(objects, saved("-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080")) == [True]
    assert found(objects) == [False]


@pytest.mark.parametrize("interface, expected", [("eth0", [True]), ("eth1", [])])
def test_a_pair_of_an_interface_meets_rules_of_that_interface_only(interface, expected):
    aim = AIM._replace(interface=interface, interfaces=("eth0", "eth1", "lo"))
    assert found(ruleset([meta("iifname", "eth0"), dport(80), REDIRECT]), aim=aim) == expected


def test_docker_is_named_with_what_to_do():
    line = "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
    lines = f"-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n{line}\n"
    text = data("iptables-save-1.8.9-nft.txt").replace("-A PREROUTING -p tcp -m tcp --dport 8888 ", lines + "-A PREROUTING -p tcp -m tcp --dport 8888 ")
    assert line in text
    plan = planned(with_iptables(commands={"iptables-save": text}))
    assert list(plan.errors) == [
        "redirects: port 80 is redirected by Docker, which publishes it for a container already, and only one of the two gets the connections: "
        "publish the container at another port (docker ps --filter publish=80 names it), or take the pair out "
        "(xitrum_port_forward: false)"
    ]
    assert list(plan.actions) == []


def test_a_container_that_holds_the_port_costs_the_others_nothing():
    """The unit of docker-proxy is Docker's own, and to stop that would stop every container."""
    listen = 'LISTEN 0 128 0.0.0.0:80 0.0.0.0:* users:(("docker-proxy",pid=71,fd=4)) ino:1 sk:1 cgroup:x <->\n'
    files = {"/proc/71/cgroup": "0::/system.slice/docker.service\n"}
    message = planned(with_nft(commands={"ss -H -l -t -n -e": listen}, files=files)).errors[0]
    assert "docker ps --filter publish=80" in message and "stop_services" not in message and "kill" not in message


def test_an_unmanaged_table_is_named_and_one_with_a_condition_is_a_note():
    objects = json.loads((DATA / "nft-1.0.6-ours.json").read_text())
    mine = {"nftables": objects["nftables"] + ruleset([dport(80), REDIRECT], family="inet", table="web")}
    plan = planned(with_nft(commands={"nft -j list ruleset": json.dumps(mine)}))
    assert "a rule of nftables in the chain inet web pre" in plan.errors[0] and "nft delete rule inet web pre handle 7" in plan.errors[0]
    note = {"nftables": objects["nftables"] + ruleset([address("saddr", "192.0.2.7"), dport(80), REDIRECT], family="inet", table="web")}
    plan = planned(with_nft(commands={"nft -j list ruleset": json.dumps(note)}))
    assert list(plan.errors) == [] and list(plan.actions) == []
    assert [row.status for row in plan.rows if row.item == "another redirect of port 80"] == ["not_readable"]


def test_firewallds_forward_port_is_named():
    objects = json.loads((DATA / "nft-1.0.6-firewalld.json").read_text())["nftables"]
    rule = {
        "rule": {
            "family": "inet",
            "table": "firewalld",
            "chain": "nat_PRE_public_allow",
            "handle": 9,
            "expr": [dport(80), REDIRECT],
        }
    }
    takings = find_conflicts(find_takings([*objects, rule], {}), AIM._replace(interfaces=("eth0", "lo")))
    assert [(taking.who, "--remove-forward-port" in taking.remedy) for taking, _certain in takings] == [("firewalld (a forward port)", True)]
    assert find_conflicts(find_takings(objects, {}), AIM) == []


@given(some.sets(some.integers(1, 65535), max_size=20), some.integers(1, 65535))
def test_a_port_is_taken_exactly_where_it_is_listed(listed, port):
    aim = AIM._replace(port=port)
    assert bool(found(ruleset([dport({"set": sorted(listed)}), REDIRECT]), aim=aim)) == (port in listed)
    lines = [f"-A PREROUTING -p tcp -m tcp --dport {number} -j REDIRECT --to-ports 9" for number in listed]
    assert bool(found(save=saved(*lines), aim=aim)) == (port in listed)
