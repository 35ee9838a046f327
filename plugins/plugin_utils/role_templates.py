# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the templates of roles from plain values, with the filters and tests of Ansible that they use.

Not by Ansible's own engine: that compiles a template each time that it is rendered, and copies and marks all values.
The values are resolved already, so that nothing in them is a template.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jinja2
import jinja2.meta
from ansible.plugins.filter import core as filters
from ansible.plugins.test import core as tests

from ..module_utils.core import addresses
from .public_variables import ROLES

#: The filters of Ansible that the templates use.
FILTERS = ("combine", "hash", "regex_escape", "regex_replace", "ternary", "to_json")


@functools.lru_cache(maxsize=None)
def get_environment() -> jinja2.Environment:
    """Return the environment of all templates, in the way in which Ansible's lookup `template` sets it."""
    made = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False,
        finalize=lambda value: "" if value is None else value,
    )
    # Not all of them: some, such as Ansible's `default`, are for values of its own engine.
    known = filters.FilterModule().filters()
    made.filters.update({name: known[name] for name in FILTERS})
    made.filters["application_address"] = addresses.format_application_address
    made.tests.update(tests.TestModule().tests())
    return made


@functools.lru_cache(maxsize=None)
def load(role: str, template: str) -> tuple[jinja2.Template, frozenset[str]]:
    """Return a template of a role, and the names of the variables in it, read once a process."""
    text = (ROLES / role / "templates" / f"{template}.j2").read_text(encoding="utf-8")
    names = jinja2.meta.find_undeclared_variables(get_environment().parse(text))
    return get_environment().from_string(text), frozenset(names)


def render(role: str, template: str, variables: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return a rendered template of a role. values: win over variables. A variable that neither has is undefined in
    it."""
    loaded, names = load(role, template)
    needed = {name: variables[name] for name in names if name not in values and name in variables}
    return loaded.render({**needed, **values})
