# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What source texts show of their types, and which of them start a program. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Type(NamedTuple):
    """A type in a source text.

    kind: what it is; that of an object (in Java: of a class) at the top of its package is `object`. parents: the last
    names of the types that it extends. main:
    `main` with a main method of its own, `App` where it extends scala.App, else empty. line: where that is.
    """

    kind: str
    package: str
    name: str
    parents: tuple[str, ...]
    main: str
    line: int

    @property
    def full_name(self) -> str:
        """The name with the package, as Java takes it."""
        return ".".join(filter(None, (self.package, self.name))).replace("`", "")


@dataclass(frozen=True)
class MainClasses:
    """The main classes of sources: name to path in `classes`.
    In `unclear` are sentence parts on other main methods, with file and line."""

    classes: dict[str, str]
    unclear: tuple[str, ...] = ()


def resolve(types: dict[str, list[Type]]) -> MainClasses:
    """The main classes among the types of all source files. types: path to what was read of it."""
    # What has a main method hands it down to the objects that extend it.
    starting = {one.name for found in types.values() for one in found if one.main and one.kind != "object"}
    parents: dict[str, set[str]] = {}
    for found in types.values():
        for one in found:
            if one.kind in ("class", "trait"):
                parents.setdefault(one.name, set()).update(one.parents)
    while True:
        more = {name for name, extended in parents.items() if extended & starting} - starting
        if not more:
            break
        starting |= more
    classes: dict[str, str] = {}
    inherited: set[str] = set()
    for path, found in types.items():
        for one in found:
            if one.kind == "object" and (one.main or starting.intersection(one.parents)):
                classes.setdefault(one.full_name, path)
                inherited |= _find_ancestors(one.parents, parents)
    unclear = tuple(
        f"a main method in the {one.kind} {one.full_name} ({path}:{one.line})"
        for path, found in types.items()
        for one in found
        if one.main == "main" and one.kind != "object" and one.name not in inherited
    )
    return MainClasses(classes, unclear)


def _find_ancestors(names: tuple[str, ...], parents: dict[str, set[str]]) -> set[str]:
    """These types and all that they extend."""
    found: set[str] = set()
    due = list(names)
    while due:
        name = due.pop()
        if name not in found:
            found.add(name)
            due += parents.get(name, ())
    return found
