# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports opened in firewalld and ufw: exactly those, recorded, kept where they were open before, and closed
again."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.firewall import component as firewall
from ansible_collections.xitrum.host.plugins.module_utils.firewall import firewalld, ufw
from hypothesis import given
from hypothesis import strategies as some

from ..fake_host import FakeHost

DATA = pathlib.Path(__file__).parents[1] / "data" / "firewall"
ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\neth0\t00000000\t010015AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
IP = json.dumps(
    [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
        {"ifname": "eth0", "addr_info": [{"local": "172.21.0.14"}]},
        {"ifname": "eth1", "addr_info": [{"local": "10.0.0.3"}, {"local": "fe80::1"}]},
    ]
)
from tests.unit.record_texts import record_text


def data(name):
    return (DATA / name).read_text(encoding="utf-8")


def desired(*ports, **more):
    items = [
        {"port": port, "public": port, "sources": [], "addresses": [], "note": ""}
        if isinstance(port, int)
        else {"port": port[0], "public": 0, "sources": list(port[1:]), "addresses": [], "note": ""}
        for port in ports
    ]
    return {"open": True, "close": True, "facts_only": False, "address": "172.21.0.14", "ports": items, **more}


def with_firewalld(zones=None, files=None, **commands):
    """Its zone of eth0 is drop; 10.9.0.0/16 belongs to the zone inner."""
    return FakeHost(
        {
            "/proc/net/route": ROUTE,
            "/usr/lib/firewalld/zones/public.xml": data("zone-public.xml"),
            "/etc/firewalld/zones/drop.xml": data("zone-drop.xml"),
            "/usr/lib/firewalld/services/http.xml": data("service-http.xml"),
            **(files or {}),
        },
        {
            "systemctl is-active firewalld.service": "active\n",
            "firewall-cmd --list-all-zones": zones or data("list-all-zones-1.3.3.txt"),
            "firewall-cmd --get-default-zone": "public\n",
            "ip -j address show": IP,
            **commands,
        },
    )


def with_ufw(files=None, **commands):
    return FakeHost(
        {
            ufw.CONF: "ENABLED=yes\n",
            ufw.DEFAULTS: "IPV6=yes\n",
            ufw.FILES[0]: data("user.rules"),
            ufw.FILES[1]: data("user6.rules"),
            **(files or {}),
        },
        {"ufw status": "Status: active\n", **commands},
    )


def planned(host, *ports, **more):
    return firewall.plan(desired(*ports, **more), firewall.read(host, desired(*ports, **more)))


def words(plan):
    return [" ".join(item) for kind, item in plan.actions if kind != "record"]


def record_of(plan):
    return next((item for kind, item in plan.actions if kind == "record"), None)


# -------------------------------------------------------------------------------------------------------------
# firewalld


def test_zones_are_read_as_firewalld_prints_them():
    zones = firewalld.parse_zones(data("list-all-zones-1.3.3.txt"))
    assert zones["drop"]["target"] == "DROP" and zones["drop"]["interfaces"] == ("eth0",)
    assert zones["drop"]["rich"] == (("10.0.0.2", "8000"),)
    assert zones["inner"]["sources"] == ("10.9.0.0/16",)
    assert zones["trusted"]["target"] == "ACCEPT"
    assert "ssh" in zones["public"]["services"]
    newer = firewalld.parse_zones(
        "public (default, active)\n  target: default\n  ingress-priority: 0\n  ports: 80/tcp 9000-9010/tcp 53/udp\n  rich rules: \n"
    )
    assert newer["public"]["ports"] == ("80", "9000-9010")


def test_the_permanent_file_states_the_same():
    assert firewalld.parse_zone_file(data("zone-drop.xml"))["rich"] == (("10.0.0.2", "8000"),)
    assert firewalld.parse_service(data("service-http.xml")) == ("80",)
    with pytest.raises(ValueError, match="is not XML"):
        firewalld.parse_zone_file("<zone")


def test_a_public_port_is_opened_live_and_permanently_in_the_zone_that_it_comes_in_by():
    plan = planned(with_firewalld(), 80)
    assert words(plan) == [
        "firewall-cmd --permanent --zone=drop --add-port=80/tcp",
        "firewall-cmd --zone=drop --add-port=80/tcp",
    ]
    assert record_of(plan) == [
        {"backend": "firewalld", "zone": "drop", "port": 80, "source": "", "scopes": ["permanent", "runtime"]}
    ]
    assert [kind for kind, _item in plan.actions][0] == "record"
    assert [(row.item, row.configured, row.effective, row.status) for row in plan.rows] == [
        ("port 80 in firewalld zone drop", "closed", "closed", "drift")
    ]


def test_an_instance_port_is_opened_for_the_proxies_alone():
    rule = 'rule family="ipv4" source address="10.0.0.7" port port="8000" protocol="tcp" accept'
    assert words(planned(with_firewalld(), (8000, "10.0.0.7"))) == [
        f"firewall-cmd --permanent --zone=drop --add-rich-rule={rule}",
        f"firewall-cmd --zone=drop --add-rich-rule={rule}",
    ]
    # A source with a zone of its own meets that zone, and one that has the rule needs none.
    assert words(planned(with_firewalld(), (8000, "10.9.1.2")))[1].startswith(
        "firewall-cmd --zone=inner --add-rich-rule="
    )
    assert list(planned(with_firewalld(), (8000, "10.0.0.2")).actions) == []
    assert 'family="ipv6" source address="fd00::7"' in words(planned(with_firewalld(), (8000, "fd00::7")))[0]


@pytest.mark.parametrize(
    "zone", ["  ports: 80/tcp\n", "  ports: 79-81/tcp\n", "  services: ssh http\n", "  target: ACCEPT\n"]
)
def test_what_was_open_before_is_not_ours(zone):
    file = {
        "  ports: 80/tcp\n": '<port port="80" protocol="tcp"/>',
        "  ports: 79-81/tcp\n": '<port port="79-81" protocol="tcp"/>',
        "  services: ssh http\n": '<service name="http"/>',
        "  target: ACCEPT\n": "",
    }[zone]
    target = ' target="ACCEPT"' if "ACCEPT" in zone else ""
    host = with_firewalld(
        f"public (active)\n  interfaces: eth0\n{zone}",
        {"/etc/firewalld/zones/public.xml": f"<zone{target}>{file}</zone>"},
    )
    plan = planned(host, 80)
    assert list(plan.actions) == [] and [row.status for row in plan.rows] == ["ok"]


def test_what_was_open_live_only_is_made_permanent_and_only_that_is_recorded():
    plan = planned(with_firewalld("public (active)\n  interfaces: eth0\n  ports: 80/tcp\n"), 80)
    assert words(plan) == ["firewall-cmd --permanent --zone=public --add-port=80/tcp"]
    assert record_of(plan)[0]["scopes"] == ["permanent"]


def opened(*ports, zone="drop", scopes=("permanent", "runtime"), backend="firewalld"):
    return {
        firewall.RECORD: record_text(
            {
                "opened": [
                    {"backend": backend, "zone": zone, "port": port, "source": "", "scopes": list(scopes)}
                    for port in ports
                ]
            }
        )
    }


def test_another_port_opens_before_the_old_one_is_closed():
    plan = planned(with_firewalld(files=opened(80)), 8080)
    assert words(plan) == [
        "firewall-cmd --permanent --zone=drop --add-port=8080/tcp",
        "firewall-cmd --zone=drop --add-port=8080/tcp",
        "firewall-cmd --permanent --zone=drop --remove-port=80/tcp",
        "firewall-cmd --zone=drop --remove-port=80/tcp",
    ]
    assert [[item["port"] for item in items] for kind, items in plan.actions if kind == "record"] == [
        [8080, 80],
        [8080],
    ]
    early = planned(with_firewalld(files=opened(80)), 8080, close=False)
    assert not any("remove" in line for line in words(early))
    assert [[item["port"] for item in items] for kind, items in early.actions if kind == "record"] == [[8080, 80]]


def test_removal_closes_exactly_what_was_opened():
    plan = planned(with_firewalld(files=opened(80)), 80, open=False)
    assert words(plan) == [
        "firewall-cmd --permanent --zone=drop --remove-port=80/tcp",
        "firewall-cmd --zone=drop --remove-port=80/tcp",
    ]
    host = with_firewalld(files=opened(80), **{line: "success\n" for line in words(plan)})
    firewall.apply(host, plan)
    assert firewall.RECORD not in host.files
    assert list(planned(with_firewalld(), open=False).actions) == []


def test_without_a_record_and_without_being_queried_nothing_is_read():
    host = with_firewalld()
    plan = planned(host, 80, open=False)
    assert (list(plan.actions), list(plan.rows)) == ([], [])
    assert [item for item in host.done if item[0] == "run"] == []
    assert plan.facts["public"][0]["public"] == 80


def test_a_firewalld_that_was_stopped_is_changed_offline_and_keeps_what_is_needed():
    host = with_firewalld(files=opened(80), **{"systemctl is-active firewalld.service": "inactive\n"})
    assert words(planned(host, open=False)) == ["firewall-offline-cmd --zone=drop --remove-port=80/tcp"]
    assert list(planned(host, 80).actions) == []


def test_neither_is_active_is_a_note():
    plan = planned(FakeHost(), 80)
    assert list(plan.actions) == [] and [
        (row.status, "neither firewalld nor ufw is active" in row.why) for row in plan.rows
    ] == [("absent", True)]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"opened": [{"port": 80}]}',
        '{"opened": 3}',
        '{"opened": [{"backend": "other", "zone": "", "port": 1, "source": "", "scopes": []}]}',
    ],
)
def test_a_damaged_record_stops_and_is_named(text):
    plan = planned(with_firewalld(files={firewall.RECORD: record_text(text)}), 80)
    assert list(plan.actions) == [] and firewall.RECORD in plan.errors[0]


def test_a_command_that_fails_ends_the_run_with_its_words():
    plan = planned(with_firewalld(), 80)
    host = with_firewalld(**{words(plan)[0]: (13, "", "Error: INVALID_ZONE")})
    with pytest.raises(RuntimeError, match="failed with exit code 13: Error: INVALID_ZONE"):
        firewall.apply(host, plan)
    # What is about to be opened was written down before.
    assert json.loads(host.files[firewall.RECORD])["opened"][0]["port"] == 80


# -------------------------------------------------------------------------------------------------------------------
# ufw


def test_rules_are_read_from_ufws_own_lines():
    rules = ufw.parse_rules(data("user.rules"))
    assert ufw.Rule("allow", "tcp", "80,443", "0.0.0.0/0", "0.0.0.0/0", "") in rules
    assert ufw.Rule("allow", "tcp", "8000", "0.0.0.0/0", "10.0.0.2", "") in rules
    assert ufw.Rule("allow", "tcp", "8443", "0.0.0.0/0", "0.0.0.0/0", "") in rules
    assert next(rule for rule in rules if rule.ports == "8080").interface == "eth0"
    routed = "### tuple ### route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow tcp 81 0.0.0.0/0 any 0.0.0.0/0 out\n"
    assert ufw.parse_rules(routed) == []


@pytest.mark.parametrize(
    "port, source, expected",
    [
        (80, "0.0.0.0/0", True),
        (443, "1.2.3.4", True),
        (9000, "::/0", True),
        (9105, "0.0.0.0/0", True),
        (9111, "0.0.0.0/0", False),
        (8000, "0.0.0.0/0", False),
        (8000, "10.0.0.2", True),
        (8080, "0.0.0.0/0", False),
        (8081, "0.0.0.0/0", False),
        (2222, "0.0.0.0/0", True),
        (8443, "0.0.0.0/0", True),
        (8000, "fd00::2", True),
        (8000, "fd00::3", False),
    ],
)
def test_what_ufw_lets_in(port, source, expected):
    rules = [rule for name in ("user.rules", "user6.rules") for rule in ufw.parse_rules(data(name))]
    assert ufw.lets_in(rules, port, source) is expected


def test_ufw_opens_a_port_for_each_family_and_for_the_proxies():
    assert words(planned(with_ufw(), 8090, (8000, "10.0.0.7"))) == [
        "ufw allow proto tcp from 0.0.0.0/0 to any port 8090 comment xitrum.host",
        "ufw allow proto tcp from ::/0 to any port 8090 comment xitrum.host",
        "ufw allow proto tcp from 10.0.0.7 to any port 8000 comment xitrum.host",
    ]
    assert list(planned(with_ufw(), 80, 9000, (8000, "10.0.0.2")).actions) == []
    without6 = with_ufw({ufw.DEFAULTS: "IPV6=no\n"})
    assert words(planned(without6, 8090)) == ["ufw allow proto tcp from 0.0.0.0/0 to any port 8090 comment xitrum.host"]


def test_ufw_closes_what_it_opened():
    record = {
        firewall.RECORD: record_text(
            {"opened": [{"backend": "ufw", "zone": "", "port": 8090, "source": "0.0.0.0/0", "scopes": ["permanent"]}]}
        )
    }
    assert words(planned(with_ufw(record), open=False)) == [
        "ufw delete allow proto tcp from 0.0.0.0/0 to any port 8090"
    ]


def test_a_rule_of_ufw_by_something_else_that_refuses_is_a_note_and_not_overruled():
    plan = planned(with_ufw(), 8081)
    assert list(plan.actions) == []
    assert {(row.status, "a rule of ufw is set to deny" in row.why) for row in plan.rows} == {("read_only", True)}


def test_ufw_that_is_disabled_is_none():
    for host in (with_ufw({ufw.CONF: "ENABLED=no\n"}), with_ufw(**{"ufw status": "Status: inactive\n"})):
        assert planned(host, 80).rows[0].status == "absent"


@given(some.lists(some.tuples(some.integers(1, 65535), some.integers(0, 50)), max_size=5), some.integers(1, 65535))
def test_a_port_is_open_exactly_where_a_range_has_it(ranges, port):
    expected = any(low <= port <= low + more for low, more in ranges)
    assert firewalld.includes([f"{low}-{low + more}" for low, more in ranges], port) is expected
    rules = [ufw.Rule("allow", "tcp", f"{low}:{low + more}", "0.0.0.0/0", "0.0.0.0/0", "") for low, more in ranges]
    assert ufw.lets_in(rules, port, "0.0.0.0/0") is expected


# -------------------------------------------------------------------------------------------------------------
# addresses

IF_INET6 = (
    "fe800000000000000042acfffe15000e 32 40 20 80     eth0\nfd745e57fbce0000000000000000000e 32 40 00 82     eth0\n"
    "20010db8000000000000000000000001 33 40 00 01     eth0\nfd000000000000000000000000000001 34 40 00 80  docker0\n"
    "00000000000000000000000000000001 01 80 10 80       lo\n"
)
ROUTE6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd745e57fbce00000000000000000001 00000400 1 0 3     eth0\n"


@pytest.mark.parametrize(
    "files, address",
    [
        ({"/proc/net/if_inet6": IF_INET6, "/proc/net/ipv6_route": ROUTE6}, "fd74:5e57:fbce::e"),
        # A network of containers alone is not where users come from, nor is a host without a route.
        ({"/proc/net/if_inet6": IF_INET6, "/proc/net/ipv6_route": ROUTE6.replace("eth0", "lo")}, ""),
        ({"/proc/net/if_inet6": IF_INET6}, ""),
        ({"/proc/net/if_inet6": "", "/proc/net/ipv6_route": ROUTE6}, ""),
        ({}, ""),
    ],
)
def test_the_ipv6_address_is_that_of_the_default_route(files, address):
    assert firewall.find_public_address6(FakeHost(files)) == address


def test_interfaces_are_those_of_the_address_and_of_the_default_route():
    assert firewall.read_interfaces(with_firewalld(), "10.0.0.3") == ["eth0", "eth1"]
    assert firewall.read_interfaces(with_firewalld(), "203.0.113.5") == ["eth0"]
    assert firewall.read_interfaces(FakeHost(), "10.0.0.3") == []
