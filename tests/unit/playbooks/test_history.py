# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook history.yml, by the real plays on stubbed hosts."""

from __future__ import annotations

import json

import pytest

from ..report.test_history import entry, read
from ..stubbed_plays import play

BOOK = """
- import_playbook: PLAYBOOKS/history.yml
"""
READS = [
    ({"module": "host_state_info", "host": "app1"}, read(entry(10), entry(30, "stopped", run="bbbbbbbbbbbb", playbook="deploy"))),
    ({"module": "host_state_info", "host": "app2"}, {"failed": True, "msg": "no sudo {{ 6 * 7 }}\u009b"}),
]


def show(folder, **variables):
    return play(folder, BOOK, ("app1", "app2"), READS, ("proxy1",), **variables)


def test_each_application_host_is_read_once_and_one_that_fails_is_reported(tmp_path):
    run = show(tmp_path)
    assert run.code == 0, run.text
    assert sorted((call["host"], call["action"]) for call in run.calls) == [("app1", "host_state_info"), ("app2", "host_state_info")]
    assert "2026-11-30T10:00:30Z ann@desk deploy r1 r2 1 min stopped app1" in run.text
    assert "app2: it could not be read: no sudo {{ 6 * 7 }}\\x9b" in run.text


def test_json_is_printed_as_it_is(tmp_path):
    run = show(tmp_path, history_format="json", history_runs=1)
    found, _end = json.JSONDecoder().raw_decode(run.text[run.text.index("{ \"schema_version\""):])
    assert (run.code, found["outcome"], [one["run"] for one in found["runs"]]) == (0, "partial", ["bbbbbbbbbbbb"])


def test_a_question_gets_its_answer_and_one_that_selects_nothing_a_hint(tmp_path):
    run = show(tmp_path, history_query="runs[?outcome=='stopped'].run", history_format="lines")
    assert run.code == 0 and "bbbbbbbbbbbb" in run.text and "aaaaaaaaaaaa" not in run.text
    run = show(tmp_path, history_query="runs[].plybook")
    assert run.code == 0 and "There is no field plybook: did you mean playbook? The document has:" in run.text


@pytest.mark.parametrize(("variable", "value", "message"), [
    ("history_query", "runs[", "history_query is not a valid JMESPath expression: it is not complete, at its end."),
    ("history_format", "xml", "history_format is 'xml': expected one of table, json, lines"),
    ("history_runs", "many", "history_runs is 'many': expected a whole number from 1 to 1000"),
    ("history_run", 5, "did you mean history_runs?"),
])
def test_a_wrong_value_ends_the_run_before_a_host_is_read(tmp_path, variable, value, message):
    run = show(tmp_path, **{variable: value})
    assert run.code == 2 and message in run.text and run.calls == []
