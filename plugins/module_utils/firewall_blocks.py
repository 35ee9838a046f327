# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a port that answers on its own host cannot be reached: simple facts of the host's filter, with the command that
opens the port.

No ruleset is simulated. A fact is named only for a port of which a connection has shown that it cannot be reached.
"""

from __future__ import annotations

import json
import re

from ansible_collections.xitrum.host.plugins.module_utils import firewall, redirects_iptables
from ansible_collections.xitrum.host.plugins.module_utils import firewall_firewalld as firewalld
from ansible_collections.xitrum.host.plugins.module_utils import firewall_ufw as ufw

#: `ports`: what other hosts could not reach. `port` is what users connect to, `inside` what the filter sees after a
#: redirect,
#: `source` the address that tried; empty stands for anybody.
SPEC = {
    "address": {"type": "str", "default": ""},
    "ports": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "port": {"type": "int", "required": True},
            "inside": {"type": "int", "required": True},
            "source": {"type": "str", "default": ""},
        },
    },
}
LOOPBACK = ("127.0.0.1", "::1")
_MANAGED = ("firewalld", "xitrum_host")


def read(host, wanted):
    """Whether each port answers on the host itself, and what filters. Needs root."""
    state = firewall.read_filter(host, wanted["address"])
    addresses = [*LOOPBACK, *([wanted["address"]] if wanted["address"] else [])]
    numbers = sorted({number for item in wanted["ports"] for number in (item["port"], item["inside"])})
    state["answers"] = [
        number for number in numbers if any(host.connect(address, number, 2)[0] == "open" for address in addresses)
    ]
    listed = host.run(["nft", "-j", "list", "ruleset"])
    try:
        state["objects"] = json.loads(listed.out)["nftables"] if listed.rc == 0 and listed.out.strip() else []
    except (ValueError, KeyError):
        state["objects"] = []
    state["saves"] = {
        family: host.run([f"{command}-save"]).out for family, command in redirects_iptables.COMMANDS.items()
    }
    return state


def find_blocks(wanted, state):
    """For each port C({port, answers, rule, command}); the last two are empty where nothing that blocks was found.
    Pure."""
    found = []
    for item in wanted["ports"]:
        rule, command = block_of(item, state)
        answers = bool({item["port"], item["inside"]} & set(state["answers"]))
        found.append(
            {"port": item["port"], "source": item["source"], "answers": answers, "rule": rule, "command": command}
        )
    return found


def block_of(item, state):
    """The first fact that explains why a port cannot be reached, and what opens it, as two texts."""
    port, source = item["inside"], item["source"]
    redirected = item["inside"] != item["port"]
    checks = (
        # firewalld lets in by itself what was redirected.
        lambda: ("", "") if redirected else _firewalld_block(port, source, state["firewalld"]),
        lambda: _ufw_block(port, source, state["ufw"]),
        lambda: _iptables_block(port, state["saves"], state["active"]),
        lambda: _nft_block(port, state["objects"], state["saves"], state["active"]),
    )
    return next((found for found in (check() for check in checks) if found[0]), ("", ""))


def _firewalld_block(port, source, state):
    if state is None:
        return "", ""
    zones = state[firewalld.RUNTIME]
    for name in firewalld.zones_of(zones, state["default"], source, state["interfaces"]):
        zone = zones.get(name)
        if zone is not None and not firewalld.lets_in(zone, state["services"], port, source):
            commands = (
                firewalld.command("add", scope, name, port, source)
                for scope in (firewalld.PERMANENT, firewalld.RUNTIME)
            )
            return (
                f"firewalld's zone {name} (target {zone['target']}) does not have the port {port}/tcp",
                " && ".join(_shell(words) for words in commands),
            )
    return "", ""


def _shell(words):
    return " ".join(f"'{word}'" if " " in word else word for word in words)


def _ufw_block(port, source, state):
    if state is None:
        return "", ""
    for one in [source] if source else ufw.ANYBODY[:1]:
        if not ufw.lets_in(state["rules"], port, one):
            rule = ufw.deciding(state["rules"], port, one)
            if rule:
                return (
                    f"a rule of ufw says {rule.action} for the port {port}/tcp",
                    f"ufw delete {rule.action} {port}/tcp && ufw allow {port}/tcp",
                )
            command = _shell(ufw.command("allow", port, source)[:-2]) if source else f"ufw allow {port}/tcp"
            return f"ufw is active and no rule of it allows the port {port}/tcp", command
    return "", ""


def _iptables_block(port, saves, active):
    if active:
        # Its rules are those of firewalld or ufw.
        return "", ""
    for family, command in redirects_iptables.COMMANDS.items():
        lines = redirects_iptables.tables(saves.get(family, "")).get("filter", [])
        inputs = [line for line in lines if line.startswith("-A INPUT ")]
        if _accepts(inputs, port):
            continue
        opens = f"{command} -I INPUT -p tcp --dport {port} -j ACCEPT"
        closed = next(
            (
                line
                for line in inputs
                if re.fullmatch(
                    rf"-A INPUT (?:-p tcp )?(?:-m tcp )?(?:--dport {port} )?-j (?:DROP|REJECT)(?: .*)?", line
                )
                and ("-p tcp" in line or "--dport" not in line)
            ),
            None,
        )
        if closed:
            return f"the rule '{closed}' of {command} refuses it", opens
        if ":INPUT DROP" in lines or any(line.startswith(":INPUT DROP ") for line in lines):
            return f"the chain INPUT of {command} drops what no rule accepts (policy DROP)", opens
    return "", ""


def _accepts(inputs, port):
    """Whether a plain rule accepts the port for everybody: then the chain is not what blocks."""
    return any(
        re.fullmatch(
            rf"-A INPUT (?:-p tcp )?(?:-m (?:tcp|state|conntrack) )*(?:--(?:ct)?state \S+ )?--dport {port} (?:-m .*)?-j ACCEPT",
            line,
        )
        for line in inputs
    )


def _nft_block(port, objects, saves, active):
    chains = [entry["chain"] for entry in objects if "chain" in entry]
    for chain in chains:
        if (
            chain.get("hook") != "input"
            or chain.get("type") != "filter"
            or chain["table"] in _MANAGED
            or active
            and _is_of_iptables(chain, saves)
        ):
            continue
        if _is_of_iptables(chain, saves) or chain["family"] not in ("ip", "ip6", "inet"):
            continue
        place = f"{chain['family']} {chain['table']} {chain['name']}"
        opens = f"nft insert rule {place} tcp dport {port} accept"
        rules = [entry["rule"]["expr"] for entry in objects if "rule" in entry and _of(entry["rule"], chain)]
        if any(_plain(expr, port) == "accept" for expr in rules):
            continue
        refusing = next((word for word in (_plain(expr, port) for expr in rules) if word in ("drop", "reject")), "")
        if refusing:
            return f"a rule of the chain {place} of nftables says {refusing}", opens
        if chain.get("policy") == "drop":
            return f"the chain {place} of nftables drops what no rule accepts (policy drop)", opens
    return "", ""


def _of(rule, chain):
    return (rule["family"], rule["table"], rule["chain"]) == (chain["family"], chain["table"], chain["name"])


def _is_of_iptables(chain, saves):
    """Whether iptables-save shows the chain, too, and better than nft."""
    family = {"ip": "ipv4", "ip6": "ipv6"}.get(chain["family"])
    return (
        family is not None
        and chain["table"] == "filter"
        and chain["name"] == "INPUT"
        and "*filter" in (saves.get(family) or "")
    )


def _plain(expressions, port):
    """The verdict of a rule that has no match but one of exactly this TCP port, or none at all; empty for any other
    rule."""
    verdict = ""
    for expression in expressions:
        kind = next(iter(expression), "")
        if kind == "match":
            left, right = expression["match"].get("left"), expression["match"].get("right")
            if left != {"payload": {"protocol": "tcp", "field": "dport"}} or expression["match"].get("op") != "==":
                return ""
            items = right.get("set", []) if isinstance(right, dict) else [right]
            if port not in items:
                return ""
        elif kind in ("accept", "drop", "reject"):
            verdict = kind
        elif kind not in ("counter", "log"):
            return ""
    return verdict
