# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects in a table of nftables that is ours alone: nft(8) loads it in one transaction. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from ..core.untrusted_text import parse_json
from .rules import FAMILIES, FOLDER, LOOPBACK, LOOPBACK_ADDRESS, OUTSIDE, UNKNOWN, Rule, Step, remove, run, write

TABLE = "xitrum_host"
FILE = f"{FOLDER}/redirects.nft"
PRIORITY = -100

_PROTOCOL = {"ipv4": "ip", "ipv6": "ip6"}
#: How versions of nft print `fib daddr type`.
_FIB = ('{"fib": {"flags": ["daddr"], "result": "type"}}', '{"fib": {"flags": "daddr", "result": "type"}}')
_LINE = re.compile(
    r'^\s*(?:iifname "(?P<interface>[^"]+)" )?(?:fib daddr type local|(?P<protocol>ip6?) daddr \S+) '
    r"tcp dport (?P<outside>\d+) redirect to :(?P<inside>\d+)$", re.M)


def render(rules: list[Rule]) -> str:
    """The file: makes, empties and fills the table,
    so that it can be loaded any number of times, at one moment each."""
    outside = sorted({rule._replace(family="") for rule in rules if rule.origin == OUTSIDE})
    loopback = [rule for rule in rules if rule.origin == LOOPBACK]
    text = "# Written by the collection xitrum.host, module port_redirect. Changes are lost.\n"
    text += f"table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n"
    text += f"    chain prerouting {{\n        type nat hook prerouting priority {PRIORITY}; policy accept;\n"
    for rule in outside:
        # Only what is addressed to this host: what it forwards for containers and guests is theirs.
        interface = f'iifname "{rule.interface}" ' if rule.interface else ""
        text += f"        {interface}fib daddr type local tcp dport {rule.outside} redirect to :{rule.inside}\n"
    text += "    }\n"
    if loopback:
        text += f"    chain output {{\n        type nat hook output priority {PRIORITY}; policy accept;\n"
        for rule in loopback:
            text += (
                f"        {_PROTOCOL[rule.family]} daddr {LOOPBACK_ADDRESS[rule.family]} tcp dport {rule.outside} "
                f"redirect to :{rule.inside}\n"
            )
        text += "    }\n"
    return text + "}\n"


def parse_configured(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """The rules in our file, sorted; an empty list without one."""
    rules = []
    for found in _LINE.finditer(state["file"] or ""):
        ports = int(found["outside"]), int(found["inside"])
        if found["protocol"]:
            rules.append(Rule(LOOPBACK, "ipv6" if found["protocol"] == "ip6" else "ipv4", "", *ports))
        else:
            rules += [Rule(OUTSIDE, family, found["interface"] or "", *ports) for family in families]
    return sorted(rules)


def parse(text: str) -> list[dict[str, Any]]:
    """`nft -j list ruleset` as its list of objects. Raises ValueError where it is another text.

    What nft prints in addition stands in lines of its own, before it.
    """
    begin = re.search(r"^\{", text, re.MULTILINE)
    if not text.strip():
        return []
    found = parse_json(text[begin.start():] if begin else text)
    objects = found.get("nftables") if isinstance(found, dict) else None
    if not isinstance(objects, list) or not all(isinstance(entry, dict) for entry in objects):
        raise ValueError("no list of objects")
    return objects


def parse_effective(state: dict[str, Any], families: list[str]) -> list[Rule]:
    """The rules in our live table, sorted; UNKNOWN for each thing in it that we would not have written."""
    rules = []
    for kind, item in find_ours(state["objects"]):
        if kind == "rule":
            rules += _parse_rules(item, families)
        elif kind == "chain":
            base = (item.get("type"), item.get("hook"), item.get("prio"), item.get("policy"))
            if base != ("nat", item.get("name"), PRIORITY, "accept"):
                rules.append(UNKNOWN)
        elif kind != "table":
            rules.append(UNKNOWN)
    return sorted(rules)


def find_ours(objects: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """`(kind, object)` of our table and of everything in it."""
    pairs = [(kind, item) for entry in objects for kind, item in entry.items() if isinstance(item, dict)]
    return [(kind, item) for kind, item in pairs
            if item.get("family") == "inet" and (item.get("name") if kind == "table" else item.get("table")) == TABLE]


def has_ours(objects: list[dict[str, Any]]) -> bool:
    """Whether our table exists, be it empty."""
    return bool(find_ours(objects))


def _parse_rules(item: dict[str, Any], families: list[str]) -> list[Rule]:
    """One live rule as ours: exactly the expressions that `render` writes, in their order."""
    interface = outside = None
    origin, family = item.get("chain"), None
    for expression in item.get("expr") or []:
        match = expression.get("match") if isinstance(expression, dict) else None
        match = match if isinstance(match, dict) else {}
        port = _parse_redirected(expression)
        left = json.dumps(match.get("left"), sort_keys=True) if match.get("op") == "==" else ""
        right = match.get("right")
        if left == '{"meta": {"key": "iifname"}}' and isinstance(right, str):
            interface = right
        elif left in _FIB and right == "local":
            family = "any"
        elif left == '{"payload": {"field": "daddr", "protocol": "ip"}}' and right == LOOPBACK_ADDRESS["ipv4"]:
            family = "ipv4"
        elif left == '{"payload": {"field": "daddr", "protocol": "ip6"}}' and right == LOOPBACK_ADDRESS["ipv6"]:
            family = "ipv6"
        elif left == '{"payload": {"field": "dport", "protocol": "tcp"}}' and isinstance(right, int):
            outside = right
        elif port and outside and family:
            inside = port
            if origin == "prerouting" and family == "any":
                return [Rule(OUTSIDE, name, interface or "", outside, inside) for name in families]
            if origin == "output" and family in FAMILIES and not interface:
                return [Rule(LOOPBACK, family, "", outside, inside)]
            return [UNKNOWN]
        else:
            return [UNKNOWN]
    return [UNKNOWN]


def _parse_redirected(expression: dict[str, dict[str, Any]]) -> int:
    """The port that an expression redirects to, and does nothing else; 0 for any other."""
    if (
        not isinstance(expression, dict)
        or list(expression) != ["redirect"]
        or not isinstance(expression["redirect"], dict)
    ):
        return 0
    port = expression["redirect"].get("port")
    return port if isinstance(port, int) else 0


def plan_steps(rules: list[Rule], state: dict[str, Any], families: list[str]) -> list[Step]:
    """What has to be done so that the table holds these rules, now and in the file; none: no table and no file."""
    live = parse_effective(state, families)
    if rules:
        text, todo = render(rules), []
        if text != state["file"]:
            # Nothing is written before nft has taken it.
            todo += [run("nft", "-c", "-f", "-", text=text), write(FILE, text)]
        if live != rules:
            todo.append(run("nft", "-f", "-", text=text))
        return todo
    todo = [run("nft", "delete", "table", "inet", TABLE)] if has_ours(state["objects"]) else []
    return todo + ([remove(FILE)] if state["file"] is not None else [])
