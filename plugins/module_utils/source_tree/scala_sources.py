# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the main classes in Scala source texts. Pure.

A text is read as far as that takes: comments, strings, brackets, indentation, packages,
and the types at the top of a package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import java_sources
from . import types as source_types
from .tokens import Token, blank_comments, match_brackets, split_arguments, split_tokens
from .types import Type

_KINDS = ("object", "class", "trait", "enum")
_MODIFIERS = (
    "override", "final", "implicit", "inline", "lazy", "private", "protected", "abstract", "sealed", "open",
    "transparent",
)
_APP = ("App", "scala.App", "_root_.scala.App")
_STRINGS = r"Array\[(?:(?:_root_\.)?java\.lang\.|(?:(?:_root_\.)?scala\.)?Predef\.)?String\]"
_PARAMETER = re.compile(r"(?:@[\w.$`]+)*(?:[\w$]+|`[^`]*`):(?:(?:_root_\.)?scala\.)?" + _STRINGS + r"(?:=.*)?")
_UNIT = ("Unit", "scala.Unit", "_root_.scala.Unit")


@dataclass
class _Block:
    """What is open. kind: `package`, a kind of type at the top of a package, or `other`. For a body that is indented:
    the column of the line that opens it, and the column of its members."""

    kind: str
    name: str = ""
    column: int | None = None
    members: int | None = None
    number: int | None = None


def find_main_classes(text: str, java: bool = False) -> list[str]:
    """The full names of the objects (in Java: classes) of a text that start a program, in their order."""
    return list(source_types.resolve({"": read_types(text, java)}).classes)


def read_types(text: str, java: bool = False) -> list[Type]:
    """The types of a text that may start a program, or hand a main method down to one that does."""
    if java:
        return java_sources.read_types(text)
    bare = blank_comments(text, strings=False)
    return _Reader(split_tokens(bare)).read()


class _Reader:
    """Reads the tokens of one Scala text."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.pairs = tokens, match_brackets(tokens)
        self.types: list[Type] = []
        self.blocks: list[_Block] = []
        self.prefix: list[str] = []

    def get_word(self, at: int) -> str:
        """The text of a token; empty after the last one."""
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def read(self) -> list[Type]:
        """The types."""
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.first:
                self.end_indented(token)
            at = self.read_token(at)
        return self.types

    def end_indented(self, token: Token) -> None:
        """Ends the indented bodies to which a line does not belong."""
        while self.blocks and self.blocks[-1].column is not None and token.column <= self.blocks[-1].column:
            self.blocks.pop()
        if self.blocks and self.blocks[-1].column is not None and self.blocks[-1].members is None:
            self.blocks[-1].members = token.column

    def read_token(self, at: int) -> int:
        """Acts on a token, and returns the index of the next one."""
        word, following = self.get_word(at), self.get_word(at + 1)
        if word in ("(", "[") and self.pairs.get(at, -1) > at:
            return self.pairs[at] + 1
        if word == "{":
            self.blocks.append(_Block("other"))
        elif word == "}":
            while self.blocks and self.blocks.pop().column is not None:
                pass
        elif word == "package" and following == "object":
            return self.read_header(at + 1, "package object")
        elif word == "package" and self.get_word(at - 1) != ".":
            return self.read_package(at + 1)
        elif (
            word in _KINDS
            and at + 1 < len(self.tokens)
            and self.tokens[at + 1].is_name
            and self.get_word(at - 1) != "."
        ):
            return self.read_header(at, word)
        elif word == "def":
            self.read_method(at)
        return at + 1

    def is_at_top(self, blocks: list[_Block] | None = None) -> bool:
        """Whether there are packages only around what comes next."""
        return all(block.kind == "package" for block in (self.blocks if blocks is None else blocks))

    def parse_package(self) -> str:
        """The full name of the package here."""
        return ".".join([*self.prefix, *(block.name for block in self.blocks if block.kind == "package")])

    def read_path(self, at: int) -> tuple[str, int]:
        """A name with dots, and the index after it."""
        parts = []
        while at < len(self.tokens) and self.tokens[at].is_name:
            parts.append(self.get_word(at))
            if self.get_word(at + 1) != ".":
                return ".".join(parts), at + 1
            at += 2
        return ".".join(parts), at

    def read_package(self, at: int) -> int:
        """A package clause: with a body, or for the rest of the file."""
        name, end = self.read_path(at)
        opened = self.open_body(end, _Block("package", name), at)
        if opened is None and not self.blocks:
            self.prefix.append(name)
        return opened or max(end, at)

    def open_body(self, at: int, block: _Block, header: int) -> int | None:
        """Opens the body that begins here, in braces or indented, and returns the index after its sign.
        None where there is none."""
        if self.get_word(at) == "{":
            self.blocks.append(block)
            return at + 1
        if self.get_word(at) == ":" and (at + 1 == len(self.tokens) or self.tokens[at + 1].first):
            block.column = self.tokens[header].column
            self.blocks.append(block)
            return at + 1
        return None

    def read_header(self, at: int, kind: str) -> int:
        """A type up to its body."""
        top, name, header, line = self.is_at_top(), self.get_word(at + 1), at, self.tokens[at].line
        at += 2
        # Type parameters, parameters, and what stands before these.
        while (
            (self.get_word(at) in ("(", "[") and self.pairs.get(at, -1) > at)
            or self.get_word(at) in ("private", "protected")
            or self.get_word(at).startswith("@")
        ):
            if self.get_word(at) in ("private", "protected") and self.tokens[at].first:
                break
            at = self.pairs.get(at, at) + 1
        parents: list[str] = []
        if self.get_word(at) == "extends":
            parents, at = self.read_parents(at + 1)
        block = _Block(kind if top else "other", name)
        if top:
            main = "App" if set(parents) & set(_APP) else ""
            block.number = len(self.types)
            last = tuple(parent.rpartition(".")[2] for parent in parents)
            self.types.append(Type(kind, self.parse_package(), name, last, main, line))
        return self.open_body(at, block, header) or at

    def read_parents(self, at: int) -> tuple[list[str], int]:
        """The types that a type extends, and the index after them."""
        parents = []
        while True:
            if self.get_word(at) == "{" and self.get_word(self.pairs.get(at, -2) + 1) == "with":
                # Definitions that come before the parents' own.
                at = self.pairs[at] + 1
            else:
                name, at = self.read_path(at)
                parents.append(name)
                while self.get_word(at) in ("(", "[") and self.pairs.get(at, -1) > at and not self.tokens[at].first:
                    at = self.pairs[at] + 1
            if self.get_word(at) not in ("with", ",") or not is_before_name(self.tokens, at):
                return parents, at
            at += 1

    def read_method(self, at: int) -> None:
        """A method: whether it starts a program."""
        words = self.list_words_before(at)
        if words & {"private", "protected"}:
            return
        if words & {"@main", "@scala.main"} and (self.is_at_top() or self.is_in_object()):
            # Scala 3 makes it a class of its own in the package.
            self.types.append(
                Type("object", self.parse_package(), self.get_word(at + 1), (), "main", self.tokens[at].line)
            )
        block = self.blocks[-1] if self.blocks else None
        if not block or block.number is None or not self.is_at_top(self.blocks[:-1]):
            return
        if block.column is not None and block.members != self.tokens[at].column:
            return
        if self.get_word(at + 1).strip("`") == "main" and self.is_main(at + 2):
            self.types[block.number] = self.types[block.number]._replace(main="main", line=self.tokens[at].line)

    def is_in_object(self) -> bool:
        """Whether all blocks around are packages and objects at their top."""
        return self.is_at_top(self.blocks[:-1]) and self.blocks[-1].kind == "object"

    def list_words_before(self, at: int) -> set[str]:
        """The modifiers and annotations before a definition."""
        words, at = set(), at - 1
        while at >= 0:
            if self.get_word(at) in (")", "]"):
                at = self.pairs.get(at, 0) - 1
            if self.get_word(at) not in _MODIFIERS and not self.get_word(at).startswith("@"):
                break
            words.add(self.get_word(at))
            at -= 1
        return words

    def is_main(self, opened: int) -> bool:
        """Whether these parameters, and the result after them, are those of a main method with a body."""
        if self.get_word(opened) != "(" or self.pairs.get(opened, -1) < opened:
            return False
        parameters = split_arguments(self.tokens, self.pairs, opened)
        if len(parameters) != 1 or not _PARAMETER.fullmatch("".join(self.get_word(one) for one in parameters[0])):
            return False
        at = self.pairs[opened] + 1
        if self.get_word(at) == ":":
            result, at = self.read_path(at + 1)
            if result not in _UNIT:
                return False
        return self.get_word(at) in ("=", "{")


def is_before_name(tokens: list[Token], at: int) -> bool:
    """Whether a name, or definitions in braces, come after this token."""
    return at + 1 < len(tokens) and (tokens[at + 1].is_name or tokens[at + 1].text == "{")
