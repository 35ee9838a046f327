# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of variables into each role's README.md from its argument specification.

`python -m tests.docs` writes; tests/unit/repository/test_reference.py fails where a page is not current.
"""

from __future__ import annotations

import re

import yaml

from .markdown import ROOT, choices_of, fill, kind_of, nested, plain, sentences, shown, table

HEAD = ("variable", "type", "default", "meaning")
BEGIN, END = "<!-- variables: generated from meta/argument_specs.yml -->", "<!-- end of variables -->"


def roles():
    """Return the folders of all roles."""
    return sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def entry_point(role):
    """Return the role's main entry point, or the only one that it has."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return entries.get("main", next(iter(entries.values())))


def options(role):
    """Return the options of that entry point."""
    return entry_point(role).get("options", {})


def entry_points(role):
    """Return the other entry points that take options of their own: name to specification."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    main = options(role)
    return {name: entry for name, entry in entries.items() if entry.get("options", {}) not in (main, {})}


def worked_out(default):
    """Return whether a default is an expression: then the description reports what it is."""
    return isinstance(default, str) and ("{{" in default or "{%" in default)


def default_of(option):
    """Return the default of an option as a table has it."""
    return "required" if option.get("required") else shown(option.get("default"))


def rows(found):
    """Yield the rows of the table, those of nested options below their parent."""
    for name, option in nested(found):
        yield f"`{name}`", kind_of(option), default_of(option), sentences(option["description"]) + choices_of(option)


def variables_table(role):
    """Return the lines between the markers."""
    found = options(role)
    text = table(HEAD, rows(found)) if found else "This role has no variables of its own.\n"
    for name, entry in entry_points(role).items():
        text += f"\nEntry point `{name}` (`tasks_from`): {plain(entry['short_description'])}.\n\n{table(HEAD, rows(entry['options']))}"
    return text


def page(role):
    """Return the role's page with a current table. Raise ValueError where the page has no place for it."""
    text = (role / "README.md").read_text()
    if BEGIN not in text:
        raise ValueError(f"roles/{role.name}/README.md has no lines {BEGIN} and {END}, between which its variables belong")
    return fill(text, re.escape(BEGIN), re.escape(END), lambda _match: variables_table(role))
