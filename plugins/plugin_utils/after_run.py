# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tasks of `xitrum_after_run` once a run has ended, also where it failed, was refused, or was interrupted.

Ansible has no task that runs at each end, and no plugin that gets every failure without a setting of the user.
So the process of ansible-playbook collects failures and, when it ends, runs one play with the tasks: `held_locks`.
What the tasks do or fail to do cannot change the run any more.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from ansible import constants, context
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version
from ansible.utils.display import Display

from ..module_utils.core.commands import hide_secrets
from ..module_utils.core.lock_record import format_time
from ..module_utils.core.untrusted_text import escape_text, make_printable, make_sendable
from ..module_utils.report.schemas import VERSION
from . import held_locks, run_identity

PLAY = pathlib.Path(__file__).resolve().parents[2] / "playbooks/plays/after_run.yml"

#: The variable with the file of tasks.
VARIABLE = "xitrum_after_run"

#: Seconds that the tasks may take.
SECONDS = 120

#: Errors that are handed to the tasks, and characters of each.
MOST_ERRORS, LONGEST_ERROR = 50, 4000

#: Lines of the play that are shown where it failed.
SHOWN_LINES = 20

#: The process that watches, and what it collects.
_WATCH: dict[str, Any] = {}


class Failures(CallbackBase):
    """Collects why tasks fail. It prints nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = _load_name = "xitrum.host.after_run"

    def __init__(self, stats: Any) -> None:
        """stats: Ansible's counts of what the tasks of each host did."""
        super().__init__()
        self.stats = stats
        self.errors: list[str] = []
        #: How many tasks failed for pending changes alone.
        self.pending: dict[str, int] = {}
        #: Whether Ansible came to its recap.
        self.ended = False
        self._counted: dict[str, int] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """A playbook begins."""
        del playbook
        self.ended = False

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """A playbook came to its recap."""
        del stats
        self.ended = True

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed. What a block rescues is often the cause of a later failure, which refers to it."""
        if not ignore_errors:
            self._note(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host was lost, or that is ignored."""
        if self._count(result) != self._counted.get(result.host.get_name(), 0):
            self._note(result)

    def _count(self, result: Any) -> int:
        """Return how many failures Ansible has counted of the host of a result."""
        host = result.host.get_name()
        return int(self.stats.failures.get(host, 0) + self.stats.dark.get(host, 0))

    def _note(self, result: Any) -> None:
        """Note the reason of a failure."""
        host, task = result.host.get_name(), result.task
        self._counted[host] = self._count(result)
        if task.action == "xitrum.host.report" and task.args.get("kind") == "host":
            self.pending[host] = self.pending.get(host, 0) + 1
        reason = describe_failure(result.result)
        # A task that runs once is about all hosts.
        self.errors.append(reason if task.run_once else f"{host}: {task.get_name()}: {reason}")


def describe_failure(result: Mapping[str, Any]) -> str:
    """Return why a task failed, by its result."""
    failed = [item for item in result.get("results") or () if isinstance(item, Mapping) and item.get("failed")]
    texts = [str(one["msg"]) for one in failed or [result] if one.get("msg")]
    return "\n".join(dict.fromkeys(texts)) or str(result.get("censored") or "no reason was given")


def watch() -> None:
    """Run the tasks when this process ends. Called in the process from which workers are forked."""
    if _WATCH.get("process") == os.getpid() or context.CLIARGS.get("check"):
        return
    manager = find_manager(sys._getframe())
    if manager is None:
        # A listing, which runs nothing.
        return
    _WATCH.clear()
    _WATCH.update(process=os.getpid(), started=time.time(), notes=held_locks.open_memory("run"), failures=None)
    try:
        failures = Failures(manager._stats)
        failures._init_callback_methods()
        manager._callback_plugins.append(failures)
        _WATCH["failures"] = failures
    except AttributeError as error:
        # What Ansible has no public way for. Nobody who has no such tasks is to hear of it.
        _WATCH["unsupported"] = str(error)
    held_locks.call_at_end(run_tasks)


def find_manager(frame: FrameType | None) -> Any:
    """Return what distributes the tasks of this run, from the calls that led here; none in a listing."""
    while frame:
        caller = frame.f_locals.get("self")
        if isinstance(caller, PlaybookExecutor):
            return caller._tqm
        frame = frame.f_back
    return None


def note(**found: Any) -> None:
    """Write down, in a worker, what a run has done by now."""
    if _WATCH:
        os.write(_WATCH["notes"], json.dumps(found).encode() + b"\n")


def find_tasks(value: Any, basedir: str) -> tuple[str, str]:
    """Return the path of the file of tasks, and why there is none, as a sentence: one of them is empty.

    A relative path is searched for in the folder that Ansible was started in, then in that of the playbook.
    """
    folders = [os.getcwd(), basedir]
    found = [path for path in (os.path.join(folder, str(value)) for folder in folders) if os.path.isfile(path)]
    if found:
        return os.path.abspath(found[0]), ""
    return "", (
        f"{VARIABLE} is {make_printable(str(value))}: found no such file. Expected a file of tasks, by its absolute "
        f"path, or relative to the folder in which you run ansible-playbook ({make_printable(folders[0])})"
    )


def read_notes() -> list[dict[str, Any]]:
    """Return what workers wrote down, in the order of time."""
    return [json.loads(line) for line in held_locks.read_memory(_WATCH["notes"]).splitlines()]


def run_tasks(interrupted: bool) -> None:
    """Run the tasks with the outcome of the run, and report where that failed. interrupted: whether a signal ended the
    run."""
    if _WATCH.get("process") != os.getpid():
        return
    notes = read_notes()
    given = next((one for one in reversed(notes) if "tasks" in one), None)
    if given is None:
        return
    display = Display()
    if _WATCH["failures"] is None:
        display.warning(
            f"The tasks of {VARIABLE} did not run: ansible-core {ansible_version} has another interface than expected "
            f"({_WATCH['unsupported']})."
        )
        return
    run = describe_run(_WATCH["failures"], notes, interrupted, time.time())
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=constants.DEFAULT_LOCAL_TMP) as file:
        json.dump(run, file)
        file.flush()
        variables = {
            "__after_run_host": given["host"], "__after_run_tasks": given["tasks"], "__after_run_file": file.name,
        }
        code, printed = held_locks.run_play(PLAY, variables, SECONDS)
    if code:
        display.warning(
            f"The tasks of {VARIABLE} ({given['tasks']}) failed. The run itself had ended before them, with the "
            f"outcome {run['outcome']}. They printed:\n{describe_output(printed)}",
            formatted=True,
        )
    elif display.verbosity:
        display.display("\n".join(map(make_printable, printed.splitlines())), stderr=True)
    else:
        display.display(f"Ran the tasks of {VARIABLE} ({given['tasks']}).", stderr=True)


def describe_output(printed: str) -> str:
    """Return the lines of a failed play that have the reason: from the failure on, without the recap."""
    lines = printed.partition("\nPLAY RECAP")[0].splitlines()
    begin = next((index for index, line in enumerate(lines) if line.startswith(("[ERROR]", "ERROR", "fatal:"))), 0)
    return "\n".join(f"  {make_printable(line)}" for line in lines[begin:][:SHOWN_LINES] if line.strip())


def describe_run(
    failures: Failures, notes: list[dict[str, Any]], interrupted: bool, now: float
) -> dict[str, Any]:
    """Return the data of the run, as the schema `RUN` of report/schemas.py describes them."""
    # Loaded only where it is needed: this file is loaded in each run.
    from ..module_utils.application.run_lock import format_run_id
    from ..module_utils.report import history

    own = run_identity.read_identity(os.getpid())
    locks = {one["locked"]: one for one in notes if "locked" in one}
    hosts = dict(describe_hosts(failures, locks))
    worst = {host["outcome"] for host in hosts.values()} | ({"failed"} if is_failed(failures) else set())
    if interrupted:
        outcome = "interrupted"
    elif not failures.ended or worst & {"failed", "unreachable"}:
        outcome = "failed"
    else:
        outcome = "incomplete" if "incomplete" in worst else "done" if "changed" in worst else "nothing_to_do"
    # In a run that ended well, all were rescued.
    errors = [] if outcome in ("done", "nothing_to_do") else list(dict.fromkeys(failures.errors))
    if outcome == "failed" and not errors:
        errors = ["Ansible ended the run with an error: see its output"]
    document: dict[str, Any] = make_sendable(
        {
            "schema_version": VERSION,
            "run": format_run_id(own["id"]),
            "playbook": own["playbook"],
            "outcome": outcome,
            "user": own["user"],
            "controller": own["host"],
            "started": format_time(_WATCH["started"]),
            "seconds": max(int(now - _WATCH["started"]), 0),
            "release_from": history.find_common(host["release_from"] for host in hosts.values() if host["locked"]),
            "release_to": history.find_common(host["release_to"] for host in hosts.values() if host["locked"]),
            "hosts": hosts,
            "errors": [escape_text(hide_secrets(error))[:LONGEST_ERROR] for error in errors[:MOST_ERRORS]],
        }
    )
    return document


def is_failed(failures: Failures) -> bool:
    """Return whether a task failed on the controller, which is not a host of the run."""
    return bool(failures.stats.failures.get("localhost"))


def describe_hosts(
    failures: Failures, locks: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each host of the run with what it is after it."""
    stats = failures.stats
    for host in sorted(set(stats.processed) - {"localhost"}):
        if stats.dark.get(host):
            outcome = "unreachable"
        elif stats.failures.get(host, 0) > failures.pending.get(host, 0):
            outcome = "failed"
        elif stats.failures.get(host):
            outcome = "incomplete"
        else:
            outcome = "changed" if stats.changed.get(host) else "unchanged"
        lock = locks.get(host, {})
        yield host, {
            "outcome": outcome,
            "locked": bool(lock),
            "release_from": lock.get("from") or None,
            "release_to": lock.get("to") or None,
        }
