# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the platforms' roles derive from a source tree."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import facts as tree_facts
from ansible_collections.xitrum.host.plugins.module_utils.source_tree.sbt_project import Project


@pytest.mark.parametrize("sbt, java", [("0.12.4", 8), ("0.13.2", 8), ("0.13.16", 8), ("0.13", 8), ("1.0.4", 8), ("0.13.17", 0), ("0.13.18", 0), ("1.1.0", 0),
                                       ("1.10.0", 0), ("", 0)])
def test_the_java_that_sbt_runs_on(sbt, java):
    assert tree_facts.describe_tree({}, Project(".", ".", "", "", sbt), "/src/shop")["java"] == java


@pytest.mark.parametrize("build, app, top, name", [
    ('name         := "Xitrum-New 2"\n', ".", "/src/x", ("xitrum-new-2", "build.sbt")),
    ('// name := "old"\nlazy val a = project.settings(name := "inner")\n', ".", "/src/My_Shop", ("my-shop", "the folder My_Shop")),
    ('name := "all"\n', "web", "/src/shop", ("web", "the folder web")),
    ("", ".", "/src/2024", ("", "the folder 2024")),
    (f'name := "{"a" * 62}-b"\n', ".", "/src/x", ("a" * 62, "build.sbt")),
])
def test_the_name_of_the_application(build, app, top, name):
    found = tree_facts.describe_tree({"build.sbt": build}, Project(app, ".", "", ""), top)
    assert (found["name"], found["name_from"]) == name


ROOT = '<configuration><root level="{}"/></configuration>'
MODE = '<configuration><if condition="p"><then><root level="{}"/></then></if></configuration>'


@pytest.mark.parametrize("before, after, changes", [
    (ROOT.format("DEBUG"), ROOT.format("INFO"), True), (ROOT.format("info"), ROOT.format("INFO"), False),
    (MODE.format("DEBUG"), MODE.format("INFO"), False), ("<configuration/>", ROOT.format("INFO"), False), ("<", "<", False),
])
def test_a_level_that_changes_in_development_too_is_noted(before, after, changes):
    notes = tree_facts.find_level_notes("config/logback.xml", before, after, "heroku_keep_files")
    assert notes == ["config/logback.xml has one root logger for all modes: its level changes from DEBUG to INFO in development too. "
                     "To leave the file as it is, name it in heroku_keep_files."] * changes
