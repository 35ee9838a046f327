# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What process 1 is, told by process 1: a program that is installed says nothing of what the host was booted with."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from ..core.process import seen
from .kinds import KINDS

#: The oldest upstart that can run a job as another user (setuid) and keep what it prints (console log).
OLDEST_UPSTART = (1, 4)


class Init(NamedTuple):
    """C(name) is C(systemd), C(upstart), C(init) for that of System V, or the name of another; C(version) upstart's."""

    name: str
    version: str = ""


def has_systemd(host):
    """Whether systemd is process 1, as sd_booted(3) tells it."""
    return host.exists("/run/systemd/system")


def read_init(host):
    """What process 1 is. upstart and BusyBox's init have the name of that of System V, and do not read its table."""
    if has_systemd(host):
        return Init("systemd")
    # `initctl --version` is the client's own. Without a word from process 1 it ends with another code.
    asked = host.run(["initctl", "version"]) if host.which("initctl") else None
    answer = re.search(r"\(upstart (\d+(?:\.\d+)*)", asked.out) if asked and asked.rc == 0 else None
    if answer:
        return Init("upstart", answer[1])
    if posixpath.basename(seen(host.readlink, "/proc/1/exe") or "") == "busybox":
        return Init("busybox")
    return Init((seen(host.read, "/proc/1/comm") or "").strip())


def problem(supervisor, init):
    """Why a supervisor cannot start anything at boot here, as a sentence; empty where it can. Pure."""
    inits = KINDS[supervisor]["inits"] if supervisor else []
    if inits and init.name not in inits:
        return (
            f"process 1 is {init.name or 'unknown'}, and the xitrum_supervisor {supervisor} wants "
            f"{' or '.join(inits)}: choose another for this host"
        )
    if supervisor == "upstart" and tuple(int(part) for part in init.version.split(".")[:2]) < OLDEST_UPSTART:
        return (
            f"process 1 is upstart {init.version}, and xitrum_supervisor wants upstart "
            f"{'.'.join(map(str, OLDEST_UPSTART))} or newer: choose another xitrum_supervisor for this host"
        )
    return ""
