# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port redirects: the plan for hosts as they were found, from what their programs printed."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import process, recorded
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan
from ansible_collections.xitrum.host.plugins.module_utils.redirects import boot as redirects_boot
from ansible_collections.xitrum.host.plugins.module_utils.redirects import component as redirects
from ansible_collections.xitrum.host.plugins.module_utils.redirects import firewalld as redirects_firewalld
from ansible_collections.xitrum.host.plugins.module_utils.redirects import nft as redirects_nft
from ansible_collections.xitrum.host.plugins.module_utils.redirects.rules import UNKNOWN, Rule, build_desired_rules, stop

from ..fake_host import FakeHost

DATA = pathlib.Path(__file__).parents[1] / "data" / "redirects"
#: What the hosts of the data were set to.
PAIRS = [{"outside": 80, "inside": 8000, "interface": None}, {"outside": 443, "inside": 8001, "interface": "client0"}]
SHOW = ("systemctl show --no-pager --property=Id,Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload -- "
        "firewalld.service nftables.service iptables.service netfilter-persistent.service "
        "xitrum-host-redirects.service xitrum-host-redirects-again.service")
LISTEN = "LISTEN 0 128 0.0.0.0:80 0.0.0.0:* users:((\"apache2\",pid=71,fd=4)) ino:1 sk:1 cgroup:x <->\n"


def data(name):
    return (DATA / name).read_text()


def desired(**more):
    return {"state": "present", "backend": "auto", "pairs": PAIRS, "loopback": True, "stop_services": [], "probe": False, **more}


def bare(**more):
    """A host with systemd and two interfaces, and nothing that filters."""
    files = {"/proc/net/if_inet6": "", "/run/systemd/system/x": "", "/sys/class/net/client0": "", "/sys/class/net/lo": "", **more.pop("files", {})}
    commands = {"ss -H -l -t -n -e": "", SHOW: "", **more.pop("commands", {})}
    return FakeHost(files, commands, **more)


def with_nft(listed="nft-1.0.6-ours.json", **more):
    """The host `nftables` of the data: all is in sync."""
    rules = build_desired_rules(PAIRS, True, ["ipv4", "ipv6"])
    files = {redirects_nft.FILE: redirects_nft.render(rules), **more.pop("files", {})}
    commands = {"nft -j list ruleset": data(listed), SHOW: data("units.txt"), **more.pop("commands", {})}
    host = bare(files=files, commands=commands, **more)
    for unit in redirects_boot.UNITS:
        host.files[redirects_boot.get_path(unit)] = redirects_boot.render_unit(unit, "nftables", ["ipv4", "ipv6"], {"nft": "/usr/bin/nft"})
    return host


def with_iptables(**more):
    """The host `persistent` of the data."""
    commands = {
        "iptables -V": "", "ip6tables -V": "", "iptables-save": data("iptables-save-1.8.9-nft.txt"), "ip6tables-save": data("ip6tables-save-1.8.9-nft.txt"),
        SHOW: data("units-persistent.txt"), **more.pop("commands", {})}
    files = {"/etc/iptables/rules.v4": data("rules.v4"), "/etc/iptables/rules.v6": data("rules.v6"), **more.pop("files", {})}
    links = {"/usr/bin/iptables": "xtables-nft-multi", "/usr/bin/ip6tables": "xtables-nft-multi"}
    return bare(files=files, commands=commands, links=links, **more)


def with_firewalld(**more):
    """The host `firewalld` of the data."""
    commands = {
        "iptables -V": "", "ip6tables -V": "", "iptables-save": data("iptables-save-1.8.9-firewalld.txt"),
        "ip6tables-save": data("ip6tables-save-1.8.9-firewalld.txt"),
        "nft -j list ruleset": data("nft-1.0.6-firewalld.json"), "firewall-cmd --version": "1.3.3",
        "firewall-cmd --direct --get-all-rules": data("get-all-rules.txt"),
        SHOW: "Id=firewalld.service\nNames=firewalld.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n",
        **more.pop("commands", {})}
    links = {"/usr/bin/iptables": "xtables-nft-multi", "/usr/bin/ip6tables": "xtables-nft-multi"}
    return bare(files={redirects_firewalld.FILE: data("direct.xml"), **more.pop("files", {})}, commands=commands, links=links, **more)


HOSTS = {"nftables": with_nft, "iptables": with_iptables, "firewalld": with_firewalld}


def planned(host, **more):
    return redirects.plan(desired(**more), redirects.read(host, desired(**more)))


def words(plan):
    """The commands of a plan."""
    return [" ".join(step.argv) for step in plan.actions if step.argv]


def first(plan, start):
    """Which of a plan's commands is the first that begins so."""
    return next(number for number, text in enumerate(words(plan)) if text.startswith(start))


def item(plan, name):
    return next(row for row in plan.rows if row.item == name)


@pytest.mark.parametrize("pairs, moves", [
    (PAIRS, False), ([{**PAIRS[0], "inside": 9000}, *PAIRS[1:]], True), ([{**pair, "inside": 9000 + number} for number, pair in enumerate(PAIRS)], True),
    (PAIRS[1:], False), ([{**PAIRS[-1], "inside": 9000}], True), ([*PAIRS, {"outside": 81, "inside": 8001}], False), ([], False)])
def test_whether_a_port_only_leads_elsewhere(pairs, moves):
    assert planned(with_nft(), pairs=pairs).facts["moves"] is moves
    assert planned(bare(), pairs=pairs).facts["moves"] is False


def test_a_port_on_which_a_program_listens_is_nothing_to_wait_for():
    pairs = [{**pair, "inside": 9000} for pair in PAIRS]
    listens = {"ss -H -l -t -n -e": 'LISTEN 0 128 *:9000 *:* users:(("java",pid=7,fd=3)) ino:1\n'}
    assert planned(with_nft(), pairs=pairs).facts["moves"] is True
    assert planned(with_nft(commands=listens), pairs=pairs).facts["moves"] is False


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_that_is_in_sync_is_left_alone(name):
    plan = planned(HOSTS[name]())
    assert (plan.facts["backend"], list(plan.actions), list(plan.errors)) == (name, [], [])
    assert {row.status for row in plan.rows} == {"ok"}
    assert [(row.item, row.desired, row.configured, row.effective) for row in plan.rows[:4]] == [
        ("port 80 (IPv4)", "8000", "8000", "8000"), ("port 80 (IPv6)", "8000", "8000", "8000"),
        ("port 443 (IPv4)", *["8001 on client0"] * 3), ("port 443 (IPv6)", *["8001 on client0"] * 3)]


@pytest.mark.parametrize("name", HOSTS)
def test_absent_removes_ours_only(name):
    plan = planned(HOSTS[name](), state="absent")
    assert plan.actions
    text = "\n".join([*words(plan), *(step.text for step in plan.actions)])
    # The rule for 8888 and the filter for port 9 are those of others.
    assert "8888" not in " ".join(words(plan))
    assert "flush ruleset" not in text and "-F PREROUTING" not in text
    for step in plan.actions:
        if step.path.startswith("/etc/iptables/rules"):
            assert "XITRUM" not in step.text and ("8888" in step.text) == step.path.endswith("v4") and "--dport 9 " in step.text


@pytest.mark.parametrize("name", HOSTS)
def test_no_pairs_are_the_same_as_absent(name):
    host = HOSTS[name]()
    assert list(planned(host, pairs=[]).actions) == list(planned(host, state="absent").actions)


def test_a_bare_host_gets_nftables_and_its_package():
    plan = planned(bare())
    assert plan.facts["backend"] == "nftables" and plan.facts["packages"] == ["nftables"]
    assert [step.path for step in plan.actions if step.kind == "write"] == [redirects_nft.FILE, *map(redirects_boot.get_path, redirects_boot.UNITS)]
    assert words(plan)[:2] == ["nft -c -f -", "nft -f -"]
    assert words(plan)[-3:] == [
        "systemctl daemon-reload", f"systemctl enable {' '.join(redirects_boot.UNITS)}", "systemctl start xitrum-host-redirects.service"]


@pytest.mark.parametrize("backend, packages", [("iptables", ["iptables"]), ("firewalld", ["firewalld", "iptables"])])
def test_a_back_end_that_is_requested_brings_its_package(backend, packages):
    assert planned(bare(), backend=backend).facts["packages"] == packages
    assert planned(bare(), backend=backend, state="absent").facts["packages"] == []


@pytest.mark.parametrize("listed", ["nft-0.9.8-ours.json", "nft-1.1.3-ours.json"])
def test_every_version_of_nft_is_understood(listed):
    pairs = [{"outside": 80, "inside": 8000, "interface": None}, {"outside": 443, "inside": 4430, "interface": "eth0"}]
    objects = redirects_nft.parse(data(listed))
    assert redirects_nft.parse_effective({"objects": objects}, ["ipv4", "ipv6"]) == build_desired_rules(pairs, True, ["ipv4", "ipv6"])


def test_a_change_of_a_pair_is_one_transaction():
    plan = planned(with_nft(), pairs=[{**PAIRS[0], "inside": 8001}, PAIRS[1]])
    assert words(plan) == ["nft -c -f -", "nft -f -"]
    text = next(step.text for step in plan.actions if step.argv == ("nft", "-f", "-"))
    assert text.splitlines()[1:4] == ["table inet xitrum_host", "delete table inet xitrum_host", "table inet xitrum_host {"]
    plan = planned(with_iptables(), pairs=[{**PAIRS[0], "inside": 8001}, PAIRS[1]])
    assert words(plan) == ["iptables-restore --wait --noflush --test", "ip6tables-restore --wait --noflush --test",
                           "iptables-restore --wait --noflush", "ip6tables-restore --wait --noflush"]


def test_firewalld_gets_the_new_rule_before_the_old_one_goes():
    plan = planned(with_firewalld(), pairs=[{**PAIRS[0], "inside": 8001}, PAIRS[1]])
    for program in ("firewall-cmd --permanent --direct", "firewall-cmd --direct"):
        for chain in ("ipv4 nat PREROUTING", "ipv6 nat OUTPUT"):
            assert first(plan, f"{program} --add-rule {chain} 0") < first(plan, f"{program} --remove-rule {chain} 0")


def test_firewalld_that_does_not_run_is_written_to_offline():
    unit_text = "Id=firewalld.service\nNames=firewalld.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
    host = with_firewalld(commands={SHOW: unit_text, "iptables-save": "", "ip6tables-save": ""}, files={redirects_firewalld.FILE: ""})
    plan = planned(host, backend="firewalld")
    assert words(plan) and {text.split()[0] for text in words(plan)} == {"firewall-offline-cmd"}
    host.files[redirects_firewalld.FILE] = data("direct.xml")
    plan = planned(host, backend="firewalld")
    assert not plan.changed
    assert (item(plan, "port 80 (IPv4)").status, item(plan, "port 80 (IPv4)").fix) == ("drift", "systemctl start firewalld")


def test_a_rule_that_the_kernel_lost_is_put_back_past_firewalld():
    match = "-d 127.0.0.1/32 -p tcp -m tcp --dport 80 "
    lost = "\n".join(line for line in data("iptables-save-1.8.9-firewalld.txt").splitlines() if match not in line)
    plan = planned(with_firewalld(commands={"iptables-save": lost}))
    assert words(plan) == [f"iptables --wait -t nat -A OUTPUT {match}-m comment --comment xitrum.host -j REDIRECT --to-ports 8000"]


@pytest.mark.parametrize("old, new", [("nftables", "iptables"), ("iptables", "nftables"), ("firewalld", "nftables")])
def test_another_back_end_comes_before_the_old_one_goes(old, new):
    host = HOSTS[old](commands={} if old != "nftables" else {"iptables -V": "", "ip6tables -V": "", "iptables-save": "", "ip6tables-save": ""})
    plan = planned(host, backend=new)
    comes = {"nftables": "nft -f -", "iptables": "iptables-restore --wait --noflush"}[new]
    goes = {"nftables": "nft delete table inet xitrum_host", "iptables": "iptables-restore --wait --noflush",
            "firewalld": "firewall-cmd --permanent --direct --remove-rule"}[old]
    assert words(plan).index(comes) < first(plan, goes)
    assert item(plan, f"redirects in {old}").status == "drift"


def test_iptables_on_a_host_of_firewalld_is_refused():
    plan = planned(with_firewalld(), backend="iptables")
    assert not plan.actions and "its next reload would remove the rules" in plan.errors[0]


def test_legacy_iptables_is_used_where_the_host_uses_it_and_not_loaded_otherwise():
    links = {"/usr/bin/iptables": "xtables-legacy-multi", "/usr/bin/ip6tables": "xtables-legacy-multi"}
    commands = {"iptables -V": "", "ip6tables -V": "", "iptables-save": data("iptables-save-1.8.7-legacy.txt"), "ip6tables-save": ""}
    host = bare(commands=commands, links=links)
    assert planned(host).facts["backend"] == "nftables"
    assert ("run", "iptables-save") not in host.done
    host.files["/proc/net/ip_tables_names"] = "filter\nnat\n"
    plan = planned(host, pairs=[PAIRS[0]])
    assert plan.facts["backend"] == "iptables"
    assert item(plan, "port 80 (IPv4)").effective == "8000"


def test_without_systemd_the_redirects_are_live_and_the_report_reports_what_is_missing():
    host = bare()
    del host.files["/run/systemd/system/x"]
    plan = planned(host)
    assert words(plan) == ["nft -c -f -", "nft -f -"]
    assert (item(plan, "redirects at boot").status, "nothing restores" in item(plan, "redirects at boot").why) == ("absent", True)


def test_a_host_without_ipv6_gets_ipv4_only():
    host = bare()
    del host.files["/proc/net/if_inet6"]
    plan = planned(host)
    assert "ip6" not in "".join(step.text for step in plan.actions if step.path == redirects_nft.FILE)
    assert item(plan, "port 80 (IPv6)").status == "absent"


def test_an_edited_table_is_rewritten():
    objects = json.loads(data("nft-1.0.6-ours.json"))
    rule = next(entry["rule"] for entry in objects["nftables"] if entry.get("rule", {}).get("table") == "xitrum_host")
    rule["expr"].insert(0, {"counter": {"packets": 1, "bytes": 60}})
    host = with_nft(commands={"nft -j list ruleset": json.dumps(objects)})
    plan = planned(host)
    assert words(plan) == ["nft -f -"]
    assert UNKNOWN in redirects_nft.parse_effective(redirects.read(host, desired())["nftables"], ["ipv4", "ipv6"])


def test_rules_that_cannot_be_read_are_an_error_and_never_written_blindly():
    plan = planned(with_nft(commands={"nft -j list ruleset": (1, "", "Operation not permitted (you must be root)")}))
    assert not plan.actions and "set become" in plan.errors[0]


@pytest.mark.parametrize("pairs, sentence", [
    ([(0, 8000, None)], "found outside 0, expected a port from 1 to 65535"),
    ([(80, 70000, None)], "found inside 70000, expected a port from 1 to 65535"),
    ([(80, 8000, None), (80, 8001, "client0")], "port 80 is redirected 2 times, to the ports 8000, 8001; expected one"),
    ([(80, 80, None)], "both ports are the same"),
    ([(80, 8000, "nosuch0")], "found the interface nosuch0, expected one of this host: client0, lo"),
    ([(80, 8000, "../lo")], "found the interface ../lo"),
    ([(80, 8000, 'lo" accept; #')], "expected one of this host"),
])
def test_values_that_cannot_be(pairs, sentence):
    plan = planned(bare(), pairs=[dict(zip(("outside", "inside", "interface"), pair, strict=True)) for pair in pairs])
    assert not plan.actions and any(sentence in error for error in plan.errors)


def holding(text=LISTEN, **more):
    unit = "Id=apache2.service\nLoadState=loaded\nControlGroup=/docker/0123456789abcdef/system.slice/system-answer.slice/apache2.service\n"
    shown = f"systemctl show --no-pager --property={','.join(process.UNIT_PROPERTIES)} -- apache2.service"
    return bare(commands={"ss -H -l -t -n -e": text, shown: unit, **more}, files={"/proc/71/cgroup": data("cgroup.txt").replace("answer@8000", "apache2")})


def test_a_program_that_holds_the_port_is_named_with_its_unit():
    plan = planned(holding())
    assert list(plan.errors) == [
        "redirects: port 80 is held by apache2, pid 71, apache2.service, which a redirect would cut off: have it stopped and "
        "disabled with port_forward_stop_services: [apache2], or take the pair out"
    ]
    assert not plan.actions


def test_an_instance_of_the_application_gets_how_it_leaves_the_port():
    plan = planned(holding(LISTEN.replace('"apache2"', '"java"')))
    assert plan.errors[0].endswith("An instance of the application leaves the port by a run with xitrum_port_forward: false")


def test_how_a_service_was_is_written_down_before_it_is_stopped():
    unit_text = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
    host = FakeHost(commands={"systemctl show --no-pager --property=LoadState,ActiveState,UnitFileState -- apache2.service": unit_text,
                              "systemctl disable --now apache2.service": ""})
    redirects.apply(host, Plan(actions=[stop("apache2.service")]))
    assert recorded.read(host)["units"] == {"apache2.service": {"boot": "enabled", "active": "active"}}
    assert host.done[-1] == ("run", "systemctl disable --now apache2.service")


def test_a_named_service_is_stopped_after_the_redirects_are_there():
    unit_text = "Id=apache2.service\nNames=apache2.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
    plan = planned(holding(**{f"{SHOW} apache2.service": unit_text}), stop_services=["apache2"])
    assert list(plan.errors) == []
    assert words(plan)[-1] == "systemctl disable --now apache2.service"
    assert item(plan, "apache2.service").status == "drift"


@pytest.mark.parametrize("address, more, held", [
    ("127.0.0.1:80", {}, True), ("127.0.0.1:80", {"loopback": False}, False), ("10.0.0.1%client0:80", {}, True),
    ("10.0.0.1%other0:80", {"pairs": [{"outside": 80, "inside": 8000, "interface": "client0"}]}, False), ("0.0.0.0:8080", {}, False),
])
def test_only_a_listener_that_would_be_cut_off_is_an_error(address, more, held):
    assert bool(planned(holding(LISTEN.replace("0.0.0.0:80 ", f"{address} ")), **more).errors) == held


def test_a_group_named_by_a_user_is_not_the_unit_of_a_process():
    host = holding()
    host.files["/proc/71/cgroup"] = "0::/user.slice/user-1000.slice/session-3.scope/x; reboot #.service\n"
    assert planned(host).errors[0].startswith("redirects: port 80 is held by apache2, pid 71, which a redirect would cut off: end it (kill 71)")
    assert list(planned(host).report()["fixes"].values()) == [[["kill", "71"]]]


def test_a_rule_made_by_hand_is_named_and_stops_the_run_before_it_changes_anything():
    text = data("iptables-save-1.8.9-nft.txt").replace("-A PREROUTING -p tcp -m tcp --dport 8888 ", "-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 ")
    plan = planned(with_iptables(commands={"iptables-save": text}, files={"/sys/class/net/eth0": ""}))
    assert "iptables -t nat -D PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8000" in plan.errors[0]
    assert plan.errors[0].startswith("redirects: port 80 is redirected by the rule ")
    assert list(plan.actions) == []
    # It comes in by an interface that this host does not have.
    assert list(planned(with_iptables(commands={"iptables-save": text})).errors) == []


@pytest.mark.parametrize("inside, outside, status", [(True, True, "ok"), (True, False, "drift"), (False, False, "not_readable")])
def test_a_connection_is_compared_with_one_to_the_inside(inside, outside, status):
    host = with_nft()
    host.connect = lambda _address, port, _seconds: ("open" if (outside if port < 1024 else inside) else "refused", "")
    plan = planned(host, probe=True)
    assert {row.status for row in plan.rows if row.item.startswith("connection")} == {status}


def test_what_tracking_connections_needs_is_reported():
    host = with_nft(files={"/proc/sys/net/netfilter/nf_conntrack_max": "262144\n"})
    assert planned(host).facts["conntrack"] == {"modules": ["nf_conntrack"], "loaded": True, "max": 262144, "count": None}
    assert planned(with_nft(), state="absent").facts["conntrack"] == {"modules": [], "loaded": False, "max": None, "count": None}


def test_a_disabled_unit_is_enabled_again():
    plan = planned(with_nft(commands={SHOW: data("units.txt").replace("UnitFileState=enabled", "UnitFileState=disabled")}))
    assert words(plan) == [f"systemctl enable {' '.join(redirects_boot.UNITS)}"]
    assert item(plan, "redirects at boot").status == "drift"


def test_the_steps_are_taken_and_a_failure_reports_what_the_command_reported():
    host = bare(commands={"nft -c -f -": "", "nft -f -": (1, "", "Error: Could not process rule"), "nft -j list ruleset": ""})
    with pytest.raises(RuntimeError, match="nft -f - failed with exit code 1: Error: Could not process rule"):
        redirects.apply(host, planned(host))
    assert redirects_nft.FILE in host.files


def test_a_removed_file_takes_its_empty_folder_along():
    commands = ("nft delete table inet xitrum_host", f"systemctl disable --now {' '.join(redirects_boot.UNITS)}", "systemctl daemon-reload")
    host = with_nft(commands=dict.fromkeys(commands, ""))
    redirects.apply(host, planned(host, state="absent"))
    assert not host.exists("/etc/xitrum.host") and not host.listdir(redirects_boot.FOLDER)


def test_what_the_rules_of_a_pair_are_called():
    rules = [Rule("outside", "ipv4", "", 80, 8000)]
    plan = planned(bare(), loopback=False, pairs=[PAIRS[0]])
    assert item(plan, "port 80 (IPv4)").desired == "8000, not on the loopback"
    assert build_desired_rules([PAIRS[0]], False, ["ipv4"]) == rules


def test_the_unit_can_be_loaded_any_number_of_times():
    text = redirects_boot.render_unit(redirects_boot.UNIT, "iptables", ["ipv4", "ipv6"], {"iptables": "/usr/sbin/iptables", "ip6tables": "/usr/sbin/ip6tables"})
    starts = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert [line.replace("ExecStart", "ExecReload") for line in starts] == [line for line in text.splitlines() if line.startswith("ExecReload=")]
    # A jump is added only where -C does not find it.
    assert all(" -C " in line for line in starts if " -A " in line) and len(starts) == 6
    again = redirects_boot.render_unit(
        redirects_boot.AGAIN, "iptables", ["ipv4", "ipv6"], {"iptables": "/usr/sbin/iptables", "ip6tables": "/usr/sbin/ip6tables"}
    )
    # One that stays active would not be started a second time.
    assert [line for line in again.splitlines() if line.startswith("ExecStart=")] == starts and "RemainAfterExit" not in again
    assert "PartOf=nftables.service" in text and "ReloadPropagatedFrom=nftables.service" in text


@pytest.mark.parametrize("stat, target, message", [
    (Stat("file", 0o666, "root", "root", 0), "/srv/rules", "/srv/rules has the mode 0666, so every user may change it"),
    (None, "/etc/iptables/rules.v4", "leads in a circle")])
def test_a_saved_file_that_is_not_roots_alone_is_an_error(stat, target, message):
    host = with_iptables()
    host.files["/srv/rules"] = host.files.pop("/etc/iptables/rules.v4")
    host.links["/etc/iptables/rules.v4"] = target
    host.stats.update({"/srv/rules": stat} if stat else {})
    errors = planned(host, pairs=[{"outside": 80, "inside": 9000}]).errors
    assert len(errors) == 1 and message in errors[0]


def test_a_saved_file_that_is_a_link_has_its_targets_mode():
    host = with_iptables()
    host.files["/srv/rules"] = host.files.pop("/etc/iptables/rules.v4")
    host.links["/etc/iptables/rules.v4"] = "/srv/rules"
    host.stats["/srv/rules"] = Stat("file", 0o640, "root", "adm", 0)
    steps = planned(host, pairs=[{"outside": 80, "inside": 9000}]).actions
    redirects.apply(host, Plan(actions=[step for step in steps if step.path == "/etc/iptables/rules.v4"]))
    assert host.stats["/srv/rules"][:4] == ("file", 0o640, "root", "adm")
    assert host.links["/etc/iptables/rules.v4"] == "/srv/rules" and "9000" in host.files["/srv/rules"]


V4, V6 = "ipv4", "ipv6"


@pytest.mark.parametrize(("live", "pairs", "listening", "expected"), [
    ([(80, 8000)], [(80, 9000)], {8000}, True),
    ([(80, 8000)], [(80, 9000)], {8000, 9000}, False),
    ([(80, 8000), (443, 4430)], [(80, 8000), (443, 4431)], {8000, 4430}, True),
    # HTTPS is turned off or on in the same run: port 80 must not lead nowhere meanwhile.
    ([(80, 8000), (443, 4430)], [(80, 9000)], {8000, 4430}, True),
    ([(80, 8000)], [(80, 9000), (443, 4430)], {8000}, True),
    # What has no redirect yet loses nothing, and one that goes is not to wait.
    ([(80, 8000)], [(80, 8000), (443, 4430)], {8000}, False),
    ([(80, 8000), (443, 4430)], [(80, 8000)], {8000, 4430}, False),
    ([(80, 8000)], [], {8000}, False),
    ([], [(80, 8000)], set(), False),
])
def test_a_redirect_moves_only_where_another_port_does_not_answer_yet(live, pairs, listening, expected):
    def rules(some):
        return build_desired_rules([{"outside": outside, "inside": inside} for outside, inside in some], True, [V4, V6])

    assert redirects.moves(rules(pairs), rules(live), listening) is expected


def test_the_live_redirects_are_reported_as_pairs_with_which_they_can_be_restored():
    rules = build_desired_rules(PAIRS, True, [V4, V6])
    found = redirects.list_live_pairs(rules)
    assert found == [{"outside": 80, "inside": 8000}, {"outside": 443, "inside": 8001, "interface": "client0"}]
    assert build_desired_rules(found, True, [V4, V6]) == rules
    assert redirects.list_live_pairs([UNKNOWN]) == []
    assert redirects.plan(desired(), redirects.read(with_nft(), desired())).facts["pairs"] == found
