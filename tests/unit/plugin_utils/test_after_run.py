# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a run ends, the tasks of xitrum_after_run have its outcome: real runs of Ansible, with the tasks of the page."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import types

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.plugin_utils import after_run

from tests.lib.http_server import serve_in_background
from tests.lib.questions import validate
from tests.lib.site import CLONE

PAGE = (CLONE / "docs/how-to/report-runs-to-a-chat.md").read_text(encoding="utf-8")
#: The tasks of the page.
CHAT = yaml.safe_load(next(block for block in re.findall(r"^   ```yaml\n(.*?)\n   ```", PAGE, re.MULTILINE | re.DOTALL) if "uri" in block))
#: What the tests read, and the tasks of the page after it.
SAVE = {"name": "Save", "ansible.builtin.copy": {"dest": "{{ save_to }}", "content": "{{ xitrum_run | to_json }}"}}
WHERE = {"name": "Save where it runs", "ansible.builtin.copy": {"dest": "{{ save_to }}.host", "content": "{{ inventory_hostname }} {{ ansible_connection }}"}}

CHANGE = {"name": "Change a host", "ansible.builtin.command": "true", "when": "inventory_hostname == 'app1'"}
#: What a host chose: a template, a password, and an escape sequence.
FAIL = {"name": "Fail", "ansible.builtin.fail": {"msg": "broken {{ '{{' }} lookup('pipe', 'id') }} http://***@c/ \x1b[2J"},
        "when": "inventory_hostname == 'app2'"}
RESCUED = {"name": "Rescue", "block": [{"name": "Fail", "ansible.builtin.fail": {"msg": "rescued"}}],
           "rescue": [{"name": "Go on", "ansible.builtin.debug": {"msg": "on"}}]}
IGNORED = {"name": "Ignore", "ansible.builtin.fail": {"msg": "ignored"}, "ignore_errors": True}
LOSE = {"name": "Lose a host", "ansible.builtin.raw": "echo {{ 1 }}", "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "when": "inventory_hostname == 'app2'"}
ONCE = {"name": "Refuse", "ansible.builtin.fail": {"msg": "2 errors.\nNo host was changed."}, "run_once": True}
HIDDEN = {"name": "Hide", "ansible.builtin.fail": {"msg": "the secret"}, "no_log": True}
WAIT = {"name": "Wait", "ansible.builtin.command": {"cmd": "sh -c 'touch waiting-$$; exec sleep 60'", "chdir": "{{ playbook_dir }}"}}


class Chat(http.server.BaseHTTPRequestHandler):
    """Keeps what is sent to it, and answers with its status."""

    def do_POST(self):
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_words):
        """Prints nothing."""


@pytest.fixture(name="chat")
def fixture_chat():
    """A chat on this machine."""
    with http.server.HTTPServer(("127.0.0.1", 0), Chat) as server:
        server.got, server.status = [], 200
        serve_in_background(server)
        yield server
        server.shutdown()


@pytest.fixture(name="fleet")
def fixture_fleet(tmp_path, chat):
    """A function that starts a run of two hosts with tasks, and returns the process; `run` waits for its end."""
    collection = tmp_path / "ansible_collections/xitrum"
    collection.mkdir(parents=True)
    (collection / "host").symlink_to(CLONE)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/report.yml").write_text(yaml.safe_dump([SAVE, WHERE, *CHAT]), encoding="utf-8")
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"xitrum": {
        "hosts": {"app1": {}, "app2": {}},
        "vars": {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable,
                 "xitrum_after_run": "files/report.yml", "save_to": str(tmp_path / "saved"),
                 "chat_webhook": f"http://127.0.0.1:{chat.server_port}/SECRET"},
    }}), encoding="utf-8")

    def start(tasks, *options):
        book = [
            {"name": "Validate", "ansible.builtin.import_playbook": "xitrum.host.plays.inventory", "vars": {"__inventory_reports": True}},
            {"name": "Work", "hosts": "{{ groups | xitrum.host.working_hosts('xitrum', read=false) }}", "gather_facts": False, "tasks": tasks},
        ]
        (tmp_path / "deploy.yml").write_text(yaml.safe_dump(book), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "deploy.yml", *options], text=True, cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"})

    def run(tasks, *options):
        with start(tasks, *options) as process:
            process.output = " ".join(process.communicate()[0].split())
        return process

    start.run = run
    start.saved = tmp_path / "saved"
    start.read = lambda: validate(json.loads(start.saved.read_text(encoding="utf-8")), "run")
    return start


def outcomes(run):
    return {name: host["outcome"] for name, host in run["hosts"].items()}


def test_a_run_that_failed_is_reported_with_its_errors(fleet, chat):
    ended = fleet.run([CHANGE, RESCUED, IGNORED, FAIL])
    run = fleet.read()
    assert (ended.returncode, run["outcome"], run["playbook"]) == (2, "failed", "deploy"), ended.output
    assert outcomes(run) == {"app1": "changed", "app2": "failed"}
    # What was rescued may be the cause, and what was ignored is none.
    # The hosts report in the order in which they end.
    rescued, broken = sorted(run["errors"][:2]), run["errors"][2:]
    assert rescued + broken == ["app1: Fail: rescued", "app2: Fail: rescued", "app2: Fail: broken {{ lookup('pipe', 'id') }} http://***@c/ \\x1b[2J"]
    assert "Ran the tasks of xitrum_after_run" in ended.output and "SECRET" not in ended.output
    assert fleet.saved.with_suffix(".host").read_text() == "app1 local"
    (message,) = chat.got
    assert re.fullmatch(r"deploy by \S+: failed, release unchanged, 2 hosts, \d+ s\n.*", message["text"].partition("\n")[0] + "\n")
    assert message["text"].endswith("\n".join(run["errors"]))


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.long), ("--limit", "app1")])
def test_a_run_that_ended_well_is_reported(fleet, chat, options):
    """One with a limit too, which leaves out this machine."""
    ended = fleet.run([CHANGE, RESCUED, IGNORED], *options)
    assert (ended.returncode, fleet.read()["outcome"], fleet.read()["errors"]) == (0, "done", []), ended.output
    assert len(chat.got) == 1


@pytest.mark.long
def test_hooks_that_fail_keep_the_exit_code_and_are_reported_with_their_reason(fleet, chat):
    chat.status = 500
    ended = fleet.run([CHANGE])
    assert ended.returncode == 0
    assert "failed. The run itself had ended before them, with the outcome done." in ended.output
    assert "The webhook answered 500: expected 200 or 204. Check chat_webhook." in ended.output and "SECRET" not in ended.output


@pytest.mark.long
@pytest.mark.parametrize(("tasks", "code", "outcome", "errors"), [
    ([LOSE], 4, "failed", "app2: Lose a host: "), ([ONCE], 2, "failed", "2 errors.\nNo host was changed."),
    ([HIDDEN], 2, "failed", "app1: Hide: the output has been hidden"), ([], 0, "nothing_to_do", ""),
], ids=["lost", "refused", "hidden", "nothing"])
def test_each_end_has_its_outcome(fleet, chat, tasks, code, outcome, errors):
    ended = fleet.run(tasks)
    run = fleet.read()
    assert (ended.returncode, run["outcome"]) == (code, outcome), ended.output
    # Which host fails first is open.
    assert "".join(sorted(run["errors"])).startswith(errors) and "secret" not in str(run)
    assert len(chat.got) == (outcome != "nothing_to_do")


@pytest.mark.parametrize(("number", "code"), [
    (signal.SIGTERM, -signal.SIGTERM), pytest.param(signal.SIGINT, 99, marks=pytest.mark.long),
])
def test_a_run_that_is_interrupted_is_reported(fleet, tmp_path, number, code):
    with fleet([WAIT]) as run:
        end = time.monotonic() + 300
        while len(list(tmp_path.glob("waiting-*"))) < 2:
            assert time.monotonic() < end and run.poll() is None, "it took too long"
            time.sleep(0.2)
        run.send_signal(number)
        output = run.communicate()[0]
    assert (run.returncode, fleet.read()["outcome"]) == (code, "interrupted"), output


@pytest.mark.parametrize(("options", "code", "message"), [
    (["-e", "xitrum_after_run=nowhere.yml"], 2, "xitrum_after_run is nowhere.yml: found no such file."),
    pytest.param(["--check"], 0, "", marks=pytest.mark.long),
])
def test_a_file_that_is_missing_is_refused_and_check_mode_runs_none(fleet, options, code, message):
    ended = fleet.run([CHANGE], *options)
    assert ended.returncode == code and message in ended.output, ended.output
    assert not fleet.saved.exists() and "Ran the tasks" not in ended.output


@pytest.mark.long
def test_a_manual_start_of_the_play_is_refused(fleet, tmp_path):
    del fleet
    ran = subprocess.run([sys.executable, "-m", "ansible", "playbook", "-i", tmp_path / "hosts.yml", after_run.PLAY], text=True,
                         cwd=tmp_path, capture_output=True, check=False, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
                                                                              "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg")})
    assert ran.returncode == 2 and "Do not run this play: a run starts it when it ends." in " ".join(ran.stdout.split())


def stats(processed=("app1",), failures=None, dark=None, changed=None):
    return types.SimpleNamespace(processed=dict.fromkeys(processed, 1), failures=failures or {}, dark=dark or {}, changed=changed or {})


def describe(counts, notes=(), interrupted=False, ended=True, pending=None, errors=()):
    found = types.SimpleNamespace(stats=counts, errors=list(errors), pending=pending or {}, ended=ended)
    return validate(after_run.describe_run(found, list(notes), interrupted, time.time()), "run")


@pytest.fixture(autouse=True)
def fixture_watch(monkeypatch):
    monkeypatch.setitem(after_run._WATCH, "started", time.time() - 5)


def test_pending_changes_alone_are_incomplete():
    assert describe(stats(failures={"app1": 1}), pending={"app1": 1})["outcome"] == "incomplete"
    assert describe(stats(failures={"app1": 2}), pending={"app1": 1})["outcome"] == "failed"


def test_an_error_of_ansible_itself_is_a_failure():
    run = describe(stats(), ended=False)
    assert (run["outcome"], run["errors"]) == ("failed", ["Ansible ended the run with an error: see its output"])
    assert describe(stats(processed=["localhost"], failures={"localhost": 1}), errors=["x"])["outcome"] == "failed"


def test_releases_are_those_of_the_locked_hosts():
    notes = [{"locked": "app1", "from": "aa", "to": "bb"}, {"locked": "app2", "from": "", "to": "bb"}, {"tasks": "/x", "host": "app1"}]
    run = describe(stats(processed=["app1", "app2", "proxy1"], changed={"app1": 1}), notes)
    assert (run["release_from"], run["release_to"], run["seconds"]) == (None, "bb", 5)
    assert run["hosts"]["app2"] == {"outcome": "unchanged", "locked": True, "release_from": None, "release_to": "bb"}
    assert not run["hosts"]["proxy1"]["locked"]


def test_errors_are_bounded_and_each_is_there_once():
    run = describe(stats(failures={"app1": 1}), errors=["x" * 9999, "x" * 9999, *map(str, range(99))])
    assert len(run["errors"]) == after_run.MOST_ERRORS and len(run["errors"][0]) == after_run.LONGEST_ERROR


@pytest.mark.parametrize(("result", "reason"), [
    ({"msg": "no"}, "no"), ({"msg": "some failed", "results": [{"failed": True, "msg": "a"}, {"msg": "fine"}, {"failed": True, "msg": "a"}]}, "a"),
    ({"censored": "hidden"}, "hidden"), ({}, "no reason was given"),
])
def test_why_a_task_failed(result, reason):
    assert after_run.describe_failure(result) == reason


def test_a_relative_path_is_that_of_the_folder_then_of_the_playbook(tmp_path, monkeypatch):
    (tmp_path / "books").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books/x.yml").write_text("")
    assert after_run.find_tasks("x.yml", str(tmp_path / "books")) == (str(tmp_path / "books/x.yml"), "")
    pathlib.Path("x.yml").write_text("")
    assert after_run.find_tasks("x.yml", str(tmp_path / "books")) == (str(tmp_path / "x.yml"), "")
    assert after_run.find_tasks("/x\x1b", "/")[1].startswith("xitrum_after_run is /x\\x1b: found no such file.")


@pytest.mark.parametrize(("code", "printed", "shown"), [
    (2, "PLAY [x]\n[ERROR]: the webhook answered 500\nPLAY RECAP ***\napp1 : ok=1", "  [ERROR]: the webhook answered 500"),
    (1, "it had not ended after 120 s, and was killed", "  it had not ended after 120 s, and was killed"), (4, "", ""),
])
def test_hooks_that_fail_after_a_run_that_failed_do_not_hide_its_outcome(monkeypatch, code, printed, shown):
    warnings = []
    failures = types.SimpleNamespace(stats=stats(failures={"app1": 1}), errors=["app1: Deploy: no room"], pending={}, ended=True)
    monkeypatch.setattr(after_run, "Display", lambda: types.SimpleNamespace(warning=lambda text, **_more: warnings.append(text), verbosity=0))
    monkeypatch.setattr(after_run, "read_notes", lambda: [{"tasks": "/x.yml", "host": "app1"}])
    monkeypatch.setattr(after_run, "_WATCH", {"process": os.getpid(), "failures": failures, "started": time.time()})
    monkeypatch.setattr(after_run.constants, "DEFAULT_LOCAL_TMP", None)
    monkeypatch.setattr(after_run.held_locks, "run_play", lambda *_given: (code, printed))
    after_run.run_tasks(False)
    assert warnings == [f"The tasks of xitrum_after_run (/x.yml) failed. The run itself had ended before them, with the outcome failed. They printed:\n{shown}"]


def test_another_interface_of_ansible_is_reported_where_there_are_tasks(monkeypatch):
    warnings = []
    monkeypatch.setattr(after_run, "Display", lambda: types.SimpleNamespace(warning=lambda text, **_more: warnings.append(text)))
    for notes, count in ([], 0), ([{"tasks": "/x", "host": "app1"}], 1):
        monkeypatch.setattr(after_run, "read_notes", lambda notes=notes: notes)
        monkeypatch.setattr(after_run, "_WATCH", {"process": os.getpid(), "failures": None, "unsupported": "no such name"})
        after_run.run_tasks(False)
        assert len(warnings) == count
    assert "ansible-core" in warnings[0] and "no such name" in warnings[0]
