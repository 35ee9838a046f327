# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that is put together under a name of its run alone, and gets its own name by a rename.

A module may outlive its controller. With one name for all runs it would rename what the next run has just begun. The
process that makes such a folder holds it with a lock, which ends with the process whatever ends it: what nobody
holds was left by a run that died.
"""

from __future__ import annotations

import re
import secrets

from .host import Host

ENDING = ".partial"

#: What this collection makes or removes under another name. Whatever else is hidden is unmanaged.
_OWN = re.compile(r"\..+\.(?:part|partial|removed)(?:\.old)?", re.DOTALL)


def make_hidden_name(name: str, ending: str = ENDING) -> str:
    """A hidden name for a folder that is to be called `name`, another one each time."""
    return f".{name}.{secrets.token_hex(6)}{ending}"


def find_abandoned(host: Host, folder: str) -> list[str]:
    """The names of folders under another name that nobody holds: runs that died have left them."""
    return [name for name in host.listdir(folder) if _OWN.fullmatch(name) and not host.is_held(f"{folder}/{name}")]
