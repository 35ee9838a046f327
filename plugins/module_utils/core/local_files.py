# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads single files of a package or an archive. On the controller, or of an archive on a host."""

from __future__ import annotations

import hashlib
import os


def leads_inside(folder: str, path: str) -> bool:
    """Whether a path, every link in it followed, stays below a folder."""
    real = os.path.realpath(folder)
    return (os.path.realpath(path) + os.sep).startswith(real.rstrip(os.sep) + os.sep)


def compute_sha256(path: str) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def is_package(folder: str) -> bool:
    """Whether a folder resembles a package at all. One that does not is not read: it may be a home directory."""
    return any(os.path.isdir(os.path.join(folder, name)) for name in ("config", "lib", "script"))
