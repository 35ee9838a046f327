# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bars of medians as SVG, on a logarithmic scale: one panel a case, one group a number of hosts."""

from __future__ import annotations

import math
import statistics
from xml.sax.saxutils import escape

COLOURS = ("#9aa5b1", "#d98e04", "#7b61a8", "#1769aa")
WIDTH, PANEL, LEFT, BAR, LEAST, MOST = 760, 230, 60, 38, 0.1, 100.0


def compute_height(seconds):
    """Pixels of a bar."""
    return (PANEL - 60) * (math.log10(max(seconds, LEAST)) - math.log10(LEAST)) / (math.log10(MOST) - math.log10(LEAST))


def render_panel(case, results, top):
    """The elements of one case. `results` maps a number of hosts to cases, those to ways, and those to seconds."""
    base = top + PANEL - 30
    yield f'<text x="{LEFT}" y="{top + 16}" font-weight="bold">{escape(case)}</text>'
    for line in (0.1, 1, 10, 100):
        y = base - compute_height(line)
        yield f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{line:g} s</text>'
    group = (WIDTH - LEFT - 20) / len(results)
    for place, (count, cases) in enumerate(results.items()):
        x = LEFT + place * group + 20
        yield f'<text x="{x + 2 * BAR:.1f}" y="{base + 18}" text-anchor="middle">{count} host{"s" * (count > 1)}</text>'
        for number, times in enumerate(cases[case].values()):
            middle = statistics.median(times)
            left = x + number * BAR
            height = compute_height(middle)
            yield f'<rect x="{left:.1f}" y="{base - height:.1f}" width="{BAR - 6}" height="{height:.1f}" fill="{COLOURS[number]}"/>'
            yield f'<text x="{left + BAR / 2 - 3:.1f}" y="{base - height - 4:.1f}" text-anchor="middle" font-size="10">{middle:.2f}</text>'


def render_plot(results):
    """The whole picture. The ways have the same order everywhere."""
    first = next(iter(results.values()))
    names = list(next(iter(first.values())))
    parts = [part for number, case in enumerate(first) for part in render_panel(case, results, 40 + number * PANEL)]
    for number, name in enumerate(names):
        parts.append(f'<rect x="{LEFT + number * 165}" y="12" width="12" height="12" fill="{COLOURS[number]}"/>'
                     f'<text x="{LEFT + number * 165 + 18}" y="22">{escape(name)}</text>')
    total = 50 + PANEL * len(first)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif" font-size="12">'
            f'<rect width="{WIDTH}" height="{total}" fill="white"/>{"".join(parts)}</svg>\n')
