# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the host's own filter lets a redirected connection in: after a redirect it sees the inside port. Pure.

Best effort, and on the safe side: a port is said to be dropped only where no rule could accept it. A match that this
file does not understand (an address, a mark, a set) is None: it may hold or not.
"""

from __future__ import annotations

import fnmatch
import shlex
from typing import NamedTuple

from ansible_collections.xitrum.host.plugins.module_utils.redirects_iptables import COMMANDS, tables

_NFT_FAMILIES = {"ipv4": ("ip", "inet"), "ipv6": ("ip6", "inet")}
_PROTOCOL = {"ipv4": "ip", "ipv6": "ip6"}
_VERDICTS = ("accept", "drop", "reject", "return", "jump", "goto", "queue")


class Packet(NamedTuple):
    """The first packet of a connection from outside, after the redirect. C(interface) is empty where any may be meant."""

    family: str
    port: int
    interface: str = ""


class Entry(NamedTuple):
    """A rule: does it match (True, False, None), what it does, and the chain that it goes to."""

    match: object
    verdict: str
    target: str = ""


def dropped(packet, objects, saves):
    """C((where, mend)) of the first input chain that surely drops the packet; None where it may come in.

    C(objects) is what nft lists, C(saves) maps a family to iptables-save's output.
    """
    chains = {(item["table"], item["name"]): item for item in _items(objects, "chain") if item["family"] in _NFT_FAMILIES[packet.family]}
    filtered = "filter" in tables(saves.get(packet.family, ""))
    for item in chains.values():
        if item.get("hook") != "input" or item.get("type") != "filter":
            continue
        # What iptables made is told better by iptables-save: nft does not print its matches.
        if filtered and (item["family"], item["table"]) == (_PROTOCOL[packet.family], "filter"):
            continue
        rules = _nft_chains(packet, objects, item["family"], item["table"])
        if _walk(rules, item["name"], 0) == "drop" or (_walk(rules, item["name"], 0) == "" and item.get("policy") == "drop"):
            place = f"{item['family']} {item['table']} {item['name']}"
            return f"chain {place}", f"nft insert rule {place} tcp dport {packet.port} accept"
    lines = tables(saves.get(packet.family, "")).get("filter", [])
    rules = _iptables_chains(packet, lines)
    said = _walk(rules, "INPUT", 0)
    if said == "drop" or (said == "" and any(line.startswith(":INPUT DROP") for line in lines)):
        command = COMMANDS[packet.family]
        return f"{command} INPUT", f"{command} -I INPUT -p tcp --dport {packet.port} -j ACCEPT"
    return None


def _walk(chains, name, depth):
    """C(accept) (possible), C(drop) (certain), or empty where the chain comes to its end or returns."""
    for entry in chains.get(name, []) if depth < 16 else []:
        if entry.match is False:
            continue
        if entry.verdict in ("accept", "queue"):
            return "accept"
        if entry.verdict in ("drop", "reject") and entry.match:
            return "drop"
        if entry.verdict == "return" and entry.match:
            return ""
        if entry.verdict in ("jump", "goto"):
            said = _walk(chains, entry.target, depth + 1)
            if said == "accept" or (said == "drop" and entry.match):
                return said
            if entry.verdict == "goto" and entry.match:
                return ""
    return ""


def every(parts):
    """Whether all hold: False if one does not, None if one is unknown."""
    parts = list(parts)
    return False if False in parts else None if None in parts else True


def negated(value):
    """The reverse; unknown stays unknown."""
    return None if value is None else not value


# --------------------------------------------------------------------------------------------------------- nftables

def _items(objects, kind):
    return [entry[kind] for entry in objects if kind in entry]


def _nft_chains(packet, objects, family, table):
    sets = {item["name"]: item.get("elem", []) for item in _items(objects, "set") if (item["family"], item["table"]) == (family, table)}
    chains = {}
    for item in _items(objects, "rule"):
        if (item["family"], item["table"]) == (family, table):
            chains.setdefault(item["chain"], []).extend(_nft_entries(packet, item["expr"], sets))
    return chains


def _nft_entries(packet, expressions, sets):
    """A rule as entries: one, or one for each element of a verdict map."""
    matches, entries = [], []
    for expression in expressions:
        for kind, body in expression.items():
            if kind == "match":
                matches.append(_nft_match(packet, body, sets))
            elif kind == "vmap":
                data = body["data"]
                data = sets.get(data[1:], []) if isinstance(data, str) else data["set"]
                for key, verdict in data:
                    one = _nft_match(packet, {"op": "==", "left": body["key"], "right": key}, sets)
                    entries.append(_entry(every([*matches, one]), verdict))
            elif kind in _VERDICTS:
                entries.append(_entry(every(matches), expression))
            elif kind == "limit":
                matches.append(None)
            elif kind == "xt":
                # A target or match of iptables: what it does is not told.
                entries.append(Entry(None, "accept"))
    return entries


def _entry(match, verdict):
    kind = next((name for name in _VERDICTS if name in verdict), "")
    return Entry(match, kind, (verdict.get(kind) or {}).get("target", "") if kind in ("jump", "goto") else "")


def _nft_match(packet, body, sets):
    left, right = body["left"], body["right"]
    if isinstance(right, str) and right.startswith("@"):
        right = {"set": sets.get(right[1:], [])}
    said = _nft_holds(packet, left, right)
    return negated(said) if body["op"] == "!=" else said


def _nft_holds(packet, left, right):
    if not isinstance(left, dict):
        return None
    payload, meta, conntrack = left.get("payload", {}), left.get("meta", {}), left.get("ct", {})
    protocol, field = payload.get("protocol"), payload.get("field")
    if protocol in ("tcp", "th"):
        return _contains(right, packet.port) if field == "dport" else None
    if protocol in ("udp", "icmp", "icmpv6", "igmp") or (protocol in ("ip", "ip6") and protocol != _PROTOCOL[packet.family]):
        return False
    if meta.get("key") == "l4proto" or field in ("protocol", "nexthdr"):
        return _contains(right, "tcp")
    if meta.get("key") in ("nfproto", "protocol"):
        return _contains(right, packet.family if meta["key"] == "nfproto" else _PROTOCOL[packet.family])
    if meta.get("key") in ("iif", "iifname"):
        return interface_holds(packet, _values(right))
    if conntrack.get("key") == "state":
        return _contains(right, "new")
    if conntrack.get("key") == "status":
        return True if _contains(right, "dnat") else None
    if "fib" in left and left["fib"].get("result") == "type":
        return _contains(right, "local")
    return None


def interface_holds(packet, names):
    """Whether the packet came in by one of these interfaces: never the loopback, and else known only where a pair names one."""
    if packet.interface:
        return any(fnmatch.fnmatchcase(packet.interface, str(name)) for name in names)
    return False if all(name == "lo" for name in names) else None


def _values(right):
    if isinstance(right, dict):
        right = right.get("set", right.get("|", [right]))
    return right if isinstance(right, list) else [right]


def _contains(right, wanted):
    for value in _values(right):
        bounds = value.get("range") or (value.get("elem") or {}).get("val") if isinstance(value, dict) else None
        if isinstance(bounds, list) and isinstance(wanted, int) and bounds[0] <= wanted <= bounds[1]:
            return True
        if wanted in (value, bounds):
            return True
    return False


# --------------------------------------------------------------------------------------------------------- iptables

def _iptables_chains(packet, lines):
    chains = {}
    for line in lines:
        words = shlex.split(line)
        if words[0] == "-A":
            chains.setdefault(words[1], []).append(_iptables_entry(packet, words[2:]))
    return chains


def _iptables_entry(packet, words):
    matches = []
    for option, negate, values in _options(words):
        if option in ("-j", "-g"):
            verdict = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}.get(values[0], "jump" if option == "-j" else "goto")
            # What follows are the target's own options.
            return Entry(every(matches), verdict, values[0])
        if option not in ("-m", "--comment"):
            said = _iptables_holds(packet, option, values[0] if values else "")
            matches.append(negated(said) if negate else said)
    return Entry(every(matches), "")


def _options(words):
    """C((option, negated, values)) of a rule's words."""
    found, negate = [], False
    for word in words:
        if word == "!":
            negate = True
        elif word.startswith("-"):
            found.append((word, negate, []))
            negate = False
        elif found:
            found[-1][2].append(word)
    return found


def _iptables_holds(packet, option, value):
    if option == "-p":
        return value in ("tcp", "all", "6")
    if option in ("--dport", "--dports"):
        pairs = [part.split(":") for part in value.split(",")]
        return any(int(pair[0] or 0) <= packet.port <= int(pair[-1] or 65535) for pair in pairs)
    if option == "-i":
        return interface_holds(packet, [value.replace("+", "*")])
    if option in ("--state", "--ctstate"):
        return bool({"NEW", "DNAT"} & set(value.split(",")))
    if option == "--dst-type":
        return "LOCAL" in value.split(",")
    return None
