# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source trees in each layout that Xitrum projects have, made from the one of a new project."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from tests.platform.conftest import make_tree, run_git

#: All that belongs to the application; the rest of the tree is its build.
OF_APP = ("config", "public", "script", "src")
BOOT = "package {0}\n\nobject Boot {{\n  def main(args: Array[String]): Unit = xitrum.Server.start()\n}}\n"
APP = "package {0}\n\nobject Boot extends App {{\n  xitrum.Server.start()\n}}\n"
#: A second program, as comy has one to tidy its database.
TIDY = "package comy\n\nobject GC extends App {\n  println(\"tidied\")\n}\n"
SEVERAL = """val shared = Seq(scalaVersion := "2.13.18", libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0")

XitrumPackage.skip

lazy val module1 = (project in file("module1")).settings(shared, XitrumPackage.skip)

// What is deployed.
lazy val web = (project in file("app"))
  .settings(shared, XitrumPackage.copy("config", "public", "script"))
  .dependsOn(module1)
"""
TOP = '\nlazy val top = (project in file("."))\n'
OLD_BUILD = """organization := "com.example"

name := "chat"

scalaVersion := "2.10.2"

libraryDependencies += "tv.cntt" %% "xitrum" % "2.11"

XitrumPlugin.copy("bin", "config", "public")
"""


class Layout(NamedTuple):
    """What is found in a tree: the folders of its build and of its application, runner, main class and packaging task."""

    build: str
    app: str
    runner: str
    main_class: str
    task: str

    def get_path(self, path):
        """The path of an application's file in the tree."""
        return path if self.app == "." else f"{self.app}/{path}"

    @property
    def package(self):
        """Where the package is, from the folder of the build."""
        return "target/xitrum" if self.build == self.app else f"{self.app}/target/xitrum"


LAYOUTS = {
    "template": Layout(".", ".", "script/runner", "quickstart.Boot", "xitrumPackage"),
    "another-main-class": Layout(".", ".", "script/runner", "demos.Boot", "xitrumPackage"),
    "two-main-classes": Layout(".", ".", "script/runner", "comy.Boot", "xitrumPackage"),
    "folder": Layout("demo", "demo", "script/runner", "quickstart.Boot", "xitrumPackage"),
    "several-projects": Layout(".", "app", "script/runner", "quickstart.Boot", "xitrumPackage"),
    "several-projects-and-top": Layout(".", "app", "script/runner", "quickstart.Boot", "web/xitrumPackage"),
    "start": Layout(".", ".", "script/start", "tictactoe.Boot", "xitrumPackage"),
    "before": Layout(".", ".", "bin/runner", "leochat.Boot", "xitrum-package"),
    "before-start": Layout(".", ".", "script/start", "chat.Boot", "xitrum-package"),
    "before-both-lines": Layout(".", ".", "bin/runner", "chat.Boot", "xitrumPackage"),
}
#: Those with sbt 0.13: the versions of sbt, and the line that brings the packaging plugin.
BEFORE = {
    "before": ("0.13.0", '// Run sbt/sbt xitrum-package\naddSbtPlugin("tv.cntt" % "xitrum-plugin" % "1.4")\n'),
    "before-start": ("0.13.7", 'addSbtPlugin("tv.cntt" % "xitrum-package" % "1.8")\n'),
    # The one that serves both lines of sbt.
    "before-both-lines": ("0.13.17", 'addSbtPlugin("tv.cntt" % "xitrum-package" % "1.9")\n'),
}


def make_layout(name, folder):
    """A tree of this layout, committed."""
    tree, layout = make_tree(folder), LAYOUTS[name]
    package = layout.main_class.rpartition(".")[0]
    source = tree / "src/main/scala"
    shutil.rmtree(source / "quickstart")
    (source / package).mkdir()
    (source / package / "Boot.scala").write_text(BOOT.format(package))
    (tree / "README.md").write_text("Build it with sbt/sbt xitrum-package, then run script/runner quickstart.Boot.\n")
    if name == "two-main-classes":
        (source / package / "GC.scala").write_text(TIDY)
    elif name == "folder":
        move(tree, [*OF_APP, "build.sbt", "project", "sbt"], layout.app)
    elif name.startswith("several-projects"):
        move(tree, OF_APP, layout.app)
        (tree / "build.sbt").write_text(SEVERAL + (TOP if name.endswith("top") else ""))
        (tree / "module1/src/main/scala/module1").mkdir(parents=True)
        (tree / "module1/src/main/scala/module1/Tool.scala").write_text("package module1\n\nobject Tool {\n  val name = \"tool\"\n}\n")
    elif name == "start":
        (tree / "script/runner").rename(tree / "script/start")
    elif name in BEFORE:
        if name == "before-start":
            (tree / "script/runner").rename(tree / "script/start")
            (source / package / "Boot.scala").write_text(APP.format(package))
        else:
            (tree / "script").rename(tree / "bin")
        version, plugin = BEFORE[name]
        (tree / "build.sbt").write_text(OLD_BUILD)
        (tree / "project/build.properties").write_text(f"sbt.version={version}\n")
        (tree / "project/plugins.sbt").write_text(plugin)
    run_git(tree, "add", "-A")
    run_git(tree, "commit", "-qm", "Another layout", "--allow-empty")
    return tree


def move(tree, names, folder):
    """Moves entries of a tree into a folder of it."""
    (tree / folder).mkdir()
    for name in names:
        (tree / name).rename(tree / folder / name)
