# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every proxy needs to know, whichever software it is: servers, other backends, addresses, durations.

Pure functions.

Everything comes from the inventory and nothing from facts, so that `--limit` changes nothing. Role defaults are not
part of another host's variables: the caller passes its own as the fallback.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Sequence, TypedDict

from ..core import addresses as address_rules
from ..core import input_types

#: Variables of a host, with `inventory_hostname`.
Variables = Mapping[str, Any]


class Server(TypedDict):
    """An instance as a proxy has it. host: the inventory's name of its host. instance: its number there."""

    name: str
    host: str
    address: str
    port: int
    instance: int


class BackendServer(TypedDict):
    """A server of a path-routed backend."""

    name: str
    address: str
    port: int


class Backend(TypedDict):
    """A path-routed backend: a request is for it where its path is `path` (None for a prefix that ends in a slash) or
    begins with `below`."""

    name: str
    path: Optional[str]
    below: str
    servers: List[BackendServer]
    health_path: str


#: Names of backends that the configurations of the proxies have already.
RESERVED = ("xitrum", "xitrum_http", "stats")

#: The variables of an application host that decide where its instances are, with the type of each fallback.
PORT, COUNT = "xitrum_http_port", "xitrum_instances"

_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
# What a path may hold without quoting in the configuration of HAProxy, Nginx and Apache alike.
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


def list_servers(hosts: Iterable[Variables], proxy: str, defaults: Variables) -> list[Server]:
    """The instances of all application hosts, in the order of the hosts.

    `hosts` are mappings of host variables with `inventory_hostname`; `proxy` is the name of the proxy that asks;
    `defaults` has `xitrum_http_port` and `xitrum_instances` for hosts that do not report. Raises ValueError where
    there is no instance, a number is out of range, or an address cannot be right: with a line for each such value.
    """
    faults: list[str] = []
    found: list[Server] = []
    for host in hosts:
        wrong = list(_find_instance_faults(host, proxy, defaults))
        faults += wrong
        found += [] if wrong else _list_instances(host, proxy, defaults)
    if faults:
        raise ValueError("\n".join(faults))
    if not found:
        raise ValueError(
            "found no instance to send requests to: put application hosts into the inventory's group xitrum, or set "
            "the proxy role's servers"
        )
    return found


def _find_instance_faults(host: Variables, proxy: str, defaults: Variables) -> Iterator[str]:
    """What is wrong with the values of one host, as sentences."""
    name, values = host["inventory_hostname"], {key: host.get(key, defaults[key]) for key in (COUNT, PORT)}
    faults = [
        f"{name}: {key} is {values[key]!r}, expected a number from {low} to {high}"
        for key, low, high in ((COUNT, 0, 1000), (PORT, 1, 65535))
        if not _is_number(values[key], low, high)
    ]
    yield from faults
    count, port = (0, 0) if faults else (int(values[COUNT]), int(values[PORT]))
    if count and port + count - 1 > 65535:
        yield f"{name}: {count} instances from port {port} on go past port 65535: set a lower {PORT} or fewer {COUNT}"
    # A host without instances needs no address.
    if count or faults:
        try:
            find_server_address(host, proxy)
        except ValueError as error:
            yield str(error)


def _list_instances(host: Variables, proxy: str, defaults: Variables) -> list[Server]:
    name = host["inventory_hostname"]
    count, port = (int(host.get(key, defaults[key])) for key in (COUNT, PORT))
    where = find_server_address(host, proxy) if count else ""
    return [
        {
            "name": format_server_name(name, index),
            "host": name,
            "address": where,
            "port": port + index,
            "instance": index,
        }
        for index in range(count)
    ]


def list_endpoints(
    instances: Iterable[Mapping[str, Any]],
    host: Variables,
    proxy: str,
    configured: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, str]:
    """Where the proxy `proxy` reaches instances of `host`: the server's name to `ADDRESS:PORT`.

    `configured` has the port that an instance runs with, as `http` by its number; the port of the instance itself is
    used where it has none. An instance without a port is left out. Raises ValueError as `server_address` does.
    """
    now = {
        str(index): observed["http"]
        for index, observed in (configured or {}).items()
        if observed and observed.get("http")
    }
    ports = {item["index"]: int(now.get(str(item["index"]), item.get("port") or 0)) for item in instances}
    where = address_rules.add_brackets(find_server_address(host, proxy)) if any(ports.values()) else ""
    name = host["inventory_hostname"]
    return {format_server_name(name, index): f"{where}:{port}" for index, port in ports.items() if port}


def list_available(groups: Mapping[str, Sequence[str]], unavailable: Any) -> list[str]:
    """The proxies of the inventory's `groups` without those that the user reports are away: `unavailable` is a list of
    names, or a text of them with commas. Raises ValueError for a name that is not a proxy."""
    proxies, away = list(groups.get("xitrum_proxy") or []), parse_names(unavailable)
    unknown = [name for name in away if name not in proxies]
    if unknown:
        raise ValueError(
            f"xitrum_unavailable_proxies: found {', '.join(unknown)}, expected names of the group xitrum_proxy "
            f"({', '.join(proxies) or 'it is empty'})"
        )
    return [name for name in proxies if name not in away]


def parse_names(value: Any) -> list[str]:
    """The value of xitrum_unavailable_proxies, a list of names or a text of them with commas, as a list.

    Raises ValueError for anything else.
    """
    parts = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError(
            f"xitrum_unavailable_proxies: found {value!r}, expected names of the group xitrum_proxy: a list, or a text "
            "with "
            "commas between them"
        )
    return [str(part).strip() for part in parts if str(part).strip()]


def format_server_name(host: str, index: int | str) -> str:
    """What a proxy calls an instance: a host's name in the inventory may hold what a proxy's configuration cannot."""
    # Two names that differ in an umlaut only stay two names.
    plain = re.sub("[^\x00-\x7f]", lambda found: f"_{ord(found.group()):x}", host)
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', plain)}-{index}"


def _is_number(value: Any, low: int, high: int) -> bool:
    return re.fullmatch(r"\d+", str(value), re.ASCII) is not None and low <= int(value) <= high


def find_server_address(host: Variables, proxy: str) -> str:
    """Where the proxy `proxy` reaches the instances of `host`: an address, or a name where the inventory has no
    address.

    An instance that listens on one interface only is reached there and nowhere else.
    """
    interface = str(host.get("xitrum_interface") or "")
    same = host["inventory_hostname"] == proxy
    if interface:
        input_types.require(f"{host['inventory_hostname']!r}: xitrum_interface", interface, "listen")
    if not address_rules.is_every(interface):
        found = address_rules.normalize(address_rules.format_application_address(interface))
    else:
        found = "127.0.0.1" if same else find_own_address(host)
    if not same and address_rules.is_loopback(found):
        raise ValueError(
            f"{host['inventory_hostname']}: its address is {found}, which on the proxy {proxy} is the proxy itself. "
            f"Set xitrum_address of {host['inventory_hostname']} to the address at which {proxy} reaches it, and "
            f"xitrum_interface to none that is loopback"
        )
    return found


def find_own_address(host: Variables) -> str:
    """The address of a host as other hosts see it: xitrum_address, ansible_host or the inventory's name, in this order.

    Raises ValueError where it is none: in the configuration of a proxy it stands without quotes.
    """
    name = next((key for key in ("xitrum_address", "ansible_host") if host.get(key)), "inventory_hostname")
    found = input_types.require(f"{host['inventory_hostname']!r}: {name}", str(host[name]), "network")
    return address_rules.normalize(found)


def list_addresses(hosts: Iterable[Variables], application: str) -> list[str]:
    """The addresses from which proxies reach the application host `application`, for `reverseProxy.ips`: a list
    without repetitions.

    A proxy on the same host comes from the loopback. Raises ValueError, with a line for each proxy whose address is a
    name, since Xitrum takes addresses and networks (CIDR) only.
    """
    faults, found = [], []
    for host in hosts:
        same, where = host["inventory_hostname"] == application, find_own_address(host)
        if same:
            found += ["127.0.0.1", "::1"]
        if input_types.is_network(where) and not (address_rules.is_loopback(where) and not same):
            found.append(where)
        elif not same:
            faults.append(
                f"{host['inventory_hostname']}: found the address {where}, expected the IP address from which this "
                f"proxy reaches {application}. Set xitrum_address of {host['inventory_hostname']} (Xitrum trusts "
                f"addresses and networks, not names)"
            )
    if faults:
        raise ValueError("\n".join(faults))
    return list(dict.fromkeys(found))


def check_networks(items: Iterable[Any]) -> list[str]:
    """The addresses and networks, as they are. Raises ValueError that names each which is neither."""
    faults = []
    for item in items:
        try:
            ipaddress.ip_network(str(item))
        except ValueError as error:
            faults.append(f"{item!r} ({error})")
        else:
            faults += [f"{item!r} (it has a zone)"] if not input_types.is_network(str(item)) else []
    if faults:
        raise ValueError(
            f"xitrum_proxy_load_balancers: found {', '.join(faults)}; expected IP addresses and networks such as "
            "192.0.2.0/24"
        )
    return [str(item) for item in items]


def build_backends(items: Iterable[Mapping[str, Any]], reserved: Iterable[str] = ()) -> list[Backend]:
    """The path-routed backends, checked and in the order in which their paths must be tried: the longest prefix first.

    Raises ValueError with all faults.
    """
    faults: list[str] = []
    found: list[Backend] = []
    names, prefixes = list(reserved), []
    for item in items:
        name, prefix, health = item["name"], item["path_prefix"], item.get("health_path") or ""
        if not input_types.fits("backend", name) or name in names:
            faults.append(f"the name {name!r} is taken or not a letter followed by letters, digits, - and _")
        if {".", ".."} & set(str(prefix).split("/")) or "//" in str(prefix):
            # A proxy compares the path after it has worked these out, or passes them on.
            faults.append(
                f"{name}: path_prefix {prefix!r} has . or .. or nothing between two slashes, which no request has"
            )
        elif not _PATH.fullmatch(prefix) or prefix == "/" or prefix.rstrip("/") in prefixes:
            faults.append(
                f"{name}: path_prefix {prefix!r} is taken, is all of the site, or is not / followed by letters, digits "
                "and . _ ~ - /"
            )
        if health and not _PATH.fullmatch(health):
            faults.append(f"{name}: health_path {health!r} is not / followed by letters, digits and . _ ~ - /")
        matches = [(text, _HOST_PORT.fullmatch(str(text))) for text in item["servers"]]
        faults += [
            f"{name}: server {text!r} is not ADDRESS:PORT"
            for text, match in matches
            if not match or not 0 < int(match[2]) < 65536
        ]
        if not matches:
            faults.append(f"{name}: it has no server")
        names.append(name)
        prefixes.append(prefix.rstrip("/"))
        found.append(
            {
                "name": name,
                "path": None if prefix.endswith("/") else prefix,
                "below": prefix.rstrip("/") + "/",
                "servers": [
                    {"name": f"{name}-{index}", "address": match[1], "port": int(match[2])}
                    for index, (_text, match) in enumerate(matches)
                    if match
                ],
                "health_path": health,
            }
        )
    if faults:
        raise ValueError("xitrum_proxy_backends: " + "; ".join(faults))
    return sorted(found, key=lambda backend: (-len(backend["below"]), backend["name"]))


def parse_seconds(text: Any) -> float:
    """The seconds of a duration such as `10s`, `500ms` or `10h`.

    Raises ValueError for anything else, a bare number included.
    """
    match = _DURATION.fullmatch(str(text))
    if not match:
        raise ValueError(
            f"found the duration {text!r}, expected a number with its unit: ms, s, m, h or d, for example 10s"
        )
    return int(match[1]) * _SECONDS[match[2]]


def add_brackets(address: str) -> str:
    """An address as it stands before a port: an IPv6 address in brackets."""
    return address_rules.add_brackets(address)
