# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out how a package is built, from the source tree around it on the controller, and why a build command
failed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import NamedTuple

from ..core.untrusted_text import make_printable
from . import sbt_project

#: How an error of the build is reported: its last lines.
_LINES = 6
#: sbt's words for a task that the build does not have (sbt 0.13 and 1.x).
_UNKNOWN_TASK = re.compile(r"Not a valid (?:command|key): (xitrum-package|xitrumPackage)\b")
#: Plugins before 1.9 print an exception of the packaging task, and sbt ends with code 0.
_SILENT_FAILURE = re.compile(r"(?m)^xitrum-package failed, reason:")
#: How many folders below a build's an application is searched for.
_DEEPEST = 6
_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Packaging(NamedTuple):
    """How a tree is packaged: the folder where `command` runs, the `task`,
    the `package` that it makes, and the versions.

    unknown_project: what `PROJECT` in the command stands for,
    where the application's sbt project was not found; else empty.
    """

    folder: str
    command: str
    task: str
    package: str
    sbt: str = ""
    plugin: str = ""
    unknown_project: str = ""

    @property
    def versions(self) -> str:
        """The versions for a message; empty where they are not known."""
        texts = [f"sbt {self.sbt}" if self.sbt else "", f"its packaging plugin {self.plugin}" if self.plugin else ""]
        return " with ".join(filter(None, texts))


def find_packaging(path: str) -> Packaging | None:
    """How the source tree in or around a path is packaged; None where there is no tree of sbt."""
    folder = find_build(os.path.abspath(path))
    if folder is None:
        return None
    texts = read_texts(folder)
    apps = find_apps(os.path.abspath(path), folder)
    project = sbt_project.describe(texts, apps[0])
    task, made, unknown = project.task, project.package, f"the folder {apps[0]}" if project.unknown_project else ""
    if len(apps) > 1:
        task = f"PROJECT/{task.rpartition('/')[2]}"
        made = "FOLDER/target/xitrum"
        unknown = f"FOLDER, one of {', '.join(apps)}"
    return Packaging(
        folder,
        f"{project.launcher} {task}",
        task,
        os.path.normpath(os.path.join(folder, made)),
        project.sbt,
        project.plugin,
        unknown,
    )


def find_build(path: str) -> str | None:
    """The folder of the sbt build in a path, around it, or in a folder just below it; None where there is none."""
    folder = path
    while True:
        if is_build(folder):
            return folder
        if os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder)
    below = [name for name in list_names(path) if is_build(os.path.join(path, name))]
    return os.path.join(path, below[0]) if len(below) == 1 else None


def is_build(folder: str) -> bool:
    """Whether sbt runs in a folder."""
    return any(sbt_project.is_of_meta_build(f"project/{name}") for name in list_names(os.path.join(folder, "project")))


def find_apps(path: str, build: str) -> list[str]:
    """The applications' folders, relative to their build:
    the one around a path, or all that have a configuration; else the build's own."""
    folder = path
    while folder.startswith(build + os.sep):
        if os.path.isfile(os.path.join(folder, sbt_project.CONFIG)) and not is_built(os.path.relpath(folder, build)):
            return [os.path.relpath(folder, build)]
        folder = os.path.dirname(folder)
    return sbt_project.find_apps(find_configs(build)) or ["."]


def find_configs(build: str) -> list[str]:
    """The configurations of applications in a tree, relative to it.
    Hidden folders are left out, and those of what was built."""
    found = []
    for folder, below, _names in os.walk(build):
        depth = os.path.relpath(folder, build).count(os.sep)
        below[:] = [name for name in below if depth < _DEEPEST and name[0] != "." and not sbt_project.is_skipped(name)]
        if os.path.isfile(os.path.join(folder, sbt_project.CONFIG)):
            found.append(os.path.relpath(os.path.join(folder, sbt_project.CONFIG), build))
    return found


def is_built(path: str) -> bool:
    """Whether a path in a tree is what sbt made."""
    return "target" in path.split(os.sep)


def list_names(folder: str) -> list[str]:
    """The names in a folder, sorted; none where it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def read_texts(folder: str) -> dict[str, str]:
    """The files of a build that show how it packages: path to text."""
    texts = {}
    names = [*list_names(folder), *(f"project/{name}" for name in list_names(os.path.join(folder, "project")))]
    definitions = [path for path in names if sbt_project.is_definition(path, ".")]
    for path in ["project/build.properties", sbt_project.LAUNCHER, *definitions]:
        try:
            with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as handle:
                texts[path] = handle.read()
        except OSError:
            continue
    return texts


def render_hint(path: str) -> tuple[str, str]:
    """What to do to get a package: the command, where it runs, and what it makes.
    `path`: where the package was searched for."""
    found = find_packaging(path)
    if found is None:
        sbt = sbt_project.LAUNCHER
        return (
            f"with {sbt} {sbt_project.TODAY} ({sbt} {sbt_project.BEFORE} with a packaging plugin before 1.9)",
            "target/xitrum",
        )
    note = f" (PROJECT is the sbt project of {found.unknown_project})" if found.unknown_project else ""
    return f"with {found.command} in {found.folder}{note}", found.package


def build_errors(command: str, directory: str, code: int, output: str) -> list[str]:
    """Why a build command brought no package, as one sentence in a list; empty where it went well."""
    text = _COLORS.sub("", output)
    unknown, found = _UNKNOWN_TASK.search(text), find_packaging(directory)
    if found and found.unknown_project:
        found = found._replace(task=found.task.rpartition("/")[2])
    if unknown:
        other = found.task if found and found.task.rpartition("/")[2] != unknown[1] else (
            sbt_project.TODAY if unknown[1] == sbt_project.BEFORE else sbt_project.BEFORE)
        because = (
            f"{found.versions} calls it {other}"
            if found and found.versions and other == found.task
            else f"expected the task {other}"
        )
        return [
            f"xitrum_build_command is {command!r}, and the build in {directory} has no task {unknown[1]}: {because}. "
            f"Set xitrum_build_command to {rename_task(command, unknown[1], other)}"
        ]
    silent = _SILENT_FAILURE.search(text)
    if not code and not silent:
        return []
    lines = [
        make_printable(line.strip())
        for line in (text[silent.start() :].splitlines()[:_LINES] if silent else text.splitlines())
        if line.strip()
    ]
    reason = find_missing_program(command, directory) if code else ""
    reason = reason or " | ".join(lines[-_LINES:]).rstrip(".") or "it printed nothing"
    ended = f"ended with code {code}" if code else "ended with code 0, and its packaging task failed"
    return [
        f"xitrum_build_command ({command}) {ended} in {directory}: {reason}. Run it there by hand, and correct the "
        "command or the project"
    ]


def find_missing_program(command: str, directory: str) -> str:
    """A sentence where the command's program is not there or may not be executed,
    for which Ansible has no word; else empty."""
    try:
        program = (shlex.split(command) or [""])[0]
    except ValueError:
        return "its quotes do not match"
    path = os.path.join(directory, program)
    if shutil.which(path if "/" in program else program):
        return ""
    return f"found no program {program} that can be executed"


def rename_task(command: str, old: str, new: str) -> str:
    """A command with another name of the packaging task. A scope of the user's own stays."""
    if "/" in new and re.search(rf"[\w.-]+/{old}\b", command):
        new = new.rpartition("/")[2]
    return re.sub(rf"\b{old}\b", lambda _found: new, command)
