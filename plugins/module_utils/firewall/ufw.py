# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that ufw lets in: its own lines in user.rules and user6.rules, and the commands that change them. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .firewalld import contains

FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
CONF, DEFAULTS = "/etc/ufw/ufw.conf", "/etc/default/ufw"
#: Anybody, as ufw writes it for each family.
EVERY_SOURCE = ("0.0.0.0/0", "::/0")
COMMENT = "xitrum.host"

_TUPLE = re.compile(
    r"^### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)(?: (\S+) (\S+))? (in\S*|out\S*)(?: comment=(\S+))?$", re.M
)


class Rule(NamedTuple):
    """One rule for what comes in. `interface` is empty for any."""

    action: str
    protocol: str
    ports: str
    target: str
    source: str
    interface: str


def parse_rules(text: str | None) -> list[Rule]:
    """The rules for incoming connections, in their order. Those for what the host forwards, or sends, are left out."""
    rules = []
    for found in _TUPLE.finditer(text or ""):
        action, protocol, ports, target, _sport, source, _dapp, _sapp, direction, _comment = found.groups()
        if direction.startswith("in") and not action.startswith("route:"):
            rules.append(Rule(action.partition("_")[0], protocol, ports, target, source, direction[len("in_") :]))
    return rules


def is_enabled(text: str | None) -> bool:
    """Whether ufw.conf reports that ufw is enabled."""
    return bool(re.search(r"^\s*ENABLED=[\"']?yes[\"']?\s*$", text or "", re.M | re.I))


def has_ipv6(text: str | None) -> bool:
    """Whether /etc/default/ufw turns IPv6 on."""
    return bool(re.search(r"^\s*IPV6=[\"']?yes[\"']?\s*$", text or "", re.M | re.I))


def find_deciding_rule(rules: list[Rule], port: int, source: str) -> Rule | None:
    """The first rule that surely decides on a port for a source (one of EVERY_SOURCE for everybody); None where the
    default policy does.

    A rule for some interface, some address of the host or some other source decides on a part only, and is passed over.
    """
    for rule in rules:
        if (
            rule.protocol in ("tcp", "any")
            and _includes(rule.ports, port)
            and rule.target in EVERY_SOURCE
            and not rule.interface
            and contains(rule.source, source)
        ):
            return rule
    return None


def _includes(ports: str, port: int) -> bool:
    if ports == "any":
        return True
    bounds = (item.partition(":") for item in ports.split(","))
    return any(low.isdecimal() and int(low) <= port <= int(high or low) for low, _colon, high in bounds)


def lets_in(rules: list[Rule], port: int, source: str) -> bool:
    """Whether a rule lets a port in for a source."""
    rule = find_deciding_rule(rules, port, source)
    return rule is not None and rule.action in ("allow", "limit")


def build_command(verb: str, port: int, source: str) -> list[str]:
    """The command that adds (`allow`) or removes (`delete`) a rule."""
    words = [
        "ufw",
        *(["delete"] if verb == "delete" else []),
        "allow",
        "proto",
        "tcp",
        "from",
        source,
        "to",
        "any",
        "port",
        str(port),
    ]
    return words + (["comment", COMMENT] if verb == "allow" else [])
