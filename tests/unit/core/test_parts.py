# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that does one of several things refuses the options of the others, and each part gets its own defaults."""

from __future__ import annotations

import importlib
import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xitrum.host.plugins.module_utils.core import parts, runner

from tests.docs.role_variables import ROOT

#: Modules with parts, and the option that chooses.
MODULES = {
    path.stem: importlib.import_module(f"ansible_collections.xitrum.host.plugins.modules.{path.stem}")
    for path in sorted((ROOT / "plugins/modules").glob("*.py")) if "\nPARTS" in path.read_text(encoding="utf-8")
}

ITEMS = {"type": "list", "elements": "dict"}
READ = {
    "root": {"type": "path", "required": True},
    "items": {**ITEMS, "default": [], "options": {"index": {"type": "int", "required": True}, "port": {"type": "int", "default": 7}}},
}
MADE = {
    "root": {"type": "path", "required": True}, "keep": {"type": "int", "default": 5}, "key": {"type": "str", "no_log": True},
    "items": {**ITEMS, "required": True, "options": {"index": {"type": "int", "required": True}, "port": {"type": "int"}}},
}
SPECS = {"read": READ, "made": MADE}


def test_an_option_has_a_default_only_where_all_parts_have_the_same():
    joined = parts.join([READ, MADE])
    assert joined["root"] == READ["root"]
    assert joined["keep"] == {"type": "int"} and joined["key"] == {"type": "str", "no_log": True}
    assert joined["items"] == {**ITEMS, "options": {"index": {"type": "int", "required": True}, "port": {"type": "int"}}}


def test_a_part_completes_its_options_with_its_own_defaults():
    given = {"state": "read", "root": "/a", "keep": None, "key": None, "items": [{"index": 1, "port": None}]}
    desired, errors = parts.choose("state", "read", SPECS, given)
    assert (desired, errors) == ({"root": "/a", "items": [{"index": 1, "port": 7}]}, [])
    desired, errors = parts.choose("state", "made", SPECS, {**given, "state": "made"})
    assert errors == [] and desired["keep"] == 5 and desired["items"] == [{"index": 1, "port": None}]


def test_an_option_of_another_part_is_refused():
    _desired, errors = parts.choose("state", "read", SPECS, {"state": "read", "root": "/a", "keep": 3, "items": None, "key": None})
    assert errors == ["keep has no meaning with state=read: use it with state=made"]


def test_what_a_part_requires_is_missed():
    _desired, errors = parts.choose("state", "made", SPECS, {"state": "made", "root": "/a", "keep": None, "items": None, "key": None})
    assert errors == ["state=made: missing required arguments: items"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_reader_returns_that_nothing_changed(capsys, check_mode):
    part = parts.Reader({"name": {"type": "str", "default": "x"}}, lambda host, desired, check: {"is_check": check, **desired})
    with patch_module_args({"state": "read", "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
        parts.run("state", {"read": part})
    result = json.loads(capsys.readouterr().out)
    assert (result["changed"], result["is_check"], result["name"]) == (False, check_mode, "x")


def test_a_reader_that_fails_reports_why(capsys):
    def fail(host, desired, check_mode):
        raise runner.NotApplied("it is damaged", {"rows": []})

    with patch_module_args({}), pytest.raises(SystemExit):
        parts.run("state", {"read": parts.Reader({}, fail)}, default="read")
    result = json.loads(capsys.readouterr().out)
    assert (result["failed"], result["msg"], result["rows"]) == (True, "it is damaged", [])


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_documentation_of_a_module_states_of_each_option_when_it_has_a_meaning(name):
    """What only some parts have names them. The module itself refuses the option elsewhere."""
    module = MODULES[name]
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    specs = {value: parts.get_spec(part) for value, part in module.PARTS.items()}
    for option in documented:
        having = {value for value, spec in specs.items() if option in spec}
        if having and having != set(specs):
            assert any(f"={value})" in str(documented[option]["description"]) for value in having), option


@pytest.mark.parametrize("name", sorted(MODULES))
def test_options_of_one_name_have_one_type(name):
    specs = [parts.get_spec(part) for part in MODULES[name].PARTS.values()]
    for option in {option for spec in specs for option in spec}:
        types = {(spec[option]["type"], spec[option].get("elements")) for spec in specs if option in spec}
        assert len(types) == 1 or option == "state", option
