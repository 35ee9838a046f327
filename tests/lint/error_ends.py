# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of error messages below plugins/: none has a full stop at its end, however many sentences it has.

A message is put into another one, or printed as one line of several. A full stop would be in the middle of a sentence there, and a
command to type at the end of a message would have a character too many.

A text is an error message where it is given to an error, or to a function that fails with it; where it is added to a list of errors; and
where a function of errors returns or yields it.
"""

from __future__ import annotations

import ast
import re

#: What is called with an error message: errors by the end of their names, and functions.
CALLED = re.compile(r"(?:Error|NotApplied|Refused|Format|refuse|fail_json|make_rule_errors|make_errors|build_error_result|build_failure)$")
#: Variables that hold error messages, and functions that return or yield them.
HOLDS = re.compile(r"(?:^|_)(?:errors?|faults?|wrong|damaged?|refused|unread|reason|why|advice|instead)$", re.IGNORECASE)
RETURNS = re.compile(r"error|fault|failure|refus|overdue|shortfall|un(?:answered|healthy|read)|held|^verify$|^describe$|^_parse_entry$")
#: A sentence of this many words at least: shorter texts are parts that others are joined with.
LEAST_WORDS = 3
#: A full stop after a word. Three of them leave something out, and two are a folder.
FULL_STOP = re.compile(r"(?<![.\s])\.\Z")


def find_all(top):
    """Return an error for each message below a checkout that breaks the rule, as `FILE:LINE: what is wrong`."""
    return [f"{path.relative_to(top)}:{node.end_lineno}: found a full stop after '{end}' at the end of an error message; expected none"
            for path in sorted((top / "plugins").rglob("*.py")) for node, end in find_texts(path.read_text(encoding="utf-8"))]


def find_texts(source):
    """Return `(node, its last words)` of each error message in a text of Python that ends with a full stop."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        for part in list_messages(node):
            text = read_text(part)
            if len(text.split()) >= LEAST_WORDS and FULL_STOP.search(text):
                found[part.end_lineno, part.end_col_offset] = part, " ".join(text.split()[-3:])[:-1]
    return [found[place] for place in sorted(found)]


def list_messages(node):
    """Return the texts in a node of Python that are error messages, without those in what it calls."""
    if isinstance(node, ast.Call) and CALLED.search(get_name(node.func)):
        return walk_texts([*node.args, *(one.value for one in node.keywords if one.arg not in ("rule", "rules"))])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append" and HOLDS.search(get_name(node.func.value)):
        return walk_texts(node.args)
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return walk_texts([node.value]) if any(HOLDS.search(get_name(target)) for target in targets) else []
    if isinstance(node, ast.Dict) and any(isinstance(key, ast.Constant) and key.value == "failed" for key in node.keys):
        return walk_texts(value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant) and key.value == "msg")
    if isinstance(node, ast.FunctionDef) and RETURNS.search(node.name):
        ends = [one.value for one in ast.walk(node) if isinstance(one, (ast.Return, ast.Yield)) and one.value is not None]
        return [*walk_texts(ends), *(part for one in ast.walk(node) if isinstance(one, (ast.Assign, ast.Call)) for part in list_inner(one))]
    return []


def list_inner(node):
    """Return the texts that a function of errors collects before it returns them."""
    if isinstance(node, ast.Assign):
        return walk_texts([node.value])
    return walk_texts(node.args) if isinstance(node.func, ast.Attribute) and node.func.attr == "append" else []


def get_name(node):
    """Return the last part of the name of a function, a variable or an attribute; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def walk_texts(nodes):
    """Return each whole text in nodes of Python. What an f-string fills in is a part of it."""
    found, left = [], list(nodes)
    while left:
        node = left.pop()
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            found.append(node)
        else:
            left += ast.iter_child_nodes(node)
    return found


def read_text(node):
    """Return a text with X for what it fills in."""
    if isinstance(node, ast.Constant):
        return node.value
    return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
