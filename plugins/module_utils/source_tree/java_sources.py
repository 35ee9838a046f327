# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the types with a main method in a Java source text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .tokens import Token, blank_comments, match_brackets, split_tokens
from .types import Type

_KINDS = ("class", "interface", "@interface", "enum", "record")
_PARAMETER = re.compile(
    r"(?:(?:final|@[\w.]+)\s+)*(?:java\s*\.\s*lang\s*\.\s*)?String\s*(?:\[\s*\]\s*\w+|\.\s*\.\s*\.\s*\w+|\w+\s*\[\s*\])"
)


def read_types(text: str) -> list[Type]:
    """The types of a Java text that have a main method of their own, nested ones too."""
    bare = blank_comments(text, strings=False, java=True)
    package = re.search(r"(?:^|[;\s])package\s+([\w.]+)\s*;", bare)
    return list(_walk(bare, split_tokens(bare), package[1] if package else ""))


def _walk(bare: str, tokens: list[Token], package: str) -> Iterator[Type]:
    """The types with a main method, by their braces."""
    pairs, pending, at = match_brackets(tokens), None, 0
    blocks: list[tuple[str, str] | None] = []
    while at < len(tokens):
        word = tokens[at].text
        if word == "(" and pairs.get(at, -1) > at:
            last = blocks[-1] if blocks else None
            is_main = at > 1 and tokens[at - 1].text == "main"
            if last and is_main and _is_main(bare, tokens, pairs, at, last[0]):
                names = [name for _kind, name in filter(None, blocks)]
                top = len(names) == 1
                yield Type(
                    "object" if top else f"nested {last[0]}", package, "$".join(names), (), "main", tokens[at].line
                )
            at = pairs[at]
        elif word == "{":
            blocks.append(pending)
            pending = None
        elif word == "}":
            del blocks[-1:]
            pending = None
        elif word == ";":
            pending = None
        elif (
            word in _KINDS
            and at + 1 < len(tokens)
            and tokens[at + 1].is_name
            and tokens[at - 1].text != "."
            and not pending
        ):
            pending = (word.lstrip("@"), tokens[at + 1].text)
            at += 1
        at += 1


def _is_main(bare: str, tokens: list[Token], pairs: dict[int, int], opened: int, kind: str) -> bool:
    """Whether a method main with these parameters starts a program."""
    if tokens[opened - 2].text != "void" or not _PARAMETER.fullmatch(
        bare[tokens[opened].end : tokens[pairs[opened]].start].strip()
    ):
        return False
    at, words = opened - 3, set()
    while at >= 0 and tokens[at].text not in (";", "{", "}"):
        at = pairs.get(at, at) if tokens[at].text == ")" else at
        words.add(tokens[at].text)
        at -= 1
    # A method of an interface is public unless it is private.
    return "static" in words and ("public" in words or (kind == "interface" and "private" not in words))
