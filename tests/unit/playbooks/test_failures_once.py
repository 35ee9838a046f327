# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure is printed once, by the real plays on stubbed hosts: with its cause, and in the end with what became of the run."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.stubbed_plays import play, state_of

READ = """
- import_playbook: PLAYBOOKS/plays/read.yml
"""
ROLLOUT = READ + """
- import_playbook: PLAYBOOKS/plays/rollout.yml
"""
MAINTENANCE = """
- import_playbook: PLAYBOOKS/maintenance.yml
"""
#: What fails reports this, and it is counted in all that is printed.
REASON = "the cache of the test is full"
HOSTS, PROXIES = ("app1", "app2"), ("proxy1", "proxy2")
READS = [({"module": "host_state_info", "host": host}, state_of(0)) for host in HOSTS]


def tasks_with(run, text):
    """How many tasks print a text. Ansible itself may print the message of one task in two forms."""
    return sum(text in part for part in re.split(r"(?:TASK|PLAY) \[", run.text))


def fails(**call):
    """The rule by which such a call fails."""
    return call, {"failed": True, "msg": REASON}


def user_tasks(folder):
    """A task file of a user's own, which fails on the first host."""
    (folder / "mine.yml").write_text(
        "- name: Warm the cache\n  ansible.builtin.fail:\n"
        f"    msg: {REASON}\n  when: inventory_hostname == 'app1'\n")
    return str(folder / "mine.yml")


STOPPED = "The rollout of bbbbbbbbbbbb stopped at batch 1 of 2 (app1-0), at "


@pytest.mark.parametrize("variable", ["xitrum_before_batch", pytest.param("xitrum_after_batch", marks=pytest.mark.long)])
def test_a_failed_task_of_a_users_own_in_a_batch(tmp_path, variable):
    run = play(tmp_path, ROLLOUT, HOSTS, READS, PROXIES, **{variable: user_tasks(tmp_path)})
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert tasks_with(run, f"{STOPPED}'Warm the cache'. Later batches did not begin. The failure of 'Warm the cache' is printed above.") == 1


@pytest.mark.long
def test_a_task_of_a_users_own_knows_the_instances_of_its_batch(tmp_path):
    (tmp_path / "mine.yml").write_text("- name: Show\n  ansible.builtin.debug:\n    msg: about {{ xitrum_batch_label }}\n")
    mine = str(tmp_path / "mine.yml")
    run = play(tmp_path, ROLLOUT, HOSTS, READS, PROXIES, xitrum_before_batch=mine, xitrum_after_batch=mine)
    assert [run.text.count(f"msg: about {host}-0") for host in HOSTS] == [2, 2], run.text


@pytest.mark.parametrize("state", ["drain", pytest.param("maint", marks=pytest.mark.long)])
def test_a_proxy_in_the_middle_of_a_batch(tmp_path, state):
    run = play(tmp_path, ROLLOUT, HOSTS, [fails(module="proxy_server", delegated="proxy2", state=state), *READS], PROXIES)
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert STOPPED in run.text and f"Later batches did not begin. proxy2: {REASON}" in run.text
    assert "One or more items failed" not in run.text and "proxy1:" not in run.text.partition(STOPPED)[2]


@pytest.mark.long
def test_an_instance_in_a_batch(tmp_path):
    run = play(tmp_path, ROLLOUT, HOSTS, [fails(module="instance_service", host="app1", state="restarted"), *READS], PROXIES)
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert STOPPED in run.text and f"Later batches did not begin. On app1, {REASON}" in run.text


@pytest.mark.long
def test_where_all_restart_at_once_each_reason_is_printed_once(tmp_path):
    hosts = (*HOSTS, "app3")
    rules = [fails(module="instance_service", host="app2", state="restarted"), *READS, ({"module": "host_state_info", "host": "app3"}, state_of(0))]
    run = play(tmp_path, ROLLOUT, hosts, rules, PROXIES, xitrum_rollout_strategy="all_at_once")
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    report = run.text.rpartition("TASK [")[2].partition("fatal:")[2]
    assert report.count("app2 failed, and all instances were to restart at once: all go back to what they ran.") == 1


def test_a_host_whose_read_fails(tmp_path):
    """As one of the errors of the run, also where only what it printed shows why."""
    crashed = ({"module": "host_state_info", "host": "app2"},
               {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\n  File x\nOSError: the disk of app2 is gone\n"})
    rules = [fails(module="host_state_info", host="app1"), crashed, ({"module": "host_state_info"}, {})]
    run = play(tmp_path, READ, HOSTS, rules, PROXIES)
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert f"app1: - the host could not be read: {REASON}" in run.text
    assert tasks_with(run, "the disk of app2 is gone") == 1
    assert "app2: - the host could not be read: MODULE FAILURE Traceback" in run.text
    assert "2 errors. No host was changed." in run.text


#: What the module of a host that crashed leaves before Ansible has made a message of it.
CRASHED = {"failed": True, "exception": f"Traceback\n  File x\nOSError: {REASON}\n"}


@pytest.mark.parametrize("book", ["site.yml", "deploy.yml", "base.yml"])
def test_a_crash_without_a_message_is_an_error_of_its_host(tmp_path, book):
    rules = [({"module": module, "host": "app2"}, CRASHED) for module in ("host_state_info", "host_base")]
    run = play(tmp_path, f"- import_playbook: PLAYBOOKS/{book}\n", HOSTS, [*rules, *READS])
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert f"app2: - the host could not be read: the module crashed: OSError: {REASON}." in run.text
    assert "1 error. No host was changed." in run.text


@pytest.mark.parametrize(("call", "who"), [
    ({"module": "instance_service", "host": "app1", "state": "restarted"}, "On app1, "),
    pytest.param({"module": "proxy_server", "delegated": "proxy2", "state": "drain"}, "proxy2: ", marks=pytest.mark.long),
])
def test_a_crash_without_a_message_stops_the_rollout(tmp_path, call, who):
    run = play(tmp_path, ROLLOUT, HOSTS, [(call, CRASHED), *READS], PROXIES)
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert STOPPED in run.text and f"Later batches did not begin. {who}the module crashed: OSError: {REASON}." in run.text


@pytest.mark.long
def test_a_read_that_cannot_begin(tmp_path):
    """Ansible prints why, whatever a play does about it: the report names the task."""
    run = play(tmp_path, READ, HOSTS, [({"module": "host_state_info", "host": "app1"}, {"raised": REASON}), *READS], PROXIES)
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    report = run.text.rpartition("TASK [")[2]
    assert "app1: - the host could not be read: the failure of '" in report and "is printed above" in report


MISSING = "{{ nothing_of_this_name }}"


NO_VALUE = [
    ("xitrum_heap", MISSING), ("xitrum_java_options", ["-Xss1m", MISSING]), ("xitrum_package_headers", {"Authorization": MISSING}),
    ("xitrum_secure_key", MISSING), ("supervisor_kind", MISSING),
]


@pytest.mark.parametrize("name, value", NO_VALUE)
def test_a_variable_without_a_value(tmp_path, name, value):
    """It is an error of its own, before anything is worked out from it."""
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, **{name: value})
    assert run.code != 0 and tasks_with(run, "nothing_of_this_name") == 1, run.text
    assert "1 error. No host was changed." in run.text and f"- the variable {name} has no value" in run.text
    assert "Error while" not in run.text and "could not be read" not in run.text


def test_all_variables_without_a_value_at_once(tmp_path):
    names = ("xitrum_secure_key", "xitrum_package", "xitrum_supervisor", "xitrum_http_port", "xitrum_instances", "xitrum_cluster", "xitrum_name",
             "xitrum_tls_key", "proxy_software", "proxy_health_path", "supervisor_kind", "jdk_version")
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, **dict.fromkeys(names, MISSING))
    assert run.code != 0 and f"{len(names)} errors. No host was changed." in run.text and tasks_with(run, "nothing_of_this_name") == 1, run.text
    assert all(f"- the variable {name} has no value" in run.text for name in names)


def of_one_host(tmp_path, host, name, value):
    """Sets a variable for one host alone."""
    (tmp_path / "host_vars").mkdir()
    (tmp_path / f"host_vars/{host}.yml").write_text(f"{name}: {json.dumps(value)}\n")


@pytest.mark.parametrize("host, name, cluster", [
    ("app2", "xitrum_secure_key", False), ("app2", "xitrum_http_port", False), ("app2", "xitrum_cluster_address", True),
])
def test_a_variable_of_one_host_without_a_value(tmp_path, host, name, cluster):
    """Others have it in their configuration, and are not read either."""
    of_one_host(tmp_path, host, name, MISSING)
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, xitrum_cluster=cluster,
               **({"xitrum_trusted_proxies": ["192.0.2.0/24"]} if cluster else {}))
    assert run.code != 0 and tasks_with(run, "nothing_of_this_name") == 1, run.text
    assert "1 error. No host was changed." in run.text and f"{host}: - the variable {name} has no value" in run.text
    assert "Error while" not in run.text and "could not be read" not in run.text


WRONG = {
    "xitrum_supervisor": ("none", "one of systemd, "), "xitrum_http_port": ("80a", "a whole number"), "xitrum_instances": ("two", "a whole number"),
    "xitrum_cluster": ("maybe", "true or false"), "proxy_software": ("squid", "one of haproxy, nginx, apache"), "jdk_version": ("new", "a whole number"),
    "xitrum_rollout_strategy": ("fast", "one of rolling, all_at_once"),
}


@pytest.mark.parametrize("names", [("xitrum_supervisor",), ("xitrum_http_port",), tuple(WRONG)])
def test_values_of_another_type_or_choice(tmp_path, names):
    """They keep the hosts from being read, and nothing follows from them."""
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, **{name: WRONG[name][0] for name in names})
    assert run.code != 0 and run.text.count("fatal:") == 1 and "could not be read" not in run.text, run.text
    assert f"{len(names)} error{'s' if len(names) > 1 else ''}. No host was changed." in run.text
    assert all(f"- {name} is {WRONG[name][0]!r}: expected {WRONG[name][1]}" in run.text for name in names)


@pytest.mark.long
def test_the_package_is_read_despite_a_variable_without_a_value(tmp_path):
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, application_package_read=None, xitrum_secure_key=MISSING, xitrum_package="/no/package")
    assert run.code != 0 and run.text.count("fatal:") == 1, run.text
    assert "2 errors. No host was changed." in run.text
    assert "there is no package at /no/package" in run.text and "- the variable xitrum_secure_key has no value" in run.text


def test_the_addresses_of_all_proxies(tmp_path):
    """They are found wrong before a filter fails on the first of them."""
    run = play(tmp_path, READ, HOSTS, READS, PROXIES, addressed=False)
    assert run.code != 0
    for proxy in PROXIES:
        assert tasks_with(run, f"{proxy}: found the address {proxy}, expected the IP address from which this proxy reaches app1") == 1, run.text
    assert "could not be read" not in run.text


MAINTAINED = "app1 could not be maintained: "


@pytest.mark.long
def test_a_failed_task_of_a_users_own_in_maintenance(tmp_path):
    run = play(tmp_path, MAINTENANCE, HOSTS, READS, PROXIES, xitrum_maintenance_tasks=user_tasks(tmp_path))
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert f"{MAINTAINED}The failure of 'Warm the cache' is printed above. It stays disabled at proxy1, proxy2" in run.text


@pytest.mark.long
def test_a_proxy_in_maintenance(tmp_path):
    (tmp_path / "none.yml").write_text("[]\n")
    run = play(tmp_path, MAINTENANCE, HOSTS, [fails(module="proxy_server", delegated="proxy1", state="ready"), *READS], PROXIES,
               xitrum_maintenance_tasks=str(tmp_path / "none.yml"))
    assert run.code != 0 and tasks_with(run, REASON) == 1, run.text
    assert f"{MAINTAINED}proxy1: {REASON}. It stays disabled at proxy1, proxy2" in run.text


@pytest.mark.parametrize("variables", [
    {"ansible_port": "{{ nope }}"}, {"ansible_port": "abc"}, {"ansible_become": True, "ansible_become_password": "{{ nope }}"},
], ids=["undefined port", "invalid port", "undefined password"])
def test_a_first_host_with_an_unusable_connection_variable_hides_no_error_of_the_others(tmp_path, variables):
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/app1.yml").write_text(json.dumps(variables), encoding="utf-8")
    (tmp_path / "host_vars/app2.yml").write_text(json.dumps({"xitrum_http_port": "80a"}), encoding="utf-8")
    run = play(tmp_path, READ, ["app1", "app2"], [])
    assert run.code != 0 and "No host was changed." in run.text, run.text
    assert "xitrum_http_port is '80a': expected a whole number" in run.text
