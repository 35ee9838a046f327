# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component proxy, with HAProxy as the example: what a host has is compared with the desired state, and nothing is replaced that was not checked."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import recorded
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.proxy import component as proxy_config
from ansible_collections.xitrum.host.plugins.module_utils.proxy import haproxy_socket
from ansible_collections.xitrum.host.plugins.module_utils.proxy import original as proxy_original
from ansible_collections.xitrum.host.plugins.module_utils.proxy import text as proxy_text
from ansible_collections.xitrum.host.plugins.module_utils.proxy.kinds import haproxy as proxy_haproxy

from ..fake_host import FakeHost

DATA = pathlib.Path(__file__).parents[1] / "data" / "haproxy"
CONFIG = (DATA / "haproxy.cfg").read_text().replace("xitrum.host-" + proxy_text.find_stamp((DATA / "haproxy.cfg").read_text()), proxy_text.PLACEHOLDER)
PEM = {"path": "/etc/haproxy/xitrum/site.pem", "content": "-----BEGIN SECRET-----\n", "mode": "0600"}
DROP_IN = {"path": "/etc/systemd/system/haproxy.service.d/xitrum.conf", "content": "[Service]\n", "mode": "0644"}
PATH = "/etc/haproxy/haproxy.cfg"
SHOW = "systemctl show --no-pager --property=LoadState,ActiveState,UnitFileState,MainPID,NeedDaemonReload -- haproxy.service"
RAISE = "sh -c ulimit -HSn 1048576"
CHECK = f"haproxy -c -f {proxy_config.TRIAL}/config"


def desired(config=CONFIG, **more):
    defaults = {name: option.get("default") for name, option in proxy_config.SPEC.items()}
    return {**defaults, "config": config, "pems": [PEM], "files": [DROP_IN], "ports": [80, 443, 8404], "wait_seconds": 0,
            "programs": ["socat"], "config_path": PATH, "service": "haproxy", "packages": ["haproxy", "socat"], **more}


def unit(**more):
    values = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "MainPID": "100", "NeedDaemonReload": "no", **more}
    return "".join(f"{name}={value}\n" for name, value in values.items())


def limits(number):
    return f"Max open files            {number}                {number}                files     \n"


def listening(port, process):
    return f'LISTEN 0 4096 0.0.0.0:{port} 0.0.0.0:* users:(("{process}",pid=7,fd=3)) ino:1 sk:1\n'


class Machine(FakeHost):
    """A host on which everything is in sync, until a test reports otherwise."""

    def __init__(self, want, **commands):
        text = proxy_text.stamp_config(want["config"], want["pems"])
        self.description = "xitrum.host-" + proxy_text.compute_digest(want["config"], want["pems"])
        self.refuses = None
        super().__init__(
            files={PATH: text, PEM["path"]: PEM["content"], DROP_IN["path"]: DROP_IN["content"], "/run/systemd/system/x": "",
                   "/proc/net/if_inet6": "", "/proc/sys/fs/nr_open": "1048576\n", "/proc/100/limits": limits(20000), "/proc/1/limits": limits(20000),
                   "/proc/101/limits": limits(20000), "/proc/100/task/100/children": "101 ", "/proc/100/root/var/lib/haproxy/dev/log": ""},
            stats={PEM["path"]: Stat("file", 0o600, "root", "root", 0)},
            commands={"haproxy -v": "HAProxy version 3.0.11 2026/11/18 - https://haproxy.org/\n", SHOW: unit(), "socat": "", RAISE: (2, "", "refused"),
                      "ss -H -l -t -n -e": listening(80, "haproxy"), CHECK: (0, "Configuration file is valid\n", ""),
                      "journalctl --no-pager -q -o cat -n 15 -u haproxy.service": "the end of the log\n",
                      **{f"systemctl {verb}": "" for verb in ("daemon-reload", "enable haproxy.service", "start haproxy.service", "reload haproxy.service")},
                      **commands})

    def ask(self, _host, path, command, timeout=5.0):
        if self.refuses:
            raise self.refuses
        return {
            "show info": f"Version: 3.0.11\nPid: 101\nMaxconn: 9970\ndescription: {self.description}\n\n",
            "show stat": (DATA / "stat-3.0.txt").read_text(),
            "show servers state": (DATA / "servers_state-3.0.txt").read_text().replace(" 2 8 1 1 ", " 2 0 1 1 "),
        }[command]


def planned(machine, want, ask=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(haproxy_socket, "ask", ask or machine.ask)
        return proxy_config.plan(want, proxy_config.read(machine, want))


def kinds(plan):
    return [kind if kind != "write" else f"write {item['path']}" for kind, item in plan.actions]


def row(plan, item):
    return next(row for row in plan.rows if row.item == item)


# --------------------------------------------------------------------------------------------------------- planning

def test_where_all_is_so_nothing_is_done():
    plan = planned(Machine(desired()), desired())
    assert (list(plan.actions), list(plan.errors)) == ([], [])
    assert row(plan, "configuration").effective == proxy_text.compute_digest(CONFIG, [PEM])
    assert row(plan, "connections").effective == "9970"
    assert row(plan, "open files").effective == "20000"


@pytest.mark.parametrize("admin, waited", [("ready", True), ("maint", False), ("drain", False)])
def test_a_server_that_is_down_is_waited_for_unless_it_was_disabled(monkeypatch, admin, waited):
    calls, clock = [], iter(range(100))
    monkeypatch.setattr(proxy_config.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(proxy_config.time, "sleep", lambda seconds: None)
    read = {"servers": [{"admin": admin, "status": "DOWN"}]}
    monkeypatch.setattr(proxy_haproxy.Haproxy, "read_live", lambda _self, host, desired: calls.append(host) or read)
    proxy_config.wait_for_servers(None, {"wait_seconds": 3, "software": "haproxy"})
    assert (len(calls) > 1) is waited


def test_an_empty_host_gets_everything_in_order():
    machine = Machine(desired())
    machine.files = {"/run/systemd/system/x": "", "/proc/net/if_inet6": "", "/proc/sys/fs/nr_open": "1048576\n", "/proc/1/limits": limits(20000)}
    machine.stats = {}
    machine.commands = {SHOW: unit(LoadState="not-found", ActiveState="inactive", UnitFileState="", MainPID="0"), RAISE: ""}
    machine.refuses = FileNotFoundError("no socket")
    plan = planned(machine, desired())
    assert kinds(plan) == ["install", "install", f"write {DROP_IN['path']}", f"write {PEM['path']}", f"write {PATH}", "daemon-reload", "enable", "start"]
    assert list(plan.errors) == []
    assert "SECRET" not in plan.after + str(plan.report())
    assert "frontend xitrum_http" in plan.after


def test_a_lost_reload_is_found_though_the_file_is_right():
    machine = Machine(desired())
    machine.description = "xitrum.host-000000000000"
    plan = planned(machine, desired())
    assert kinds(plan) == ["reload"]
    assert (row(plan, "configuration").effective, row(plan, "configuration").status) == ("000000000000", "drift")


@pytest.mark.parametrize("change", [
    {"config": CONFIG + "# more\n"}, {"pems": [{**PEM, "content": "another"}]},
])
def test_a_change_is_a_reload_and_never_a_restart(change):
    plan = planned(Machine(desired()), desired(**change))
    assert kinds(plan)[-1] == "reload"
    assert not {"start", "restart", "enable"} & set(kinds(plan))


def test_an_upgraded_package_is_taken_up_by_a_reload():
    machine = Machine(desired(), **{"haproxy -v": "HAProxy version 3.0.12 2026/12/01 - https://haproxy.org/\n"})
    assert kinds(planned(machine, desired())) == ["reload"]


def test_the_drop_in_alone_needs_no_reload():
    machine = Machine(desired())
    machine.files[DROP_IN["path"]] = "old"
    assert kinds(planned(machine, desired())) == [f"write {DROP_IN['path']}", "daemon-reload"]


def test_an_unmanaged_configuration_is_kept_once():
    machine = Machine(desired())
    machine.files[PATH] = "theirs\n"
    assert kinds(planned(machine, desired()))[:2] == ["keep", f"write {PATH}"]
    applied(machine, desired())
    assert machine.files[PATH + proxy_config.KEPT] == "theirs\n"
    machine.files[PATH] = "theirs again\n"
    assert "keep" not in kinds(planned(machine, desired()))


@pytest.mark.parametrize("path", [PATH, DROP_IN["path"]])
def test_a_diff_shows_nothing_of_a_file_that_others_wrote(path):
    """A userlist has passwords in it, and a diff goes to the screen and into the log of a run."""
    machine = Machine(desired())
    theirs = "global\nuserlist admins\n    user root insecure-password hunter2\n# near the end: xitrum.host\n"
    machine.files[path] = theirs
    plan = planned(machine, desired())
    assert f"# {path}\n(4 lines of others are not shown)\n" in plan.before and "hunter2" not in plan.before
    assert "hunter2" not in plan.after and plan.after


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_configuration_for_the_eyes_of_root_stays_so_and_its_copy_too(mode):
    machine = Machine(desired())
    machine.files[PATH], machine.stats[PATH] = "userlist admins\n", Stat("file", mode, "root", "haproxy", 0)
    applied(machine, desired())
    for path in (PATH, PATH + proxy_config.KEPT):
        assert machine.stats[path][:4] == ("file", mode, "root", "haproxy")
    changed = desired(config=CONFIG + "# more\n")
    item = next(item for kind, item in planned(machine, changed).actions if kind == "write" and item["path"] == PATH)
    assert (item["mode"], item["owner"], item["group"]) == (f"{mode:04o}", "root", "haproxy")


def linked(text="theirs\n", mode=0o640, target="/srv/conf/haproxy.cfg", **stats):
    """A host whose configuration is a link, and its target for a group's eyes only."""
    machine = Machine(desired())
    del machine.files[PATH]
    machine.links[PATH] = target
    if text is not None:
        machine.files["/srv/conf/haproxy.cfg"] = text
        machine.stats["/srv/conf/haproxy.cfg"] = Stat("file", mode, "root", "haproxy", 0)
    machine.stats.update(stats)
    return machine


@pytest.mark.parametrize("target", ["/srv/conf/haproxy.cfg", "../../srv/conf/haproxy.cfg"])
def test_a_linked_configuration_stays_a_link_and_comes_back_as_it_was(target):
    machine = linked(target=target)
    applied(machine, desired())
    assert machine.links[PATH] == target and PATH not in machine.files
    assert proxy_text.find_stamp(machine.files["/srv/conf/haproxy.cfg"])
    for path in ("/srv/conf/haproxy.cfg", PATH + proxy_config.KEPT):
        assert machine.stats[path][:4] == ("file", 0o640, "root", "haproxy"), "still not for others to read"
    assert not [kind for kind in kinds(planned(machine, desired())) if kind.startswith(("write", "keep"))]
    removed(machine)
    assert machine.links[PATH] == target and machine.files["/srv/conf/haproxy.cfg"] == "theirs\n"
    assert machine.stats["/srv/conf/haproxy.cfg"][:4] == ("file", 0o640, "root", "haproxy")
    assert PATH + proxy_config.KEPT not in machine.files and recorded.read(machine)["files"] == {}


def removed(machine):
    """Takes the proxy's configuration back."""
    state = proxy_original.read(machine, {})
    machine.commands.update({f"haproxy -c -f {PATH}{proxy_config.KEPT}": "", "systemctl restart haproxy.service": ""})
    proxy_original.apply(machine, proxy_original.plan({}, state))


def test_a_configuration_with_several_names_is_noted():
    machine = linked()
    machine.stats["/srv/conf/haproxy.cfg"] = machine.stats["/srv/conf/haproxy.cfg"]._replace(names=3)
    assert "has 3 names (hard links)" in planned(machine, desired()).facts["notes"][0]
    assert planned(linked(), desired()).facts["notes"] == []


def test_a_dangling_link_dangles_again():
    machine = linked(text=None)
    applied(machine, desired())
    assert machine.stats["/srv/conf/haproxy.cfg"][:4] == ("file", 0o644, "root", "root")
    removed(machine)
    assert machine.links[PATH] == "/srv/conf/haproxy.cfg" and "/srv/conf/haproxy.cfg" not in machine.files


def test_a_link_that_was_led_elsewhere_gives_back_the_file_that_it_led_to():
    machine = linked()
    applied(machine, desired())
    machine.links[PATH] = "/srv/other.cfg"
    machine.files["/srv/other.cfg"] = "other\n"
    removed(machine)
    assert (machine.files["/srv/conf/haproxy.cfg"], machine.files["/srv/other.cfg"]) == ("theirs\n", "other\n")


def test_a_copy_that_a_killed_removal_left_goes():
    machine = linked()
    applied(machine, desired())
    machine.files["/srv/conf/haproxy.cfg"] = "theirs\n"
    removed(machine)
    assert PATH + proxy_config.KEPT not in machine.files


@pytest.mark.parametrize("machine, message", [
    (linked(mode=0o666), "/srv/conf/haproxy.cfg has the mode 0666"), (linked(target=PATH), "leads in a circle"),
    (linked(target="/srv"), "which is a directory"),
    (linked(**{"/srv/conf": Stat("directory", 0o755, "carol", "carol", 0)}),
     "/srv/conf belongs to carol, who could change what root runs"),
])
def test_a_configuration_that_is_not_roots_alone_is_refused(machine, message):
    errors = list(planned(machine, desired()).errors)
    assert len(errors) == 1 and message in errors[0]


def test_a_key_whose_path_is_a_link_is_written_where_that_leads_and_is_roots_alone():
    machine = Machine(desired())
    machine.links[PEM["path"]] = "/srv/keys/site.pem"
    del machine.files[PEM["path"]], machine.stats[PEM["path"]]
    applied(machine, desired())
    assert machine.stats["/srv/keys/site.pem"].mode == 0o600 and PEM["path"] not in machine.files


def test_a_key_that_others_may_read_is_closed():
    machine = Machine(desired())
    machine.stats[PEM["path"]] = Stat("file", 0o644, "root", "root", 0)
    plan = planned(machine, desired())
    assert kinds(plan) == [f"write {PEM['path']}", "reload"]
    assert row(plan, PEM["path"]).why == "its owner or mode is not in sync"


@pytest.mark.parametrize(("more", "kind"), [
    ({"UnitFileState": "disabled"}, "enable"), ({"ActiveState": "failed"}, "start"), ({"NeedDaemonReload": "yes"}, "daemon-reload"),
])
def test_the_service_is_enabled_started_and_known(more, kind):
    machine = Machine(desired(), **{SHOW: unit(**more)})
    assert kinds(planned(machine, desired())) == [kind]


def test_without_the_right_to_ask_the_configuration_is_not_readable_and_nothing_is_reloaded():
    machine = Machine(desired())
    machine.refuses = PermissionError("refused")
    plan = planned(machine, desired())
    assert (list(plan.actions), row(plan, "configuration").status) == ([], "not_readable")


def test_a_running_worker_that_does_not_answer_is_given_the_configuration():
    machine = Machine(desired())
    machine.refuses = ConnectionRefusedError("refused")
    assert kinds(planned(machine, desired())) == ["reload"]


def test_a_missing_program_is_installed():
    machine = Machine(desired())
    del machine.commands["socat"]
    assert list(planned(machine, desired()).actions) == [("install", "socat")]


def test_a_worker_without_a_log_is_reported_and_not_restarted():
    machine = Machine(desired())
    del machine.files["/proc/100/root/var/lib/haproxy/dev/log"]
    plan = planned(machine, desired())
    assert (list(plan.actions), row(plan, "log").status) == ([], "restart_pending")


def test_old_workers_are_counted():
    machine = Machine(desired())
    machine.files["/proc/100/task/100/children"] = "99 98 101 "
    assert row(planned(machine, desired()), "old workers").effective == "2"


@pytest.mark.parametrize(("status", "admin", "fix"), [("DOWN", "0", "socat -t 5 - TCP:192"), ("MAINT", "1", "state=ready"), ("DRAIN", "8", "state=ready")])
def test_a_server_that_gets_no_requests_is_a_difference_that_this_role_leaves(status, admin, fix):
    machine = Machine(desired())
    ask = machine.ask

    def other(there, path, command, timeout=5.0):
        answer = ask(there, path, command)
        answer = answer.replace(",UP,", f",{status},") if command == "show stat" else answer
        return answer.replace(" 2 0 1 1 ", f" 2 {admin} 1 1 ") if command == "show servers state" else answer

    plan = planned(machine, desired(), other)
    assert (row(plan, "xitrum/app1-0").status, row(plan, "xitrum/app1-0").effective) == ("drift", status)
    assert fix in row(plan, "xitrum/app1-0").fix
    assert list(plan.actions) == []


# --------------------------------------------------------------------------------------------------------- errors

def find_errors(machine, want):
    return "\n".join(planned(machine, want).errors)


def test_a_port_that_another_program_holds_is_named():
    machine = Machine(desired(), **{"ss -H -l -t -n -e": listening(80, "apache2") + listening(22, "sshd").replace("pid=7", "pid=8")})
    assert "Port 80 is held by apache2 (process 7)" in find_errors(machine, desired())
    assert "sshd" not in find_errors(machine, desired())


def with_maxconn(number):
    return desired(CONFIG.replace("global\n", f"global\n    maxconn {number}\n", 1))


@pytest.mark.parametrize(("number", "raises", "message"), [
    (9000, False, ""), (100000, False, "set xitrum_proxy_max_connections to 9948 or less"), (100000, True, ""), (600000, True, "fs.nr_open"),
])
def test_connections_that_the_host_cannot_grant_are_refused_with_the_number_that_it_can(number, raises, message):
    want = with_maxconn(number)
    machine = Machine(want, **{RAISE: "" if raises else (2, "", "refused")})
    assert (message in find_errors(machine, want)) if message else find_errors(machine, want) == ""


def test_the_number_that_a_refusal_names_is_accepted():
    want = with_maxconn(9948)
    assert find_errors(Machine(want), want) == ""


def test_a_configuration_that_cannot_be_recognised_is_refused():
    want = desired("global\n    description mine\n")
    assert proxy_text.PLACEHOLDER in find_errors(Machine(want), want)


def test_a_host_without_systemd_or_ipv6_is_reported():
    want = desired(CONFIG.replace("bind 0.0.0.0:80\n", "bind [2001:db8::1]:80\n"))
    machine = Machine(want)
    del machine.files["/run/systemd/system/x"], machine.files["/proc/net/if_inet6"]
    assert "does not run systemd" in find_errors(machine, want)
    assert "set xitrum_proxy_listen: ['0.0.0.0']" in find_errors(machine, want)


WITHOUT_IPV6 = CONFIG.replace("    bind [::]:80 v6only\n", "").replace(
    "    bind [::]:443 v6only ssl crt /etc/haproxy/xitrum/site.pem alpn h2,http/1.1\n", ""
)


def test_every_address_of_a_host_without_ipv6_are_its_ipv4_addresses():
    assert WITHOUT_IPV6.count("[::]") == 0 and CONFIG.count("[::]") == 2
    machine = Machine(desired(WITHOUT_IPV6))
    del machine.files["/proc/net/if_inet6"]
    plan = planned(machine, desired())
    assert (list(plan.errors), list(plan.actions)) == ([], []), "a second run finds what the first one wrote"
    assert plan.facts["notes"] == [
        "this host has no IPv6, so the proxy does not listen on [::]:80 and [::]:443, "
        "and listens on the IPv4 addresses alone"
    ]
    assert planned(Machine(desired()), desired()).facts["notes"] == []


def test_an_application_of_the_configuration_leaves_the_same_lines_out():
    machine = Machine(desired())
    del machine.files["/proc/net/if_inet6"]
    machine.description = "xitrum.host-" + proxy_text.compute_digest(WITHOUT_IPV6, [PEM])
    applied(machine, desired())
    assert machine.files[PATH] == proxy_text.stamp_config(WITHOUT_IPV6, [PEM])


def test_a_proxy_that_would_listen_nowhere_is_refused():
    want = desired("".join(line for line in CONFIG.splitlines(True) if "bind 0.0.0.0:" not in line))
    machine = Machine(want)
    del machine.files["/proc/net/if_inet6"]
    assert "set xitrum_proxy_listen: ['0.0.0.0']" in find_errors(machine, want)


def test_an_address_of_another_host_is_refused_unless_the_proxy_has_it():
    want = desired(CONFIG.replace("bind 0.0.0.0:80\n", "bind 192.0.2.77:80\n"))
    machine = Machine(want)
    machine.unbound = {"192.0.2.77": "Cannot assign requested address"}
    assert (
        "xitrum_proxy_listen contains 192.0.2.77, where no program of this host can listen (Cannot assign requested address)"
        in find_errors(machine, want)
    )
    machine.commands["ss -H -l -t -n -e"] = listening(80, "haproxy").replace("0.0.0.0:80", "192.0.2.77:80")
    assert find_errors(machine, want) == ""


def test_who_listens_on_another_address_does_not_block():
    want = desired(
        "".join(
            line
            for line in CONFIG.replace("bind 0.0.0.0:", "bind 192.0.2.1:").splitlines(True)
            if "bind [::]" not in line
        )
    )
    for address, message in (
        ("192.0.2.2", ""),
        ("192.0.2.1", "Port 80 is held by nginx"),
        ("0.0.0.0", "Port 80 is held by nginx"),
        ("[::ffff:192.0.2.1]", "Port 80 is held by nginx"),
    ):
        machine = Machine(want)
        machine.commands["ss -H -l -t -n -e"] = listening(80, "nginx").replace("0.0.0.0:80", f"{address}:80")
        found = find_errors(machine, want)
        assert message in found if message else found == ""


def test_lines_of_ss_that_cannot_be_read_are_a_note():
    machine = Machine(desired())
    machine.commands["ss -H -l -t -n -e"] += "LISTEN 0 128 somewhere\n"
    assert "1 line of ss that cannot be parsed" in planned(machine, desired()).facts["notes"][0]


@pytest.mark.parametrize(("version", "message"), [("2.0.29", "HAProxy 2.0.29 is too old: it has no http-check send"), ("2.2.9", ""), ("3.0.11", "")])
def test_a_version_that_will_not_do_is_refused_with_the_reason(version, message):
    machine = Machine(desired(), **{"haproxy -v": f"HAProxy version {version} 2026/11/18\n"})
    assert (message in find_errors(machine, desired())) if message else find_errors(machine, desired()) == ""


# ----------------------------------------------------------------------------------------------------------- acting

def applied(machine, want):
    plan = planned(machine, want)
    machine.done.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(haproxy_socket, "ask", machine.ask)
        return list(proxy_config.apply(machine, plan).warnings)


def test_nothing_is_replaced_before_the_check_and_the_trial_is_removed():
    old, want = desired(), desired(CONFIG + "# more\n", pems=[{**PEM, "content": "another"}])
    machine = Machine(old)
    machine.description = "xitrum.host-" + proxy_text.compute_digest(want["config"], want["pems"])
    applied(machine, want)
    steps = [step for step in machine.done if step[0] != "run" or "systemctl reload" in step[1] or "haproxy -c" in step[1]]
    assert steps == [
        ("make_directory", proxy_config.TRIAL), ("write", f"{proxy_config.TRIAL}/0.pem"), ("write", f"{proxy_config.TRIAL}/config"), ("run", CHECK),
        ("remove", proxy_config.TRIAL), ("write", recorded.PATH),
        ("write", PEM["path"]), ("write", PATH), ("run", "systemctl reload haproxy.service")]
    assert machine.stats[PEM["path"]].mode == 0o600


def test_the_trial_names_the_new_certificate_and_not_the_old_one():
    seen = {}

    class Inspecting(Machine):
        def run(self, argv, data=None, **more):
            if argv[:2] == ["haproxy", "-c"]:
                seen.update(self.files)
            return super().run(argv, data, **more)

    proxy_config.validate(Inspecting(desired()), desired(pems=[{**PEM, "content": "another"}]))
    assert f"crt {proxy_config.TRIAL}/0.pem" in seen[f"{proxy_config.TRIAL}/config"]
    assert seen[f"{proxy_config.TRIAL}/0.pem"] == "another"


def test_a_refused_configuration_changes_nothing_and_reports_where():
    want = desired(CONFIG + "nonsense\n")
    machine = Machine(desired(), **{CHECK: (1, "", f"[ALERT] (9) : config : parsing [{proxy_config.TRIAL}/config:90]: unknown keyword 'nonsense'\n")})
    before = dict(machine.files)
    with pytest.raises(RuntimeError, match=r"old one stays in /etc/haproxy/haproxy.cfg:\n.*\[/etc/haproxy/haproxy.cfg:90\]: unknown keyword"):
        applied(machine, want)
    assert machine.files == before


def test_warnings_of_the_check_are_passed_on_but_not_that_no_state_was_saved_yet():
    output = "[WARNING] (1) : config : Can't open global server state file '/x'\n[WARNING] (1) : config : something else\n[NOTICE] no\n"
    machine = Machine(desired(), **{CHECK: (0, "", output)})
    assert proxy_config.validate(machine, desired()) == ["[WARNING] (1) : config : something else"]


def test_a_worker_that_keeps_its_old_configuration_is_an_error(monkeypatch):
    machine = Machine(desired())
    machine.description = "xitrum.host-000000000000"
    with pytest.raises(RuntimeError, match="(?s)has the configuration 000000000000.*the end of the log"):
        monkeypatch.setattr(haproxy_socket, "ask", machine.ask)
        proxy_config.verify_running(machine, desired(), wait_seconds=0)


def test_a_reload_that_fails_is_an_error_with_the_log():
    machine = Machine(desired(), **{"systemctl reload haproxy.service": (1, "", "Job failed.")})
    machine.description = "xitrum.host-000000000000"
    with pytest.raises(RuntimeError, match="(?s)systemctl reload failed with exit code 1: Job failed.*the end of the log"):
        applied(machine, desired())


def test_without_haproxy_nothing_is_written():
    machine = Machine(desired())
    del machine.commands["haproxy -v"], machine.commands[CHECK]
    with pytest.raises(RuntimeError, match="haproxy is not installed"):
        applied(machine, desired())
    assert not [step for step in machine.done if step[0] == "write"]


# ------------------------------------------------------------------------------ what changes between two runs


def of_application(name):
    return CONFIG.replace("\n", f"\n# application: {name}\n", 1)


@pytest.mark.parametrize("existing, gets, refused", [("shop", "blog", True), ("shop", "shop", False), ("", "blog", False)])
def test_the_proxy_of_another_application_is_not_replaced(existing, gets, refused):
    before, after = (desired(of_application(name) if name else CONFIG) for name in (existing, gets))
    found = list(planned(Machine(before), after).errors)
    assert [f"found the configuration of the application {existing} in {PATH}, expected" in text for text in found] == [True] * refused
    assert all("xitrum_proxy_backends" in text and "remove.yml" in text for text in found)


def test_another_software_on_the_same_host_names_the_way_from_the_old_one():
    machine = Machine(desired(), **{"nginx -v": (0, "", "nginx version: nginx/1.22.1\n")})
    nginx = (DATA.parent / "proxy" / "nginx-full.conf").read_text()
    want = {**desired(nginx), "software": "nginx", "config_path": "/etc/nginx/nginx.conf", "service": "nginx", "files": [], "programs": []}
    shown = SHOW.replace("haproxy", "nginx")
    machine.commands[shown] = unit(ActiveState="inactive", MainPID="0")
    (error,) = [text for text in planned(machine, want).errors if text.startswith("Port 80 ")]
    assert "it is the proxy haproxy that this host has had so far" in error
    assert "Run remove.yml with --limit and the name of this host, and -e remove_host_count=1" in error
    # Another value for all proxies at once would have each of them refused.
    assert "set xitrum_proxy_software: nginx in its host_vars, and run site.yml with the same --limit" in error
    machine.files[PATH] = "# somebody's own\n"
    (error,) = [text for text in planned(machine, want).errors if text.startswith("Port 80 ")]
    assert "stop and disable that service" in error
