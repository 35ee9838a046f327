# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every role keeps: its specification, its defaults and its page report the same."""

from __future__ import annotations

import collections
import functools
import re

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.desired import inputs

from tests.docs import role_variables

ROLES = role_variables.list_roles()


def defaults(role):
    path = role / "defaults" / "main.yml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def texts(role):
    return {path: path.read_text() for folder in ("tasks", "vars", "templates", "defaults") for path in (role / folder).glob("**/*") if path.is_file()}


@pytest.fixture(name="role", params=ROLES, ids=lambda path: path.name)
def fixture_role(request):
    return request.param


def test_every_entry_point_is_described(role):
    """The documentation of the collection is not rendered otherwise."""
    path = role / "meta" / "argument_specs.yml"
    points = yaml.safe_load(path.read_text())["argument_specs"] if path.exists() else {}
    assert [name for name, point in points.items() if not (point.get("short_description") and point.get("description"))] == []


def test_every_default_is_specified_and_the_same(role):
    specified = role_variables.read_options(role)
    for name, value in defaults(role).items():
        assert name in specified, f"{name} has a default and no specification"
        if not role_variables.is_expression(value):
            assert specified[name].get("default") == value, f"the default of {name} differs from its specification"


def test_a_default_that_is_worked_out_is_described(role):
    for name, value in defaults(role).items():
        if role_variables.is_expression(value):
            option = role_variables.read_options(role)[name]
            assert "default" not in option, f"the default of {name} is worked out, and its specification has a fixed one"
            assert "The default is" in " ".join(option["description"]), f"the specification of {name} does not report what its default is"


@pytest.mark.parametrize("name", inputs.DEFAULTS)
def test_a_default_that_is_computed_in_python_is_described_as_such(name):
    """No role has it, so that a user's own templates do not either."""
    (option,) = [found[name] for found in map(role_variables.read_options, ROLES) if name in found]
    description = " ".join(option["description"])
    assert "default" not in option and not any(name in defaults(role) for role in ROLES)
    assert "The default is" in description and "Your own templates see the variable only if you set it." in description
    assert name in (role_variables.ROOT / "changelogs/fragments/computed-defaults.yml").read_text(encoding="utf-8")


@functools.cache
def words():
    """How often each word is in the roles, the playbooks and what modules share."""
    everywhere = [text for each in ROLES for text in texts(each).values()]
    everywhere += [path.read_text() for pattern in ("playbooks/**/*.yml", "plugins/module_utils/**/*.py") for path in role_variables.ROOT.glob(pattern)]
    return collections.Counter(word for text in everywhere for word in re.findall(r"\w+", text))


def test_every_specified_variable_is_used(role):
    for name in role_variables.read_options(role):
        defined = name in defaults(role)
        assert words()[name] > int(defined), f"{name} is specified and nothing reads it"


def test_names_begin_with_the_roles_name(role):
    prefix = f"{role.name}_"
    assert [name for name in defaults(role) if not name.startswith(prefix)] == []


def test_main_is_an_index(role):
    index = role / "tasks" / "main.yml"
    # The inventory's variables alone are a role without tasks.
    assert index.exists() != (role.name == "xitrum")
    assert not index.exists() or len(index.read_text().splitlines()) <= 60


def test_the_action_group_has_every_module():
    runtime = yaml.safe_load((role_variables.ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["all"] == sorted(path.stem for path in role_variables.ROOT.glob("plugins/modules/*.*"))
