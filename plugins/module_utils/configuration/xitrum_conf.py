# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a package's `config/xitrum.conf` sets: the public examples of Xitrum's project template, and files that
do not parse.

Everybody has the examples, so nobody may go live with them. Values as in config/ of the public project template (all
its versions to Xitrum 3.31), where they are marked as examples. A setting is the one in force: later ones win, and
included files of the package are read. Where the environment decides (`${?NAME}`), each value that may be in force
counts.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from typing import Callable, Optional

from ..core.local_files import compute_sha256, leads_inside
from . import hocon
from .hocon import Field, Include

#: Key of `config/xitrum.conf` to the example that the template has there.
EXAMPLE_VALUES = {
    "secureKey": "ajconghoaofuxahoi92chunghiaujivietnamlasdoclapjfltudoil98hanhphucup8",
    "apiKey": "kgreankbeplawfr7934jv2nr0bsbas0",
}

#: SHA-256 of the template's example TLS key, and of the key store of its earlier versions.
EXAMPLE_KEY_FILES = (
    "133003c67361e62a0215f86c7f9a874fe3e06c053c4f2c5e1c752b4f35fcc0fb",
    "8a8bf278d93734d269cde9774ece3877e63ead0fe3e72057319ba06146eae685",
)

#: Xitrum and Akka read the second at the start, and what it includes: the first is one of these.
XITRUM, APPLICATION = READ_AT_START = ("config/xitrum.conf", "config/application.conf")

_INCLUDED = re.compile(r'include\s*(?:required\(\s*)?(url|file|classpath)?\(?\s*"((?:[^"\\]|\\.)*)"')
#: How many substitutions are followed one after the other. The library refuses circles.
_DEPTH = 10
#: How many values of one setting are distinguished.
_MOST_JOINED = 256

#: A function from the text of a statement, or from a path, to the text of a file; None where there is none.
Load = Callable[[str], Optional[str]]


class Settings:
    """The settings of a configuration file and of what it includes.

    `text`: the file's text. `load`: a function from an `include` statement's text to the text of the file, None
    where it is unknown or missing, which the library ignores too. Raises HoconError where the text is not HOCON.
    """

    def __init__(self, text: str, load: Load | None = None, around: tuple[str, ...] = ()) -> None:
        self.text, self.members = text, hocon.parse(text).members
        self.load = load or (lambda statement: None)
        #: The statements that led here: none is followed again inside of itself.
        self.around = around
        self.files: dict[str, Settings | None] = {}

    def load_included(self, member: Include) -> Settings | None:
        """The settings of an included file; None where it cannot be read."""
        statement = self.text[member.start:member.end]
        if statement not in self.files:
            text = None if statement in self.around else self.load(statement)
            self.files[statement] = None if text is None else parse_settings(text, self.load, (*self.around, statement))
        return self.files[statement]

    def list_paths(self) -> set[tuple[str, ...]]:
        """The paths of all settings, of included files too."""
        rows, found = list(self.members), set()
        while rows:
            member = rows.pop()
            if isinstance(member, hocon.Field):
                found.add(member.path)
                rows += [inner for piece in member.pieces for inner in piece.members]
            else:
                other = self.load_included(member)
                found |= {(*member.path, *path) for path in (other.list_paths() if other else ())}
        return found

    def find_values(self, path: tuple[str, ...], depth: int = _DEPTH) -> set[str | None]:
        """The texts that may be in force for a path, without quotes. None is a `null`."""
        return self._apply_members(self.members, path, set(), depth) if depth else set()

    def _apply_members(
        self, members: tuple[Field | Include, ...], path: tuple[str, ...], before: set[str | None], depth: int
    ) -> set[str | None]:
        """The values after these members, in their order. `before`: the values before them."""
        for member in members:
            if path[:len(member.path)] != member.path:
                if member.path[:len(path)] == path and isinstance(member, hocon.Field):
                    # An object takes the value's place.
                    before = set()
            elif isinstance(member, hocon.Include):
                other = self.load_included(member)
                before = (
                    other._apply_members(other.members, path[len(member.path) :], before, depth) if other else before
                )
            elif member.path == path:
                before = self._find_own_values(member, before, depth)
            else:
                before = self._find_inner_values(member, path, before, depth)
        return before

    def _find_own_values(self, member: Field, before: set[str | None], depth: int) -> set[str | None]:
        """The values after a setting of just this path."""
        kinds = {piece.kind for piece in member.pieces}
        if member.separator == "+=" or kinds & {"object", "list"}:
            return set()
        if kinds == {"text"}:
            return {read_plain_value(self.text, member)}
        substitution = member.pieces[0]
        if len(member.pieces) > 1:
            return self._join_pieces(member, before, depth)
        # What is not set in the file comes from the environment.
        referred = self.find_values(substitution.target, depth - 1) if substitution.target != member.path else set()
        return (referred or {self.text[member.value:member.end]}) | (before if substitution.optional else set())

    def _join_pieces(self, member: Field, before: set[str | None], depth: int) -> set[str | None]:
        """The texts that a setting of several pieces may have:
        an optional substitution that is not set adds nothing."""
        rows, at = [], member.value
        for piece in member.pieces:
            raw, gap = self.text[piece.start:piece.end], self.text[at:piece.start]
            if piece.kind == "substitution":
                referred = before if piece.target == member.path else self.find_values(piece.target, depth - 1)
                found = ({text for text in referred if text is not None} or {raw}) | ({""} if piece.optional else set())
            else:
                found = {remove_quotes(raw)}
            rows.append(sorted(gap + text for text in found))
            at = piece.end
        if math.prod(map(len, rows)) > _MOST_JOINED:
            # Each on its own: all set, and none.
            return {"".join(texts[-1] for texts in rows), "".join(texts[0] for texts in rows)}
        return set(map("".join, itertools.product(*rows)))

    def _find_inner_values(
        self, member: Field, path: tuple[str, ...], before: set[str | None], depth: int
    ) -> set[str | None]:
        """The values after a setting of an object around the path."""
        rest = path[len(member.path):]
        if member.separator == "+=" or not {piece.kind for piece in member.pieces} & {"object", "substitution"}:
            # A text, a list or null takes the object's place.
            return set()
        for piece in member.pieces:
            if piece.kind == "object":
                before = self._apply_members(piece.members, path, before, depth)
            elif piece.kind == "substitution" and piece.target != member.path:
                before = self.find_values((*piece.target, *rest), depth - 1) or before
        return before


def read_plain_value(text: str, member: Field) -> str | None:
    """The value of a setting of texts alone, without quotes; None for a `null`."""
    if text[member.value:member.end] == "null":
        return None
    parts, at = [], member.value
    for piece in member.pieces:
        raw = text[piece.start:piece.end]
        parts.append(text[at:piece.start])
        parts.append(remove_quotes(raw))
        at = piece.end
    return "".join(parts)


def remove_quotes(raw: str) -> str:
    """A text of a value without its quotes."""
    return raw[3:-3] if raw.startswith('"""') else hocon.unescape(raw[1:-1]) if raw.startswith('"') else raw


def parse_settings(text: str, load: Load | None = None, around: tuple[str, ...] = ()) -> Settings | None:
    """The settings of a text; None where it is not HOCON, which `find_config_errors` reports."""
    try:
        return Settings(text, load, around)
    except hocon.HoconError:
        return None


def read_settings_at_start(read: Load) -> Settings | None:
    """The settings that Xitrum has when it starts: those of `config/application.conf`, with `config/xitrum.conf`
    where it includes that; of `config/xitrum.conf` alone where it does not. None where there is none, or no HOCON.

    `read` is a function from a path in the package to the text of the file, None where there is none.
    """
    included = []

    def load(statement: str) -> str | None:
        found = find_included(statement, read)
        included.append(found[0] if found else "")
        return found[1] if found else None

    text = read(APPLICATION)
    settings = None if text is None else parse_settings(text, load)
    if settings:
        settings.list_paths()
        if XITRUM in included:
            return settings
    text = read(XITRUM)
    return None if text is None else parse_settings(text, load)


def find_included(statement: str, read: Load) -> tuple[str, str] | None:
    """The file that an `include` statement names: `(path, text)`; None where it is not in the package."""
    return next(
        ((path, text) for path in find_included_paths(statement) for text in [read(path)] if text is not None), None
    )


def find_example_values(text: str, load: Load | None = None) -> list[str]:
    """The keys of a `xitrum.conf` whose example value may be in force somewhere in it, sorted."""
    return find_examples_in(parse_settings(text, load))


def find_examples_in(settings: Settings | None) -> list[str]:
    """As `find_example_values`, of settings; none of None."""
    if settings is None:
        return []
    # A blank before a substitution that is not set makes no secret of it.
    return sorted({path[-1] for path in settings.list_paths() if path[-1] in EXAMPLE_VALUES
                   and EXAMPLE_VALUES[path[-1]] in {(value or "").strip() for value in settings.find_values(path)}})


def find_key_files(text: str, load: Load | None = None) -> list[str]:
    """The TLS key files that a `xitrum.conf` names, relative to the package; none where it starts no HTTPS."""
    return find_key_files_in(parse_settings(text, load))


def find_key_files_in(settings: Settings | None) -> list[str]:
    """As `find_key_files`, of settings; none of None."""
    if settings is None:
        return []
    found = sorted(settings.list_paths())
    if not any(settings.find_values(path) - {None} for path in found if path[-2:] == ("port", "https")):
        return []
    return sorted(
        {value for path in found if path[-1] == "keyFile" for value in settings.find_values(path) if value is not None}
    )


def find_examples(folder: str) -> list[str]:
    """The keys of a package's configuration that have a public example: `secureKey`, `apiKey`, `keyFile`."""
    settings = read_package_settings(folder)
    public = any(is_example_key(folder, name) for name in find_key_files_in(settings))
    return find_examples_in(settings) + (["keyFile"] if public else [])


def read_package_settings(folder: str) -> Settings | None:
    """As `read_settings_at_start`, of a package's folder."""
    return read_settings_at_start(lambda path: read_text(folder, path))


def find_config_errors(folder: str) -> list[str]:
    """One sentence for each configuration file of a package with which Xitrum does not start,
    because it is not HOCON."""
    errors, seen, rows = [], set(), list(READ_AT_START)
    while rows:
        path = rows.pop(0)
        text = None if path in seen else read_text(folder, path)
        seen.add(path)
        if text is None or path.endswith(".properties"):
            continue
        try:
            members = list(hocon.parse(text).members)
        except hocon.HoconError as error:
            errors.append(
                f"{folder}/{path}, {error}. Xitrum does not start with it: correct the file and build the package again"
            )
            continue
        while members:
            member = members.pop()
            if isinstance(member, hocon.Include):
                rows.append(find_included_path(folder, text[member.start:member.end]))
            else:
                members += [inner for piece in member.pieces for inner in piece.members]
    return errors


def find_included_path(folder: str, statement: str) -> str:
    """The path of the file that an `include` statement names; empty where it is not in the package."""
    found = find_included(statement, lambda path: read_text(folder, path))
    return found[0] if found else ""


def find_included_paths(statement: str) -> list[str]:
    """The paths in a package that an `include` statement may mean, in the order in which they are searched for.

    A bare name and `classpath` begin in `config`, which is on the class path, `file` in the package, where the
    runner goes.
    """
    found = _INCLUDED.match(statement)
    if not found or found[1] == "url":
        return []
    name = hocon.unescape(found[2])
    base = os.path.normpath(name if found[1] == "file" else os.path.join("config", name.lstrip("/")))
    # Nothing outside of the package.
    return [] if os.path.isabs(base) or base.split("/")[0] == ".." else [base, f"{base}.conf", f"{base}.json"]


def read_text(folder: str, path: str) -> str | None:
    """The text of a package's file; None where it is missing, unreadable, or outside of the package."""
    whole = os.path.join(folder, path)
    if not path or os.path.isabs(path) or not leads_inside(folder, whole):
        return None
    try:
        with open(whole, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return None


def is_example_key(folder: str, name: str) -> bool:
    """Whether a TLS key is public, by its content, or by the name under which templates ship one."""
    if os.path.basename(name).startswith("ssl_example"):
        return True
    try:
        return compute_sha256(os.path.join(folder, name)) in EXAMPLE_KEY_FILES
    except OSError:
        return False
