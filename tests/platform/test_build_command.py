# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build command runs on the controller, and its failure is one of the errors that preflight lists."""

from __future__ import annotations

import json

import pytest

from tests.platform.conftest import run_ansible_playbook
from tests.platform.layouts import make_layout

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Build and read the package
      ansible.builtin.include_role:
        name: xitrum.host.application
        tasks_from: package.yml
        public: true
    - name: Keep what was read
      ansible.builtin.copy:
        content: "{{ application_package_read.errors | to_json }}"
        dest: errors.json
        mode: "0644"
      delegate_to: localhost
"""


@pytest.fixture(name="find_errors")
def fixture_find_errors(tmp_path, package):
    """`find_errors(**variables)`: what is wrong with the package after a build."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)

    def run(**variables):
        arguments = ["-c", "local", "-e", json.dumps(variables), str(tmp_path / "play.yml")]
        played = run_ansible_playbook(arguments, {"DEMO_PACKAGE": str(package)})
        assert played.code == 0, played.text
        return json.loads((tmp_path / "errors.json").read_text())

    return run


def test_a_build_brings_a_package_or_one_error(find_errors, tmp_path):
    tree = make_layout("template", tmp_path / "shop")
    there = {"xitrum_build_dir": str(tree), "xitrum_package": str(tree / "target/xitrum")}
    assert find_errors(xitrum_build_command="sbt/sbt xitrum-package", **there) == [
        f"xitrum_build_command is 'sbt/sbt xitrum-package', and the build in {tree} has no task xitrum-package: "
        "sbt 1.10.0 with its packaging plugin 2.0.0 calls it xitrumPackage. Set xitrum_build_command to sbt/sbt xitrumPackage"]
    missing = find_errors(xitrum_build_command="sbt/sbd xitrumPackage", **there)
    assert len(missing) == 1 and missing[0].startswith("xitrum_build_command (sbt/sbd xitrumPackage) ended with code ")
    assert "found no program sbt/sbd that can be executed" in missing[0]
    assert find_errors(xitrum_build_command="sbt/sbt xitrumPackage", **there) == []
