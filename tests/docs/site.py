# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay out the sources of the documentation's site: `python -m tests.docs.site FOLDER`, before `tests/run/docs` renders them.

The site has every Markdown page of the repository at its own path, so that links between pages work as they do on GitHub, and the
reference of antsibull-docs in `collection/`. Its index is made here: the pages by their kind.
"""

from __future__ import annotations

import pathlib
import shutil
import sys

from .links import ROOT, list_tracked_files

#: Folders that have pages for nobody who reads the site.
_LEFT_OUT = ("changelogs", "molecule")
_COPIED = (".md", ".svg", ".png", ".json", ".cfg", ".yml")

CONFIGURATION = '''
project = "xitrum.host"
root_doc = "index"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 4
html_theme = "alabaster"
html_theme_options = {"page_width": "1200px", "sidebar_width": "260px", "fixed_sidebar": True, "body_max_width": "none"}
html_static_path = ["_static"]
html_show_sphinx = False
html_copy_source = False
exclude_patterns = ["CHANGELOG.md"]
# Labels of Ansible's own documentation lead nowhere here, nor do links to folders of the repository: a unit test follows those.
suppress_warnings = ["ref.ref", "myst.xref_missing", "toc.not_included"]
'''

#: Tables of variables and messages are wide: their cells begin at the top, and long values wrap.
STYLE = """
table.docutils td { vertical-align: top; padding: 0.2em 0.5em }
table.docutils td p { margin: 0 }
table.docutils code, table.docutils span.pre { white-space: normal; font-size: 0.95em }
table.docutils code { font-size: 0.8em }
table.docutils td:nth-child(n+3) span.pre { overflow-wrap: anywhere }
div.body img { max-width: 100% }
pre { font-size: 0.8em }
"""

_SECTIONS = (
    ("Start", ("README", "docs/README")),
    ("Tutorial", ("docs/tutorial/first-fleet", "docs/tutorial/your-own-hosts")),
    ("How-to guides", ("docs/how-to/*",)),
    ("Reference", ("docs/reference/*",)),
    ("Explanation", ("docs/explanation/*",)),
    ("Roles", ("roles/*/README",)),
    ("Modules and filters, by antsibull-docs", ("collection/index",)),
    ("Development", ("CONTRIBUTING", "SECURITY", "tests/README")),
)


def render_index() -> str:
    """Return the page at the top: a table of contents for each kind, and the front page's first words."""
    parts = ["# xitrum.host\n\nAn Ansible collection for [Xitrum](https://xitrum-framework.github.io/) applications. ",
             "Begin with [your first fleet](docs/tutorial/first-fleet.md), or search on the left.\n"]
    for caption, pages in _SECTIONS:
        names = "\n".join(pages)
        parts.append(f"\n```{{toctree}}\n:caption: {caption}\n:glob:\n:maxdepth: 1\n\n{names}\n```\n")
    return "".join(parts)


def lay_out(folder: pathlib.Path) -> None:
    """Copy the pages, and what they show, into the folder, and write its index and configuration."""
    for path in list_tracked_files():
        name = path.relative_to(ROOT)
        if path.suffix in _COPIED and name.parts[0] not in _LEFT_OUT and (path.suffix == ".md" or name.parts[0] in ("docs", path.name)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)
    (folder / "index.md").write_text(render_index(), encoding="utf-8")
    (folder / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "_static").mkdir(exist_ok=True)
    (folder / "_static/custom.css").write_text(STYLE, encoding="utf-8")


if __name__ == "__main__":
    lay_out(pathlib.Path(sys.argv[1]))
