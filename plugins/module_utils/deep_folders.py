# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folder trees of any depth and with names of any length: others make them, and a walk that calls itself, or that names
each folder by its path, ends at a thousand levels."""

from __future__ import annotations

import os
import secrets

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_tree(path):
    """Removes a folder with all that is in it; links in it are removed and not followed.

    No more than two folders are open at once: what is deeper is moved up first. Raises OSError as the calls do, such as
    of a mount point.
    """
    top = os.open(path, _FOLDER)
    try:
        while True:
            with os.scandir(top) as entries:
                names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            if not names:
                break
            for name, is_folder in names:
                if is_folder:
                    _flatten(top, name)
                else:
                    os.unlink(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path)


def _flatten(top, name):
    """Removes a folder in C(top), and moves the folders in it there."""
    folder = os.open(name, _FOLDER, dir_fd=top)
    try:
        with os.scandir(folder) as entries:
            below = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for entry, is_folder in below:
            if is_folder:
                os.rename(entry, f".removed.{secrets.token_hex(8)}", src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(entry, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)
