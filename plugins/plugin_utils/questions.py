# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about a document in JSON: expressions of JMESPath (https://jmespath.org), and the formats of an answer."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils.core.plan import BlockingError
from ..module_utils.core.untrusted_text import make_printable, replace_controls
from ..module_utils.report import schemas
from ..module_utils.report.fleet_summary import render_table

FORMATS = ("table", "json", "lines")

#: How jmespath comes to the Python of the controller.
INSTALL = "python3 -m pip install jmespath"


class QuestionError(ValueError):
    """An expression cannot be evaluated: `reason`, a sentence with its rule."""

    def __init__(self, text: str, rule: str = "question.expression") -> None:
        super().__init__(text)
        self.reason = BlockingError(text, rule=rule)


class Question:
    """An expression about a document. Raises QuestionError where it is none, before any host is read.

    variable: the variable that has the expression, for messages. schema: of the document.
    """

    def __init__(self, variable: str, expression: str, schema: Mapping[str, Any]) -> None:
        self.variable, self.expression, self.schema = variable, expression, schema
        try:
            import jmespath
            from jmespath import exceptions, functions
        except ImportError:
            raise QuestionError(
                f"{variable} needs the Python package jmespath on the controller, and it is not installed. Install it "
                f"for the Python that runs Ansible: {INSTALL}",
                "question.package",
            ) from None
        self.errors = exceptions.JMESPathError
        try:
            self.compiled = jmespath.compile(expression)
        except exceptions.JMESPathError as error:
            raise self.make_error(find_position(error, expression), find_reason(error)) from None
        known = functions.Functions.FUNCTION_TABLE
        for node in self.list_nodes("function_expression"):
            if reason := find_call_error(node, known):
                raise self.make_error(self.find_function(node["value"]), reason)

    def make_error(
        self, position: int, reason: str, what: str = "is not a valid JMESPath expression"
    ) -> QuestionError:
        """Return the error of an expression, with the place that it is about."""
        place = f"character {position + 1}" if position < len(self.expression) else "its end"
        return QuestionError(
            f"{self.variable} {what}: {reason}, at {place}.\n"
            f"  {replace_controls(self.expression)}\n  {' ' * position}^"
        )

    def find_function(self, name: str) -> int:
        """Return where a function is called first."""
        found = re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}\s*\(", self.expression)
        return found.start() if found else 0

    def list_nodes(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield each node of a kind in the expression, in the order of its text."""
        nodes = [self.compiled.parsed]
        while nodes:
            node = nodes.pop()
            if node.get("type") == kind:
                yield node
            nodes += [child for child in reversed(node.get("children", ())) if isinstance(child, dict)]

    def list_values(self, kind: str) -> Iterator[str]:
        """Yield the value of each node of a kind in the expression."""
        return (node["value"] for node in self.list_nodes(kind))

    def answer(self, document: Mapping[str, Any]) -> Any:
        """Return what the expression selects. Raises QuestionError where a function gets a value of a wrong type."""
        try:
            return self.compiled.search(document)
        except self.errors as error:
            name = str(getattr(error, "function_name", "") or getattr(error, "expression", "") or "")
            place = self.find_function(name) if name else 0
            raise self.make_error(place, find_reason(error), "does not fit the document") from None

    def format_hint(self) -> str:
        """Return what to do where the answer is empty: names of fields that the document has not, or those that it
        has."""
        known = set(schemas.list_field_names(self.schema))
        own = set(self.list_values("key_val_pair"))
        strange = [name for name in dict.fromkeys(self.list_values("field")) if name not in known | own]
        missing = [f"There is no field {make_printable(name)}{find_nearest(name, known) or '.'}" for name in strange]
        fields = "\n".join(f"  {path}" for path in schemas.list_paths(self.schema))
        found = " ".join(missing) if missing else "No value of the document meets its conditions."
        return f"{self.variable} selects nothing. {found} The document has:\n{fields}"


def find_position(error: Any, expression: str) -> int:
    """Return the position that an error of jmespath is about, 0 for the first character."""
    position = getattr(error, "lex_position", None)
    # The end of an expression that is not complete.
    return len(expression) if position is None or position < 0 else min(int(position), len(expression))


def find_reason(error: Any) -> str:
    """Return why jmespath refuses an expression, without its own picture of the position."""
    kind = type(error).__name__
    if kind == "EmptyExpressionError":
        return "it is empty"
    if kind == "IncompleteExpressionError":
        return "it is not complete"
    if kind == "LexerError":
        return f"found {error.token_value!r}: {error.message}"
    if kind == "ParseError":
        return f"found {make_printable(str(error.token_value))!r}, which does not fit there"
    if kind == "JMESPathTypeError":
        # Without the value, which may be the whole document.
        expected = " or ".join(error.expected_types)
        return f"{make_printable(error.function_name)}() takes {expected}, and gets {error.actual_type}"
    return make_printable(str(error).partition("\n")[0])


def find_call_error(node: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return why a function cannot be called so; empty where it can."""
    name, count = node["value"], len(node["children"])
    if name not in known:
        return f"there is no function {make_printable(name)}(){find_nearest(name, known)}"
    signature = known[name]["signature"]
    fits = count >= len(signature) if any(one.get("variadic") for one in signature) else count == len(signature)
    return "" if fits else f"{name}() takes {len(signature)} values, and has {count}"


def find_nearest(name: str, known: Any) -> str:
    """Return the question whether a near name was meant; empty where none is near."""
    found = difflib.get_close_matches(name, sorted(known), 1)
    return f": did you mean {found[0]}?" if found else ""


def is_nothing(answer: Any) -> bool:
    """Return whether an expression has selected nothing. Zero and false are answers."""
    return answer is None or answer in ("", [], {})


def render(answer: Any, way: str) -> str:
    """Return an answer in one of FORMATS."""
    if way == "json":
        # ASCII alone: what a host has chosen cannot act on a terminal.
        return json.dumps(answer, indent=2)
    return "\n".join(format_lines(answer) if way == "lines" else format_columns(answer))


def format_lines(answer: Any) -> list[str]:
    """Return an answer as a line for each item, with tabs between the values of an item."""
    items = answer if isinstance(answer, list) else [answer]
    return ["\t".join(map(format_cell, list_values(item))) for item in items]


def list_values(item: Any) -> list[Any]:
    """Return the values of one item of an answer."""
    if isinstance(item, Mapping):
        return list(item.values())
    return item if isinstance(item, list) else [item]


def format_columns(answer: Any) -> list[str]:
    """Return an answer as columns: with a header where its items have names."""
    if isinstance(answer, Mapping):
        return render_table(
            ("field", "value"), [(format_cell(name), format_cell(value)) for name, value in answer.items()]
        )
    items = answer if isinstance(answer, list) else [answer]
    if items and all(isinstance(item, Mapping) for item in items):
        names = list(dict.fromkeys(name for item in items for name in item))
        return render_table(
            tuple(map(format_cell, names)), [tuple(format_cell(item.get(name)) for name in names) for item in items]
        )
    rows = [tuple(map(format_cell, list_values(item))) for item in items]
    widest = max(map(len, rows), default=0)
    filled = [row + ("",) * (widest - len(row)) for row in rows]
    return render_table(filled[0], filled[1:]) if filled else []


def format_cell(value: Any) -> str:
    """Return a value as one word or phrase of one line."""
    if isinstance(value, str):
        # A long text would be cut in a table of a fleet: JSON has it whole.
        return "".join(letter if letter.isprintable() else make_printable(letter) for letter in value)
    return "-" if value is None else json.dumps(value)


def find_format_error(variable: str, way: Any) -> str:
    """Return why a format is none, as a sentence; empty where it is one."""
    return "" if way in FORMATS else f"{variable} is {make_printable(str(way))!r}: expected one of {', '.join(FORMATS)}"


def format_rows(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of texts in the format `lines`."""
    return "\n".join(format_lines([list(row) for row in rows]))
