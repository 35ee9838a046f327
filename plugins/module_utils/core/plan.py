# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every component's planning returns: rows of three columns, what has to be done, and the diff of it.

See `component` for what a component is. A plan never changes: `plan` gathers what it decides in a `Draft`, and returns
the `Plan` that this becomes.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Iterable, Mapping, Sequence

from .statuses import STATUSES
from .untrusted_text import escape_text, make_printable, make_sendable

#: The fixes of what a run of a playbook fixes, of what only root sees, and of a host that does not answer. Playbooks
#: by their names in the collection, which can be typed in any folder.
RUN = "ansible-playbook xitrum.host.site"
CHECK = "ansible-playbook xitrum.host.check"
#: The host's JDK, kernel and limits alone; and a release that the hosts have.
BASE = "ansible-playbook xitrum.host.base"
ROLLBACK = "ansible-playbook xitrum.host.rollback"
PING = "ansible.builtin.ping"
#: A server of a proxy is set: the options of `xitrum.host.proxy_server` follow, as NAME=VALUE.
SERVER = "proxy_server"


@dataclass(frozen=True)
class Row:
    """One line of the three columns. Values are text, as a person would write them; an empty one is not known.

    `commands` fix what the row reports on its host, in their order; each is a sequence of words. `fix` shows them as a
    line, unless it is something else to do. A line to paste is made of `commands` alone, never of a text.
    """

    component: str
    item: str
    desired: str = ""
    configured: str = ""
    effective: str = ""
    status: str = "ok"
    why: str = ""
    fix: str = ""
    commands: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is the status of a row: expected one of {', '.join(STATUSES)}")
        object.__setattr__(self, "commands", tuple(tuple(words) for words in self.commands))
        if self.commands and not self.fix:
            object.__setattr__(self, "fix", format_shell_line(self.commands))

    def replace(self, **fields: Any) -> Row:
        """The same row with other values in these fields."""
        return replace(self, **fields)

    def add_commands(self, *commands: Sequence[str]) -> Row:
        """The same row, fixed by these commands of its host."""
        return replace(self, commands=tuple(tuple(words) for words in commands), fix="")


class BlockingError(str):
    """A sentence on a blocking error, with the `commands` of its host that fix it, and the identifier of the `rule`
    that it breaks. See `Row`, and `preflight/catalog.py` for the rules."""

    commands: list[list[str]]
    rule: str

    def __new__(cls, text: str, *commands: Sequence[str], rule: str = "") -> BlockingError:
        error = super().__new__(cls, text)
        error.commands = [list(words) for words in commands]
        error.rule = rule
        return error

    @classmethod
    def wrap(cls, template: str, text: str) -> BlockingError:
        """A sentence that holds another one in the place of `{}`, with its commands where it has some."""
        return cls(template.format(text), *getattr(text, "commands", ()), rule=getattr(text, "rule", ""))


def make_rule_errors(rule: str, sentences: Iterable[str]) -> list[str]:
    """The sentences as errors that break a rule. One that names its rule already keeps it, and an empty one is left
    out."""
    return [
        text if getattr(text, "rule", "") else BlockingError(text, *getattr(text, "commands", ()), rule=rule)
        for text in sentences
        if text
    ]


def report_errors(errors: Sequence[str]) -> dict[str, Any]:
    """Errors as modules return them: `errors`, `fixes` of those that commands fix, and the `broken_rules` of those that
    break one."""
    blocking = [one for one in errors if isinstance(one, BlockingError)]
    return {
        "errors": [escape_text(error) for error in errors],
        "fixes": {escape_text(str(one)): one.commands for one in blocking if one.commands},
        "broken_rules": {escape_text(str(one)): one.rule for one in blocking if one.rule},
    }


def format_shell_line(commands: Iterable[Sequence[str]]) -> str:
    """Commands, each a sequence of words, as one line for a shell."""
    # A bare ! is one of iptables; shells act on it as the first word alone.
    return " && ".join(" ".join(word if word == "!" else shlex.quote(word) for word in words) for words in commands)


@dataclass(frozen=True)
class Plan:
    """What a component's `plan` decided. `actions` are the component's own; none means that nothing is to do.

    `desired` and `state` are what it was decided from, so that `apply` needs the plan alone. `files` are the diffs of
    single files as `(path, before, after)`, in place of the one diff from `before` to `after`; None where there is
    that.
    """

    rows: tuple[Row, ...] = ()
    actions: tuple[Any, ...] = ()
    errors: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[tuple[str, str, str], ...] | None = None
    # Both may hold secrets, which a plan does not show.
    desired: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    state: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("rows", "actions", "errors", "files"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def changed(self) -> bool:
        """Whether `apply` would change the host."""
        return bool(self.actions)

    def report(self) -> dict[str, Any]:
        """The part that modules return: no action, since those may hold secrets. `fixes` maps an error to its
        commands, and `broken_rules` to the identifier of its rule."""
        return make_sendable({
            "changed": self.changed,
            "rows": [_report_row(row) for row in self.rows],
            **report_errors(self.errors),
            **self.facts,
        })

    def build_diff(self, header: str = "") -> dict[str, str] | list[dict[str, str]]:
        """Ansible's diff of the plan, or one of each of its files. `header` names what the one diff is of."""
        if self.files is not None:
            return [_format_diff(path, before, after) for path, before, after in self.files]
        return _format_diff(header, self.before, self.after)


def _report_row(row: Row) -> dict[str, Any]:
    # For people, who read them on a terminal. Values that a later task uses are in the facts, as they are.
    fields = {name: escape_text(value) if isinstance(value, str) else value for name, value in asdict(row).items()}
    return {**fields, "commands": [list(words) for words in row.commands]}


def _format_diff(header: str, before: str, after: str) -> dict[str, str]:
    return make_sendable({"before": before, "after": after, "before_header": header, "after_header": header})


@dataclass
class Draft:
    """A plan that is being made. Its fields are those of the `Plan` that it becomes."""

    rows: list[Row] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    files: list[tuple[str, str, str]] | None = None

    @classmethod
    def from_plan(cls, plan: Plan) -> Draft:
        """A draft that begins with what another component has planned."""
        return cls(list(plan.rows), list(plan.actions), list(plan.errors), plan.before, plan.after, dict(plan.facts),
                   None if plan.files is None else list(plan.files))

    def plan(self, desired: dict[str, Any], state: Any) -> Plan:
        """The plan, with what it was decided from."""
        files = None if self.files is None else tuple(self.files)
        return Plan(tuple(self.rows), tuple(self.actions), tuple(self.errors), self.before, self.after, self.facts,
                    files, desired, state)


def comment_out(file: str, number: int) -> list[str]:
    """The command that makes a line of a file a comment."""
    return ["sed", "-i", f"{number}s/^/# /", file]


def build_unread_rows(component: str, lines: Iterable[tuple[str, int, str, str]], most: int = 5) -> list[Row]:
    """A row for each line of a file that could not be read, at most `most` a file. `lines` are `(file, number,
    text, why)`."""
    rows: list[Row] = []
    counts: dict[str, int] = {}
    for file, number, text, why in lines:
        counts[file] = counts.get(file, 0) + 1
        if counts[file] <= most:
            rows.append(Row(component, f"{file} line {number}", configured=make_printable(text), status="not_readable",
                            why=why, commands=(tuple(comment_out(file, number)),)))
    rows += [Row(component, f"{file}, more lines", status="not_readable",
                 why=f"found {count - most} more lines that could not be read; correct the file")
             for file, count in counts.items() if count > most]
    return rows
