# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A marked block of our own in /etc/rc.local, which may be somebody else's script. Pure: text in, text out."""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils.marked_block import block, without

PATH = "/etc/rc.local"

#: The script where there was none: without a block in it, it is nobody's and goes.
EMPTY = "#!/bin/sh\n# Written by xitrum.host.\nexit 0\n"


def last_line(lines):
    """The number of the last line that is neither empty nor a comment; -1 where there is none."""
    return max((number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), default=-1)


def problem(text):
    """Why a script that is there can have no block, as a sentence; empty where it can. None: there is no script."""
    if text is None:
        return ""
    lines = text.splitlines()
    last = lines[last_line(lines)].strip() if last_line(lines) >= 0 else ""
    if not re.match(r"#! ?/bin/(ba|da)?sh\b", text):
        return f"{PATH} begins with {''.join(lines[:1])!r}, wanted is a shell script (#!/bin/sh): correct it, or choose another xitrum_supervisor"
    if last != "exit 0":
        return (f"{PATH} is somebody else's script and ends with {last!r}; wanted is a last line 'exit 0', before which a block of its own is put: "
                "add that line, or choose another xitrum_supervisor")
    return ""


def with_block(text, name, line):
    """The script with the application's block before its final C(exit 0). Text without a L(problem) only."""
    lines = without(EMPTY if text is None else text, name).splitlines(True)
    end = last_line(lines)
    return "".join([*lines[:end], block(name, line), *lines[end:]])


def taken_away(text, name):
    """The script without the application's block; None where nothing of anybody is left in it."""
    rest = without(text, name)
    return None if rest == EMPTY else rest
