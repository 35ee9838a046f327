# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Akka cluster that the instances of an inventory form: where each is reached, and which are the seeds. Pure.

Everything comes from the inventory and nothing from facts, so that C(--limit) changes nothing.
"""

from __future__ import annotations

import ipaddress

from ansible_collections.xitrum.host.plugins.module_utils import addresses, proxy

#: What others than this host may set for themselves, and the fallback of the host that asks.
PORT, COUNT = "xitrum_cluster_port", "xitrum_instances"


def address(host):
    """Where the other members reach a host. Raises ValueError where that cannot be or must not be.

    Whoever reaches the port of a member can run code there (Java serialization), so a public address is refused, and so
    is a name: nobody can say now what it will be later.
    """
    found = str(host.get("xitrum_cluster_address") or proxy.own_address(host))
    name = host["inventory_hostname"]
    number = addresses.parse_address(found)
    if number is None:
        raise ValueError(
            f"{name}: its cluster address {found} is a name, wanted is an address of the private network: set xitrum_cluster_address"
        )
    if number.ip.is_global:
        raise ValueError(f"{name}: its cluster address {found} is public, and whoever reaches a member's port can run code there: set xitrum_cluster_address "
                         "to the host's address in a private network")
    # In one text: Akka compares the seeds with the address that each member is told.
    return addresses.canonical(found)


def members(hosts, defaults):
    """All instances as C([{host, index, address, port}]), in the order of the hosts. C(defaults) has what a host does not set."""
    found = []
    for host in hosts:
        count, port = int(host.get(COUNT, defaults[COUNT])), int(host.get(PORT, defaults[PORT]))
        found += [{"host": host["inventory_hostname"], "index": index, "address": address(host), "port": port + index} for index in range(count)]
    return found


def seeds(every, count, system):
    """The seed nodes as addresses of Akka: the first instances, one of each host before a second one of any."""
    order = sorted(every, key=lambda member: member["index"])
    return [f"akka://{system}@{proxy.bracketed(member['address'])}:{member['port']}" for member in order[:count]]


def plan(hosts, defaults, count, system):
    """The cluster: C({seeds, members, problems}). C(problems) are sentences; where there are some, it must not be formed."""
    every, problems = [], []
    for host in hosts:
        try:
            every += members([host], defaults)
        except ValueError as error:
            problems.append(str(error))
    unknown = bool(problems)
    if len(every) < 2 and not unknown:
        problems.append(f"xitrum_cluster is true and there is {len(every)} instance: a cluster has two at least. Add some, or leave it off.")
    if count < 2:
        problems.append(f"xitrum_cluster_seeds is {count}, wanted are two at least: with one seed nobody can join while that is down.")
    if unknown:
        return {"seeds": [], "members": [], "problems": problems}
    lonely = sorted({member["host"] for member in every if ipaddress.ip_address(member["address"]).is_loopback})
    if lonely and len({member["host"] for member in every}) > 1:
        problems.append(f"the cluster address of {' and '.join(lonely)} is a loopback one, which no other host reaches: set xitrum_cluster_address.")
    return {"seeds": seeds(every, count, system), "members": every, "problems": problems}
