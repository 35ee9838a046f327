# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a redirect is, whichever program keeps it, and the steps that a back end plans. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

#: Where a connection comes from: another host (hook prerouting), or this one through its loopback (hook output).
OUTSIDE, LOOPBACK = "outside", "loopback"

#: Loopback addresses that are redirected: those that the guide and `/etc/hosts` name.
LOOPBACK_ADDRESS = {"ipv4": "127.0.0.1", "ipv6": "::1"}

FAMILIES = ("ipv4", "ipv6")
FAMILY_NAME = {"ipv4": "IPv4", "ipv6": "IPv6"}

#: Files of ours, restored at boot.
FOLDER = "/etc/xitrum.host"


class Rule(NamedTuple):
    """One redirect of one family. `interface` is empty for any;
    a rule of ours that no version of ours wrote is `UNKNOWN`."""

    origin: str
    family: str
    interface: str
    outside: int
    inside: int


class Step(NamedTuple):
    """One thing to do. `kind` is `write` (`path`, `text`, `mode`), `remove` (`path`) or `run` (`argv`, `text`
    on its input). `stop` is a `run` that ends an unmanaged service `path`."""

    kind: str
    path: str = ""
    argv: tuple[str, ...] = ()
    text: str = ""
    mode: int = 0o644


#: Stands for a rule that is among ours and not of our form: somebody edited it, so that ours are rewritten.
UNKNOWN = Rule("unknown", "", "", 0, 0)


def write(path: str, text: str, mode: int = 0o644) -> Step:
    """The step that replaces a file."""
    return Step("write", path=path, text=text, mode=mode)


def remove(path: str) -> Step:
    """The step that removes a file."""
    return Step("remove", path=path)


def run(*argv: str, **more: str) -> Step:
    """The step that runs a command, with `text` on its input."""
    return Step("run", argv=argv, text=more.get("text", ""))


def stop(unit: str) -> Step:
    """The step that stops and disables an unmanaged service."""
    return Step("stop", path=unit, argv=("systemctl", "disable", "--now", unit))


def build_desired_rules(pairs: list[dict[str, Any]], loopback: bool, families: list[str]) -> list[Rule]:
    """The rules that pairs of ports mean, sorted."""
    rules = []
    for pair in pairs:
        for family in families:
            rules.append(Rule(OUTSIDE, family, pair.get("interface") or "", pair["outside"], pair["inside"]))
            if loopback:
                rules.append(Rule(LOOPBACK, family, "", pair["outside"], pair["inside"]))
    return sorted(rules)


def format_rules(rules: list[Rule], family: str, outside: int) -> str:
    """What the rules do with one port of one family, as a person would report it; empty for nothing."""
    found = [rule for rule in rules if rule.family == family and rule.outside == outside]
    if not found:
        return ""
    groups = {
        origin: sorted({_render_target(rule) for rule in found if rule.origin == origin})
        for origin in (OUTSIDE, LOOPBACK)
    }
    if not groups[LOOPBACK]:
        return f"{', '.join(groups[OUTSIDE])}, not on the loopback"
    if not groups[OUTSIDE]:
        return f"{', '.join(groups[LOOPBACK])}, only on the loopback"
    inside = {str(rule.inside) for rule in found}
    return (
        ", ".join(groups[OUTSIDE])
        if len(inside) == 1
        else f"{', '.join(groups[OUTSIDE])}, on the loopback {', '.join(groups[LOOPBACK])}"
    )


def _render_target(rule: Rule) -> str:
    return f"{rule.inside} on {rule.interface}" if rule.interface else str(rule.inside)


def format_lines(title: str, rules: list[Rule]) -> str:
    """The rules for a diff, a line each."""
    return "".join(f"{title}: {_render_line(rule)}\n" for rule in rules)


def _render_line(rule: Rule) -> str:
    if rule == UNKNOWN:
        return "something else among ours"
    return (
        f"{FAMILY_NAME[rule.family]} {rule.origin}{' on ' + rule.interface if rule.interface else ''} {rule.outside} "
        f"-> {rule.inside}"
    )
