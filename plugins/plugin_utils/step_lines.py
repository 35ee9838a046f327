# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that the callback xitrum.host.fleet prints of a step. Pure: what happened in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..module_utils.core.name_lists import format_names
from ..module_utils.core.untrusted_text import escape_text

#: The column in which the counts of a step begin.
COLUMN = 62
#: How many hosts a line lists by name.
LISTED = 3
#: How many lines of what a program printed a failure shows.
LAST_LINES = 10
#: In the order in which a line has them. Words, since a log may have no colours.
BAD_STATES = ("unreachable", "failed", "failed, rescued", "failed, ignored", "unreachable, ignored")
STATES = (*BAD_STATES, "changed", "ok", "skipped")
#: States that end a run on a host.
ENDING = ("unreachable", "failed")
#: Messages of Ansible that give no cause.
VAGUE = ("MODULE FAILURE", "non-zero return code", "One or more items failed")
#: Verbs of advice. Others, such as "read", are in many errors, and count at the start of a sentence alone.
_VERBS = (
    "add", "build", "change", "choose", "correct", "deploy", "fix", "free", "give", "install", "leave", "lower", "move",
    "put", "raise", "remove", "rename", "repair", "run", "set", "start", "stop", "upgrade", "use", "wait",
)
_FIRST = "|".join(verb.title() for verb in (*_VERBS, "check", "make", "name", "read"))
#: What a message has that already states what to do: a command, or an imperative after the cause.
ADVICE = re.compile(
    rf"ansible-playbook|the same command again|the playbook again|see the table|\badd -e |[.:;] (?:{_FIRST}) "
    rf"|(?:[:;]|,(?: or| and| then)?) (?:{'|'.join(_VERBS)}) "
)
#: Rules on what a user gives a run, by the part of their identifiers before the dot. Others are on the hosts.
INPUT_RULES = frozenset(
    "command console decommissioned history inventory load logs openshift operation platform question removal rollback "
    "secrets supervisor variable xitrum".split()
)
#: A message that begins with a variable and what is wrong with it.
_OF_VARIABLE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+(?: is | has | cannot |: )")
#: A message on an instance that did not become healthy, or did not stay so.
_OF_RELEASE = re.compile(r" is not healthy | was healthy and did not stay so ")
#: What a failure is of that one task finds for the whole run.
INPUT_LABEL, RUN_LABEL = "inventory or command line", "this run"
#: What to do about a failure whose message has no advice, by its kind: see `find_kind`.
NEXT_STEPS = {
    "package": "Build or choose another package, then run the playbook with it.",
    "input": "Correct the inventory or the command line, then run the playbook again.",
    "unreachable": "Make sure that Ansible can connect to each host, then run the same command again: {command}",
    "release": (
        "If the release is broken, deploy a fixed package. Otherwise fix the cause, then run the same command again: "
        "{command}"
    ),
    "": "Fix the cause, then run the same command again: {command}",
}
#: Kinds of which the whole results of steps have nothing to add.
COMPLETE = ("package", "input")

#: A host to which each item of a loop is delegated, such as {{ item }} or {{ item.host }}.
_OF_ITEM = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def format_host(host: str, delegate_to: Any, result: Mapping[str, Any]) -> str:
    """Return the label of a result: the host, and those to which its task was delegated.

    delegate_to: as the task has it, so that it may be a template. Of one that is not part of an item, the host alone is
    returned.
    """
    found = _OF_ITEM.fullmatch(str(delegate_to or ""))
    items = [item for item in (result.get("results") or [result]) if isinstance(item, Mapping)]
    names = [find_value(item, found[1].split(".")) for item in items] if found else [delegate_to]
    listed = [str(name) for name in dict.fromkeys(names) if name and name != host and "{{" not in str(name)]
    return f"{host} -> {', '.join(listed)}" if listed else host


def find_value(item: Any, keys: Sequence[str]) -> Any:
    """Return what is at the end of keys in nested mappings; None where it is not there."""
    for key in keys:
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


@dataclass
class Outcome:
    """What a host reported: its label, the state, and what there is to print."""

    host: str
    state: str
    text: str = ""
    #: Of a failure: what it is about, see `find_kind`.
    kind: str = ""
    #: Whether the task found it for the whole run, and not on this host alone.
    is_of_run: bool = False


@dataclass
class Step:
    """A task on its hosts."""

    uuid: str
    name: str
    began: float
    indent: int = 1
    #: Whether it computes on the controller alone, so that its success is not worth a line.
    is_internal: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    #: The hosts in the order of the play.
    started: dict[str, None] = field(default_factory=dict)
    #: Texts of debug tasks, and diffs: host to text.
    messages: list[tuple[str, str]] = field(default_factory=list)
    diffs: list[tuple[str, str]] = field(default_factory=list)

    def sort(self) -> None:
        """Bring the outcomes into the order of the play: hosts report in the order in which they end."""
        order = [*(host for host in self.started if host in self.outcomes), *self.outcomes]
        self.outcomes = {host: self.outcomes[host] for host in order}

    def list_hosts(self, state: str) -> list[str]:
        """Return the labels of the hosts in a state."""
        return [outcome.host for outcome in self.outcomes.values() if outcome.state == state]


def format_seconds(seconds: float) -> str:
    """Return a duration: tenths of a second below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def format_hosts(hosts: Sequence[str]) -> str:
    """Return the first few names of hosts, and how many more there are."""
    return format_names(hosts, LISTED)


def format_counts(step: Step, shows_skipped: bool = False) -> str:
    """Return how many hosts are in which state. Hosts are named where they differ from the others."""
    found = [(state, step.list_hosts(state)) for state in STATES if state != "skipped" or shows_skipped]
    found = [(state, hosts) for state, hosts in found if hosts]
    if len(found) == 1:
        state, hosts = found[0]
        return f"{len(hosts)} {state}"
    return ", ".join(
        f"{len(hosts)} {state}" + ("" if state in ("ok", "skipped") else f" ({format_hosts(hosts)})")
        for state, hosts in found
    )


def format_step(step: Step, counts: str, seconds: float) -> str:
    """Return the line of a step: its name, the counts, and its time."""
    name = f"{'  ' * step.indent}{step.name} "
    return f"{name}{'.' * max(3, COLUMN - len(name))} {counts}  {format_seconds(seconds)}"


def is_shown(step: Step, shows_ok: bool = True) -> bool:
    """Return whether a step leaves a line: not where all its hosts are skipped."""
    states = {outcome.state for outcome in step.outcomes.values()} - {"skipped"}
    if not states or (states == {"ok"} and (step.is_internal or not shows_ok)):
        return False
    return True


def group_texts(pairs: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Return texts that several hosts have in common, each once with its hosts."""
    found: dict[str, list[str]] = {}
    for host, text in pairs:
        found.setdefault(text, []).append(host)
    return [(hosts, text) for text, hosts in found.items()]


def indent_text(head: str, text: str, indent: int) -> list[str]:
    """Return a text of several lines below a step, with what it is about in front."""
    first, *rest = text.splitlines() or [""]
    blank = "  " * indent
    return [f"{blank}{head}: {first}", *(f"{blank}  {line}".rstrip() for line in rest)]


def render_failures(step: Step) -> list[str]:
    """Return the causes of a step's failures, each once. Those that end no run have one line."""
    lines = []
    for state in BAD_STATES:
        pairs = [(outcome.host, outcome.text) for outcome in step.outcomes.values() if outcome.state == state]
        for hosts, text in group_texts(pairs):
            shown = text if state in ENDING else text.split("\n")[0]
            lines += indent_text(f"{format_hosts(hosts)}: {state}", shown, step.indent + 1)
    return lines


def format_message(value: Any) -> str:
    """Return a message of a task as lines: it may be a list of them."""
    if isinstance(value, (list, tuple)):
        return "\n".join(format_message(item) for item in value)
    # Programs such as ssh end their lines as a terminal needs them.
    return escape_text(re.sub(r"\r+(?=\n|\Z)", "", str(value))).strip("\n")


def find_cause(result: Mapping[str, Any]) -> str:
    """Return why a task failed or a host was not reached, without the rest of its result.

    Of a loop, the causes of the items that failed.
    """
    items = [item for item in result.get("results") or () if isinstance(item, Mapping)]
    failed = [item for item in items if item.get("failed") or item.get("unreachable")]
    if failed:
        labels_of = [format_message(item.get("_ansible_item_label", item.get("item", ""))) for item in failed]
        pairs = zip(labels_of, map(find_cause, failed))
        return "\n".join(f"{', '.join(labels)}: {text}" for labels, text in group_texts(pairs))
    message = format_message(result.get("msg") or result.get("censored") or "")
    if message and not message.startswith(VAGUE):
        return message
    output = filter(None, (result.get(name) for name in ("module_stderr", "stderr", "module_stdout", "stdout")))
    last = format_message(next(output, "")).splitlines()[-LAST_LINES:]
    ended = f"the command failed with exit code {result.get('rc')}"
    head = [ended] if result.get("rc") else [message] if message and not last else []
    return "\n".join([*head, *last]) or "no reason was given"


def has_advice(text: str) -> bool:
    """Return whether a message states what to do."""
    return bool(ADVICE.search(text))


def find_kind(result: Mapping[str, Any], action: str, text: str) -> str:
    """Return what a failure is about: `package`, `input` (of the user), `unreachable` or `release`; empty for the rest.

    action: the name of the task's action, without its collection. text: the cause.
    """
    if result.get("unreachable"):
        return "unreachable"
    parts = {str(rule).partition(".")[0] for rule in result.get("rules") or ()}
    if parts == {"package"}:
        return "package"
    if parts and parts <= INPUT_RULES | {"package"}:
        return "input"
    if not parts and (action == "validate_argument_spec" or _OF_VARIABLE.match(text)):
        return "input"
    return "release" if _OF_RELEASE.search(text) else ""


def format_run_label(kind: str) -> str:
    """Return what a failure is attributed to that one task found for the whole run."""
    return INPUT_LABEL if kind in COMPLETE else RUN_LABEL


def format_next_step(kinds: Iterable[str], command: str) -> str:
    """Return what to do after failures of these kinds. command: the line that runs the same playbook again."""
    found = set(kinds)
    kind = found.pop() if len(found) == 1 else ""
    text = NEXT_STEPS[kind].format(command=command)
    return text if kind in COMPLETE else f"{text}\nTo print the whole result of each step, add -v."
