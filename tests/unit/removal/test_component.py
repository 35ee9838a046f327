# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found of the collection on a host, and what is decided about each part of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.core import recorded
from ansible_collections.xitrum.host.plugins.module_utils.core.distributions import debian, redhat
from ansible_collections.xitrum.host.plugins.module_utils.proxy import original as proxy_original
from ansible_collections.xitrum.host.plugins.module_utils.proxy.kinds import haproxy
from ansible_collections.xitrum.host.plugins.module_utils.proxy.table import PROXIES
from ansible_collections.xitrum.host.plugins.module_utils.removal import component as removal
from ansible_collections.xitrum.host.plugins.module_utils.removal import leftovers
from ansible_collections.xitrum.host.plugins.module_utils.removal import packages as package_removal
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import supervisord_config

from tests.docs.role_variables import ROOT
from tests.unit.fake_host import FakeHost
from tests.unit.record_texts import record_text

HOSTS = {"xitrum": {"hosts": dict.fromkeys(["app1", "app2"])}, "xitrum_proxy": {"hosts": dict.fromkeys(["proxy1", "proxy2"])}}
STAMPED = "global\n description xitrum.host-0123456789ab\n"
CONFIG = "/etc/haproxy/haproxy.cfg"
SHOW = "systemctl show --no-pager --property=LoadState,ActiveState,UnitFileState -- haproxy.service"
ON = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
OURS = {"roots": {"/opt/shop": True}, "logs": {"/var/log/shop": True}, "users": {"shop": True}, "groups": {"shop": True}}
ACCOUNTS = {"getent passwd shop": "shop:x:1:\n", "getent group shop": "shop:x:1:\n"}
NOTHING = {"keep_data": False, "remove_packages": False, "applications": []}


def record(**parts):
    return {recorded.PATH: record_text(parts)}


# ------------------------------------------------------------------------------------------------------------ proxies

def original(files, commands=None):
    host = FakeHost(files, commands)
    state = proxy_original.read(host, {})
    return host, state, proxy_original.plan({}, state)


def play(folder, book, *options):
    """Runs ansible-playbook on hosts that are this machine: its exit code, and what it printed with single blanks."""
    inventory = {"all": {"children": HOSTS, "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    (folder / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    ran = subprocess.run(["ansible-playbook", "-i", folder / "hosts.yml", book, *options], cwd=folder, text=True, capture_output=True, check=False,
                         stdin=subprocess.DEVNULL, env={**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"})
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


@pytest.mark.parametrize("away, listed", [("", True), ("proxy2", False)])
def test_a_removal_does_not_run_on_a_proxy_that_is_away(tmp_path, away, listed):
    code, text = play(tmp_path, ROOT / "playbooks/remove.yml", "--list-hosts", "-e", f"xitrum_unavailable_proxies={away}")
    hosts = [part.partition("play #")[0].split()[1:] for part in text.split(" hosts (")[2:]]
    assert code == 0 and len(hosts) == 2, text
    for names in hosts:
        assert {"app1", "app2", "proxy1"} <= set(names) and ("proxy2" in names) is listed, text


@pytest.mark.parametrize("away, queried", [("", "['proxy1', 'proxy2']"), ("proxy2", "['proxy1']")])
def test_a_removal_asks_no_proxy_that_is_away(tmp_path, away, queried):
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "queried: {{ __remove_proxies | sort }}"}}
    (tmp_path / "book.yml").write_text(
        yaml.safe_dump([{"name": "Book", "hosts": "app1", "gather_facts": False, "vars_files": [str(ROOT / "roles/remove/vars/main.yml")], "tasks": [show]}]))
    code, text = play(tmp_path, tmp_path / "book.yml", "-e", f"xitrum_unavailable_proxies={away}")
    assert code == 0 and f"queried: {queried}" in text, text


def test_a_host_without_a_proxy_has_nothing_to_put_back():
    assert not original({})[2].changed


def test_an_unmanaged_configuration_stays():
    assert not original({CONFIG: "global\n", CONFIG + ".before-xitrum": "older\n"})[2].changed


def test_the_kept_configuration_comes_back_and_what_is_next_to_it_goes():
    drop_in = "/etc/systemd/system/haproxy.service.d/xitrum.conf"
    _host, state, plan = original({CONFIG: STAMPED, CONFIG + ".before-xitrum": "stock\n", drop_in: "[Service]\n"})
    assert list(plan.actions) == [("haproxy", [("rename", CONFIG), ("remove", drop_in)])]
    assert "stock" not in plan.after and drop_in in plan.before
    assert plan.after == f"# {CONFIG}\n(1 line of others is not shown)\n"
    assert proxy_original.format_lines(state, plan)[0] == f"{CONFIG}: the configuration from before comes back"


def test_without_a_kept_one_the_configuration_goes():
    assert list(original({CONFIG: STAMPED})[2].actions) == [("haproxy", [("remove", CONFIG)])]


def test_a_service_that_was_not_there_is_stopped_before_it_could_take_up_anything():
    host, state, plan = original({CONFIG: STAMPED, CONFIG + ".before-xitrum": "stock\n", **record(units={"haproxy.service": {"boot": "", "active": ""}})},
                                 {SHOW: ON, "systemctl stop haproxy.service": "", "systemctl disable haproxy.service": "", "systemctl daemon-reload": ""})
    proxy_original.apply(host, plan)
    commands = [step[1] for step in host.done if step[0] in ("run", "rename")]
    assert commands.index("systemctl stop haproxy.service") < commands.index(CONFIG + ".before-xitrum") < commands.index("systemctl disable haproxy.service")
    assert recorded.PATH not in host.files


def test_a_kept_configuration_that_is_refused_stops_before_anything_is_changed():
    before = record(units={"haproxy.service": {"boot": "enabled", "active": "active"}})
    host, state, plan = original({CONFIG: STAMPED, CONFIG + ".before-xitrum": "old\n", **before},
                                 {SHOW: ON, f"haproxy -c -f {CONFIG}.before-xitrum": (1, "", "unknown keyword")})
    with pytest.raises(RuntimeError, match="is refused by haproxy: unknown keyword"):
        proxy_original.apply(host, plan)
    assert [step for step in host.done if step[0] != "run"] == []


def test_after_a_killed_run_the_old_state_of_the_service_is_pending():
    _host, _state, plan = original({CONFIG: "stock\n", **record(units={"haproxy.service": {"boot": "enabled", "active": "active"}})})
    assert list(plan.actions) == [("haproxy", [])]


def test_the_files_of_a_proxy_are_removed_with_it():
    for backend in PROXIES.values():
        assert {file.path for file in backend.files} <= set(backend.extra_paths)
    assert haproxy.SERVER_STATE in PROXIES["haproxy"].extra_paths


# ---------------------------------------------------------------------------------------------------------- leftovers

def rest(files, commands=None, **desired):
    host = FakeHost(files, {"getent": "", **(commands or {})})
    state = leftovers.read(host, {**NOTHING, **desired})
    return host, state, leftovers.plan({**NOTHING, **desired}, state)


def test_folders_user_and_group_that_were_made_go_and_the_record_last():
    _host, _state, plan = rest({"/opt/shop/slot": "0\n", "/var/log/shop/runs.log": "", **record(applications={"shop": OURS})}, ACCOUNTS)
    assert list(plan.actions) == [("folder", "/opt/shop"), ("folder", "/var/log/shop"), ("passwd", "shop"), ("group", "shop"), ("state", recorded.PATH)]


def test_of_a_folder_that_was_there_only_what_is_ours_goes_and_its_user_stays():
    theirs = {"roots": {"/srv/shop": False}, "logs": {"/var/log/shop": False}, "users": {"shop": False}, "groups": {"shop": False}}
    files = {"/srv/shop/releases/a/b": "", "/srv/shop/theirs": "", "/var/log/shop/0/xitrum.log": "", "/var/log/shop/theirs.log": ""}
    _host, _state, plan = rest({**files, **record(applications={"shop": theirs})}, ACCOUNTS)
    assert list(plan.actions) == [("folder", "/srv/shop/releases"), ("folder", "/var/log/shop/0"), ("state", recorded.PATH)]


def test_data_that_is_kept_stays_on_record_and_a_second_run_finds_nothing():
    files = {"/opt/shop/slot": "0\n", "/var/log/shop/runs.log": "", f"{recorded.FOLDER}/kernel.json": "{}",
             **record(applications={"shop": OURS}, packages=["socat"], units={"haproxy.service": {"boot": "", "active": ""}})}
    host, state, plan = rest(files, ACCOUNTS, keep_data=True)
    assert [kind for kind, _detail in plan.actions] == ["state", "record"]
    leftovers.apply(host, plan)
    assert recorded.read(host) == {**recorded.EMPTY, "applications": {"shop": OURS}, "packages": ["socat"]}
    assert not leftovers.plan({**NOTHING, "keep_data": True}, leftovers.read(host, {**NOTHING, "keep_data": True})).changed


PURGED = {"dpkg-query --show --showformat=${Package} ${db:Status-Status}\n haproxy socat": "haproxy not-installed\nsocat installed\n", "apt-get": "",
          "apt-mark showauto": "", "apt-get --quiet --assume-yes --simulate autoremove --purge": "",
          "apt-get --quiet --assume-yes --simulate autoremove --purge socat": "Purg socat [1.7]\n"}


def test_packages_that_stay_with_the_data_can_go_another_day():
    """On a proxy too, which has no data."""
    host, _state, plan = rest(record(packages=["haproxy", "socat"]), keep_data=True)
    assert not plan.changed
    leftovers.apply(host, plan)
    _host, _state, plan = rest(host.files, PURGED, keep_data=True, remove_packages=True)
    assert list(plan.actions) == [("packages", "socat"), ("record", {**recorded.EMPTY, "packages": ["haproxy"]})]
    _host, _state, plan = rest(host.files, PURGED, remove_packages=True)
    assert list(plan.actions) == [("packages", "socat"), ("state", recorded.PATH)]


KNOWN = [{"name": "shop", "root": "/opt/shop", "log_dir": "/var/log/shop"}]


def test_of_an_application_that_is_not_on_record_nothing_is_removed():
    """What is in its folders may be another tool's, or another application's that has them on record."""
    files = {"/opt/shop/slot": "0\n", "/opt/shop/run": "# Written by xitrum.host;", "/opt/shop/their.db": "", "/var/log/shop/runs.log": ""}
    _host, _state, plan = rest(files, ACCOUNTS, applications=KNOWN)
    assert not plan.changed


def test_folders_of_other_tools_are_not_ours_whatever_the_inventory_states():
    host, _state, plan = rest({"/opt/shop/releases/1/app": "", "/opt/shop/current": "", "/var/log/shop/0": ""}, ACCOUNTS, applications=KNOWN)
    assert not plan.changed
    assert removal.list_applications(host, recorded.EMPTY, KNOWN) == []


def test_a_folder_that_was_there_stays_when_the_record_is_gone():
    theirs = {"roots": {"/opt/shop": False}, "logs": {"/var/log/shop": True}, "users": {}, "groups": {}}
    files = {"/opt/shop/releases/a/b": "", "/opt/shop/run": "# Written by xitrum.host;", "/opt/shop/their.db": "", "/var/log/shop/runs.log": ""}
    host, state, plan = rest({**files, **record(applications={"shop": theirs})}, ACCOUNTS, applications=KNOWN)
    leftovers.apply(host, plan)
    assert sorted(host.files) == ["/opt/shop/their.db"]
    assert not leftovers.plan({**NOTHING, "applications": KNOWN}, leftovers.read(host, {**NOTHING, "applications": KNOWN})).changed
    assert removal.list_applications(host, recorded.EMPTY, KNOWN) == []


def test_a_folder_that_two_applications_share_goes_where_one_of_them_made_it():
    other = {**OURS, "roots": {"/opt/shop": False}}
    _host, state, _plan = rest({"/opt/shop/slot": "0\n", **record(applications={"bank": OURS, "shop": other})}, ACCOUNTS)
    assert state["folders"]["/opt/shop"]["made"]


def test_a_user_with_processes_is_an_error_and_the_record_stays():
    host, state, plan = rest({**record(applications={"shop": OURS})}, {**ACCOUNTS, "userdel shop": (8, "", "user shop is currently used by process 7")})
    with pytest.raises(RuntimeError, match="used by process 7"):
        leftovers.apply(host, plan)
    assert recorded.PATH in host.files


def test_the_lock_of_a_run_is_not_for_this_to_remove():
    assert not rest({f"{recorded.FOLDER}/shop.lock": "{}"})[2].changed


def test_supervisord_stays_where_others_have_come_to_need_it():
    files = {"/etc/supervisor/conf.d/other.conf": "[program:other]\n", "/etc/supervisor/conf.d/shop-0.conf": "[program:shop-0]\n",
             **record(packages=["supervisor"], applications={"shop": OURS}, units={"supervisor.service": {"boot": "", "active": ""}})}
    installed = {"dpkg-query --show --showformat=${Package} ${db:Status-Status}\n supervisor": "supervisor installed\n", "apt-get": "",
                 "apt-mark showauto": "", "apt-get --quiet --assume-yes --simulate autoremove --purge": "",
                 "apt-get --quiet --assume-yes --simulate autoremove --purge supervisor": "Purg supervisor [4.2]\n"}
    _host, state, plan = rest(files, installed, remove_packages=True)
    assert "packages" not in [kind for kind, _detail in plan.actions]
    assert plan.facts["kept"] == {"supervisor": "it runs other"}
    assert list(state["others"]) == ["other"]


@pytest.mark.parametrize("others, left", [({}, []), ({"/etc/supervisor/conf.d/other.conf": "[program:other]\n"}, list(supervisord_config.PYPI))])
def test_a_supervisord_of_pypi_goes_unless_others_have_come_to_need_it(others, left):
    made = {**dict.fromkeys(supervisord_config.PYPI[1:], "x"), f"{supervisord_config.ENVIRONMENT}/bin/supervisord": "x"}
    host, state, plan = rest({**made, **others, **record(made=list(supervisord_config.PYPI))}, {**ACCOUNTS, "systemctl daemon-reload": ""})
    leftovers.apply(host, plan)
    assert [path for path in supervisord_config.PYPI if host.stat(path) is not None] == left
    assert plan.facts["kept"] == ({supervisord_config.ENVIRONMENT: "it runs other"} if others else {})


def test_of_a_supervisord_of_pypi_only_what_was_not_there_is_written_down():
    there = FakeHost({supervisord_config.MAIN: "theirs"})
    desired = {"packages": [], "application": None, "supervisord": True}
    assert recorded.add_to_record(desired, recorded.read_state(there, desired))["made"] == sorted(set(supervisord_config.PYPI) - {supervisord_config.MAIN})


def test_a_record_of_other_paths_is_damaged():
    with pytest.raises(ValueError, match="is damaged"):
        recorded.parse(record_text({"made": ["/etc"]}))


# ----------------------------------------------------------------------------------------------------------- packages

def simulate(orphans=(), **needs):
    def list_removed(names):
        return [*orphans, *dict.fromkeys(found for name in names for found in (name, *needs.get(name, ())))]
    return list_removed


def test_what_came_with_a_package_goes_with_it_and_other_orphans_stay():
    found = debian.compute_removable(["haproxy"], {"liblua", "old"}, simulate(["old"], haproxy=["liblua"]))
    assert found == {"removed": ["haproxy", "liblua"], "kept": {}}


def test_a_package_that_is_needed_since_stays():
    found = debian.compute_removable(["nginx", "socat"], set(), simulate(nginx=["certbot-nginx"]))
    assert found == {"removed": ["socat"], "kept": {"nginx": "certbot-nginx needs it"}}


def test_a_package_that_another_needs_stays_on_the_red_hat_family():
    names = ["java-17-openjdk-devel", "java-17-openjdk-headless", "nginx"]
    commands = {f"rpm --query --quiet {name}": "" for name in names}
    commands.update({f"rpm --erase --test {name}": "" for name in names})
    commands["rpm --erase --test java-17-openjdk-headless"] = (1, "", (
        "error: Failed dependencies:\n"
        "\tjava-17-openjdk-headless(x86-64) = 1:17.0.9.0.9-2.el9 is needed by (installed) "
        "java-17-openjdk-1:17.0.9.0.9-2.el9.x86_64\n"
        "\tlibjvm.so()(64bit) is needed by (installed) java-17-openjdk-devel-1:17.0.9.0.9-2.el9.x86_64\n"))
    found = package_removal.read(FakeHost(commands=commands), names)
    assert found == {"removed": ["java-17-openjdk-devel", "nginx"],
                     "kept": {"java-17-openjdk-headless": "java-17-openjdk needs it"}}


def test_packages_that_need_one_another_go_together_and_stay_together():
    assert redhat.choose_erasable(["a", "b"], {"a": {"b"}, "b": set()}.get) == {
        "removed": ["a", "b"], "kept": {}}
    assert redhat.choose_erasable(["a", "b", "c"], {"a": {"b"}, "b": {"x"}, "c": {"a"}}.get) == {
        "removed": [], "kept": {"b": "x needs it", "a": "b needs it", "c": "a needs it"}}


def test_apt_is_read():
    assert debian.parse_purged("Reading...\nPurg haproxy [2.6]\nRemv socat [1.7]\n") == ["haproxy", "socat"]


def test_a_package_manager_that_refuses_is_an_error_that_reports_what_to_do():
    with pytest.raises(RuntimeError, match="remove_packages: false"):
        package_removal.apply(FakeHost(commands={"rpm --erase nginx": (1, "", "needed by x")}), ["nginx"])


# ---------------------------------------------------------------------------------------------------------- the whole

def test_applications_are_those_on_record_those_known_and_those_with_a_lock():
    host = FakeHost({f"{recorded.FOLDER}/gone.lock": "{}", "/etc/init/known-0.conf": ""})
    found = {"applications": {"shop": {**OURS, "roots": {"/opt/shop": True, "/srv/shop": True}}}}
    known = [{"name": "known", "root": "/srv/known", "log_dir": "/var/log/known"}, {"name": "nothing", "root": "/opt/nothing", "log_dir": "/var/log/nothing"}]
    assert [(row["name"], row["root"], row["log_dir"]) for row in removal.list_applications(host, found, known)] == [
        ("shop", "/opt/shop", "/var/log/shop"), ("shop", "/srv/shop", "/var/log/shop"), ("known", "/srv/known", "/var/log/known"),
        ("gone", "/opt/gone", "/var/log/gone")]


def test_the_chosen_home_is_given_up_first():
    entries = {"java": {"mode": "auto", "path": "", "chosen": "/usr/lib/jvm/b/bin/java", "registered": [
        "/usr/lib/jvm/a/jre/bin/java", "/usr/lib/jvm/b/bin/java"]}}
    assert removal.list_homes(FakeHost(), entries) == ["/usr/lib/jvm/b", "/usr/lib/jvm/a"]


def test_a_bare_host_has_nothing():
    summary = removal.summarize(removal.read(FakeHost({"/proc/sys/kernel/osrelease": "6.1.0\n"}), NOTHING))
    assert summary["lines"] == [] and not any(summary[part] for part in ("proxies", "redirects", "nofile", "kernel", "alternatives", "jdks", "leftovers"))


def test_every_part_is_reported():
    host = FakeHost({
        "/etc/security/limits.d/90-xitrum.conf": "# Written by xitrum.host: changes here are lost.\n* soft nofile 20000\n",
        "/etc/systemd/system/shop@.service": "# xitrum.host\n", "/opt/shop/instances/0/x": "", "/opt/shop/instances/1/x": "",
        **record(applications={"shop": OURS})}, ACCOUNTS)
    summary = removal.summarize(removal.read(host, NOTHING))
    assert summary["nofile"] == ["/etc/security/limits.d/90-xitrum.conf"]
    assert summary["applications"][0]["indices"] == [0, 1]
    for line in ("instance 1 of shop", "/etc/systemd/system/shop@.service", "/opt/shop", "user shop", "group shop", recorded.PATH):
        assert line in summary["lines"]


def test_a_damaged_record_is_an_error():
    with pytest.raises(ValueError, match="before.json is damaged"):
        removal.read(FakeHost({recorded.PATH: "{"}), NOTHING)
