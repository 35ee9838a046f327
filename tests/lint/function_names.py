# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of functions and methods: each begins with a verb, since it does or computes something.

The words, and the exceptions with their reasons, are in function_names.yml. Properties and fixtures of pytest are values, `__special__`
methods are operators, and the name of a test is a sentence: these are not checked.
"""

from __future__ import annotations

import ast
import fnmatch
import functools
import pathlib

import yaml

RULES = pathlib.Path(__file__).with_suffix(".yml")
FOLDERS = ("plugins", "tests/bench", "tests/docs", "tests/fleet", "tests/lib", "tests/lint", "tests/newest", "tests/platform", "tests/verify")
VALUES = ("property", "cached_property", "setter", "fixture")


@functools.cache
def load_rules():
    """Return the words that a name may begin with, and the exceptions: name or pattern to reason."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return frozenset(word for kind in ("verbs", "predicates", "conversions") for word in rules[kind].split()), rules["exceptions"]


def find_all(top):
    """Return an error for each name below a checkout that breaks the rule, as `FILE:LINE: what is wrong`."""
    return [f"{path.relative_to(top)}:{line}: {error}" for path in list_files(top)
            for line, name in list_functions(path.read_text(encoding="utf-8")) if (error := check_name(name))]


def list_files(top):
    """Return the files of Python that are checked."""
    return sorted(path for folder in FOLDERS for path in (top / folder).rglob("*.py"))


def list_functions(text):
    """Return `(line, name)` of each function and method in a text of Python, without what is not checked."""
    return [(node.lineno, node.name) for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and not (node.name.startswith("__") and node.name.endswith("__")) and not node.name.startswith("test_")
            and not any(ast.unparse(each).partition("(")[0].rpartition(".")[2] in VALUES for each in node.decorator_list)]


def check_name(name):
    """Return what is wrong with a name and what to do; empty where nothing is."""
    words, exceptions = load_rules()
    first = name.strip("_").partition("_")[0]
    if first in words or any(fnmatch.fnmatchcase(name, pattern) for pattern in exceptions):
        return ""
    return (f"found the function '{name}', which begins with '{first}'; expected a verb, one of tests/lint/function_names.yml, where a new "
            "verb is added")
