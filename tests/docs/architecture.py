# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw docs/images/architecture.svg from the imports of plugins/: `python -m tests.docs.architecture`.

A package of module_utils is a box, and so is a kind of plugins. A box stands one layer above the highest of what it
imports, so every arrow points down. An arrow is drawn only where no longer way of arrows reports the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
PICTURE = ROOT / "docs/images/architecture.svg"
SHARED = "module_utils"
_COLLECTION = "ansible_collections.xitrum.host.plugins"

#: Kinds of plugins that Ansible loads, which nothing imports; they stand on top.
ENTRIES = ("action", "callback", "filter", "lookup", "modules")
#: What a box is for, in the picture's few words.
PURPOSES = {
    "action": "need the controller",
    "callback": "progress on the screen",
    "filter": "for playbooks and roles",
    "lookup": "for playbooks and roles",
    "modules": "one batch on a host",
    "plugin_utils": "shared on the controller",
    "application": "releases, instances, rollout",
    "configuration": "HOCON, environment, Logback",
    "core": "host, files, processes, sockets, plans, records",
    "desired": "desired state from variables",
    "firewall": "firewalld, ufw, reach",
    "host_state": "all reads of a host at once",
    "jdk": "packages, archives, switch",
    "kernel": "parameters of the kernel",
    "limits": "open files, capacity plan",
    "load": "load test",
    "logs": "lines of log files",
    "package": "the application's archive",
    "platforms": "Heroku, OpenShift",
    "preflight": "errors before any change",
    "proxy": "HAProxy, Nginx, Apache",
    "redirects": "80 and 443 without root",
    "removal": "uninstall, restore",
    "report": "findings of a check",
    "source_tree": "sbt projects and their files",
    "supervisor": "systemd, runit, and others",
}


# What imports what

def list_boxes(plugins: Path = PLUGINS) -> dict[str, list[Path]]:
    """The Python files of each box: packages of module_utils by their name, kinds of plugins by their folder's."""
    found: dict[str, list[Path]] = {}
    for file in sorted(plugins.rglob("*.py")):
        name = _find_box(file.relative_to(plugins).parts)
        if name:
            found.setdefault(name, []).append(file)
    return found


def find_imports(plugins: Path = PLUGINS) -> dict[str, set[str]]:
    """For each box the other boxes that its files import."""
    found = list_boxes(plugins)
    return {
        name: {_find_box(parts) for file in files for parts in list_imported(file, plugins)} & set(found) - {name}
        for name, files in found.items()
    }


def find_circle(edges: dict[str, set[str]]) -> list[str]:
    """Boxes that import each other in a circle, the first one again at the end; empty where there is none."""
    done: set[str] = set()

    def search_from(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name):], name]
        if name not in done:
            for other in sorted(edges[name]):
                if found := search_from(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := search_from(name, []))), [])


def compute_layers(edges: dict[str, set[str]]) -> dict[str, int]:
    """The layer of each box, 0 for what imports nothing. What Ansible loads is on the top layer, whatever it imports."""
    found: dict[str, int] = {}

    def compute_layer(name: str) -> int:
        if name not in found:
            found[name] = 1 + max((compute_layer(other) for other in edges[name]), default=-1)
        return found[name]

    top = max(compute_layer(name) for name in edges)
    inner = max(found[name] for name in edges if name not in ENTRIES)
    # What plugins share on the controller is above all that modules use too.
    if "plugin_utils" in found:
        found["plugin_utils"] = inner = 1 + max(found[name] for name in edges if name not in (*ENTRIES, "plugin_utils"))
    return found | {name: max(top, inner + 1) for name in edges if name in ENTRIES}


def find_arrows(edges: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no longer way of imports implies."""
    reached = {name: _find_reachable(name, edges) for name in edges}
    return sorted(
        (name, other) for name in edges for other in edges[name]
        if not any(other in reached[between] for between in edges[name] - {other})
    )


def _find_reachable(name: str, edges: dict[str, set[str]]) -> set[str]:
    return edges[name].union(*(_find_reachable(other, edges) for other in edges[name]))


def _find_box(parts: tuple[str, ...]) -> str:
    """The box of a path below plugins/; empty for what belongs to none: an empty `__init__.py` at the top, a documentation fragment."""
    if parts[0] == SHARED:
        return parts[1] if len(parts) > 2 else ""
    return parts[0] if parts[0] in PURPOSES and len(parts) > 1 else ""


def list_imported(file: Path, plugins: Path) -> Iterator[tuple[str, ...]]:
    """Paths below plugins/ of what a file imports, of each with a last part that may be a module or a name in one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                folder = file.relative_to(plugins).parts[:-node.level]
                base = ".".join((_COLLECTION, *folder, *([base] if base else [])))
            modules = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            if module.startswith(_COLLECTION + "."):
                # A file to end with, as below plugins/: the part is a module, a package, or a name.
                yield (*module.removeprefix(_COLLECTION + ".").split("."), "")


# Where it is drawn

_BOX_HEIGHT, _LAYER_HEIGHT, _GAP, _MARGIN, _LANE = 44, 90, 22, 24, 12
_NAME_WIDTH, _PURPOSE_WIDTH, _PADDING = 8.6, 5.9, 14
_SWEEPS = 40

#: A box by its name, or the place where an arrow passes a layer.
_Item = str | tuple[str, str, int]


def _compute_width(item: _Item) -> float:
    if not isinstance(item, str):
        return _LANE
    return 2 * _PADDING + max(_NAME_WIDTH * len(item), _PURPOSE_WIDTH * len(PURPOSES.get(item, "")))


def _list_ways(edges: dict[str, set[str]], layer: dict[str, int]) -> list[list[_Item]]:
    """Each arrow as what it passes, from the importer to the imported."""
    return [
        [name, *((name, other, level) for level in range(layer[name] - 1, layer[other], -1)), other]
        for name, other in find_arrows(edges)
    ]


def _sort_rows(layer: dict[str, int], ways: list[list[_Item]]) -> list[list[_Item]]:
    """The items of each layer from the left to the right, ordered so that few arrows cross."""
    rows: list[list[_Item]] = [[] for _layer in range(max(layer.values()) + 1)]
    for name in sorted(layer):
        rows[layer[name]].append(name)
    for way in ways:
        for item in way[1:-1]:
            rows[item[2]].append(item)
    pairs = [pair for way in ways for pair in zip(way, way[1:], strict=False)]
    best, fewest = [list(row) for row in rows], _count_crossings(rows, pairs)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for level in range(len(rows) - 2, -1, -1) if down else range(1, len(rows)):
            neighbors = {item: number for number, item in enumerate(rows[level + (1 if down else -1)])}
            at = {item: number for number, item in enumerate(rows[level])}

            def compute_middle(item: _Item, neighbors: dict[_Item, int] = neighbors, at: dict[_Item, int] = at) -> float:
                near = [neighbors[one if other == item else other] for one, other in pairs
                        if item in (one, other) and (one if other == item else other) in neighbors]
                return sum(near) / len(near) if near else at[item]

            rows[level].sort(key=compute_middle)
        crossings = _count_crossings(rows, pairs)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _count_crossings(rows: list[list[_Item]], pairs: list[tuple[_Item, _Item]]) -> int:
    at = {item: number for row in rows for number, item in enumerate(row)}
    level = {item: number for number, row in enumerate(rows) for item in row}
    found = 0
    for index, (upper, lower) in enumerate(pairs):
        for upper2, lower2 in pairs[index + 1:]:
            if level[upper] == level[upper2]:
                found += (at[upper] - at[upper2]) * (at[lower] - at[lower2]) < 0
    return found


def _place_items(rows: list[list[_Item]], ways: list[list[_Item]]) -> dict[_Item, float]:
    """The middle of each item, in pixels: near the middle of what it has arrows with, and nothing over anything else."""
    near: dict[_Item, list[_Item]] = {}
    for way in ways:
        for one, other in zip(way, way[1:], strict=False):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    widest = max(sum(map(_compute_width, row)) + _GAP * (len(row) - 1) for row in rows)
    place: dict[_Item, float] = {}
    for row in rows:
        left = (widest - sum(map(_compute_width, row)) - _GAP * (len(row) - 1)) / 2
        for item in row:
            place[item] = left + _compute_width(item) / 2
            left += _compute_width(item) + _GAP
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            desired = [sum(place[other] for other in near.get(item, [item])) / len(near.get(item, [item])) for item in row]
            for item, middle in zip(row, _keep_apart(row, desired, widest), strict=True):
                place[item] = middle
    return place


def _keep_apart(row: list[_Item], desired: list[float], widest: float) -> list[float]:
    """Middles as near to the desired ones as their order and widths allow, within the picture."""
    ahead: list[float] = []
    for item, middle in zip(row, desired, strict=True):
        least = ahead[-1] + _compute_width(row[len(ahead) - 1]) / 2 + _GAP + _compute_width(item) / 2 if ahead else _compute_width(item) / 2
        ahead.append(max(middle, least))
    back: list[float] = []
    for item, middle in zip(reversed(row), reversed(desired), strict=True):
        number = len(row) - len(back)
        most = back[-1] - _compute_width(row[number]) / 2 - _GAP - _compute_width(item) / 2 if back else widest - _compute_width(item) / 2
        back.append(min(middle, most))
    both = [(one + other) / 2 for one, other in zip(ahead, reversed(back), strict=True)]
    # Between the two is room for both orders; the edges of the picture are kept from the left, then from the right.
    for number, item in enumerate(row):
        least = both[number - 1] + _compute_width(row[number - 1]) / 2 + _GAP + _compute_width(item) / 2 if number else _compute_width(item) / 2
        both[number] = max(both[number], least)
    for number in range(len(row) - 1, -1, -1):
        half = _compute_width(row[number]) / 2
        most = both[number + 1] - _compute_width(row[number + 1]) / 2 - _GAP - half if number + 1 < len(row) else widest - half
        both[number] = min(both[number], most)
    return both


# The picture

# Its own ground: it is readable on a page of either kind, whatever decides there which kind it is.
_STYLE = """
.ground { fill: #ffffff } .layer { fill: #f3f5f8 }
.box { fill: #ddeeff; stroke: #4a7fb5 } .entry { fill: #e4f5e4; stroke: #4b8f4b } .base { fill: #fff1d6; stroke: #b58a3a }
.name { fill: #1f2328; font-weight: 600; font-size: 14px } .purpose { fill: #424a53; font-size: 11px }
.arrow { fill: none; stroke: #6e7781; stroke-width: 1.3 } .head { fill: #6e7781 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } .layer { fill: #161b22 }
.box { fill: #12304d; stroke: #5b9bd8 } .entry { fill: #15361c; stroke: #58a65c } .base { fill: #40300f; stroke: #c9973b }
.name { fill: #f0f6fc } .purpose { fill: #c9d1d9 }
.arrow { stroke: #8b949e } .head { fill: #8b949e }
}
"""


def render_picture(plugins: Path = PLUGINS) -> str:
    """The SVG of the architecture."""
    edges = find_imports(plugins)
    if found := find_circle(edges):
        raise SystemExit(f"packages import each other in a circle: {' -> '.join(found)}")
    layer, files = compute_layers(edges), list_boxes(plugins)
    ways = _list_ways(edges, layer)
    rows = _sort_rows(layer, ways)
    place = _place_items(rows, ways)
    width = max(place[item] + _compute_width(item) / 2 for row in rows for item in row) + 2 * _MARGIN
    height = _LAYER_HEIGHT * (len(rows) - 1) + _BOX_HEIGHT + 2 * _MARGIN

    def compute_top(level: int) -> float:
        return _MARGIN + _LAYER_HEIGHT * (len(rows) - 1 - level)

    parts = [f'<rect class="ground" width="{width:.0f}" height="{height}" rx="8"/>']
    for level in range(len(rows)):
        parts.append(
            f'<rect class="layer" x="8" y="{compute_top(level) - 9}" width="{width - 16:.0f}" height="{_BOX_HEIGHT + 18}" rx="6"/>'
        )
    for way in ways:
        parts.append(_render_arrow([(_MARGIN + place[item], compute_top(_find_level(item, layer))) for item in way]))
    for name in sorted(layer):
        x, y, kind = _MARGIN + place[name], compute_top(layer[name]), _find_kind(name)
        imported = ", ".join(sorted(edges[name])) or "nothing of the collection"
        parts.append(
            f'<g data-name="{name}" data-layer="{layer[name]}"><title>{escape(f"{name}: {len(files[name])} files; imports {imported}")}</title>'
            f'<rect class="{kind}" x="{x - _compute_width(name) / 2:.1f}" y="{y}" width="{_compute_width(name):.1f}" height="{_BOX_HEIGHT}" rx="6"/>'
            f'<text class="name" x="{x:.1f}" y="{y + 20}">{name}</text>'
            f'<text class="purpose" x="{x:.1f}" y="{y + 36}">{escape(PURPOSES.get(name, ""))}</text></g>'
        )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" text-anchor="middle" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif">\n'
        "<title>Packages of the collection: an arrow points from what imports to what it imports</title>\n"
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0.5 L8 4 L0 7.5 z"/></marker></defs>\n'
        f"{body}\n</svg>\n"
    )


def _find_level(item: _Item, layer: dict[str, int]) -> int:
    return layer[item] if isinstance(item, str) else item[2]


def _find_kind(name: str) -> str:
    if name in (*ENTRIES, "plugin_utils"):
        return "entry"
    return "base" if name == "core" else "box"


def _render_arrow(points: list[tuple[float, float]]) -> str:
    """A curve from the bottom of the first place to the top of the last one, straight through the layers between them."""
    x, y = points[0][0], points[0][1] + _BOX_HEIGHT
    path = [f"M{x:.1f} {y:.0f}"]
    for number, (next_x, next_y) in enumerate(points[1:], start=2):
        bend = (next_y - y) / 2
        path.append(f"C{x:.1f} {y + bend:.0f} {next_x:.1f} {next_y - bend:.0f} {next_x:.1f} {next_y:.0f}")
        x, y = next_x, next_y
        if number < len(points):
            y += _BOX_HEIGHT
            path.append(f"L{x:.1f} {y:.0f}")
    return f'<path class="arrow" marker-end="url(#head)" d="{" ".join(path)}"/>'


if __name__ == "__main__":
    PICTURE.write_text(render_picture(), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
