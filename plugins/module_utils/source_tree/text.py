# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes single lines of a `Procfile`, a `system.properties` and a `build.sbt`,
and leaves the others as they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..configuration.hocon_edit import end_last_line, find_newline
from .sbt_definitions import expand, read_aliases
from .sbt_project import is_packaging

#: Kind of a file of entries to what stands between a name and its value.
SEPARATORS = {"procfile": ": ", "properties": "="}


def set_entries(text: str, kind: str, values: dict[str, str]) -> str:
    """The text with these values. Of several lines with one name the last is in force and is the one that changes."""
    # A process runner hands a carriage return on to the program, as part of its last argument.
    text = text.replace("\r\n", "\n") if kind == "procfile" else text
    for name, value in values.items():
        found = list(re.finditer(rf"(?m)^[ \t]*{re.escape(name)}[ \t]*[:=][ \t]*(.*?)[ \t]*\r?$", text))
        if not found:
            text = f"{end_last_line(text)}{name}{SEPARATORS[kind]}{value}{find_newline(text)}"
        elif found[-1].group(1) != value:
            text = text[:found[-1].start(1)] + value + text[found[-1].end(1):]
    return text


def define_alias(text: str, name: str, command: str, others: Sequence[str] = ()) -> str:
    """The text of a `build.sbt` in which this command alias is defined. Raises ValueError where another one is.

    others: the texts of the build's other files, whose aliases it may run.
    """
    own = read_aliases(text)
    aliases = {known: one for other in (*others, text) for known, one in read_aliases(other).items()}
    if name not in own:
        # A blank line before it: older sbt versions want one between settings.
        gap = find_newline(text) if text.strip() else ""
        return f'{end_last_line(text)}{gap}addCommandAlias("{name}", "{command}"){find_newline(text)}'
    found = own[name]
    runs = (
        []
        if found.command is None
        else expand(found.command, {other: one for other, one in aliases.items() if other != name})
    )
    desired = command.strip("; ")
    if not any(runs_command(project, one, desired) for project, one in runs):
        defined = found.code if found.command is None else repr(found.command.strip())
        raise ValueError(
            f'line {found.line}: the alias "{name}" runs {defined}; expected one that runs {desired}. Add it there'
        )
    return text


def runs_command(project: str, command: str, desired: str) -> bool:
    """Whether a command of a project is the desired one. The packaging task may have either of its names; the project
    is compared where the desired command names one."""
    scope, _slash, task = desired.rpartition("/")
    if scope and project != scope:
        return False
    return command == task or (is_packaging(command) and is_packaging(task))
