# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that other people and programs wrote:
its lines, words and letters as C programs see them, and a form to print. Pure.

Python's own `splitlines`, `split`, `strip`, `lower`, `isdecimal` and `int` know all of Unicode. A program in C
knows six blanks, one line end, 26 letters and ten digits:
a no-break space is part of a name, and a form feed ends no line.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from typing import Any

#: What isspace(3) takes for a blank in the C locale.
BLANKS = " \t\n\v\f\r"

_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PRINTED = 120
#: What a terminal, a browser or a parser of XML acts on instead of showing it: C0 (newline and tab apart), DEL and C1,
#: the marks that turn the direction of a line, and what XML 1.0 forbids. U+DC80 to U+DCFF are bytes that are not UTF-8.
_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029"
    "\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)

#: In how many of its first lines a file of this collection reports that it is one: a script has another line before.
OWN_LINES = 3


def split_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers from 1 on, without their ends: `(number, line)`."""
    return enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else [], 1)


def split_words(text: str) -> list[str]:
    """The words of a line."""
    return _WORD.findall(text)


def lower_ascii(text: str) -> str:
    """A text with its 26 capital letters made small, whatever language the host speaks."""
    return text.translate(_LOWER)


def escape_text(text: str) -> str:
    """An untrusted text of any lines that holds no control character: each is escaped but a tab and the end of a line.

    What a machine reads and prints goes through this. A text that is written back, or that has a grammar in which such
    a character counts, is read as it is.
    """
    return _ACTIVE.sub(lambda found: _escape(found.group()), text)


def parse_json(text: str) -> Any:
    """The value of a text in JSON. Raises ValueError where it is none, also where it is nested too deep to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def replace_controls(text: str) -> str:
    """Return a text with a blank for each character that is not printable, so that a mark below it keeps its place."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def make_printable(text: str) -> str:
    """An untrusted text in one line that is safe to print and to send:
    what is not printable is escaped, and a long one is cut."""
    found = "".join(letter if letter.isprintable() else _escape(letter) for letter in text)
    return found if len(found) <= _PRINTED else found[:_PRINTED] + "..."


def _escape(letter: str) -> str:
    number = ord(letter)
    # A byte that is not UTF-8 is read as U+DC80 to U+DCFF.
    return (
        f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else letter.encode("unicode_escape").decode("ascii")
    )


def show_own_text(text: str | None) -> str:
    """What a diff shows of a file: its text where it is of this collection, which reports it in its first lines. A text
    of others may hold secrets, and the diff goes to the screen and into logs: of that, how many lines it has."""
    if not text or any("xitrum.host" in line for number, line in split_lines(text) if number <= OWN_LINES):
        return text or ""
    return hide_text(text)


def hide_text(text: str) -> str:
    """What a diff has in the place of a text that others wrote."""
    count = sum(1 for _line in split_lines(text))
    return f"({count} {'line' if count == 1 else 'lines'} of others {'is' if count == 1 else 'are'} not shown)\n"


def make_sendable(value: Any) -> Any:
    """A value that a person or a program of others may be shown: each text in it by `escape_text`, at any depth.

    Ansible prints the messages of modules raw, and refuses a result with a byte that is not UTF-8.
    """
    if isinstance(value, str):
        return escape_text(value)
    if isinstance(value, dict):
        return {make_sendable(key): make_sendable(item) for key, item in value.items()}
    return [make_sendable(item) for item in value] if isinstance(value, (list, tuple)) else value
