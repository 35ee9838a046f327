# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible sends a module to a host with all that it imports: what only the controller needs stays there."""

from __future__ import annotations

import ast

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import kernel_files, limits

from tests.docs.role_variables import ROOT

PACKAGE = "ansible_collections.xitrum.host.plugins.module_utils"
UTILS = ROOT / "plugins/module_utils"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
#: Modules that run on the controller alone.
OF_CONTROLLER = ("package_info", "source_tree", "source_push")
#: What reads and edits a source tree, and what tells how it is built.
OF_SOURCES = {"hocon_edit", "java_sources", "logback", "package_build", "sbt_definitions", "sbt_project", "scala_sources", "source_push", "source_text",
              "source_tokens", "source_tree", "source_types"}


def imports(path):
    """The files of module_utils that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            inside = node.module[len(PACKAGE):].lstrip(".")
            found |= {inside} if inside else {alias.name for alias in node.names}
    return found


def sent(module):
    """All files of module_utils that go to a host with a module."""
    found, rows = set(), list(imports(ROOT / f"plugins/modules/{module}.py"))
    while rows:
        name = rows.pop()
        if name not in found:
            found.add(name)
            rows += imports(UTILS / f"{name}.py")
    return found


@pytest.mark.parametrize("module", [module for module in MODULES if module not in OF_CONTROLLER])
def test_a_module_of_hosts_carries_nothing_of_source_trees(module):
    assert sent(module) & OF_SOURCES == set()


def test_the_modules_of_the_controller_do():
    """The names above are those of files, and what is sent is found."""
    assert {path.stem for path in UTILS.glob("*.py")} >= OF_SOURCES
    assert set().union(*map(sent, OF_CONTROLLER)) >= OF_SOURCES


def test_a_line_that_could_not_be_read_is_one_kind_of_row():
    found = [kernel_files.parse_lines("/a", "net.core.somaxconn 1\n")[0], limits.parse_lines("/b", "* soft nofile many\n")[0]]
    assert {type(line) for line in found} == {kernel_files.Unread}
