# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects of the same ports by something else: a table of nftables, rules of iptables, Docker, a forward port of
firewalld. Pure.

The rules are read as they are built, chains and verdict maps included: of each that changes where a connection goes,
the
conditions on the way to it. A condition that leaves a port, an address or an interface out for certain is no
conflict. One that
this file does not know may hold or not: that is a note, and a rule without such a condition is an error.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.addresses import is_subnet
from ..core.plan import format_shell_line
from . import iptables, nft

NO, MAYBE, YES = 0, 1, 2
_DEPTH = 16
#: Verdicts after which no further rule of the chain is read.
_ENDS = ("return", "accept", "drop")
_FAMILIES = {"ipv4": ("ip", "inet"), "ipv6": ("ip6", "inet")}
_TABLES = {"ip": "ipv4", "ip6": "ipv6"}
#: How interfaces of containers and guests begin.
_INTERNAL = ("docker", "br-", "veth", "virbr", "cni", "podman", "lxc", "lxd", "vnet")
_ANY = ("0.0.0.0/0", "::/0")


class Condition(NamedTuple):
    """One condition of a rule: `kind` is `port`, `some_port`, `protocol`, `family`, `interface`, `daddr`,
    `saddr`, `state`, `local` or `other`."""

    kind: str
    values: tuple[Any, ...] = ()
    negated: bool = False


class Taking(NamedTuple):
    """A rule that changes where a connection goes: by `who`, under these conditions, and what to do about it: in words,
    and the commands of that, each a list of words.

    `earlier` are the conditions of each rule before it, on the way to it, that ends the way: a return, an accept."""

    who: str
    conditions: tuple[Condition, ...]
    remedy: str
    earlier: tuple[tuple[Condition, ...], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()


class Aim(NamedTuple):
    """What is to be ours: a port of one family, of any interface where `interface` is empty, on a host with these
    interfaces and addresses."""

    family: str
    port: int
    interface: str
    interfaces: tuple[str, ...]
    addresses: tuple[str, ...]


def find_takings(objects: list[dict[str, Any]], saves: dict[str, str | None]) -> dict[str, list[Taking]]:
    """All rules of others that redirect what comes in, of both families: `{family: [Taking]}`.

    `objects` is what nft lists, `saves` maps a family to iptables-save's output.
    """
    return {
        family: [*_find_nft_takings(objects, saves, family), *_find_iptables_takings(saves.get(family) or "")]
        for family in _FAMILIES
    }


def find_conflicts(takings: dict[str, list[Taking]], aim: Aim) -> list[tuple[Taking, bool]]:
    """The takings of a family that a port meets: `[(Taking, certain)]`, each sentence once. One that an earlier rule
    keeps the port from is not certain."""
    found: dict[Taking, int] = {}
    for taking in takings.get(aim.family, []):
        verdict = min((judge(condition, aim) for condition in taking.conditions), default=YES)
        if any(all(_holds_always(condition, aim) for condition in way) for way in taking.earlier):
            verdict = min(verdict, MAYBE)
        if verdict != NO:
            plain = taking._replace(earlier=())
            found[plain] = max(found.get(plain, NO), verdict)
    return [(taking, verdict == YES) for taking, verdict in found.items()]


def judge(condition: Condition, aim: Aim) -> int:
    """Whether a condition holds for a new connection to the port from outside: NO, MAYBE or YES."""
    if condition.kind == "interface":
        return _judge_interface(condition, aim)
    held = _holds(condition, aim)
    return (NO, MAYBE, YES)[2 - held] if condition.negated else held


def _holds_always(condition: Condition, aim: Aim) -> bool:
    """Whether a condition holds for every connection to the port from outside, that of containers left out."""
    opposite = judge(condition._replace(negated=not condition.negated), aim)
    return opposite != YES if condition.kind == "interface" else opposite == NO


def _holds(condition: Condition, aim: Aim) -> int:
    if condition.kind == "port":
        return max((_match_number(value, aim.port) for value in condition.values), default=NO)
    if condition.kind == "some_port":
        return min(MAYBE, max((_match_number(value, aim.port) for value in condition.values), default=NO))
    if condition.kind == "protocol":
        return YES if {"tcp", "all", 6, "6"} & set(condition.values) else NO
    if condition.kind == "family":
        return YES if {aim.family, {"ipv4": "ip", "ipv6": "ip6"}[aim.family]} & set(condition.values) else NO
    if condition.kind == "daddr":
        return _compare_addresses(condition.values, aim.addresses, condition.negated)
    if condition.kind == "state":
        return YES if {"new", "NEW"} & set(condition.values) else NO
    if condition.kind == "saddr":
        return YES if set(condition.values) & set(_ANY) else MAYBE
    return YES if condition.kind == "local" else MAYBE


def _match_number(value: int, port: int) -> int:
    if isinstance(value, int):
        return YES if value == port else NO
    if isinstance(value, tuple):
        return YES if value[0] <= port <= value[1] else NO
    return MAYBE


def _judge_interface(condition: Condition, aim: Aim) -> int:
    """An interface that this host lacks, or that a pair leaves out, is not a conflict;
    one of containers takes only theirs."""
    patterns = [str(name) for name in condition.values]
    ours = [aim.interface] if aim.interface else [name for name in aim.interfaces if name != "lo"]
    met = [
        name for name in ours if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) != condition.negated
    ]
    if not ours:
        return MAYBE
    return YES if any(aim.interface or not name.startswith(_INTERNAL) for name in met) else MAYBE if met else NO


def _compare_addresses(values: tuple[str, ...], addresses: tuple[str, ...], negated: bool) -> int:
    networks = [network for network in map(_parse_network, values) if network is not None]
    if len(networks) < len(values):
        return MAYBE
    if set(values) & set(_ANY):
        return YES
    outside = [
        address
        for address in (_parse_network(item) for item in addresses)
        if address is not None and not address.is_loopback
    ]
    if not outside:
        # Loopback alone is certain; another address may be ours or not.
        return NO if all(network.is_loopback for network in networks) else MAYBE
    inside = [
        any(is_subnet(address, network) for network in networks)
        for address in outside
    ]
    if negated:
        return YES if all(inside) else NO
    return YES if any(inside) else NO


def _parse_network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return None


class Way:
    """The way through chains up to a rule, with the conditions of each rule that ended it before.

    A return ends a chain alone, and so does a goto, which never comes back to it. An accept or a drop ends them all.
    """

    def __init__(
        self, depth: int = 0, returns: Sequence[tuple[Condition, ...]] = (), ends: list[Any] | None = None
    ) -> None:
        self.depth, self._returns = depth, list(returns)
        self._ends = [] if ends is None else ends

    def enter(self) -> Way:
        """The way on into a chain that a rule leads to."""
        return Way(self.depth + 1, self._returns, self._ends)

    def end(self, verdict: str, conditions: Sequence[Condition]) -> None:
        """Keeps a verdict that ends the way under these conditions. Any other changes nothing."""
        if verdict in ("return", "goto"):
            self._returns.append(tuple(conditions))
        elif verdict in _ENDS:
            self._ends.append(tuple(conditions))

    def list_earlier(self) -> tuple[tuple[Condition, Condition], ...]:
        """The conditions of each rule that ended the way so far."""
        return (*self._returns, *self._ends)


# --------------------------------------------------------------------------------------------------------- nftables


def _find_nft_takings(objects: list[dict[str, Any]], saves: dict[str, str | None], family: str) -> list[Taking]:
    found = []
    chains = [entry["chain"] for entry in objects if "chain" in entry]
    for chain in chains:
        base = chain.get("type") == "nat" and chain.get("hook") == "prerouting" and chain["family"] in _FAMILIES[family]
        if not base or chain["table"] == nft.TABLE or _is_of_iptables(chain, saves):
            continue
        table = _Table(objects, chain["family"], chain["table"])
        found += table.find_takings(chain["name"], (), Way())
    return found


def _is_of_iptables(chain: dict[str, Any], saves: dict[str, str | None]) -> bool:
    """Whether iptables-save shows the table, too: nft does not print the matches of iptables."""
    return chain["table"] == "nat" and "*nat" in (saves.get(_TABLES.get(chain["family"], "")) or "")


class _Table:
    """One table of nftables: its rules by chain, and its sets and maps by name."""

    def __init__(self, objects: list[dict[str, Any]], family: str, name: str) -> None:
        self.family, self.name = family, name
        self.rules: dict[str, list[dict[str, Any]]] = {}
        self.sets: dict[str, list[Any]] = {}
        for entry in objects:
            for kind, item in entry.items():
                if not isinstance(item, dict) or (item.get("family"), item.get("table")) != (family, name):
                    continue
                if kind == "rule":
                    self.rules.setdefault(item["chain"], []).append(item)
                elif kind in ("set", "map"):
                    self.sets[item["name"]] = item.get("elem", [])

    def find_takings(self, chain: str, conditions: Sequence[Condition], way: Way) -> list[Taking]:
        """What the rules of a chain, and of those that it leads to, take."""
        found = []
        for rule in self.rules.get(chain, []) if way.depth < _DEPTH else []:
            so_far = list(conditions)
            for expression in rule["expr"]:
                for kind, body in expression.items():
                    if kind == "match":
                        so_far.append(self.make_condition(body["left"], body["right"], body["op"] in ("!=", "ne")))
                    elif kind in ("redirect", "dnat"):
                        found.append(
                            self.make_taking(rule, [*so_far, *self.map_keys(body)])._replace(earlier=way.list_earlier())
                        )
                    elif kind in ("jump", "goto", *_ENDS):
                        found += self.follow(kind, body, so_far, way)
                    elif kind == "vmap":
                        found += self.follow_verdict_map(body, so_far, way)
                    elif kind in ("limit", "quota", "xt", "ct count", "meter"):
                        so_far.append(Condition("other"))
        return found

    def follow(self, verdict: str, body: Any, conditions: list[Condition], way: Way) -> list[Taking]:
        """What a verdict leads to, and where it ends the way, that it does."""
        found = self.find_takings(body["target"], conditions, way.enter()) if verdict in ("jump", "goto") else []
        way.end(verdict, conditions)
        return found

    def make_taking(self, rule: dict[str, Any], conditions: list[Condition]) -> Taking:
        place = f"{self.family} {self.name} {rule['chain']}"
        if self.name == "firewalld":
            return Taking(
                "firewalld (a forward port)",
                tuple(conditions),
                "remove it: firewall-cmd --list-all-zones shows it, firewall-cmd --permanent --zone=ZONE "
                "--remove-forward-port=... removes it",
            )
        handle = rule.get("handle")
        removal = ["nft", "delete", "rule", self.family, self.name, rule["chain"], "handle", str(handle)]
        return Taking(
            f"a rule of nftables in the chain {place}",
            tuple(conditions),
            f"remove it (nft delete rule {place} handle {'N' if handle is None else handle}) and take it out of the "
            "file that it comes from",
            commands=() if handle is None else (tuple(removal),),
        )

    def map_keys(self, body: Any) -> list[Condition]:
        """The conditions of a map that has the new address or port: one that has no such key takes nothing."""
        parts = (body or {}).values() if isinstance(body, dict) else ()
        maps = [part["map"] for part in parts if isinstance(part, dict) and "map" in part]
        return [
            self.make_condition(item["key"], {"set": [pair[0] for pair in self.list_pairs(item["data"])]}, False)
            for item in maps
        ]

    def follow_verdict_map(self, body: dict[str, Any], conditions: list[Condition], way: Way) -> list[Taking]:
        found = []
        for key, verdicts in self.list_pairs(body["data"]):
            one = self.make_condition(body["key"], {"set": [key]}, False)
            for verdict, target in verdicts.items() if isinstance(verdicts, dict) else ():
                if verdict in ("jump", "goto", *_ENDS):
                    found += self.follow(verdict, target, [*conditions, one], way)
        return found

    def list_pairs(self, data: dict[str, Any] | str) -> list[list[Any]]:
        """The pairs of a map, be it named or in the rule itself."""
        items = self.sets.get(data[1:], []) if isinstance(data, str) else data.get("set", [])
        return [item for item in items if isinstance(item, list) and len(item) == 2]

    def make_condition(self, left: Any, right: Any, negated: bool) -> Condition:
        """One match as a condition."""
        if isinstance(left, dict) and "concat" in left:
            return self.make_concatenated(left["concat"], right, negated)
        kind = _find_kind(left)
        values = tuple(_parse_value(item) for item in self.list_values(right))
        if kind in ("interface", "daddr", "saddr") and any(isinstance(value, tuple) for value in values):
            return Condition("other")
        if kind == "local":
            return Condition("local" if "local" in values else "other", (), negated)
        return Condition(kind, values, negated)

    def make_concatenated(self, fields: list[Any], right: Any, negated: bool) -> Condition:
        """Of several fields together, the port decides where it is one of them, and only whether it is set."""
        index = next((number for number, field in enumerate(fields) if _find_kind(field) == "port"), None)
        if index is None or negated:
            return Condition("other")
        items = map(_unwrap, self.list_values(right))
        parts: list[Any] = [item.get("concat") if isinstance(item, dict) else None for item in items]
        ports = [_parse_value(part[index]) for part in parts if part and len(part) > index]
        # A port that no element has is left out for certain. One that an element has depends on the other fields.
        return Condition("some_port", tuple(ports))

    def list_values(self, right: Any) -> list[Any]:
        """What a match compares with, as a list."""
        if isinstance(right, str) and right.startswith("@"):
            return self.sets.get(right[1:], [])
        if isinstance(right, dict) and "set" in right:
            return right["set"] if isinstance(right["set"], list) else [right["set"]]
        return right if isinstance(right, list) else [right]


def _find_kind(left: Any) -> str:
    if not isinstance(left, dict):
        return "other"
    payload, meta = left.get("payload") or {}, left.get("meta") or {}
    if payload.get("field") == "dport" and payload.get("protocol") in ("tcp", "th"):
        return "port"
    if payload.get("field") == "dport":
        return "protocol"
    if payload.get("protocol") in ("ip", "ip6") and payload.get("field") in ("daddr", "saddr"):
        return payload["field"]
    if meta.get("key") == "l4proto" or payload.get("field") in ("protocol", "nexthdr"):
        return "protocol"
    if meta.get("key") in ("nfproto", "protocol"):
        return "family"
    if meta.get("key") in ("iifname", "iif"):
        return "interface"
    if (left.get("ct") or {}).get("key") == "state":
        return "state"
    if isinstance(left.get("fib"), dict) and left["fib"].get("result") == "type":
        return "local"
    return "other"


def _unwrap(item: Any) -> Any:
    """An element without its comment, counter or timeout."""
    return item["elem"]["val"] if isinstance(item, dict) and isinstance(item.get("elem"), dict) else item


def _parse_value(item: Any) -> int | str | tuple[int, int]:
    item = _unwrap(item)
    if isinstance(item, dict) and "range" in item:
        low, high = item["range"]
        return (low, high) if isinstance(low, int) and isinstance(high, int) else f"{low}-{high}"
    if isinstance(item, dict) and "prefix" in item:
        return f"{item['prefix']['addr']}/{item['prefix']['len']}"
    return item if isinstance(item, (int, str)) else str(item)


# --------------------------------------------------------------------------------------------------------- iptables


def _find_iptables_takings(text: str) -> list[Taking]:
    chains: dict[str, list[tuple[str, list[str]]]] = {}
    for line in iptables.parse_tables(text).get("nat", []):
        words = shlex.split(line)
        if words[0] == "-A":
            chains.setdefault(words[1], []).append((line, words[2:]))
    return _walk(chains, "PREROUTING", (), Way())


def _walk(
    chains: dict[str, list[tuple[str, list[str]]]], chain: str, conditions: tuple[Condition, ...], way: Way
) -> list[Taking]:
    found = []
    for line, words in chains.get(chain, []) if way.depth < _DEPTH else []:
        if _is_ours(line, words):
            continue
        own, target = _parse_conditions(words)
        so_far = (*conditions, *own)
        if target in ("REDIRECT", "DNAT"):
            found.append(_make_iptables_taking(chain, line, so_far)._replace(earlier=way.list_earlier()))
        elif target in chains:
            found += _walk(chains, target, so_far, way.enter())
        way.end("goto" if "-g" in words else target.lower(), so_far)
    return found


def _is_ours(line: str, words: list[str]) -> bool:
    return f"--comment {iptables.COMMENT} " in f"{line} " or any(
        word in words for own, _parent in iptables.CHAINS.values() for word in (own,)
    )


def _make_iptables_taking(chain: str, line: str, conditions: tuple[Condition, ...]) -> Taking:
    if chain.startswith("DOCKER") or chain.startswith(("CNI-", "NETAVARK", "KUBE-")):
        ports = "".join(
            str(value) for condition in conditions if condition.kind == "port" for value in condition.values[:1]
        )
        program = "Docker" if chain.startswith("DOCKER") else f"a container engine (chain {chain})"
        return Taking(
            f"{program}, which publishes it for a container",
            conditions,
            f"publish the container at another port (docker ps --filter publish={ports or 'PORT'} names it)",
        )
    removal = ["iptables", "-t", "nat", "-D", *shlex.split(line)[1:]]
    return Taking(
        f"the rule '{line}' of iptables",
        conditions,
        f"remove it ({format_shell_line([removal])})",
        commands=(tuple(removal),),
    )


def _parse_conditions(words: list[str]) -> tuple[list[Condition], str]:
    """The conditions of a rule's words, and its target."""
    found: list[Condition] = []
    negated, index = False, 0
    while index < len(words):
        word, value = words[index], words[index + 1] if index + 1 < len(words) else ""
        index += 1
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            return found, value
        if word == "-m":
            index += 1
            continue
        if word == "--comment":
            index += 1
        elif word.startswith("-"):
            # Further words up to the next option belong to this one.
            while index < len(words) and not words[index].startswith("-") and words[index] != "!":
                index += 1
            found.append(_parse_iptables_condition(word, value, negated))
        negated = False
    return found, ""


def _parse_iptables_condition(word: str, value: str, negated: bool) -> Condition:
    if word == "-p":
        return Condition("protocol", (value,), negated)
    if word in ("--dport", "--dports", "--destination-port", "--destination-ports"):
        return Condition("port", tuple(_parse_ports(part) for part in value.split(",")), negated)
    if word == "-i":
        return Condition("interface", (value.replace("+", "*"),), negated)
    if word in ("-d", "-s"):
        return Condition("daddr" if word == "-d" else "saddr", (value,), negated)
    if word in ("--ctstate", "--state"):
        return Condition("state", tuple(value.split(",")), negated)
    if word == "--dst-type":
        return Condition("local" if "LOCAL" in value.split(",") else "other", (), negated)
    return Condition("other")


def _parse_ports(part: str) -> int | str | tuple[int, int]:
    low, colon, high = part.partition(":")
    if not colon:
        return int(low) if low.isdecimal() else low
    return (int(low or 0), int(high or 65535))
