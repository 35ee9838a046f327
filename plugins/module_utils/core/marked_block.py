# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of our own between two marks, in a file that may be managed by something else. Pure: text in, text out.

A block is recognised whatever line ends the file has. A file without a line end at its end has none with a block
there either: that is how it is given back byte for byte.
"""

from __future__ import annotations

import re

#: What any block begins with.
MARK = "# BEGIN xitrum.host "


def block(name: str, line: str, end: str = "\n") -> str:
    """The block of that name; `end` is the line end of the file."""
    return f"{MARK}{name}{end}{line}{end}# END xitrum.host {name}{end}"


def split_blocks(text: str) -> tuple[str, str]:
    """All blocks of a text, whatever their names, and the text without them."""
    names = dict.fromkeys(re.findall(rf"^{re.escape(MARK)}([^\r\n]+?)\r?$", text, re.MULTILINE))
    found = "".join(match[0] for name in names for match in _compile_pattern(name).finditer(text))
    for name in names:
        text = remove_block(text, name)
    return found, text


def find_line_end(text: str) -> str:
    """The line end that most lines of a text have."""
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def has_block(text: str | None, name: str) -> bool:
    """Whether a text, or None where there is no file, has the block."""
    return text is not None and _compile_pattern(name).search(text) is not None


def replace_line(text: str, name: str, line: str, end: str = "\n") -> str:
    """The text with another line in the block, where the first one is. One that an editor has doubled is gone."""
    first = next(_compile_pattern(name).finditer(text))
    new = block(name, line, end)
    head, tail = text[: first.start()], text[first.end() :]
    if not first[0].endswith("\n"):
        return head + new[: -len(end)]
    return head + new + remove_block(tail, name)


def append_block(text: str, name: str, line: str, end: str = "\n") -> str:
    """The text with the block at its end."""
    if not text or text.endswith("\n"):
        return text + block(name, line, end)
    return f"{text}{end}{block(name, line, end)[: -len(end)]}"


def remove_block(text: str, name: str) -> str:
    """The text without the block, if it has one."""
    rest, at = "", 0
    for found in _compile_pattern(name).finditer(text):
        rest += text[at : found.start()]
        at = found.end()
        if not found[0].endswith("\n"):
            # It is the last line of a file that had no line end before.
            rest = re.sub(r"\r?\n\Z", "", rest)
    return rest + text[at:]


def _compile_pattern(name: str) -> re.Pattern[str]:
    """The block, without any mark between its own two: lines after a mark that lost its other half are not ours."""
    name = re.escape(name)
    return re.compile(
        rf"^# BEGIN xitrum\.host {name}\r?\n(?:(?!# (?:BEGIN|END) xitrum\.host ).*\n)*"
        rf"# END xitrum\.host {name}(?:\r?\n|\Z)",
        re.MULTILINE,
    )
