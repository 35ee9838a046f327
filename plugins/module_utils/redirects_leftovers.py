# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables-nft leaves behind: it makes a table and its base chains for us, and never removes them. Pure.

What was there before our first rule is recorded, so that only what came with us goes with us. An empty chain that
somebody else had made stays.
"""

from __future__ import annotations

import json

from ansible_collections.xitrum.host.plugins.module_utils import redirects_iptables
from ansible_collections.xitrum.host.plugins.module_utils.redirects_rules import remove, run, write

RECORD = "/var/lib/xitrum.host/redirects.json"
_TABLES = {"ipv4": "ip", "ipv6": "ip6"}
_BASE = ("PREROUTING", "OUTPUT", "INPUT", "POSTROUTING")


def base_chains(objects):
    """Of each family, the base chains of its table C(nat); None where there is no such table."""
    found = {}
    for family, short in _TABLES.items():
        tables = [entry["table"] for entry in objects if "table" in entry]
        chains = sorted(entry["chain"]["name"] for entry in objects if "chain" in entry and _of(entry["chain"], short) and entry["chain"]["name"] in _BASE)
        found[family] = chains if any(item["family"] == short and item["name"] == "nat" for item in tables) else None
    return found


def _of(item, short):
    return item["family"] == short and item["table"] == "nat"


def around(steps, rules, state):
    """The steps with the record before them (where iptables gets its first rules), or with the cleaning behind them."""
    objects, live = state["nftables"]["objects"], state["iptables"]["live"]
    mine = any(redirects_iptables.there(text) for text in live.values())
    if rules:
        if state["record"] is None and not mine and steps and state["paths"]["nft"] and state["variant"] == "nft":
            return [write(RECORD, json.dumps(base_chains(objects), sort_keys=True) + "\n", 0o600), *steps]
        return steps
    if state["record"] is None:
        return steps
    return [*steps, *_clean(objects, json.loads(state["record"])), remove(RECORD)]


def _clean(objects, before):
    """Deletes the base chains and tables that are empty but for us and were not there before, in one transaction."""
    lines = []
    for family, now in base_chains(objects).items():
        if now is None:
            continue
        short = _TABLES[family]
        rules = [entry["rule"] for entry in objects if "rule" in entry and _of(entry["rule"], short)]
        ours = [own for own, _parent in redirects_iptables.CHAINS.values()]
        full = {rule["chain"] for rule in rules if rule["chain"] not in ours and not any(expr.get("jump", {}).get("target") in ours for expr in rule["expr"])}
        empty = [name for name in now if name not in full and name not in (before.get(family) or [])]
        lines += [f"delete chain {short} nat {name}" for name in empty]
        others = [entry["chain"]["name"] for entry in objects if "chain" in entry and _of(entry["chain"], short)]
        if before.get(family) is None and set(others) <= {*empty, *ours}:
            lines.append(f"delete table {short} nat")
    return [run("nft", "-f", "-", text="\n".join(lines) + "\n")] if lines else []
