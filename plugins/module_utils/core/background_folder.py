# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder in which a process in the background of a host reports, and in which files ask it to go on or to end."""

from __future__ import annotations

import os
import stat


def find_owner_error(folder: str, what: str) -> str:
    """Why a folder may have links of another user in it; empty if it is this user's, or does not exist.

    what: of what the folder is, such as `a job`.
    """
    try:
        found = os.lstat(folder)
    except OSError:
        return ""
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        return ""
    kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no folder"
    return (
        f"{folder}: found {kind} of user id {found.st_uid}, expected the folder of {what}, of user id "
        f"{os.geteuid()}. Nothing was read or written in it. See who made it"
    )


def has_state(folder: str, prefix: str) -> bool:
    """Whether a process has reported in a folder. prefix: what the names of such folders begin with."""
    return os.path.basename(folder).startswith(prefix) and os.path.isfile(f"{folder}/state.json")


def touch(path: str) -> None:
    """Makes a file new."""
    with open(path, "a", encoding="utf-8"):
        os.utime(path)


def write_record(folder: str, name: str, text: str) -> None:
    """Writes a record whole, so that nobody reads a part of it."""
    with open(f"{folder}/{name}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}.json")
