# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of platforms derive from a source tree:
the application's name, and the Java that its sbt needs. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ..configuration import logback
from .sbt_project import Project
from .scala_sources import blank_comments

_NAME = re.compile(r'(?m)^[ \t]*name[ \t]*:=[ \t]*"([^"\n]*)"')
#: The first versions of sbt that run on Java 9 and newer, one a line of versions.
#: Source: docs.scala-lang.org, "JDK compatibility".
_FIRST_ON_JAVA_9 = {(0, 13): (0, 13, 17), (1, 0): (1, 1, 0)}


def describe_tree(texts: Mapping[str, str | None], project: Project, top: str) -> dict[str, Any]:
    """The facts: `name` and `name_from` (where it is from), `sbt` (the version of sbt, empty where it is not known),
    and `java` (8 where that sbt runs on no newer Java, 0 elsewhere)."""
    name, source = find_name(texts, project, top)
    return {"name": name, "name_from": source, "sbt": project.sbt, "java": 8 if needs_java_8(project.sbt) else 0}


def find_name(texts: Mapping[str, str | None], project: Project, top: str) -> tuple[str, str]:
    """The application's name as Kubernetes takes names, and where it is from. The name of a build is that of its
    application where both have one folder; otherwise, the folder's name is taken."""
    text = texts.get(os.path.normpath(f"{project.build}/build.sbt")) or ""
    found = _NAME.search(blank_comments(text)) if project.build == project.app else None
    if found and format_label(found[1]):
        return format_label(found[1]), os.path.normpath(f"{project.build}/build.sbt")
    folder = os.path.basename(os.path.normpath(os.path.join(top, project.app)))
    return format_label(folder), f"the folder {folder}"


def format_label(text: str) -> str:
    """A text as a name of Kubernetes; empty where nothing of it can be one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:63].strip("-")


def needs_java_8(sbt: str) -> bool:
    """Whether this version of sbt does not run on Java 9 and newer. An empty version does."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", sbt)[:3])
    if numbers and numbers < (0, 13):
        return True
    first = next((version for series, version in _FIRST_ON_JAVA_9.items() if series == numbers[:2]), None)
    return first is not None and numbers < first


def find_level_notes(path: str, before: str, after: str, keep: str) -> list[str]:
    """A note where the level of a root logger that counts in all modes changes, so in development too.
    `keep`: the variable of files to keep."""
    old, new = (find_global_level(text) for text in (before, after))
    if None in (old, new) or old == new:
        return []
    return [f"{path} has one root logger for all modes: its level changes from {old} to {new} in development too. "
            f"To leave the file as it is, name it in {keep}."]


def find_global_level(text: str) -> str | None:
    """The level of the last root logger that no `if` is around;
    None where there is none, or the text does not parse."""
    try:
        every = logback.list_elements(text.encode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    roots = [
        element
        for element in every
        if element.name == "root" and not any(outer.name == "if" for outer in element.around)
    ]
    return roots[-1].attributes.get("level", "DEBUG").upper() if roots else None
