# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that firewalld lets in: what its zones report, live and permanently, and the commands that change them.
Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from ..core import addresses

#: Where the permanent configuration is; the first folder that has a file wins.
FOLDERS = ("/etc/firewalld", "/usr/lib/firewalld")
PERMANENT, RUNTIME = "permanent", "runtime"

_RICH = re.compile(r'rule family="(?:ipv4|ipv6)" source address="([^"]+)" port port="([^"]+)" protocol="tcp" accept')
_EMPTY = {"target": "default", "interfaces": (), "sources": (), "services": (), "ports": (), "rich": ()}


def parse_zones(text: str) -> dict[str, dict[str, Any]]:
    """`firewall-cmd --list-all-zones` as a dictionary: zone to `target`, `interfaces`, `sources`, `services`, `ports`
    (texts such as `80` and `9000-9010`, of TCP only) and `rich` (pairs of address and port that are accepted)."""
    zones: dict[str, dict[str, Any]] = {}
    zone, key = None, ""
    for line in text.splitlines():
        if line and not line[0].isspace():
            # `public (active)`, or from firewalld 2 on `public (default, active)`.
            zone, key = zones.setdefault(line.split(" ", 1)[0], dict(_EMPTY)), ""
        elif zone is not None and line.startswith("  ") and ":" in line:
            key, _colon, value = (part.strip() for part in line.partition(":"))
            if key in ("interfaces", "sources", "services"):
                zone[key] = tuple(value.split())
            elif key == "ports":
                zone[key] = _filter_tcp(word.partition("/")[::2] for word in value.split())
            elif key == "target":
                zone[key] = value
        elif zone is not None and key == "rich rules" and line.strip():
            found = _RICH.fullmatch(line.strip())
            zone["rich"] += (found.groups(),) if found else ()
    return zones


def _filter_tcp(pairs: Iterable[Sequence[str | None]]) -> tuple[str, ...]:
    return tuple(port for port, protocol in pairs if protocol == "tcp" and port)


def parse_zone_file(text: str | None) -> dict[str, Any]:
    """The same of the file of one zone. Raises ValueError where it is not XML."""
    if not text:
        return dict(_EMPTY)
    root = _parse_root(text)
    rich = []
    for rule in root.iter("rule"):
        source, port = rule.find("source"), rule.find("port")
        if source is None or port is None or {child.tag for child in rule} != {"source", "port", "accept"}:
            continue
        plain = source.get("invert", "no") in ("no", "false") and port.get("protocol") == "tcp"
        if plain and source.get("address"):
            rich.append((source.get("address"), port.get("port")))
    return {
        "target": root.get("target", "default"),
        "interfaces": tuple(item.get("name") for item in root.findall("interface")),
        "sources": tuple(item.get("address") for item in root.findall("source") if item.get("address")),
        "services": tuple(item.get("name") for item in root.findall("service")),
        "ports": _filter_tcp((item.get("port"), item.get("protocol")) for item in root.findall("port")),
        "rich": tuple(rich),
    }


def parse_service(text: str | None) -> tuple[str, ...]:
    """The TCP ports of a service's file. Raises ValueError where it is not XML."""
    return (
        _filter_tcp((item.get("port"), item.get("protocol")) for item in _parse_root(text).findall("port"))
        if text
        else ()
    )


def _parse_root(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"a file of firewalld is not XML: {error}") from error


def includes(ports: Sequence[str], port: int) -> bool:
    """Whether a list of ports and ranges has this port."""
    bounds = (item.partition("-") for item in ports if re.fullmatch(r"\d+(-\d+)?", item))
    return any(int(low) <= port <= int(high or low) for low, _dash, high in bounds)


def lets_in(zone: dict[str, Any], services: dict[str, tuple[str, ...]], port: int, source: str) -> bool:
    """Whether a zone lets a port in: to everybody, or where `source` is an address, to that one.
    `services` maps a name to ports."""
    open_to_all = (
        zone["target"] == "ACCEPT"
        or includes(zone["ports"], port)
        or any(includes(services.get(name, ()), port) for name in zone["services"])
    )
    return (
        open_to_all
        or bool(source)
        and any(contains(address, source) and includes((ports,), port) for address, ports in zone["rich"])
    )


def contains(network: str, address: str) -> bool:
    """Whether a network has an address, or all of another network."""
    try:
        outer, inner = ipaddress.ip_network(network, strict=False), ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return addresses.is_subnet(inner, outer)


def find_zones(zones: dict[str, dict[str, Any]], default: str, source: str, interfaces: list[str]) -> list[str]:
    """The names of the zones that packets of a source (empty for anybody) meet which come in by these interfaces."""
    if source:
        by_source = sorted(
            name for name, zone in zones.items() if any(contains(network, source) for network in zone["sources"])
        )
        if by_source:
            return by_source[:1]
    by_interface = {interface: name for name, zone in zones.items() for interface in zone["interfaces"]}
    return sorted({by_interface.get(interface, default) for interface in interfaces} or {default})


def format_option(verb: str, port: int, source: str) -> str:
    """The option of firewall-cmd that adds or removes a port; `verb` is one of the two."""
    if not source:
        return f"--{verb}-port={port}/tcp"
    return f"--{verb}-rich-rule={format_rich_rule(port, source)}"


def format_rich_rule(port: int, source: str) -> str:
    """The rule that lets one source in."""
    family = "ipv6" if ":" in source else "ipv4"
    return f'rule family="{family}" source address="{source}" port port="{port}" protocol="tcp" accept'


def build_command(verb: str, scope: str, zone: str, port: int, source: str, active: bool = True) -> list[str]:
    """The command that adds or removes a port in one scope.
    Without a running firewalld only the permanent one can change."""
    if not active:
        return ["firewall-offline-cmd", f"--zone={zone}", format_option(verb, port, source)]
    return [
        "firewall-cmd",
        *(["--permanent"] if scope == PERMANENT else []),
        f"--zone={zone}",
        format_option(verb, port, source),
    ]
