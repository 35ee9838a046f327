# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A marked block of our own in /etc/rc.local, which may be an unmanaged script. Pure: text in, text out."""

from __future__ import annotations

import re
from typing import Sequence

from ..core.marked_block import append_block, block, remove_block

PATH = "/etc/rc.local"

#: The script where there was none: without a block in it, it is nobody's and goes.
EMPTY = "#!/bin/sh\n# Written by xitrum.host.\nexit 0\n"

#: The first line of a script for a shell that reads our line, by its path or through env.
_SHELL = re.compile(r"#!\s*(?:/\S*/env\s+(?:-\S+\s+)*)?(?:/\S*/)?(?:busybox\s+)?(?:ba|da|a|k|mk|z)?sh(?:\s|$)")

#: A line with its end, as a shell reads it: nothing else than a line feed ends one.
_LINES = re.compile(r"[^\n]*\n|[^\n]+")

#: A command after which a script does not go on.
_LEAVES = re.compile(r"(?:^|[;&|]|\b(?:then|else|do)\b)\s*(?:exit|exec)\b(?!\s+\d*[<>])")


def find_last_command(lines: Sequence[str]) -> int:
    """The number of the line on which the last command begins; -1 where there is none but comments."""
    last = max(
        (number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), default=-1
    )
    while last > 0 and lines[last - 1].rstrip("\r\n").endswith("\\"):
        last -= 1
    return last


def find_error(text: str | None, systemd: bool = True) -> str:
    """Why a script that is there can have no block, as a sentence; empty where it can. None: there is no script."""
    first = (text or "").partition("\n")[0]
    expected = "expected a shell script (#!/bin/sh): correct it, or choose another xitrum_supervisor"
    if text is None or (not first.startswith("#!") and not systemd):
        return ""
    if not first.startswith("#!"):
        why = "systemd runs no script whose first line names no interpreter"
        return f"{PATH} begins with {first!r}, and {why}; {expected}"
    if first.endswith("\r"):
        return (
            f"{PATH} has Windows line ends, so its interpreter is not found, and it does not run at boot; expected "
            f"Unix ones. Run sed -i 's/\\r$//' {PATH}, or choose another xitrum_supervisor"
        )
    return "" if _SHELL.match(first) else f"{PATH} begins with {first!r}; {expected}"


def find_boot_error(load_state: str, script: str, leads_there: bool) -> str:
    """Why systemd would not run the script at boot, as a sentence; empty where it does, or systemd reports nothing.

    `load_state` is that of its unit, `script` what the unit runs, which depends on the distribution, and
    `leads_there` whether our path is or leads to the same file.
    """
    other = "or choose another xitrum_supervisor"
    if load_state in ("not-found", "masked"):
        return (
            f"rc-local.service of systemd is {load_state}, and nothing else runs {PATH} at boot: restore that unit, "
            f"{other}"
        )
    if script and not leads_there:
        return f"systemd runs {script} at boot, and {PATH} does not lead there: make {PATH} a link to it, {other}"
    return ""


def put_block(text: str | None, name: str, line: str) -> str:
    """The script with the application's block: before a last command that leaves the script, else at its end. Text
    without a `find_error` only. The block has Unix line ends, since a shell takes others for a part of a word."""
    text = remove_block(EMPTY if text is None else text, name)
    lines = _LINES.findall(text)
    end = find_last_command(lines)
    if end >= 0 and _LEAVES.search(lines[end]):
        return "".join([*lines[:end], block(name, line), *lines[end:]])
    return append_block(text, name, line)


def find_early_exits(text: str | None, name: str) -> list[int]:
    """The numbers of the lines, from 1 on, on which the script may end before the application's block."""
    lines = put_block(text, name, "").partition(block(name, ""))[0].split("\n")
    return [
        number for number, line in enumerate(lines, 1) if not line.lstrip().startswith("#") and _LEAVES.search(line)
    ]
