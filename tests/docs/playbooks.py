# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/reference/playbooks.md from commands.yml, the variables of the roles, and Ansible's own exit codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import ExitCode

from .markdown import REFERENCE, ROOT, convert_description, describe_choices, describe_source, load_yaml, render_table
from .role_variables import describe_default, list_roles, read_options

PAGE = REFERENCE / "playbooks.md"
DATA: dict[str, Any] = load_yaml("commands.yml")

HEAD = f"""# Playbooks

{describe_source("`tests/docs/commands.yml` and `roles/*/meta/argument_specs.yml`")}
In a clone a playbook is `playbooks/NAME.yml`, and `site.yml` at the top. With the collection installed it is `xitrum.host.NAME`. Each one
takes every [variable](variables.md) of the inventory with `-e`; a value passed with `-e` applies to that run only. The tables list those
that are usually passed so.

All take `--check`, `--diff` and `--limit`; `--tags`, `--skip-tags`, `--start-at-task` and `--step` are refused if they would leave tasks
out ([Tags](../how-to/run-a-large-fleet.md#tags)).

"""

CODES = """
## Exit codes

Those of `ansible-playbook`:

"""


def read_variables() -> dict[str, Mapping[str, Any]]:
    """Return the variables of all roles."""
    return {name: option for role in list_roles() for name, option in read_options(role).items()}


def list_rows(names: list[str], known: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each variable of a playbook."""
    for name in names:
        if name in DATA["variables"]:
            own = DATA["variables"][name]
            yield f"`{name}`", own["type"], own["default"], own["meaning"]
        else:
            option = known[name]
            yield f"`{name}`", option["type"], describe_default(option), convert_description(option["description"]) + describe_choices(option)


def render_page() -> str:
    """Return the page."""
    known = read_variables()
    parts = [HEAD, render_table(("playbook", "purpose"), ((f"[{name}](#{name})", entry["purpose"]) for name, entry in DATA["playbooks"].items()))]
    for name, entry in DATA["playbooks"].items():
        guide = (ROOT / "docs" / entry["guide"]).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        parts.append(f"\n## {name}\n\n{entry['purpose']}\n\n")
        parts.append(f"It changes: {entry['changes']}. Guide: [{guide}](../{entry['guide']}).\n\n")
        parts.append(render_table(("variable", "type", "default", "meaning"), list_rows(entry["variables"], known)))
    parts.append(CODES)
    parts.append(render_table(("code", "meaning"), ((str(int(code)), DATA["exit_codes"][code.name]) for code in ExitCode)))
    return "".join(parts)
