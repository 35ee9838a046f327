# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the pages of modules, filters and roles in docs/reference/ from what the code reports about itself."""

from __future__ import annotations

import ast
import functools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from .markdown import REFERENCE, ROOT, convert_description, describe_choices, describe_source, describe_type, format_default, render_table, walk_options
from .role_variables import find_entry_point, list_roles

MODULES, FILTERS, ROLES = (REFERENCE / name for name in ("modules.md", "filters.md", "roles.md"))
_PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def list_constants(path: pathlib.Path, scope: str = "") -> dict[str, Any]:
    """Return the YAML texts that a Python file has in constants, at its top or in a class."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    if scope:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == scope)
    return {
        target.id: yaml.safe_load(node.value.value)
        for node in body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets if isinstance(target, ast.Name) and (target.id in _PARTS or scope) and target.id.isupper()
    }


@functools.cache
def read_fragment(name: str) -> dict[str, Any]:
    """Return the options of a fragment of this collection, NAME or NAME.PART; nothing of one of another collection."""
    if not name.startswith("xitrum.host."):
        return {}
    file, _dot, part = name.removeprefix("xitrum.host.").partition(".")
    found = list_constants(ROOT / "plugins" / "doc_fragments" / f"{file}.py", "ModuleDocFragment")
    return found[part.upper() or "DOCUMENTATION"].get("options") or {}


def read_documentation(path: pathlib.Path) -> dict[str, Any]:
    """Return the documentation of a module or filter, with the options of its fragments."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.suffix == ".yml" else list_constants(path)
    entry = dict(found["DOCUMENTATION"])
    fragments = entry.get("extends_documentation_fragment") or []
    shared: dict[str, Any] = {}
    for name in [fragments] if isinstance(fragments, str) else fragments:
        shared |= read_fragment(name)
    entry["options"] = {**(entry.get("options") or {}), **{name: option for name, option in shared.items() if name not in (entry.get("options") or {})}}
    entry["returns"] = found.get("RETURN") or {}
    return entry


def list_plugin_files(kind: str) -> list[pathlib.Path]:
    """Return the files of modules or filters, each documented in the file itself or in a YAML file of its name."""
    paths = sorted((ROOT / "plugins" / kind).glob("*.*"))
    return [path for path in paths if path.suffix in (".py", ".yml") and path.stem != "__init__" and _has_documentation(path)]


def _has_documentation(path: pathlib.Path) -> bool:
    return path.suffix == ".yml" or "DOCUMENTATION" in list_constants(path)


def list_option_rows(options: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each option: the required ones first, then by name, nested ones after their parent."""
    ordered = dict(sorted(options.items(), key=lambda item: (not item[1].get("required"), item[0])))
    for name, option in walk_options(ordered, key="suboptions"):
        default = "required" if option.get("required") else format_default(option.get("default"))
        yield f"`{name}`", describe_type(option), default, convert_description(option.get("description")) + describe_choices(option)


def list_return_rows(returns: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each value that comes back."""
    for name, value in walk_options(returns, key="contains"):
        when = value.get("returned", "")
        yield f"`{name}`", describe_type(value), convert_description(when), convert_description(value.get("description"))


def render_section(path: pathlib.Path, heads: tuple[str, str]) -> str:
    """Return the section of a module or a filter."""
    entry = read_documentation(path)
    parts = [f"\n## {path.stem}\n\n{convert_description(entry['short_description'])}.\n\n"]
    parts += [f"- {convert_description(part)}\n" for part in ([entry["description"]] if isinstance(entry["description"], str) else entry["description"])]
    if entry["options"]:
        parts += ["\n", render_table((heads[0], "type", "default", "meaning"), list_option_rows(entry["options"]))]
    if entry["returns"]:
        parts += ["\n", render_table((heads[1], "type", "returned", "meaning"), list_return_rows(entry["returns"]))]
    return "".join(parts)


def render_overview(files: list[pathlib.Path], head: str) -> str:
    """Return the table at the top of a page."""
    return render_table((head, "purpose"), (
        (f"[{path.stem}](#{path.stem})", convert_description(read_documentation(path)["short_description"])) for path in files))


def render_modules() -> str:
    """Return the page of modules."""
    files = list_plugin_files("modules")
    head = (f"# Modules\n\n{describe_source('`plugins/modules/` and `plugins/doc_fragments/`')}\n"
            "`ansible-doc xitrum.host.NAME` prints the same with examples. How to use them in your own playbooks:\n"
            "[Use the modules](../how-to/use-modules-in-your-playbooks.md).\n\n")
    return head + render_overview(files, "module") + "".join(render_section(path, ("option", "value")) for path in files)


def render_filters() -> str:
    """Return the page of filters."""
    files = list_plugin_files("filter")
    head = (f"# Filters\n\n{describe_source('`plugins/filter/`')}\n"
            "`ansible-doc -t filter xitrum.host.NAME` prints the same with examples. `_input` is the value before the pipe, `_value` the result.\n\n")
    return head + render_overview(files, "filter") + "".join(render_section(path, ("option", "value")) for path in files)


def render_roles() -> str:
    """Return the page of roles."""
    rows = []
    for role in list_roles():
        entry = find_entry_point(role)
        rows.append((f"[{role.name}](../../roles/{role.name}/README.md)", convert_description(entry["short_description"]),
                     f"[{len(entry['options'])}](variables.md#{role.name})" if entry.get("options") else "0"))
    head = (f"# Roles\n\n{describe_source('`roles/*/meta/argument_specs.yml`')}\n"
            "A role's page has what it does, what it changes on a host, how to use it alone, and its variables.\n\n")
    return head + render_table(("role", "purpose", "variables"), rows)
