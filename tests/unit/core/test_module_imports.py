# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible sends a module to a host with all that it imports: what only the controller needs stays there."""

from __future__ import annotations

import ast
import functools

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.kernel import files as kernel_files
from ansible_collections.xitrum.host.plugins.module_utils.limits import nofile as limits

from tests.docs.role_variables import ROOT

UTILS = ROOT / "plugins/module_utils"
ALL = {".".join(path.relative_to(UTILS).with_suffix("").parts) for path in UTILS.rglob("*.py")}
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
#: A module that runs on the controller alone.
OF_CONTROLLER = ("source_tree",)
#: What reads and edits a source tree, and what finds out how it is built.
OF_SOURCES = {
    "configuration.hocon_edit", "source_tree.java_sources", "configuration.logback", "source_tree.build",
    "source_tree.sbt_definitions", "source_tree.sbt_project", "source_tree.scala_sources", "source_tree.push",
    "source_tree.text", "source_tree.tokens", "source_tree.component", "source_tree.types",
}


@functools.cache
def imports(path):
    """The files of module_utils that a file imports, each as PACKAGE.NAME."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = [*path.parent.parts[: len(path.parent.parts) - node.level + 1], *filter(None, (node.module or "").split("."))]
            names = [".".join([*inside, alias.name]) for alias in node.names] + [".".join(inside)]
            found |= {name.rpartition("module_utils.")[2] for name in names} & ALL
    return found


def sent(module):
    """All files of module_utils that go to a host with a module."""
    found, rows = set(), list(imports(ROOT / f"plugins/modules/{module}.py"))
    while rows:
        name = rows.pop()
        if name not in found:
            found.add(name)
            rows += imports(UTILS / f"{name.replace('.', '/')}.py")
    return found


@pytest.mark.parametrize("module", [module for module in MODULES if module not in OF_CONTROLLER])
def test_a_module_of_hosts_carries_nothing_of_source_trees(module):
    assert sent(module) & OF_SOURCES == set()


def test_what_is_of_the_controller_alone_carries_them():
    """The names above are those of files, and what is sent is found."""
    assert ALL >= OF_SOURCES
    of_action = imports(ROOT / "plugins/plugin_utils/package_inspection.py")
    assert of_action.union(*map(sent, OF_CONTROLLER)) >= OF_SOURCES


def test_a_line_that_could_not_be_read_is_one_kind_of_row():
    found = [kernel_files.parse_lines("/a", "net.core.somaxconn 1\n")[0], limits.parse_lines("/b", "* soft nofile many\n")[0]]
    assert {type(line) for line in found} == {kernel_files.Unread}
