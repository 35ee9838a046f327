# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link of every Markdown page leads to a file and a heading, and every text that names a page of docs/ names one."""

from __future__ import annotations

import re

import pytest

from tests.docs import links, site

FILES = links.list_tracked_files()
PAGES = [path for path in FILES if path.suffix == ".md"]
#: Texts that may name a page; this file has names of pages that do not exist.
TEXTS = [path for path in FILES if path.suffix in {".py", ".yml", ".j2", ".cfg", ".toml", ".sh", ".html", ""} and path != links.pathlib.Path(__file__)]
#: Tests that name pages which need not exist.
MADE_UP = {"tests/unit/repository/test_changed.py"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(links.ROOT).as_posix())
def test_a_page_has_no_broken_link(page):
    assert links.find_broken_links(page) == []


def test_no_text_names_a_page_that_does_not_exist():
    found = {}
    for path in TEXTS:
        name = path.relative_to(links.ROOT).as_posix()
        if name not in MADE_UP and (broken := links.find_broken_names(path.read_text(encoding="utf-8", errors="replace"))):
            found[name] = broken
    assert found == {}


def test_every_page_of_docs_is_in_the_index():
    index = links.ROOT / "docs/README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in links.find_targets(index.read_text(encoding="utf-8"))}
    pages = {path for path in PAGES if path.is_relative_to(links.ROOT / "docs")} - {index}
    assert sorted(path.relative_to(links.ROOT).as_posix() for path in pages - listed) == []


def test_every_page_of_docs_is_of_one_kind():
    kinds = {path.relative_to(links.ROOT / "docs").parts[0] for path in PAGES if path.is_relative_to(links.ROOT / "docs")}
    assert kinds == {"README.md", "tutorial", "how-to", "reference", "explanation"}


@pytest.mark.parametrize(("text", "expected"), [
    ("# A page\n## What `it` does, and why\n", {"a-page", "what-it-does-and-why"}),
    ("## Same\n## Same\n", {"same", "same-1"}),
    ("## xitrum_max_connections, from here\n", {"xitrum_max_connections-from-here"}),
    ("```sh\n# a comment\n```\n## [Link](x.md)\n", {"link"}),
])
def test_the_anchors_of_headings(text, expected):
    assert links.find_anchors(text) == expected


def test_links_in_code_are_none():
    text = "`[a](b)` and ``[`c`](d)`` and [e](f.md) and [g](https://example.com)\n```\n[h](i)\n```\n"
    assert links.find_targets(text) == ["f.md"]


def test_a_broken_link_is_reported(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Top\n[a](none.md) [b](#top) [c](#bottom) [d](page.md#top) [e](page.md#bottom)\n")
    assert links.find_broken_links(page) == ["none.md: no such file", "#bottom: no such heading", "page.md#bottom: no such heading"]


def test_a_broken_name_is_reported():
    assert links.find_broken_names("See docs/none.md, docs/explanation/security.md and docs/explanation/security.md#none") == [
        "docs/none.md", "docs/explanation/security.md#none"]


def test_the_site_has_every_page_of_docs(tmp_path):
    site.lay_out(tmp_path)
    patterns = re.findall(r"^(?!collection)([\w*/-]+)$", (tmp_path / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {path for pattern in patterns for path in tmp_path.glob(f"{pattern}.md")}
    assert [pattern for pattern in patterns if not list(tmp_path.glob(f"{pattern}.md"))] == []
    assert {tmp_path / page.relative_to(links.ROOT) for page in PAGES if page.is_relative_to(links.ROOT / "docs")} - listed == set()
