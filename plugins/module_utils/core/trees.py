# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders with thousands of files, such as those of a release: read, verified, linked and unpacked. `Host` uses these.

Their paths are not followed part by part, as `Host` does for single files: each is in a folder that root alone may
write.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile

#: Bytes that are read at once.
BLOCK = 1 << 20


def compute_digest(path: str) -> str:
    """The SHA-256 of a file in hexadecimal; an empty text where it cannot be read."""
    sha = hashlib.sha256()
    try:
        with open(path, "rb") as handle:
            for block in iter(lambda: handle.read(BLOCK), b""):
                sha.update(block)
    except OSError:
        return ""
    return sha.hexdigest()


def seal(path: str) -> list[int]:
    """What shows whether a file was touched: its size, and when its inode was changed, in ns. Raises OSError."""
    found = os.stat(path)
    return [found.st_size, found.st_ctime_ns]


def has_mode(path: str, mode: int) -> bool:
    """Whether a file, which is not a link, has this mode."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == mode


def list_entries(folder: str) -> list[str]:
    """The paths of all files and links below a folder, from there on."""
    found = []
    for top, inside, names in os.walk(folder):
        links = [name for name in inside if os.path.islink(os.path.join(top, name))]
        found += [os.path.relpath(os.path.join(top, name), folder) for name in [*names, *links]]
    return found


def list_names(archive: str) -> list[str]:
    """The names of the members of an archive."""
    with tarfile.open(archive) as tar:
        return tar.getnames()


def unpack_digests(archive: str, folder: str) -> dict[str, str]:
    """Unpacks an archive whose members are named by their SHA-256 into hidden files of a folder: digest to path. Raises
    ValueError where a member has another content."""
    sent = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path, content = f"{folder}/.{member.name}", tar.extractfile(member)
            with open(path, "wb") as out:
                if content is not None:
                    shutil.copyfileobj(content, out, BLOCK)
            found = compute_digest(path)
            if found != member.name:
                raise ValueError(f"a file arrived damaged: its SHA-256 is {found}, expected {member.name}; "
                                 "run the playbook again")
            sent[member.name] = path
    return sent
