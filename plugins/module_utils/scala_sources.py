# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the main classes in Scala and Java source texts. Pure.

A text is read as far as that takes: comments, strings, braces, packages, and the objects at the top of a package.
"""

from __future__ import annotations

import re

_SCALA_TEXT = re.compile(r'"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\[^\n]{1,5})\'')
_TOKEN = re.compile(r"[{}]|\bpackage\s+object\b|\bpackage\s+([\w.`]+)|\b(?:object|class|trait)\s+([\w$`]+)")
_SCALA_MAIN = re.compile(r"\bdef\s+main\s*\(\s*\w+\s*:\s*Array\s*\[\s*String\s*\]\s*\)")
_SCALA_APP = re.compile(r"\b(?:extends|with)\s+(?:scala\s*\.\s*)?App\b")
_JAVA_MAIN = re.compile(r"\bstatic\b[^;{}()]*\bvoid\s+main\s*\(\s*(?:final\s+)?String\b[^;{}()]*(?:\[\s*\]|\.\.\.)[^;{}()]*\)")


def blank(text):
    """A text with blanks in place of everything but its line ends."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, strings=True):
    """A Scala or Java text with blanks in place of its comments, which may be nested in Scala, so that positions stay.

    C(strings): whether strings stay too; what looks like a comment inside of one is none.
    """
    parts, at = [], 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            parts.append(blank(text[at:end]))
        elif text.startswith("/*", at):
            end = _comment_end(text, at)
            parts.append(blank(text[at:end]))
        else:
            found = _SCALA_TEXT.match(text, at)
            end = found.end() if found else at + 1
            parts.append(text[at:end] if strings or not found else blank(text[at:end]))
        at = end
    return "".join(parts)


def _comment_end(text, at):
    """Where the block comment that begins here ends."""
    depth, mark = 0, re.compile(r"/\*|\*/")
    for found in mark.finditer(text, at):
        depth += 1 if found.group() == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)


def main_classes(text, java=False):
    """The full names of the objects (in Java: classes) of a text that have a main method, in their order."""
    bare = without_comments(text, strings=False)
    if java:
        package = re.search(r"(?m)^\s*package\s+([\w.]+)\s*;", bare)
        return [".".join([*([package[1]] if package else []), name]) for name in _java_classes(bare)]
    return list(_scala_objects(bare))


def _java_classes(bare):
    """The public classes and enums of a Java text that have a main method: one a file."""
    name = re.search(r"\b(?:class|enum|record|interface)\s+(\w+)", bare)
    return [name[1]] if name and _JAVA_MAIN.search(bare) else []


def _scala_objects(bare):
    """The objects at the top of a package of a Scala text that have a main method or extend App."""
    prefix, blocks, pending = [], [], None
    tokens = list(_TOKEN.finditer(bare))
    for number, token in enumerate(tokens):
        word = token.group()
        following = bare[token.end():tokens[number + 1].start() if number + 1 < len(tokens) else len(bare)]
        if word == "{":
            blocks.append(pending)
            pending = None
        elif word == "}":
            if blocks:
                blocks.pop()
            pending = None
        elif word.startswith("package") and token[1] is None:
            # package object NAME: its members are no classes of the package's own name.
            pending = ("other", "")
        elif token[1] is not None:
            if _opens(bare, token.end()):
                pending = ("package", token[1])
            elif not blocks:
                prefix.append(token[1])
        else:
            top = all(block and block[0] == "package" for block in blocks)
            is_object = word.startswith("object") and top and not (number and tokens[number - 1].group().startswith("package object"))
            if is_object and _SCALA_APP.search(following):
                yield _name(prefix, blocks, token[2])
                is_object = False
            pending = ("object" if is_object else "other", token[2])
        inner = blocks[-1] if blocks else None
        if inner and inner[0] == "object" and all(block and block[0] == "package" for block in blocks[:-1]) and _SCALA_MAIN.search(following):
            yield _name(prefix, blocks[:-1], inner[1])
            blocks[-1] = ("other", inner[1])


def _opens(bare, at):
    """Whether a brace is what comes next."""
    return re.compile(r"\s*\{").match(bare, at) is not None


def _name(prefix, blocks, name):
    """The full name of an object."""
    return ".".join([*prefix, *(block[1] for block in blocks), name]).replace("`", "")
