# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/reference/variables.md: every variable of every role, from meta/argument_specs.yml and examples.yml."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from .markdown import (
    REFERENCE,
    convert_description,
    describe_choices,
    describe_source,
    describe_type,
    format_value,
    is_same,
    load_yaml,
    render_table,
    walk_options,
)
from .playbooks import DATA as PLAYBOOKS
from .role_variables import describe_default, list_roles, read_options

PAGE = REFERENCE / "variables.md"

HEAD = f"""# Variables

{describe_source("`roles/*/meta/argument_specs.yml` and `tests/docs/examples.yml`")}
The variables of the inventory begin with `xitrum_`. Set for all hosts what the proxies need too: `xitrum_name`, `xitrum_health_path`,
`xitrum_health_status`, `xitrum_cluster`; and `xitrum_root` and `xitrum_log_dir` for the group `xitrum_decommissioned`. A misspelt `xitrum_*`
variable stops a run, with the nearest name that exists. A misspelt variable of a role is a warning.

A role takes its own defaults from the inventory's variables. Set `proxy_*`, `tuning_*` and so on where the inventory has no variable for
it, or where you use the role alone. An empty default means: not set, or what the meaning reports.

A value of a wrong type or out of its range stops a run before any host changes. The message has the value found and the value expected.
Times are in seconds and sizes in bytes, where the meaning has no other unit.

"""


@functools.cache
def read_examples() -> dict[str, Any]:
    """Return the examples that somebody wrote."""
    return load_yaml("examples.yml")


def find_example(name: str, option: Mapping[str, Any]) -> Any:
    """Return an example of a variable: a written one, another choice than the default, the opposite of a bool, or a part of its parent's.

    Raise KeyError where there is none.
    """
    if name in read_examples():
        return read_examples()[name]
    if option.get("choices") and option["type"] != "list":
        return next(choice for choice in option["choices"] if not is_same(choice, option.get("default")))
    if option["type"] == "bool":
        return not option.get("default", False)
    if option.get("type") == "raw" and isinstance(option.get("default"), list):
        return []
    parent, _dot, part = name.rpartition(".")
    value = read_examples()[parent] if parent in read_examples() else find_example(parent, {"type": "dict"}) if parent else {}
    value = value[0] if isinstance(value, list) else value
    return value[part]


def list_rows(role) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a role's table."""
    for name, option in walk_options(read_options(role)):
        yield (f"`{name}`", describe_type(option), describe_default(option), format_value(find_example(name, option)),
               convert_description(option["description"]) + describe_choices(option))


def render_page() -> str:
    """Return the page."""
    found = {role.name: role for role in list_roles() if read_options(role)}
    ordered = ["xitrum", *(name for name in found if name != "xitrum")]
    parts = [HEAD, "Roles: ", ", ".join(f"[{name}](#{name})" for name in ordered)]
    parts.append(". Variables of [playbooks alone](#playbooks-alone).\n")
    for name in ordered:
        parts.append(f"\n## {name}\n\nThe role [{name}](../../roles/{name}/README.md).\n\n")
        parts.append(render_table(("variable", "type", "default", "example", "meaning"), list_rows(found[name])))
    parts.append("\n## Playbooks alone\n\nThese are passed with `-e`.\n\n")
    parts.append(render_table(
        ("variable", "playbook", "type", "default", "example", "meaning"),
        ((f"`{name}`", f"[{own['playbook']}](playbooks.md#{own['playbook']})", own["type"], own["default"], format_value(own["example"]),
          own["meaning"]) for name, own in PLAYBOOKS["variables"].items()),
    ))
    return "".join(parts)
