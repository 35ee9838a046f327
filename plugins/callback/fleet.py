# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a run of this collection's playbooks: one line for each step."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
type: stdout
short_description: Print one line for each step of a run, and what is waited for
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Prints the playbooks of this collection with one line for each step. The line has the name of the step, the number
    of hosts in each state, and the time. Steps that all hosts skip leave no line.
  - Prints what is waited for, and for how long. On a terminal, the last line changes while a step runs, if the Python
    library rich is installed. Otherwise, lines are added from time to time.
  - Prints each failure once, with its cause first and what to do next.
  - With C(-v) or more, and for plays of other playbooks, the output is that of P(ansible.builtin.default#callback).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
"""

EXAMPLES = r"""
example: |
  # ansible.cfg
  [defaults]
  stdout_callback = xitrum.host.fleet
"""

import atexit
import os
import pathlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible import constants, context
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line, live_line, step_lines
from ansible_collections.xitrum.host.plugins.plugin_utils.progress import Progress
from ansible_collections.xitrum.host.plugins.plugin_utils.step_lines import Outcome, Step

#: The collection, by the path that Ansible loads it from, and by the one that links lead to.
ROOTS = {pathlib.Path(os.path.abspath(__file__)).parents[2], pathlib.Path(__file__).resolve().parents[2]}

#: Actions that compute on the controller alone.
INTERNAL = ("set_fact", "group_by", "add_host", "assert", "fail", "meta", "validate_argument_spec", "report")

#: Actions during which a person types in the terminal.
TYPING = ("pause", "console")

#: Seconds after which a line is added for a step that still runs, where no line can change.
QUIET = 10

#: Seconds between two such lines.
PAUSE = 30

#: Seconds between two lines on one thing that is waited for, where no line can change.
PROGRESS_PAUSE = 10

#: The groups whose hosts a run manages. Others, such as localhost, take part in it.
MANAGED = {"xitrum", "xitrum_proxy", "xitrum_decommissioned"}

#: How many hosts a recap lists at most that nothing happened on.
MOST_LINES = 10

COLORS = {
    "failed": "COLOR_ERROR",
    "unreachable": "COLOR_UNREACHABLE",
    "changed": "COLOR_CHANGED",
    "failed, rescued": "COLOR_WARN",
    "failed, ignored": "COLOR_WARN",
    "unreachable, ignored": "COLOR_WARN",
}


def format_label(result: Any) -> str:
    """Return the label of the host of a result. Ansible's own prints a template of `delegate_to` as it is written."""
    return step_lines.format_host(result.host.get_name(), result.task.delegate_to, result.result)


class CallbackModule(Default):
    """Collects what the hosts report of a step, and prints it when the step has ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "xitrum.host.fleet"

    def __init__(self) -> None:
        super().__init__()
        self._is_own = False
        self._any_own = self._any_other = False
        self._heading = self._batch = self._printed_batch = ""
        self._step: Step | None = None
        self._began = time.monotonic()
        self._has_advice = False
        self._kinds: list[str] = []
        #: Hosts with a failure of their own, those whose failure was rescued, and those that ran a task that failed for
        #: the whole run.
        self._failed: set[str] = set()
        #: Hosts with a task that failed after it had changed something, which Ansible does not count.
        self._changed: set[str] = set()
        self._rescued: set[str] = set()
        self._reported: set[str] = set()
        #: Hosts that take part in the run, and that it does not manage.
        self._unmanaged: set[str] = set()
        self._screen = Screen(self._display, self._format_live_text, self._print_headings)

    # --------------------------------------------------------------------------------------------------------- the run

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin the run."""
        own = [self._is_own_play(play) for play in playbook.get_plays()]
        if not any(own):
            super().v2_playbook_on_start(playbook)
        elif context.CLIARGS.get("check") and self.get_option("check_mode_markers"):
            self._display.display("Check mode: no host is changed. Steps count what would change.")

    def _is_own_play(self, play: Any) -> bool:
        """Return whether this format is for a play."""
        if self._display.verbosity or play.strategy not in ("linear", "ansible.builtin.linear"):
            return False
        path = play.get_path().rpartition(":")[0]
        return bool(path) and any(
            found.is_relative_to(root / "playbooks")
            for found in (pathlib.Path(os.path.abspath(path)), pathlib.Path(path).resolve())
            for root in ROOTS
        )

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Print the heading before the play's first line."""
        self._finish()
        self._is_own = self._is_own_play(play)
        self._batch = self._printed_batch = ""
        if not self._is_own:
            self._any_other = True
            self._screen.close()
            super().v2_playbook_on_play_start(play)
            return
        self._any_own, self._play = True, play
        self._heading = play.get_name().strip()
        self._screen.open()

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Print nothing of a play of this collection: a fleet without proxies has none, for example."""
        if not self._is_own:
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """Print nothing: the failures are printed."""
        self._finish()
        if not self._is_own:
            super().v2_playbook_on_no_hosts_remaining()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the recap, and the result of the run."""
        self._finish()
        self._screen.close()
        if not self._any_own:
            super().v2_playbook_on_stats(stats)
            return
        summaries = {host: stats.summarize(host) for host in sorted(stats.processed)}
        if self._any_other:
            super().v2_playbook_on_stats(stats)
        elif summaries:
            self._print_recap(summaries)
        self._print_end(summaries)

    def _print_recap(self, summaries: Mapping[str, Mapping[str, int]]) -> None:
        """Print Ansible's line for each host. In a large fleet, count those on which nothing happened."""
        self._display.banner("PLAY RECAP")
        names = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")
        others = []
        for host, found in summaries.items():
            happened = any(found[name] for name in ("changed", "unreachable", "failures", "rescued", "ignored"))
            if not happened and len(summaries) > MOST_LINES:
                others.append(host)
                continue
            counts = " ".join(f"{'failed' if name == 'failures' else name}={found[name]:<4}" for name in names)
            bad = found["failures"] or found["unreachable"]
            color = constants.COLOR_CHANGED if found["changed"] else constants.COLOR_OK
            color = constants.COLOR_ERROR if bad else color
            self._display.display(f"{host:<26} : {counts}".rstrip(), color=color)
        if others:
            self._display.display(f"{len(others)} without a change: {step_lines.format_hosts(others)}")

    def _print_end(self, summaries: Mapping[str, Mapping[str, int]]) -> None:
        """Print how the run ended, and what to do next where no message has it."""
        bad = [host for host, found in summaries.items() if found["failures"] or found["unreachable"]]
        # A playbook of the controller alone, such as heroku.yml, changes what is there.
        managed = [host for host in summaries if host not in self._unmanaged] or list(summaries)
        changed = [host for host in managed if summaries[host]["changed"] or host in self._changed]
        seconds = step_lines.format_seconds(time.monotonic() - self._began)
        verb = "would change" if context.CLIARGS.get("check") else "changed"
        counted = f"{len(changed)} of {len(managed)} host{'' if len(managed) == 1 else 's'} {verb}"
        # Where a run is refused, few hosts have run a task.
        counted = counted if changed else f"no host {verb}"
        if not self._any_other:
            self._display.display("")
        if not bad:
            self._display.display(f"Succeeded in {seconds}: {counted}.", color=constants.COLOR_OK)
            return
        # A task that one host runs for all has found nothing on that host.
        failed = sorted({*self._failed, *(host for host in bad if host not in self._reported)})
        # Where a rollout puts a host back, and a later step then ends the run.
        failed = failed or sorted(self._rescued)
        where = f" on {step_lines.format_hosts(failed)}" if failed else ""
        self._display.display(f"Failed after {seconds}{where}: {counted}.", color=constants.COLOR_ERROR)
        if not self._has_advice:
            self._display.display(step_lines.format_next_step(self._kinds, command_line.format_same_command()))

    # -------------------------------------------------------------------------------------------------------- the steps

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Begin a step."""
        if self._is_own:
            self._start(task)
        else:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Begin a step of a handler."""
        if self._is_own:
            self._start(task)
        else:
            super().v2_playbook_on_handler_task_start(task)

    def _start(self, task: Any) -> None:
        self._finish()
        action = task.action.rpartition(".")[2]
        batch = task.get_vars().get("supervisor_batch")
        known = isinstance(batch, Mapping) and {"number", "total", "title"} <= set(batch)
        self._batch = f"Batch {batch['number']} of {batch['total']}: {batch['title']}" if known else ""
        self._step = Step(
            uuid=task._uuid,
            name=(task.name or task.get_name()).strip(),
            began=time.monotonic(),
            indent=2 if self._batch else 1,
            is_internal=action in INTERNAL,
        )
        self._screen.indent = "  " * (self._step.indent + 1)
        # Log lines that are followed come with no line about the step among them.
        is_quiet = action in TYPING or isinstance(task, TaskInclude) or "stream" in task.args
        self._screen.begin(is_quiet=is_quiet)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Note that a host is at work."""
        if not self._is_own:
            super().v2_runner_on_start(host, task)
        elif self._step:
            self._step.started[host.get_name()] = None
        if MANAGED.isdisjoint(group.name for group in host.get_groups()):
            self._unmanaged.add(host.get_name())

    def _finish(self) -> None:
        """Print the step that has ended."""
        step, self._step = self._step, None
        self._screen.end()
        if step is None or not step.outcomes:
            return
        step.sort()
        removed = getattr(self._play, "_removed_hosts", ())
        for host, outcome in step.outcomes.items():
            # A host whose failure is rescued goes on with the play.
            if outcome.state == "failed" and host not in removed:
                outcome.state = "failed, rescued"
            if outcome.is_of_run:
                self._reported.add(host)
            elif outcome.state in step_lines.ENDING:
                self._failed.add(host)
            elif outcome.state == "failed, rescued":
                self._rescued.add(host)
        self._print_step(step)

    def _print_step(self, step: Step) -> None:
        """Print the line of a step, and what belongs below it."""
        seconds = time.monotonic() - step.began
        if step.messages:
            self._print_headings()
            self._print_messages(step)
        elif step_lines.is_shown(step, self.get_option("display_ok_hosts")):
            self._print_headings()
            counts = step_lines.format_counts(step, self.get_option("display_skipped_hosts"))
            states = [state for state in step_lines.STATES if step.list_hosts(state)]
            color = COLORS.get(states[0], "COLOR_OK")
            self._display.display(step_lines.format_step(step, counts, seconds), color=getattr(constants, color))
        for host, diff in step.diffs:
            self._display.display(f"{'  ' * (step.indent + 1)}{host}:")
            self._display.display(diff)
        is_bad = any(step.list_hosts(state) for state in step_lines.ENDING)
        for line in step_lines.render_failures(step):
            color = constants.COLOR_ERROR if is_bad else constants.COLOR_WARN
            stderr = is_bad and self.get_option("display_failed_stderr")
            self._display.display(line, color=color, stderr=stderr)
        if is_bad:
            ended = [outcome for outcome in step.outcomes.values() if outcome.state in step_lines.ENDING]
            self._kinds = [outcome.kind for outcome in ended]
            # Ansible advises in general terms on a host that it cannot connect to.
            advised = (step_lines.has_advice(outcome.text) and outcome.kind != "unreachable" for outcome in ended)
            self._has_advice = all(advised)

    def _print_messages(self, step: Step) -> None:
        for hosts, text in step_lines.group_texts(step.messages):
            # Of one host, its name is not news.
            lines = [f"{'  ' * step.indent}{line}".rstrip() for line in text.splitlines()]
            if len(step.outcomes) > 1:
                lines = step_lines.indent_text(step_lines.format_hosts(hosts), text, step.indent)
            self._display.display("\n".join(lines))

    def _print_headings(self) -> None:
        """Print the play and the batch that a line belongs to."""
        # What a worker waits for is printed by another thread.
        with self._screen.lock:
            if self._heading:
                marked = context.CLIARGS.get("check") and self.get_option("check_mode_markers")
                self._display.display(f"\n{self._heading}{' [CHECK MODE]' if marked else ''}")
                self._heading = ""
            if self._batch and self._batch != self._printed_batch:
                self._display.display(f"  {self._batch}")
                self._printed_batch = self._batch

    # ------------------------------------------------------------------------------------------------- results of hosts

    def _note(self, result: Any, state: str, text: str = "") -> None:
        """Keep what a host reported, and print its warnings."""
        if self._step is None or self._step.uuid != result.task._uuid:
            # Of a step that has ended already: this strategy knows none.
            self._start(result.task)
        self._handle_warnings(result.result)
        if isinstance(result.task, TaskInclude) and state in ("ok", "changed", "skipped"):
            return
        if self._step:
            outcome = Outcome(format_label(result), state, text)
            if state in step_lines.ENDING:
                outcome.kind = step_lines.find_kind(result.result, result.task.action.rpartition(".")[2], text)
                # What is wrong with the inventory is found on the controller.
                is_input = outcome.kind in step_lines.COMPLETE and result.host.get_name() in self._unmanaged
                outcome.is_of_run = bool(result.task.run_once) or is_input
            if outcome.is_of_run:
                outcome.host = step_lines.format_run_label(outcome.kind)
            self._step.outcomes[result.host.get_name()] = outcome
        self._screen.refresh()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a host whose task succeeded."""
        if not self._is_own:
            super().v2_runner_on_ok(result)
            return
        self._note(result, "changed" if result.result.get("changed") else "ok")
        if result.task.action in constants._ACTION_DEBUG and "results" not in result.result:
            self._keep_message(result)

    def _keep_message(self, result: Any) -> None:
        """Keep the text of a debug task."""
        self._clean_results(result.result, result.task.action)
        shown = result.result
        text = shown["msg"] if "msg" in shown else self._dump_results(shown, indent=2)
        if self._step:
            self._step.messages.append((format_label(result), step_lines.format_message(text)))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a host whose task failed."""
        if result.result.get("changed"):
            self._changed.add(result.host.get_name())
        if self._is_own:
            self._note(result, "failed, ignored" if ignore_errors else "failed", step_lines.find_cause(result.result))
        else:
            super().v2_runner_on_failed(result, ignore_errors=ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that was not reached."""
        if self._is_own:
            ignored = result.task.ignore_unreachable
            state = "unreachable, ignored" if ignored else "unreachable"
            self._note(result, state, step_lines.find_cause(result.result))
        else:
            super().v2_runner_on_unreachable(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Note a host that skipped the task."""
        if self._is_own:
            self._note(result, "skipped")
        else:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Keep the text of an item that prints one."""
        if not self._is_own:
            super().v2_runner_item_on_ok(result)
        elif result.task.action in constants._ACTION_DEBUG:
            self._keep_message(result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Print nothing: the result of all items has it."""
        if not self._is_own:
            super().v2_runner_item_on_failed(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Print nothing: the result of all items counts."""
        if not self._is_own:
            super().v2_runner_item_on_skipped(result)

    def v2_on_file_diff(self, result: Any) -> None:
        """Keep a diff, which follows the line of its step."""
        if not self._is_own:
            super().v2_on_file_diff(result)
            return
        found = result.result
        items = found["results"] if result.task.loop and "results" in found else [found]
        for item in items:
            diff = self._get_diff(item["diff"]) if item.get("diff") and item.get("changed") else ""
            if diff and self._step:
                self._step.diffs.append((format_label(result), diff))

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Print nothing: the steps of the file have their lines."""
        if not self._is_own:
            super().v2_playbook_on_include(included_file)

    # --------------------------------------------------------------------------------------------------------- waiting

    def v2_runner_retry(self, result: Any) -> None:
        """Print that a task is tried again."""
        if not self._is_own:
            super().v2_runner_retry(result)
            return
        found = result.result
        text = f"{result.task_name}: attempt {found['attempts']} of {found['retries']} failed"
        began = self._step.began if self._step else time.monotonic()
        self._screen.show_progress(Progress(format_label(result), text, time.monotonic() - began))

    def v2_runner_on_async_poll(self, result: Any) -> None:
        """Print that a job still runs."""
        if not self._is_own:
            super().v2_runner_on_async_poll(result)
            return
        began = self._step.began if self._step else time.monotonic()
        self._screen.show_progress(
            Progress(format_label(result), result.task_name, time.monotonic() - began, result.task.async_val)
        )

    def v2_runner_on_async_ok(self, result: Any) -> None:
        """Print nothing: the result of the task counts."""
        if not self._is_own:
            super().v2_runner_on_async_ok(result)

    def v2_runner_on_async_failed(self, result: Any) -> None:
        """Print nothing: the result of the task has the cause."""
        if not self._is_own:
            super().v2_runner_on_async_failed(result)

    def _format_live_text(self) -> str:
        """Return what is going on: the step, its time, and the hosts that have not ended it."""
        step = self._step
        if step is None:
            return ""
        seconds = time.monotonic() - step.began
        # A log has it as a heading.
        place = f"{self._batch}, " if self._batch and self._screen.is_live() else ""
        text = f"{'  ' * step.indent}{place}{step.name}: {seconds:.0f} s"
        waiting = [host for host in list(step.started) if host not in step.outcomes]
        if waiting and len(step.started) > 1:
            done = len(step.started) - len(waiting)
            text += f", {done} of {len(step.started)} hosts done, waiting for {step_lines.format_hosts(waiting)}"
        return text


class Screen:
    """The output of a run: the live line of a terminal, or lines that are added from time to time.

    Ansible prints with its `Display`, also what workers report. While a play of this collection runs, this object is
    called in its place, so that nothing is written into the live line.
    """

    def __init__(self, display: Any, read_text: Callable[[], str], print_headings: Callable[[], None]) -> None:
        """display: Ansible's. read_text: returns what is going on; an empty text where nothing is. print_headings:
        prints those that a line belongs to."""
        self._target, self._read_text, self._print_headings = display, read_text, print_headings
        self._original = None
        self.lock = threading.RLock()
        #: Blanks in front of what is waited for.
        self.indent = ""
        self._process = os.getpid()
        self._line: live_line.LiveLine | None = None
        self._is_quiet = True
        self._progress: dict[str, tuple[Progress, float]] = {}
        self._shown: dict[str, tuple[str, float]] = {}
        self._next_line = 0.0
        self._ended = threading.Event()

    def open(self) -> None:
        """Take the place of Ansible's function."""
        if self._original is not None:
            return
        self._original, self._process = self._target.display, os.getpid()
        self._target.display = self.display
        self._line = live_line.LiveLine(self.format_text) if live_line.is_possible() else None
        atexit.register(self.close)
        if self._line is None:
            self._ended = threading.Event()
            threading.Thread(target=self._add_lines, args=(self._ended,), daemon=True).start()

    def is_live(self) -> bool:
        """Return whether the last line changes."""
        return self._line is not None

    def close(self) -> None:
        """Give Ansible its function back."""
        if self._original is None or os.getpid() != self._process:
            return
        self.end()
        self._ended.set()
        self._target.display = self._original
        self._original = None
        atexit.unregister(self.close)

    def display(self, message: str, *arguments: Any, **options: Any) -> None:
        """Print a message where it does not end up in the live line."""
        original = self._original
        if original is None or os.getpid() != self._process:
            # In a worker: it sends the message to the process that prints.
            (original or type(self._target).display.__get__(self._target))(message, *arguments, **options)
        elif isinstance(message, Progress):
            self.show_progress(message)
        else:
            with self.lock:
                if self._line:
                    self._line.hide()
                original(message, *arguments, **options)
                self.refresh()

    def begin(self, is_quiet: bool) -> None:
        """Begin a step. is_quiet: whether nothing is printed while it runs."""
        with self.lock:
            self._is_quiet = is_quiet
            self._progress.clear()
            self._shown.clear()
            self._next_line = time.monotonic() + QUIET
            self.refresh()

    def end(self) -> None:
        """End a step."""
        with self.lock:
            self._is_quiet = True
            self._progress.clear()
            if self._line:
                self._line.hide()

    def refresh(self) -> None:
        """Write the live line, where there is one."""
        with self.lock:
            if self._line and not self._is_quiet:
                self._line.show()

    def format_text(self) -> str:
        """Return the live line: what is waited for, where something is, else the step."""
        if not self._progress:
            return str(self._read_text())
        now = time.monotonic()
        (first, at), *others = self._progress.values()
        return f"{self.indent}{first.format_after(now - at)}" + (f"; {len(others)} more" if others else "")

    def show_progress(self, progress: Progress) -> None:
        """Show what is waited for."""
        with self.lock:
            now = time.monotonic()
            self._progress[progress.subject] = (progress, now)
            if self._line:
                self.refresh()
                return
            text, at = self._shown.get(progress.subject, ("", 0.0))
            if text != progress.text or now - at >= PROGRESS_PAUSE:
                self._shown[progress.subject] = (progress.text, now)
                self._next_line = now + PAUSE
                self._add(f"{self.indent}{progress}")

    def _add_lines(self, ended: threading.Event) -> None:
        """Add a line from time to time, so that a log shows where a run is."""
        while not ended.wait(1):
            with self.lock:
                if not self._is_quiet and time.monotonic() >= self._next_line and self._original is not None:
                    self._next_line = time.monotonic() + PAUSE
                    self._add(self._read_text())

    def _add(self, text: str) -> None:
        """Add a line below its headings."""
        if text and self._original is not None:
            self._print_headings()
            self._original(text)
