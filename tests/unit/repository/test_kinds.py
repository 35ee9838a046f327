# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between one supervisor, proxy or family and another are in its table: nothing else compares with a name of one."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.distributions import table as distributions
from ansible_collections.xitrum.host.plugins.module_utils.proxy.table import PROXIES
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.docs.role_variables import ROOT

NAMES = {*SUPERVISORS, *PROXIES, *distributions.FAMILIES, *distributions.DISTRIBUTIONS}

#: Folders of the files of kinds, relative to plugins/module_utils.
OWN = ("supervisor/kinds/", "proxy/kinds/", "core/distributions/")

#: A comparison in YAML or a template of Jinja.
JINJA = re.compile(
    r"(?:[!=]=|\bin)\s*[\[(]?\s*(?:'[^']*',\s*)*['\"](?:{names})['\"]|['\"](?:{names})['\"]\s*(?:[!=]=|(?:not\s+)?in\b)|"
    r"\b(?:eq|equalto|ne|match|search)(?:\(|['\"],)\s*['\"](?:{names})['\"]".replace("{names}", "|".join(map(re.escape, sorted(NAMES))))
)


def texts_of(node):
    """The texts that one side of a comparison is, or has as members."""
    parts = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def comparisons(tree):
    """The lines that compare with a name: ==, !=, in, and a case of a match."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        else:
            continue
        if any(texts_of(side) & NAMES for side in sides):
            yield node


def python_files():
    utils = ROOT / "plugins/module_utils"
    paths = sorted((ROOT / "plugins").rglob("*.py"))
    return [path for path in paths if not str(path.relative_to(utils) if path.is_relative_to(utils) else path).startswith(OWN)]


def yaml_files():
    found = [path for folder in ("roles", "playbooks", "plugins/filter") for ending in ("yml", "j2") for path in sorted((ROOT / folder).rglob(f"*.{ending}"))]
    return [path for path in found if "meta" not in path.parts]


def test_no_python_compares_with_the_name_of_a_kind():
    paths = python_files()
    assert len(paths) > 150
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    assert [f"{path.relative_to(ROOT)}: {ast.unparse(node)}" for path, tree in trees.items() for node in comparisons(tree)] == []


def test_no_role_or_playbook_compares_with_the_name_of_a_kind():
    paths = yaml_files()
    assert len(paths) > 100
    lines = [(path, line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in lines if JINJA.search(line)] == []


@pytest.mark.parametrize("text", [
    "kind == 'runit'", "'nginx' != software", "kind in ('systemd', 'upstart')", "kind not in ['redhat']", "match kind:\n    case 'apache':\n        pass",
])
def test_a_comparison_in_python_is_found(text):
    assert len(list(comparisons(ast.parse(text)))) == 1


@pytest.mark.parametrize("text", ["software = 'nginx'", "title == 'HAProxy'", "PROXIES['nginx']", "values.get('kind', 'systemd')"])
def test_a_name_without_a_comparison_is_not(text):
    assert list(comparisons(ast.parse(text))) == []


@pytest.mark.parametrize(("text", "is_one"), [
    ("when: supervisor_kind == 'supervisord'", True), ('{% if proxy_software != "nginx" %}', True), ("kind in ['systemd', 'runit']", True),
    ("'redhat' == family", True), ("select('equalto', 'apache')", True), ("when: family is eq('debian')", True),
    ("software: \"{{ found | default('haproxy') }}\"", False), ("proxy_software: nginx", False), ("when: kind == 'held'", False),
])
def test_a_comparison_in_jinja_is_found(text, is_one):
    assert bool(JINJA.search(text)) is is_one


def test_the_files_of_kinds_are_where_this_test_leaves_them_out():
    for folder in OWN:
        assert any(pathlib.Path(ROOT / "plugins/module_utils" / folder).glob("*.py"))
