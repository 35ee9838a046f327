# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal as SVG: `python -m tests.docs.picture COMMAND < WHAT_IT_PRINTED > PICTURE`."""

import re
import sys
from xml.sax.saxutils import escape

CHARACTER, LINE, MARGIN, MOST = 7.2, 17, 18, 150
#: What a line begins with or holds, and its colour: the first that fits.
COLOURS = [(r"^\$ ", "#7ee787"), (r"DRIFT|RESTART PENDING|^fatal", "#ff7b72"), (r"^(PLAY|TASK)", "#79c0ff"), (r"^changed", "#e3b341")]


def choose_colour(line):
    """The colour of a line."""
    return next((found for pattern, found in COLOURS if re.search(pattern, line)), "#e6edf3")


def render_picture(command, text):
    """The SVG of a command and what it printed. Lines that are too long are cut."""
    lines = [f"$ {command}", *text.rstrip().splitlines()]
    lines = [line if len(line) <= MOST else line[:MOST - 1] + "…" for line in lines]
    width, height = 2 * MARGIN + CHARACTER * max(map(len, lines)), 2 * MARGIN + LINE * len(lines)
    rows = "".join(f'<text x="{MARGIN}" y="{MARGIN + LINE * number + 12}" fill="{choose_colour(line)}" xml:space="preserve">{escape(line)}</text>'
                   for number, line in enumerate(lines) if line.strip())
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
            f'font-size="12"><rect width="100%" height="100%" rx="8" fill="#0d1117"/>{rows}</svg>\n')


if __name__ == "__main__":
    sys.stdout.write(render_picture(sys.argv[1], sys.stdin.read()))
