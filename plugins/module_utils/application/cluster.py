# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Akka cluster that the instances of an inventory form: where each is reached, and which are the seeds. Pure.

Whoever reaches the port of a member can run code there (Java serialization), so only addresses of a private network are
taken: those of the members, and those that options of the JVM or the package give to Akka's remoting.

Everything comes from the inventory and nothing from facts, so that `--limit` changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..configuration.xitrum_conf import Settings
from ..core import addresses
from ..core.untrusted_text import make_printable
from ..core.variables import is_true
from ..proxy import definition as proxy

#: What others than this host may set for themselves, and the fallback of the host that asks.
PORT, COUNT = "xitrum_cluster_port", "xitrum_instances"

#: Whether 100.64.0.0/10 is taken for a private network.
SHARED = "xitrum_cluster_allow_shared_address_space"

#: What is expected of an address, in words.
EXPECTED = "expected is an address in a private network (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7)"

#: The last parts of Akka's settings of an address: `canonical.hostname` and `bind.hostname` of Artery, `hostname`
#: and `bind-hostname` of the classic remoting.
HOST_NAMES = ("hostname", "bind-hostname")
_OPTION = re.compile(r"-D(akka\.remote\.(?:[\w-]+\.)*(?:bind-)?hostname)(?:=(.*))?", re.DOTALL)

#: What `akka.actor.provider` is where nothing listens for other hosts.
LOCAL_PROVIDERS = ("local", "akka.actor.LocalActorRefProvider")


def find_address(host: Mapping[str, Any]) -> str:
    """Where the other members reach a host. Raises ValueError where that cannot be or must not be.

    A name is refused as well: nobody can know what it will be later.
    """
    found = str(host.get("xitrum_cluster_address") or proxy.find_own_address(host))
    name, takes_shared = host["inventory_hostname"], is_true(host.get(SHARED, False))
    fault = addresses.find_private_fault(found, takes_shared)
    if fault == "a name":
        raise ValueError(
            f"{name}: its cluster address {make_printable(found)} is a name, expected an address of the private "
            "network: set xitrum_cluster_address"
        )
    if fault:
        raise ValueError(
            f"{name}: its cluster address {found} is {fault}, and whoever reaches a member's port can run code there; "
            f"{EXPECTED}. Set xitrum_cluster_address to such an address of the host{format_shared_hint(found)}"
        )
    # In one text: Akka compares the seeds with the address that each member is given.
    return addresses.normalize(found)


def format_shared_hint(text: str) -> str:
    """How 100.64.0.0/10 is taken, for an address in it; empty for another."""
    found = addresses.parse_address(text)
    if found is None or found.ip not in addresses.SHARED:
        return ""
    return f", or set {SHARED}: true where that network is yours alone"


def find_option_errors(options: Iterable[Any], takes_shared: bool = False) -> Iterator[str]:
    """Why options of the JVM must not be given to an application, a sentence each: they win over all of its
    configuration, and open Akka's remoting to others than a private network."""
    for option in options:
        found = _OPTION.fullmatch(str(option).strip())
        name, value = (found[1], (found[2] or "").strip()) if found else ("", "")
        # Without a value Artery binds its canonical address.
        if not found or (not value and name.endswith(".bind.hostname")) or addresses.is_loopback(value):
            continue
        fault = addresses.find_private_fault(value, takes_shared)
        if fault:
            yield (
                f"xitrum_java_options contains {make_printable(f'-D{name}={value}')}, which is {fault}, and whoever "
                f"reaches the port can run code there: {EXPECTED}{format_shared_hint(value)}. Leave the option out, "
                "and use xitrum_cluster_address"
            )


def find_package_errors(settings: Settings, where: str) -> Iterator[str]:
    """Why the settings of a package (`package_config.Settings` of what Akka reads) must not be used, a sentence each:
    they open Akka's remoting to others than a private network. A name or a variable of the environment, which only a
    host knows, is not an error. `where` names the file."""
    provider = settings.find_values(("akka", "actor", "provider")) - {None}
    if not provider or provider <= set(LOCAL_PROVIDERS):
        return
    remedy = "Leave it out of the package and set xitrum_cluster: true, which gives each host its own address"
    for name, value, fault in find_remoting_faults(settings):
        yield (
            f"{where} sets {name} to {make_printable(value)}, which is {fault}, and whoever reaches the "
            f"port can run code there: {EXPECTED}. {remedy}"
        )


def find_config_errors(settings: Settings, takes_shared: bool = False) -> Iterator[str]:
    """As `find_package_errors`, of what `xitrum_config` adds to the configuration of each instance. Whether remoting
    is on may be set elsewhere, so every such address counts."""
    for name, value, fault in find_remoting_faults(settings, takes_shared):
        yield (
            f"xitrum_config sets {name} to {make_printable(value)}, which is {fault}, and whoever reaches the port can "
            f"run code there: {EXPECTED}{format_shared_hint(value)}. Leave it out of xitrum_config and set "
            "xitrum_cluster: true, "
            "which gives each host its own address (xitrum_cluster_address)"
        )


def find_remoting_faults(settings: Settings, takes_shared: bool = False) -> Iterator[tuple[str, str, str]]:
    """The addresses of Akka's remoting that are in no private network, as `(name, value,
    fault)`. Names are left out."""
    for path in sorted(settings.list_paths()):
        if path[:2] != ("akka", "remote") or path[-1] not in HOST_NAMES:
            continue
        for value in sorted(filter(None, settings.find_values(path))):
            fault = addresses.find_private_fault(value, takes_shared)
            if fault and fault != "a name":
                yield ".".join(path), value, fault


@dataclass(frozen=True)
class Member:
    """An instance in the cluster: the host's name in the inventory, and the address and port of Akka's remoting."""

    host: str
    index: int
    address: str
    port: int


@dataclass(frozen=True)
class Cluster:
    """The Akka cluster of a fleet. `errors` are sentences; where there are some, it must not be formed."""

    seeds: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    errors: tuple[str, ...] = ()


def list_members(hosts: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]) -> list[Member]:
    """All instances, in the order of the hosts. `defaults` has what a host does not set."""
    found = []
    for host in hosts:
        count, port = int(host.get(COUNT, defaults[COUNT])), int(host.get(PORT, defaults[PORT]))
        found += [
            Member(host["inventory_hostname"], index, find_address(host), port + index) for index in range(count)
        ]
    return found


def list_seeds(every: Iterable[Member], count: int, system: str) -> list[str]:
    """The seed nodes as addresses of Akka: the first instances, one of each host before a second one of any."""
    order = sorted(every, key=lambda member: member.index)
    return [f"akka://{system}@{proxy.add_brackets(member.address)}:{member.port}" for member in order[:count]]


def plan(hosts: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any], count: int, system: str) -> Cluster:
    """The cluster of these hosts. It has neither members nor seeds where a host has no address for it."""
    every: list[Member] = []
    errors: list[str] = []
    for host in hosts:
        try:
            every += list_members([host], defaults)
        except ValueError as error:
            errors.append(str(error))
    unknown = bool(errors)
    if len(every) < 2 and not unknown:
        errors.append(
            f"xitrum_cluster is true and the number of instances is {len(every)}; expected at least 2. Add some, or "
            f"set xitrum_cluster: false"
        )
    if count < 2:
        errors.append(
            f"xitrum_cluster_seeds is {count}, expected at least 2: with one seed, no member can join while it is down"
        )
    if unknown:
        return Cluster(errors=tuple(errors))
    lonely = sorted({member.host for member in every if ipaddress.ip_address(member.address).is_loopback})
    if lonely and len({member.host for member in every}) > 1:
        errors.append(
            f"the cluster address of {' and '.join(lonely)} is a loopback one, which no other host reaches: set "
            "xitrum_cluster_address"
        )
    return Cluster(tuple(list_seeds(every, count, system)), tuple(every), tuple(errors))
