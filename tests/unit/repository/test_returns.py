# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several modules return alike is documented from one table, tests/docs/returns.py."""

from __future__ import annotations

import ast
import importlib

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan

from tests.docs import returns
from tests.docs.returns import DIFFERENCES, MODULES, REPORT, VALUES

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in MODULES}
#: Modules without a component, with a value of a report's name.
WITHOUT_COMPONENT = {"package_info": {"errors"}, "report": {"broken_rules", "errors", "rows"}, "run_plan": {"errors"}}


def documented(text):
    """The return values that the text of a module documents."""
    blocks = [node.value for node in ast.parse(text).body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RETURN"]
    return yaml.safe_load(ast.literal_eval(blocks[0])) or {}


def entries(values, path=""):
    """All values with those in them, each as its path and its documentation."""
    for name, value in (values or {}).items():
        yield f"{path}{name}", value
        yield from entries(value.get("contains"), f"{path}{name}.")


def components_of(name):
    """The components that a module runs, whose reports it returns."""
    module = importlib.import_module(f"ansible_collections.xitrum.host.plugins.modules.{name}")
    if hasattr(module, "PARTS"):
        return [part for part in module.PARTS.values() if hasattr(part, "EXECUTION")]
    calls = [node for node in ast.walk(ast.parse(TEXTS[name])) if isinstance(node, ast.Call) and ast.unparse(node.func) in ("runner.run", "target_reader.run")]
    return [getattr(module, ast.unparse(call.args[0])) for call in calls]


def test_the_table_has_what_every_report_has():
    assert set(REPORT) == set(Plan().report()) - {"changed"}


@pytest.mark.parametrize("name", TEXTS)
def test_a_module_documents_what_the_reports_of_its_components_have(name):
    hidden = [set(component.EXECUTION.hidden if hasattr(component, "EXECUTION") else ()) for component in components_of(name)]
    expected = {value for value in REPORT if any(value not in each for each in hidden)}
    assert set(documented(TEXTS[name])) & set(REPORT) - WITHOUT_COMPONENT.get(name, set()) == expected


@pytest.mark.parametrize("name", TEXTS)
def test_what_every_report_has_is_documented_from_the_table(name):
    own = set(documented(returns.drop_shared(TEXTS[name]))) & set(REPORT)
    assert own == WITHOUT_COMPONENT.get(name, set()), f"name it in a line '# Shared values: {', '.join(sorted(own))}', see tests/docs/returns.py"


def test_what_two_modules_document_alike_is_in_the_table():
    found = {}
    for name, text in TEXTS.items():
        for path, value in entries(documented(returns.drop_shared(text))):
            key = (path.rpartition(".")[2], str(value["description"]), value["type"])
            found.setdefault(key, set()).add(name)
    twice = {key[0]: sorted(names) for key, names in found.items() if len(names) > 1}
    assert twice == {}, "add it to VALUES in tests/docs/returns.py, and name it in both modules"


def test_no_entry_of_the_table_is_left_over():
    shared = {name: {path.rpartition(".")[2] for path, _value in entries(documented(text))} for name, text in TEXTS.items()}
    for value in VALUES:
        assert sum(value in names for names in shared.values()) > 1, f"{value} is not shared"
    for module, differences in DIFFERENCES.items():
        assert set(differences) <= shared[module] & set(VALUES), module


@pytest.mark.parametrize("name", sorted(VALUES))
@pytest.mark.parametrize("module", [*DIFFERENCES, "any"])
@pytest.mark.parametrize("indent", ["", "    "])
def test_an_entry_is_valid_and_fits_a_line(module, name, indent):
    text = returns.render_entry(module, name, indent)
    (value,) = yaml.safe_load(text).values()
    assert set(value) - {"elements"} == {"description", "type"} | (set() if indent else {"returned"})
    assert all(len(line) <= returns.WIDTH and line.startswith(indent) for line in text.splitlines())
    difference = DIFFERENCES.get(module, {}).get(name, returns.Difference())
    assert value["description"] == f"{VALUES[name].description} {difference.added}".strip()
    assert value.get("returned") == (None if indent else difference.returned or VALUES[name].returned)


def test_a_name_that_the_table_does_not_have_is_an_error_with_its_module():
    text = 'RETURN = r"""\n# Shared values: rows, lines\n# End of shared values\n"""\n'
    with pytest.raises(ValueError, match=r"plugins/modules/x\.py: lines is not a shared value: expected one of rows, "):
        returns.fill_values("x", text)


def test_a_module_names_its_values_and_gets_their_documentation():
    text = 'RETURN = r"""\n# Shared values: errors\nold\n# End of shared values\nown: {description: Own., type: str}\n"""\n'
    found = documented(returns.fill_values("x", text))
    assert (list(found), found["errors"]["returned"]) == (["errors", "own"], "always")
