# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a port that answers on its own host cannot be reached: simple facts of the host's filter, with the command that
opens the port.

No ruleset is simulated. A fact is named only for a port of which a connection has shown that it cannot be reached.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from typing import Any

from ..core import addresses as address_rules
from ..core import sockets
from ..core.host import LISTING_BYTES, Host
from ..core.plan import format_shell_line
from ..core.untrusted_text import parse_json
from ..redirects import iptables as redirects_iptables
from . import component as firewall
from . import firewalld, ufw

#: `ports`: what other hosts could not reach. `port` is what users connect to, `inside` what the filter sees after a
#: redirect,
#: `source` the address that tried; empty stands for anybody. `family` is that of the connection; empty: either.
SPEC: dict[str, Any] = {
    "address": {"type": "str", "default": ""},
    "ports": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "port": {"type": "int", "required": True},
            "inside": {"type": "int", "required": True},
            "source": {"type": "str", "default": ""},
            "family": {"type": "str", "default": "", "choices": ["", "ipv4", "ipv6"]},
        },
    },
}
LOOPBACK = ("127.0.0.1", "::1")
#: What blocks, and the commands that open the port, where nothing blocks it.
_NO_BLOCK: tuple[str, list[list[str]]] = ("", [])
_MANAGED = ("firewalld", "xitrum_host")
#: The families of nftables that see a connection of each family.
_NFT_FAMILIES = {"": ("ip", "ip6", "inet"), "ipv4": ("ip", "inet"), "ipv6": ("ip6", "inet")}


def read(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """Whether each port answers on the host itself, and what filters. Needs root."""
    state = firewall.read_filter(host, desired["address"])
    state["interfaces"] = firewall.read_interfaces(host, desired["address"])
    state["listeners"] = list(sockets.read_listeners(host) or [])
    addresses = [*LOOPBACK, *([desired["address"]] if desired["address"] else [])]
    numbers = sorted({number for item in desired["ports"] for number in (item["port"], item["inside"])})
    # What listens at one address answers at no other.
    own = {
        number: [row["address"] for row in find_listeners(state["listeners"], number) if not is_every(row["address"])]
        for number in numbers
    }
    state["answers"] = [
        number
        for number in numbers
        if any(host.connect(address, number, 2)[0] == "open" for address in dict.fromkeys([*addresses, *own[number]]))
    ]
    listed = host.run(["nft", "-j", "list", "ruleset"], limit=LISTING_BYTES)
    try:
        state["objects"] = parse_json(listed.out)["nftables"] if listed.rc == 0 and listed.out.strip() else []
    except (ValueError, KeyError):
        state["objects"] = []
    state["saves"] = {
        family: host.run([f"{command}-save"], limit=LISTING_BYTES).out
        for family, command in redirects_iptables.COMMANDS.items()
    }
    return state


def find_listeners(listeners: list[dict[str, Any]], port: int) -> list[dict[str, Any]]:
    """The rows of sockets that listen on a port."""
    return [row for row in listeners if row["port"] == port]


def is_every(address: str) -> bool:
    """Whether a socket listens at every address; `*` is that of both families."""
    return address == "*" or address_rules.is_every(address)


def describe_listener(listeners: list[dict[str, Any]], port: int) -> str:
    """Which process listens on a port, and where; empty where none does."""
    rows = find_listeners(listeners, port)
    if not rows:
        return ""
    places = dict.fromkeys(f"{address_rules.add_brackets(row['address'])}:{port}" for row in rows)
    name = next((row["process"] for row in rows if row["process"]), "a process that only root sees")
    return f"{name} listens at {' and '.join(places)}"


def find_blocks(desired: dict[str, Any], state: dict[str, Any]) -> list[dict[str, Any]]:
    """For each port `{port, source, family, answers, listener, rule, commands}`; the last two are empty where nothing
    that blocks was found. Pure."""
    found = []
    for item in desired["ports"]:
        rule, commands = find_block(item, state)
        answers = bool({item["port"], item["inside"]} & set(state["answers"]))
        found.append(
            {
                **{key: item[key] for key in ("port", "source", "family")},
                "answers": answers,
                "listener": describe_listener(state["listeners"], item["inside"]),
                "rule": rule,
                "commands": commands,
                "command": format_shell_line(commands),
            }
        )
    return found


def find_block(item: dict[str, Any], state: dict[str, Any]) -> tuple[str, list[list[str]]]:
    """The first fact that explains why a port cannot be reached, as a text, and the commands that open it."""
    port, source = item["inside"], item["source"]
    redirected = item["inside"] != item["port"]
    checks = (
        # firewalld lets in by itself what was redirected.
        lambda: _NO_BLOCK if redirected else _find_firewalld_block(port, source, state["firewalld"]),
        lambda: _find_ufw_block(port, source, state["ufw"]),
        lambda: _find_iptables_block(port, item["family"], state),
        lambda: _find_nft_block(port, item["family"], state),
    )
    return next((found for found in (check() for check in checks) if found[0]), _NO_BLOCK)


def _find_firewalld_block(port: int, source: str, state: dict[str, Any] | None) -> tuple[str, list[list[str]]]:
    if state is None:
        return _NO_BLOCK
    zones = state[firewalld.RUNTIME]
    for name in firewalld.find_zones(zones, state["default"], source, state["interfaces"]):
        zone = zones.get(name)
        if zone is not None and not firewalld.lets_in(zone, state["services"], port, source):
            return (
                f"firewalld's zone {name} (target {zone['target']}) does not have the port {port}/tcp",
                [
                    firewalld.build_command("add", scope, name, port, source)
                    for scope in (firewalld.PERMANENT, firewalld.RUNTIME)
                ],
            )
    return _NO_BLOCK


def _find_ufw_block(port: int, source: str, state: dict[str, Any] | None) -> tuple[str, list[list[str]]]:
    if state is None:
        return _NO_BLOCK
    allows = ["ufw", "allow", f"{port}/tcp"]
    for one in [source] if source else ufw.EVERY_SOURCE[:1]:
        if not ufw.lets_in(state["rules"], port, one):
            rule = ufw.find_deciding_rule(state["rules"], port, one)
            if rule:
                return (
                    f"a rule of ufw is set to {rule.action} for the port {port}/tcp",
                    [["ufw", "delete", rule.action, f"{port}/tcp"], allows],
                )
            return (
                f"ufw is active and no rule of it allows the port {port}/tcp",
                [ufw.build_command("allow", port, source)[:-2] if source else allows],
            )
    return _NO_BLOCK


def _find_iptables_block(port: int, family: str, state: dict[str, Any]) -> tuple[str, list[list[str]]]:
    for one, command in redirects_iptables.COMMANDS.items():
        if family in ("", one):
            found = _find_iptables_family_block(port, state["saves"].get(one, ""), command, state)
            if found[0]:
                return found
    return _NO_BLOCK


def _find_iptables_family_block(
    port: int, saved: str, command: str, state: dict[str, Any]
) -> tuple[str, list[list[str]]]:
    lines = redirects_iptables.parse_tables(saved).get("filter", [])
    opens = [[command, *f"-I INPUT -p tcp --dport {port} -j ACCEPT".split()]]
    closed = not state["active"] and any(line.startswith(":INPUT DROP") for line in lines)
    refusing = []
    for line in (line.replace(" '!' ", " ! ") for line in lines if line.startswith("-A INPUT ")):
        rule = parse_iptables(line)
        if rule is None:
            # What firewalld and ufw jump to may accept the port before a later rule refuses it.
            if state["active"] and not re.search(r" -j (?:DROP|REJECT|LOG)\b", line):
                break
        elif _applies(rule, port, state["interfaces"]):
            if rule["verdict"] == "ACCEPT":
                break
            refusing.append((line, rule))
            if rule["ports"] is None:
                break
    else:
        if not refusing and closed:
            return f"the chain INPUT of {command} drops what no rule accepts (policy DROP)", opens
    # A rule for all ports is one of firewalld or ufw where one of them is active.
    refusing = [item for item in refusing if not state["active"] or item[1]["ports"] is not None]
    if not refusing:
        return _NO_BLOCK
    single = not closed and all(is_single(rule, port) for _line, rule in refusing)
    removal = [[command, "-D", *shlex.split(line)[1:]] for line, _rule in refusing]
    return f"the rule '{refusing[0][0]}' of {command} refuses it", removal if single else opens


def parse_iptables(line: str) -> dict[str, Any] | None:
    """A rule of INPUT whose only conditions are TCP, its port and the interface, as `{ports, negated, interfaces,
    verdict}`; None for any other.

    `ports` are `(first, last)`, None for every port. `interfaces` are `(is it not, names)`.
    """
    try:
        words = shlex.split(line)[2:]
    except ValueError:
        return None
    rule: dict[str, Any] = {"ports": None, "negated": False, "interfaces": [], "verdict": ""}
    position = 0
    while position < len(words):
        negated = words[position] == "!"
        option, value = [*words[position + negated : position + negated + 2], ""][:2]
        position += 2 + negated
        if option == "-i":
            rule["interfaces"].append((negated, [re.sub(r"\+$", "*", value)]))
        elif option in ("--dport", "--dports") and rule["ports"] is None:
            ports = [_parse_iptables_ports(part) for part in value.split(",")]
            if None in ports:
                return None
            rule.update(ports=ports, negated=negated)
        elif negated:
            return None
        elif option == "-j" and value in ("ACCEPT", "DROP", "REJECT"):
            rule["verdict"] = value
        elif not _is_plain_option(option, value):
            return None
    return rule if rule["verdict"] else None


def _is_plain_option(option: str, value: str) -> bool:
    """Whether an option leaves a rule one for all new connections over TCP."""
    if option in ("--state", "--ctstate"):
        return "NEW" in value.split(",")
    if option == "-m":
        return value in ("tcp", "multiport", "comment", "state", "conntrack")
    return option in ("--comment", "--reject-with") or (option, value) == ("-p", "tcp")


def _parse_iptables_ports(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([0-9]{0,5})(?::([0-9]{0,5}))?", text)
    if not found or not text:
        return None
    first, last = found[1], found[1] if found[2] is None else found[2]
    return int(first or 0), int(last or 65535)


def _applies(rule: dict[str, Any], port: int, interfaces: list[str]) -> bool:
    """Whether a plain rule decides about new connections of other hosts to a port."""
    if rule["ports"] is not None and rule["negated"] == any(first <= port <= last for first, last in rule["ports"]):
        return False
    return all(_comes_by(negated, names, interfaces) for negated, names in rule["interfaces"])


def _comes_by(negated: bool, names: list[str], interfaces: list[str]) -> bool:
    """Whether connections of other hosts certainly come in by what a rule reports about the interface."""
    if negated and names == ["lo"]:
        return True
    return bool(interfaces) and all(
        negated != any(fnmatch.fnmatchcase(interface, name) for name in names) for interface in interfaces
    )


def is_single(rule: dict[str, Any], port: int) -> bool:
    """Whether a rule is about this port alone, so that nothing else opens where it is removed."""
    return rule["ports"] == [(port, port)] and not rule["negated"]


def _find_nft_block(port: int, family: str, state: dict[str, Any]) -> tuple[str, list[list[str]]]:
    objects = state["objects"]
    for chain in (entry["chain"] for entry in objects if "chain" in entry):
        if (
            chain.get("hook") != "input"
            or chain.get("type") != "filter"
            or chain["table"] in _MANAGED
            or chain["family"] not in _NFT_FAMILIES[family]
            or _is_of_iptables(chain, state["saves"])
            or _is_dormant(chain, objects)
        ):
            continue
        found = _find_nft_chain_block(port, family, chain, state)
        if found[0]:
            return found
    return _NO_BLOCK


def _find_nft_chain_block(
    port: int, family: str, chain: dict[str, Any], state: dict[str, Any]
) -> tuple[str, list[list[str]]]:
    names = [chain["family"], chain["table"], chain["name"]]
    place = " ".join(names)
    opens = [["nft", "insert", "rule", *names, "tcp", "dport", str(port), "accept"]]
    refusing = []
    for entry in (entry["rule"] for entry in state["objects"] if "rule" in entry and _belongs(entry["rule"], chain)):
        rule = parse_nft(entry, state["objects"])
        if rule is None or rule["families"] and family not in rule["families"]:
            continue
        if not _applies(rule, port, state["interfaces"]):
            continue
        if rule["verdict"] == "accept":
            break
        refusing.append((entry.get("handle"), rule))
        if rule["ports"] is None:
            break
    else:
        if not refusing and chain.get("policy") == "drop":
            return f"the chain {place} of nftables drops what no rule accepts (policy drop)", opens
    if not refusing:
        return _NO_BLOCK
    handle, rule = refusing[0]
    single = chain.get("policy") != "drop" and all(
        is_single(rule, port) and number is not None for number, rule in refusing
    )
    removal = [["nft", "delete", "rule", *names, "handle", str(number)] for number, _rule in refusing]
    number = "" if handle is None else f" (handle {handle})"
    text = f"the rule '{rule['text']}'{number} of the chain {place} of nftables refuses it"
    return text, removal if single else opens


def _belongs(rule: dict[str, Any], chain: dict[str, Any]) -> bool:
    return (rule["family"], rule["table"], rule["chain"]) == (chain["family"], chain["table"], chain["name"])


def _is_dormant(chain: dict[str, Any], objects: list[dict[str, Any]]) -> bool:
    """Whether the chain's table is switched off."""
    tables = [entry["table"] for entry in objects if "table" in entry]
    own = [item for item in tables if (item["family"], item["name"]) == (chain["family"], chain["table"])]
    return any("dormant" in item.get("flags", ()) for item in own)


def _is_of_iptables(chain: dict[str, Any], saves: dict[str, str]) -> bool:
    """Whether iptables-save shows the chain, too, and better than nft."""
    family = {"ip": "ipv4", "ip6": "ipv6"}.get(chain["family"])
    return (
        family is not None
        and chain["table"] == "filter"
        and chain["name"] == "INPUT"
        and "*filter" in (saves.get(family) or "")
    )


def parse_nft(entry: dict[str, Any], objects: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A rule whose only conditions are TCP, its port, the interface and the family, as `parse_iptables`, with
    `families` (empty: all) and `text`; None for any other."""
    rule: dict[str, Any] = {"ports": None, "negated": False, "interfaces": [], "families": [], "verdict": ""}
    words = []
    for expression in entry["expr"]:
        kind = next(iter(expression), "")
        if kind == "match":
            word = _add_nft_match(rule, expression["match"], entry, objects)
            if not word:
                return None
            words.append(word)
        elif kind in ("accept", "drop", "reject"):
            rule["verdict"] = kind
        elif kind not in ("counter", "log"):
            return None
    return {**rule, "text": " ".join([*words, rule["verdict"]])} if rule["verdict"] else None


def _add_nft_match(
    rule: dict[str, Any], match: dict[str, Any], entry: dict[str, Any], objects: list[dict[str, Any]]
) -> str:
    """Adds one condition to a rule. Returns it as nft(8) prints it; empty where the rule is not plain."""
    left, operator = match.get("left"), match.get("op")
    items = _list_nft_items(match.get("right"), entry, objects)
    if items is None or operator not in ("==", "!=", "in"):
        return ""
    negated = operator == "!="
    payload, meta, track = (left.get(name) if isinstance(left, dict) else None for name in ("payload", "meta", "ct"))
    protocol, field = (payload.get("protocol"), payload.get("field")) if payload else ("", "")
    if field == "dport" and protocol in ("tcp", "th") and rule["ports"] is None:
        ports = [_parse_nft_ports(item) for item in items]
        if None in ports:
            return ""
        rule.update(ports=ports, negated=negated)
        return _format_nft_match(f"{protocol} dport", negated, match["right"])
    if meta and meta.get("key") in ("iif", "iifname") and all(isinstance(item, str) for item in items):
        rule["interfaces"].append((negated, items))
        return _format_nft_match(meta["key"], negated, match["right"], '"')
    if negated:
        return ""
    # Connections that begin are the ones that count here.
    if track == {"key": "state"} and "new" in items:
        return _format_nft_match("ct state", False, match["right"])
    if meta and meta.get("key") == "l4proto" and {"tcp", 6} & set(map(_unwrap_item, items)):
        return _format_nft_match("meta l4proto", False, match["right"])
    if meta and meta.get("key") == "nfproto" and set(map(_unwrap_item, items)) <= {"ipv4", "ipv6"}:
        rule["families"] += items
        return _format_nft_match("meta nfproto", False, match["right"])
    protocols = {("ip", "protocol"): "ipv4", ("ip6", "nexthdr"): "ipv6"}
    of = protocols.get((protocol, field))
    if of and {"tcp", 6} & set(map(_unwrap_item, items)):
        rule["families"].append(of)
        return _format_nft_match(f"{protocol} {field}", False, match["right"])
    return ""


def _list_nft_items(
    right: Any, entry: dict[str, Any], objects: list[dict[str, Any]]
) -> list[Any] | None:
    """The values of a match: one, those of a set, or of a named set of the rule's table; None for anything else."""
    if isinstance(right, str) and right.startswith("@"):
        sets = (found["set"] for found in objects if "set" in found)
        right = next(
            (
                {"set": found.get("elem", [])}
                for found in sets
                if (found["family"], found["table"], found["name"]) == (entry["family"], entry["table"], right[1:])
            ),
            None,
        )
    items = right if isinstance(right, list) else [right]
    if isinstance(right, dict) and "set" in right:
        items = right["set"]
    if not isinstance(items, list) or None in items:
        return None
    return [item["elem"].get("val") if isinstance(item, dict) and "elem" in item else item for item in items]


def _parse_nft_ports(item: Any) -> tuple[int, int] | None:
    first, last = item["range"] if isinstance(item, dict) and len(item.get("range", ())) == 2 else (item, item)
    return (first, last) if isinstance(first, int) and isinstance(last, int) else None


def _unwrap_item(item: Any) -> str | int:
    return item if isinstance(item, (str, int)) else ""


def _format_nft_match(name: str, negated: bool, right: Any, quote: str = "") -> str:
    def format_item(item: Any) -> str:
        if isinstance(item, dict) and "elem" in item:
            item = item["elem"].get("val")
        if isinstance(item, dict) and "range" in item:
            return "-".join(map(str, item["range"]))
        return f"{quote}{item}{quote}"

    if isinstance(right, list):
        return f"{name} {','.join(map(format_item, right))}"
    values = right.get("set") if isinstance(right, dict) and "set" in right else None
    shown = format_item(right) if values is None else f"{{ {', '.join(map(format_item, values))} }}"
    return f"{name} {'!= ' if negated else ''}{shown}"
