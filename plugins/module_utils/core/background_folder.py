# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder in which a process in the background of a host reports, and in which files ask it to go on or to end."""

from __future__ import annotations

import math
import os
import stat
import time


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
    kind = "a folder" if stat.S_ISDIR(found.st_mode) else "something other than a folder"
    return (
        f"{folder}: found {kind}, of user id {found.st_uid}; expected the folder of {what}, of user id "
        f"{os.geteuid()}. Nothing was read or written in it. See who made it"
    )


def has_state(folder: str, prefix: str) -> bool:
    """Whether a process has reported in a folder. prefix: what the names of such folders begin with."""
    return os.path.basename(folder).startswith(prefix) and os.path.isfile(f"{folder}/state.json")


def touch(path: str) -> None:
    """Makes an empty file, such as one that asks a process to end."""
    with open(path, "a", encoding="utf-8"):
        pass


def renew_lease(folder: str) -> None:
    """Lets the lease of a folder's process count from now.

    The time of its file is that of a clock that all processes of a boot share and that nobody sets: a step of the time
    of day neither ends a process early nor keeps it.
    """
    touch(f"{folder}/lease")
    now = time.monotonic()
    os.utime(f"{folder}/lease", (now, now))


def read_lease_age(folder: str) -> float:
    """The seconds since somebody renewed the lease of a folder; without end where the lease is gone."""
    try:
        return time.monotonic() - os.stat(f"{folder}/lease").st_mtime
    except OSError:
        return math.inf


def write_record(folder: str, name: str, text: str) -> None:
    """Writes a record whole, so that nobody reads a part of it."""
    with open(f"{folder}/{name}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}.json")
