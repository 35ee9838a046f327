# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the site serves: public ports that others reach, proxies with a healthy server, and what blocks where that
can be read."""

from __future__ import annotations

import json
import pathlib
import socket
from types import SimpleNamespace

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import host
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import RUN
from ansible_collections.xitrum.host.plugins.module_utils.firewall import blocks as firewall_blocks
from ansible_collections.xitrum.host.plugins.module_utils.firewall import connect as reach_connect
from ansible_collections.xitrum.host.plugins.module_utils.firewall import reach
from ansible_collections.xitrum.host.plugins.module_utils.proxy import component as proxy_config
from ansible_collections.xitrum.host.plugins.module_utils.proxy import fleet_health
from ansible_collections.xitrum.host.plugins.module_utils.proxy import health as proxy_health
from ansible_collections.xitrum.host.plugins.module_utils.proxy.haproxy_socket import format_check
from ansible_collections.xitrum.host.plugins.module_utils.redirects import ports as redirects_ports
from ansible_collections.xitrum.host.plugins.plugin_utils import fleet_reports, reach_reports

from tests.unit.invalid_values import find_errors

from ..fake_host import FakeHost
from .test_component import data, with_firewalld, with_ufw

REDIRECTS = pathlib.Path(__file__).parents[1] / "data" / "redirects"
APPLICATION = {
    "is_proxy": False,
    "is_application": True,
    "has_proxies": False,
    "http_port": 8000,
    "https_port": 4430,
    "https": False,
    "places": 1,
    "slots": False,
    "pairs": [],
    "interface": "",
    "trusted": [],
    "proxy_listen": ["0.0.0.0", "::"],
    "proxy_http_port": 80,
    "proxy_https_port": 443,
    "proxy_https": False,
    "load_balancers": [],
}
PROXY = {**APPLICATION, "is_proxy": True, "is_application": False, "has_proxies": True}
PAIR, PAIR_TLS = {"outside": 80, "inside": 8000}, {"outside": 443, "inside": 4430}


def ports(variables, **more):
    return [(item["port"], item["public"], *item["sources"]) for item in reach.list_public_ports({**variables, **more})]


@pytest.mark.parametrize(
    "variables, more, expected",
    [
        (PROXY, {}, [(80, 80)]),
        (PROXY, {"proxy_https": True, "proxy_http_port": 8080}, [(8080, 8080), (443, 443)]),
        (PROXY, {"proxy_listen": ["127.0.0.1", "[::1]"]}, []),
        (PROXY, {"load_balancers": ["10.0.0.0/24"]}, [(80, 80, "10.0.0.0/24")]),
        (APPLICATION, {}, [(8000, 8000)]),
        (APPLICATION, {"places": 2, "https": True}, [(8000, 8000), (8001, 8001), (4430, 4430), (4431, 4431)]),
        (APPLICATION, {"interface": "127.0.0.1"}, []),
        (APPLICATION, {"pairs": [PAIR]}, [(8000, 80)]),
        (APPLICATION, {"pairs": [PAIR, PAIR_TLS], "https": True}, [(8000, 80), (4430, 443)]),
        (APPLICATION, {"pairs": [PAIR], "https": True}, [(8000, 80), (4430, 4430)]),
        # Of two slots the other one gets the redirect with the next release.
        (
            APPLICATION,
            {"pairs": [{"outside": 80, "inside": 8001}], "slots": True, "places": 2},
            [(8000, 0), (8001, 80)],
        ),
        # A redirect of one interface may not be where the others come in.
        (APPLICATION, {"pairs": [{**PAIR, "interface": "eth1"}]}, [(8000, 0)]),
        (
            APPLICATION,
            {"has_proxies": True, "places": 2, "trusted": ["10.0.0.2", "127.0.0.1", "::1"]},
            [(8000, 0, "10.0.0.2"), (8001, 0, "10.0.0.2")],
        ),
        (APPLICATION, {"has_proxies": True, "trusted": ["127.0.0.1"]}, []),
        (
            {**APPLICATION, "is_proxy": True},
            {"has_proxies": True, "trusted": ["10.0.0.3"]},
            [(80, 80), (8000, 0, "10.0.0.3")],
        ),
    ],
)
def test_the_ports_that_others_connect_to(variables, more, expected):
    assert ports(variables, **more) == expected


def state_of(*public, address6="", **more):
    items = [{"port": port, "public": shown, "sources": [], "addresses": [], "note": ""} for port, shown in public]
    return {
        "machine": {"errors": []},
        "firewall": {"public": items, "address6": address6, "rows": [], "drift": False},
        **more,
    }


def run_of(**hosts):
    return {name: {"address": address, "state": state, "reached": True} for name, (address, state) in hosts.items()}


def tried(plan):
    return [
        (probe["host"], target["name"], target["address"], target["port"])
        for probe in plan["probes"]
        for target in probe["targets"]
    ]


def notes(plan):
    return [row.why for rows in plan["rows"].values() for row in rows if row.status == "not_readable"]


def test_a_port_is_tried_from_another_host():
    hosts = run_of(
        app1=("10.0.0.1", state_of((8000, 80))), app2=("10.0.0.2", state_of((8000, 80))), db=("10.0.0.3", state_of())
    )
    assert tried(reach.plan_probes(hosts, [])) == [("app2", "app1", "10.0.0.1", 80), ("app1", "app2", "10.0.0.2", 80)]
    hosts["app2"]["reached"] = False
    assert tried(reach.plan_probes(hosts, []))[0][0] == "db"


def test_a_single_host_is_tried_by_one_outside_of_the_run_or_it_is_a_note():
    hosts = run_of(app1=("10.0.0.1", state_of((8000, 80))))
    assert tried(reach.plan_probes(hosts, ["app2"])) == [("app2", "app1", "10.0.0.1", 80)]
    plan = reach.plan_probes(hosts, [])
    assert plan["probes"] == [] and "xitrum_reach_from" in notes(plan)[0]
    assert tried(reach.plan_probes(hosts, [], "localhost")) == [("localhost", "app1", "10.0.0.1", 80)]
    assert "app1 itself" in notes(reach.plan_probes(hosts, [], "app1"))[0]


def test_several_hosts_outside_of_the_run_try_and_the_first_that_can_decides():
    hosts = run_of(app1=("10.0.0.1", state_of((8000, 80))))
    plan = reach.plan_probes(hosts, ["dead", "alive", "third", "fourth"])
    assert [probe["host"] for probe in plan["probes"]] == ["dead", "alive", "third"] and plan["rows"] == {}
    dead, alive, third = (
        {"host": probe["host"], "targets": probe["targets"], "failed": "", "results": []} for probe in plan["probes"]
    )
    dead["failed"] = "No route to host"
    block = {"app1": [{**BLOCK, "port": 80}]}

    def answered(answer, outcome):
        return {**answer, "results": [{**target, "outcome": outcome, "message": "m"} for target in answer["targets"]]}

    # The third is not requested a second opinion of what the second could try.
    answers = [dead, answered(alive, "timeout"), answered(third, "open")]
    assert reach.find_unreached(answers) == {"app1": [{"port": 80, "inside": 8000, "source": "", "family": "ipv4"}]}
    (row,) = reach.build_rows(answers, block)["app1"]
    assert row.status == "drift" and row.why.startswith("it answers on its own host, and alive cannot reach")
    answers = [dead, answered(alive, "no_route"), answered(third, "open")]
    assert reach.find_unreached(answers) == {}
    (row,) = reach.build_rows(answers, {})["app1"]
    assert (row.status, row.effective) == ("ok", "reached from third")
    (row,) = reach.build_rows([dead, answered(alive, "no_route")], {})["app1"]
    assert row.status == "not_readable" and "dead could not try: No route to host; alive cannot try" in row.why


def test_a_host_of_the_run_tries_alone():
    hosts = run_of(app1=("10.0.0.1", state_of((8000, 80))), app2=("10.0.0.2", state_of()))
    assert [probe["host"] for probe in reach.plan_probes(hosts, ["dead", "alive"])["probes"]] == ["app2"]
    assert [probe["host"] for probe in reach.plan_probes(hosts, ["dead", "alive"], "alive")["probes"]] == ["alive"]


def test_an_address_that_others_cannot_use_is_a_note():
    hosts = run_of(app1=("127.0.0.1", state_of((8000, 80))), app2=("10.0.0.2", state_of()))
    assert "set xitrum_address" in notes(reach.plan_probes(hosts, []))[0]
    assert tried(reach.plan_probes(hosts, [], "localhost")) == [("localhost", "app1", "127.0.0.1", 80)]


def test_ipv6_is_tried_where_the_host_has_an_address():
    hosts = run_of(app1=("10.0.0.1", state_of((80, 80), address6="fd00::1")), app2=("10.0.0.2", state_of()))
    plan = reach.plan_probes(hosts, [])
    assert [target["address"] for target in plan["probes"][0]["targets"]] == ["10.0.0.1", "fd00::1"]
    assert [target["first"] for target in plan["probes"][0]["targets"]] == [True, False]


TARGET = {"name": "app1", "address": "10.0.0.1", "port": 80, "inside": 8000, "first": True, "note": ""}
BLOCK = {
    "port": 80,
    "source": "",
    "family": "ipv4",
    "answers": True,
    "listener": "",
    "rule": "the zone drop of firewalld does not have it",
    "commands": [["firewall-cmd", "X"]],
}


def judged(outcome, block=None, **more):
    return reach.judge("app2", {**TARGET, **more, "outcome": outcome, "message": "x"}, block)


@pytest.mark.parametrize(
    "outcome, block, more, status, text",
    [
        ("open", None, {}, "ok", ""),
        (
            "timeout",
            BLOCK,
            {},
            "drift",
            "it answers on its own host, and app2 cannot reach 10.0.0.1:80: the zone drop",
        ),
        ("refused", {**BLOCK, "rule": ""}, {}, "drift", "no rule that blocks it was found on the host"),
        ("unreachable", {**BLOCK, "answers": False}, {}, "drift", "nothing answers on port 80 of the host itself"),
        (
            "timeout",
            {**BLOCK, "answers": False, "listener": "haproxy listens at *:80"},
            {},
            "drift",
            "and haproxy listens at *:80, which does not answer on its own host either: the zone drop",
        ),
        (
            "timeout",
            {**BLOCK, "answers": False, "listener": "haproxy listens at *:80", "rule": "", "commands": []},
            {},
            "drift",
            "are not read: nft list ruleset",
        ),
        ("no_route", None, {}, "not_readable", "app2 cannot try 10.0.0.1:80"),
        ("unresolved", None, {}, "not_readable", "app2 cannot try"),
        ("timeout", BLOCK, {"note": "a load balancer"}, "not_readable", "a load balancer"),
        ("timeout", BLOCK, {"first": False, "address": "fd00::1"}, "drift", "[fd00::1]:80"),
        ("timeout", {**BLOCK, "rule": ""}, {"first": False, "address": "fd00::1"}, "not_readable", "no rule"),
        ("timeout", None, {}, "drift", "the host does not explain why"),
    ],
)
def test_what_an_answer_means(outcome, block, more, status, text):
    row = judged(outcome, block, **more)
    assert (row.status, text in row.why) == (status, True), row
    sentences = reach.format_sentences({"app1": [row]})
    assert bool(sentences) == (status == "drift")
    # A run of a playbook opens no port: it may start what is to listen.
    assert (row.fix == RUN) == (block is not None and not block["answers"] and not block["listener"])
    assert not sentences or RUN not in sentences[0]
    if status == "drift" and block and block["rule"] and block["answers"]:
        assert sentences[0].endswith(". To open it, set xitrum_open_firewall: true, or run on app1: firewall-cmd X")


def test_one_that_cannot_try_is_a_note():
    answers = [{"host": "app2", "failed": "no python", "targets": [TARGET], "results": []}]
    rows = reach.build_rows(answers, {})
    assert [(row.status, row.why) for row in rows["app1"]] == [("not_readable", "app2 could not try: no python")]
    assert reach.find_unreached(answers) == {}


def test_only_hosts_that_were_not_reached_are_queried_why():
    results = [
        {**TARGET, "outcome": outcome, "message": "", "name": name}
        for name, outcome in (("a", "open"), ("b", "timeout"), ("c", "no_route"), ("d", "refused"), ("b", "unreachable"))
    ]
    assert reach.find_unreached([{"host": "x", "results": results}]) == {
        "b": [{"port": 80, "inside": 8000, "source": "", "family": "ipv4"}],
        "d": [{"port": 80, "inside": 8000, "source": "", "family": "ipv4"}],
    }


# --------------------------------------------------------------------------------------------------------- what blocks


def blocks(fake, *items, address="172.21.0.14", family=""):
    desired = {
        "address": address,
        "ports": [
            {"port": item[0], "inside": item[1], "source": item[2] if len(item) > 2 else "", "family": family}
            for item in items
        ],
    }
    return firewall_blocks.find_blocks(desired, firewall_blocks.read(fake, desired))


def test_the_zone_without_the_port_is_named_with_the_command():
    fake = with_firewalld()
    fake.open_ports = {("127.0.0.1", 80): "open"}
    found = blocks(fake, (80, 80))[0]
    assert found["answers"] and found["rule"] == "firewalld's zone drop (target DROP) does not have the port 80/tcp"
    assert (
        found["command"]
        == "firewall-cmd --permanent --zone=drop --add-port=80/tcp && firewall-cmd --zone=drop --add-port=80/tcp"
    )
    assert blocks(fake, (8000, 8000, "10.0.0.2"))[0]["rule"] == ""
    found = blocks(fake, (8000, 8000, "10.0.0.9"))[0]
    assert not found["answers"] and "'--add-rich-rule=rule family=" in found["command"]


def test_firewalld_lets_in_what_was_redirected():
    assert blocks(with_firewalld(), (80, 8000))[0]["rule"] == ""


def test_ufw_is_named_with_the_command():
    assert blocks(with_ufw(), (8090, 8090))[0]["command"] == "ufw allow 8090/tcp"
    # After a redirect it is the inside port that has to be let in.
    assert blocks(with_ufw(), (80, 8000))[0]["command"] == "ufw allow 8000/tcp"
    assert blocks(with_ufw(), (80, 80))[0]["rule"] == ""
    assert "is set to deny" in blocks(with_ufw(), (8081, 8081))[0]["rule"]
    assert (
        blocks(with_ufw(), (8000, 8000, "10.0.0.9"))[0]["command"]
        == "ufw allow proto tcp from 10.0.0.9 to any port 8000"
    )


def nft(policy="drop", *rules, family="inet", kind="filter", table="t"):
    chain = {"family": family, "table": table, "name": "in", "type": kind, "hook": "input", "prio": 0, "policy": policy}
    items = [{"rule": {"family": family, "table": table, "chain": "in", "expr": expr}} for expr in rules]
    return {"nft -j list ruleset": json.dumps({"nftables": [{"chain": chain}, *items]})}


def dport(right):
    return {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": right}}


LO = {"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}
ACCEPT, DROP = {"accept": None}, {"drop": None}


@pytest.mark.parametrize(
    "commands, blocked",
    [
        (nft(), True),
        (nft("accept"), False),
        (nft(kind="nat"), False),
        (nft(family="bridge"), False),
        (nft("drop", [dport(8000), ACCEPT]), False),
        (nft("drop", [dport({"set": [22, 8000]}), ACCEPT]), False),
        (nft("drop", [dport(80), ACCEPT]), True),
        (nft("accept", [dport(8000), DROP]), True),
        (nft("accept", [LO, DROP]), False),
        (nft("accept", [LO, ACCEPT], [{"counter": {}}, DROP]), True),
        (nft(table="xitrum_host"), False),
    ],
)
def test_an_input_chain_of_nftables(commands, blocked):
    found = blocks(FakeHost(commands=commands), (80, 8000))[0]
    assert found["command"] == ("nft insert rule inet t in tcp dport 8000 accept" if blocked else "")


@pytest.mark.parametrize(
    "lines, policy, blocked",
    [
        ([], "DROP", True),
        ([], "ACCEPT", False),
        (["-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT"], "DROP", False),
        (["-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT"], "DROP", True),
        (["-A INPUT -j REJECT --reject-with icmp-host-prohibited"], "ACCEPT", True),
        (["-A INPUT -p tcp -m tcp --dport 8000 -j DROP"], "ACCEPT", True),
        (["-A INPUT -i eth1 -j DROP"], "ACCEPT", False),
        (["-A INPUT -s 10.0.0.0/8 -j DROP"], "ACCEPT", False),
        (["-A INPUT -p udp -j DROP"], "ACCEPT", False),
        (["-A INPUT -m state --state NEW -m tcp -p tcp --dport 8000 -j ACCEPT"], "ACCEPT", False),
    ],
)
def test_the_input_chain_of_iptables(lines, policy, blocked):
    text = "\n".join(["*filter", f":INPUT {policy} [0:0]", *lines, "COMMIT", ""])
    found = blocks(FakeHost(commands={"iptables-save": text, "ip6tables-save": ""}), (80, 8000))[0]
    opens = "iptables -I INPUT -p tcp --dport 8000 -j ACCEPT"
    if lines and "--dport 8000 -j DROP" in lines[0]:
        opens = "iptables -D INPUT -p tcp -m tcp --dport 8000 -j DROP"
    assert found["command"] == (opens if blocked else "")


SS = "ss -H -l -t -n -e"
HAPROXY = 'LISTEN 0 4096 0.0.0.0:80 0.0.0.0:* users:(("haproxy",pid=77,fd=5)) ino:1 sk:1 cgroup:/system.slice <->\n'
ETH0 = {"ip -j address show": json.dumps([{"ifname": "eth0", "addr_info": [{"local": "172.21.0.14"}]}])}
PORT = dport(80)


def by(name, op="==", key="iifname"):
    return {"match": {"op": op, "left": {"meta": {"key": key}}, "right": name}}


def about(protocol, field, right):
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def not_ports(right):
    return {"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": right}}


def unmanaged_table(*rules, family="inet", policy="accept", more=()):
    place = {"family": family, "table": "theirs"}
    chain = {**place, "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    items = [
        {"rule": {**place, "chain": "in", "handle": number, "expr": expr}} for number, expr in enumerate(rules, start=4)
    ]
    sets = [{"set": {**place, "name": name, "elem": elements}} for name, elements in more]
    return {"nft -j list ruleset": json.dumps({"nftables": [{"metainfo": {}}, *sets, {"chain": chain}, *items]})}


DELETE, INSERT = "nft delete rule inet theirs in handle 4", "nft insert rule inet theirs in tcp dport 80 accept"


@pytest.mark.parametrize(
    "rules, text, command",
    [
        ([[PORT, DROP]], "tcp dport 80 drop", DELETE),
        ([[by("lo", "!="), PORT, {"counter": {"packets": 1}}, DROP]], 'iifname != "lo" tcp dport 80 drop', DELETE),
        ([[PORT, {"reject": {"type": "tcp reset"}}]], "tcp dport 80 reject", DELETE),
        ([[by("eth0"), PORT, DROP]], 'iifname "eth0" tcp dport 80 drop', DELETE),
        ([[by("eth*"), PORT, DROP]], 'iifname "eth*" tcp dport 80 drop', DELETE),
        ([[by({"set": ["eth0", "eth1"]}), PORT, DROP]], 'iifname { "eth0", "eth1" } tcp dport 80 drop', DELETE),
        ([[by({"set": ["tcp", "udp"]}, key="l4proto"), about("th", "dport", 80), DROP]], "meta l4proto { tcp, udp } th dport 80 drop", DELETE),
        ([[by("ipv4", key="nfproto"), PORT, DROP]], "meta nfproto ipv4 tcp dport 80 drop", DELETE),
        ([[about("ip", "protocol", "tcp"), PORT, DROP]], "ip protocol tcp tcp dport 80 drop", DELETE),
        # What a rule does to other ports stays.
        ([[dport({"set": [80, 443]}), DROP]], "tcp dport { 80, 443 } drop", INSERT),
        ([[dport({"range": [70, 90]}), DROP]], "tcp dport 70-90 drop", INSERT),
        ([[dport({"set": [22, {"range": [70, 90]}]}), DROP]], "tcp dport { 22, 70-90 } drop", INSERT),
        ([[dport("@closed"), DROP]], "tcp dport @closed drop", INSERT),
        ([[not_ports(22), DROP]], "tcp dport != 22 drop", INSERT),
        ([[PORT, DROP], [DROP]], "tcp dport 80 drop", INSERT),
        ([[PORT, DROP], [by("lo", "!="), PORT, DROP]], "tcp dport 80 drop", f"{DELETE} && {DELETE[:-1]}5"),
        ([[PORT, DROP], [PORT, ACCEPT]], "tcp dport 80 drop", DELETE),
        # Not certain: another port, interface, family or address, or an earlier rule that accepts.
        ([[dport(81), DROP]], "", ""),
        ([[dport({"range": [81, 90]}), DROP]], "", ""),
        ([[not_ports({"set": [22, 80]}), DROP]], "", ""),
        ([[dport("@missing"), DROP]], "", ""),
        ([[by("lo"), PORT, DROP]], "", ""),
        ([[by("eth1"), PORT, DROP]], "", ""),
        ([[by("eth0", "!="), PORT, DROP]], "", ""),
        ([[by("ipv6", key="nfproto"), PORT, DROP]], "", ""),
        ([[about("ip6", "nexthdr", "tcp"), PORT, DROP]], "", ""),
        ([[about("ip", "saddr", "10.0.0.2"), PORT, DROP]], "", ""),
        ([[about("udp", "dport", 80), DROP]], "", ""),
        ([[PORT, {"limit": {"rate": 5}}, DROP]], "", ""),
        ([[PORT, {"jump": {"target": "more"}}]], "", ""),
        ([[PORT, ACCEPT], [PORT, DROP]], "", ""),
    ],
)
def test_a_plain_rule_of_an_unmanaged_table_is_reported(rules, text, command):
    more = [("closed", [22, {"elem": {"val": 80, "comment": "web"}}])]
    found = blocks(FakeHost(commands={**unmanaged_table(*rules, more=more), **ETH0}), (80, 80), family="ipv4")[0]
    expected = f"the rule '{text}' (handle 4) of the chain inet theirs in of nftables refuses it" if text else ""
    assert (found["rule"], found["command"]) == (expected, command)


@pytest.mark.parametrize("rules", [[[PORT, DROP]], [[about("ip", "saddr", "10.0.0.2"), DROP], [PORT, DROP]]])
def test_where_the_policy_drops_too_the_port_is_accepted(rules):
    assert blocks(FakeHost(commands=unmanaged_table(*rules, policy="drop")), (80, 80))[0]["command"] == INSERT


def test_new_connections_that_a_chain_accepts_are_not_blocked_by_its_policy():
    new = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "new"]}}
    old = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "established"}}
    for match, command in ((new, ""), (old, INSERT)):
        fake = FakeHost(commands=unmanaged_table([match, PORT, ACCEPT], policy="drop"))
        assert blocks(fake, (80, 80))[0]["command"] == command


@pytest.mark.parametrize(
    "table, family, blocked",
    [("ip", "ipv4", True), ("ip", "ipv6", False), ("ip6", "ipv4", False), ("ip6", "ipv6", True), ("inet", "ipv6", True)],
)
def test_a_rule_of_the_other_family_blocks_nothing(table, family, blocked):
    fake = FakeHost(commands=unmanaged_table([PORT, DROP], family=table))
    assert bool(blocks(fake, (80, 80), family=family)[0]["rule"]) == blocked
    saved = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n"
    command = {"ip": "iptables", "ip6": "ip6tables"}.get(table)
    if command:
        fake = FakeHost(commands={f"{command}-save": saved})
        assert bool(blocks(fake, (80, 80), family=family)[0]["rule"]) == blocked


@pytest.mark.parametrize("flags, blocked", [([], True), (["owner"], True), (["dormant"], False), ("dormant", False)])
def test_a_table_that_is_switched_off_blocks_nothing(flags, blocked):
    listed = json.loads(unmanaged_table([PORT, DROP])["nft -j list ruleset"])
    listed["nftables"].insert(0, {"table": {"family": "inet", "name": "theirs", "flags": flags}})
    fake = FakeHost(commands={"nft -j list ruleset": json.dumps(listed)})
    assert bool(blocks(fake, (80, 80))[0]["rule"]) == blocked


OPEN = "iptables -I INPUT -p tcp --dport 80 -j ACCEPT"


@pytest.mark.parametrize(
    "lines, command",
    [
        (["-p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset"], "iptables -D INPUT {0}"),
        (["! -i lo -p tcp -m tcp --dport 80 -j DROP"], "iptables -D INPUT {0}"),
        (["-i eth+ -p tcp -m tcp --dport 80 -j DROP"], "iptables -D INPUT {0}"),
        (['-p tcp -m tcp --dport 80 -m comment --comment "no web" -j DROP'], "iptables -D INPUT {0}"),
        (["! -i lo -p tcp -m tcp --dport 80 -j DROP", "-p tcp -m tcp --dport 80 -j DROP"],
         "iptables -D INPUT {0} && iptables -D INPUT {1}"),
        (["-p tcp -m multiport --dports 80,443 -j DROP"], OPEN),
        (["-p tcp -m multiport --dports 22,70:90 -j DROP"], OPEN),
        (["-p tcp -m tcp --dport 70:90 -j DROP"], OPEN),
        (["-p tcp -m tcp ! --dport 22 -j DROP"], OPEN),
        (["-p tcp -m tcp --dport 80 -j DROP", "-j REJECT --reject-with icmp-port-unreachable"], OPEN),
        (["-i lo -p tcp -m tcp --dport 80 -j DROP"], ""),
        (["-i eth1 -p tcp -m tcp --dport 80 -j DROP"], ""),
        (["-s 10.0.0.2/32 -p tcp -m tcp --dport 80 -j DROP"], ""),
        (["-p tcp -m tcp --sport 80 -j DROP"], ""),
        (["-p tcp -m tcp --dport 80 -m limit --limit 3/sec -j DROP"], ""),
        (["-p tcp -m multiport --dports 81,443 -j DROP"], ""),
        (["-p tcp -m multiport ! --dports 22,80 -j DROP"], ""),
        (["-p tcp -m tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j DROP"], ""),
        (["-p tcp -m tcp --dport 80 -j MINE"], ""),
        (["-p tcp -m tcp --dport '80 -j DROP"], ""),
    ],
)
def test_a_plain_rule_of_iptables_is_reported(lines, command):
    text = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *(f"-A INPUT {line}" for line in lines), "COMMIT", ""])
    found = blocks(FakeHost(commands={"iptables-save": text, **ETH0}), (80, 80), family="ipv4")[0]
    assert found["command"].replace("'no web'", '"no web"') == command.format(*lines)
    assert bool(found["rule"]) == bool(command)


@pytest.mark.parametrize(
    "lines, found", [(["{drop}", "{ufw}"], True), (["{ufw}", "{drop}"], False), (["-j DROP", "{ufw}"], False)]
)
def test_with_ufw_only_a_rule_before_its_own_is_certain(lines, found):
    words = {"drop": "-p tcp -m tcp --dport 80 -j DROP", "ufw": "-j ufw-before-input"}
    rules = [f"-A INPUT {line.format(**words)}" for line in lines]
    text = "\n".join(["*filter", ":INPUT DROP [0:0]", *rules, "COMMIT", ""])
    assert bool(blocks(with_ufw(**{"iptables-save": text}), (80, 80))[0]["rule"]) == found


@pytest.mark.parametrize(
    "line, address, listener, answers",
    [
        (HAPROXY, ("127.0.0.1", 80), "haproxy listens at 0.0.0.0:80", True),
        (HAPROXY, None, "haproxy listens at 0.0.0.0:80", False),
        (HAPROXY.replace("0.0.0.0:80", "10.9.9.9:80"), ("10.9.9.9", 80), "haproxy listens at 10.9.9.9:80", True),
        (HAPROXY.replace("0.0.0.0:80", "[fd00::9]:80"), None, "haproxy listens at [fd00::9]:80", False),
        ("LISTEN 0 128 *:80 *:*\n", None, "a process that only root sees listens at *:80", False),
        (HAPROXY.replace(":80 ", ":8080 "), None, "", False),
    ],
)
def test_who_listens_is_reported_where_nothing_answers(line, address, listener, answers):
    fake = FakeHost(commands={SS: line}, open_ports={address: "open"} if address else {})
    found = blocks(fake, (80, 80))[0]
    assert (found["listener"], found["answers"]) == (listener, answers)


@pytest.mark.parametrize("command, managed", [("nft delete rule inet t in handle 4", False), ("ufw allow 80/tcp", True)])
def test_what_opens_a_port_is_the_whole_remedy(command, managed):
    row = judged("timeout", {**BLOCK, "commands": [command.split()]})
    (text,) = reach.format_sentences({"app1": [row]})
    assert text.endswith(f"run on app1: {command}") and ("xitrum_open_firewall" in text) == managed


def test_an_instance_that_listens_and_does_not_answer_is_a_row():
    queried = fleet_health.find_unreached_instances({"proxy1": proxy_state(DOWN), "app1": APP}, {"proxy1": "10.0.0.2"})
    block = {**BLOCK, "port": 8000, "source": "10.0.0.2", "answers": False, "listener": "java listens at *:8000"}
    (row,) = fleet_health.build_instance_rows(queried, {"app1": [block]})["app1"]
    assert row.why.startswith("proxy1 cannot reach 10.0.0.3:8000, and java listens at *:8000, which does not answer")
    assert row.fix == "firewall-cmd X"
    assert fleet_health.build_instance_rows(queried, {"app1": [{**block, "listener": ""}]}) == {}


def test_what_ufw_made_is_not_reported_as_iptables():
    fake = with_ufw(**{"iptables-save": data("iptables-save-ufw.txt")})
    assert blocks(fake, (80, 80))[0]["rule"] == ""


# ---------------------------------------------------------------------------------------------------------- connecting


def test_a_connection_that_is_taken_or_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert host.Host().connect("127.0.0.1", port)[0] == "open"
    assert host.Host().connect("127.0.0.1", port)[0] == "refused"


@pytest.mark.parametrize(
    "error, outcome",
    [
        (OSError(113, "No route to host"), "unreachable"),
        (OSError(101, "Network is unreachable"), "no_route"),
        (OSError(1, "Operation not permitted"), "unreachable"),
        (socket.timeout("timed out"), "timeout"),
        (TimeoutError(110, "Connection timed out"), "timeout"),
        (socket.gaierror(-2, "Name not known"), "unresolved"),
        (ConnectionRefusedError(111, "Connection refused"), "refused"),
    ],
)
def test_an_error_is_a_word(error, outcome):
    assert host.name_connect_error(error) == outcome


def test_all_targets_are_tried_and_a_lost_packet_is_tried_again():
    fake = FakeHost(open_ports={("10.0.0.1", 80): "open"})
    desired = {"targets": [{"address": "10.0.0.1", "port": 80}, {"address": "10.0.0.2", "port": 80}], "timeout": 1}
    assert [result["outcome"] for result in reach_connect.connect_all(fake, desired)] == ["open", "refused"]
    assert [item for item in fake.done if item[1] == "10.0.0.2"] == [("connect", "10.0.0.2", 80)] * 2
    assert reach_connect.connect_all(fake, {"targets": [], "timeout": 1}) == []


# ------------------------------------------------------------------------------------------------------- the proxies'
# view


def server(name, status="UP", check="L7OK 200", admin="ready", backend="xitrum", port=8000):
    return {
        "backend": backend,
        "name": name,
        "address": "10.0.0.3",
        "port": port,
        "admin": admin,
        "status": status,
        "check": check,
    }


def proxy_state(*servers, **more):
    report = {
        "rows": [],
        "drift": False,
        "servers": list(servers),
        "title": "HAProxy",
        "service": "haproxy",
        "set_up": True,
        "running": True,
        **more,
    }
    return {"machine": {"errors": []}, "proxy": report}


DOWN = server("app1-0", "DOWN", "L4TOUT")
APP = {
    "machine": {},
    "instances": {"rows": [], "drift": False, "instances": [{"index": 0, "port": 8000, "running": True}]},
}


@pytest.mark.parametrize(
    "state, text",
    [
        (proxy_state(server("app1-0")), ""),
        (proxy_state(DOWN, server("app2-0")), ""),
        (proxy_state(server("app1-0", "no check", "")), ""),
        (proxy_state(DOWN), "proxy1: HAProxy has no healthy server"),
        (proxy_state(DOWN, server("forum-0", backend="forum")), "app1-0 (10.0.0.3:8000) is DOWN"),
        (proxy_state(server("app1-0", "MAINT", "", "maint")), "app1-0 (10.0.0.3:8000) is set to maint"),
        (proxy_state(), "no server of the application"),
        (proxy_state(DOWN, running=False), "HAProxy does not run"),
        (proxy_state(DOWN, set_up=False), ""),
        ({"machine": {}}, ""),
        (None, ""),
        ({"msg": "away"}, ""),
    ],
)
def test_a_proxy_that_serves_nobody(state, text):
    faults = fleet_health.find_faults({"proxy1": state})
    assert (text in faults[0]) if text else faults == []


def test_each_proxy_has_to_serve():
    faults = fleet_health.find_faults(
        {"proxy1": proxy_state(server("app1-0")), "proxy2": proxy_state(DOWN), "proxy3": proxy_state(DOWN)}
    )
    assert [fault.partition(":")[0] for fault in faults] == ["proxy2", "proxy3"]


@pytest.mark.parametrize(
    "servers, queried",
    [
        ([DOWN], True),
        ([server("app1-0", "DOWN", "L7STS 503")], False),
        ([server("app1-0", "DOWN", format_check({"check_status": "* L7STS", "check_code": "503"}))], False),
        ([server("app1-0", "DOWN", format_check({"check_status": "* L4TOUT"}))], True),
        ([server("app1-0", "DOWN", "503 Service Unavailable")], False),
        ([server("app1-0", "DOWN", "timed out")], True),
        ([server("app1-0")], False),
        ([server("app1-0", "MAINT", "", "maint")], False),
    ],
)
def test_instances_that_a_proxy_cannot_reach(servers, queried):
    found = fleet_health.find_unreached_instances({"proxy1": proxy_state(*servers), "app1": APP}, {"proxy1": "10.0.0.2"})
    assert found == (
        {
            "app1": [
                {
                    "port": 8000,
                    "inside": 8000,
                    "source": "10.0.0.2",
                    "family": "ipv4",
                    "proxy": "proxy1",
                    "address": "10.0.0.3",
                }
            ]
        }
        if queried
        else {}
    )


def hostvars_of(**hosts):
    groups = {"all": list(hosts), "xitrum": ["app1"], "xitrum_proxy": ["proxy1"]}
    return {name: {"inventory_hostname": name, "groups": groups, **variables} for name, variables in hosts.items()}


def test_the_whole_way_names_the_rule_that_blocks():
    hostvars = hostvars_of(
        proxy1={"xitrum_address": "10.0.0.2", "xitrum_host_state": {**proxy_state(DOWN), **state_of((80, 80))}},
        app1={"xitrum_address": "10.0.0.3", "xitrum_host_state": APP},
    )
    hosts = list(hostvars)
    probe = reach_reports.plan_probes(hostvars, hosts, hosts)["probes"][0]
    assert probe["host"] == "app1" and probe["connections"] == [{"address": "10.0.0.2", "port": 80}]
    answers = [
        {"__reach_probe": probe, "results": [{"address": "10.0.0.2", "port": 80, "outcome": "timeout", "message": ""}]}
    ]
    queried = reach_reports.find_unreached(hostvars, hosts, answers)
    assert [(item["host"], [port["port"] for port in item["ports"]]) for item in queried] == [
        ("proxy1", [80]),
        ("app1", [8000]),
    ]
    messages = [
        {
            "__reach_blocked": queried[0],
            "ports": [{**BLOCK, "rule": "ZONE A", "commands": [["OPEN", "A"]]}],
        },
        {
            "__reach_blocked": queried[1],
            "ports": [{**BLOCK, "port": 8000, "source": "10.0.0.2", "rule": "ZONE B", "commands": [["OPEN", "B"]]}],
        },
    ]
    hostvars["proxy1"]["__reach"] = {"rows": reach_reports.make_rows(hostvars, hosts, answers, messages)}
    faults = fleet_reports.find_site_faults(hostvars, hosts)
    assert len(faults) == 2
    assert "proxy1 cannot reach 10.0.0.3:8000: ZONE B. To open it, run on app1: OPEN B" in faults[0]
    assert faults[1].startswith(
        "proxy1: port 80 cannot be reached: it answers on its own host, and app1 cannot reach 10.0.0.2:80: ZONE A"
    )


def test_a_helper_is_another_host_of_the_inventory_and_never_the_controller():
    hostvars = hostvars_of(
        app1={"xitrum_address": "10.0.0.1", "xitrum_host_state": state_of((80, 80))},
        localhost={},
        local={"ansible_connection": "local"},
        db={"ansible_host": "10.0.0.9"},
    )
    assert [probe["host"] for probe in reach_reports.plan_probes(hostvars, ["app1"], ["app1"])["probes"]] == ["db"]
    del hostvars["db"]
    for variables in hostvars.values():
        variables["groups"]["all"] = list(hostvars)
        variables["groups"]["xitrum_proxy"] = []
    assert reach_reports.plan_probes(hostvars, ["app1"], ["app1"])["probes"] == []


@pytest.mark.parametrize(
    "name, text",
    [
        ("app1", ""),
        ("localhost", ""),
        ("", ""),
        ("ap1", "did you mean app1?"),
        ("elsewhere", "not a host of the inventory"),
    ],
)
def test_where_from_is_a_host_of_the_inventory(name, text):
    result = find_errors({"xitrum_reach_from": name, "groups": {"all": ["app1", "app2"]}})
    assert (text in result[0]) if text else result == []


# ------------------------------------------------------------------------------------------- read at the end of a deploy


def health_of(fake, **more):
    desired = {
        "software": "haproxy",
        "socket": "/run/none.sock",
        "control_port": 8404,
        "wait_seconds": 0,
        "health_path": "/",
        "health_status": 200,
        **more,
    }
    return proxy_health.plan(desired, proxy_health.read(fake, desired)).report()


@pytest.mark.parametrize("text, active, set_up, running", [
    (None, "active", False, True),
    ("global\n", "active", False, True),
    ("global\n    description xitrum.host-0123456789ab\n", "inactive", True, False),
])
def test_a_proxy_is_read_without_its_configuration(text, active, set_up, running):
    show = "systemctl show --no-pager --property=ActiveState -- haproxy.service"
    files = {"/etc/haproxy/haproxy.cfg": text} if text else {}
    report = health_of(FakeHost(files, {"haproxy -v": "HAProxy version 2.6.12", show: f"ActiveState={active}\n"}))
    assert (report["set_up"], report["running"], report["servers"]) == (set_up, running, [])
    assert report["service"] == "haproxy" and not report["changed"]
    assert bool(fleet_health.find_faults({"proxy1": {"proxy_health": report}})) == set_up


def test_a_proxy_that_was_never_installed_is_left_to_the_site():
    report = health_of(FakeHost())
    assert not report["set_up"]
    assert fleet_health.find_faults({"proxy1": {"proxy_health": report}}) == []


def test_nginx_is_requested_the_health_of_its_servers_from_the_proxy(monkeypatch):
    rows = [server("app1-0", "UP", ""), server("app2-0", "UP", "", port=8001), server("forum-0", "UP", "", backend="forum")]
    checks_health = proxy_config.PROXIES["nginx"].checks_health
    answering = SimpleNamespace(read_live=lambda *_unused: {"servers": [dict(row) for row in rows]}, checks_health=checks_health)
    monkeypatch.setitem(proxy_config.PROXIES, "nginx", answering)
    monkeypatch.setattr(proxy_config.proxy_reloaded, "probe",
                        lambda _host, _desired, row, _seconds: "" if row["port"] == 8001 else "timed out")
    found = proxy_config.read_live(None, {"software": "nginx"})["servers"]
    assert [(row["name"], row["status"], row["check"]) for row in found] == [
        ("app1-0", "DOWN", "timed out"), ("app2-0", "UP", ""), ("forum-0", "UP", "")]


def test_a_redirect_by_others_of_a_proxys_port_is_an_error():
    rules = {"nftables": {"objects": []}, "iptables": {"live": {"ipv4": "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp "
             "--dport 80 -j DNAT --to-destination 10.0.0.9\nCOMMIT\n"}}, "families": ["ipv4"], "interfaces": ["eth0", "lo"], "addresses": []}
    found = redirects_ports.find_conflicts([(80, ""), (443, "")], rules, "or give the proxy another port")
    assert [(port, certain) for port, _text, certain in found] == [(80, True)]
    assert found[0][1].endswith("or give the proxy another port")


@pytest.mark.parametrize("outcome", ["no_route", "unresolved"])
def test_what_could_not_be_tried_names_the_next_step(outcome):
    result = {"address": "2001:db8::1", "port": 80, "outcome": outcome, "message": "no address", "note": "", "first": False}
    row = reach.judge("proxy1", result, None)
    assert (row.status, row.fix) == ("not_readable", "ansible-playbook xitrum.host.check")
    assert row.why.endswith("Set xitrum_reach_from to a host that can")
