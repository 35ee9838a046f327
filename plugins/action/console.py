# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.console`: opens it in the terminal that ansible-playbook was started in, and
prints what a class of the release prints while it runs, and fetches recordings and dumps."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils import background, output_folder
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import build_refusal
from ansible_collections.xitrum.host.plugins.plugin_utils.joined_terminal import find_terminal, run_joined
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import ROLES

from ..module_utils.application import one_off
from ..module_utils.core.plan import make_rule_errors
from ..module_utils.core.untrusted_text import make_printable
from ..module_utils.jdk.console import BUSY, RECORDS

#: What a file that is fetched ends with.
ENDINGS = {"flight_recording": "jfr", "heap_dump": "hprof"}
#: Lines of the output at the end of a message.
SHOWN = 10
INSTEAD = "Or run one expression: -e console_command=EXPRESSION"


class ActionModule(ActionBase):
    """Lets the module do all that needs no terminal; else has the console prepared, and joins it with the terminal."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = add_sources(self._task.args)
        if arguments.get("action") == "run":
            result.update(self._run_class(arguments, task_vars))
            return result
        if arguments.get("action") in RECORDS:
            result.update(self._record(arguments, task_vars))
            return result
        types = arguments.get("action", "scala") == "scala" and not arguments.get("command")
        if not types or self._task.check_mode:
            result.update(self._run_module(arguments, task_vars))
            return result
        terminal = find_terminal(os.getppid())
        if not terminal:
            return {**result, **build_refusal(make_rule_errors("console.terminal", [
                f"ansible-playbook was started without a terminal, and a console needs one: start it in one. {INSTEAD}"
            ]))}
        if self._connection.transport != "ssh":
            return {**result, **build_refusal(make_rule_errors("console.connection", [
                f"the console is opened over SSH, and {self._connection.transport} is this host's connection. {INSTEAD}"
            ]))}
        result.update(self._run_module(arguments, task_vars))
        if result.get("failed"):
            return result
        folder, argv = result.pop("folder"), result.pop("argv")
        try:
            code = self._open(terminal, argv)
        finally:
            # Its own program has removed it, unless that was killed.
            if folder:
                self._run_module({**arguments, "left": folder}, task_vars)
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

    def _start(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> tuple[dict[str, Any], str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Start what runs in the background. Return its result, the folder of its job (empty if it did not start),
        and a function that calls the module on the same host."""
        started = self._run_module(arguments, task_vars)
        job = started.pop("job", "")
        return started, "" if started.get("failed") else job, lambda given: self._run_module(given, task_vars)

    def _run_class(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Starts a class, and prints its output until its end."""
        began, parent = time.monotonic(), os.getppid()
        try:
            arguments["arguments"] = one_off.split_arguments(arguments.get("arguments"), "arguments")
        except ValueError as error:
            return build_refusal(make_rule_errors("command.arguments", [str(error)]))
        started, job, on_host = self._start(arguments, task_vars)
        if not job:
            return started

        try:
            with background.end_after(on_host, job):
                found = background.follow(on_host, job, self._display.display, parent)
        except background.Lost as error:
            where = f"{arguments['main_class']} on {(task_vars or {})['inventory_hostname']}"
            return {**started, "failed": True, "msg": f"the connection to {where} was lost, and it was ended: {error}"}
        result = {
            **started, "rc": found["rc"], "lines": found["lines"], "seconds": round(time.monotonic() - began, 1),
        }
        if found["rc"] or found["reason"]:
            result.update(failed=True, msg=describe_end(arguments["main_class"], found))
        return result

    def _record(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Has a recording or a dump made, waits for it, and fetches it into a new file of this user alone."""
        save, action = str(arguments.pop("save", "") or ""), arguments["action"]
        if not save:
            return build_refusal(make_rule_errors("console.save", [
                f"console_save is empty: expected a folder on the controller for the {action.replace('_', ' ')}, such "
                "as -e console_save=dumps"
            ]))
        error = output_folder.find_folder_error(save)
        if error:
            # Before the application stands still for a dump that nobody can save.
            return build_refusal(make_rule_errors("console.save", [
                f"console_save is {make_printable(save)}, {error}. Set it to another folder"
            ]))
        host, instance = str((task_vars or {})["inventory_hostname"]), arguments.get("instance", 0)
        label, parent = f"{host}-{instance}", os.getppid()
        started, job, on_host = self._start(arguments, task_vars)
        if not job:
            return started

        def show(text: str) -> None:
            self._display.display(f"{label}: {text}")

        name = f"{host.replace('/', '_')}-{instance}-{action}-{time.strftime('%Y%m%dT%H%M%S')}.{ENDINGS[action]}"
        try:
            with background.end_after(on_host, job):
                seconds = int(arguments.get("seconds", 0)) if action == "flight_recording" else 0
                found = background.wait(
                    on_host, job, lambda passed: show(describe_wait(action, passed, seconds)), parent
                )
                if found["rc"] or found["reason"]:
                    return {**started, "failed": True, "msg": describe_end(f"the {action.replace('_', ' ')}", found)}
                path, size = background.fetch(on_host, job, save, name, show)
        except (background.Lost, OSError) as error:
            what = f"the {action.replace('_', ' ')} was not fetched"
            return {**started, "failed": True, "msg": f"{label}: {what}: {error}"}
        return {**started, "path": path, "bytes": size, "lines": [f"{path} ({size} bytes)"]}

    def _run_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.console", module_args=arguments, task_vars=task_vars)


def describe_wait(action: str, passed: float, seconds: int) -> str:
    """How far a recording or a dump is."""
    if action == "heap_dump":
        return f"writing the heap, {passed:.0f} s; the application waits"
    return f"recording, {min(passed, seconds):.0f} s of {seconds}"


def describe_end(name: str, found: Mapping[str, Any]) -> str:
    """The sentence on a class that failed or was ended, with the end of its output."""
    ended = f"was ended: {found['reason']}" if found["reason"] else f"ended with exit code {found['rc']}"
    if found["reason"].startswith("it had not ended"):
        ended += ". Raise its timeout, or set 0 for no limit"
    lines = found["lines"][-SHOWN:]
    return f"{name} {ended}. " + ("\n".join(["The end of its output:", *lines]) if lines else "It printed nothing.")


def add_sources(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a task with the console's own sources where Scala runs."""
    if given.get("action", "scala") != "scala":
        return dict(given)
    paths = sorted((ROLES / "console" / "files").glob("*.java"))
    return {"sources": {path.name: path.read_text(encoding="utf-8") for path in paths}, **given}
