# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses HOCON as Typesafe Config does, and keeps where everything stands in the text. Pure.

The grammar is that of the library's tokenizer and document parser (com.typesafe.config 1.4); a test holds both against
each other. An included file is not opened: what it may set is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

#: What the library takes for blanks: Unicode's, without line ends, and with the no-break ones and the byte order mark.
_BLANK = "[^\\S\n\x85]|[\u00a0\u2007\u202f\ufeff\x1c-\x1f]"
_BLANKS = re.compile(f"(?:{_BLANK})*")
_GAP = re.compile(f"(?:{_BLANK}|\n|(?:#|//)[^\n]*)*")
#: A text without quotes ends where one of these, a blank or a comment begins.
_RESERVED = '$"{}[]:=,+#`^?!@*&\\'
_UNQUOTED = re.compile(f"(?:(?!{_BLANK}|\n|//)[^{re.escape(_RESERVED)}])+")
_NUMBER = re.compile(r"[0-9eE+\-.]+")
_WORDS = re.compile(r"true|false|null")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_TRIPLE = re.compile(r'"""[\s\S]*?"{3,}')
_INCLUDED = re.compile(r"((?:required\(\s*)?(?:(?:url|file|classpath)\(\s*)?)(?=\")")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class HoconError(ValueError):
    """The text is not HOCON, or cannot be edited as requested. The message names the line and what is wrong there."""


@dataclass(frozen=True)
class Piece:
    """One part of a value: `kind` is `text`, `substitution`, `list` or `object`.

    `members`: of an object. `inner`: the pieces of a list's elements. `target`, `optional`: of a substitution, the
    path that it refers to, and whether that may be missing.
    """

    kind: str
    start: int
    end: int
    members: tuple[Field | Include, ...] = ()
    inner: tuple[Piece, ...] = ()
    target: tuple[str, ...] = ()
    optional: bool = False

    @property
    def body(self) -> tuple[int, int]:
        """The positions just after the opening brace and of the closing one."""
        return self.start + 1, self.end - 1


@dataclass(frozen=True)
class Field:
    """One setting: its whole path, where it begins and ends, where its key ends, its separator,
    and its value's pieces."""

    path: tuple[str, ...]
    start: int
    key_end: int
    separator: str
    pieces: tuple[Piece, ...]

    @property
    def value(self) -> int:
        """Where the value begins."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """Where the value ends."""
        return self.pieces[-1].end

    @property
    def body(self) -> tuple[int, int] | None:
        """The inside of the value's last object; None where it has none."""
        return next((piece.body for piece in reversed(self.pieces) if piece.kind == "object"), None)


@dataclass(frozen=True)
class Include:
    """A file that is included, in the object of this path."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A parsed text. `braces`: whether the whole is in braces, whose inside is `body`."""

    text: str
    members: tuple[Field | Include, ...] = ()
    braces: bool = False
    body: tuple[int, int] = (0, 0)

    def find_line(self, position: int) -> int:
        """The number of the line of a position, from 1."""
        return self.text.count("\n", 0, position) + 1


class _Parser:
    """Reads a text once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        #: How many lists the parser is in. += makes one too.
        self.lists = 0

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        raise HoconError(f"line {self.text.count(chr(10), 0, at) + 1}: {what}")

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at:self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Goes over what matches here, and returns the match or None."""
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Goes over what matches here, and returns its text; empty where nothing does."""
        found = self.take(pattern)
        return found.group() if found else ""

    def starts_comment(self) -> bool:
        return self.text.startswith(("#", "//"), self.at)

    def parse_document(self) -> Document:
        """The whole text."""
        self.take(_GAP)
        if self.peek() == "[":
            self.fail("the file is a list; expected an object")
        if self.peek() != "{":
            members = self.parse_members((), None)
            return Document(self.text, members, False, (0, len(self.text)))
        opened = self.at
        self.at += 1
        members = self.parse_members((), opened)
        body = (opened + 1, self.at - 1)
        self.take(_GAP)
        if self.peek():
            self.fail("there is more after the closing }")
        return Document(self.text, members, True, body)

    def parse_members(self, prefix: tuple[str, ...], opened: int | None) -> tuple[Field | Include, ...]:
        """The members up to the closing brace of the object that was `opened`,
        or to the end of the text where that is None."""
        found: list[Field | Include] = []
        while True:
            self.take(_GAP)
            if self.closes(opened):
                return tuple(found)
            found.append(self.parse_member(prefix))
            if not self.skip_separator():
                self.take(_GAP)
                if self.closes(opened):
                    return tuple(found)
                self.fail(f"found {self.peek()!r} after a value; expected a comma, a new line or the end of the object")

    def closes(self, opened: int | None) -> bool:
        """Whether the object ends here; goes over its closing brace."""
        if self.peek() == "}":
            if opened is None:
                self.fail("} closes nothing")
            self.at += 1
            return True
        if not self.peek() and opened is not None:
            self.fail("{ is not closed", opened)
        return not self.peek()

    def skip_separator(self) -> bool:
        """Goes over one comma, or over line ends and comments. Returns whether there was a comma or a line end."""
        before = self.at
        gap = self.skip(_GAP)
        if self.peek() == ",":
            self.at += 1
            return True
        if "\n" not in gap:
            self.at = before
        return "\n" in gap

    def parse_member(self, prefix: tuple[str, ...]) -> Field | Include:
        """A setting or an include."""
        start = self.at
        if self.parse_simple() == "include":
            return self.include(prefix, start)
        self.at = start
        path = prefix + self.parse_key()
        key_end = self.at
        self.take(_GAP)
        name = self.text[start:key_end]
        if self.peek() == "{":
            # Without a separator it is one object, and nothing is joined to it.
            return Field(path, start, key_end, "", (self.parse_object(path),))
        separator = self.take(re.compile(r"\+?=|:"))
        if not separator:
            self.fail(f"the key {name!r} has no value: expected = or : or {{ after it", start)
        self.take(_GAP)
        appends = separator.group() == "+="
        if appends and self.lists:
            self.fail("+= stands inside of a list, where Typesafe Config does not take it", start)
        self.lists += appends
        pieces = self.parse_pieces((*path, "[]") if appends else path)
        self.lists -= appends
        if not pieces:
            self.fail(f"the key {'.'.join(path)} has no value", start)
        return Field(path, start, key_end, separator.group(), pieces)

    def include(self, prefix: tuple[str, ...], start: int) -> Include:
        """What is included, after the word."""
        self.take(_GAP)
        function = self.take(_INCLUDED)
        if not function or self.parse_quoted() is None:
            self.fail("include is not followed by a quoted file name (a key of that name is written in quotes)", start)
        for _bracket in range(function.group().count("(")):
            self.take(_GAP)
            if not self.take(re.compile(r"\)")):
                self.fail("the ( of an include is not closed", start)
        return Include(prefix, start, self.at)

    def parse_simple(self) -> str | None:
        """Goes over one token of a key or a value without brackets. Returns its text, None where there is none."""
        start = self.at
        if self.peek() == '"':
            self.parse_quoted()
        elif self.peek() and self.peek() in "0123456789-":
            number = self.skip(_NUMBER)
            if "+" in number and not is_number(number):
                self.fail("+ stands outside of quotes", start)
        elif self.starts_comment() or not (self.take(_WORDS) or self.take(_UNQUOTED)):
            return None
        return self.text[start:self.at]

    def parse_quoted(self) -> str:
        """Goes over a text in quotes, and returns what is in it."""
        start = self.at
        if self.text.startswith('"""', start):
            found = self.take(_TRIPLE)
            if not found:
                self.fail('a text that begins with """ does not end', start)
            return found.group()[3:-3]
        found = self.take(_QUOTED)
        if not found:
            self.fail(
                'a text that begins with " does not end in its line, or has a character that must be escaped', start
            )
        return unescape(found.group(1))

    def parse_key(self) -> tuple[str, ...]:
        """The path of a key, such as `a."b.c".d`. Blanks between its words belong to it."""
        start, parts, empty = self.at, [""], [True]
        while True:
            begin = self.at
            quoted = self.peek() == '"'
            text = self.parse_quoted() if quoted else self.parse_simple()
            if text is None:
                break
            for number, part in enumerate([text] if quoted else text.split(".")):
                if number:
                    parts.append("")
                    empty.append(True)
                parts[-1] += part
                empty[-1] = empty[-1] and not part and not quoted
            end = self.at
            blanks = self.skip(_BLANKS)
            begin = self.at
            if self.peek() == '"' or self.parse_simple() is not None:
                self.at = begin
                parts[-1] += blanks
                empty[-1] = empty[-1] and not blanks
            else:
                self.at = end
                break
        if self.at == start:
            self.fail(f"found {self.peek()!r}; expected a key")
        if any(empty):
            self.fail(f"the key {self.text[start:self.at]!r} has an empty part", start)
        return tuple(parts)

    def parse_pieces(self, path: tuple[str, ...]) -> tuple[Piece, ...]:
        """The parts of a value, up to what ends it in its line."""
        found = []
        while True:
            start = self.at
            if self.peek() == "{":
                found.append(self.parse_object(path))
            elif self.peek() == "[":
                found.append(self.list(path))
            elif self.peek() == "$":
                found.append(self.parse_substitution())
            elif self.parse_simple() is not None:
                found.append(Piece("text", start, self.at))
            else:
                break
            end = self.at
            self.take(_BLANKS)
        if found:
            self.at = end
            if len({piece.kind for piece in found} - {"substitution"}) > 1:
                self.fail("a value joins an object or a list to something else", found[0].start)
        return tuple(found)

    def parse_object(self, path: tuple[str, ...]) -> Piece:
        """An object in braces."""
        opened = self.at
        self.at += 1
        members = self.parse_members(path, opened)
        return Piece("object", opened, self.at, members)

    def list(self, path: tuple[str, ...]) -> Piece:
        """A list in brackets. What is in it has no path of its own."""
        opened = self.at
        inner: tuple[Piece, ...] = ()
        self.lists += 1
        self.at += 1
        self.take(_GAP)
        while self.peek() != "]":
            element = self.parse_pieces((*path, "[]"))
            if not element:
                self.fail_list(opened)
            inner += element
            more = self.skip_separator()
            self.take(_GAP)
            if not more and self.peek() != "]":
                self.fail_list(opened)
        self.lists -= 1
        self.at += 1
        return Piece("list", opened, self.at, inner=inner)

    def fail_list(self, opened: int) -> NoReturn:
        """What is wrong in a list, with the line in which it begins."""
        if self.peek() == "}":
            self.fail("} where ] is expected")
        found = (
            f"{self.peek()!r} in line {self.text.count(chr(10), 0, self.at) + 1}"
            if self.peek()
            else "the end of the file"
        )
        self.fail(f"[ is not closed: expected an element, a comma or ], found {found}", opened)

    def parse_substitution(self) -> Piece:
        """`${PATH}` or `${?PATH}`."""
        start = self.at
        opening = self.take(re.compile(r"\$\{\??"))
        if not opening:
            self.fail("$ is not followed by {")
        self.take(_BLANKS)
        target = self.parse_key()
        self.take(_BLANKS)
        if not self.take(re.compile(r"\}")):
            self.fail("${ is not closed", start)
        return Piece("substitution", start, self.at, target=target, optional=opening.group().endswith("?"))


def is_number(text: str) -> bool:
    """Whether a text is a number as Java reads it."""
    return re.fullmatch(r"-?[0-9]+|[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text) is not None


def unescape(text: str) -> str:
    """The inside of a text in quotes, its escapes resolved."""
    return _ESCAPED.sub(lambda found: chr(int(found[1][1:], 16)) if found[1][0] == "u" and len(found[1]) > 1
                        else _ESCAPES.get(found[1], found[1]), text)


def parse(text: str) -> Document:
    """The document of a text. Raises HoconError where Typesafe Config would refuse the text."""
    try:
        return _Parser(text).parse_document()
    except RecursionError as error:
        raise HoconError("objects or lists are nested too deep to be read") from error


def list_fields(text: str) -> list[Field]:
    """All settings of a text, those of nested objects before their parent."""
    return list(_list_fields(parse(text).members))


def _list_fields(members: tuple[Field | Include, ...]) -> Iterator[Field]:
    for member in members:
        if isinstance(member, Field):
            for piece in member.pieces:
                yield from _list_fields(piece.members)
            yield member


def list_substitutions(document: Document) -> Iterator[Piece]:
    """All substitutions of a document, those in lists too."""
    rows: list[Field | Include | Piece] = list(document.members)
    while rows:
        item = rows.pop()
        if isinstance(item, Piece):
            rows += [*item.members, *item.inner]
            if item.kind == "substitution":
                yield item
        elif isinstance(item, Field):
            rows += item.pieces
