# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to type repeats what was given on the command line, and not what Ansible's settings give the next command too."""

from __future__ import annotations

import pytest
from ansible import constants, context
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line


@pytest.mark.parametrize(("setting", "given", "connection"), [("deploy", "deploy", ""), ("deploy", "carol", "--user=carol"), (None, "carol", "--user=carol")])
def test_a_user_of_the_settings_is_not_repeated(monkeypatch, setting, given, connection):
    monkeypatch.setattr(constants, "DEFAULT_REMOTE_USER", setting)
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({"remote_user": given, "extra_vars": ()}))
    assert command_line.format_given_options()["connection"] == connection


@pytest.mark.parametrize(("given", "repeated"), [
    ("console_command=1+1", "-e console_command=1+1 --limit app1"),
    ("rollback_to=1.0 xitrum_break_lock=true", "-e rollback_to=1.0 --limit app1"),
    ('{"remove_packages": true, "xitrum_break_lock": true}', "-e '{\"remove_packages\": true}' --limit app1"),
    ("xitrum_break_lock=true", "--limit app1"), ("remove_token=hush", "-e remove_token=... --limit app1"),
])
def test_the_same_command_has_what_this_run_was_given_but_for_the_lock_of_others(monkeypatch, given, repeated):
    arguments = {"inventory": ("hosts.yml",), "args": ("console.yml",), "extra_vars": (given,), "subset": "app1"}
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(arguments))
    assert command_line.format_same_command() == f"ansible-playbook -i hosts.yml console.yml {repeated}"
    assert "rollback_to" not in command_line.format_given_options()["variables"]


def test_variables_of_the_command_line_are_also_those_of_files_in_the_folder_where_it_was_typed(monkeypatch, tmp_path):
    (tmp_path / "more.yml").write_text("log_lines: 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line.load_extra_vars, "extra_vars", {}, raising=False)
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({"extra_vars": ("@more.yml", "a=1", '{"b": 2}')}))
    assert sorted(command_line.list_variables()) == ["a", "b", "log_lines"]
