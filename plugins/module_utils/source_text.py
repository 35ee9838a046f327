# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes single lines of a C(Procfile), a C(system.properties) and a C(build.sbt), and leaves the others as they are. Pure."""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils.hocon_edit import ended, newline
from ansible_collections.xitrum.host.plugins.module_utils.sbt_project import is_packaging
from ansible_collections.xitrum.host.plugins.module_utils.source_tokens import without_comments

#: Kind of a file of entries to what stands between a name and its value.
SEPARATORS = {"procfile": ": ", "properties": "="}

_ALIAS = r'addCommandAlias\s*\(\s*"{}"\s*,\s*(?:"""([\s\S]*?)"""|"((?:[^"\\\n]|\\.)*)"|([^)]*))'


def entries(text, kind, values):
    """The text with these values. Of several lines with one name the last is in force and is the one that changes."""
    # A process runner hands a carriage return on to the program, as part of its last argument.
    text = text.replace("\r\n", "\n") if kind == "procfile" else text
    for name, value in values.items():
        found = list(re.finditer(rf"(?m)^[ \t]*{re.escape(name)}[ \t]*[:=][ \t]*(.*?)[ \t]*\r?$", text))
        if not found:
            text = f"{ended(text)}{name}{SEPARATORS[kind]}{value}{newline(text)}"
        elif found[-1].group(1) != value:
            text = text[:found[-1].start(1)] + value + text[found[-1].end(1):]
    return text


def alias(text, name, command):
    """The text of a C(build.sbt) in which this command alias is defined. Raises ValueError where another one is."""
    bare = without_comments(text)
    found = re.search(_ALIAS.format(re.escape(name)), bare)
    if not found:
        # A blank line before it: older sbt versions want one between settings.
        gap = newline(text) if text.strip() else ""
        return f'{ended(text)}{gap}addCommandAlias("{name}", "{command}"){newline(text)}'
    has = next(part for part in found.groups() if part is not None)
    parts = [part.strip() for part in has.split(";")]
    # A user's alias may run the packaging task by a name of before, or through an alias of its own.
    if command.strip("; ") not in parts and not (is_packaging(command.strip("; ")) and any(map(is_packaging, parts))):
        line = bare.count("\n", 0, found.start()) + 1
        raise ValueError(f'line {line}: the alias "{name}" runs {has.strip()!r}; wanted is one that runs {command.strip("; ")}. Add it there.')
    return text
