# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every play of a playbook keeps."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.docs.role_variables import ROOT

PLAYS = [(str(path.relative_to(ROOT)), play) for path in sorted(ROOT.glob("playbooks/**/*.yml"))
         for play in yaml.safe_load(path.read_text()) if "hosts" in play]


@pytest.mark.parametrize("path, play", PLAYS, ids=[f"{path}: {play['name']}" for path, play in PLAYS])
def test_a_play_does_not_leave_the_strategy_to_whoever_runs_it(path, play):
    """One message before the first host is touched, and batches that wait for each other: with `free` or `host_pinned` of an
    ansible.cfg, hosts would not wait, and `run_once` and `any_errors_fatal` would not hold."""
    assert play.get("strategy") == "linear", f"{path} runs by the strategy of whoever runs it"


@pytest.mark.parametrize("path, play", PLAYS, ids=[f"{path}: {play['name']}" for path, play in PLAYS])
def test_a_play_does_not_leave_to_an_ansible_cfg_whom_a_failure_ends(path, play):
    """With `any_errors_fatal` of an ansible.cfg, one host that does not answer would end the reading of all, without a word of what to do."""
    assert isinstance(play.get("any_errors_fatal"), bool), f"{path} ends as the settings of whoever runs it report"
    assert play.get("gather_facts") is False, "facts of a cache may be of another day"


@pytest.mark.parametrize("path, play", PLAYS, ids=[f"{path}: {play['name']}" for path, play in PLAYS])
def test_a_play_that_ends_the_run_ends_it_for_every_host(path, play):
    """docs/explanation/architecture.md, "Errors end a run for all hosts", has the reason for both."""
    assert play.get("max_fail_percentage") in (None, 0)
    assert play.get("max_fail_percentage") is None or play["any_errors_fatal"], f"{path} ends for some hosts only"


#: Plays whose tasks have time limits of their own, or are a user's: a console, an upgrade of packages, a load test of any length.
OPEN_END = {"playbooks/console.yml", "playbooks/load_test.yml", "playbooks/logs.yml", "playbooks/run.yml"}


def test_each_play_that_acts_on_hosts_has_a_time_limit_for_its_tasks():
    """A host that was paused was silent for as long as it was."""
    without = {f"{path}: {play['name']}" for path, play in PLAYS if play.get("become") and "timeout" not in play and path not in OPEN_END}
    assert without == {"playbooks/maintenance.yml: Maintain the hosts one at a time"}


def test_a_deploy_reads_the_proxies_before_it_begins_and_at_its_end():
    """One that is away would stop the rollout in its middle, which a site run knows from its first play."""
    book = yaml.safe_load((ROOT / "playbooks/deploy.yml").read_text())
    key = "ansible.builtin.import_playbook"
    hosts = {play[key]: (play.get("vars") or {}).get("__run_hosts", "") for play in book}
    assert "xitrum_proxy" in hosts["plays/read.yml"] and "xitrum_proxy" in hosts["plays/report.yml"]


def test_each_playbook_that_changes_hosts_ends_with_the_tasks_of_the_user():
    """Those of xitrum_after_run, which would otherwise miss the runs of one playbook."""
    key, ends = "ansible.builtin.import_playbook", set()
    for path in (ROOT / "playbooks").glob("*.yml"):
        first = yaml.safe_load(path.read_text())[0]
        if (first.get("vars") or {}).get("__inventory_reports"):
            assert first[key] == "plays/inventory.yml"
            ends.add(path.stem)
    books = {path.stem: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
    changing = {name for name, text in books.items() if re.search(r"plays/lock\.yml|tasks_from: maintenance\.yml|import_playbook: deploy\.yml", text)}
    assert ends == changing and {"site", "deploy", "rollback", "base", "maintenance"} <= ends


def test_a_playbook_that_imports_another_one_validates_the_inventory_once():
    key = "ansible.builtin.import_playbook"
    books = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "playbooks").glob("*.yml")}
    validating = {name for name, book in books.items() if any(item.get(key) == "plays/inventory.yml" for item in book)}
    nested = [(name, item) for name, book in books.items() if name in validating for item in book if item.get(key) in validating]
    assert [(name, item[key], (item.get("vars") or {}).get("__inventory_validated")) for name, item in nested] == [("rollback.yml", "deploy.yml", True)]
    (play,) = yaml.safe_load((ROOT / "playbooks/plays/inventory.yml").read_text())
    assert play["hosts"].startswith("{{ 'all:!all' if __inventory_validated | default(false) else groups")


def test_only_maintenance_takes_hosts_one_by_one():
    """`serial` has every play begin again for the next hosts, so that nothing would hold for the whole run."""
    assert [path for path, play in PLAYS if "serial" in play] == ["playbooks/maintenance.yml"]


CONTROLLER = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def of_controller(value):
    """Tasks, blocks and plays that work on the controller."""
    if isinstance(value, dict):
        if value.get("delegate_to") == "localhost" or "localhost" in str(value.get("hosts")):
            yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from of_controller(item)


def test_what_works_on_the_controller_does_so_whatever_the_inventory_states_of_localhost():
    """An inventory may have it, and then what is reported about all hosts holds for it: another user, a port, a Python, a password for sudo."""
    paths = [path for pattern in ("playbooks/**/*.yml", "roles/*/tasks/**/*.yml") for path in ROOT.glob(pattern)]
    found = [(path, item) for path in paths for item in of_controller(yaml.safe_load(path.read_text()))]
    assert len(found) > 5
    for path, item in found:
        # The play of the inventory asks nothing of a machine.
        if path.name != "inventory.yml":
            assert item.get("vars", {}).items() >= CONTROLLER.items(), f"{path}: {item}"


def test_pip_runs_by_the_python_for_which_its_package_is_installed():
    """The distribution's python3-packaging is of no use to another Python that an inventory names."""
    tasks = yaml.safe_load((ROOT / "roles/supervisor/tasks/supervisord.yml").read_text())
    found = [task for task in tasks if "ansible.builtin.pip" in str(task.get("block"))]
    assert [task["vars"]["ansible_python_interpreter"] for task in found] == ["/usr/bin/python3"]


def test_there_are_plays():
    assert len(PLAYS) > 20


def tasks_in(tasks):
    """Every task of a list, those in its blocks too."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_in(task.get(part, []))


def supervisor_tasks(name):
    return yaml.safe_load((ROOT / "roles/supervisor/tasks" / name).read_text(encoding="utf-8"))


def test_the_failure_of_an_instance_is_reported_once():
    """A batch keeps it for the report at the end of the run, and the task itself prints nothing of it."""
    change, check = supervisor_tasks("instances.yml")[-2:]
    assert change["register"] == "__supervisor_done"
    assert change["failed_when"] == "__supervisor_done is failed and not (__supervisor_reports | default(false))"
    assert check["when"] == ["__supervisor_reports | default(false)", "__supervisor_done.msg is defined"]
    assert "__supervisor_done" not in check["ansible.builtin.fail"]["msg"]
    for name in ("batch_instances.yml", "maintenance.yml"):
        text = [task for task in tasks_in(supervisor_tasks(name)) if "__supervisor_failure" in str(task)]
        assert text, f"{name} reports what instances.yml does not"
    reason = yaml.safe_load((ROOT / "roles/supervisor/vars/main.yml").read_text(encoding="utf-8"))["__supervisor_failure"]
    assert "__supervisor_done | default({})).msg" in reason


def test_a_failed_installation_of_supervisord_is_reported_once_and_without_credentials():
    tasks = list(tasks_in(supervisor_tasks("supervisord.yml")))
    install = next(task for task in tasks if "ansible.builtin.pip" in task)
    report = tasks[tasks.index(install) + 1]
    done = install["register"]
    # Of a failure with a message, the next task reports the reason; a crash has none yet.
    assert install["failed_when"] == f"{done} is failed and {done}.msg is not defined"
    assert report["when"] == f"{done}.msg is defined"
    assert f"{install['register']}.msg" in report["ansible.builtin.fail"]["msg"] and "hide_credentials(" in report["ansible.builtin.fail"]["msg"]
    # No other task of these repeats a failure that Ansible has printed.
    assert not any("rescue" in task or "ansible_failed_result" in str(task) for task in tasks)


def test_what_cannot_be_put_back_is_reported_where_it_happens():
    """With the reason of the rollout, since a run of one host ends there."""
    put_back = next(task for task in tasks_in(supervisor_tasks("batch_instances.yml")) if task["name"] == "Restore the old release and stop the rollout")
    assert put_back["block"][0]["vars"] == {"__supervisor_reports": False}
    assert "__supervisor_reason" in put_back["rescue"][-1]["ansible.builtin.fail"]["msg"]
    assert "supervisor_stopped" in put_back["always"][0]["ansible.builtin.set_fact"]
