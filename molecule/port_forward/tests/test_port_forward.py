# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects as connections see them: from outside, from the host itself, and through it."""

import json
import time

import pytest

from tests.fleet import engine
from tests.lib.ansible_process import run_module
from tests.verify.load import THOROUGH

#: Seconds between two connections of a client: about two hundred a second of each, or fewer in CI.
PAUSE = 0.005 if THOROUGH else 0.05
PAIRS = [{"outside": 80, "inside": 8000}, {"outside": 443, "inside": 8001, "interface": "client0"}]
DESIRED = {
    "nftables": "nftables", "persistent": "iptables", "iptables": "iptables", "firewalld": "firewalld", "bare": "nftables",
}


@pytest.fixture(name="name")
def fixture_name(host):
    return host.ansible.get_variables()["inventory_hostname"]


def redirect(host, pairs=None, check=False, **more):
    """What the module reports, called with the pairs of the scenario or others."""
    arguments = {"pairs": PAIRS if pairs is None else pairs, "backend": "iptables" if "iptables" in more.pop("name", "") else "auto", **more}
    return run_module(host, "xitrum.host.port_redirect", arguments, check=check)


def ask(host, address, port, namespace="", seconds=0):
    """The answers of connections to an address and port, counted."""
    inside = f"ip netns exec {namespace} " if namespace else ""
    return json.loads(host.check_output(f"{inside}/usr/bin/python3 /usr/local/sbin/ask.py {seconds} {address} {port}"))


def everything(host):
    """All rules of the host but for the numbers that count packets; what a program is missing for reports nothing."""
    text = host.run("for program in iptables-save ip6tables-save 'nft --stateless list ruleset'; do $program 2>/dev/null; done; true").stdout
    lines = [line.split(" [")[0] if line.startswith(":") else line for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(lines)


def works(host):
    """The redirects are there: IPv4 and IPv6, from outside and on the loopback."""
    for address in ("127.0.0.1", "::1"):
        assert ask(host, address, 80) == {"8000": 1}
        assert ask(host, address, 443) == {"8001": 1}
    for address in ("10.99.1.1", "fd99:1::1"):
        assert ask(host, address, 80, "client") == {"8000": 1}
        assert ask(host, address, 443, "client") == {"8001": 1}


def test_a_connection_to_the_outside_port_reaches_the_inside_one(host):
    works(host)


def test_a_pair_of_an_interface_is_of_that_interface_only(host):
    assert ask(host, "10.99.1.1", 443, "client") == {"8001": 1}
    assert "8001" not in ask(host, "10.99.2.1", 443, "world")
    assert "8001" not in ask(host, "fd99:2::1", 443, "world")


@pytest.mark.parametrize("address", ["10.99.2.2", "fd99:2::2"])
def test_what_the_host_forwards_passes_untouched(host, address):
    assert ask(host, address, 80, "client") == {"world": 1}


def test_the_report_agrees_with_the_live_ruleset(host, name):
    result = redirect(host, check=True, name=name, probe=True)
    assert not result["changed"]
    assert result["backend"] == DESIRED[name]
    assert {(row["item"], row["desired"], row["configured"], row["effective"]) for row in result["rows"] if row["item"].startswith("port ")} == {
        (f"port {port} ({family})", *[text] * 3) for port, text in ((80, "8000"), (443, "8001 on client0")) for family in ("IPv4", "IPv6")}
    assert {row["status"] for row in result["rows"]} == {"ok"}
    assert sum(row["effective"] == "answers" for row in result["rows"]) == 4


def test_the_rules_of_others_are_as_they_were(host, name):
    """Without ours, all is as before the role ran; with ours, all of that is still there."""
    with_ours = everything(host)
    assert redirect(host, state="absent")["changed"]
    without = everything(host)
    assert not redirect(host, state="absent")["changed"]
    assert "xitrum" not in without.lower()
    if name != "bare":
        before = host.check_output("cat /var/tmp/rules-before")
        assert without == "\n".join(line.split(" [")[0] if line.startswith(":") else line for line in before.splitlines() if not line.startswith("#"))
    assert host.run("systemctl cat xitrum-host-redirects").rc != 0
    assert not host.file("/etc/xitrum.host").exists
    assert "xitrum" not in host.run("cat /etc/iptables/rules.* /etc/firewalld/direct.xml").stdout.lower()
    assert "8000" not in ask(host, "127.0.0.1", 80)
    assert redirect(host, name=name)["changed"]
    works(host)
    assert [line for line in without.splitlines() if line not in with_ours.splitlines()] == []


def test_no_connection_is_lost_while_the_inside_port_changes(host, name):
    flipped = [{**PAIRS[0], "inside": 8001}, PAIRS[1]]
    clients = {"127.0.0.1": "", "::1": "", "10.99.1.1": "ip netns exec client ", "fd99:1::1": "ip netns exec client "}
    units = [f"ask-{number}" for number in range(len(clients))]
    host.check_output("rm -f /run/queried-enough /tmp/ask-*")
    for unit, (address, inside) in zip(units, clients.items(), strict=True):
        host.check_output(f"systemd-run -q --collect --unit={unit} -p StandardOutput=file:/tmp/{unit} "
                          f"{inside}/usr/bin/python3 /usr/local/sbin/ask.py 900 {address} 80 {PAUSE}")
    for _turn in range(2):
        assert redirect(host, flipped, name=name)["changed"]
        assert redirect(host, name=name)["changed"]
    assert host.check_output(f"systemctl is-active {' '.join(units)}").split() == ["active"] * len(units)
    host.check_output(f"touch /run/queried-enough; while systemctl is-active {' '.join(units)}; do sleep 0.2; done")
    for unit in units:
        answers = json.loads(host.check_output(f"cat /tmp/{unit}"))
        assert set(answers) == {"8000", "8001"}, f"{unit}: {answers}"
    host.check_output("rm /run/queried-enough")
    works(host)


def test_another_back_end_leaves_nothing_in_the_old_one(host, name):
    if name in ("firewalld", "bare"):
        other = "nftables"
    else:
        other = "iptables" if DESIRED[name] == "nftables" else "nftables"
    result = redirect(host, backend=other)
    assert result["changed"] == (other != DESIRED[name])
    works(host)
    assert ("XITRUM" in host.run("iptables-save -t nat").stdout) == (other == "iptables")
    assert ("xitrum_host" in host.run("nft list tables").stdout) == (other == "nftables")
    assert "xitrum.host" not in host.run("iptables-save; cat /etc/firewalld/direct.xml").stdout
    redirect(host, name=name)
    works(host)


def test_values_that_cannot_be_stop_before_the_host_is_touched(host, name):
    before = everything(host)
    result = redirect(host, [
        *PAIRS, {"outside": 0, "inside": 8000}, {"outside": 81, "inside": 70000}, {"outside": 80, "inside": 8001},
        {"outside": 82, "inside": 82}, {"outside": 83, "inside": 8000, "interface": "nosuch0"}], name=name)
    assert not result["changed"]
    for sentence in (
        "found outside 0, expected a port from 1 to 65535", "found inside 70000, expected a port from 1 to 65535",
        "port 80 is redirected 2 times, to the ports 8000, 8001", "both ports are the same",
        "found the interface nosuch0, expected one of this host: client0, eth0, lo, world0",
    ):
        assert sentence in result["msg"]
    assert everything(host) == before


def test_a_program_that_holds_the_port_is_named_and_stopped_only_on_request(host, name):
    host.check_output("systemctl enable --now answer@81")
    pairs = [*PAIRS, {"outside": 81, "inside": 8001}]
    before = everything(host)
    result = redirect(host, pairs, name=name)
    assert not result["changed"]
    assert "port 81 is held by python3, pid " in result["msg"] and "answer@81.service" in result["msg"]
    assert "port_forward_stop_services: [answer@81]" in result["msg"]
    assert everything(host) == before
    assert host.service("answer@81").is_running

    result = redirect(host, pairs, name=name, stop_services=["answer@81"])
    assert result["changed"]
    assert ask(host, "127.0.0.1", 81) == {"8001": 1}
    assert not host.service("answer@81").is_running
    assert not host.service("answer@81").is_enabled
    assert not redirect(host, pairs, name=name, stop_services=["answer@81"])["changed"]
    assert redirect(host, name=name)["changed"]


def test_a_filter_that_drops_the_inside_port_is_named(host, name):
    if name == "bare":
        pytest.skip("the filter is nft's, as on the host nftables")
    make = {
        "nftables": "nft 'table inet closed { chain incoming { type filter hook input priority 0; policy drop; ct state established accept; "
                    "iif lo accept; tcp dport { 22, 80, 443, 8001 } accept; }; }'",
        "firewalld": "true",
    }.get(name, "iptables -A INPUT -p tcp --dport 22 -j ACCEPT && iptables -A INPUT -p tcp --dport 80 -j ACCEPT "
                "&& iptables -A INPUT ! -i lo -p tcp --dport 8000 -j DROP && iptables -A INPUT -p tcp --dport 8000 -j DROP")
    undo = {
        "nftables": "nft delete table inet closed", "firewalld": "true",
    }.get(name, "iptables -D INPUT -p tcp --dport 22 -j ACCEPT; iptables -D INPUT -p tcp --dport 80 -j ACCEPT; "
                "iptables -D INPUT ! -i lo -p tcp --dport 8000 -j DROP; iptables -D INPUT -p tcp --dport 8000 -j DROP")
    host.check_output(make)
    try:
        ports = [{"port": 80, "inside": 8000}, {"port": 443, "inside": 8001}]
        blocked, free = run_module(host, "xitrum.host.reach_info", {"find": "blocks", "ports": ports}, check=True)["ports"]
        answers = ask(host, "10.99.1.1", 80, "client")
        reached = redirect(host, check=True, name=name)
    finally:
        host.check_output(undo)
    # The redirects are as they should be whatever filters them.
    assert {row["status"] for row in reached["rows"]} == {"ok"}
    if name == "firewalld":
        assert blocked["rule"] == "" and blocked["answers"]
        assert answers == {"8000": 1}
        return
    # A chain's policy needs a rule that accepts; rules about the port alone are removed, both of them.
    command = blocked["command"]
    assert "8000" in command and (command.endswith(" accept") if name == "nftables" else command.count("iptables -D INPUT ") == 2)
    assert "8000" not in answers
    assert free["rule"] == ""


def test_a_redirect_by_something_else_stops_before_the_host_is_touched(host, name):
    make, undo = {
        "nftables": ("nft 'table ip web { map ports { type inet_service : verdict; }; chain go { meta l4proto tcp redirect to :8001; }; "
                     "chain pre { type nat hook prerouting priority -110; tcp dport vmap { 80 : goto go }; }; }'", "nft delete table ip web"),
        "bare": ("nft 'table inet web { chain pre { type nat hook prerouting priority -110; tcp dport { 70-90 } redirect to :8001; }; }'",
                 "nft delete table inet web"),
    }.get(name, ("iptables -t nat -N DOCKER && iptables -t nat -I PREROUTING -m addrtype --dst-type LOCAL -j DOCKER && iptables -t nat -A DOCKER "
                 "! -i docker0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80",
                 "iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; iptables -t nat -F DOCKER; iptables -t nat -X DOCKER"))
    host.check_output(make)
    try:
        before = everything(host)
        result = redirect(host, name=name)
        assert not result["changed"] and "port 80 is redirected by" in result["msg"]
        assert ("Docker" in result["msg"]) == (name not in ("nftables", "bare"))
        assert "port 443" not in result["msg"]
        assert everything(host) == before
    finally:
        host.check_output(undo)
    assert not redirect(host, name=name)["changed"]


def test_firewalld_is_opened_for_exactly_the_port_and_closed_again(host, name):
    """Behind a zone that drops everything the redirected port is reached, and the inside port itself only once it is opened."""
    if name != "firewalld":
        pytest.skip("firewalld runs on the host of that name")

    def firewall(**options):
        item = {"port": 8000, "public": 80}
        desired = {"firewall": {"address": "10.99.1.1", "ports": [item], **options}}
        return run_module(host, "xitrum.host.host_base", desired)

    def zones():
        return host.check_output("firewall-cmd --list-all-zones; firewall-cmd --permanent --list-all-zones")

    host.check_output("firewall-cmd -q --permanent --zone=trusted --remove-interface=client0")
    host.check_output("firewall-cmd -q --permanent --zone=drop --add-interface=client0 && firewall-cmd -q --reload")
    before = zones()
    try:
        assert ask(host, "10.99.1.1", 80, "client") == {"8000": 1}
        assert "8000" not in ask(host, "10.99.1.1", 8000, "client")
        assert firewall(open=True)["changed"]
        assert ask(host, "10.99.1.1", 8000, "client") == {"8000": 1}
        assert not firewall(open=True)["changed"]
        host.check_output("firewall-cmd -q --reload")
        assert ask(host, "10.99.1.1", 8000, "client") == {"8000": 1}
        assert firewall(open=False)["changed"]
        assert "8000" not in ask(host, "10.99.1.1", 8000, "client")
        assert zones() == before
        assert not host.file("/var/lib/xitrum.host/firewall.json").exists
    finally:
        host.check_output("firewall-cmd -q --permanent --zone=drop --remove-interface=client0")
        host.check_output("firewall-cmd -q --permanent --zone=trusted --add-interface=client0 && firewall-cmd -q --reload")


def test_a_flush_by_nftables_service_does_not_lose_them(host, name):
    if name not in ("nftables", "bare", "iptables"):
        pytest.skip("restored by another service than ours")
    # Debian's own file, or on the host nftables the one of prepare.yml: both begin with a flush.
    host.check_output(f"systemctl {'start' if name == 'iptables' else 'enable --now'} nftables")
    # systemctl waits for the unit that it was given, and not for ours, which are started behind it.
    wait_for_jobs = "while systemctl list-jobs --no-legend | grep -q xitrum-host; do sleep 0.1; done"
    host.check_output(wait_for_jobs)
    works(host)
    for action in ("reload nftables", "restart nftables", "stop nftables; systemctl start nftables"):
        host.check_output(f"systemctl {action}; {wait_for_jobs}")
        works(host)
    assert not redirect(host, name=name)["changed"]


def boot_state(container):
    """How far systemd is; empty where it does not answer yet."""
    try:
        # `degraded` is an exit code other than 0.
        return engine.attempt(container, "systemctl", "is-system-running")[1].strip()
    except engine.FleetError:
        return ""


def test_they_are_there_after_a_reboot(host, name):
    container = host.ansible.get_variables()["fleet_container"]
    host.check_output("touch /run/not-yet-rebooted")
    engine.restart(container, stop_seconds=20)
    # SSH is not there yet.
    for _attempt in range(600):
        if boot_state(container) in ("running", "degraded"):
            break
        time.sleep(0.5)
    assert not host.file("/run/not-yet-rebooted").exists
    works(host)
    assert not redirect(host, name=name)["changed"]
