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

from .markdown import REFERENCE, ROOT, choices_of, generated_from, kind_of, nested, sentences, shown, table
from .role_variables import entry_point, roles

MODULES, FILTERS, ROLES = (REFERENCE / name for name in ("modules.md", "filters.md", "roles.md"))
_PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def constants(path: pathlib.Path, scope: str = "") -> dict[str, Any]:
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
def fragment(name: str) -> dict[str, Any]:
    """Return the options of a fragment of this collection, NAME or NAME.PART; nothing of one of another collection."""
    if not name.startswith("xitrum.host."):
        return {}
    file, _dot, part = name.removeprefix("xitrum.host.").partition(".")
    found = constants(ROOT / "plugins" / "doc_fragments" / f"{file}.py", "ModuleDocFragment")
    return found[part.upper() or "DOCUMENTATION"].get("options") or {}


def documentation(path: pathlib.Path) -> dict[str, Any]:
    """Return the documentation of a module or filter, with the options of its fragments."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.suffix == ".yml" else constants(path)
    entry = dict(found["DOCUMENTATION"])
    fragments = entry.get("extends_documentation_fragment") or []
    shared: dict[str, Any] = {}
    for name in [fragments] if isinstance(fragments, str) else fragments:
        shared |= fragment(name)
    entry["options"] = {**(entry.get("options") or {}), **{name: option for name, option in shared.items() if name not in (entry.get("options") or {})}}
    entry["returns"] = found.get("RETURN") or {}
    return entry


def plugin_files(kind: str) -> list[pathlib.Path]:
    """Return the files of modules or filters, each documented in the file itself or in a YAML file of its name."""
    paths = sorted((ROOT / "plugins" / kind).glob("*.*"))
    return [path for path in paths if path.suffix in (".py", ".yml") and path.stem != "__init__" and _has_documentation(path)]


def _has_documentation(path: pathlib.Path) -> bool:
    return path.suffix == ".yml" or "DOCUMENTATION" in constants(path)


def option_rows(options: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each option: the required ones first, then by name, nested ones after their parent."""
    ordered = dict(sorted(options.items(), key=lambda item: (not item[1].get("required"), item[0])))
    for name, option in nested(ordered, key="suboptions"):
        default = "required" if option.get("required") else shown(option.get("default"))
        yield f"`{name}`", kind_of(option), default, sentences(option.get("description")) + choices_of(option)


def return_rows(returns: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each value that comes back."""
    for name, value in nested(returns, key="contains"):
        when = value.get("returned", "")
        yield f"`{name}`", kind_of(value), sentences(when), sentences(value.get("description"))


def section(path: pathlib.Path, heads: tuple[str, str]) -> str:
    """Return the section of a module or a filter."""
    entry = documentation(path)
    parts = [f"\n## {path.stem}\n\n{sentences(entry['short_description'])}.\n\n"]
    parts += [f"- {sentences(part)}\n" for part in ([entry["description"]] if isinstance(entry["description"], str) else entry["description"])]
    if entry["options"]:
        parts += ["\n", table((heads[0], "type", "default", "meaning"), option_rows(entry["options"]))]
    if entry["returns"]:
        parts += ["\n", table((heads[1], "type", "returned", "meaning"), return_rows(entry["returns"]))]
    return "".join(parts)


def overview(files: list[pathlib.Path], head: str) -> str:
    """Return the table at the top of a page."""
    return table((head, "purpose"), ((f"[{path.stem}](#{path.stem})", sentences(documentation(path)["short_description"])) for path in files))


def modules() -> str:
    """Return the page of modules."""
    files = plugin_files("modules")
    head = (f"# Modules\n\n{generated_from('`plugins/modules/` and `plugins/doc_fragments/`')}\n"
            "`ansible-doc xitrum.host.NAME` prints the same with examples. How to use them in your own playbooks:\n"
            "[Use the modules](../how-to/use-modules-in-your-playbooks.md).\n\n")
    return head + overview(files, "module") + "".join(section(path, ("option", "value")) for path in files)


def filters() -> str:
    """Return the page of filters."""
    files = plugin_files("filter")
    head = (f"# Filters\n\n{generated_from('`plugins/filter/`')}\n"
            "`ansible-doc -t filter xitrum.host.NAME` prints the same with examples. `_input` is the value before the pipe, `_value` the result.\n\n")
    return head + overview(files, "filter") + "".join(section(path, ("option", "value")) for path in files)


def role_page() -> str:
    """Return the page of roles."""
    rows = []
    for role in roles():
        entry = entry_point(role)
        rows.append((f"[{role.name}](../../roles/{role.name}/README.md)", sentences(entry["short_description"]),
                     f"[{len(entry['options'])}](variables.md#{role.name})" if entry.get("options") else "0"))
    head = (f"# Roles\n\n{generated_from('`roles/*/meta/argument_specs.yml`')}\n"
            "A role's page has what it does, what it changes on a host, how to use it alone, and its variables.\n\n")
    return head + table(("role", "purpose", "variables"), rows)
