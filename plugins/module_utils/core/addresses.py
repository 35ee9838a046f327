# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that something listens on, compared by what they mean and never by their text.

`2001:DB8:0::1` is `2001:db8::1`, and `::ffff:192.0.2.1` is `192.0.2.1`. `serves` is the one place that decides
whether a listening socket serves a configured address, `accepts` whether it takes a connection to one address. A
socket is a row of `sockets.listeners`: its `address`, `family` and `interface`. The other text is what a user
configured: an address, a host name, or one that stands for every address (empty, `*`, `0.0.0.0`, `::`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .host import Host
from .untrusted_text import parse_json

#: Lists the IPv6 addresses of a host. Missing with `ipv6.disable=1`, and empty with `disable_ipv6=1`.
IF_INET6 = "/proc/net/if_inet6"

#: Texts that stand for every address in addition to the unspecified addresses of both families.
EVERY = ("", "*")

#: `0.0.0.0` in the short forms that a JVM and the C library take: `0`, `0.0`.
_SHORT_EVERY = re.compile(r"0+(\.0+){0,3}")

#: Private networks: RFC 1918 and RFC 4193 (unique local addresses).
PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))

#: The shared address space of RFC 6598: some providers' and overlays' private networks, and some carriers' customers.
SHARED = ipaddress.ip_network("100.64.0.0/10")

#: The interface of a link-local address, by its name or number. Whatever follows a % is otherwise no address.
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}(?:@[A-Za-z0-9_.-]{1,15})?")

#: The IP versions that a socket of each family takes.
_VERSIONS = {"inet": {4}, "inet6": {6}, "dual": {4, 6}}


class Address(NamedTuple):
    """One address: `ip` of the module ipaddress,
    and the network interface that a link-local one belongs to (or empty)."""

    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    zone: str = ""


def parse_address(text: Any) -> Address | None:
    """The address that a text writes, or None for a name. Takes brackets and a zone, before or after the bracket."""
    bare = str(text).strip()
    if bare.startswith("["):
        inside, bracket, after = bare[1:].partition("]")
        if not bracket or (after and not after.startswith("%")):
            return None
        bare = inside + after
    bare, percent, zone = bare.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return None
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return Address(getattr(ip, "ipv4_mapped", None) or ip, zone)


def is_every(text: Any) -> bool:
    """Whether a configured address stands for every address of the host."""
    found, bare = parse_address(text), str(text).strip()
    if found is None:
        return bare in EVERY or _SHORT_EVERY.fullmatch(bare) is not None
    return found.ip.is_unspecified


def is_loopback(text: Any) -> bool:
    """Whether an address or name is the host's own loopback, which no other host reaches."""
    found = parse_address(text)
    return found.ip.is_loopback if found else str(text).strip().lower().rstrip(".") == "localhost"


def find_private_fault(text: Any, takes_shared: bool = False) -> str:
    """Why an address is not one of a private network, as the words after "is"; empty where it is one, and for a
    loopback address.

    `takes_shared`: whether 100.64.0.0/10 counts as private. Only what is listed as private is taken: addresses for
    every interface, groups, links, documentation and future use are in no table of what is public either.
    """
    found = parse_address(text)
    if is_every(text):
        return "every address of the host, the public ones too"
    if found is None:
        return "a name"
    if found.ip.is_loopback or any(found.ip in network for network in PRIVATE):
        return f"written with the zone {found.zone}" if found.zone else ""
    if found.ip in SHARED:
        return "" if takes_shared else f"in {SHARED}, which a provider may share among its customers"
    if found.ip.is_multicast:
        return "a multicast address"
    if found.ip.is_link_local:
        return "a link-local address"
    return "public" if found.ip.is_global else "in no private network"


def normalize(text: Any) -> str:
    """The one text for an address, without brackets; a name, and a text for every address, stays as it is."""
    found = parse_address(text)
    return str(text).strip() if found is None else f"{found.ip}%{found.zone}" if found.zone else str(found.ip)


def add_brackets(text: Any) -> str:
    """An address as it stands before a port: an IPv6 address in brackets."""
    plain = normalize(text)
    return f"[{plain}]" if ":" in plain else plain


def format_application_address(text: Any) -> str:
    """What the application is given for a configured address, so that a JVM understands it on every host.

    A JVM takes `0.0.0.0` for every address of the families that the host has, where it refuses `::` without IPv6.
    For `localhost` it takes the first address of the name, and a proxy another: both use `127.0.0.1`, which every
    host has. Empty for an address that is not configured.
    """
    bare = str(text).strip()
    if not bare:
        return ""
    if is_every(bare):
        return "0.0.0.0"
    return "127.0.0.1" if parse_address(bare) is None and is_loopback(bare) else bare


def list_listen_addresses(texts: Iterable[Any]) -> list[str]:
    """The addresses that a proxy listens on, each once and in one text: `*` stands for both families."""
    found = []
    for text in texts:
        found += ["0.0.0.0", "::"] if str(text).strip() in EVERY else [normalize(text)]
    return list(dict.fromkeys(found))


def find_local_target(text: Any) -> str:
    """Where the host itself reaches what listens on a configured address."""
    return "127.0.0.1" if is_every(text) else normalize(text)


def find_listen_target(texts: Sequence[Any]) -> str:
    """Where the host itself reaches what listens on some of its addresses: its loopback where that is one of them."""
    found = [parse_address(text) for text in list_listen_addresses(texts)]
    if any(one and one.ip.version == 4 and one.ip.is_unspecified for one in found):
        return "127.0.0.1"
    if any(one and one.ip.version == 6 and one.ip.is_unspecified for one in found):
        return "::1"
    return next(
        (text for text in list_listen_addresses(texts) if is_loopback(text)),
        normalize(texts[0]) if texts else "127.0.0.1",
    )


def find_socket_target(row: Mapping[str, Any]) -> str:
    """Where the host itself reaches a listening socket."""
    if is_every(row["address"]):
        return "127.0.0.1" if 4 in list_versions(row) else "::1"
    zone = row.get("interface") or ""
    return f"{row['address']}%{zone}" if zone and ":" in row["address"] else row["address"]


def format_socket(row: Mapping[str, Any]) -> str:
    """A listening socket as a person writes it: `192.0.2.1:8000`, `[fe80::1%eth0]:8000`."""
    zone = row.get("interface") or ""
    return f"{add_brackets(row['address'] + ('%' + zone if zone else ''))}:{row['port']}"


def list_versions(row: Mapping[str, Any]) -> set[int]:
    """The IP versions that a listening socket takes connections of."""
    found = parse_address(row["address"])
    if row.get("family") in _VERSIONS and (found is None or found.ip.is_unspecified):
        return _VERSIONS[row["family"]] if found or row["family"] == "dual" else {4, 6}
    return {found.ip.version} if found else {4, 6}


def accepts(row: Mapping[str, Any], address: Any) -> bool:
    """Whether a listening socket takes a connection to this one address."""
    target, bound = parse_address(address), parse_address(row["address"])
    if target is None:
        return False
    if is_every(row["address"]):
        return target.ip.version in list_versions(row)
    return bound is not None and _is_same(bound._replace(zone=row.get("interface") or bound.zone), target)


def serves(rows: Sequence[Mapping[str, Any]], text: Any, resolved: Iterable[Any] = ()) -> bool:
    """Whether listening sockets serve a configured address, and nothing else.

    `resolved` are the addresses of a name, as `resolve` gives them. A JVM binds one socket for every address of the
    families that the host has, whichever text requested it. A name may stand for every address, too.
    """
    if not rows:
        return False
    if not is_every(text) and any(is_every(one) and serves(rows, one) for one in resolved):
        return True
    if is_every(text):
        taken = set().union(*(list_versions(row) for row in rows))
        found = parse_address(text)
        return all(is_every(row["address"]) for row in rows) and (4 in taken or bool(found and found.ip.version == 6))
    own = parse_address(text)
    targets = list(filter(None, [own, *map(parse_address, resolved)]))
    if own is None and is_loopback(text) and not targets:
        targets = [Address(ipaddress.IPv4Address("127.0.0.1")), Address(ipaddress.IPv6Address("::1"))]
    bound = [(parse_address(row["address"]), row.get("interface") or "") for row in rows]
    return all(
        one is not None and any(_is_same(one._replace(zone=zone or one.zone), target) for target in targets)
        for one, zone in bound
    )


def _is_same(one: Address, other: Address) -> bool:
    """Whether two addresses are one. A zone counts only where both have one, and both are named alike."""
    apart = one.zone and other.zone and one.zone != other.zone and one.zone.isdecimal() == other.zone.isdecimal()
    return one.ip == other.ip and not apart


def collides(row: Mapping[str, Any], texts: Iterable[Any]) -> bool:
    """Whether a listening socket blocks one on any of the configured addresses. A name may be any address."""
    for text in texts:
        found = parse_address(text)
        if is_every(row["address"]):
            if found is None or is_every(text) or found.ip.version in list_versions(row):
                return True
        elif (
            found is None or accepts(row, text) or (found.ip.is_unspecified and found.ip.version in list_versions(row))
        ):
            return True
    return False


def format_endpoint(address: Any, port: int | str) -> str:
    """An address and a port as one text to compare with another: `2001:db8::1:8000`."""
    return f"{normalize(address)}:{port}"


def resolve(host: Host, text: Any) -> list[str]:
    """The addresses that a configured text stands for on a host: itself, or those of a name. Empty for every
    address, and for a name that the host does not know."""
    found = parse_address(text)
    if is_every(text):
        return []
    if found is None:
        return list(dict.fromkeys(map(normalize, host.resolve_addresses(str(text).strip()))))
    if found.zone.isdecimal():
        names = {
            (host.read(f"/sys/class/net/{name}/ifindex") or "").strip(): name for name in host.listdir("/sys/class/net")
        }
        found = found._replace(zone=names.get(found.zone, found.zone))
    return [normalize(f"{found.ip}%{found.zone}" if found.zone else str(found.ip))]


def supports_ipv6(host: Host) -> bool:
    """Whether the kernel has IPv6: then a program can listen on `::`, though the host may have no address of it."""
    return host.exists(IF_INET6)


def has_ipv6(host: Host) -> bool:
    """Whether a host has an IPv6 address, the loopback's at least. The kernel lists one a line; a JVM asks the same."""
    return bool((host.read(IF_INET6) or "").strip())


def parse_interfaces(text: str) -> list[tuple[str, str]]:
    """The interfaces of `ip -j address show` with their addresses, `[(name, address)]`;
    what has another form is left out."""
    try:
        items = parse_json(text)
    except ValueError:
        return []
    found = []
    for item in items if isinstance(items, list) else ():
        parts = item.get("addr_info") if isinstance(item, dict) and isinstance(item.get("ifname"), str) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(part.get("local"), str):
                found.append((item["ifname"], part["local"]))
    return found


def is_subnet(
    inner: ipaddress.IPv4Network | ipaddress.IPv6Network, outer: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    """Whether all addresses of a network are in the other one; none of another family is."""
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)
