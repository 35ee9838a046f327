# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook refuses a misspelt variable before it reaches a host, and a load test reports an error once for all hosts."""

from __future__ import annotations

import pytest
import yaml

from tests.docs.role_variables import ROOT
from tests.unit.stubbed_plays import play

#: These read all hosts first and report misspelt variables with all other errors.
READ_FIRST = {"site", "base", "deploy", "rollback"}
#: These work on a source tree on the controller; their roles validate it.
OF_TREES = {"heroku", "openshift"}
BOOK = "- import_playbook: PLAYBOOKS/{}.yml\n"


def imports(book):
    return {item["ansible.builtin.import_playbook"]: item for item in yaml.safe_load((ROOT / f"playbooks/{book}.yml").read_text(encoding="utf-8"))
            if "ansible.builtin.import_playbook" in item}


def test_every_playbook_validates_names():
    books = {path.stem for path in ROOT.glob("playbooks/*.yml")}
    for book in books - OF_TREES:
        inventory = imports(book)["plays/inventory.yml"]
        assert ("__inventory_prefixes" in inventory.get("vars", {})) == (book not in READ_FIRST), book
        assert book not in READ_FIRST or {"plays/read.yml", "deploy.yml"} & set(imports(book)), book
    for book in OF_TREES:
        assert f"source_tree_platform: {book}" in (ROOT / f"roles/{book}/tasks/main.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("book, name, near", [
    ("load_test", "load_test_conections", "load_test_connections"), ("console", "console_instnace", "console_instance"),
    ("maintenance", "xitrum_heapp", "xitrum_heap"), ("check", "check_becom", "check_become"), ("remove", "remove_keep_dta", "remove_keep_data"),
    ("check", "xitrum_check_become", "check_become"),
])
def test_a_misspelt_variable_is_refused(tmp_path, book, name, near):
    run = play(tmp_path, BOOK.format(book), ["app1", "app2"], [], load_test_path="/x", **{name: 1})
    assert run.code != 0
    assert f"the variable {name} is set, and no role knows it: did you mean {near}?" in run.text
    # No task was run on a host.
    assert "app1" not in run.text


@pytest.mark.parametrize("book, name, near", [
    ("stop", "stop_instance", "stop_instances"), ("restart", "restart_instance", "restart_instances"), ("run", "run_argument", "run_arguments"),
    ("console", "console_comand", "console_command"), ("remove", "remove_keep_dta", "remove_keep_data"),
])
def test_a_misspelt_variable_is_refused_with_a_limit_too(tmp_path, book, name, near):
    """Which leaves out this machine."""
    run = play(tmp_path, BOOK.format(book), ["app1", "app2"], [], ["proxy1"], options=["--limit", "app1"], **{name: 1})
    assert run.code != 0 and not run.calls
    assert f"the variable {name} is set, and no role knows it: did you mean {near}?" in run.text


BOOKS = sorted(path.stem for path in ROOT.glob("playbooks/*.yml") if path.stem not in OF_TREES)
#: These work on the application hosts alone.
OF_APPLICATIONS = {"console", "deploy", "history", "logs", "maintenance", "restart", "rollback", "run", "start", "stop"}


def test_playbooks_state_the_groups_that_they_work_on():
    needed = {book: imports(book)["plays/inventory.yml"].get("vars", {}).get("__inventory_groups") for book in BOOKS}
    assert needed == {book: ["xitrum"] if book in OF_APPLICATIONS else None for book in BOOKS}


@pytest.mark.parametrize("book, limit", [(book, "db1") for book in BOOKS] + [(book, "proxy1") for book in sorted(OF_APPLICATIONS)])
def test_a_limit_without_a_host_to_work_on_is_refused(tmp_path, book, limit):
    book = BOOK.format(book) + "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: it went on}}]}\n"
    run = play(tmp_path, book, ["app1"], [], ["proxy1"], options=["-i", "db1,", "--limit", limit])
    assert run.code == 2 and not run.calls and "it went on" not in run.text, run.text
    assert f"--limit is '{limit}': expected one or more hosts of the group" in run.text


@pytest.mark.parametrize("book", ["logs", "deploy"])
def test_a_value_that_ends_at_a_blank_is_refused_without_its_words(tmp_path, book):
    run = play(tmp_path, BOOK.format(book), ["app1"], [], options=["-e", "logs_grep=two hidden words"])
    assert run.code != 0
    # As an error, and with the task.
    assert run.text.count("-e has words that belong to no variable: expected NAME=VALUE.") == 2 and "hidden" not in run.text, run.text


def test_an_error_of_the_load_test_is_reported_for_all_hosts_at_once(tmp_path):
    run = play(tmp_path, BOOK.format("load_test"), ["app1", "app2", "app3"], [])
    assert run.code != 0
    # As an error, and with the task.
    assert run.text.count("load_test_path is not set: expected the path of a WebSocket") == 2, run.text


def test_check_mode_of_the_load_test_reports_that_nothing_was_measured():
    tasks = yaml.safe_load((ROOT / "roles/load_test/tasks/main.yml").read_text(encoding="utf-8"))
    report = next(task for task in tasks if task.get("when") == "ansible_check_mode")
    assert "Nothing was measured" in report["ansible.builtin.debug"]["msg"] and report["run_once"]
