# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give back the locks of a run that ends before its last task: it failed, was refused, or was interrupted.

Ansible has no task that runs at each end. So the process of ansible-playbook does it when it ends: by another run of
the one play that gives locks back, with the same inventory and the same options of the connection. What else has to be
done at each end is done after that: `call_at_end`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from ansible import constants, context
from ansible.parsing import vault
from ansible.utils.display import Display

from ..module_utils.core import bounded, commands, untrusted_text

PLAY = pathlib.Path(__file__).resolve().parents[2] / "playbooks/plays/unlock.yml"

#: How Ansible names a vault password that is typed, after the vault id.
PROMPTS = ("prompt", "prompt_ask_vault_pass")

#: The run that gives locks back asks nobody for anything, also where Ansible's settings want it.
NO_PROMPTS = {
    "ANSIBLE_ASK_PASS": "false",
    "ANSIBLE_BECOME_ASK_PASS": "false",
    "ANSIBLE_ASK_VAULT_PASS": "false",
}

#: Seconds in which the hosts are reached, and all locks given back.
SECONDS = 300

#: Called when the run ends, after its locks were given back, with whether a signal ended it.
_AT_END: list[Callable[[bool], None]] = []

#: The process that watches, and the files in memory that its workers write to: the locks, and passwords that were
#: typed.
_WATCH: dict[str, int] = {}


def watch() -> None:
    """Gives back what the run still holds when this process ends. Called in the process from which workers are forked.
    """
    if _WATCH.get("process") == os.getpid():
        return
    _WATCH.update(process=os.getpid(), locks=open_memory("locks"), passwords=open_memory("passwords"))
    atexit.register(end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        # What is ignored, as by nohup, stays so. Only the first thread may do this.
        if before not in (signal.SIG_IGN, None):
            with contextlib.suppress(ValueError):
                signal.signal(number, functools.partial(_handle_signal, before))


def call_at_end(function: Callable[[bool], None]) -> None:
    """Lets a function be called once when this process ends, after the locks were given back. It gets whether a signal
    ended the run. SIGKILL cannot be handled.
    """
    _AT_END.append(function)


def end() -> None:
    """Does what is to be done when this process ends, each once: a signal may come meanwhile."""
    if _WATCH.get("process") != os.getpid():
        return
    call_safely(give_back)
    while _AT_END:
        call_safely(functools.partial(_AT_END.pop(0), bool(_WATCH.get("signal"))))


def call_safely(function: Callable[[], object]) -> None:
    """Calls a function at the end of a run, and reports an error of it. It neither hides how the run ended nor keeps
    the next function from being called: an error in a signal's handler would let the run go on.
    """
    try:
        function()
    except Exception as error:
        reason = untrusted_text.make_printable(commands.hide_secrets(str(error)))
        Display().warning(
            f"An error occurred after the run, whose outcome is above: {reason or type(error).__name__}. If a lock is "
            "still held, the next run from this controller takes it at once."
        )


def _handle_signal(before: Any, number: int, frame: FrameType | None) -> None:
    """Ends the run as `before`, Ansible's own handler, does. It ends this process at once, but for the first Ctrl-C.
    """
    _WATCH["signal"] = number
    if number == signal.SIGINT:
        try:
            (before if callable(before) else signal.default_int_handler)(number, frame)
        finally:
            signal.signal(number, _handle_second if is_needed() else signal.SIG_DFL)
    end()
    if callable(before):
        before(number, frame)
    else:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _handle_second(number: int, _frame: FrameType | None) -> None:
    """Lets the locks be given back in spite of another Ctrl-C, and the one after that end the process."""
    signal.signal(number, signal.SIG_DFL)
    Display().warning("Releasing the locks of the hosts. Press Ctrl-C again to stop without that.")


def is_needed() -> bool:
    """Whether this is the process that watches, and its run still holds a lock."""
    return _WATCH.get("process") == os.getpid() and bool(read_held(_read("locks")))


def open_memory(name: str) -> int:
    """The descriptor of a file without a name, in memory where the system has such files. A child process that is
    started does not have it.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(f"xitrum.host.{name}")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def note(host: str, arguments: Mapping[str, Any], connection: Any, is_held: bool) -> None:
    """Writes down, in a worker, that a run holds the lock of a host by now, or no longer. `arguments` are those of the
    module.
    """
    if not _WATCH:
        return
    os.write(_WATCH["locks"], json.dumps({"host": host, "held": is_held, "arguments": arguments}).encode() + b"\n")
    typed = {
        name: _read_password(connection, name)
        for name, option in (("connection", "ask_pass"), ("become", "become_ask_pass"))
        if context.CLIARGS.get(option)
    }
    if typed and hasattr(os, "memfd_create"):
        os.pwrite(_WATCH["passwords"], json.dumps(typed).encode() + b"\n", 0)


def _read_password(connection: Any, name: str) -> str:
    """The password with which a host was reached, or with which its user became root; an empty text where there is
    none.
    """
    try:
        return (
            connection.get_option("password") if name == "connection" else connection.become.get_option("become_pass")
        ) or ""
    except (AttributeError, KeyError):
        return ""


def read_held(text: str) -> dict[str, list[dict[str, Any]]]:
    """Host to the arguments of its locks that are still held, by the lines of `note`."""
    held: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in map(json.loads, text.splitlines()):
        locks = held.setdefault(entry["host"], {})
        locks.pop(entry["arguments"]["name"], None)
        if entry["held"]:
            locks[entry["arguments"]["name"]] = entry["arguments"]
    return {host: list(locks.values()) for host, locks in held.items() if locks}


def _read(name: str) -> str:
    """What was written to one of the files."""
    return read_memory(_WATCH[name])


def read_memory(descriptor: int) -> str:
    """What was written to a file that `open_memory` made."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()


def give_back() -> None:
    """Gives all locks back that are still held, and reports about which hosts that failed."""
    if not is_needed():
        return
    held = read_held(_read("locks"))
    # Once: a signal may come while this process ends.
    os.ftruncate(_WATCH["locks"], 0)
    hosts = ", ".join(sorted(held))
    display = Display()
    display.warning(f"The run ended before its last task. Releasing its lock of {hosts}.")
    code, printed = run_play(PLAY, {"__locks_held": held}, SECONDS, list(held))
    if code:
        # Where the play did not reach its recap, every lock counts as not released.
        failed = [host for host in sorted(held) if host in read_failed_hosts(printed)] or sorted(held)
        cause = (
            " ".join(map(untrusted_text.make_printable, printed.split("\n")[-8:]))
            if "PLAY RECAP" not in printed
            else ""
        )
        display.warning(
            f"The lock could not be released on: {', '.join(failed)}. "
            "The next run from this controller takes it at once. From another controller, after a restart of "
            f"this one, or from another container, add -e xitrum_break_lock=true. {cause}".rstrip()
        )


def read_failed_hosts(printed: str) -> set[str]:
    """The hosts that the recap of a play reports as failed or unreachable."""
    rows = re.findall(r"^(\S+)\s+: ok=.*?\bunreachable=(\d+)\s+failed=(\d+)", printed, re.MULTILINE)
    return {host for host, unreachable, failed in rows if int(unreachable) or int(failed)}


def run_play(
    play: pathlib.Path, variables: Mapping[str, Any], seconds: int, hosts: Sequence[str] = ()
) -> tuple[int, str]:
    """Runs a play as this run reached its hosts, of these hosts alone where some are given: its exit code, and what it
    printed, without secrets.

    `variables` are templates to Ansible: no text of others may be among them.
    """
    passwords = json.loads((_read("passwords").splitlines() or ["{}"])[0])
    environment = {
        **os.environ,
        **NO_PROMPTS,
        # Its recap is read, whatever the run's own callback prints.
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        **({"ANSIBLE_BECOME_PASS": passwords["become"]} if passwords.get("become") else {}),
    }
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(
            tempfile.NamedTemporaryFile("w", suffix=".json", dir=constants.DEFAULT_LOCAL_TMP)
        )
        vault_files = [(name, *_open_secret(stack, secret)) for name, secret in read_typed_secrets()]
        vault_ids = [f"{name}@{path}" for name, path, _handle in vault_files]
        if any(map(is_prompt, constants.DEFAULT_VAULT_IDENTITY_LIST)):
            others = [name for name in constants.DEFAULT_VAULT_IDENTITY_LIST if not is_prompt(name)]
            environment["ANSIBLE_VAULT_IDENTITY_LIST"] = ",".join([*others, *vault_ids])
        json.dump(variables, file)
        file.flush()
        words = [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            *list_options(context.CLIARGS, bool(passwords.get("connection"))),
            *(f"--vault-id={vault_id}" for vault_id in vault_ids),
            "-e",
            f"@{file.name}",
            *(["--limit", ",".join(hosts)] if hosts else []),
            str(play),
        ]
        with tempfile.TemporaryFile("w+") as printed:
            try:
                # A session of its own, and no pipe to this process: it goes on where this one is ended meanwhile.
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    env=environment,
                    text=True,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=[handle for _name, _path, handle in vault_files if handle is not None],
                )
            except OSError as error:
                return 1, str(error)
            try:
                process.communicate(passwords.get("connection", ""), timeout=seconds)
            except subprocess.TimeoutExpired:
                # With what its tasks have started: Ansible ends its own workers when it receives SIGTERM.
                bounded.end_session(process)
                # The text of the exception has the command line, with variables that may be secret.
                return 1, f"it had not ended after {seconds} s, and was killed"
            except BaseException:
                bounded.end_session(process)
                raise
            printed.seek(0)
            return process.returncode, commands.hide_secrets(printed.read())


def read_typed_secrets() -> list[tuple[str, bytes]]:
    """The vault passwords that were typed for this run: pairs of a vault id and bytes."""
    found = vault.VaultSecretsContext.current(optional=True)
    return [
        (name, secret.bytes)
        for name, secret in (found.secrets if found else ())
        if isinstance(secret, vault.PromptVaultSecret) and secret.bytes
    ]


def _open_secret(stack: contextlib.ExitStack, secret: bytes) -> tuple[str, int | None]:
    """A file with a vault password for the child process: its path, and the descriptor that the child has to inherit.

    In memory where the system has such files. Elsewhere it is a file of this account alone (mode 0600, no descriptor),
    which is removed with `stack`.
    """
    if not hasattr(os, "memfd_create"):
        file = stack.enter_context(tempfile.NamedTemporaryFile("wb", dir=constants.DEFAULT_LOCAL_TMP))
        file.write(secret)
        file.flush()
        return file.name, None
    handle = os.memfd_create("xitrum.host.vault")
    stack.callback(os.close, handle)
    # Ansible runs a file of passwords that can be executed.
    os.fchmod(handle, 0o600)
    os.pwrite(handle, secret, 0)
    return f"/proc/self/fd/{handle}", handle


def is_prompt(vault_id: Any) -> bool:
    """Whether the password of a `--vault-id` is typed."""
    return str(vault_id).rpartition("@")[2] in PROMPTS


def list_options(arguments: Mapping[str, Any], has_password: bool = False) -> list[str]:
    """The options with which this run reached its hosts, as words. `arguments` are Ansible's `CLIARGS`."""
    words = [word for source in arguments.get("inventory") or () for word in ("-i", source)]
    for name, option in commands.CONNECTION_OPTIONS:
        value = arguments.get(name)
        # What was typed is not requested again.
        if value and value is not True:
            values = value if isinstance(value, (list, tuple)) else [value]
            words += [f"{option}={item}" for item in values if name != "vault_ids" or not is_prompt(item)]
    words += ["--connection-password-file=-"] if has_password else []
    return words + [word for text in arguments.get("extra_vars") or () for word in ("-e", text)]
