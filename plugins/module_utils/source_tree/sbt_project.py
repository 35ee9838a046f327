# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out how a Xitrum application's source tree is laid out and built. Pure: paths and texts in, a description out.

The application is at the top of the tree, in a folder of it, or one project of an sbt build with several. The task that
packages it is called as its own plugin calls it: `xitrumPackage` since xitrum-package 1.9, the first one for sbt 1.x,
and `xitrum-package` before, when the plugin was first called xitrum-plugin (source:
the plugin's repository, its tags and `XitrumPackage.scala`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .sbt_definitions import read_build
from .scala_sources import read_types
from .tokens import blank_comments
from .types import MainClasses, resolve

CONFIG = "config/xitrum.conf"
#: What starts an application, today's name first.
RUNNERS = ("script/runner", "script/start", "bin/runner", "bin/runner.sh")
#: What runs sbt: a script that the project brings, or a program of the machine.
LAUNCHER, PROGRAM = "sbt/sbt", "sbt"
#: The names of the packaging task; a user's alias may run either.
TODAY, BEFORE = "xitrumPackage", "xitrum-package"
_PLUGIN = re.compile(r'%\s*"(xitrum-package|xitrum-plugin)"\s*%\s*(?:"([^"]*)"|([\w.]+))?')
_DEPENDENCY = re.compile(r'%\s*"xitrum(?:_[\d.]+)?"\s*%')
#: What makes a definition in Scala the one of a build, until sbt 0.13.
_BUILD_OBJECT = re.compile(r"\b(?:extends|with)\s+(?:sbt\s*\.\s*)?Build\b")
_SBT = re.compile(r"(?m)^\s*sbt\.version\s*[=:]\s*(\S+)")
#: Folders in which neither an application nor its sources are searched for.
_SKIPPED = ("target", "node_modules", "project", "public", "lib")


@dataclass(frozen=True)
class Project:
    """An application in a tree. Paths are relative to the tree; `.` is its top.

    `app`: the application's folder. `build`: the folder in which sbt runs. `runner`: the program that starts it,
    below `app`. `task`: the packaging task as sbt takes it in `build`. `sbt`, `plugin`: their versions, empty
    where they are not known. `launcher`: what runs sbt in `build`. unknown_project: why the application's project in
    the build was not found, as a sentence; empty where it was. Then the task has `PROJECT` in its place.
    """

    app: str
    build: str
    runner: str
    task: str
    sbt: str = ""
    plugin: str = ""
    launcher: str = LAUNCHER
    unknown_project: str = ""

    def join_path(self, path: str) -> str:
        """The path of an application's file in the tree."""
        return posixpath.normpath(posixpath.join(self.app, path))

    @property
    def package(self) -> str:
        """Where the packaging task puts the package."""
        return self.join_path("target/xitrum")


def find_apps(paths: list[str]) -> list[str]:
    """The folders that have a Xitrum configuration, among the files of a tree."""
    found = [
        posixpath.dirname(posixpath.dirname(path)) or "."
        for path in paths
        if path == CONFIG or path.endswith("/" + CONFIG)
    ]
    return sorted(app for app in found if not any(map(is_skipped, app.split("/"))))


def is_skipped(name: str) -> bool:
    """Whether neither applications nor sources are searched for in a folder of this name."""
    return name in _SKIPPED


def choose_app(paths: list[str], given: str, where: str, option: str) -> str:
    """The application's folder: the one that is given, or the only one that has a configuration.
    Raises ValueError where there are several."""
    if given:
        return posixpath.normpath(given)
    found = find_apps(paths)
    if len(found) > 1:
        raise ValueError(
            f"found {len(found)} applications in {where}: {', '.join(found)}; expected one. Set {option} to the folder "
            "of one of them"
        )
    return found[0] if found else "."


def describe(texts: Mapping[str, str | None], app: str) -> Project:
    """The project whose application is in the folder `app`.
    `texts`: path to text, of what matters of the tree (None: not a text)."""
    build = find_build(texts, app)
    sbt, plugin, name = find_versions(texts, build)
    runner = next((path for path in RUNNERS if posixpath.normpath(posixpath.join(app, path)) in texts), RUNNERS[0])
    task = find_packaging_task(sbt, plugin, name)
    launcher = LAUNCHER if posixpath.normpath(posixpath.join(build, LAUNCHER)) in texts else PROGRAM
    task, unknown = scope_task(task, texts, build, app)
    return Project(app, build, runner, task, sbt, plugin, launcher, unknown)


def find_build(texts: Mapping[str, str | None], app: str) -> str:
    """The folder in which sbt runs: the nearest one, from the application's upwards,
    with a folder `project` of a build."""
    folder = app
    builds = {posixpath.dirname(posixpath.dirname(path)) or "." for path in texts if is_of_meta_build(path)}
    while True:
        if folder in builds:
            return folder
        if folder == ".":
            return app
        folder = posixpath.dirname(folder) or "."


def is_of_meta_build(path: str) -> bool:
    """Whether a file makes its folder that of a build of sbt:
    its version of sbt, its plugins, or definitions in Scala."""
    folder, name = posixpath.split(path)
    return posixpath.basename(folder) == "project" and (name == "build.properties" or name.endswith((".sbt", ".scala")))


def is_definition(path: str, build: str) -> bool:
    """Whether a file has definitions of a build or of one of its projects."""
    inside = posixpath.relpath(path, build)
    folders = posixpath.dirname(inside).split("/")
    if inside.startswith("../"):
        return False
    return inside.endswith(".scala") and folders[0] == "project" or (
        inside.endswith(".sbt") and (folders == ["project"] or not any(map(is_skipped, folders))))


def find_versions(texts: Mapping[str, str | None], build: str) -> tuple[str, ...]:
    """The versions of sbt and of the packaging plugin in a build, and the plugin's name;
    empty texts where they are not known."""
    properties = texts.get(posixpath.normpath(posixpath.join(build, "project/build.properties"))) or ""
    sbt = _SBT.search(properties)
    plugin = find_plugin(texts, build)
    return sbt[1] if sbt else "", *(plugin or ("", ""))


def find_plugin(texts: Mapping[str, str | None], build: str) -> tuple[str, str] | None:
    """The version of the packaging plugin, empty where the build does not show it, and its name;
    None where the build does not have it."""
    folder = posixpath.normpath(posixpath.join(build, "project"))
    for path, text in sorted(texts.items()):
        if posixpath.dirname(path) == folder and path.endswith(".sbt") and text:
            bare = blank_comments(text)
            plugin = _PLUGIN.search(bare)
            if plugin:
                value = plugin[3] and re.search(
                    rf'\bval\s+{re.escape(plugin[3])}\s*(?::\s*String\s*)?=\s*"([^"]*)"', bare
                )
                return plugin[2] or (value[1] if value else ""), plugin[1]
    return None


def depends_on_xitrum(texts: Mapping[str, str | None], build: str) -> bool:
    """Whether a definition of a build has a dependency on Xitrum."""
    return any(
        text and is_definition(path, build) and _DEPENDENCY.search(blank_comments(text))
        for path, text in texts.items()
    )


def find_build_object(texts: Mapping[str, str | None], build: str) -> str:
    """The path of a build's definition in Scala, as sbt 0.13 reads it; empty where there is none."""
    folder = posixpath.normpath(posixpath.join(build, "project"))
    for path, text in sorted(texts.items()):
        is_scala = posixpath.dirname(path) == folder and path.endswith(".scala")
        if is_scala and text and _BUILD_OBJECT.search(blank_comments(text, strings=False)):
            return path
    return ""


def find_packaging_task(sbt: str, plugin: str, name: str = BEFORE) -> str:
    """The name of the packaging task for the versions of sbt and of the plugin, and the plugin's name."""
    if plugin:
        return TODAY if name == BEFORE and split_version(plugin) >= (1, 9) else BEFORE
    return BEFORE if sbt and split_version(sbt) < (1,) else TODAY


def split_version(version: str) -> tuple[int, ...]:
    """A version's numbers, for a comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def scope_task(task: str, texts: Mapping[str, str | None], build: str, app: str) -> tuple[str, str]:
    """The task as sbt takes it at the top of the build:
    of the application's own project, where the top's does not run it too.

    Returns the task, and a sentence on why the application's project was not found; empty where it was.
    """
    if app == build:
        return task, ""
    sources = filter_definitions(texts, build)
    declared = read_build(sources.values())
    identifier = declared.find_project(posixpath.relpath(app, build))
    # Without a project of its own the top runs a task in all projects.
    if not declared.declares_root or (identifier and declared.is_run_by_root(identifier)):
        return task, ""
    if identifier:
        return f"{identifier}/{task}", ""
    folder = posixpath.relpath(app, build)
    return (
        f"PROJECT/{task}",
        (
            f"found a project for the top of the sbt build, but none for {folder} in "
            f"{', '.join(sorted(sources))}. "
            f'Expected: lazy val web = (project in file("{folder}")). Declare it so in '
            f'{posixpath.normpath(posixpath.join(build, "build.sbt"))}'
        ),
    )


def filter_definitions(texts: Mapping[str, str | None], build: str) -> dict[str, str]:
    """The files of a build that declare its projects: path to text."""
    top, meta = posixpath.normpath(build), posixpath.normpath(posixpath.join(build, "project"))
    return {
        path: text
        for path, text in sorted(texts.items())
        if text
        and (
            (posixpath.dirname(path) or ".", path[-4:]) == (top, ".sbt")
            or (posixpath.dirname(path) == meta and path.endswith(".scala"))
        )
    }


def find_main_classes(texts: Mapping[str, str | None], app: str) -> MainClasses:
    """The main classes of an application's sources, in the order of their paths: a MainClasses."""
    types = {}
    for path, text in sorted(texts.items()):
        if text and is_source(path, app):
            types[path] = read_types(text, java=path.endswith(".java"))
    return resolve(types)


def is_source(path: str, app: str) -> bool:
    """Whether sbt compiles a file for the application:
    one of the folders of main sources, or one in the application's folder itself."""
    return (
        re.fullmatch(r"(?:src/main/(?:java|scala(?:-[^/]+)?)/.+|[^/]+)\.(?:scala|java)", posixpath.relpath(path, app))
        is not None
    )


def choose_main_class(given: str, found: MainClasses, option: str) -> str:
    """The main class: what is given, or the only one that was found.
    Raises ValueError where there is none, or several."""
    if given:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", given, re.ASCII):
            raise ValueError(
                f"{option} is {given!r}; expected the full name of an object, such as shop.Boot. Correct it"
            )
        return given
    listed = ", ".join(f"{name} ({path})" for name, path in found.classes.items())
    if found.unclear:
        # Which object or class starts the program with these is not read from the sources.
        main = (
            [f"the main class {listed}" if len(found.classes) == 1 else f"{len(found.classes)} main classes: {listed}"]
            if listed
            else []
        )
        raise ValueError(f"found {' and '.join([*main, *found.unclear])}; expected one object with a main method. "
                         f"Set {option} to the main class that starts the application")
    if not found.classes:
        raise ValueError(
            f"found no object with a main method in the sources; expected one. Set {option} to the main class"
        )
    if len(found.classes) > 1:
        raise ValueError(
            f"found {len(found.classes)} main classes: {listed}; expected one. Set {option} to the one that starts the "
            "application"
        )
    return next(iter(found.classes))


def is_packaging(command: str) -> bool:
    """Whether a command of sbt runs the packaging task, by either of its names, of a project or of all."""
    return command.strip().rpartition("/")[2].strip() in (TODAY, BEFORE)
