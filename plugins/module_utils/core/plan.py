# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every concern's planning returns: rows of three columns, what has to be done, and the diff of it.

A concern is one file of C(module_utils) with three functions: C(read(host, wanted)) asks the machine,
C(plan(wanted, state)) is pure and decides, C(apply(host, plan)) acts. Its own module calls all three; the reader
M(xitrum.host.host_state_info) calls the first two, so that a run that finds nothing to do sends nothing else.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field

from .foreign_text import escaped, printable, sendable

#: The mends of what a run of a playbook mends, of what only root sees, and of a host that does not answer. Playbooks by their
#: names in the collection, which can be typed in any folder.
RUN = "ansible-playbook xitrum.host.site"
LOOK = "ansible-playbook xitrum.host.check"
#: The host's JDK, kernel and limits alone; and a release that the hosts have.
BASE = "ansible-playbook xitrum.host.base"
ROLLBACK = "ansible-playbook xitrum.host.rollback"
PING = "ansible.builtin.ping"
#: A server of a proxy is set: the options of M(xitrum.host.proxy_server) follow, as NAME=VALUE.
SERVER = "proxy_server"


@dataclass
class Row:
    """One line of the three columns. Values are text, as a person would write them; an empty one is not known.

    C(commands) fix what the row reports on its host, in their order; each is a list of words. C(mend) shows them as a line,
    unless it is something else to do. A line to paste is made of C(commands) alone, never of a text.
    """

    concern: str
    item: str
    wanted: str = ""
    configured: str = ""
    effective: str = ""
    status: str = "ok"
    why: str = ""
    mend: str = ""
    commands: list = field(default_factory=list)

    def __post_init__(self):
        if self.commands:
            self.fix(*self.commands)

    def fix(self, *commands):
        """Has the row fixed by these commands of its host."""
        self.commands, self.mend = [list(words) for words in commands], shell_line(commands)


class Problem(str):
    """A sentence on a blocking error, with the C(commands) of its host that fix it. See L(Row)."""

    def __new__(cls, text, *commands):
        problem = super().__new__(cls, text)
        problem.commands = [list(words) for words in commands]
        return problem

    @classmethod
    def within(cls, template, text):
        """A sentence that holds another one in the place of C({}), with its commands where it has some."""
        return cls(template.format(text), *getattr(text, "commands", ()))


def shell_line(commands):
    """Commands, each a list of words, as one line for a shell."""
    # A bare ! is one of iptables; shells act on it as the first word alone.
    return " && ".join(" ".join(word if word == "!" else shlex.quote(word) for word in words) for words in commands)


@dataclass
class Plan:
    """What a concern's C(plan) decided. C(actions) are the concern's own; an empty list means that nothing is to do."""

    rows: list = field(default_factory=list)
    actions: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    before: str = ""
    after: str = ""
    facts: dict = field(default_factory=dict)

    @property
    def changed(self):
        """Whether C(apply) would change the host."""
        return bool(self.actions)

    def report(self):
        """The part that modules return: no action, since those may hold secrets. C(fixes) maps a problem to its commands."""
        return sendable({
            "changed": self.changed,
            # For people, who read them on a terminal. Values that a later task uses are in the facts, as they are.
            "rows": [{name: escaped(value) if isinstance(value, str) else value for name, value in asdict(row).items()} for row in self.rows],
            "problems": [escaped(problem) for problem in self.problems],
            "fixes": {escaped(str(one)): one.commands for one in self.problems if getattr(one, "commands", None)},
            **self.facts,
        })

    def diff(self, header=""):
        """Ansible's diff of the plan."""
        return sendable({"before": self.before, "after": self.after, "before_header": header, "after_header": header})


def comment_out(file, number):
    """The command that makes a line of a file a comment."""
    return ["sed", "-i", f"{number}s/^/# /", file]


def unread_rows(concern, lines, most=5):
    """A row for each line of a file that could not be read, at most C(most) a file. C(lines) are C((file, number, text, why))."""
    rows, counts = [], {}
    for file, number, text, why in lines:
        counts[file] = counts.get(file, 0) + 1
        if counts[file] <= most:
            rows.append(Row(concern, f"{file} line {number}", configured=printable(text), status="unseen", why=why,
                            commands=[comment_out(file, number)]))
    rows += [Row(concern, f"{file}, more lines", status="unseen", why=f"found {count - most} more lines that could not be read; correct the file")
             for file, count in counts.items() if count > most]
    return rows
