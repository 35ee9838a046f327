# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions in JMESPath: those of the page, and what a wrong one gets."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.report import findings, schemas, status
from ansible_collections.xitrum.host.plugins.plugin_utils import questions

from tests.lib.questions import QUESTIONS, validate

from ..report.status_fixture import troubled

STATUS = status.build_status_document(troubled(), 4600)


def rows():
    """Rows of a read: one with drift, one of each other level."""
    row = {"component": "instance", "item": "instance-0 nofile", "desired": "20000", "configured": "20000", "effective": "20000/20000",
           "status": "ok", "why": "", "fix": "", "commands": []}
    drift = {**row, "component": "kernel", "item": "net.core.somaxconn", "desired": "4096", "effective": "128", "status": "drift", "why": "it was set"}
    return [row, drift, {**row, "item": "x", "component": "kernel", "status": "absent"}]


STATES = {"app1": {"instances": {"rows": rows()}, "machine": {"uid": 0, "rows": []}}}
FOUND = findings.list_findings(STATES, ["app1"])
CHECK = {"schema_version": schemas.VERSION, "outcome": findings.decide_outcome(STATES, FOUND, ["app1"]), "findings": FOUND}

ANSWERS = [
    [["app1-1", "down"], ["app2-1", "unhealthy"]],
    [["aaa", "app2-1"], ["aaa", "app1-0"], ["bbb", "app2-0"]],
    {"instance": "app2-0", "started": "1970-01-01T00:33:20Z"},
    [{"instance": "app1-0", "restarts": 3}],
    ["app1-0", 900 << 20],
    15,
    [{"proxy": "proxy1", "servers": [["app1-1", "DOWN", "L4CON refused"], ["app2-1", "drain", "L7OK 200"]]}],
    ["app1"],
    [{"host": "app1", "item": "net.core.somaxconn", "fix": "ansible-playbook xitrum.host.site --limit app1"}],
    [["app1", "instance-0 nofile", "20000/20000"]],
]


def ask(expression, document=STATUS, schema=schemas.STATUS, variable="status_query"):
    return questions.Question(variable, expression, schema).answer(document)


def test_the_page_has_ten_questions():
    assert len(QUESTIONS) == len(ANSWERS) == 10


@pytest.mark.parametrize("number", range(10))
def test_a_question_of_the_page(number):
    of_check = number >= 7
    expression = QUESTIONS[number][1]
    answer = ask(expression, CHECK if of_check else STATUS, schemas.CHECK if of_check else schemas.STATUS)
    assert answer == ANSWERS[number]
    for way in questions.FORMATS:
        assert questions.render(answer, way)


def test_the_check_is_as_its_schema():
    validate(CHECK, "check")


@pytest.mark.parametrize("expression, reason, position", [
    ("instances[", "it is not complete", 10), ("instances foo", "found 'foo'", 10), ("a #b", "Unknown token #", 2), ("'abc", "Unclosed ' delimiter", 0),
    ("nosuch(@)", "there is no function nosuch()", 0), ("[lenght(hosts)]", "did you mean length?", 1), ("sort_by(hosts)", "takes 2 values, and has 1", 0),
    (" ", "it is not complete", 1), ("a.\n[b", "it is not complete", 5),
])
def test_an_invalid_expression_is_reported_with_its_position(expression, reason, position):
    with pytest.raises(questions.QuestionError) as error:
        ask(expression)
    message, shown, mark = str(error.value).split("\n")
    assert message.startswith("status_query is not a valid JMESPath expression: ") and reason in message
    assert message.endswith(f", at character {position + 1}." if position < len(expression) else ", at its end.")
    assert (shown, mark) == ("  " + expression.replace("\n", " "), "  " + " " * position + "^")


@pytest.mark.parametrize("expression, reason", [
    ("hosts | length(`1`)", "length() takes string or array or object, and gets number, at character 9.\n  hosts | length(`1`)\n          ^"),
    ("sum(instances[].name)", "sum() takes array-number, and gets"), ("hosts[] | join(',', @)", "join() takes array-string, and gets"),
    ("sort_by(hosts, &@)", "sort_by() takes"), ("max_by(@, &name)", "max_by() takes array, and gets object"),
])
def test_an_expression_for_values_of_other_types_is_valid_but_does_not_fit(expression, reason):
    with pytest.raises(questions.QuestionError) as error:
        ask(expression)
    assert str(error.value).startswith(f"status_query does not fit the document: {reason}")


@pytest.mark.parametrize("expression, hint", [
    ("instances[?state=='gone']", "No value of the document meets its conditions."),
    ("instances[].relaese", "There is no field relaese: did you mean release?"),
    ("instance", "There is no field instance: did you mean instances?"), ("instances[].{x: nope}[].x | [?@]", "There is no field nope. The"),
])
def test_an_answer_without_anything_gets_a_hint(expression, hint):
    question = questions.Question("status_query", expression, schemas.STATUS)
    assert questions.is_nothing(question.answer(STATUS))
    assert hint in question.format_hint() and "instances[*].{name, host, index" in question.format_hint()


@pytest.mark.parametrize("answer, nothing", [(None, True), ([], True), ({}, True), ("", True), (0, False), (False, False), ([None], False)])
def test_zero_and_false_are_answers(answer, nothing):
    assert questions.is_nothing(answer) is nothing


def test_without_jmespath_the_error_has_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(questions.QuestionError, match="check_query needs the Python package jmespath.*python3 -m pip install jmespath"):
        questions.Question("check_query", "findings", schemas.CHECK)


@pytest.mark.parametrize("answer, table, lines", [
    ([{"a": 1, "b": "x"}, {"a": None}], ["a  b", "1  x", "-  -"], ["1\tx", "-"]),
    ([["a", 1], ["bb"]], ["a   1", "bb"], ["a\t1", "bb"]), ({"a": 1}, ["field  value", "a      1"], ["1"]), ("x", ["x"], ["x"]), (15, ["15"], ["15"]),
    (["a\nb\t\x1b"], ["a\\nb\\t\\x1b"], ["a\\nb\\t\\x1b"]), ([["a", {"b": [1]}]], ['a  {"b": [1]}'], ['a\t{"b": [1]}']),
])
def test_the_formats_of_an_answer(answer, table, lines):
    assert questions.render(answer, "table").split("\n") == table
    assert questions.render(answer, "lines").split("\n") == lines
    assert json.loads(questions.render(answer, "json")) == answer


def test_a_format_that_is_none():
    assert questions.find_format_error("status_format", "xml") == "status_format is 'xml': expected one of table, json, lines"
    assert not questions.find_format_error("status_format", "json")
