# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes single settings in a HOCON text and leaves every other character as it is: comments, blanks, line ends. Pure.

An edit is checked: the result is parsed again, and the requested value is the one in force. Where the natural place
cannot bring that (an include or a substitution after it may win), the setting goes to the end of the file, where
nothing follows.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import NamedTuple

from .hocon import Document, Field, HoconError, Include, list_fields, list_substitutions, parse

#: A setting has this value, as a text.
VALUE = "value"
#: It is an object, or no setting of it is in force.
OBJECT, ABSENT = "object", "absent"
#: An include, or a substitution in place of an object around it, decides.
UNKNOWN = "unknown"


class Force(NamedTuple):
    """What is in force for a path: `kind`, the `text` of a `value`,
    and the position of what decides (-1 where nothing does)."""

    kind: str
    text: str = ""
    at: int = -1


def split_key(key: str) -> tuple[str, ...]:
    """The path of a key such as `xitrum.port.http`."""
    return tuple(key.split("."))


def find_force(text: str, path: tuple[str, ...]) -> Force:
    """What is in force for a path, as far as the text alone shows."""
    document = parse(text)
    return _walk(document.text, document.members, path, Force(ABSENT))


def _walk(text: str, members: tuple[Field | Include, ...], path: tuple[str, ...], force: Force) -> Force:
    """The members of an object in their order. A later one wins, and objects of one path are merged."""
    for member in members:
        if isinstance(member, Include):
            if path[:len(member.path)] == member.path:
                force = Force(UNKNOWN, at=member.start)
        elif member.path == path:
            force = _find_own_force(text, member)
        elif path[:len(member.path)] == member.path:
            force = _find_inner_force(text, member, path, force)
        elif member.path[:len(path)] == path:
            force = Force(OBJECT, at=member.start)
    return force


def _find_own_force(text: str, member: Field) -> Force:
    """What a setting of just this path brings."""
    if member.separator == "+=":
        # It appends to a list that may be elsewhere.
        return Force(UNKNOWN, at=member.start)
    is_object = {piece.kind for piece in member.pieces} == {"object"}
    return Force(OBJECT if is_object else VALUE, "" if is_object else text[member.value:member.end], member.start)


def _find_inner_force(text: str, member: Field, path: tuple[str, ...], force: Force) -> Force:
    """What a setting of an object around the path brings."""
    kinds = {piece.kind for piece in member.pieces}
    if member.separator == "+=" or not kinds & {"object", "substitution"}:
        # A text, a list or null takes the object's place.
        return Force(ABSENT, at=member.start)
    for piece in member.pieces:
        force = _walk(text, piece.members, path, force) if piece.kind == "object" else Force(UNKNOWN, at=piece.start)
    return force


def find_value(text: str, key: str) -> str | None:
    """The text of the value that is in force for a key such as `xitrum.port.http`;
    None where there is none, or the file does not show it."""
    force = find_force(text, split_key(key))
    return force.text if force.kind == VALUE else None


def put(text: str, key: str, value: str) -> str:
    """The text in which this value (as HOCON writes it) is in force for the key.
    Raises HoconError where that cannot be."""
    path, requested = split_key(key), Force(VALUE, value)
    return _apply_first_good(
        text,
        key,
        requested,
        (
            lambda: set_last_value(text, path, value),
            lambda: add_inside(text, path, value),
            lambda: add_at_end(text, key, value),
        ),
    )


def put_out(text: str, key: str) -> str:
    """The text in which no setting of this key is in force: its lines become comments, a value inside a line becomes
    `null`, and where something else may still set it, a `null` at the end wins."""
    path = split_key(key)
    commented = comment_out(text, path)
    return _apply_first_good(
        text,
        key,
        Force(ABSENT),
        (
            lambda: commented,
            lambda: set_to_null(text, path),
            lambda: add_at_end(commented, key, "null"),
            lambda: add_at_end(text, key, "null"),
        ),
    )


def put_override(text: str, key: str, value: str) -> str:
    """The text in which an optional substitution such as `${?NAME}` decides on a key that has a value: that value
    stays as the default, on the line before. Typesafe Config reads it so in all of its versions. Raises HoconError
    where that cannot be."""
    path = split_key(key)
    return _apply_first_good(
        text,
        key,
        Force(VALUE, value),
        (lambda: append_override(text, path, value), lambda: add_at_end(text, key, value)),
    )


def _apply_first_good(text: str, key: str, requested: Force, edits: tuple[Callable[[], str | None], ...]) -> str:
    """The result of the first edit after which what is requested is in force, and no reference to what is gone is
    left."""
    path, document = split_key(key), parse(text)
    needed = [item for item in list_substitutions(document) if not item.optional and item.target[:len(path)] == path]
    for item in needed:
        if item.target != path:
            raise HoconError(
                f"line {document.find_line(item.start)}: {text[item.start:item.end]} needs a setting below {key}, "
                f"which cannot become {requested.text or 'nothing'}. Change that line first"
            )
    good = [requested[:2]] if requested.kind == VALUE else [(VALUE, "null")] + ([] if needed else [(ABSENT, "")])
    for edit in edits:
        # A comment in place of a setting can leave a comma behind, for example: then the next edit is tried.
        with contextlib.suppress(HoconError):
            new = edit()
            if new is not None and find_force(new, path)[:2] in good:
                return new
    at = max(find_force(text, path).at, 0)
    raise HoconError(
        f"line {document.find_line(at)}: {key} cannot become {requested.text or 'nothing'} without changing other "
        "settings. Set it by hand"
    )


def parses(text: str) -> bool:
    """Whether a text is HOCON."""
    try:
        parse(text)
    except HoconError:
        return False
    return True


def set_last_value(text: str, path: tuple[str, ...], value: str) -> str | None:
    """The text in which the last setting of just this path has the value; None where there is none."""
    same = [field for field in list_fields(text) if field.path == path]
    return set_field(text, max(same, key=lambda field: field.start), value) if same else None


def append_override(text: str, path: tuple[str, ...], value: str) -> str | None:
    """The text in which the last setting of just this path is followed by one with the value;
    None where there is none."""
    same = [field for field in list_fields(text) if field.path == path]
    if not same:
        return None
    field = max(same, key=lambda field: field.start)
    setting = f"{text[field.start:field.key_end]} = {value}"
    line, end = text.rfind("\n", 0, field.start) + 1, text.find("\n", field.end)
    before, rest = text[line:field.start], text[field.end:end if end >= 0 else len(text)]
    if before.strip() or not re.match(r"[\s,]*(?:(?:#|//)[^\n]*)?$", rest):
        return f"{text[:field.end]}, {setting}{text[field.end:]}"
    after = len(end_last_line(text)) if end < 0 else end + 1
    return end_last_line(text)[:after] + before + setting + find_newline(text) + end_last_line(text)[after:]


def set_field(text: str, field: Field, value: str) -> str:
    """The text in which a field has this value. An object may have had no separator, and += would make a list."""
    between = text[field.key_end:field.value]
    if field.separator == "+=":
        between = between.replace("+=", "=", 1)
    elif not field.separator:
        between = f" ={between or ' '}"
    return text[:field.key_end] + between + value + text[field.end:]


def add_inside(text: str, path: tuple[str, ...], value: str) -> str | None:
    """The text with the setting as the last one of the innermost object around it;
    None where there is no such object."""
    document, every = parse(text), list_fields(text)
    # In a list an object has a path of its own, and no setting in it is anybody's.
    parents = [
        (len(field.path), field.start, field.path, field.body)
        for field in every
        if field.body and field.path == path[:len(field.path)]
    ]
    if not parents:
        return None
    *_order, parent, body = max(parents)
    inner = find_inner_indent(document, parent, body, every)
    return add_to_body(text, body, ".".join(path[len(parent):]), value, inner)


def add_at_end(text: str, key: str, value: str) -> str:
    """The text with the setting as the last one of the whole."""
    document = parse(text)
    if document.braces:
        return add_to_body(
            text, document.body, key, value, find_inner_indent(document, (), document.body, list_fields(text))
        )
    return end_last_line(text) + f"{key} = {value}" + find_newline(text)


def add_to_body(text: str, body: tuple[int, int], key: str, value: str, inner: str) -> str:
    """The text with a setting before the closing brace of an object."""
    opened, closed = body
    if "\n" not in text[opened:closed]:
        before = text[opened:closed].rstrip().rstrip(",")
        return f"{text[:opened]}{before}{',' if before.strip() else ''} {key} = {value} {text[closed:]}"
    line = text.rfind("\n", 0, closed) + 1
    if text[line:closed].strip():
        # The brace stands behind a field, not on a line of its own.
        newline = find_newline(text)
        before = f"{text[:closed].rstrip()}{newline}{read_indent(text, line)}"
        return f"{before}{key} = {value}{newline}{text[closed:]}"
    return f"{text[:line]}{inner}{key} = {value}{find_newline(text)}{text[line:]}"


def comment_out(text: str, path: tuple[str, ...]) -> str:
    """The text in which lines with only settings of this path are comments, and other settings of it are `null`."""
    for field in sorted((field for field in list_fields(text) if field.path == path), key=lambda field: -field.start):
        line = text.rfind("\n", 0, field.start) + 1
        end = text.find("\n", field.end)
        end = len(text) if end < 0 else end
        alone = not text[line:field.start].strip() and re.match(r"[\s,]*(?:(?:#|//)[^\n]*)?$", text[field.end:end])
        if alone:
            text = text[:line] + re.sub(r"(?m)^([ \t]*)(?=\S)", r"\1#", text[line:end]) + text[end:]
        elif text[field.value:field.end] != "null":
            text = set_field(text, field, "null")
    return text


def set_to_null(text: str, path: tuple[str, ...]) -> str | None:
    """The text in which the settings of this path are `null`;
    None where that would lose lines, and the comments on them."""
    for field in sorted((field for field in list_fields(text) if field.path == path), key=lambda field: -field.start):
        if "\n" in text[field.start:field.end]:
            return None
        text = set_field(text, field, "null")
    return text


def find_newline(text: str) -> str:
    """The line end that the text has."""
    return "\r\n" if "\r\n" in text else "\n"


def end_last_line(text: str) -> str:
    """The text with its last line ended, so that one can follow."""
    return text if not text or text.endswith("\n") else text + find_newline(text)


def read_indent(text: str, line: int) -> str:
    """The white space at the beginning of a line."""
    found = re.compile(r"[ \t]*").match(text, line)
    return found.group() if found else ""


def find_inner_indent(document: Document, path: tuple[str, ...], body: tuple[int, int], every: list[Field]) -> str:
    """The indentation of what is in an object:
    that of a field in it, else two spaces more than its closing brace has."""
    text = document.text
    for field in every:
        inside = field.path[:len(path)] == path and body[0] <= field.start < body[1]
        line = text.rfind("\n", 0, field.start) + 1
        if inside and line > body[0] and not text[line:field.start].strip() and len(field.path) == len(path) + 1:
            return read_indent(text, line)
    return read_indent(text, text.rfind("\n", 0, body[1]) + 1) + "  "
