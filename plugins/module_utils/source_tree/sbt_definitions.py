# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the projects and command aliases that the definitions of an sbt build declare. Pure.

Definitions are Scala programs. What is written as it usually is is read;
what is not is reported as unknown, and never guessed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from .tokens import (
    Token,
    blank_comments,
    mask_strings,
    match_brackets,
    split_arguments,
    split_tokens,
)

#: A word of a chain of settings, which may come at the begin of a line: `project in file("app") aggregate (web)`.
_INFIX = ("in", "aggregate", "settings", "dependsOn", "enablePlugins", "disablePlugins", "configs")
#: Settings by which a root does not hand the packaging task on.
_NOT_AGGREGATED = re.compile(
    r"\baggregate\s+in\s+[^:=\n]*\bxitrum[^:=\n]*:=\s*false|\bxitrum\w*\s*/\s*aggregate\s*:=\s*false"
)
_FILE = re.compile(r'(?:new\s+(?:java\s*\.\s*io\s*\.\s*)?File|file)\s*\(\s*"([^"]*)"\s*\)((?:\s*/\s*"[^"]*")*)')
_STRING = re.compile(r'"""([\s\S]*?)"""|"((?:[^"\\\n]|\\.)*)"')


class Definition(NamedTuple):
    """A project of a build.

    names: its identifier and the value's name. base: its folder from the build's; None where the build has none.
    aggregates: the names of the projects that it hands its tasks on to.
    """

    identifier: str
    names: frozenset[str]
    base: str | None
    aggregates: frozenset[str]


class Build(NamedTuple):
    """The projects of a build.

    declares_root: whether one of them, or something that is not read, may be in the build's own folder. hands_on:
    whether the root runs the packaging task in the projects that it aggregates.
    """

    definitions: tuple[Definition, ...]
    declares_root: bool
    hands_on: bool = True

    def find_project(self, folder: str) -> str:
        """The identifier of the project in a folder, from the build's; empty where there is none."""
        return next((one.identifier for one in self.definitions if one.base == folder), "")

    def is_run_by_root(self, identifier: str) -> bool:
        """Whether a task of the root runs in this project too."""
        if not self.hands_on:
            return False
        by_name = {name: one for one in self.definitions for name in one.names}
        due, passed = [one for one in self.definitions if one.base == "."], set()
        while due:
            one = due.pop()
            if one.identifier == identifier:
                return True
            if one.identifier not in passed:
                passed.add(one.identifier)
                due += [by_name[name] for name in one.aggregates if name in by_name]
        return False


def read_build(texts: Iterable[str]) -> Build:
    """The projects in the texts of a build's definitions."""
    found: list[Definition] = []
    rest = []
    for text in texts:
        bare = blank_comments(text)
        definitions, spans = _find_definitions(bare)
        found += definitions
        for start, end in reversed(spans):
            bare = bare[:start] + bare[end:]
        rest.append(bare)
    declared = any(one.base in (".", None) for one in found) or any(
        _parse_base(one) == "." for text in rest for one in _FILE.finditer(text)
    )
    # A setting outside of all projects is one of the root, of the implicit one too.
    hands_on = not any(map(_NOT_AGGREGATED.search, rest))
    return Build(tuple(found), declared or not hands_on, hands_on)


def _find_definitions(bare: str) -> tuple[list[Definition], list[tuple[int, int]]]:
    """The projects that a text declares as values, and the parts of the text that do so."""
    tokens = split_tokens(mask_strings(bare))
    pairs = match_brackets(tokens)
    found, spans, at = [], [], 0
    while at < len(tokens):
        if tokens[at].text != "val" or at + 2 >= len(tokens) or not tokens[at + 1].is_name:
            at += 1
            continue
        sign = at + 2
        if tokens[sign].text == ":":
            while sign < len(tokens) and tokens[sign].text != "=":
                sign += 1
        begin = sign + 1
        if sign >= len(tokens) or tokens[sign].text != "=" or begin >= len(tokens):
            at += 1
            continue
        end = _find_expression_end(tokens, pairs, begin)
        one = _parse_definition(bare, tokens, pairs, tokens[at + 1].text.strip("`"), begin, end)
        if one:
            found.append(one)
            spans.append((tokens[at].start, tokens[end - 1].end))
            at = end
        else:
            at = begin
    return found, spans


def _find_expression_end(tokens: list[Token], pairs: dict[int, int], at: int) -> int:
    """The index after the last token of an expression:
    a line ends it unless it, or the next one, shows that it goes on."""
    begin = at
    while at < len(tokens):
        token = tokens[at]
        if (
            at > begin
            and token.first
            and token.text not in (".", "{", "(", *_INFIX)
            and tokens[at - 1].text not in (".", ",", *_INFIX)
        ):
            return at
        if token.text in (")", "]", "}", ";") and pairs.get(at, -1) < begin:
            return at
        at = max(pairs.get(at, at), at) + 1
    return at


def _parse_definition(
    bare: str, tokens: list[Token], pairs: dict[int, int], name: str, begin: int, end: int
) -> Definition | None:
    """The project that an expression makes; None where it makes none."""
    at = begin
    while at < end - 1 and tokens[at].text == "(":
        at += 1
    aggregates = _aggregates(bare, tokens, pairs, at, end)
    if tokens[at].text == "project" and (at + 1 == end or tokens[at + 1].text in (".", ")", *_INFIX)):
        placed, file = _find_place(bare, tokens, pairs, at + 1, end)
        return Definition(name, frozenset((name,)), _parse_base(file) if file else None if placed else name, aggregates)
    if tokens[at].text == "Project" and pairs.get(at + 1, -1) > at:
        arguments = _parse_arguments(bare, tokens, pairs, at + 1, ("id", "base"))
        identifier = _parse_literal(arguments.get("id", ""))
        if identifier is not None:
            file = _FILE.match(arguments.get("base", "").lstrip("( "))
            return Definition(
                identifier, frozenset((identifier, name)), _parse_base(file) if file else None, aggregates
            )
    return None


def _find_place(
    bare: str, tokens: list[Token], pairs: dict[int, int], at: int, end: int
) -> tuple[bool, re.Match[str] | None]:
    """Whether a chain of settings names the project's folder, and how."""
    while at < end:
        if tokens[at].text == "in":
            return True, _FILE.match(bare[tokens[at].end:].lstrip("( \t\r\n"))
        at = max(pairs.get(at, at), at) + 1
    return False, None


def _parse_base(file: re.Match[str]) -> str:
    """The folder that file("a") / "b" is, from the build's."""
    return posixpath.normpath(posixpath.join(file[1] or ".", *re.findall(r'"([^"]*)"', file[2])))


def _aggregates(bare: str, tokens: list[Token], pairs: dict[int, int], begin: int, end: int) -> frozenset[str]:
    """The names of the projects that an expression aggregates."""
    text = bare[tokens[begin].start:tokens[end - 1].end] if begin < end else ""
    if _NOT_AGGREGATED.search(text):
        return frozenset()
    names = set()
    for at in range(begin, end):
        if tokens[at].text != "aggregate":
            continue
        opened = at + 1
        if opened < end and tokens[opened].text == "=":
            # Project(..., aggregate = Seq(web)), as sbt 0.13 has it.
            opened += 2
        if opened < end and tokens[opened].is_name:
            names.add(tokens[opened].text.strip("`"))
        if opened >= end or tokens[opened].text != "(" or pairs.get(opened, -1) < opened:
            continue
        for argument in split_arguments(tokens, pairs, opened):
            text = bare[tokens[argument[0]].start:tokens[argument[-1]].end]
            quoted = re.search(r'"([^"]*)"', text)
            names.add(quoted[1] if quoted else text.strip("` "))
    return frozenset(names)


def _parse_arguments(
    bare: str, tokens: list[Token], pairs: dict[int, int], opened: int, names: tuple[str, str]
) -> dict[str, str]:
    """The texts of a call's arguments by their names: those without one are in the order of the names."""
    found = {}
    for number, argument in enumerate(split_arguments(tokens, pairs, opened)):
        name, first = names[number] if number < len(names) else "", 0
        if len(argument) > 2 and tokens[argument[1]].text == "=":
            name, first = tokens[argument[0]].text, 2
        if argument:
            found[name] = bare[tokens[argument[first]].start:tokens[argument[-1]].end]
    return found


def _parse_literal(text: str) -> str | None:
    """The value of a text that is one string; None where it is none."""
    found = _STRING.fullmatch(text.strip())
    return None if found is None else found[1] if found[1] is not None else found[2]


class Alias(NamedTuple):
    """A command alias. command: what it runs; None where that is not a text, but code. line: where it is defined.
    code: how it is written."""

    command: str | None
    line: int
    code: str


def read_aliases(text: str) -> dict[str, Alias]:
    """The command aliases that a text defines, by their names. Of several with one name the last is in force."""
    bare = blank_comments(text)
    tokens = split_tokens(mask_strings(text))
    pairs, found = match_brackets(tokens), {}
    for at, token in enumerate(tokens):
        if (
            token.text == "addCommandAlias"
            and at + 1 < len(tokens)
            and tokens[at + 1].text == "("
            and pairs.get(at + 1, -1) > at
        ):
            arguments = _parse_arguments(bare, tokens, pairs, at + 1, ("name", "value"))
            name, code = _parse_literal(arguments.get("name", "")), arguments.get("value", "")
            if name is not None:
                found[name] = Alias(_join_strings(code), bare.count("\n", 0, token.start) + 1, code)
    return found


def _join_strings(code: str) -> str | None:
    """The text of strings with + between them; None where it is something else."""
    parts, at = [], 0
    while True:
        found = re.compile(r"\s*(" + _STRING.pattern + r")\s*").match(code, at)
        if not found:
            return None
        parts.append(_parse_literal(found[1]) or "")
        if found.end() == len(code):
            return "".join(parts)
        if code[found.end()] != "+":
            return None
        at = found.end() + 1


def expand(
    command: str, aliases: dict[str, Alias], project: str = "", seen: set[tuple[str, str]] | None = None
) -> list[tuple[str, str]]:
    """The single commands that a command runs, through the aliases, each with its project: `(project, command)`.

    project: the current one of sbt. seen: the aliases that were expanded already, with their projects.
    """
    found, seen = [], set() if seen is None else seen
    for part in (part.strip() for part in command.split(";")):
        words = part.split()
        inner = aliases[part].command if part in aliases else None
        if inner is not None:
            if (part, project) not in seen:
                seen.add((part, project))
                found += expand(inner, aliases, project, seen)
        elif words[:1] == ["project"] and len(words) == 2:
            project = words[1]
        elif words[:1] == ["all"]:
            found += [_split_scope(word, project) for word in words[1:]]
        elif part:
            found.append(_split_scope(part, project))
    return found


def _split_scope(command: str, project: str) -> tuple[str, str]:
    """The project that a command names, or the current one, and the command itself."""
    scope, _slash, name = command.rpartition("/")
    return scope.strip() or project, name.strip()
