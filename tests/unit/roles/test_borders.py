# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private variables of a role stay in it, and nested data is computed in Python and not by programs in Jinja."""

from __future__ import annotations

import re

import yaml

from tests.docs.role_variables import ROOT

ROLES = ROOT / "roles"

#: A loop or an assignment of Jinja in YAML.
PROGRAM = re.compile(r"\{%-?\s*(?:set|for)\b")


def texts():
    """The YAML files and templates of roles and playbooks: owner, path and text."""
    for folder, owner in [(path, path.name) for path in sorted(ROLES.iterdir()) if path.is_dir()] + [(ROOT / "playbooks", "playbooks")]:
        for path in sorted((*folder.rglob("*.yml"), *folder.rglob("*.j2"))):
            yield owner, path, path.read_text(encoding="utf-8")


def names():
    """The names of the roles."""
    return sorted(path.name for path in ROLES.iterdir() if path.is_dir())


#: Variables of playbooks that begin as those of the role `run` do.
OF_PLAYBOOKS = {"__run_hosts"}


def test_private_variables_cross_no_border():
    private = re.compile(rf"\b__({'|'.join(sorted(names(), key=len, reverse=True))})_[a-z0-9_]+\b")
    found = {}
    for owner, _path, text in texts():
        for match in private.finditer(text):
            if match[1] != owner and not (owner == "playbooks" and match[0] in OF_PLAYBOOKS):
                found.setdefault(match[0], set()).add(owner)
    assert len(names()) > 15
    assert found == {}


def includes(tasks):
    """Each include or import of another role's task file: the role, the entry point, and the variables that it is given."""
    for task in tasks or ():
        for part in ("tasks", "block", "rescue", "always"):
            yield from includes(task.get(part))
        for action in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
            if action in task:
                given = set(task.get("vars") or ()) | {(task.get("loop_control") or {}).get("loop_var", "item")}
                role = task[action]
                yield role["name"].rpartition(".")[2], role.get("tasks_from", "main.yml").removesuffix(".yml"), given


def test_what_an_entry_point_of_a_role_is_given_is_specified():
    """A role's task file that others include takes the options of its specification, and all that it needs."""
    checked = set()
    for _owner, path, text in texts():
        if path.suffix != ".yml" or not {"tasks", "plays", "playbooks"} & set(path.parts):
            continue
        for role, entry, given in includes(yaml.safe_load(text)):
            own = {name for name in given if name.startswith(f"{role}_")}
            if not own:
                continue
            specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
            options = specs.get(entry, specs["main"])["options"]
            assert own <= set(options), f"{path}: {role} {entry}"
            missing = {name for name, option in options.items() if option.get("required")} - own
            assert missing == set(), f"{path}: {role} {entry}"
            checked.add((role, entry))
    assert len(checked) > 8


def test_a_program_in_jinja_is_found():
    assert PROGRAM.search("{%- set all = [] -%}") and PROGRAM.search("{% for host in hosts %}") and not PROGRAM.search("{% if a %}")


def test_no_role_or_playbook_has_a_program_in_jinja():
    found = {
        str(path.relative_to(ROOT)) for _owner, path, text in texts() if path.suffix == ".yml" and "meta" not in path.parts and PROGRAM.search(text)
    }
    assert found == set()
