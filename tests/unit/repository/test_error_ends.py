# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/lint/error_ends.py finds error messages below plugins/ that end with a full stop."""

from __future__ import annotations

import pathlib

import pytest

from tests.lint import error_ends

ROOT = pathlib.Path(__file__).parents[3]


def test_no_error_message_of_the_collection_ends_with_a_full_stop():
    assert error_ends.find_all(ROOT) == []


def test_a_message_with_a_full_stop_is_found_with_its_line(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/some.py").write_text('raise ValueError(\n    f"{name} is not a number: "\n    "write digits."\n)\n', encoding="utf-8")
    assert error_ends.find_all(tmp_path) == [
        "plugins/some.py:3: found a full stop after 'number: write digits' at the end of an error message; expected none"]


@pytest.mark.parametrize("source", [
    'raise FolderError("the folder is lost.")',
    'errors.append(f"{name} has no value.")',
    'found = [BlockingError(f"the port is {port}.", rule="host.port") for port in ports]',
    'yield Error("host.port", "the port is held.")',
    'module.fail_json(msg=f"{name} cannot be read.")',
    'result = {"failed": True, "msg": "the port is held by it."}',
    'raise RuntimeError("the port is held. Stop that program." if port else "nothing")',
    'raise RuntimeError("the port is held. " + ("Stop that program." if port else ""))',
    'def find_port_errors():\n    yield f"{port} is not a port."',
    'def find_errors():\n    text = "the port is held."\n    return [text]',
    'def verify():\n    return wrong and f"the host has {wrong} and more."',
    'DAMAGED = "the file is damaged."',
    'reason = f"it has {count} of them."',
    'LOCK = Format("the lock", 1, "Run the playbook again.")',
])
def test_a_full_stop_is_found_at_the_end_of(source):
    assert len(error_ends.find_texts(source)) == 1


@pytest.mark.parametrize("source", [
    'raise ValueError("the port is held. Stop that program")',
    'raise ValueError("the port is held by " + ", ".join(names))',
    'raise ValueError(f"{name} is a path without ..")',
    'raise ValueError("it goes on and on ...")',
    'raise ValueError("the port is held. " + reason)',
    'raise ValueError("No. 5.")',
    'notes.append("The port is held by a program.")',
    'def find_notes():\n    return ["The port is held by a program."]',
    'def find_port_errors():\n    """The ports that are held by something."""\n    return []',
    'result = {"changed": True, "msg": "The port is free again."}',
])
def test_none_is_found_in(source):
    assert error_ends.find_texts(source) == []
