# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook status.yml and the questions of check.yml, by the real plays on stubbed hosts."""

from __future__ import annotations

import json

import pytest

from ..report.status_fixture import application, down, instance, proxy, server
from ..stubbed_plays import play

BOOK = """
- import_playbook: PLAYBOOKS/{}.yml
"""
READS = [
    ({"module": "host_state_info", "host": "app1"}, application(instance(0), down(1))),
    ({"module": "host_state_info", "host": "app2"}, {"failed": True, "msg": "no sudo {{ 6 * 7 }}\u009b"}),
    ({"module": "host_state_info", "host": "proxy1"}, proxy(server("app1-0"))),
]


def status(folder, **variables):
    return play(folder, BOOK.format("status"), ("app1", "app2"), READS, ("proxy1",), xitrum_instances=2, **variables)


def test_each_host_is_read_once_and_one_that_fails_is_in_the_report(tmp_path):
    run = status(tmp_path)
    assert run.code == 0, run.text
    assert sorted((call["host"], call["action"]) for call in run.calls) == [(host, "host_state_info") for host in ("app1", "app2", "proxy1")]
    assert "DEGRADED: 3 hosts, 1 of 4 instances healthy, release aaa" in run.text
    assert "app2: it could not be read: no sudo {{ 6 * 7 }}\\x9b" in run.text
    assert "app1-1 is down: no process runs, and release aaa is installed" in run.text
    assert "app2 app2-1 unknown - - - unknown - unknown -" in run.text


def test_json_is_printed_as_it_is(tmp_path):
    run = status(tmp_path, status_format="json")
    found, _end = json.JSONDecoder().raw_decode(run.text[run.text.index("{ \"schema_version\""):])
    assert (run.code, found["outcome"], found["schema_version"]) == (0, "degraded", 1)


def test_a_question_gets_its_answer_and_one_that_selects_nothing_a_hint(tmp_path):
    run = status(tmp_path, status_query="instances[?state=='down'].name", status_format="lines")
    assert run.code == 0 and "app1-1" in run.text and "app1-0" not in run.text
    run = status(tmp_path, status_query="instances[].relaese")
    assert run.code == 0 and "status_query selects nothing. There is no field relaese: did you mean release? The document has:" in run.text
    # A program reads the standard output.
    run = status(tmp_path, status_query="instances[].relaese", status_format="lines")
    assert run.code == 0 and run.text.count("status_query selects nothing.") == 1 and "TASK [Print a hint about the query] *** skipping" in " ".join(
        word[:3] if set(word) == {"*"} else word for word in run.text.split())


@pytest.mark.parametrize("book", ["status", "check"])
@pytest.mark.parametrize("variable, value, message", [
    ("query", "instances[", "_query is not a valid JMESPath expression: it is not complete, at its end."),
    ("format", "xml", "_format is 'xml': expected one of table, json, lines"),
])
def test_a_wrong_question_ends_the_run_before_a_host_is_read(tmp_path, book, variable, value, message):
    run = play(tmp_path, BOOK.format(book), ("app1",), READS, **{f"{book}_{variable}": value})
    assert run.code == 2 and f"{book}{message}" in run.text
    assert run.calls == []


def test_a_misspelt_variable_gets_the_nearest_name(tmp_path):
    run = play(tmp_path, BOOK.format("status"), ("app1",), READS, status_formt="json")
    assert run.code == 2 and "did you mean status_format?" in run.text and run.calls == []
