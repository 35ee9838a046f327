# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages name only tests that there are: a table that reports what stops an attack is worth what its tests are. Pages for contributors name
only files that there are."""

import re

import pytest
from pygments import lex
from pygments.lexers import get_lexer_by_name
from pygments.token import Token

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


#: Pages for contributors, which name files and functions of this repository.
GUIDES = ["CONTRIBUTING.md", "docs/explanation/architecture.md", "docs/how-to/extend.md"]
#: The folders that a page may leave out of a path.
BASES = ("", "plugins", "plugins/module_utils", "plugins/module_utils/supervisor", "plugins/module_utils/proxy", "playbooks", "tests/unit",
         "molecule/supervisors")
#: A path that is made of a name of the reader's own, is of a host, or is of a role that is not named.
OTHERS = re.compile(r"(?:[A-Z]{4,}|^/|^(?:meta|defaults|vars|tasks)/)")
SUFFIXES = (".py", ".yml", ".md", ".j2", ".toml", ".json", ".cfg", "/")


def named_files(text):
    """The paths that a page names in code, but for those of OTHERS."""
    paths = {word for word in re.findall(r"`([\w./-]+)`", text) if "/" in word and word.endswith(SUFFIXES)}
    return {path for path in paths if not OTHERS.search(path)}


@pytest.mark.parametrize("page", GUIDES)
def test_each_file_that_a_guide_names_is_there(page):
    found = named_files((ROOT / page).read_text(encoding="utf-8"))
    assert found
    assert [path for path in sorted(found) if not any((ROOT / base / path).exists() for base in BASES)] == []


def test_each_test_function_that_a_guide_names_is_there():
    listed = {name for page in GUIDES for name in re.findall(r"`(test_\w+)`", (ROOT / page).read_text(encoding="utf-8"))}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/unit").rglob("test_*.py")]
    defined = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}
    assert len(listed) > 10 and listed - defined == set()


def test_the_files_on_the_way_of_a_variable_have_the_names_that_the_page_states():
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w./]+)` \| `(\w+)` \|", page, re.MULTILINE)
    assert len(rows) > 15
    assert [row for row in rows if not re.search(rf"\b{row[1]}\b", (ROOT / row[0]).read_text(encoding="utf-8"))] == []


#: What a how-to page has below its title: a reader who comes from a search has not read the index.
DEMO_HINT = "`-i INVENTORY` names the inventory of your fleet. With the demo fleet, leave it out.\n"


def test_each_page_with_commands_for_an_inventory_has_the_hint_for_the_demo():
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/how-to").glob("*.md")}
    with_commands = {name for name, text in pages.items() if "ansible-playbook -i INVENTORY" in text or "ansible xitrum -i INVENTORY" in text}
    assert len(with_commands) > 20
    assert {name for name, text in pages.items() if text.split("\n\n")[1] + "\n" == DEMO_HINT} == with_commands


#: Pages and parts of pages that are generated, or made of rows.
GENERATED = {f"docs/reference/{name}.md" for name in ("filters", "modules", "playbooks", "roles", "rules", "variables")}
NOT_PROSE = re.compile(r"^ *```.*?^ *```$|^ *\|.*?$|^#.*?$|^Entry point `.*?$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.relative_to(ROOT).as_posix() not in GENERATED],
                         ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_prose_of_a_page_has_lines_of_at_most_120_characters(page):
    prose = NOT_PROSE.sub("", page.read_text(encoding="utf-8"))
    # A link or a line of code is not broken.
    assert [line for line in prose.splitlines() if len(line) > 120 and " " in re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "X", line.strip("-* "))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_language_of_each_block_fits(page):
    """`make docs` fails on a block that is not in the language that it names."""
    for language, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        wrong = [text for token, text in lex(block, get_lexer_by_name(language)) if token is Token.Error]
        assert wrong == [], f"```{language}\n{block}"
