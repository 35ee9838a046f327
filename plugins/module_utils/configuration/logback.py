# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a `logback.xml` write to the console in production mode, and leaves every other character as it is. Pure.

Logback adds the appenders of every `root` that it meets and keeps the last level, so the user's appenders go on
writing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from ..core.untrusted_text import make_printable
from .hocon_edit import find_newline

CLASS = "ch.qos.logback.core.ConsoleAppender"
#: From the one that writes everything on.
LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF")
PATTERN = "[%level] %c{1}: %m%n"
#: Comments on lines of their own, at the end of what is before an element: they are about it.
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ABOUT = re.compile(rb"(?:[ \t]*<!--(?:(?!-->)[\s\S])*-->[ \t]*\r?\n)*\Z")


class LogbackError(ValueError):
    """The text is not a logback configuration. The message names the line and what is wrong there."""


@dataclass
class Element:
    """An element, with where its start tag begins and ends, and where its end tag begins (bytes)."""

    name: str
    attributes: dict[str, str]
    start: int
    around: tuple[Element, ...]
    opened: int = 0
    closed: int = 0
    children: list[Element] = field(default_factory=list)


def list_elements(data: bytes) -> list[Element]:
    """All elements of a document in the order in which they begin. Raises LogbackError."""
    parser = expat.ParserCreate()
    found: list[Element] = []
    open_now: list[Element] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, parser.CurrentByteIndex, tuple(open_now))
        if open_now:
            open_now[-1].children.append(element)
        found.append(element)
        open_now.append(element)

    def end(_name: str) -> None:
        element = open_now.pop()
        element.closed = parser.CurrentByteIndex
        element.opened = find_tag_end(data, element.start)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise LogbackError(f"line {error.lineno}: {expat.errors.messages[error.code]}") from error
    if found[0].name != "configuration":
        raise LogbackError(
            f"line 1: found the root element <{found[0].name}>; expected <configuration>, as in every logback.xml"
        )
    return found


def find_tag_end(data: bytes, start: int) -> int:
    """The position after the `>` of the start tag that begins here; one inside of a quoted value does not count."""
    found = _TAG.match(data, start)
    if found is None:
        line, tag = data.count(b"\n", 0, start) + 1, data[start:start + 40].decode("utf-8", "replace")
        raise LogbackError(f"line {line}: found no end of the start tag {make_printable(tag)}; expected >")
    return found.end()


def is_in_production(element: Element) -> bool:
    """Whether an element surely counts in production mode.
    What is inside of an `if` on something else than the mode does not."""
    chain = (*element.around, element)
    for outer, inner in zip(chain, chain[1:]):
        if outer.name == "if":
            condition = outer.attributes.get("condition", "")
            negated = re.search(r"!|\bnot\b", condition) is not None
            if "production" not in condition or inner.name != ("else" if negated else "then"):
                return False
    return True


def log_to_console(text: str, level: str = "INFO") -> str:
    """The text with which production mode writes to the console at this level. Raises LogbackError."""
    data = text.encode("utf-8", "surrogateescape")
    top = list_elements(data)[0]
    if data[:top.opened].endswith(b"/>"):
        # <configuration/> has no end tag before which something could go.
        data = data[:top.opened - 2].rstrip() + f">{find_newline(text)}</configuration>".encode() + data[top.opened:]
    counted = [element for element in list_elements(data) if is_in_production(element)]
    appenders = [element for element in counted if element.name == "appender" and passes(data, element, level)]
    consoles = [element.attributes.get("name") for element in appenders if is_console(element)]
    # An appender that passes on to another, such as AsyncAppender, writes where that one does.
    written = {
        *consoles,
        *(element.attributes.get("name") for element in appenders if set(list_references(element)) & set(consoles)),
    }
    roots = [element for element in counted if element.name == "root" and element.around]
    edits, end = [], find_newline(text)
    if not any(written & set(list_references(root)) for root in roots):
        name = (consoles[-1] if consoles else None) or find_free_name(list_elements(data))
        edits += [] if consoles else [build_appender_edit(data, roots, list_elements(data)[0], name, end)]
        edits.append(build_reference_edit(data, roots, list_elements(data)[0], name, level, end))
    inner = [
        element
        for element in counted
        if element.name == "level" and roots and any(outer is roots[-1] for outer in element.around)
    ]
    # The element inside of a root wins over the attribute.
    element, key = (inner[-1], "value") if inner else (roots[-1], "level") if roots else (None, "")
    if element and element.attributes.get(key, "DEBUG").upper() != level:
        edits.append(build_level_edit(data, element, key, level))
    # From the end, so that positions before stay right; of two at one place the later one is put in first.
    for _number, (start, stop, new) in sorted(enumerate(edits), key=lambda pair: (-pair[1][0], -pair[0])):
        data = data[:start] + new.encode() + data[stop:]
    return data.decode("utf-8", "surrogateescape")


def list_references(element: Element) -> list[str | None]:
    """The names of the appenders that an element writes to."""
    return [child.attributes.get("ref") for child in element.children if child.name == "appender-ref"]


def is_console(element: Element) -> bool:
    """Whether an appender writes to standard output or standard error."""
    return element.attributes.get("class", "").rpartition(".")[2] == "ConsoleAppender"


def passes(data: bytes, appender_element: Element, level: str) -> bool:
    """Whether an appender surely writes what has this level:
    it has no filter, or one of a threshold that lets it through."""
    for child in appender_element.children:
        if child.name != "filter":
            continue
        thresholds = [
            data[inner.opened : inner.closed].decode("utf-8", "replace").strip().upper()
            for inner in child.children
            if inner.name == "level"
        ]
        is_threshold = child.attributes.get("class", "").rpartition(".")[2] == "ThresholdFilter"
        if not is_threshold or not thresholds or thresholds[-1] not in LEVELS[:LEVELS.index(level) + 1]:
            return False
    return True


def find_free_name(every: list[Element]) -> str:
    """A name that no appender has, whatever the mode."""
    taken = {element.attributes.get("name") for element in every if element.name == "appender"}
    return next(
        name for name in ("STDOUT", "CONSOLE", *(f"STDOUT_{number}" for number in range(2, 100))) if name not in taken
    )


def find_place(data: bytes, roots: list[Element], top: Element) -> tuple[int, str]:
    """Where an element goes before the last root that counts and the comments about it, or else at the end:
    position and indentation."""
    position = roots[-1].start if roots else top.closed
    line = data.rfind(b"\n", 0, position) + 1
    if data[line:position].strip():
        return position, ""
    indent = data[line:position].decode()
    about = _ABOUT.search(data, 0, line)
    return (about.start() if about else line, indent) if roots else (line, indent + "  ")


def find_end(data: bytes, element: Element) -> int:
    """The position after the end tag of an element, which an element such as `<appender/>` does not have."""
    return element.opened if data[:element.opened].endswith(b"/>") else data.find(b">", element.closed) + 1


def build_appender_edit(data: bytes, roots: list[Element], top: Element, name: str, end: str) -> tuple[int, int, str]:
    """The edit that adds the console's appender: after the last one next to the root, else before the root."""
    lines = (
        f'<appender name="{name}" class="{CLASS}">',
        "  <encoder>",
        f"    <pattern>{PATTERN}</pattern>",
        "  </encoder>",
        "</appender>",
    )
    siblings = [child for child in (roots[-1].around[-1] if roots else top).children if child.name == "appender"]
    if siblings:
        line, stop = data.rfind(b"\n", 0, siblings[-1].start) + 1, find_end(data, siblings[-1])
        rest = re.compile(rb"[ \t]*(?:<!--(?:(?!-->)[^\n])*-->[ \t]*)?\r?\n").match(data, stop)
        if rest and not data[line:siblings[-1].start].strip():
            indent = data[line:siblings[-1].start].decode()
            # With a blank line before it where the file has one after the other.
            gap = end if data[rest.end():].lstrip(b" \t\r").startswith(b"\n") else ""
            return rest.end(), rest.end(), gap + "".join(f"{indent}{text}{end}" for text in lines)
    position, indent = find_place(data, roots, top)
    return position, position, "".join(f"{indent}{line}{end}" for line in lines)


def build_reference_edit(
    data: bytes, roots: list[Element], top: Element, name: str, level: str, end: str
) -> tuple[int, int, str]:
    """The edit that lets the root logger write to an appender: into its last root, or a root of its own."""
    ref = f'<appender-ref ref="{name}"/>'
    if not roots:
        position, indent = find_place(data, roots, top)
        return position, position, f'{indent}<root level="{level}">{end}{indent}  {ref}{end}{indent}</root>{end}'
    root = roots[-1]
    if data[:root.opened].endswith(b"/>"):
        return root.opened - 2, root.opened, f">{ref}</root>"
    line = data.rfind(b"\n", 0, root.closed) + 1
    if line <= root.opened or data[line:root.closed].strip():
        return root.closed, root.closed, ref
    return line, line, f"{data[line:root.closed].decode()}  {ref}{end}"


def build_level_edit(data: bytes, element: Element, key: str, level: str) -> tuple[int, int, str]:
    """The edit that gives an element an attribute with this level."""
    tag = data[element.start:element.opened]
    match = re.search(rb"""\s%s\s*=\s*(["'])(.*?)\1""" % key.encode(), tag)
    if match:
        return element.start + match.start(2), element.start + match.end(2), level
    position = element.start + len(f"<{element.name}")
    return position, position, f' {key}="{level}"'
