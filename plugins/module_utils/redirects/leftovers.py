# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables-nft leaves behind: it makes a table and its base chains for us or firewalld,
and never removes them. Pure.

What was there before our first rule is recorded, so that only what came with us goes with us. An empty chain that
was made by something else stays.
"""

from __future__ import annotations

from typing import Any

from ..core import schema
from .rules import Rule, Step, remove, run, write

RECORD = "/var/lib/xitrum.host/redirects.json"
_TABLES = {"ipv4": "ip", "ipv6": "ip6"}
_BASE = ("PREROUTING", "OUTPUT", "INPUT", "POSTROUTING")


def find_base_chains(objects: list[dict[str, Any]]) -> dict[str, list[str] | None]:
    """Of each family, the base chains of its table `nat`; None where there is no such table."""
    found = {}
    for family, short in _TABLES.items():
        tables = [entry["table"] for entry in objects if "table" in entry]
        chains = sorted(
            entry["chain"]["name"]
            for entry in objects
            if "chain" in entry and _belongs(entry["chain"], short) and entry["chain"]["name"] in _BASE
        )
        found[family] = chains if any(item["family"] == short and item["name"] == "nat" for item in tables) else None
    return found


def _belongs(item: dict[str, Any], short: str) -> bool:
    return item["family"] == short and item["table"] == "nat"


def find_error(text: str | None) -> str:
    """Return what is wrong with the text of RECORD, which is None where there is no record; empty: nothing."""
    try:
        if text is not None:
            schema.REDIRECTS.parse(text, RECORD)
    except schema.VersionError as error:
        return str(error)
    except ValueError as error:
        return (
            f"{RECORD} is damaged ({error}): it lists the tables of the packet filter before the first redirect. "
            "Correct it, or move it away; empty tables and chains of today stay then"
        )
    return ""


def wrap_steps(steps: list[Step], rules: list[Rule], mine: bool, state: dict[str, Any]) -> list[Step]:
    """The steps with the record before them, or with the cleaning behind them.

    `rules` are those that iptables or firewalld is to keep, `mine` whether a rule of ours is live in either. Only
    once ours are gone, a read shows what is empty: a run that removes them cleans when it reads the host again.
    """
    objects = state["nftables"]["objects"]
    if rules and not mine and steps and state["record"] is None and state["paths"]["nft"] and state["variant"] == "nft":
        return [write(RECORD, schema.REDIRECTS.render(find_base_chains(objects)), 0o600), *steps]
    if rules or mine or state["record"] is None:
        return steps
    return [*steps, *_clean(objects, schema.REDIRECTS.parse(state["record"], RECORD)), remove(RECORD)]


def _clean(objects: list[dict[str, Any]], before: dict[str, list[str] | None]) -> list[Step]:
    """Deletes the base chains and tables that are empty and were not there before, in one transaction."""
    lines = []
    for family, now in find_base_chains(objects).items():
        if now is None:
            continue
        short = _TABLES[family]
        full = {entry["rule"]["chain"] for entry in objects if "rule" in entry and _belongs(entry["rule"], short)}
        empty = [name for name in now if name not in full and name not in (before.get(family) or [])]
        lines += [f"delete chain {short} nat {name}" for name in empty]
        others = {entry["chain"]["name"] for entry in objects if "chain" in entry and _belongs(entry["chain"], short)}
        if before.get(family) is None and others <= set(empty):
            lines.append(f"delete table {short} nat")
    return [run("nft", "-f", "-", text="\n".join(lines) + "\n")] if lines else []
