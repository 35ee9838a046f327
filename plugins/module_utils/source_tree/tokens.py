# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits Scala and Java source texts into words, and finds their comments, strings and brackets. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_CHARACTER = r"'(?:[^'\\\n]|\\[^\n]{1,5})'"
_TEXT = re.compile(r'"""[\s\S]*?"{3,}|"(?:[^"\\\n]|\\.)*"|' + _CHARACTER)
#: What a comment, a string or a character begins with.
_BEGINS = re.compile(r"//|/\*|[\"']")
#: In an interpolated string: what ends it, an escape, or the beginning of code.
_INTERPOLATED = re.compile(r'\$\{|\$["$]|\\.|"|\n')
_CODE = re.compile(r"//|/\*|[\"'{}]")
_DEEPEST = 20
_TOKEN = re.compile(r"@[\w.$`]+|`[^`\n]*`|[\w$]+|[{}()\[\];,.]|\"+|[!#%&*+\-/:<=>?@\\^|~]+|[^\s\w]")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def make_blank(text: str) -> str:
    """A text with blanks in place of everything but its line ends."""
    return re.sub(r"[^\n]", " ", text)


def blank_comments(text: str, strings: bool = True, java: bool = False) -> str:
    """A Scala or Java text with blanks in place of its comments, so that positions stay.

    strings: whether strings stay too; what resembles a comment inside of one is none.
    java: a block comment of Java ends at the first end mark, while those of Scala may be nested.
    """
    return _replace(text, str if strings else make_blank, java)


def mask_strings(text: str) -> str:
    """A Scala text without comments, in which each string is one token:
    quotes in place of all its characters, so that positions stay."""
    return _replace(text, lambda string: '"' * len(string))


def _replace(text: str, of_string: Callable[[str], str], java: bool = False) -> str:
    """The text with blanks in place of its comments, and with what the function makes of its strings."""
    parts: list[str] = []
    at = 0
    while True:
        found = _BEGINS.search(text, at)
        if not found:
            return "".join([*parts, text[at:]])
        parts.append(text[at:found.start()])
        at = found.start()
        end: int | None
        if found.group() in ("//", "/*"):
            end = _find_comment_end(text, at, java)
            parts.append(make_blank(text[at:end]))
        else:
            end = _find_string_end(text, at, java)
            parts.append(of_string(text[at:end]) if end else text[at])
        at = end or at + 1


def _find_comment_end(text: str, at: int, java: bool = False) -> int:
    """Where the comment that begins here ends."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if java:
        end = text.find("*/", at + 2)
        return len(text) if end < 0 else end + 2
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if found.group() == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)


def _find_string_end(text: str, at: int, java: bool = False, depth: int = 0) -> int | None:
    """Where the string or character that begins here ends; None where it does not."""
    if not java and text[at] == '"' and at and (text[at - 1].isalnum() or text[at - 1] in "_`"):
        end = _find_interpolated_end(text, at, depth)
        if end or depth:
            return end
    found = _TEXT.match(text, at)
    return found.end() if found else None


def _find_interpolated_end(text: str, at: int, depth: int) -> int | None:
    """Where an interpolated string ends, with the code in it; None where it does not."""
    mark = '"""' if text.startswith('"""', at) else '"'
    at += len(mark)
    while True:
        found = _INTERPOLATED.search(text, at)
        if not found:
            return None
        word, at = found.group(), found.end()
        if word == "${":
            end = _find_code_end(text, at, depth)
            if end is None:
                return None
            at = end
        elif word == '"' and mark == '"':
            return at
        elif word == '"' and text.startswith(mark, found.start()):
            # Of more than three quotes the last three end it.
            return at + len(text[at:]) - len(text[at:].lstrip('"'))
        elif word == "\n" and mark == '"':
            return None
        elif word.startswith("\\") and mark != '"':
            at = found.start() + 1


def _find_code_end(text: str, at: int, depth: int) -> int | None:
    """Where the code in an interpolated string ends; None where it does not."""
    open_braces = 1
    while depth < _DEEPEST:
        found = _CODE.search(text, at)
        if not found:
            return None
        word, at = found.group(), found.end()
        if word in "{}":
            open_braces += 1 if word == "{" else -1
            if not open_braces:
                return at
        elif word in ("//", "/*"):
            at = _find_comment_end(text, found.start())
        else:
            end = _find_string_end(text, found.start(), depth=depth + 1)
            if end is None and word == '"':
                return None
            at = end or at
    return None


class Token(NamedTuple):
    """A word or a sign. first: whether it is the first one of its line. column: the indentation of that line."""

    text: str
    start: int
    end: int
    line: int
    first: bool
    column: int

    @property
    def is_name(self) -> bool:
        """Whether it may be a name."""
        return self.text[0] in "_$`" or self.text[0].isalpha()


def split_tokens(bare: str) -> list[Token]:
    """The tokens of a text without comments and strings."""
    tokens: list[Token] = []
    line, begin = 1, 0
    column = -1
    for found in _TOKEN.finditer(bare):
        passed = bare.count("\n", begin, found.start())
        first = bool(passed) or not tokens
        if first:
            column = found.start() - bare.rfind("\n", 0, found.start()) - 1
        line, begin = line + passed, found.start()
        tokens.append(Token(found.group(), found.start(), found.end(), line, first, column))
    return tokens


def match_brackets(tokens: list[Token]) -> dict[int, int]:
    """The index of a bracket's token to that of its partner, both ways. A bracket without a partner is left out."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    counts = dict.fromkeys(_CLOSING.values(), 0)
    for number, token in enumerate(tokens):
        if token.text in counts:
            stack.append(number)
            counts[token.text] += 1
        elif token.text in _CLOSING and counts[_CLOSING[token.text]]:
            opened = stack.pop()
            counts[tokens[opened].text] -= 1
            while tokens[opened].text != _CLOSING[token.text]:
                opened = stack.pop()
                counts[tokens[opened].text] -= 1
            pairs[opened], pairs[number] = number, opened
    return pairs


def split_arguments(tokens: list[Token], pairs: dict[int, int], opened: int) -> list[list[int]]:
    """The arguments between two brackets, each a list of the indices of its tokens.
    An empty one at the end is left out."""
    arguments: list[list[int]] = [[]]
    at = opened + 1
    while at < pairs[opened]:
        if tokens[at].text == ",":
            arguments.append([])
            at += 1
            continue
        end = pairs.get(at, at)
        end = end if end >= at else at
        arguments[-1] += range(at, end + 1)
        at = end + 1
    return arguments if arguments[-1] else arguments[:-1]
