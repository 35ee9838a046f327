# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What process 1 is, by its own answer: a program that is installed does not show what the host was booted with."""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

from ..core.process import read_if_allowed


class Init(NamedTuple):
    """`name` is `systemd`, `upstart`, `init` for that of System V, or the name of another; `version` is that of
    upstart."""

    name: str
    version: str = ""


def has_systemd(host: Any) -> bool:
    """Whether systemd is process 1, as in sd_booted(3)."""
    return host.exists("/run/systemd/system")


def read_init(host: Any) -> Init:
    """What process 1 is. upstart and BusyBox's init have the name of that of System V, and do not read its table."""
    if has_systemd(host):
        return Init("systemd")
    # `initctl --version` is the client's own. Without an answer of process 1 it ends with another code.
    result = host.run(["initctl", "version"]) if host.find_program("initctl") else None
    answer = re.search(r"\(upstart (\d+(?:\.\d+)*)", result.out) if result and result.rc == 0 else None
    if answer:
        return Init("upstart", answer[1])
    if posixpath.basename(read_if_allowed(host.readlink, "/proc/1/exe") or "") == "busybox":
        return Init("busybox")
    return Init((read_if_allowed(host.read, "/proc/1/comm") or "").strip())
