# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of a contract is explained where a reader extends it: in its file, or in docs/how-to/extend.md."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/how-to/extend.md").read_text(encoding="utf-8")
CONTRACTS = {
    "core/component.py": {"Execution", "Component", "AppliedComponent"},
    "core/distributions/contract.py": {"Family", "Distribution"},
    "proxy/contract.py": {"ExtraFile", "ProxyBackend"},
    "supervisor/contract.py": {"ServiceFile", "Output", "Supervisor"},
}


def list_unexplained(path, classes):
    """The fields that no comment above them and no text names, and the methods without a docstring."""
    text = (ROOT / "plugins/module_utils" / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    words = "\n".join([*re.findall(r"^\s*#:?(.*)$", text, re.M), GUIDE])
    found = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name in classes]
    assert {node.name for node in found} == classes
    for node in found:
        explained = f"{words}\n{ast.get_docstring(node) or ''}"
        for part in node.body:
            if isinstance(part, ast.AnnAssign):
                # One comment may explain several fields that follow it.
                above = [line.strip() for line in lines[node.lineno:part.lineno - 1]]
                while above and re.match(r"\w+: ", above[-1]):
                    above.pop()
                if not (above and above[-1].startswith("#:")) and not re.search(rf"`{part.target.id}\b", explained):
                    yield f"{node.name}.{part.target.id}"
            elif isinstance(part, ast.FunctionDef) and not part.name.startswith("_") and not ast.get_docstring(part):
                yield f"{node.name}.{part.name}"


@pytest.mark.parametrize("path", CONTRACTS)
def test_every_part_of_a_contract_is_explained(path):
    assert list(list_unexplained(path, CONTRACTS[path])) == []


def test_a_part_without_words_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "plugins/module_utils").mkdir(parents=True)
    (tmp_path / "plugins/module_utils/some.py").write_text(
        'class Some:\n    """Has `named`."""\n\n    named: str\n    silent_field: str\n    #: Explained.\n    first: str\n    second: str\n\n'
        "    def silent_method(self):\n        pass\n", encoding="utf-8")
    assert list(list_unexplained("some.py", {"Some"})) == ["Some.silent_field", "Some.silent_method"]


def test_the_guide_names_the_contracts():
    assert [name for name in ("Supervisor", "ProxyBackend", "Distribution", "Family") if f"`{name}`" not in GUIDE] == []
