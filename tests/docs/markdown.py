# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What generated pages share: Ansible's markup as Markdown, values as code, tables, and lines between markers."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def convert_markup(text: str) -> str:
    """Return a sentence with Ansible's markup as Markdown, for a cell of a table."""
    text = re.sub(r"\bRV\(([^()]*)\)", r"`\1`", text)
    text = re.sub(r"\b[COVE]\(([^()]*(?:\([^()]*\)[^()]*)*)\)", r"`\1`", text)
    text = re.sub(r"\bP\(([^()#]*)#\w+\)", r"`\1`", text)
    text = re.sub(r"\b[MU]\(([^()]*)\)", r"`\1`", text)
    text = re.sub(r"\bL\(([^(),]*), *([^()]*)\)", r"[\1](\2)", text)
    return text.replace("|", "\\|")


def convert_description(description: str | Sequence[str] | None) -> str:
    """Return a description of Ansible, a text or a list of texts, as one text in Markdown."""
    parts = [description] if isinstance(description, str) else description or []
    return convert_markup(" ".join(" ".join(part.split()) for part in parts))


def describe_type(option: Mapping[str, Any]) -> str:
    """Return the type of an option, with that of its elements."""
    return option.get("type", "str") + (f" of {option['elements']}" if "elements" in option else "")


def describe_choices(option: Mapping[str, Any]) -> str:
    """Return the sentence on an option's choices; empty where it has none."""
    return " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "." if option.get("choices") else ""


def format_default(default: Any) -> str:
    """Return a default as the tables have it: YAML in one line."""
    if default is None:
        return ""
    return f"`{yaml.safe_dump(default, default_flow_style=True).splitlines()[0]}`".replace("|", "\\|")


def format_value(value: Any) -> str:
    """Return a value as YAML that fits in one line of a table, for a reader to copy."""
    if isinstance(value, str):
        text = yaml.safe_dump(value, width=10_000).splitlines()[0]
    else:
        text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).splitlines()[0]
    return f"`{text}`".replace("|", "\\|")


def walk_options(options: Mapping[str, Any], prefix: str = "", key: str = "options") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each option with its name, those of nested options after their parent as `PARENT.NAME`."""
    for name, option in options.items():
        yield prefix + name, option
        yield from walk_options(option.get(key) or {}, f"{prefix}{name}.", key)


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def load_yaml(name: str) -> Any:
    """Return the contents of a data file next to this one."""
    return yaml.safe_load((pathlib.Path(__file__).parent / name).read_text(encoding="utf-8"))


def describe_source(source: str) -> str:
    """Return the sentence with which a generated page begins."""
    return f"This page is generated from {source} by `python -m tests.docs`. Do not edit it.\n"


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same as JSON: true is not 1."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def fill(text: str, begin: str, end: str, render: Callable[[re.Match[str]], str]) -> str:
    """Return the text with other lines between its markers, which stay.

    begin, end: patterns of the two lines. render: lines for the match of a first marker. Raise ValueError for a marker without the other.
    """
    filled: list[str] = []
    opened = ""
    for line in text.splitlines(keepends=True):
        first = re.fullmatch(begin, line.rstrip("\n"))
        last = re.fullmatch(end, line.rstrip("\n"))
        if bool(opened) == bool(first) and (first or last):
            raise ValueError(f"{line.strip()}: expected it in a pair with a line {end if first else begin}")
        if last:
            opened = ""
        if not opened:
            filled.append(line)
        if first:
            opened = line
            filled.append(render(first))
    if opened:
        raise ValueError(f"{opened.strip()}: expected a line {end} after it")
    return "".join(filled)
