# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of `make lint` on the style of pages, messages and descriptions: what it takes for prose, and what it finds there."""

from __future__ import annotations

import subprocess

import pytest

from tests.lint import prose

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty " \
       "and six words more than that"


def errors(tmp_path, name, text):
    """The checks that find something in a file, with the lines."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [(line, check) for _path, line, check, _message in prose.find_errors(tmp_path)]


@pytest.mark.parametrize(("name", "text", "found"), [
    ("README.md", f"# Title\n\nA word.\n{LONG}.\n", [(4, "length")]),
    ("README.md", f"# Title\n\n```text\n{LONG}\n```\n\n| {LONG} |\n", []),
    ("README.md", "A word. Another one is written by the module.\n", [(1, "passive")]),
    ("README.md", "The value is set by default, and by hand.\n", []),
    ("README.md", "It lasts for ever.\n", [(1, "archaism")]),
    ("README.md", "It is is wrong.\n", [(1, "lexical_illusions")]),
    ("README.md", "Set rollback_to to a release. It is `a` `a`.\n", []),
    ("CHANGELOG.md", f"{LONG}.\n", []),
    ("plugins/module_utils/a.py", f"a = 1\nfail(f'{{a}} A word. {LONG}')\n", [(2, "length")]),
    ("plugins/module_utils/a.py", f'"""{LONG} {LONG}."""\n', []),
    ("plugins/modules/a.py", f"RETURN = '''\ndescription:\n  - It is written by the module.\n  - {LONG} {LONG}.\n'''\n", [(3, "passive"), (4, "length")]),
    ("plugins/module_utils/a.py", 'def a():\n    """Return C(b), see L(c)."""\n', [(2, "mark"), (2, "mark")]),
    ("plugins/module_utils/a.py", 'def a():\n    """Return `b` of Host()."""\n', []),
    ("plugins/modules/a.py", "fail('wait for ever for the host')\n", [(1, "archaism")]),
    ("roles/a/tasks/main.yml", "- name: A\n  fail:\n    msg: It lasts for ever.\n", [(3, "archaism")]),
    ("roles/a/meta/argument_specs.yml", "a:\n  description: [It lasts for ever.]\n", [(2, "archaism")]),
])
def test_what_is_found(tmp_path, name, text, found):
    assert sorted(errors(tmp_path, name, text)) == found


def test_a_finding_has_its_file_and_line(tmp_path):
    errors(tmp_path, "README.md", "\nIt lasts for ever.\n")
    assert prose.find_all(tmp_path) == ["README.md:2: 'for ever' is archaic."]
