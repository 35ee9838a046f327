# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message names the packaging task that the project's own sbt has, and why a build brought no package."""

from __future__ import annotations

import ast
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.package import contents as package
from ansible_collections.xitrum.host.plugins.module_utils.package import source as package_source
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import build as package_build
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import sbt_project

from tests.docs.role_variables import ROOT

TODAY = {"project/build.properties": "sbt.version=1.7.3\n", "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")\n',
         "config/xitrum.conf": "", "sbt/sbt": ""}
BEFORE = {"project/build.properties": "sbt.version=0.13.7\n", "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "1.8")\n',
          "config/xitrum.conf": ""}
SEVERAL = {
    "project/build.properties": "sbt.version=1.7.3\n", "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")\n',
    "build.sbt": 'lazy val root = project in file(".")\nlazy val web = project in file("app")\n', "app/config/xitrum.conf": "",
}


def write(top, files):
    for path, text in files.items():
        if text is None:
            continue
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return str(top)


@pytest.mark.parametrize(("files", "below", "command", "where", "made"), [
    (TODAY, "", "sbt/sbt xitrumPackage", "", "target/xitrum"),
    (TODAY, "target/xitrum", "sbt/sbt xitrumPackage", "", "target/xitrum"),
    (BEFORE, "target/xitrum", "sbt xitrum-package", "", "target/xitrum"),
    (SEVERAL, "app/target/xitrum", "sbt web/xitrumPackage", "", "app/target/xitrum"),
    (SEVERAL, "", "sbt web/xitrumPackage", "", "app/target/xitrum"),
    ({**SEVERAL, "build.sbt": 'lazy val root = project in file(".")\nlazy val web = project in file("services/web")\n', "app/config/xitrum.conf": None,
      "services/web/config/xitrum.conf": "", "services/web/target/xitrum/config/xitrum.conf": ""},
     "", "sbt web/xitrumPackage", "", "services/web/target/xitrum"),
    ({"project/xitrum.sbt": TODAY["project/plugins.sbt"], "config/xitrum.conf": ""}, "", "sbt xitrumPackage", "", "target/xitrum"),
    ({f"demo/{path}": text for path, text in TODAY.items()}, "", "sbt/sbt xitrumPackage", "demo", "demo/target/xitrum"),
])
def test_the_hint_is_the_command_of_the_tree(tmp_path, files, below, command, where, made):
    top = write(tmp_path / "shop", files)
    how = f"with {command} in {top}/{where}".rstrip("/")
    hint = f"build the package {how}, and give the folder that it makes, {top}/{made}"
    assert package.format_hint(f"{top}/{below}".rstrip("/")) == hint
    if below:
        with pytest.raises(package_source.SourceError) as failed:
            package_source.obtain(f"{top}/{below}", None, None, str(tmp_path / "cache"), hint=package_build.render_hint)
        assert str(failed.value) == f"there is no package at {top}/{below}: build it {how}, or correct xitrum_package"


def test_the_hint_reports_where_the_project_is_not_known(tmp_path):
    top = write(tmp_path, {**SEVERAL, "build.sbt": 'lazy val root = project in file(".")\nlazy val web = module("app")\n'})
    assert package.format_hint(top) == (f"build the package with sbt PROJECT/xitrumPackage in {top} (PROJECT is the sbt project of the folder app),"
                                        f" and give the folder that it makes, {top}/app/target/xitrum")
    assert "calls it xitrumPackage. Set xitrum_build_command to sbt xitrumPackage" in package_build.build_errors("sbt xitrum-package", top, 1, NO_KEY)[0]


def test_the_hint_lists_several_applications(tmp_path):
    top = write(tmp_path, {**SEVERAL, "apps/admin/config/xitrum.conf": ""})
    assert package.format_hint(top) == (
        f"build the package with sbt PROJECT/xitrumPackage in {top} (PROJECT is the sbt project of FOLDER, one of app, apps/admin),"
        f" and give the folder that it makes, {top}/FOLDER/target/xitrum"
    )
    assert (
        package.format_hint(f"{top}/app")
        == f"build the package with sbt web/xitrumPackage in {top}, and give the folder that it makes, {top}/app/target/xitrum"
    )


def test_without_a_tree_both_tasks_are_named(tmp_path):
    assert package.format_hint(str(tmp_path)) == (
        "build the package with sbt/sbt xitrumPackage (sbt/sbt xitrum-package with a packaging plugin before 1.9), "
        "and give the folder that it makes, target/xitrum")


NO_KEY = """[info] loading settings for project shop from build.sbt ...
\x1b[0m[\x1b[0m\x1b[31merror\x1b[0m] \x1b[0mNot a valid command: xitrum-package\x1b[0m
[error] Not a valid project ID: xitrum-package
[error] Expected ':'
[error] Not a valid key: xitrum-package (similar: xitrumPackage, xitrumCopies, package)
[error] xitrum-package
"""


@pytest.mark.parametrize(("files", "command", "output", "message"), [
    (TODAY, "sbt/sbt clean xitrum-package", NO_KEY,
     "no task xitrum-package: sbt 1.7.3 with its packaging plugin 2.0.0 calls it xitrumPackage. "
     "Set xitrum_build_command to sbt/sbt clean xitrumPackage"),
    (BEFORE, "sbt xitrumPackage", "[error] Not a valid key: xitrumPackage (similar: xitrum-package)\n",
     "no task xitrumPackage: sbt 0.13.7 with its packaging plugin 1.8 calls it xitrum-package. "
     "Set xitrum_build_command to sbt xitrum-package"),
    (SEVERAL, "sbt web/xitrum-package", "[error] Not a valid key: xitrum-package\n",
     "calls it web/xitrumPackage. Set xitrum_build_command to sbt web/xitrumPackage"),
    ({}, "make xitrum-package", NO_KEY,
     "no task xitrum-package: expected the task xitrumPackage. Set xitrum_build_command to make xitrumPackage"),
])
def test_a_task_that_the_build_does_not_have(tmp_path, files, command, output, message):
    top = write(tmp_path, files)
    errors = package_build.build_errors(command, top, 1, output)
    assert len(errors) == 1
    assert errors[0].startswith(f"xitrum_build_command is {command!r}, and the build in {top} has ") and errors[0].endswith(message), errors[0]


def test_a_build_that_fails_and_one_that_reports_so_with_code_0(tmp_path, monkeypatch):
    monkeypatch.setattr(package_build.shutil, "which", lambda program: f"/usr/bin/{program}")
    output = "[info] compiling\n\x1b[31m[error]\x1b[0m Boot.scala:3: not found: value Srver\n[error] \x1b]0;title\x07Compilation failed\n"
    assert package_build.build_errors("sbt stage", str(tmp_path), 1, output) == [
        f"xitrum_build_command (sbt stage) ended with code 1 in {tmp_path}: [info] compiling | "
        "[error] Boot.scala:3: not found: value Srver | [error] \\x1b]0;title\\x07Compilation failed. "
        "Run it there by hand, and correct the command or the project"]
    silent = ("[info] done\nxitrum-package failed, reason:\njava.io.IOException: No space left on device\n"
              "\tat sbt.IO$.copy(IO.scala:1)\n[success] Total time: 1 s\n")
    error = package_build.build_errors("sbt xitrum-package", str(tmp_path), 0, silent)[0]
    assert "ended with code 0, and its packaging task failed in " in error and "No space left on device" in error
    assert package_build.build_errors("sbt stage", str(tmp_path), 0, "[success] done\n") == []
    assert "it printed nothing" in package_build.build_errors("false", str(tmp_path), 1, "")[0]


@pytest.mark.parametrize(("command", "message"), [
    ("sbt/sbt xitrumPackage", "found no program sbt/sbt that can be executed"), ("no-such-program x", "found no program no-such-program that"),
    ("sbt 'x", "its quotes do not match"),
])
def test_a_program_that_is_not_there_is_named(tmp_path, command, message):
    assert message in package_build.build_errors(command, str(tmp_path), 2, "Error executing command.")[0]


#: What a person reads about the project, but for the change log: pages, examples, descriptions of variables, playbooks.
PAGES = sorted(path for pattern in ("*.md", "docs/**/*.md", "roles/*/*.md", "roles/*/meta/*.yml", "roles/*/templates/*", "inventories/**/*",
                                    "playbooks/**/*.yml", "roles/*/defaults/*.yml", "roles/*/vars/*.yml", "roles/*/tasks/*.yml")
               for path in ROOT.glob(pattern) if path.is_file() and path.name != "CHANGELOG.md")


@pytest.mark.parametrize("page", [page for page in PAGES if sbt_project.TODAY in page.read_text() or f"`{sbt_project.BEFORE}`" in page.read_text()],
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_that_names_the_task_names_both(page):
    """It is written for all projects, and each knows one of the names only."""
    text = page.read_text()
    assert sbt_project.TODAY in text and sbt_project.BEFORE in text


def test_no_message_has_a_task_of_its_own():
    """The name in a message is that of the project, from the one place that knows both."""
    found = []
    for path in sorted(ROOT.glob("plugins/**/*.py")):
        code = ast.parse(path.read_text())
        # The documentation of a module is a page, and a docstring is for those who read the code.
        texts = [node.value for node in ast.walk(code) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        docs = {ast.get_docstring(node, clean=False) for node in ast.walk(code) if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))}
        names = {node.targets[0].id: node.value.value for node in code.body
                 if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)}
        pages = {names.get(name) for name in ("DOCUMENTATION", "EXAMPLES", "RETURN")}
        found += [(path.stem, text) for text in texts if re.search(rf"{sbt_project.TODAY}|sbt/sbt", text) and text not in docs | pages]
    assert {name for name, _text in found} == {"sbt_project", "build"}, found
    # The names themselves, and how sbt words that it does not know one.
    assert sorted(text for _name, text in found) == sorted([sbt_project.TODAY, sbt_project.LAUNCHER, package_build._UNKNOWN_TASK.pattern])
