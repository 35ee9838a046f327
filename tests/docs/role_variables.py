# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of variables into each role's README.md from its argument specification.

`python -m tests.docs` writes; tests/unit/repository/test_reference.py fails where a page is not current.
"""

from __future__ import annotations

import re

import yaml

from .markdown import ROOT, convert_description, convert_markup, describe_choices, describe_type, fill, format_default, render_table, walk_options

HEAD = ("variable", "type", "default", "meaning")
BEGIN, END = "<!-- variables: generated from meta/argument_specs.yml -->", "<!-- end of variables -->"


def list_roles():
    """Return the folders of all roles."""
    return sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def find_entry_point(role):
    """Return the role's main entry point, or the only one that it has."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return entries.get("main", next(iter(entries.values())))


def read_options(role):
    """Return the options of that entry point."""
    return find_entry_point(role).get("options", {})


def find_entry_points(role):
    """Return the other entry points that take options of their own: name to specification."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    main = read_options(role)
    return {name: entry for name, entry in entries.items() if entry.get("options", {}) not in (main, {})}


def is_expression(default):
    """Return whether a default is an expression: then the description reports what it is."""
    return isinstance(default, str) and ("{{" in default or "{%" in default)


def describe_default(option):
    """Return the default of an option as a table has it."""
    return "required" if option.get("required") else format_default(option.get("default"))


def list_rows(found):
    """Yield the rows of the table, those of nested options below their parent."""
    for name, option in walk_options(found):
        yield f"`{name}`", describe_type(option), describe_default(option), convert_description(option["description"]) + describe_choices(option)


def render_variables(role):
    """Return the lines between the markers."""
    found = read_options(role)
    text = render_table(HEAD, list_rows(found)) if found else "This role has no variables of its own.\n"
    for name, entry in find_entry_points(role).items():
        text += f"\nEntry point `{name}` (`tasks_from`): {convert_markup(entry['short_description'])}.\n\n{render_table(HEAD, list_rows(entry['options']))}"
    return text


def render_page(role):
    """Return the role's page with a current table. Raise ValueError where the page has no place for it."""
    text = (role / "README.md").read_text()
    if BEGIN not in text:
        raise ValueError(f"roles/{role.name}/README.md has no lines {BEGIN} and {END}, between which its variables belong")
    return fill(text, re.escape(BEGIN), re.escape(END), lambda _match: render_variables(role))
