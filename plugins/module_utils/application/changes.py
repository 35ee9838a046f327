# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application cannot change on a host on which it runs: its name, its user and its root.

Instances of two users cannot share the log folder, and under another name or root a run would leave the old instances
next to the new ones. The way is host by host: removed, which drains it at the proxies first, and set up again. A name
is also that of a proxy's configuration, so that a rename removes the proxies as well. docs/reference/changes.md lists
what changes without that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.host import Host
from ..core.plan import BlockingError

#: A variable to the key of the record of what was there before, and to the option of the component `machine`.
FIXED = {"xitrum_user": ("users", "user"), "xitrum_root": ("roots", "root")}


def read_installed(host: Host, record: Mapping[str, Any] | None) -> dict[str, Any]:
    """The applications of the record that have instances on the host: name to `{roots, users}`, each a sorted list.

    A name that a killed first run wrote down, and that was corrected since, has none.
    """
    found = {}
    for name, entry in (record or {}).get("applications", {}).items():
        roots = sorted(root for root in entry["roots"] if host.listdir(f"{root}/instances"))
        if roots:
            found[name] = {"roots": roots, "users": sorted(entry["users"])}
    return found


def find_renamed(desired: Mapping[str, Any], installed: Mapping[str, Any], ports: Mapping[int, str]) -> str:
    """The application on the host that has ports of `desired` while `desired` has no instance; empty if none.

    `installed` is what `read_installed` found; `ports` maps the recorded ports of other applications to their names.
    """
    if not desired["name"] or desired["name"] in installed:
        return ""
    return next((ports[port] for port in sorted(desired["ports"]) if ports.get(port) in installed), "")


def find_errors(
    desired: Mapping[str, Any], installed: Mapping[str, Any], ports: Mapping[int, str] | None = None
) -> Iterator[str]:
    """Why the application cannot be what `desired` (`name`, `user`, `root`, `ports`, `proxies`) asks for, one sentence
    each.

    The arguments are those of `find_renamed`.
    """
    if not desired["name"] or not desired["root"]:
        return
    own = installed.get(desired["name"])
    for name, entry in installed.items() if own is None else ():
        if desired["root"] in entry["roots"]:
            yield BlockingError(
                f"found the application {name} in {desired['root']}, expected {desired['name']} (xitrum_name) or "
                "nothing: "
                + rename(name, desired["name"]),
                rule="host.other-application",
            )
    ports = ports or {}
    renamed = find_renamed(desired, installed, ports)
    if renamed and desired["root"] not in installed[renamed]["roots"]:
        shared = ", ".join(str(port) for port in sorted(set(desired["ports"])) if ports.get(port) == renamed)
        yield BlockingError(
            f"found the application {renamed} with port {shared} on this host, expected {desired['name']} "
            f"(xitrum_name) with that port: {rename(renamed, desired['name'])}. If {desired['name']} is a second "
            "application, set its xitrum_http_port, xitrum_https_port or xitrum_cluster_port to others",
            rule="host.renamed",
        )
    if not own:
        return
    for variable, (key, option) in FIXED.items():
        others = [value for value in own[key] if value != desired[option]]
        if others and desired[option] not in own[key]:
            old = " and ".join(others)
            yield BlockingError(
                f"found {old} as {variable} of {desired['name']} on this host, expected {desired[option]}: "
                + format_instructions(variable, others[0], desired["proxies"]),
                rule="host.moved",
            )


def rename(old: str, new: str) -> str:
    """How a user renames an application: its proxies refuse the configuration of another name."""
    return (
        f"set xitrum_name back to {old}. To rename the application, with a downtime, run remove.yml for all hosts, the "
        f"proxies included, with xitrum_name {old}, then site.yml with {new}"
    )


def format_instructions(variable: str, old: str, has_proxies: bool) -> str:
    """How a user gets from the old value to the new one. Only a run that has the proxies enables the host there."""
    limit = "HOST,xitrum_proxy" if has_proxies else "HOST"
    return (
        f"set {variable} back to {old}, or move one host after the other. For each, run remove.yml with the old value, "
        f"--limit HOST and -e remove_host_count=1: it drains the host first. Then run site.yml with the new value and "
        f"--limit {limit}"
    )
