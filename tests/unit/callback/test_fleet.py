# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback prints of the events of a run. A case is a file of data/callback: the events, and the lines."""

from __future__ import annotations

import pathlib
import pickle
import threading
from types import SimpleNamespace

import pytest
import yaml
from ansible import context
from ansible.playbook.task_include import TaskInclude
from ansible_collections.xitrum.host.plugins.callback import fleet
from ansible_collections.xitrum.host.plugins.plugin_utils import live_line, progress, step_lines

CASES = sorted((pathlib.Path(__file__).parents[1] / "data/callback").glob("*.yml"))
OWN = pathlib.Path(fleet.__file__).parents[2] / "playbooks/plays/read.yml"
OPTIONS = {"display_ok_hosts": True, "display_skipped_hosts": False, "display_failed_stderr": False, "check_mode_markers": False,
           "show_custom_stats": False, "show_task_path_on_failure": False, "show_per_host_start": False, "result_format": "yaml", "pretty_results": None}


class Printed:
    """Ansible's display: it keeps what is printed."""

    verbosity = 0

    def __init__(self):
        self.lines = []

    def display(self, message, color=None, stderr=False, screen_only=False, log_only=False, newline=True):
        del color, stderr, screen_only, newline
        if not log_only:
            self.lines.append(str(message))

    def banner(self, message, *_more):
        self.lines.append(f"\n{message} ***")

    def warning(self, message, *_more, **_options):
        self.lines.append(f"[WARNING]: {message}")


class Stats:
    """The counts of a run, as Ansible has them."""

    custom = {}

    def __init__(self, hosts):
        self.processed = hosts

    def summarize(self, host):
        return {name: self.processed[host].get(name, 0) for name in ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")}


class Include(TaskInclude):
    """A task that includes others, with no more than what a callback reads."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def __getattribute__(self, name):
        return object.__getattribute__(self, "__dict__")[name] if not name.startswith("__") else object.__getattribute__(self, name)


def make_host(name):
    """A host of the inventory's groups, and localhost of none."""
    groups = [] if name == "localhost" else [SimpleNamespace(name="all"), SimpleNamespace(name="xitrum_proxy" if name.startswith("proxy") else "xitrum")]
    return SimpleNamespace(get_name=lambda: name, get_groups=lambda: groups)


class Run:
    """A callback, and the events that are sent to it."""

    def __init__(self, monkeypatch, options=None, arguments=None):
        self.now, self.printed = 0.0, Printed()
        monkeypatch.setattr(fleet.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(context, "CLIARGS", {"check": False, "diff": False, "args": ["site.yml"], "inventory": ["hosts.yml"], **(arguments or {})})
        # Lines are added by the test itself.
        monkeypatch.setattr(fleet.threading, "Thread", lambda **_options: SimpleNamespace(start=lambda: None))
        monkeypatch.setattr(live_line, "is_possible", lambda: False)
        self.made = fleet.CallbackModule()
        self.made._display = self.made._screen._target = self.printed
        self.made.get_option = {**OPTIONS, **(options or {})}.__getitem__
        self.play = self.task = None

    def send(self, event):
        (kind, given), = event.items()
        getattr(self, f"_{kind}")(given)

    def _seconds(self, given):
        self.now += given

    def _play(self, given):
        path = str(OWN) if given.get("own", True) else "/home/me/book.yml"
        self.play = SimpleNamespace(get_name=lambda: given["name"], strategy=given.get("strategy", "linear"), check_mode=False,
                                    get_path=lambda: f"{path}:2", _removed_hosts=[])
        self.made.v2_playbook_on_play_start(self.play)

    def _task(self, given):
        values = {"_uuid": given["name"] + str(self.now), "name": given["name"], "get_name": lambda: given["name"], "action": given.get("action", "x.y.z"),
                  "get_vars": lambda: {"supervisor_batch": given["batch"]} if "batch" in given else {}, "delegate_to": given.get("delegate_to"),
                  "loop": given.get("loop"), "ignore_unreachable": given.get("ignored", False), "no_log": False, "check_mode": False, "async_val": 60,
                  "args": given.get("args", {}), "run_once": given.get("once", False)}
        self.task = Include(**values) if given.get("include") else SimpleNamespace(**values)
        self.made.v2_playbook_on_task_start(self.task, False)
        for host in given.get("hosts", ()):
            self.made.v2_runner_on_start(make_host(host), self.task)

    def _make_result(self, host, result):
        return SimpleNamespace(host=make_host(host), task=self.task, result=dict(result), task_name=self.task.name)

    def _ok(self, given):
        for host, result in given.items():
            self.made.v2_runner_on_ok(self._make_result(host, result or {}))

    def _failed(self, given):
        for host, result in given.items():
            if not result.get("ignored") and not result.get("rescued"):
                self.play._removed_hosts.append(host)
            self.made.v2_runner_on_failed(self._make_result(host, result), ignore_errors=result.get("ignored", False))

    def _unreachable(self, given):
        for host, result in given.items():
            self.made.v2_runner_on_unreachable(self._make_result(host, result))

    def _skipped(self, given):
        for host in given:
            self.made.v2_runner_on_skipped(self._make_result(host, {}))

    def _diff(self, given):
        for host, result in given.items():
            self.made.v2_on_file_diff(self._make_result(host, result))

    def _retry(self, given):
        for host, result in given.items():
            self.made.v2_runner_retry(self._make_result(host, result))

    def _waits(self, given):
        # As a worker sends it.
        message = pickle.loads(pickle.dumps(progress.Progress(*given)))
        self.printed.display(message, stderr=True)

    def _message(self, given):
        self.printed.display(given)

    def _stats(self, given):
        self.made.v2_playbook_on_stats(Stats(given))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_printed(path, monkeypatch):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    run = Run(monkeypatch, case.get("options"), case.get("arguments"))
    for event in case["events"]:
        run.send(event)
    assert "\n".join(run.printed.lines).strip("\n") + "\n" == case["printed"].strip("\n") + "\n"


def test_with_v_it_is_ansibles_own(monkeypatch):
    run = Run(monkeypatch)
    run.printed.verbosity = 1
    run.send({"play": {"name": "Prepare every host"}})
    run.send({"task": {"name": "Install the JDK", "hosts": ["app1"]}})
    assert run.printed.lines == ["\nPLAY [Prepare every host] ***"]


def test_a_worker_sends_what_is_waited_for_to_the_process_that_prints(monkeypatch):
    run = Run(monkeypatch)
    run.send({"play": {"name": "Roll out"}})
    monkeypatch.setattr(fleet.os, "getpid", lambda: -1)
    run.send({"waits": ["app1-0", "restarted", 5, 120]})
    # Unchanged: of its process, this object prints nothing.
    assert run.printed.lines == ["app1-0: restarted, 5 s of 120"]


def test_a_step_that_takes_long_leaves_lines_in_a_log(monkeypatch):
    run = Run(monkeypatch)
    run.send({"play": {"name": "Prepare every host"}})
    run.send({"task": {"name": "Install the JDK", "hosts": ["app1", "app2", "app3"]}})
    run.send({"ok": {"app2": {}}})
    for _second in range(45):
        run.now += 1
        waits = iter([False, True])
        run.made._screen._add_lines(SimpleNamespace(wait=lambda _seconds, found=waits.__next__: found()))
    assert run.printed.lines == [
        "\nPrepare every host",
        "  Install the JDK: 10 s, 1 of 3 hosts done, waiting for app1, app3",
        "  Install the JDK: 40 s, 1 of 3 hosts done, waiting for app1, app3",
    ]


@pytest.fixture(name="terminal")
def fixture_terminal(monkeypatch):
    """A run on a terminal, whose line is a recorder: what was hidden and shown between the lines."""
    run = Run(monkeypatch)
    line = SimpleNamespace(hide=lambda: run.printed.lines.append("-"), show=lambda: run.printed.lines.append(f"+{run.made._screen.format_text()}"))
    monkeypatch.setattr(live_line, "is_possible", lambda: True)
    monkeypatch.setattr(live_line, "LiveLine", lambda _text: line)
    run.send({"play": {"name": "Roll out"}})
    return run


def test_the_line_of_a_terminal_is_removed_before_anything_is_printed(terminal):
    terminal.send({"task": {"name": "Read the host", "hosts": ["app1"]}})
    terminal.printed.lines.clear()
    terminal.send({"message": "[WARNING]: something"})
    assert terminal.printed.lines == ["-", "[WARNING]: something", "+  Read the host: 0 s"]


def test_no_line_is_among_log_lines_that_are_followed(terminal):
    terminal.send({"task": {"name": "Follow the logs until Ctrl-C", "hosts": ["app1", "app2"], "args": {"stream": "/tmp/x/1"}}})
    terminal.printed.lines.clear()
    terminal.send({"message": "app1-0 | a line"})
    terminal.now += 60
    terminal.send({"message": "app2-0 | another"})
    assert terminal.printed.lines == ["-", "app1-0 | a line", "-", "app2-0 | another"]


def test_the_seconds_of_what_is_waited_for_go_on(terminal):
    terminal.send({"task": {"name": "Restart", "hosts": ["app1"]}})
    terminal.send({"waits": ["app1-0", "restarted, waiting for / to answer 200", 5, 12]})
    terminal.now += 2
    assert terminal.made._screen.format_text() == "    app1-0: restarted, waiting for / to answer 200, 7 s of 12"
    terminal.now += 20
    terminal.send({"waits": ["app1-1", "restarted", 0, 12]})
    assert terminal.made._screen.format_text() == "    app1-0: restarted, waiting for / to answer 200, 12 s of 12; 1 more"


def test_no_line_is_written_while_a_person_types(terminal):
    terminal.printed.lines.clear()
    terminal.send({"task": {"name": "Ask", "action": "ansible.builtin.pause", "hosts": ["app1"]}})
    terminal.send({"message": "a text"})
    assert not [line for line in terminal.printed.lines if line.startswith("+")]


def test_the_line_is_no_wider_than_the_terminal():
    pytest.importorskip("rich", reason="without it there is no live line")
    line = live_line.LiveLine(lambda: "x" * 100)
    lines = line._console.render_lines(line, line._console.options.update(width=40))
    assert ["".join(segment.text for segment in words) for words in lines] == ["x" * 39 + "…"]


def test_the_process_that_prints_gets_ansibles_display_back(monkeypatch):
    run = Run(monkeypatch)
    before = run.printed.display
    run.send({"play": {"name": "Roll out"}})
    assert run.printed.display != before
    run.send({"stats": {}})
    assert run.printed.display == before and threading.active_count() <= 50


@pytest.mark.parametrize("result, cause", [
    ({"msg": "It is not c"}, "It is not c"),
    ({"msg": ["one", "two"]}, "one\ntwo"),
    ({"msg": "non-zero return code", "rc": 2, "stderr": "no such file", "stdout": "x"}, "the command failed with exit code 2\nno such file"),
    ({"msg": "non-zero return code", "rc": 2, "stderr": "", "stdout": "out"}, "the command failed with exit code 2\nout"),
    ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nOSError: gone"}, "Traceback\nOSError: gone"),
    ({"censored": "the output has been hidden"}, "the output has been hidden"),
    ({}, "no reason was given"),
    ({"msg": "a\x1b[31mb"}, "a\\x1b[31mb"),
    ({"msg": "One or more items failed",
      "results": [{"item": 1, "failed": True, "msg": "bad"}, {"item": 2}, {"item": 3, "failed": True, "msg": "bad"}]}, "1, 3: bad"),
])
def test_the_cause_of_a_failure(result, cause):
    assert step_lines.find_cause(result) == cause


@pytest.mark.parametrize("text, expected", [
    ("the lock is held. Wait until it has ended", True),
    ("the lock is held: wait until it has ended", True),
    ("nobody serves; start another one first, or add -e stop_last=true", True),
    ("found 0, expected 1. Set it to 1", True),
    ("the pair is refused: set both files, or neither", True),
    ("it is broken, then run the playbook again", True),
    ("5 values have drifted: see the table above", True),
    ("tar: write error: Read-only file system", False),
    ("cannot open: read error", False),
    ("Connection refused", False),
    ("Start request repeated too quickly", False),
])
def test_whether_a_message_has_advice(text, expected):
    assert step_lines.has_advice(text) is expected


@pytest.mark.parametrize("result, action, text, kind", [
    ({"rules": ["package.jars"]}, "fail", "a jar is broken", "package"),
    ({"rules": ["package.jars", "xitrum.name"]}, "run_plan", "two", "input"),
    ({"rules": ["variable.unknown"]}, "run_plan", "xitrum_nam is set", "input"),
    ({"rules": ["host.read", "xitrum.name"]}, "run_plan", "xitrum_name is of this host", ""),
    ({}, "validate_argument_spec", "Validation of arguments failed", "input"),
    ({}, "assert", "console_instance is x: expected a number", "input"),
    ({"unreachable": True}, "ping", "no route", "unreachable"),
    ({}, "instance_service", "instance 0 is not healthy 60 s after its start", "release"),
    ({}, "command", "no room", ""),
])
def test_what_a_failure_is_about(result, action, text, kind):
    assert step_lines.find_kind(result, action, text) == kind


@pytest.mark.parametrize("kinds, start", [
    (["package", "package"], "Build or choose another package"), (["input"], "Correct the inventory or the command line"),
    (["unreachable"], "Make sure that Ansible can connect"), (["release"], "If the release is broken, deploy a fixed package."),
    (["input", "unreachable"], "Fix the cause, then run the same command again: COMMAND"), ([], "Fix the cause, then"),
])
def test_what_to_do_next_depends_on_the_kind(kinds, start):
    text = step_lines.format_next_step(kinds, "COMMAND")
    assert text.startswith(start)
    assert ("COMMAND" in text) == ("-v" in text) == (not set(kinds) or not set(kinds) <= set(step_lines.COMPLETE))


@pytest.mark.parametrize("seconds, text", [(0.04, "0.0 s"), (59.94, "59.9 s"), (61, "1 min 1 s"), (3600, "60 min 0 s")])
def test_durations(seconds, text):
    assert step_lines.format_seconds(seconds) == text
