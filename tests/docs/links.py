# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find broken links of this repository: `python -m tests.docs.links` prints them, and fails where there are any.

A link of a Markdown page leads to a file of the repository, and its anchor to a heading of that page. A text that names a
page below docs/ (a comment, a message, a test) names one that exists.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: A link or picture in Markdown: its target without a title.
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
#: A page or picture of docs/ in any text, with its anchor.
_PATHS = re.compile(r"(?<![\w./-])(docs/[\w./-]+\.(?:md|svg|png|json))(#[\w-]+)?")


def list_tracked_files(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Return the files of the repository that git tracks or would track, and that exist."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [root / name for name in sorted(set(filter(None, names.split("\0")))) if (root / name).is_file()]


def find_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    found: set[str] = set()
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


@functools.cache
def _read_anchors(page: pathlib.Path) -> set[str]:
    return find_anchors(page.read_text(encoding="utf-8"))


def find_targets(text: str) -> list[str]:
    """Return the targets of a page's links that lead to files, or to headings of the page itself."""
    prose = _CODE.sub("", _FENCE.sub("", text))
    return [target for target in _LINK.findall(prose) if not _ELSEWHERE.match(target)]


def find_broken_links(page: pathlib.Path) -> list[str]:
    """Return the links of a Markdown page that lead nowhere, each with its reason."""
    broken = []
    for target in find_targets(page.read_text(encoding="utf-8")):
        path, _hash, anchor = target.partition("#")
        there = pathlib.Path(os.path.normpath(page.parent / path)) if path else page
        if not there.exists():
            broken.append(f"{target}: no such file")
        elif anchor and (there.suffix != ".md" or anchor not in _read_anchors(there)):
            broken.append(f"{target}: no such heading")
    return broken


def find_broken_names(text: str, root: pathlib.Path = ROOT) -> list[str]:
    """Return the pages below docs/ that a text names and that do not exist, or whose anchor does not."""
    broken = []
    for path, anchor in _PATHS.findall(text):
        page = root / path
        if not page.exists() or (anchor and anchor[1:] not in _read_anchors(page)):
            broken.append(path + anchor)
    return broken


if __name__ == "__main__":
    errors = [f"{page.relative_to(ROOT)}: {error}" for page in list_tracked_files() if page.suffix == ".md" for error in find_broken_links(page)]
    print("\n".join(errors) or "All links are good.")
    raise SystemExit(bool(errors))
