# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects in two chains of iptables and ip6tables that are ours alone, changed in one commit a family. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Any

from ..core.untrusted_text import split_lines
from .rules import FAMILIES, FOLDER, LOOPBACK, LOOPBACK_ADDRESS, OUTSIDE, UNKNOWN, Rule, Step, remove, run, write

#: Our chain for each origin, and the kernel's that jumps there.
CHAINS = {OUTSIDE: ("XITRUM_HOST_PRE", "PREROUTING"), LOOPBACK: ("XITRUM_HOST_OUT", "OUTPUT")}

COMMANDS = {"ipv4": "iptables", "ipv6": "ip6tables"}
FILES = {"ipv4": f"{FOLDER}/redirects.v4", "ipv6": f"{FOLDER}/redirects.v6"}

#: What a distribution restores at boot: unit, and a file a family.
SAVERS = {
    "netfilter-persistent.service": {"ipv4": "/etc/iptables/rules.v4", "ipv6": "/etc/iptables/rules.v6"},
    "iptables.service": {"ipv4": "/etc/sysconfig/iptables", "ipv6": "/etc/sysconfig/ip6tables"},
}

#: Reports that the table below it is in the file only because of us.
#: iptables-save does not keep it, and the table stays then.
MARK = "# This table was added by the collection xitrum.host\n"
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_EMPTY_TABLE = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"

#: Marks the rules that firewalld keeps for us: those cannot be in chains of their own.
COMMENT = "xitrum.host"
_COMMENT = r"(?P<comment> -m comment --comment xitrum\.host)?"
_PORTS = rf"-m tcp --dport (?P<outside>\d+){_COMMENT} -j REDIRECT --to-ports (?P<inside>\d+)"
_FORMS = {
    OUTSIDE: re.compile(rf"(?:-i (?P<interface>\S+) )?-p tcp -m addrtype --dst-type LOCAL {_PORTS}"),
    LOOPBACK: re.compile(rf"-d (?:127\.0\.0\.1/32|::1/128) -p tcp {_PORTS}"),
}


def format_arguments(rule: Rule, comment: str = "") -> str:
    """A rule as iptables(8) takes it and iptables-save(8) prints it."""
    if rule.origin == OUTSIDE:
        interface = f"-i {rule.interface} " if rule.interface else ""
        # Only what is addressed to this host: what it forwards for containers and guests is theirs.
        match = f"{interface}-p tcp -m addrtype --dst-type LOCAL"
    else:
        match = f"-d {LOOPBACK_ADDRESS[rule.family]}/{32 if rule.family == 'ipv4' else 128} -p tcp"
    comment = f" -m comment --comment {comment}" if comment else ""
    return f"{match} -m tcp --dport {rule.outside}{comment} -j REDIRECT --to-ports {rule.inside}"


def parse_rule(text: str, family: str, comment: bool = False) -> Rule:
    """The reverse: the rule that arguments mean, or UNKNOWN where they are not of our form."""
    for origin, form in _FORMS.items():
        found = form.fullmatch(text)
        if found and bool(found["comment"]) == comment:
            return Rule(
                origin, family, found.groupdict().get("interface") or "", int(found["outside"]), int(found["inside"])
            )
    return UNKNOWN


def parse_tables(text: str | None) -> dict[str, list[str]]:
    """iptables-save's output as `{table: [line]}`, without comments and counters,
    words quoted as a shell wants them."""
    found: dict[str, list[str]] = {}
    current = None
    for _number, line in split_lines(text or ""):
        line = re.sub(r"^\[\d+:\d+\] ", "", line.strip())
        if line.startswith("*"):
            current = found.setdefault(line[1:], [])
        elif line == "COMMIT":
            current = None
        elif current is not None and line and not line.startswith("#"):
            current.append(re.sub(r" \[\d+:\d+\]$", "", line) if line.startswith(":") else remove_quotes(line))
    return found


def remove_quotes(line: str) -> str:
    """A line of iptables-save with quotes only where they are needed: versions differ."""
    try:
        return " ".join(shlex.quote(word) for word in shlex.split(line))
    except ValueError:
        return line


def parse(text: str | None, family: str, jumps: bool = True) -> list[Rule]:
    """Our rules in iptables-save's output, sorted.
    With `jumps`, chains that nothing jumps to, once, do not count as they should."""
    lines, rules = parse_tables(text).get("nat", []), []
    for own, parent in CHAINS.values():
        inside = [parse_rule(line[len(f"-A {own} "):], family) for line in lines if line.startswith(f"-A {own} ")]
        jumping = lines.count(f"-A {parent} -j {own}")
        if jumps and (jumping == 0 or jumping > 1):
            inside = [UNKNOWN] if jumping or inside or f":{own} -" in lines else []
        rules += inside or ([UNKNOWN] if jumps and jumping else [])
    return sorted(rules)


def has_ours(text: str | None) -> bool:
    """Whether anything of ours is in iptables-save's output."""
    return any(_is_ours(line) for line in parse_tables(text).get("nat", []))


def _is_ours(line: str) -> bool:
    line = re.sub(r"^\[\d+:\d+\] ", "", line.strip())
    words = line.split()
    names = [own for own, _parent in CHAINS.values()]
    return (
        line.startswith(tuple(f":{name} " for name in names))
        or len(words) > 1
        and (
            words[1] in names
            or (words[0] == "-A" and any(pair in zip(words, words[1:]) for pair in (("-j", name) for name in names)))
        )
    )


def restore(rules: list[Rule], text: str | None, family: str) -> str:
    """The input of `iptables-restore --noflush` that makes our chains hold these rules,
    from what iptables-save reports."""
    lines, mine = parse_tables(text).get("nat", []), [rule for rule in rules if rule.family == family]
    head, body = [], []
    for origin, (own, parent) in CHAINS.items():
        desired = [rule for rule in mine if rule.origin == origin]
        jumping = lines.count(f"-A {parent} -j {own}")
        if desired:
            # A chain that is declared is emptied by the same commit that fills it.
            head.append(f":{own} - [0:0]")
            body += [f"-A {own} {format_arguments(rule)}" for rule in desired]
        body += [f"-D {parent} -j {own}"] * max(0, jumping - (1 if desired else 0))
        if desired and not jumping:
            body.append(f"-A {parent} -j {own}")
        if not desired and f":{own} -" in lines:
            body += [f"-F {own}", f"-X {own}"]
    return "\n".join(["*nat", *head, *body, "COMMIT", ""])


def render_chains(rules: list[Rule], family: str) -> str:
    """Our own file: the chains with their rules. The unit adds the jumps, which a second load would double."""
    mine = [rule for rule in rules if rule.family == family]
    head = [
        f":{own} - [0:0]" for origin, (own, _parent) in CHAINS.items() if any(rule.origin == origin for rule in mine)
    ]
    body = [f"-A {CHAINS[rule.origin][0]} {format_arguments(rule)}" for rule in mine]
    return "\n".join(
        [
            "# Written by the collection xitrum.host, module port_redirect. Changes are lost.",
            "*nat",
            *head,
            *body,
            "COMMIT",
            "",
        ]
    )


def merge(text: str | None, rules: list[Rule], family: str) -> str:
    """A saved file of the distribution with our rules in it, or without: every other line as it was."""
    if not has_ours(text) and not any(rule.family == family for rule in rules):
        return text or ""
    lines = _LINES.findall(text or "")
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    begin = next((number for number, line in enumerate(lines) if line.strip() == "*nat"), None)
    if begin is not None:
        end = next((number for number in range(begin, len(lines)) if lines[number].strip() == "COMMIT"), len(lines))
        kept = [line for line in lines[begin:end] if not _is_ours(line)]
        if begin and lines[begin - 1] == MARK and "".join(kept) == _EMPTY_TABLE:
            lines[begin - 1:end + 1], begin = [], None
        else:
            lines[begin:end], end = kept, begin + len(kept)
    mine = [rule for rule in rules if rule.family == family]
    if not mine:
        return "".join(lines)
    if begin is None:
        begin = len(lines) + 1
        lines += [MARK, *_EMPTY_TABLE.splitlines(keepends=True), "COMMIT\n"]
        end = len(lines) - 1
    inner = render_chains(rules, family).splitlines(keepends=True)[2:-1]
    declared = [line for line in inner if line.startswith(":")]
    jumps = [f"-A {parent} -j {own}\n" for own, parent in CHAINS.values() if f":{own} - [0:0]\n" in declared]
    first = next((number for number in range(begin + 1, end) if not lines[number].startswith(":")), end)
    return "".join(lines[:first] + declared + lines[first:end] + jumps + inner[len(declared):] + lines[end:])


def plan_steps(rules: list[Rule], state: dict[str, Any], families: list[str]) -> list[Step]:
    """What has to be done so that our chains hold these rules, now and where they are restored from;
    none: nothing of ours."""
    todo, checks = [], []
    for family in families:
        mine = [rule for rule in rules if rule.family == family]
        if parse(state["live"][family], family) != mine or (not mine and has_ours(state["live"][family])):
            text = restore(rules, state["live"][family], family)
            command = f"{COMMANDS[family]}-restore"
            if mine:
                checks.append(run(command, "--wait", "--noflush", "--test", text=text))
            todo.append(run(command, "--wait", "--noflush", text=text))
    return checks + plan_file_steps(rules, state, families) + todo


def plan_file_steps(rules: list[Rule], state: dict[str, Any], families: list[str]) -> list[Step]:
    """Our file, or the distribution's with ours in it; and nothing of ours where it does not belong."""
    todo = []
    for saver, paths in SAVERS.items():
        for family in FAMILIES:
            before = state["saved"].get(paths[family])
            after = merge(before, rules if saver == state["saver"] and family in families else [], family)
            if after != (before or ""):
                todo.append(write(paths[family], after, state["modes"].get(paths[family], 0o600)))
    for family in FAMILIES:
        before = state["saved"].get(FILES[family])
        own = (
            render_chains(rules, family)
            if not state["saver"] and any(rule.family == family for rule in rules)
            else None
        )
        if own is not None and own != before:
            todo.append(write(FILES[family], own))
        elif own is None and before is not None:
            todo.append(remove(FILES[family]))
    return todo


def parse_configured(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """Our rules in what is restored at boot, sorted."""
    rules = []
    for family in families:
        path = SAVERS[state["saver"]][family] if state["saver"] else FILES[family]
        rules += parse(state["saved"].get(path), family, jumps=bool(state["saver"]))
    return sorted(rules)


def parse_effective(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """Our live rules, sorted."""
    return sorted(rule for family in families for rule in parse(state["live"][family], family))
