# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what several modules return alike into their RETURN blocks.

A fragment of Ansible's documentation has no return values. So a module names the values between two comments of its RETURN block, and
this writes their documentation from `VALUES`:

    # Shared values: rows, fixes, errors
    # End of shared values

`python -m tests.docs` writes; tests/unit/repository/test_reference.py fails where a module is not current.
"""

from __future__ import annotations

import pathlib
import re
import textwrap
from dataclasses import dataclass

from .markdown import ROOT, fill

BEGIN, END = r"(?P<indent> *)# Shared values: (?P<names>\w+(?:, \w+)*)", " *# End of shared values"
MODULES = sorted(ROOT.glob("plugins/modules/*.py"))
WIDTH = 120


@dataclass(frozen=True)
class Value:
    """A value that modules return: its description, its type, that of its elements, and the condition under which it is returned."""

    description: str
    type: str
    elements: str = ""
    returned: str = "always"


#: What `Plan.report` returns, and so every module that runs a component.
REPORT = {
    "rows": Value("The desired, configured and effective value of each item, its C(status), the reason (C(why)), and the C(commands) that fix it.",
                  "list", "dict"),
    "fixes": Value("A dictionary of errors in RV(errors) to the commands that fix them.", "dict"),
    "errors": Value("Blocking errors. Each one states how to fix it.", "list", "str"),
    "broken_rules": Value("A dictionary of errors in RV(errors) to the rules that they break. C(docs/reference/rules.md) lists the rules.", "dict"),
}
VALUES = {
    **REPORT,
    "notes": Value("Notes that do not block a run, one sentence each.", "list", "str"),
    "pending": Value("Whether a run would change the host.", "bool", returned="when a component was read"),
    "unfinished": Value("Whether a run still holds the lock of the host, or left a step of a rollout unfinished.", "bool",
                        returned="when a component was read"),
    "restarts": Value("The instances that need a restart (C(instances)), each with its C(index) and the reason (C(why)), and C(rows).", "dict",
                      returned="when O(restarts) is given"),
    "target": Value("The port, unit or process ID of the options that matched.", "str"),
    "process": Value("The name of the process.", "str"),
    "unit": Value("The systemd unit of the process, or an empty string.", "str"),
    "why": Value("The reason, in one sentence.", "str"),
}


@dataclass(frozen=True)
class Difference:
    """How a module is different: when it returns a value, and what to add to the description."""

    returned: str = ""
    added: str = ""


_EMPTY = Difference(added="Always empty.")
_UNSEEN = Difference(added="Also lists what could not be read.")
_MEASURED = "with O(state=planned), O(state=started), O(state=measured) and O(state=burst)"
_REMOVED = "with O(state=proxies_restored) and O(state=leftovers_removed)"
_UNRECORDED = "unless O(state=recorded) succeeds"
#: Module, then value, to the difference.
DIFFERENCES: dict[str, dict[str, Difference]] = {
    "connection_load": {
        "rows": Difference(_MEASURED, "Always empty."), **dict.fromkeys(("fixes", "errors", "broken_rules"), Difference(_MEASURED)),
    },
    "console": {"rows": _EMPTY},
    "host_base": dict.fromkeys(("pending", "unfinished"), Difference("with O(read_only)")),
    "host_record": {
        "rows": Difference(_REMOVED, "Always empty."),
        "fixes": Difference(_REMOVED),
        "errors": Difference(_UNRECORDED, "They block the removal. O(state=read) finds them."),
        "broken_rules": Difference(_UNRECORDED),
    },
    "nofile_info": {"rows": _UNSEEN, "errors": _EMPTY},
    "port_redirect": {
        "rows": Difference(added="One row for each port and address family, and one for each condition that prevents a redirect. After a change "
                                 "they show the new state of the host, and in check mode the state before."),
    },
    "proxy_server": {"rows": Difference(added="One row for each server, as it was before the change.")},
    "service_definition": {"notes": Difference("with O(kind=application)")},
    "somaxconn_info": {"rows": _UNSEEN, "errors": _EMPTY},
    "source_tree": {
        "rows": Difference("success", "One row for each file, with its desired and its current state."),
        **dict.fromkeys(("fixes", "broken_rules"), Difference("success")),
        "errors": Difference("success", "If there are any, the module fails and lists them in its message."),
    },
    "sysctl_profile": {
        "rows": Difference(added="One row for each parameter or kernel module, as it was before the run. C(configured) is the value that applies "
                                 "at boot, and the file that sets it."),
        "errors": Difference(added="They are about the options or the host. If there are any, the module fails."),
    },
}


def render_module(path: pathlib.Path) -> str:
    """Return the text of a module's file with its current shared values."""
    return fill_values(path.stem, path.read_text(encoding="utf-8"))


def fill_values(module: str, text: str) -> str:
    """Return the text of a module with its current shared values."""

    def render(match: re.Match[str]) -> str:
        return "".join(render_entry(module, name, match["indent"]) for name in match["names"].split(", "))

    try:
        return fill(text, BEGIN, END, render)
    except ValueError as error:
        raise ValueError(f"plugins/modules/{module}.py: {error}") from error


def render_entry(module: str, name: str, indent: str = "") -> str:
    """Return the lines of a value as YAML. What is in another value has no condition of its own. Raise ValueError for a name without one."""
    if name not in VALUES:
        raise ValueError(f"{name} is not a shared value: expected one of {', '.join(VALUES)}")
    value, difference = VALUES[name], DIFFERENCES.get(module, {}).get(name, Difference())
    description = f"{value.description} {difference.added}".rstrip()
    returned = difference.returned or value.returned
    if "," in returned:
        returned = f'"{returned}"'
    fields = {"returned": "" if indent else returned, "type": value.type, "elements": value.elements}
    # A key and its value stay in one line, which only reads better.
    rest = "".join(f", {key}:\N{NO-BREAK SPACE}{field}" for key, field in fields.items() if field)
    line = f'{indent}{name}: {{description:\N{NO-BREAK SPACE}"{description}"{rest}}}'
    lines = textwrap.wrap(line, WIDTH, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ") + "\n"


def drop_shared(text: str) -> str:
    """Return the text of a module with its own values alone."""
    return fill(text, BEGIN, END, lambda _match: "")
