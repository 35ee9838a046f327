# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/lint/function_names.py finds functions that begin with no verb."""

from __future__ import annotations

import fnmatch
import pathlib

import pytest

from tests.lint import function_names

ROOT = pathlib.Path(__file__).parents[3]
TEXT = """
import pytest


@pytest.fixture(name="some", scope="module")
def other():
    return 1


def test_some():
    pass


class Some:
    @property
    def size(self):
        return 1

    def __len__(self):
        return 1

    def errors(self):
        def _nested_rows():
            return []
        return _nested_rows()

    def _find_errors(self):
        return []
"""


def test_the_functions_of_the_collection_and_of_its_tests_begin_with_verbs():
    assert function_names.find_all(ROOT) == []


def test_a_function_that_begins_with_a_noun_is_found(tmp_path):
    for folder in ("plugins/modules", "tests/docs", "tests/unit"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "some.py").write_text(TEXT, encoding="utf-8")
    found = function_names.find_all(tmp_path)
    assert [error.partition("'")[0] + error.split("'")[1] for error in found] == [
        f"{folder}/some.py:{line}: found the function {name}"
        for folder in ("plugins/modules", "tests/docs") for line, name in ((22, "errors"), (23, "_nested_rows"))]


@pytest.mark.parametrize(("name", "fits"), [
    ("read_state", True), ("_is_ready", True), ("from_plan", True), ("filters", True), ("v2_runner_on_ok", True), ("state", False), ("_ready", False),
])
def test_a_name_begins_with_a_verb_or_is_an_exception(name, fits):
    assert (function_names.check_name(name) == "") is fits


def test_every_word_and_exception_has_a_name():
    words, exceptions = function_names.load_rules()
    names = {name for path in function_names.list_files(ROOT) for _line, name in function_names.list_functions(path.read_text(encoding="utf-8"))}
    assert words - {name.strip("_").partition("_")[0] for name in names} == set()
    assert [pattern for pattern in exceptions if not fnmatch.filter(names, pattern)] == []
    assert all(reason for reason in exceptions.values())
