# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of files that grow while they are read. `Host` uses these, on descriptors that it has opened."""

from __future__ import annotations

import os
import select
import stat
import zlib
from typing import Callable, NamedTuple

#: Bytes that are read at once.
BLOCK = 1 << 16

#: Bytes of a compressed file that are unpacked at most: a small one may hold very much.
UNZIPPED_BYTES = 1 << 28


class Part(NamedTuple):
    """Bytes of a file. `size` is that of the whole file, as far as it was read."""

    inode: int
    size: int
    data: bytes


class FileInfo(NamedTuple):
    """A file in a folder. `changed` is in seconds since the epoch. `refused` is why it is not to be read; empty where
    it may be."""

    name: str
    inode: int
    size: int
    changed: float
    refused: str = ""


def list_files(folder: int, is_planted: Callable[[os.stat_result, os.stat_result], bool]) -> list[FileInfo]:
    """The regular files in an open folder, by their names, and links that lead out of it. These are refused, and what
    others may have put there.

    `is_planted` returns that, by what fstat reports about the folder and the file.
    """
    above = os.fstat(folder)
    found = []
    for name in sorted(os.listdir(folder)):
        try:
            one = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        is_link = is_link_elsewhere(folder, name, one)
        if is_link or stat.S_ISREG(one.st_mode):
            refused = "a link" if is_link else "the file of another user" if is_planted(above, one) else ""
            found.append(FileInfo(name, one.st_ino, one.st_size, one.st_mtime, refused))
    return found


def is_link_elsewhere(folder: int, name: str, found: os.stat_result) -> bool:
    """Whether a file is a link that leads out of its open folder."""
    try:
        return stat.S_ISLNK(found.st_mode) and "/" in os.readlink(name, dir_fd=folder)
    except OSError:
        return False


def read_part(handle: int, offset: int, size: int) -> Part:
    """The bytes of an open file from `offset` on, `size` at most."""
    found, parts, left = os.fstat(handle), [], size
    while left > 0:
        data = os.pread(handle, min(left, 1 << 20), offset + size - left)
        if not data:
            break
        parts.append(data)
        left -= len(data)
    return Part(found.st_ino, found.st_size, b"".join(parts))


def unzip_part(handle: int, offset: int, size: int) -> Part:
    """The unpacked bytes of an open file of gzip from `offset` on, `size` at most; the last ones where `offset` is
    negative. What is damaged ends the file."""
    # A file may have several members, one after the other.
    unpacker, done, kept = zlib.decompressobj(31), 0, bytearray()
    with os.fdopen(os.dup(handle), "rb") as file:
        data = file.read(BLOCK)
        while data and done < UNZIPPED_BYTES:
            try:
                found = unpacker.decompress(data, 1 << 20)
            except zlib.error:
                break
            begin = 0 if offset < 0 else max(0, min(len(found), offset - done))
            done += len(found)
            kept += found[begin:]
            if offset < 0 and len(kept) > size + (1 << 20):
                del kept[:-size]
            if offset >= 0 and len(kept) >= size:
                break
            data = unpacker.unconsumed_tail
            if unpacker.eof:
                data, unpacker = unpacker.unused_data, zlib.decompressobj(31)
            data = data or file.read(BLOCK)
    return Part(os.fstat(handle).st_ino, done, bytes(kept[-size:] if offset < 0 else kept[:size]))


def has_reader(handle: int) -> bool:
    """Whether somebody still reads what is written to a pipe or a socket."""
    poll = select.poll()
    poll.register(handle, 0)
    return not poll.poll(0)
