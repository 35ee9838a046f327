# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the table of variables into each role's README.md from its argument specification: said once, never by hand.

C(python -m tests.docs.role_variables) writes; tests/unit/roles/test_roles.py fails where a page is not current.
"""

from __future__ import annotations

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- variables: generated from meta/argument_specs.yml -->", "<!-- end of variables -->"


def roles():
    """The folders of all roles."""
    return sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def options(role):
    """The options of the role's main entry point, or of the only one that it has."""
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return entries.get("main", next(iter(entries.values()))).get("options", {})


def worked_out(default):
    """Whether a default is an expression: then the description says what it is."""
    return isinstance(default, str) and ("{{" in default or "{%" in default)


def plain(text):
    """Ansible's markup as Markdown."""
    text = re.sub(r"\b[COVE]\(([^()]*(?:\([^()]*\)[^()]*)*)\)", r"`\1`", text)
    text = re.sub(r"\bP\(([^()#]*)#\w+\)", r"`\1`", text)
    text = re.sub(r"\b[MU]\(([^()]*)\)", r"`\1`", text)
    return text.replace("|", "\\|")


def rows(found, prefix=""):
    """The lines of the table, those of nested options below their parent."""
    for name, option in found.items():
        said = option["description"]
        sentence = " ".join(said if isinstance(said, list) else [said])
        if "choices" in option:
            sentence += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        default = "required" if option.get("required") else shown(option.get("default"))
        yield f"| `{prefix}{name}` | {kind} | {default} | {plain(sentence)} |"
        yield from rows(option.get("options", {}), f"{prefix}{name}.")


def shown(default):
    """A default as the table has it."""
    if default is None:
        return ""
    return f"`{yaml.safe_dump(default, default_flow_style=True).splitlines()[0]}`".replace("|", "\\|")


def table(role):
    """The table between its markers."""
    lines = list(rows(options(role)))
    head = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |"] if lines else ["This role has no variables of its own."]
    return "\n".join([BEGIN, *head, *lines, END])


def page(role):
    """The role's page with a current table. Raises ValueError where the page has no place for it."""
    text = (role / "README.md").read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"roles/{role.name}/README.md has no lines {BEGIN} and {END}, between which its variables belong")
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _match: table(role), text, flags=re.DOTALL)


if __name__ == "__main__":
    for each in roles():
        (each / "README.md").write_text(page(each))
