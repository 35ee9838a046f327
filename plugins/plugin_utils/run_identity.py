# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose run this is, in locks, in the log of runs and in reports, and which runs of this controller have ended."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any

from . import command_line


def read_identity(pid: int | None = None) -> dict[str, str]:
    """The holder that this run is. `pid` is the process of ansible-playbook; without it, the one that has made this
    worker.
    """
    pid = os.getppid() if pid is None else pid
    return {
        "id": f"{read_boot()}/{pid}/{read_start_time(pid)}",
        "user": read_user_name(),
        "host": socket.gethostname(),
        "playbook": command_line.format_playbook_name(),
    }


def read_user_name() -> str:
    """The name of the account that runs Ansible; its number where it has none, as in some containers.

    From the account, since anybody may set LOGNAME and USER.
    Of root it is the account that sudo names, where there is one.
    """
    number = os.getuid()
    try:
        if number == 0 and os.environ.get("SUDO_UID", "").isdecimal():
            # sudo sets both: the number is that of an account, and the other is any text.
            return pwd.getpwuid(int(os.environ["SUDO_UID"])).pw_name
        return pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return f"uid-{number}"


def read_boot() -> str:
    """What distinguishes this boot of this machine, and the processes that can be seen here, from all others;
    an empty text where the system does not report."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            # Two containers on one machine do not see each other's processes.
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def read_start_time(pid: int) -> str:
    """When a process was started, in clock ticks since boot: a later one with its number is another.
    Empty where the system does not report it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def has_ended(lock: Mapping[str, Any], controller: Mapping[str, str]) -> bool:
    """Whether the holder of a lock was a run of this controller that has ended. False where that
    cannot be found out."""
    machine, pid, start = (lock.get("id", "").split("/") + ["", ""])[:3]
    if not machine or lock.get("host") != controller["host"] or machine != controller["id"].partition("/")[0]:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # Another user's process, of which /proc may report nothing.
        return False
    return read_start_time(pid) != start
