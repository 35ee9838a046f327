# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes single settings in a HOCON text and leaves every other character as it is: comments, spacing, line ends. Pure.

Where a key occurs more than once the last one is in force, as in Typesafe Config. A file that is included is not looked into.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BLANK = " \t\r\n\ufeff\u00a0"
_CLOSING = {"{": "}", "[": "]"}
#: What ends a value without brackets, besides a comment: C(}) and C(]) belong to what is around it.
_VALUE_ENDS = ",}]\n"


class HoconError(ValueError):
    """The text is no HOCON. The message names the line and what is wrong there."""


class Field(NamedTuple):
    """One setting: its whole path, where it begins and ends in the text, where its key ends, and where its value begins.

    C(body): for an object in braces, the positions just after C({) and of C(}); else None.
    """

    path: tuple
    start: int
    key_end: int
    value: int
    end: int
    body: tuple = None


class _Scanner:
    """Reads a text once, from left to right, and collects its fields."""

    def __init__(self, text):
        self.text, self.at, self.found = text, 0, []

    def line(self, at=None):
        return self.text.count("\n", 0, self.at if at is None else at) + 1

    def fail(self, what, at=None):
        raise HoconError(f"line {self.line(at)}: {what}")

    def here(self, *words):
        return self.text.startswith(words, self.at)

    def done(self):
        return self.at >= len(self.text)

    def skip(self, blanks=_BLANK):
        """Goes over blanks and comments."""
        while not self.done():
            if self.text[self.at] in blanks:
                self.at += 1
            elif self.here("#", "//"):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def quoted(self):
        """Goes over a quoted string and returns what is in it."""
        start = self.at
        if self.here('"""'):
            end = re.compile(r'"{3,}').search(self.text, start + 3)
            if not end:
                self.fail('a text that begins with """ does not end', start)
            self.at = end.end()
            return self.text[start + 3:self.at - 3]
        match = re.compile(r'"((?:[^"\\\r\n]|\\.)*)"').match(self.text, start)
        if not match:
            self.fail('a text that begins with " does not end in its line', start)
        self.at = match.end()
        return match.group(1)

    def key(self):
        """The path of a key, such as C(a."b.c".d)."""
        parts, start = [""], self.at
        while not self.done() and not self.here("=", ":", "{", "+="):
            if self.here('"'):
                parts[-1] += self.quoted()
            elif self.here("\n") and re.compile(r"\s*[=:{]").match(self.text, self.at):
                # The separator may stand on a line of its own.
                self.skip(_BLANK)
            elif self.here("\n", ",", "}", "]", "[", "#", "//", "$"):
                self.fail(f"the key {self.text[start:self.at].strip()!r} has no value: wanted is = or : or {{ after it", start)
            elif self.here("."):
                parts.append("")
                self.at += 1
            else:
                parts[-1] += self.text[self.at]
                self.at += 1
        if self.done():
            self.fail(f"the key {self.text[start:].strip()!r} has no value", start)
        parts = [part.strip() for part in parts]
        if not all(parts):
            self.fail(f"the key {self.text[start:self.at].strip()!r} has an empty part", start)
        return tuple(parts)

    def brackets(self):
        """Goes over a list or a substitution, whatever is in it."""
        start, waiting = self.at, []
        while not self.done():
            letter = self.text[self.at]
            if letter == '"':
                self.quoted()
                continue
            if letter in _CLOSING:
                waiting.append(_CLOSING[letter])
            elif letter in "}]":
                if letter != waiting[-1]:
                    self.fail(f"{letter} where {waiting[-1]} is wanted")
                waiting.pop()
                if not waiting:
                    self.at += 1
                    return
            elif self.here("#", "//"):
                self.skip("")
                continue
            self.at += 1
        self.fail(f"{self.text[start]} is not closed", start)

    def value(self, path):
        """Goes over a value. Returns its end, and the body where it is or ends in an object."""
        end, body = self.at, None
        while not self.done() and self.text[self.at] not in _VALUE_ENDS and not self.here("#", "//"):
            if self.here("{"):
                opened = self.at
                self.at += 1
                self.members(path, opened)
                body = (opened + 1, self.at - 1)
            elif self.here("["):
                self.brackets()
            elif self.here("${"):
                self.at += 1
                self.brackets()
            elif self.here('"'):
                self.quoted()
            elif self.text[self.at] in _BLANK:
                self.at += 1
                continue
            else:
                self.at += 1
            end = self.at
        return end, body

    def members(self, path, opened=None):
        """The fields up to the closing brace of C(opened), or to the end of the text."""
        while True:
            self.skip(_BLANK + ",")
            if self.done():
                if opened is not None:
                    self.fail("{ is not closed", opened)
                return
            if self.here("}"):
                if opened is None:
                    self.fail("} closes nothing")
                self.at += 1
                return
            start = self.at
            include = re.compile(r"include\b(?!\s*[.=:{+])[^\n]*").match(self.text, start)
            if include:
                self.at = include.end()
                continue
            whole = path + self.key()
            key_end = self.at
            if self.here("+="):
                self.at += 2
            elif not self.here("{"):
                self.at += 1
                self.skip()
            value = self.at
            end, body = self.value(whole)
            if end == value:
                self.fail(f"the key {'.'.join(whole)} has no value", start)
            self.found.append(Field(whole, start, key_end, value, end, body))


def fields(text):
    """All fields of a text, those of nested objects before their parent. Raises HoconError."""
    scanner = _Scanner(text)
    scanner.skip()
    if scanner.here("{"):
        opened = scanner.at
        scanner.at += 1
        scanner.members((), opened)
        scanner.found.append(Field((), opened, opened, opened, scanner.at, (opened + 1, scanner.at - 1)))
        scanner.skip()
        if not scanner.done():
            scanner.fail("there is more after the closing }")
    else:
        scanner.members(())
    return scanner.found


def value_of(text, key):
    """The text of the value that is in force for a key such as C(xitrum.port.http); None where there is none."""
    found = [field for field in fields(text) if field.path == tuple(key.split("."))]
    return text[found[-1].value:found[-1].end] if found else None


def put(text, key, value):
    """The text with this value (as HOCON writes it) for the key. What is there is replaced, else a line is added."""
    path, every = tuple(key.split(".")), fields(text)
    same = [field for field in every if field.path == path]
    if same:
        return assigned(text, same[-1], value)
    # The innermost object of the path that there is, and of several the last one.
    parents = [field for field in every if field.body and field.path == path[:len(field.path)]]
    if not parents:
        return ended(text) + f"{key} = {value}" + newline(text)
    parent = max(parents, key=lambda field: (len(field.path), field.start))
    rest = ".".join(path[len(parent.path):])
    opened, closed = parent.body
    if "\n" not in text[opened:closed]:
        before = text[opened:closed].rstrip().rstrip(",")
        return f"{text[:opened]}{before}{',' if before.strip() else ''} {rest} = {value} {text[closed:]}"
    line = text.rfind("\n", 0, closed) + 1
    if text[line:closed].strip():
        # The brace stands behind a field, not on a line of its own.
        return f"{text[:closed].rstrip()}{newline(text)}{indent(text, line)}{rest} = {value}{newline(text)}{text[closed:]}"
    return f"{text[:line]}{inner_indent(text, parent, every, line)}{rest} = {value}{newline(text)}{text[line:]}"


def put_out(text, key):
    """The text in which no setting of this key is in force: its lines become comments, and a value inside a line becomes C(null)."""
    path = tuple(key.split("."))
    for field in sorted((field for field in fields(text) if field.path == path), key=lambda field: -field.start):
        line = text.rfind("\n", 0, field.start) + 1
        end = text.find("\n", field.end)
        end = len(text) if end < 0 else end
        alone = not text[line:field.start].strip() and re.match(r"[\s,]*(?:(?:#|//)[^\n]*)?$", text[field.end:end])
        if alone:
            text = text[:line] + re.sub(r"(?m)^([ \t]*)(?=\S)", r"\1#", text[line:end]) + text[end:]
        elif text[field.value:field.end] != "null":
            text = assigned(text, field, "null")
    return text


def assigned(text, field, value):
    """The text in which a field has this value. An object may have had no separator, and += would make a list."""
    separator = text[field.key_end:field.value]
    return text[:field.key_end] + (separator if separator[:1] in ("=", ":") else "= ") + value + text[field.end:]


def newline(text):
    """The line end that the text has."""
    return "\r\n" if "\r\n" in text else "\n"


def ended(text):
    """The text with its last line ended, so that one can follow."""
    return text if not text or text.endswith("\n") else text + newline(text)


def indent(text, line):
    """The white space at the beginning of a line."""
    return re.compile(r"[ \t]*").match(text, line).group()


def inner_indent(text, parent, every, closing):
    """The indentation of what is in an object: that of a field in it, else two spaces more than its closing brace has."""
    for field in every:
        inside = len(field.path) > len(parent.path) and parent.body[0] <= field.start < parent.body[1]
        line = text.rfind("\n", 0, field.start) + 1
        if inside and line > parent.body[0] and not text[line:field.start].strip() and len(field.path) == len(parent.path) + 1:
            return indent(text, line)
    return indent(text, closing) + "  "
