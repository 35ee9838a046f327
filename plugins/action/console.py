# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.console`: opens it in the terminal that ansible-playbook was started in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils.joined_terminal import run_joined
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import ROLES

from ..module_utils.jdk.console import BUSY

INSTEAD = "Or run one expression: -e console_command=EXPRESSION."


class ActionModule(ActionBase):
    """Lets the module do all that needs no terminal; else has the console prepared, and joins it with the terminal."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = with_sources(self._task.args)
        types = arguments.get("action", "scala") == "scala" and not arguments.get("command")
        if not types or self._task.check_mode:
            result.update(self._on_host(arguments, task_vars))
            return result
        terminal = find_terminal(os.getppid())
        if not terminal:
            raise AnsibleActionFail(
                f"ansible-playbook was started without a terminal, and a console needs one: start it in one. {INSTEAD}"
            )
        if self._connection.transport != "ssh":
            raise AnsibleActionFail(
                f"the console is opened over SSH, and {self._connection.transport} is this host's connection. {INSTEAD}"
            )
        result.update(self._on_host(arguments, task_vars))
        if result.get("failed"):
            return result
        folder, argv = result.pop("folder"), result.pop("argv")
        try:
            code = self._open(terminal, argv)
        finally:
            # Its own program has removed it, unless that was killed.
            if folder:
                self._on_host({**arguments, "left": folder}, task_vars)
        if code:
            result.update(
                failed=True,
                msg=f"the console ended with code {code}: see what it reported above (255 is ssh's own, "
                f"{BUSY} that another console is open on the instance)",
            )
        return result

    def _open(self, terminal: str, argv: Sequence[str]) -> int:
        """Runs a command of root on the host, joined with the terminal: its exit code."""
        # Of SSH, which has more than a connection has to have.
        link: Any = self._connection
        command = shlex.join(argv)
        if link.become:
            # For a person the word is noise by which Ansible itself sees that it became another user.
            command = link.become.build_become_command(command, link._shell).replace(
                f"echo {link.become.success}", "true"
            )
        # By Ansible's own settings, over the connection that it has just used, which asks nothing again.
        words = link._build_command(
            link.get_option("ssh_executable"), "ssh", "-tt", "-o", "LogLevel=ERROR", link.host, command
        )
        handle = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
        try:
            if link.become and link.become.expect_prompt():
                # Ansible knows the password, the person may not.
                return run_joined(
                    words, handle, link.become.check_password_prompt, str(link.become.get_option("become_pass"))
                )
            return run_joined(words, handle)
        finally:
            os.close(handle)

    def _on_host(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.console", module_args=arguments, task_vars=task_vars)


def with_sources(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a task with the console's own sources where Scala runs."""
    if given.get("action", "scala") != "scala":
        return dict(given)
    paths = sorted((ROLES / "console" / "files").glob("*.java"))
    return {"sources": {path.name: path.read_text(encoding="utf-8") for path in paths}, **given}


def find_terminal(pid: int) -> str:
    """The terminal that a process of this machine reads from; empty where it is none. A task's own process has none."""
    path = f"/proc/{pid}/fd/0"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.readlink(path) if os.isatty(handle) else ""
    finally:
        os.close(handle)
