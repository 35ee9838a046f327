# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook logs.yml, by the real plays on stubbed hosts."""

from __future__ import annotations

import pytest

from ..stubbed_plays import play

BOOK = "- import_playbook: PLAYBOOKS/logs.yml\n"
KEY = "0123456789abcdef"


def report(*entries, notes=()):
    return {"logs": {"entries": list(entries), "positions": {}, "notes": list(notes), "more": False, "read_from": ["/var/log/app/N/*.log", "the journal"]}}


READS = [
    ({"module": "host_state_info", "host": "app1"}, report([10.0, 0, "log", "one"], [30.0, 1, "output", f"three {KEY}\n\tat a.B"], notes=["careful"])),
    ({"module": "host_state_info", "host": "app2"}, report([20.0, 0, "log", "two\x1b[2J"])),
]
LOST = [READS[0], ({"module": "host_state_info", "host": "app2"}, {"failed": True, "msg": "no sudo {{ 6 * 7 }}\u009b"})]


def logs(folder, reads=None, options=(), **variables):
    given = {f"logs_{name}": value for name, value in variables.items()}
    return play(folder, BOOK, ("app1", "app2"), READS if reads is None else reads, ("proxy1",), xitrum_instances=2, options=options, **given)


def test_lines_of_all_hosts_are_merged_with_the_instance_in_front(tmp_path):
    run = logs(tmp_path)
    assert run.code == 0, run.text
    assert "[app1, app2: /var/log/app/N/*.log, the journal] app1-0 | one app2-0 | two\\x1b[2J app1-1 | three ******** app1-1 | at a.B" in run.text
    assert "[app1: careful] [no lines of app2-1]" in run.text and KEY not in run.text
    assert sorted((call["host"], call["action"]) for call in run.calls) == [("app1", "host_state_info"), ("app2", "host_state_info")]
    options = run.calls[0]["args"]["logs"]
    assert {name: options[name] for name in ("instances", "lines", "since", "grep", "follow")} == {
        "instances": [0, 1], "lines": 100, "since": 0.0, "grep": "", "follow": False}
    assert "positions" not in options


def test_check_mode_does_the_same(tmp_path):
    run = logs(tmp_path, options=["--check"])
    assert run.code == 0 and "app1-0 | one" in run.text


def test_a_host_that_cannot_be_read_fails_after_the_lines_of_the_others(tmp_path):
    run = logs(tmp_path, LOST)
    assert run.code == 2 and "app1-0 | one" in run.text
    assert "app2: it could not be read: no sudo {{ 6 * 7 }}\\x9b" in run.text


def test_only_hosts_with_a_chosen_instance_are_read(tmp_path):
    run = logs(tmp_path, instances="app1-1")
    assert run.code == 0, run.text
    assert [(call["host"], call["args"]["logs"]["instances"]) for call in run.calls] == [("app1", [1])]


def test_lines_are_saved_and_files_are_not_overwritten(tmp_path):
    run = logs(tmp_path, save=str(tmp_path / "incident"))
    assert run.code == 0, run.text
    assert sorted(path.name for path in (tmp_path / "incident").iterdir()) == ["app1-0.log", "app1-1.output.log", "app2-0.log"]
    assert (tmp_path / "incident/app1-1.output.log").read_text(encoding="utf-8") == "three ********\n\tat a.B\n"
    run = logs(tmp_path, save=str(tmp_path / "incident"))
    assert run.code == 2 and "files are not overwritten" in run.text and run.calls == []


@pytest.mark.parametrize("variables, message", [
    ({"follow": "true"}, "logs_follow is true, and ansible-playbook was started without a terminal"),
    ({"grep": "a(b"}, "logs_grep is not a valid regular expression: missing ), unterminated subpattern, at character 2."),
    ({"since": "soon"}, "logs_since is 'soon': expected an age"),
    ({"lines": 0}, "logs_lines is 0: expected a whole number from 1 to 10000"),
    ({"instances": ["app1-9"]}, "not an instance of this inventory. Did you mean app1-1? The instances are app1-0, app1-1, app2-0, app2-1"),
    ({"line": 5}, "did you mean logs_lines?"),
])
def test_wrong_variables_end_the_run_before_a_host_is_read(tmp_path, variables, message):
    run = logs(tmp_path, **variables)
    assert run.code == 2 and message in run.text
    assert run.calls == []


def test_all_wrong_variables_are_reported_at_once(tmp_path):
    run = logs(tmp_path, lines=0, since="soon", grep="(")
    assert all(f"logs_{name} is" in run.text for name in ("lines", "since", "grep"))


def test_an_instance_that_the_limit_leaves_out_is_refused(tmp_path):
    run = logs(tmp_path, options=["--limit", "app1,localhost"], instances="app2-0")
    assert run.code == 2 and "logs_instances contains app2-0, and --limit leaves out app2" in run.text and run.calls == []
