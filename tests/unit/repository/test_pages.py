# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages name only tests that there are: a table that says what stops an attack is worth what its tests are."""

import re

import pytest

from tests.docs.role_variables import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])
TESTS = [path.relative_to(ROOT).as_posix() for folder in ("tests", "molecule") for path in (ROOT / folder).rglob("test_*.py")]


def named_tests(text):
    """The test files that a page names, with as many of their folders as it gives."""
    return set(re.findall(r"(?:[\w.]+/)*test_\w+\.py", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_test_that_a_page_names_is_one_file(page):
    for name in named_tests(page.read_text(encoding="utf-8")):
        found = [path for path in TESTS if path == name or path.endswith(f"/{name}")]
        assert len(found) == 1, f"{page.name} names {name}: found {found or 'none'}, expected one"


def test_the_page_on_security_names_tests():
    assert len(named_tests((ROOT / "docs/explanation/security.md").read_text(encoding="utf-8"))) > 10
