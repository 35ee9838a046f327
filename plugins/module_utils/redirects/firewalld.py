# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects that firewalld keeps, as direct rules:
its forward ports would take what the host only forwards, too. Pure."""

from __future__ import annotations

import re
from typing import Any, Tuple
from xml.etree import ElementTree

from ..core.untrusted_text import split_lines
from . import iptables
from .rules import UNKNOWN, Rule, Step, run

#: Where firewalld keeps direct rules; written by its own programs only.
FILE = "/etc/firewalld/direct.xml"

#: Family, chain, priority and arguments of a direct rule.
Direct = Tuple[str, str, str, str]


def find_ours(text: str | None) -> list[tuple[str, str]]:
    """`(chain, arguments)` of the live rules that bear our comment, from iptables-save, in their order."""
    lines = (re.match(r"-A (\S+) (.+)", line) for line in iptables.parse_tables(text).get("nat", []))
    return [(found[1], found[2]) for found in lines if found and f"--comment {iptables.COMMENT} " in found[2]]


def parse_effective(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """Our live rules, sorted; whether firewalld's own back end is nftables or iptables,
    they are the kernel's iptables rules."""
    return sorted(
        iptables.parse_rule(text, family, comment=True)
        for family in families
        for _chain, text in find_ours(state["live"][family])
    )


def parse_direct_rules(text: str | None) -> list[Direct]:
    """`(family, chain, priority, arguments)` of the rules of direct.xml that bear our comment.
    Raises ValueError for no XML."""
    if not text:
        return []
    try:
        # As bytes, of which the first line may name the encoding.
        root = ElementTree.fromstring(text.encode("utf-8", "surrogateescape"))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{FILE}: {error}") from error
    items = [item for item in root.iter("rule") if item.get("table") == "nat"]
    rules = [
        (
            item.get("ipv") or "",
            item.get("chain") or "",
            item.get("priority") or "",
            iptables.remove_quotes(item.text or ""),
        )
        for item in items
    ]
    return [rule for rule in rules if f"--comment {iptables.COMMENT} " in rule[3]]


def parse_runtime_rules(text: str) -> list[Direct]:
    """The same of `firewall-cmd --direct --get-all-rules`, a rule a line."""
    lines = (line.split(" ", 4) for _number, line in split_lines(text))
    rules = [
        (words[0], words[2], words[3], iptables.remove_quotes(words[4]))
        for words in lines
        if len(words) == 5 and words[1] == "nat"
    ]
    return [rule for rule in rules if f"--comment {iptables.COMMENT} " in rule[3]]


def parse_configured(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """Our rules in direct.xml, sorted."""
    return sorted(to_rule(rule) for rule in parse_direct_rules(state["direct"]) if rule[0] in families)


def to_rule(direct: Direct) -> Rule:
    """A direct rule as ours; UNKNOWN where it is in another chain than we would put it."""
    family, chain, priority, text = direct
    rule = iptables.parse_rule(text, family, comment=True)
    return rule if rule != UNKNOWN and chain == iptables.CHAINS[rule.origin][1] and priority == "0" else UNKNOWN


def format_direct(rule: Rule) -> Direct:
    """The reverse."""
    return (rule.family, iptables.CHAINS[rule.origin][1], "0", iptables.format_arguments(rule, iptables.COMMENT))


def plan_steps(rules: list[Rule], state: dict[str, Any], families: list[str]) -> list[Step]:
    """What has to be done so that firewalld has these rules, permanently and live.

    New ones come before old ones go: of two for one port the older stands first and holds until it goes, so that no
    moment is without one.
    """
    desired = [format_direct(rule) for rule in rules if rule.family in families]
    saved = parse_direct_rules(state["direct"])
    program = ["firewall-cmd", "--permanent"] if state["active"] else ["firewall-offline-cmd"]
    todo = [_call(program, "--add-rule", rule) for rule in desired if rule not in saved]
    old = [_call(program, "--remove-rule", rule) for rule in saved if rule not in desired]
    if state["active"]:
        for rule in desired:
            if not _is_live(rule, state):
                todo.append(
                    _make_kernel_step("-A", rule[1], rule)
                    if rule in state["runtime"]
                    else _call(["firewall-cmd"], "--add-rule", rule)
                )
    for family in families:
        for chain, text in find_ours(state["live"][family]):
            known = next((rule for rule in state["runtime"] if rule[0] == family and rule[3] == text), None)
            if known not in desired and (
                not state["active"] or (family, _normalize_chain(chain), "0", text) not in desired
            ):
                rule = (family, chain, "0", text)
                old.append(
                    _call(["firewall-cmd"], "--remove-rule", known)
                    if known and state["active"]
                    else _make_kernel_step("-D", chain, rule)
                )
    return todo + old


def _normalize_chain(chain: str) -> str:
    """The built-in chain of a chain that firewalld puts direct rules into (its iptables back end has its own)."""
    return chain[:-len("_direct")] if chain.endswith("_direct") else chain


def _is_live(rule: Direct, state: dict[str, Any]) -> bool:
    return (rule[1], rule[3]) in [(_normalize_chain(chain), text) for chain, text in find_ours(state["live"][rule[0]])]


def _call(program: list[str], action: str, rule: Direct) -> Step:
    family, chain, priority, text = rule
    return run(*program, "--direct", action, family, "nat", chain, priority, *text.split())


def _make_kernel_step(action: str, chain: str, rule: Direct) -> Step:
    """A rule that firewalld believes in and the kernel lost, or the reverse: set right past firewalld."""
    return run(iptables.COMMANDS[rule[0]], "--wait", "-t", "nat", action, chain, *rule[3].split())
