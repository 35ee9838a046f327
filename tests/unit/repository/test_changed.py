# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unit tests `make quick` chooses for what changed."""

from __future__ import annotations

import pytest

from tests.lib import changed


@pytest.mark.parametrize(("path", "text", "tests"), [
    ("plugins/module_utils/jdk/archive.py", "", {"jdk"}),
    ("plugins/module_utils/supervisor/kinds/systemd.py", "", {"supervisor"}),
    ("plugins/module_utils/core/host.py", "", set(changed.SMOKE)),
    ("plugins/modules/instances.py", "from ..module_utils.application import instances\nfrom ..module_utils.core import fence\n",
     {"modules", "application", "core", "repository"}),
    ("plugins/plugin_utils/held_locks.py", "", {"plugin_utils", "repository"}),
    ("roles/jdk/tasks/main.yml", "", {"roles", "playbooks", "repository"}),
    ("docs/reference/changes.md", "", {"repository", "roles"}),
    ("tests/unit/jdk/test_jvm.py", "", {"jdk/test_jvm.py"}),
    ("tests/fleet/spec.py", "", {"fleet"}),
    ("LICENSE", "", set()),
])
def test_the_tests_of_a_file(path, text, tests):
    assert set(changed.find_tests(path, text)) == tests


def test_what_tests_share_is_tested_by_those_that_import_it():
    found = changed.find_tests("tests/unit/stubbed_plays.py", "")
    assert "playbooks/test_batch.py" in found and "jdk/test_jvm.py" not in found


def test_what_is_named_exists():
    for name in (*changed.SMOKE, *(name for _pattern, names in changed.OTHERS for name in names)):
        assert (changed.ROOT / changed.UNIT / name).exists(), name


def test_every_package_has_tests_of_its_name():
    packages = [path.name for path in (changed.ROOT / "plugins/module_utils").iterdir() if (path / "__init__.py").exists()]
    assert len(packages) > 15
    assert [name for name in packages if not (changed.ROOT / changed.UNIT / name).is_dir()] == []


def test_a_selection_has_no_test_twice(monkeypatch):
    monkeypatch.setattr(changed, "list_changed_files", lambda: ["plugins/module_utils/jdk/jvm.py", "tests/unit/jdk/test_jvm.py", "docs/x.md", "docs/y.md"])
    assert changed.choose_tests() == ["tests/unit/jdk", "tests/unit/repository", "tests/unit/roles"]
