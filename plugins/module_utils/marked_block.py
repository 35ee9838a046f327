# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of our own between two marks, in a file that may be somebody else's. Pure: text in, text out."""

from __future__ import annotations

import re

#: What any block begins with.
MARK = "# BEGIN xitrum.host "


def block(name, line):
    """The block of that name."""
    return f"{MARK}{name}\n{line}\n# END xitrum.host {name}\n"


def has_block(text, name):
    """Whether a text, or None where there is no file, has the block."""
    return text is not None and without(text, name) != text


def replaced(text, name, line):
    """The text with another line in the block, where it is."""
    return _pattern(name).sub(lambda _found: block(name, line), text)


def without(text, name):
    """The text without the block, if it has one."""
    return _pattern(name).sub("", text)


def _pattern(name):
    return re.compile(rf"^# BEGIN xitrum\.host {re.escape(name)}\n.*?^# END xitrum\.host {re.escape(name)}\n", re.MULTILINE | re.DOTALL)
