# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of every layout are recognized: where the application is, what packages it, and what starts it."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import component as source_tree
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import sbt_project

from tests.unit.source_tree.test_component import PROJECT, TOP, desired, find_errors, run, tree

BOOT = "package {0}\n\nimport xitrum.Server\n\nobject Boot {{\n  def main(args: Array[String]): Unit = {{\n    Server.start()\n  }}\n}}\n"
GC = "package comy\n\nobject GC extends App {\n  println(1)\n}\n"
SBT_1 = {"project/build.properties": "sbt.version=1.7.3\n", "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")\n'}
SBT_013 = {
    "project/build.properties": "sbt.version=0.13.0\n",
    "project/plugins.sbt": '// Run sbt/sbt xitrum-package\naddSbtPlugin("tv.cntt" % "xitrum-plugin" % "1.4")\n',
}
MODULES = """val sharedSettings = Seq(libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0")

XitrumPackage.skip

lazy val module1 = (project in file("module1")).settings(sharedSettings, XitrumPackage.skip)

lazy val web = (project in file("app")).settings(sharedSettings, XitrumPackage.copy("config", "public", "script")).dependsOn(module1)
"""
NOT_AT_TOP = dict.fromkeys(("build.sbt", "project/plugins.sbt", "config/xitrum.conf", "config/logback.xml", "script/runner"))
APP = {"config/xitrum.conf": "port { http = 8000 }\n", "config/logback.xml": "<configuration/>\n", "script/runner": "#!/bin/bash\n"}
BUILD = {"build.sbt": 'libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0"\n'}


def below(folder, files):
    return {f"{folder}/{path}": text for path, text in files.items()}


def platform(**more):
    """What a role of a platform asks for."""
    return desired(
        prefix="heroku", entries=[{"path": "@BUILD@/Procfile", "kind": "procfile", "values": {"web": "@BUILD_PACKAGE@/@RUNNER@ @MAIN_CLASS@"}}],
        aliases={"stage": ";@TASK@"}, settings={"xitrum.port.http": "${PORT}"}, **more)


LAYOUTS = {
    "template": ({**SBT_1, "src/main/scala/quickstart/Boot.scala": BOOT.format("quickstart")},
                 "Procfile", "target/xitrum/script/runner quickstart.Boot", ";xitrumPackage"),
    "another-main-class": ({**SBT_1, "src/main/scala/demos/Boot.scala": BOOT.format("demos")},
                           "Procfile", "target/xitrum/script/runner demos.Boot", ";xitrumPackage"),
    "folder": ({**NOT_AT_TOP, **below("demo", {**SBT_1, **APP, **BUILD, "src/main/scala/demos/Boot.scala": BOOT.format("demos")}), "README.md": ""},
               "demo/Procfile", "target/xitrum/script/runner demos.Boot", ";xitrumPackage"),
    "several-projects": ({**NOT_AT_TOP, **SBT_1, "build.sbt": MODULES, **below("app", {**APP, "src/main/scala/app/Boot.scala": BOOT.format("app")}),
                          "module1/src/main/scala/module1/Tool.scala": BOOT.format("module1")},
                         "Procfile", "app/target/xitrum/script/runner app.Boot", ";xitrumPackage"),
    "several-projects-own-top": ({**NOT_AT_TOP, **SBT_1, "build.sbt": MODULES + 'lazy val root = (project in file("."))\n',
                                  **below("app", {**APP, "src/main/scala/app/Boot.scala": BOOT.format("app")})},
                                 "Procfile", "app/target/xitrum/script/runner app.Boot", ";web/xitrumPackage"),
    "start": ({**SBT_1, "script/runner": None, "script/start": "#!/bin/bash\n", "src/main/scala/t/Boot.scala": BOOT.format("tictactoe")},
              "Procfile", "target/xitrum/script/start tictactoe.Boot", ";xitrumPackage"),
    "before": ({**SBT_013, "script/runner": None, "bin/runner": "#!/bin/sh\n", "src/main/scala/leochat/Boot.scala": BOOT.format("leochat")},
               "Procfile", "target/xitrum/bin/runner leochat.Boot", ";xitrum-package"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tree_of_each_layout_is_prepared_once(name):
    files, procfile, web, alias = LAYOUTS[name]
    host = tree(files)
    plan = run(host, platform())
    assert list(plan.errors) == []
    assert host.files[f"{TOP}/{procfile}"] == f"web: {web}\n"
    build = procfile.replace("Procfile", "build.sbt")
    assert host.files[f"{TOP}/{build}"].endswith(f'\n\naddCommandAlias("stage", "{alias}")\n')
    assert plan.facts["main_class"] == web.split()[-1]
    assert plan.facts["notes"][0].startswith(f"The main class is {web.split()[-1]}, the only one in the sources (")
    assert not run(host, platform()).changed


def test_of_several_main_classes_all_are_listed_and_none_is_chosen():
    files = {**SBT_1, "src/main/scala/comy/Boot.scala": BOOT.format("comy"), "src/main/scala/comy/GC.scala": GC}
    assert find_errors(tree(files), platform()) == (
        f"{TOP}: found 2 main classes: comy.Boot (src/main/scala/comy/Boot.scala), comy.GC (src/main/scala/comy/GC.scala); expected one. "
        "Set heroku_main_class to the one that starts the application")
    assert run(tree(files), platform(main_class="comy.Boot")).facts["main_class"] == "comy.Boot"


def test_a_main_class_that_is_given_is_not_reported():
    host = tree({**SBT_1, "src/main/scala/shop/Boot.scala": BOOT.format("shop")})
    assert run(host, platform(main_class="shop.Boot")).facts["notes"] == []


@pytest.mark.parametrize(("name", "options", "folder"), [
    ("folder", {"builds_top": True}, "demo"), ("folder", {}, ""), ("several-projects", {"builds_top": True}, ""), ("template", {"builds_top": True}, ""),
])
def test_a_platform_that_builds_the_top_gets_a_note_on_a_build_in_a_folder(name, options, folder):
    notes = run(tree(LAYOUTS[name][0]), platform(**options)).facts["notes"]
    assert len(notes) == (2 if folder else 1)
    assert not folder or notes[1].endswith(f"for example with: git subtree push --prefix {folder} heroku main")


def test_a_test_is_no_main_class_and_none_is_an_error():
    messages = find_errors(tree({**SBT_1, "src/test/scala/shop/Boot.scala": BOOT.format("shop")}), platform())
    assert messages == f"{TOP}: found no object with a main method in the sources; expected one. Set heroku_main_class to the main class"


@pytest.mark.parametrize("path", [
    "src/main/Old.scala", "app/src/test/scala/T.scala", "src/it/scala/T.scala", "src/main/resources/T.scala", "src/main/scalatest/T.scala",
])
def test_a_file_that_sbt_does_not_compile_is_no_source(path):
    files = {**SBT_1, "src/main/scala/shop/Boot.scala": BOOT.format("shop"), path: BOOT.format("old")}
    assert run(tree(files), platform()).facts["main_class"] == "shop.Boot"


@pytest.mark.parametrize("path", ["Boot.scala", "src/main/scala-2.13/shop/Boot.scala", "src/main/java/shop/Boot.scala", "src/main/scala/Boot.scala"])
def test_each_folder_that_sbt_compiles(path):
    assert run(tree({**SBT_1, path: BOOT.format("shop")}), platform()).facts["notes"] == [
        f"The main class is shop.Boot, the only one in the sources ({path}). To choose another one, set heroku_main_class."]


def test_a_main_method_that_is_not_attributed_stops_the_run():
    launcher = "package shop\n\nclass Launcher {\n  def main(args: Array[String]): Unit = ()\n}\n"
    files = {**SBT_1, "src/main/scala/shop/Boot.scala": BOOT.format("shop"), "src/main/scala/shop/Launcher.scala": launcher}
    assert find_errors(tree(files), platform()) == (
        f"{TOP}: found the main class shop.Boot (src/main/scala/shop/Boot.scala) and a main method in the class shop.Launcher "
        "(src/main/scala/shop/Launcher.scala:4); expected one object with a main method. "
        "Set heroku_main_class to the main class that starts the application")


def test_of_several_applications_all_are_listed_and_none_is_chosen():
    two = {**NOT_AT_TOP, **below("shop", {**SBT_1, **APP, **BUILD}), **below("admin", {**SBT_1, **APP, **BUILD})}
    assert find_errors(tree(two), platform()) == (
        f"found 2 applications in {TOP}: admin, shop; expected one. Set heroku_project to the folder of one of them")
    assert run(tree(two), platform(project="shop", main_class="shop.Boot")).facts["project"] == "shop"


def test_what_sbt_has_built_is_no_application():
    built = {**SBT_1, **below("target/xitrum", APP), "src/main/scala/shop/Boot.scala": BOOT.format("shop")}
    assert run(tree(built), platform()).facts["project"] == "."


@pytest.mark.parametrize(("sbt", "plugin", "name", "task"), [
    ("1.7.3", "2.0.0", "xitrum-package", "xitrumPackage"),
    ("1.2.1", "1.9", "xitrum-package", "xitrumPackage"),
    ("0.13.17", "1.9", "xitrum-package", "xitrumPackage"),
    ("0.13.7", "1.8", "xitrum-package", "xitrum-package"),
    ("0.13.0", "1.4", "xitrum-plugin", "xitrum-package"),
    ("1.10.0", "", "", "xitrumPackage"),
    ("0.13.9", "", "", "xitrum-package"),
    ("", "", "", "xitrumPackage"),
])
def test_the_task_is_the_one_that_the_plugin_has(sbt, plugin, name, task):
    assert sbt_project.find_packaging_task(sbt, plugin, name) == task


ROOT = 'lazy val root = (project in file("."))\n'
SCOPES = {
    "no folder is named": ('lazy val root = project in file(".")\n\nlazy val web = project.settings(name := "x")\n', "web", "web/"),
    "no settings": ("lazy val web = project\n" + ROOT, "web", "web/"),
    "call": ('val root = project.in(file("."))\nval shop = project\n  .settings(x := 1)\n  .in(file("app"))\n', "app", "shop/"),
    "Project": ('lazy val root = Project("root", file("."))\nlazy val shop = Project("shop-web", file("app"))\n', "app", "shop-web/"),
    "Project with names": (ROOT + 'lazy val shop = Project(base = file("app"), id = "shop-web").settings(a, b)\n', "app", "shop-web/"),
    "backticks": (ROOT + 'lazy val `shop-web` = (project in file("app"))\n', "app", "shop-web/"),
    "type": (ROOT + 'val shop: Project = (project in file("./app/"))\n', "app", "shop/"),
    "path": (ROOT + 'lazy val shop = (project in (file("apps") / "app"))\n', "apps/app", "shop/"),
    "aggregates": ('lazy val root = (project in file(".")).aggregate(web, shop)\nlazy val shop = project in file("app")\n', "app", ""),
    "aggregates without a dot": ('lazy val root = project in file(".") aggregate (shop)\nlazy val shop = project in file("app")\n', "app", ""),
    "aggregates by an identifier": ('lazy val root = project.in(file(".")).aggregate(LocalProject("s"))\n'
                                    'lazy val shop = Project("s", file("app"))\n', "app", ""),
    "aggregates what aggregates": ('lazy val root = (project in file(".")).aggregate(all)\nlazy val all = project.aggregate(shop)\n'
                                   'lazy val shop = project in file("app")\n', "app", ""),
    "aggregates another one": ('lazy val root = (project in file(".")).aggregate(core)\nlazy val core = project\nlazy val shop = project in file("app")\n',
                               "app", "shop/"),
    "another one aggregates": (ROOT + 'lazy val x = project.aggregate(shop)\nlazy val shop = project in file("app")\n', "app", "shop/"),
    "aggregates, and not this task": ('lazy val root = (project in file(".")).aggregate(shop).settings(aggregate in xitrumPackage := false)\n'
                                      'lazy val shop = project in file("app")\n', "app", "shop/"),
    "a setting of the root": ('xitrumPackage / aggregate := false\n\nlazy val shop = project in file("app")\n', "app", "shop/"),
    "no root": ('lazy val shop = project in file("app")\n', "app", ""),
    "a root that is not a value": ('def top = project in file(".")\nlazy val shop = project in file("app")\n', "app", "shop/"),
    "comments and strings": ('// val web = project in file("app")\nval s = "lazy val web = project in file(\\"app\\")"\n' + ROOT
                             + 'lazy val shop = project in file("app")\n', "app", "shop/"),
}


@pytest.mark.parametrize("name", SCOPES)
def test_the_task_is_of_the_applications_own_project(name):
    text, app, scope = SCOPES[name]
    assert sbt_project.describe({**SBT_1, "build.sbt": text, f"{app}/config/xitrum.conf": ""}, app).task == f"{scope}xitrumPackage"


def test_the_projects_may_be_in_another_file_of_the_build():
    shop = {"shop.sbt": 'lazy val shop = project in file("app")\n'}
    assert sbt_project.describe({**SBT_1, "build.sbt": ROOT, **shop}, "app").task == "shop/xitrumPackage"
    scala = 'object B extends Build {\n  lazy val root = Project("r", file("."), aggregate = Seq(a))\n  lazy val a = Project("s", file("app"))\n}\n'
    assert sbt_project.describe({**SBT_013, "project/Build.scala": scala}, "app").task == "xitrum-package"
    assert sbt_project.describe({**SBT_013, "project/Build.scala": scala.replace("Seq(a)", "Nil")}, "app").task == "s/xitrum-package"


WEB = below("web", {**APP, "src/main/scala/shop/Boot.scala": BOOT.format("shop")})
SEVERAL = 'lazy val web = project\n'
PLACES = {
    "the project's own build.sbt": {"build.sbt": SEVERAL, **below("web", BUILD)},
    "project/Dependencies.scala": {"build.sbt": SEVERAL, "project/Dependencies.scala": 'object D {\n  val x = "tv.cntt" %% "xitrum" % version\n}\n'},
    "another .sbt file": {"build.sbt": SEVERAL, "settings.sbt": BUILD["build.sbt"]},
    "no build.properties, and another file for the plugin": {"build.sbt": BUILD["build.sbt"], "project/build.properties": None, "project/plugins.sbt": None,
                                                             "project/xitrum.sbt": SBT_1["project/plugins.sbt"]},
}


@pytest.mark.parametrize("name", PLACES)
def test_the_dependency_and_the_plugin_may_be_in_any_file_of_the_build(name):
    host = tree({**NOT_AT_TOP, **SBT_1, **WEB, **PLACES[name]})
    assert list(run(host, platform()).errors) == []
    assert host.files[f"{TOP}/Procfile"] == "web: web/target/xitrum/script/runner shop.Boot\n"


@pytest.mark.parametrize("text", [
    '// libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0"\n', 'name := "xitrum-x"\n', '/* "tv.cntt" %% "xitrum" % "1" */\nname := "xitrum"\n',
])
def test_a_comment_or_a_name_is_no_dependency(text):
    assert find_errors(tree({**SBT_1, "build.sbt": text}), platform(main_class="a.B")).startswith(
        f"{TOP} is not a Xitrum project, it lacks build.sbt (which depends on xitrum): ")


def test_a_plugin_in_a_comment_is_none():
    files = {**SBT_1, "project/plugins.sbt": "// " + SBT_1["project/plugins.sbt"]}
    assert "it lacks project/plugins.sbt (with the sbt plugin" in find_errors(tree(files), platform(main_class="a.B"))


def test_a_version_of_the_plugin_may_be_a_value():
    plugins = 'val v = "1.9"\naddSbtPlugin("tv.cntt" % "xitrum-package" % v)\n'
    assert sbt_project.describe({**SBT_013, "project/plugins.sbt": plugins}, ".").task == "xitrumPackage"


BUILD_SCALA = ('import sbt._\nobject ShopBuild extends Build {\n  lazy val root = Project("shop", file("."), settings = Seq('
               'libraryDependencies += "tv.cntt" %% "xitrum" % "2.11"))\n}\n')
OLD = {**SBT_013, "build.sbt": None, "project/Build.scala": BUILD_SCALA, "script/runner": None, "bin/runner.sh": "#!/bin/sh\n",
       "src/main/scala/shop/Boot.scala": BOOT.format("shop")}


def test_a_build_may_have_another_name_and_its_own_alias():
    shop = BUILD["build.sbt"] + '\naddCommandAlias("stage", ";pack")\n'
    files = {**SBT_1, "build.sbt": None, "shop.sbt": shop, "pack.sbt": 'addCommandAlias("pack", ";{}")\n',
             "src/main/scala/shop/Boot.scala": BOOT.format("shop")}
    host = tree({**files, "pack.sbt": files["pack.sbt"].format("xitrumPackage")})
    assert list(run(host, platform()).errors) == []
    assert f"{TOP}/build.sbt" not in host.files and host.files[f"{TOP}/shop.sbt"] == shop
    assert find_errors(tree({**files, "pack.sbt": files["pack.sbt"].format("package")}), platform()) == (
        f"{TOP}/shop.sbt: line 3: the alias \"stage\" runs ';pack'; expected one that runs xitrumPackage. Add it there")


def test_a_build_in_scala_gets_its_alias_next_to_it():
    host = tree(OLD)
    assert list(run(host, platform()).errors) == []
    assert host.files[f"{TOP}/build.sbt"] == 'addCommandAlias("stage", ";xitrum-package")\n'
    assert host.files[f"{TOP}/Procfile"] == "web: target/xitrum/bin/runner.sh shop.Boot\n"
    assert host.files[f"{TOP}/project/Build.scala"] == BUILD_SCALA
    assert not run(host, platform()).changed


@pytest.mark.parametrize(("files", "message"), [
    (SBT_1, "found project/Build.scala with sbt.version=1.7.3 in project/build.properties, and sbt 1 does not read it; expected build.sbt. "
            "Move the definitions to build.sbt, or set the sbt.version of the project (0.13.x)"),
    ({"project/Build.scala": "object B extends Build { }\n"},
     'found no dependency on xitrum in project/Build.scala; expected one there or in build.sbt, such as: "tv.cntt" %% "xitrum" % "2.14". '
     "Add it, or name the folder of the application"),
])
def test_a_build_in_scala_that_is_not_enough(files, message):
    assert find_errors(tree({**OLD, **files}), platform()) == f"{TOP}: {message}"


def test_a_project_that_is_not_read_stops_the_run():
    text = BUILD["build.sbt"] + ROOT + 'lazy val shop = module("app")\n'
    files = {**NOT_AT_TOP, **SBT_1, "build.sbt": text, **below("app", {**APP, "src/main/scala/app/Boot.scala": BOOT.format("app")})}
    assert find_errors(tree(files), platform()) == (
        f"{TOP}: found a project for the top of the sbt build, but none for app in build.sbt. "
        'Expected: lazy val web = (project in file("app")). Declare it so in build.sbt')
    assert list(run(tree(files), platform(keep_files=["build.sbt"])).errors) == []


@pytest.mark.parametrize("own", [";xitrum-package", ";clean;xitrumPackage", "app/xitrumPackage", "clean; web/xitrum-package"])
def test_an_alias_of_the_users_may_run_either_task(own):
    files = {**SBT_1, "src/main/scala/shop/Boot.scala": BOOT.format("shop"), "build.sbt": BUILD["build.sbt"] + f'addCommandAlias("stage", "{own}")\n'}
    host = tree(files)
    assert list(run(host, platform()).errors) == []
    assert host.files[f"{TOP}/build.sbt"] == files["build.sbt"]


@pytest.mark.parametrize("folder", ["", "demo"])
@pytest.mark.parametrize(("launcher", "command"), [("sbt/sbt", "sbt/sbt xitrumPackage"), ("bin/other", "sbt xitrumPackage")])
def test_sbt_is_started_as_the_project_does_it(folder, launcher, command):
    files = {**SBT_1, **APP, **BUILD, launcher: "#!/bin/sh\n", "src/main/scala/shop/Boot.scala": BOOT.format("shop")}
    host = tree({**(dict.fromkeys(PROJECT) if folder else {}), **(below(folder, files) if folder else files)})
    hook = {"path": "@BUILD@/hook", "content": f"# {source_tree.MARK}\n@SBT@ @TASK@\n", "mode": "0755"}
    assert list(run(host, platform(files=[hook])).errors) == []
    assert host.files[f"{TOP}/{folder}/hook".replace("//", "/")] == f"# {source_tree.MARK}\n{command}\n"
