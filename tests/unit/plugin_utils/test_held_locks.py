# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a run ends, its locks are given back: real runs of Ansible, whose module for the lock writes down what it is queried."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.xitrum.host.plugins.plugin_utils import held_locks

ROOT = pathlib.Path(__file__).resolve().parents[3]

#: In the place of the module on the host. Of a host in STUB_AWAY nothing can be given back.
STUB = '''#!/usr/bin/python
import json
import os

from ansible.module_utils.basic import AnsibleModule

kinds = {"name": "str", "root": "str", "log_dir": "str", "user": "str", "state": "str", "holder": "dict", "release": "str", "outcome": "str",
         "healthy": "bool", "seconds": "int", "break_lock": "str"}
module = AnsibleModule(argument_spec={name: {"type": kind} for name, kind in kinds.items()}, supports_check_mode=True)
given = {name: value for name, value in module.params.items() if value is not None}
with open(os.environ["STUB_CALLS"], "a") as file:
    # Its environment, and the command lines of it and its parents.
    pid, ran_with = os.getpid(), list(os.environ.values())
    while pid > 1 and os.path.exists(f"/proc/{pid}/stat"):
        with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/stat") as stat:
            ran_with.append(line.read().replace("\\0", " "))
            pid = int(stat.read().rpartition(")")[2].split()[1])
    file.write(json.dumps({**given, "become": os.environ.get("ANSIBLE_BECOME_PASS", ""), "ran_with": ran_with}) + "\\n")
if given["state"] == "abandoned" and os.environ.get("STUB_AWAY"):
    module.fail_json(msg="no room \\x1b[2J")
if given["state"] == "held" and given["root"] == os.environ.get("STUB_TAKEN"):
    module.fail_json(msg="another run is at work", held_by={"id": "other", "user": "ann", "host": "elsewhere"})
module.exit_json(changed=False, run="demo id" if given["state"] in ("held", "renewed") else "", interrupted=False)
'''


@pytest.fixture(name="fleet")
def fixture_fleet(tmp_path):
    """A function that starts a run of three hosts, which take their lock and then do `tasks`. It returns the process."""
    collection = tmp_path / "ansible_collections/xitrum/host"
    (collection / "plugins/modules").mkdir(parents=True)
    for name in ("galaxy.yml", "meta", "playbooks", "roles"):
        (collection / name).symlink_to(ROOT / name)
    for name in ("action", "callback", "doc_fragments", "filter", "lookup", "module_utils", "plugin_utils"):
        (collection / "plugins" / name).symlink_to(ROOT / "plugins" / name)
    (collection / "plugins/modules/run_lock.py").write_text(STUB)
    connection = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}

    def start(tasks, *options, typed="", secret="", **environment):
        lock = {"name": "Take the lock", "xitrum.host.run_lock": {
            "name": "demo", "root": "/opt/{{ inventory_hostname }}", "log_dir": "/var/log/demo", "user": "demo", "release": "bb",
            "state": "{{ lock_state | default('held') }}"}}
        play = {"hosts": "{{ groups | xitrum.host.working_hosts('all', read=false) }}", "gather_facts": False, "strategy": "linear", "any_errors_fatal": True}
        book = [{**play, "name": "Lock", "tasks": [lock]}, {**play, "name": "Work", "tasks": tasks}]
        (tmp_path / "book.yml").write_text(yaml.safe_dump(book, sort_keys=False))
        hosts = {"all": {"hosts": dict.fromkeys(("app1", "app2", "app3"), connection)}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts) + "".join(f"  {line}\n" for line in secret.splitlines()))
        (tmp_path / "typed").write_text(typed)
        (tmp_path / "calls").write_text("")
        # Also where the tests themselves were started by nohup, which has SIGHUP ignored from there on.
        default = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        return subprocess.Popen(
            [sys.executable, "-c", default, "-m", "ansible", "playbook", "-i", tmp_path / "hosts.yml", tmp_path / "book.yml", *options],
            text=True, cwd=tmp_path, stdin=open(tmp_path / "typed", encoding="utf-8"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # Without a terminal, what is typed comes from standard input.
            start_new_session=bool(typed),
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "STUB_CALLS": str(tmp_path / "calls"),
                 **environment})

    start.calls = lambda state: sorted((call for call in map(json.loads, (tmp_path / "calls").read_text().splitlines()) if call["state"] == state),
                                       key=lambda call: call["root"])
    return start


RELEASE = {"name": "Give the lock back", "xitrum.host.run_lock": {"name": "demo", "root": "/opt/x", "log_dir": "/var/log/demo", "state": "released"}}
FAIL = {"name": "Fail", "ansible.builtin.fail": {"msg": "broken"}, "when": "inventory_hostname == 'app2'"}
WAIT = {"name": "Wait", "ansible.builtin.command": {"cmd": "sh -c 'touch waiting-$$; exec sleep 60'", "chdir": "{{ playbook_dir }}"}}
REFUSE = {"name": "Refuse", "ansible.builtin.assert": {"that": False}, "run_once": True}
LOSE = {"name": "Lose a host", "ansible.builtin.raw": "echo {{ 1 }}", "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "when": "inventory_hostname == 'app2'"}


@pytest.mark.long
@pytest.mark.parametrize("tasks", [[REFUSE], [LOSE, RELEASE]], ids=["refused", "lost"])
def test_a_run_that_ends_early_gives_its_locks_back(fleet, tasks):
    with fleet(tasks) as run:
        output = run.communicate()[0]
    held, given = fleet.calls("held"), fleet.calls("abandoned")
    assert [call["root"] for call in given] == ["/opt/app1", "/opt/app2", "/opt/app3"], output
    assert [call["holder"] for call in given] == [call["holder"] for call in held], "the run that ended, and not the one that gives back"
    assert {(call["name"], call["log_dir"], call["user"], call["release"]) for call in given} == {("demo", "/var/log/demo", "demo", "bb")}
    assert "The run ended before its last task. Releasing its lock of app1, app2, app3." in " ".join(output.split())
    assert "could not be released" not in output


def encrypt(text, password, vault_id):
    """A variable `vaulted` of all hosts, encrypted with a password."""
    secret = VaultSecret(password.encode())
    lines = VaultLib([(vault_id, secret)]).encrypt(text, secret, vault_id=vault_id).decode().splitlines()
    return "vars:\n  ansible_remote_tmp: !vault |\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.long
@pytest.mark.parametrize("options, settings", [
    pytest.param(["--ask-vault-pass"], {}, marks=pytest.mark.long), (["--vault-id", "default@prompt"], {}),
    pytest.param([], {"ANSIBLE_VAULT_IDENTITY_LIST": "default@prompt"}, marks=pytest.mark.long),
], ids=["MODULE", "MODULE", "set"])
def test_a_vault_password_that_was_typed_is_passed_on(fleet, tmp_path, options, settings):
    secret = encrypt(f"{tmp_path}/remote", "open sesame", "default")
    with fleet([FAIL], *options, typed="open sesame\n", secret=secret, **settings) as run:
        output = run.communicate()[0]
    given = fleet.calls("abandoned")
    assert [call["root"] for call in given] == ["/opt/app1", "/opt/app2", "/opt/app3"], output
    # Nobody else can read it.
    assert all("sesame" not in " ".join(call["ran_with"]) for call in given), given
    assert "could not be released" not in output


@pytest.mark.long
def test_a_run_that_gives_them_back_itself_ends_without_another(fleet):
    with fleet([RELEASE]) as run:
        output = run.communicate()[0]
    assert run.returncode == 0 and len(fleet.calls("released")) == 3
    assert not fleet.calls("abandoned") and "ended before" not in output


@pytest.mark.long
def test_hosts_that_were_refused_are_not_among_them(fleet):
    with fleet([], STUB_TAKEN="/opt/app2") as run:
        output = run.communicate()[0]
    assert run.returncode == 2 and "another run is at work" in output
    assert [call["root"] for call in fleet.calls("abandoned")] == ["/opt/app1", "/opt/app3"]


@pytest.mark.parametrize("signals, code", [
    pytest.param([signal.SIGINT] * 2, 99, marks=pytest.mark.long),
    # Of a CI that cancels a job, and of a terminal that is closed.
    ([signal.SIGTERM], -signal.SIGTERM), pytest.param([signal.SIGHUP], -signal.SIGHUP, marks=pytest.mark.long),
], ids=["Ctrl-C twice", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_interrupted_gives_its_locks_back(fleet, tmp_path, signals, code):
    with fleet([WAIT]) as run:
        wait_for(lambda: len(list(tmp_path.glob("waiting-*"))) == 3)
        for number in signals:
            run.send_signal(number)
            time.sleep(0.5)
        output = run.communicate()[0]
    assert len(fleet.calls("abandoned")) == 3, output
    assert run.returncode == code, output
    assert ("Press Ctrl-C again" in output) is (len(signals) == 2)


@pytest.mark.long
def test_it_reports_where_that_failed_and_what_to_do(fleet):
    with fleet([FAIL], STUB_AWAY="1") as run:
        output = run.communicate()[0]
    words = " ".join(output.split())
    assert run.returncode == 2
    assert "The lock could not be released on: app1, app2, app3." in words
    assert "-e xitrum_break_lock=true" in words and "\x1b[2J" not in output


def test_only_the_hosts_that_the_recap_reports_as_failed_are_listed():
    recap = "PLAY RECAP ***\napp1 : ok=1    changed=0    unreachable=0    failed=0\napp-2 : ok=0    changed=0    unreachable=1    failed=0\n"
    assert held_locks.read_failed_hosts(recap + "db.x   : ok=0 changed=0 unreachable=0    failed=2    skipped=1\n") == {"app-2", "db.x"}
    assert held_locks.read_failed_hosts("ERROR! no such file") == set()


@pytest.mark.long
def test_check_mode_has_no_lock_to_give_back(fleet):
    with fleet([FAIL], "--check") as run:
        run.communicate()
    assert not fleet.calls("abandoned")


def wait_for(condition, seconds=300):
    """Waits until it holds, and fails where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def test_an_error_at_the_end_of_a_run_hides_neither_its_outcome_nor_what_comes_next(monkeypatch):
    warnings, called, ended = [], [], []

    def fail(interrupted):
        called.append(interrupted)
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr(held_locks, "Display", lambda: types.SimpleNamespace(warning=warnings.append))
    monkeypatch.setattr(held_locks, "_WATCH", {"process": os.getpid()})
    monkeypatch.setattr(held_locks, "_AT_END", [fail, called.append])
    monkeypatch.setattr(held_locks, "give_back", lambda: {}["locks"])
    held_locks._handle_signal(lambda number, frame: ended.append(number), signal.SIGTERM, None)
    assert (called, ended) == ([True, True], [signal.SIGTERM]), "the handler of Ansible ends the run"
    assert len(warnings) == 2 and "whose outcome is above: 'locks'" in warnings[0] and "No space left on device" in warnings[1]


def test_a_play_that_takes_too_long_is_ended_with_what_it_started_and_shows_no_variable_of_the_command_line(monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/child\nwait\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(held_locks.sys, "executable", str(script))
    monkeypatch.setattr(held_locks, "_read", lambda name: "")
    monkeypatch.setattr(held_locks.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(held_locks.context, "CLIARGS", {"extra_vars": ("pin=hush",)})
    assert held_locks.run_play(tmp_path / "x.yml", {}, 2) == (1, "it had not ended after 2 s, and was killed")
    child = int((tmp_path / "child").read_text())
    # A killed process takes a moment to end on a busy machine.
    wait_for(lambda: not runs(child))


def runs(pid):
    """Whether a process runs. One that has ended and that nobody has waited for yet does not."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_what_is_held_is_what_was_taken_and_not_given_back():
    def line(host, name, held):
        return json.dumps({"host": host, "held": held, "arguments": {"name": name, "n": host}})

    text = "\n".join([line("a", "x", True), line("b", "x", True), line("a", "y", True), line("a", "x", False), line("b", "x", False), line("b", "x", True)])
    assert held_locks.read_held(text) == {"a": [{"name": "y", "n": "a"}], "b": [{"name": "x", "n": "b"}]}
    assert held_locks.read_held("") == {}


def test_the_hosts_are_reached_as_the_run_reached_them():
    given = {"inventory": ("/fleet", "a,"), "remote_user": "ops", "connection": "ssh", "ask_pass": True, "become_ask_pass": True, "subset": "app1",
             "vault_ids": ["x@/y", "prompt", "z@prompt"], "ask_vault_pass": True,
             "extra_vars": ("a=1", "@/vars.yml"), "private_key_file": "/key", "become_method": "sudo"}
    assert held_locks.list_options(given, True) == [
        "-i", "/fleet", "-i", "a,", "--user=ops", "--private-key=/key", "--connection=ssh", "--become-method=sudo", "--vault-id=x@/y",
        "--connection-password-file=-", "-e", "a=1", "-e", "@/vars.yml"]


def test_the_play_that_gives_locks_back_refuses_a_run_by_hand(tmp_path):
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": {"ansible_connection": "local", "ansible_become": False}}}}))
    ran = subprocess.run([sys.executable, "-m", "ansible", "playbook", "-i", tmp_path / "hosts.yml", held_locks.PLAY, "-e", "ansible_become=false"],
                         text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == 2
    assert "run your playbook with -e xitrum_break_lock=true" in " ".join((ran.stdout + ran.stderr).split())
