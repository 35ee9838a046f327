# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a folder that was there before belongs to an application of this collection, by the names of its entries."""

from __future__ import annotations

import fnmatch

from ..core.host import Host
from .run_lock import LOG

#: What is ours in a folder that was there before.
INSIDE = {
    "roots": ("releases", "manifests", "instances", "current", "previous", "healthy", "slot", "run", "runs"),
    "logs": ("[0-9]", "[0-9][0-9]", "[0-9][0-9][0-9]", "output-*", LOG),
}


def list_managed_entries(host: Host, kind: str, path: str) -> list[str]:
    """What is ours in a folder, by its names."""
    return [name for name in host.listdir(path) if any(fnmatch.fnmatchcase(name, pattern) for pattern in INSIDE[kind])]
