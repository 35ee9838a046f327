# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of the controller that a run saves files in: validated before a host does any work, and made when a file is
saved."""

from __future__ import annotations

import os

from ..module_utils.core.untrusted_text import make_printable


def find_folder_error(folder: str) -> str:
    """Return why this user cannot save files in a folder, as the end of a sentence; empty if it can. The folder may be
    missing. Makes nothing."""
    path = nearest = os.path.abspath(folder)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        return f"which cannot be made: {make_printable(nearest)} is not a folder"
    if os.access(nearest, os.W_OK | os.X_OK):
        return ""
    if nearest == path:
        return "where this user cannot write"
    return f"which cannot be made: this user cannot write in {make_printable(nearest)}"
