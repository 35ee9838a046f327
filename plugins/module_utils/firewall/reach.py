# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the site's public ports can be reached over the network: who connects to what, and what the answers mean.
Pure.

A port is tried from another host of the inventory, or from `xitrum_reach_from`. What cannot be tried is a note and
no failure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from ..core import addresses as address_rules
from ..core.plan import CHECK, RUN, Row

CONTROLLER = "localhost"
#: The outcome of a connection to what a person reads.
OUTCOMES = {
    "open": "reached",
    "refused": "refused",
    "timeout": "timed out",
    "unreachable": "unreachable",
    "no_route": "no route",
    "unresolved": "unknown name",
}
#: How many hosts outside of the run try the same port: the run does not know which of them answer.
HELPERS = 3
#: Words that report something of the host that tries, and nothing of the target.
OVER_NETWORK = "over the network"
UNKNOWN = ("no_route", "unresolved")
#: What the read of the filter does not see.
CONDITIONS = (
    "Rules with conditions, such as a source address, are not read: nft list ruleset or iptables-save shows them"
)
NETWORK = (
    f"no rule that blocks it was found on the host. {CONDITIONS}. "
    "Check the network between the hosts (a security group of the cloud, a router), and xitrum_address of the host"
)


def list_public_ports(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The ports of a host that others connect to, as the options `ports` of the component `firewall`. `values` are
    the host's variables.

    `port` is what the host's filter sees, `public` what users connect to (0: only the proxies connect), `sources` who
    may (empty: everybody), `addresses` where it listens (empty: at every address), `note` why a failure is none.
    """
    found = _list_proxy_ports(values) if values["is_proxy"] else []
    return found + (_list_application_ports(values) if values["is_application"] else [])


def _list_proxy_ports(values: dict[str, Any]) -> list[dict[str, Any]]:
    listen = address_rules.list_listen_addresses(values["proxy_listen"])
    if listen and all(address_rules.is_loopback(address) for address in listen):
        return []
    everywhere = any(map(address_rules.is_every, listen))
    balancers = [str(address) for address in values["load_balancers"]]
    note = (
        "xitrum_proxy_load_balancers stand in front of it, and may be the only ones that reach it" if balancers else ""
    )
    addresses = [] if everywhere else [address for address in listen if not address_rules.is_loopback(address)]
    ports = [int(values["proxy_http_port"]), *([int(values["proxy_https_port"])] if values["proxy_https"] else [])]
    return [
        {"port": port, "public": port, "sources": balancers, "addresses": addresses, "note": note} for port in ports
    ]


def _list_application_ports(values: dict[str, Any]) -> list[dict[str, Any]]:
    interface = str(values["interface"] or "")
    if address_rules.is_loopback(interface):
        return []
    places = range(int(values["places"]))
    http, https = int(values["http_port"]), int(values["https_port"])
    inside = [http + place for place in places] + ([https + place for place in places] if values["https"] else [])
    found: list[dict[str, Any]] = []
    for pair in values["pairs"]:
        # With two slots the redirect leads to one of them today and to the other one after a release.
        first = next(
            (start for start in (http, https) if pair["inside"] in range(start, start + len(places))), pair["inside"]
        )
        slots = [first + place for place in places] if values["slots"] else [pair["inside"]]
        for port in slots:
            tried = port == pair["inside"] and not pair.get("interface")
            found.append(
                {
                    "port": port,
                    "public": int(pair["outside"]) if tried else 0,
                    "sources": [],
                    "addresses": [],
                    "note": "",
                }
            )
    if values["has_proxies"]:
        sources = [
            str(address)
            for address in values["trusted"]
            if not address_rules.is_loopback(str(address).partition("/")[0])
        ]
        return found + [
            {"port": port, "public": 0, "sources": sources, "addresses": [], "note": ""}
            for port in (http + place for place in places)
            if sources
        ]
    taken = {item["port"] for item in found}
    redirected = {start for start in (http, https) if taken & set(range(start, start + len(places)))}
    addresses = [] if address_rules.is_every(interface) else [address_rules.normalize(interface)]
    return found + [
        {"port": port, "public": port, "sources": [], "addresses": addresses, "note": ""}
        for port in inside
        if not any(port in range(start, start + len(places)) for start in redirected)
    ]


def is_address(text: str) -> bool:
    """Whether a text is an IP address, and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def find_family(address: str) -> str:
    """The family of connections to an address; empty for a name."""
    if not is_address(address):
        return ""
    return "ipv6" if ":" in address else "ipv4"


def plan_probes(hosts: dict[str, dict[str, Any]], others: list[str], reach_from: str = "") -> dict[str, Any]:
    """Who tries what, and the rows of what cannot be tried.

    `hosts` are those of the run: name to `{address, state, reached}`; `others` are names of hosts of the inventory
    that may try
    in their place, the best first. Returns `{probes: [{host, targets, connections}], rows: {host: [Row]}}`;
    `connections` are the targets as
    `xitrum.host.reach_info` takes them.
    """
    probes: dict[str, list[dict[str, Any]]] = {}
    rows: dict[str, list[Row]] = {}
    inside = [name for name, item in hosts.items() if item["reached"]]
    outside = [name for name in others if name not in hosts][:HELPERS]
    for name, item in hosts.items():
        # A host of the run has answered already, so that one of them is enough.
        helpers = [reach_from] if reach_from else [helper for helper in inside if helper != name][:1] or outside
        for target in list_targets(name, item):
            why = _describe_untried(name, target, helpers[0] if helpers else "")
            if why:
                rows.setdefault(name, []).append(build_row(target, "not_readable", "", why))
                continue
            for by in helpers:
                probes.setdefault(by, []).append(target)
    return {
        "probes": [
            {
                "host": by,
                "targets": targets,
                "connections": [{"address": target["address"], "port": target["port"]} for target in targets],
            }
            for by, targets in probes.items()
        ],
        "rows": rows,
    }


def list_targets(name: str, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Each public port and address of a host as `{name, address, port, inside, first, note}`;
    `first` is the address that users know."""
    report = (item["state"] or {}).get("firewall") or {}
    found = []
    for port in report.get("public", []):
        known = item["address"]
        addresses = port["addresses"] or [
            known,
            *([report["address6"]] if report.get("address6") and ":" not in known else []),
        ]
        for number, address in enumerate(addresses):
            found.append(
                {
                    "name": name,
                    "address": address,
                    "port": port["public"],
                    "inside": port["port"],
                    "note": port["note"],
                    "first": bool(port["addresses"]) or number == 0,
                }
            )
    return found


def _describe_untried(name: str, target: dict[str, Any], by: str) -> str:
    if not by:
        return (
            "the inventory has no other host that could try: set xitrum_reach_from to localhost to try from the "
            "controller"
        )
    if by == name:
        return f"xitrum_reach_from is {name} itself: a connection of a host to itself passes no filter"
    if address_rules.is_loopback(target["address"]) and by != CONTROLLER:
        return f"its address in the inventory is {target['address']}, which other hosts cannot use: set xitrum_address"
    return ""


def build_row(
    target: dict[str, Any],
    status: str,
    effective: str,
    why: str = "",
    fix: str = "",
    commands: Sequence[list[str]] = (),
) -> Row:
    """The row of one target. What could not be tried is tried by the next check, from another host perhaps."""
    fix = fix or (CHECK if status == "not_readable" else "")
    family = " (IPv6)" if not target["first"] and ":" in target["address"] else ""
    return Row(
        "reach",
        f"port {target['port']} {OVER_NETWORK}{family}",
        "reachable",
        "",
        effective,
        status,
        why,
        fix,
        list(commands),
    )


def find_unreached(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The targets that could not be reached, as `{host: [{port, inside, source, family}]}`:
    what each of those hosts is queried next.

    `answers` are `[{host, results}]` of all that tried; each result is its target with `outcome` and `message`.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for tries in group_tries(answers):
        result = tries[-1][1]
        if result["outcome"] not in ("open", *UNKNOWN, ""):
            item = {
                "port": result["port"],
                "inside": result["inside"],
                "source": "",
                "family": find_family(result["address"]),
            }
            if item not in found.setdefault(result["name"], []):
                found[result["name"]].append(item)
    return found


def group_tries(answers: list[dict[str, Any]]) -> list[list[tuple[str, dict[str, Any]]]]:
    """Of each target what the hosts that tried found, as `[[(host, result)]]`, up to the first that could try.

    The result of a host that did not answer has an empty `outcome`, and why as its `message`.
    """
    found: dict[tuple[Any, ...], list[tuple[str, dict[str, Any]]]] = {}
    for answer in answers:
        results = answer["results"]
        if answer.get("failed"):
            results = [{**target, "outcome": "", "message": answer["failed"]} for target in answer.get("targets", [])]
        for result in results:
            tries = found.setdefault(tuple(result[key] for key in ("name", "address", "port", "inside")), [])
            if not tries or tries[-1][1]["outcome"] in ("", *UNKNOWN):
                tries.append((answer["host"], result))
    return list(found.values())


def build_rows(answers: list[dict[str, Any]], blocks: dict[str, Any]) -> dict[str, list[Row]]:
    """The rows of all targets: `{host: [Row]}`.
    `blocks` maps a host to what `firewall_blocks.find_blocks` found there."""
    rows: dict[str, list[Row]] = {}
    for tries in group_tries(answers):
        by, result = tries[-1]
        block = find_block(blocks.get(result["name"], []), result["port"], "", find_family(result["address"]))
        row = judge(by, result, block)
        if result["outcome"] in ("", *UNKNOWN):
            row = row.replace(why="; ".join(judge(*one, None).why for one in tries))
        rows.setdefault(result["name"], []).append(row)
    return rows


def find_block(blocks: list[dict[str, Any]], port: int, source: str, family: str) -> dict[str, Any] | None:
    """What the host found of one port, source and family; None where it did not report."""
    return next(
        (item for item in blocks if (item["port"], item["source"], item["family"]) == (port, source, family)), None
    )


def explain(block: dict[str, Any], unreached: str, itself: str) -> tuple[str, list[list[str]]]:
    """Why a port is not reached, as a text, and the commands that open it. `unreached` reports who cannot reach it."""
    if block["answers"]:
        return f"it answers on {itself}, and {unreached}: {block['rule'] or NETWORK}", block["commands"]
    rule = block["rule"] or f"no rule that blocks it was found on the host. {CONDITIONS}. Read the log of the process"
    return f"{unreached}, and {block['listener']}, which does not answer on {itself} either: {rule}", block["commands"]


def format_remedy(host: str, row: Row) -> str:
    """The end of a sentence with what opens the port of a row; empty where a command of its host does not."""
    if not row.commands:
        return ""
    # xitrum_open_firewall opens ports in these two alone.
    managed = row.commands[0][0] in ("firewall-cmd", "ufw")
    return f". To open it, {'set xitrum_open_firewall: true, or ' if managed else ''}run on {host}: {row.fix}"


def judge(by: str, result: dict[str, Any], block: dict[str, Any] | None) -> Row:
    """The row of one result."""
    if not result["outcome"]:
        return build_row(result, "not_readable", "", f"{by} could not try: {result['message']}")
    by = "the controller" if by == CONTROLLER else by
    place = (
        f"[{result['address']}]:{result['port']}"
        if ":" in result["address"]
        else f"{result['address']}:{result['port']}"
    )
    effective = f"{OUTCOMES[result['outcome']]} from {by}"
    if result["outcome"] == "open":
        return build_row(result, "ok", effective)
    if result["outcome"] in UNKNOWN:
        why = f"{by} cannot try {place}: {result['message']}. Set xitrum_reach_from to a host that can"
        return build_row(result, "not_readable", effective, why)
    if block is None:
        return build_row(
            result,
            "not_readable" if result["note"] else "drift",
            effective,
            f"{by} cannot reach {place}, and the host does not explain why",
        )
    unreached_by = f"{by} cannot reach {place}"
    listens = block["answers"] or block["listener"]
    fix = ""
    commands: list[list[str]] = []
    if listens:
        why, commands = explain(block, unreached_by, "its own host")
    else:
        why, fix = f"{unreached_by}, and nothing answers on port {result['port']} of the host itself", RUN
    if result["note"]:
        return build_row(result, "not_readable", effective, f"{why} ({result['note']})")
    # A second address that only the network between keeps away is not what users know.
    if not result["first"] and not (listens and block["rule"]):
        return build_row(result, "not_readable", effective, why)
    return build_row(result, "drift", effective, why, fix, commands)


def format_sentences(rows: dict[str, list[Row]]) -> list[str]:
    """The public ports among the rows that cannot be reached, one sentence each: `{host: [Row]}` to a list."""
    return [
        f"{host}: port {row.item.split()[1]} cannot be reached{' over IPv6' if row.item.endswith('(IPv6)') else ''}: "
        f"{row.why}{format_remedy(host, row)}"
        for host, some in rows.items()
        for row in some
        if row.status == "drift" and OVER_NETWORK in row.item
    ]
