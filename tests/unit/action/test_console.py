# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the console gives the module the sources that run Scala."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.action.console import ActionModule, add_sources

SOURCES = ["XitrumConsole.java", "XitrumConsoleAgent.java", "XitrumConsoleInterpreter.java", "XitrumConsoleShell.java"]


def test_a_console_gets_its_sources_as_they_are():
    for given in ({"instance": 0}, {"action": "scala", "command": "6 * 7"}):
        made = add_sources(given)
        assert sorted(made["sources"]) == SOURCES
        assert all(text.endswith("}\n") and f"class {name[:-5]}" in text for name, text in made["sources"].items())
        assert {name: made[name] for name in given} == given


@pytest.mark.parametrize(("save", "reason"), [
    ("", "console_save is empty: expected a folder on the controller for the heap dump"),
    ("file/dumps", "/file/dumps, which cannot be made: {folder}/file is not a folder. Set it to another folder"),
])
def test_a_folder_that_cannot_have_the_file_is_refused_before_the_application_stands_still(tmp_path, save, reason):
    (tmp_path / "file").write_text("")
    made = object.__new__(ActionModule)
    found = made._record({"action": "heap_dump", "save": save and str(tmp_path / save)}, {"inventory_hostname": "app1"})
    assert found["rules"] == ["console.save"] and reason.format(folder=tmp_path) in found["msg"]


def test_what_is_given_wins_and_a_question_to_jcmd_needs_none():
    assert add_sources({"sources": {"A.java": ""}})["sources"] == {"A.java": ""}
    assert add_sources({"action": "threads"}) == {"action": "threads"}
