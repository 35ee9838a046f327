# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a check in a real browser, without a screen."""

import html
import html.parser
import json
import re
import subprocess
from dataclasses import dataclass, field

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--virtual-time-budget=3000", "--window-size=1500,900"]
SECONDS = 90


@dataclass
class Row:
    """A row of the table as the browser has it."""

    level: str
    hidden: bool
    cells: list = field(default_factory=list)


class Rows(html.parser.HTMLParser):
    """The rows of the table's body, in the order of the document."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.inside, self.cell = [], False, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "tbody":
            self.inside = True
        elif tag == "tr" and self.inside:
            self.rows.append(Row(values.get("class"), "hidden" in values))
        elif tag == "td" and self.inside:
            self.rows[-1].cells.append("")
            self.cell = True

    def handle_endtag(self, tag):
        if tag == "tbody":
            self.inside = False
        elif tag == "td":
            self.cell = False

    def handle_data(self, data):
        if self.cell:
            self.rows[-1].cells[-1] += data


def browser(page, profile, *options):
    """Opens a page and returns what the browser printed."""
    done = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={profile}", *options, page.as_uri()], capture_output=True, text=True,
                          check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def rows_after(page, folder, scripts):
    """The rows after each of the scripts: they run in the page one after the other, as a person's clicks and keys would."""
    played = folder / "played.html"
    text = page.read_text(encoding="utf-8")
    assert text.count("</body>") == 1
    steps = ["const states = [];", *(f"{{ {script} }} states.push(document.querySelector('tbody').outerHTML);" for script in scripts)]
    shown = "const shown = document.createElement('pre'); shown.id = 'states'; shown.textContent = JSON.stringify(states); document.body.append(shown);"
    played.write_text(text.replace("</body>", f"<script>{' '.join([*steps, shown])}</script></body>"), encoding="utf-8")
    found = re.search(r'<pre id="states">(.*?)</pre>', browser(played, folder / "profile", "--dump-dom"), re.DOTALL)
    return [Rows(state).rows for state in json.loads(html.unescape(found.group(1)))]
