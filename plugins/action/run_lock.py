# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.run_lock`:
reports whose run this is, and knows which of its own runs are dead."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import held_locks


class ActionModule(ActionBase):
    """Asks for the lock, and once more where its holder was a run of this controller that no longer runs."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        del tmp
        controller = read_identity()
        arguments = {**self._task.args, "holder": self._task.args.get("holder") or controller}
        result.update(self._on_host(arguments, task_vars))
        held = result.get("held_by") or {}
        if result.get("failed") and arguments.get("state") == "held" and has_ended(held, controller):
            result = self._on_host({**arguments, "break_lock": held["id"]}, task_vars)
        if not result.get("failed") and not self._task.check_mode:
            # What ends the run before its last task gives the lock back with the same words.
            host = (task_vars or {})["inventory_hostname"]
            held_locks.note(host, arguments, self._connection, bool(result.get("run")))
        return result

    def _on_host(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.run_lock", module_args=arguments, task_vars=task_vars)


def read_identity() -> dict[str, str]:
    """The holder that this run is: the process of ansible-playbook on this controller, which has made this worker."""
    pid = os.getppid()
    return {"id": f"{read_boot()}/{pid}/{read_start_time(pid)}", "user": read_user_name(), "host": socket.gethostname()}


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
    Empty where not known."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def has_ended(lock: Mapping[str, Any], controller: Mapping[str, str]) -> bool:
    """Whether the holder of a lock was a run of this controller that has ended. False where that cannot be known."""
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
