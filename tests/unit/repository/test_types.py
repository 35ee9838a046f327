# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every public function and method of plugins/ has complete annotations, which mypy checks (tests/run/types)."""

from __future__ import annotations

import ast
import configparser

import pytest

from tests.docs.role_variables import ROOT

PLUGINS = ROOT / "plugins"


def packages():
    return sorted({str(path.parent.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py") if path.name != "__init__.py"})


def missing_annotations(tree):
    """The public functions and methods of a module that lack an annotation, as `line NUMBER: NAME: WHAT`."""
    missing = []
    scopes = [(tree, "")]
    while scopes:
        scope, prefix = scopes.pop()
        for node in ast.iter_child_nodes(scope):
            if isinstance(node, ast.ClassDef):
                scopes.append((node, f"{prefix}{node.name}."))
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                scopes.append((node, prefix))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(node.name):
                missing += [f"line {node.lineno}: {prefix}{node.name}: {what}" for what in unannotated(node, bool(prefix))]
    return missing


def is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def unannotated(function, method):
    arguments = [*function.args.posonlyargs, *function.args.args]
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list)
    if method and not static:
        # mypy knows the type of `self` and `cls`.
        arguments = arguments[1:]
    arguments += [*function.args.kwonlyargs, *filter(None, (function.args.vararg, function.args.kwarg))]
    return [one.arg for one in arguments if one.annotation is None] + ["return"] * (function.returns is None)


@pytest.mark.parametrize(("text", "missing"), [
    ("def f(a: int, *b: str, c: int = 0, **d: str) -> None: ...", []),
    ("def f(a, *b, c=0, **d): ...", ["line 1: f: a", "line 1: f: c", "line 1: f: b", "line 1: f: d", "line 1: f: return"]),
    ("async def f(): ...", ["line 1: f: return"]),
    ("def _f(a): ...", []),
    ("class A:\n  def __init__(self, a): ...", ["line 2: A.__init__: a", "line 2: A.__init__: return"]),
    ("class A:\n  @staticmethod\n  def f(a) -> int: ...", ["line 3: A.f: a"]),
    ("class A:\n  class B:\n    @classmethod\n    def f(cls) -> int: ...", []),
    ("if x:\n  def f() -> int: ...\nelse:\n  def f(): ...", ["line 4: f: return"]),
])
def test_what_is_missing(text, missing):
    assert missing_annotations(ast.parse(text)) == missing


@pytest.mark.parametrize("package", packages())
def test_every_public_function_of_a_package_is_annotated(package):
    missing = {path.name: missing_annotations(ast.parse(path.read_text())) for path in (PLUGINS / package).glob("*.py")}
    assert {name: lines for name, lines in missing.items() if lines} == {}


def test_mypy_allows_functions_without_types_in_no_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "mypy.ini")
    assert config["mypy"]["disallow_untyped_defs"] == "True"
    lenient = {name for name in config.sections() if config[name].get("disallow_untyped_defs", "True") != "True"}
    assert lenient == set()
