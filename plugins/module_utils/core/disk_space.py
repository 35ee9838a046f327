# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk in words: which path could not be written, what it needs, and what its file system has. Pure."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .untrusted_text import make_printable

if TYPE_CHECKING:
    # It imports this file.
    from .host import Host

#: The errors that report it: the file system is full, or what of it a user may take is used up.
FULL = (errno.ENOSPC, errno.EDQUOT)


def format_size(count: int) -> str:
    """A number of bytes as a person writes it."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"


def format_room(count: int) -> str:
    """As `format_size`, for what may be less than 1 MiB."""
    return f"{-(-count // 1024)} KiB" if 0 < count < 1 << 20 else format_size(count)


def is_full(error: object) -> bool:
    """Whether an OSError reports that there is no room left."""
    return getattr(error, "errno", None) in FULL


def describe(path: str, free: tuple[int, int] | None, needed: int = 0) -> str:
    """What a path needs and its file system has. `free` is a pair of bytes and inodes (files), None where that is not
    known; `needed` is in bytes, 0 where nobody knows."""
    space = (
        f"its file system has {format_room(free[0])} and {free[1]} inodes free" if free else "its file system is full"
    )
    return f"{make_printable(path)} needs {format_room(needed) if needed else 'more room'}, and {space}"


def note(host: Host, error: object, path: str, needed: int = 0) -> str:
    """What follows the text of an error that a full disk is behind, as a sentence; empty for another error, and where
    the error reports it itself. `path` counts where the error names none."""
    if not is_full(error) or "inodes free" in str(error):
        return ""
    where = getattr(error, "filename2", None) or getattr(error, "filename", None)
    where = where if isinstance(where, str) and where.startswith("/") else path
    return f" Make room: {describe(where, host.read_free_space(where), needed)}."
