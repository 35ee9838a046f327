# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that other people and programs wrote: its lines, words and letters as C programs see them, and a form to print. Pure.

Python's own C(splitlines), C(split), C(strip), C(lower), C(isdecimal) and C(int) know all of Unicode. A program in C knows
six blanks, one line end, 26 letters and ten digits: a no-break space is part of a name, and a form feed ends no line.
"""

from __future__ import annotations

import re
import string

#: What isspace(3) takes for a blank in the C locale.
BLANKS = " \t\n\v\f\r"

_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PRINTED = 120


def lines_of(text):
    """The lines of a file with their numbers from 1 on, without their ends: C((number, line))."""
    return enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else [], 1)


def words_of(text):
    """The words of a line."""
    return _WORD.findall(text)


def lowercase(text):
    """A text with its 26 capital letters made small, whatever language the host speaks."""
    return text.translate(_LOWER)


def printable(text):
    """A foreign text in one line that is safe to print and to send: what is not printable is escaped, and a long one is cut."""
    found = "".join(letter if letter.isprintable() else _escape(letter) for letter in text)
    return found if len(found) <= _PRINTED else found[:_PRINTED] + "..."


def _escape(letter):
    number = ord(letter)
    # A byte that is no UTF-8 is read as U+DC80 to U+DCFF.
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else letter.encode("unicode_escape").decode("ascii")


def sendable(value):
    """A result with each byte that is no UTF-8 escaped, at any depth: Ansible refuses the result of a module that has one."""
    if isinstance(value, str):
        return value if value.isascii() else re.sub("[\ud800-\udfff]", lambda found: _escape(found.group()), value)
    if isinstance(value, dict):
        return {sendable(key): sendable(item) for key, item in value.items()}
    return [sendable(item) for item in value] if isinstance(value, (list, tuple)) else value
