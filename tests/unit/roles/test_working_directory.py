# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relative path of a user is relative to the folder in which ansible-playbook was started, whatever the environment has."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml

from tests.docs.role_variables import ROOT

ROLES = ROOT / "roles"
BOOK = f"""
- hosts: localhost
  gather_facts: false
  vars_files: [{ROLES}/application/vars/main.yml, {ROLES}/console/vars/main.yml, {ROLES}/source_tree/vars/main.yml]
  vars: {{console_save: reported, source_tree_path: tree, xitrum_package: app.tar.gz, ansible_connection: local,
         ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"}}
  tasks:
    - name: Report
      xitrum.host.report: {{kind: check, dir: report}}
      register: report
    - name: Keep the paths
      ansible.builtin.copy:
        dest: "{{{{ playbook_dir }}}}/paths.json"
        content: "{{{{ [report.page, __console_folder, __source_tree_path, __application_source, __application_started_in] | to_json }}}}"
        mode: "0600"
"""


@pytest.mark.long
def test_paths_are_relative_to_where_ansible_was_started(tmp_path):
    books, started = tmp_path / "books", tmp_path / "started"
    for folder in (books, started):
        folder.mkdir()
    (books / "book.yml").write_text(BOOK, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PWD"}
    environment["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    # No shell, which would set PWD.
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", str(books / "book.yml")], cwd=started, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    paths = json.loads((books / "paths.json").read_text(encoding="utf-8"))
    assert paths == [f"{started}/report/check.html", f"{started}/reported", f"{started}/tree", f"{started}/app.tar.gz", str(started)]
    assert (started / "report/check.json").is_file()


@pytest.mark.parametrize(("role", "option", "folder"), [
    ("xitrum", "xitrum_report_dir", "xitrum-check"), ("load_test", "load_test_report_dir", "xitrum-load-test")])
def test_the_folder_of_a_report_has_a_relative_default(role, option, folder):
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert defaults[option] == folder


def test_no_role_takes_the_folder_from_the_environment():
    paths = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml")]
    assert len(paths) > 100
    assert [str(path) for path in paths if "'PWD'" in path.read_text(encoding="utf-8")] == []
