# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release can start next to the one that runs (blue/green slots), and why not;
and which slot is active. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, List, TypedDict

from ..supervisor.table import SUPERVISORS


class SlotsHost(TypedDict):
    """What decides whether a host can have slots.

    proxies: those of the inventory. port_forward: whether outside ports are redirected. instances: their number.
    cluster: whether they form one. http_port, https_port: the first of each. tls: whether the instance answers HTTPS.
    """

    proxies: List[str]
    port_forward: bool
    instances: int
    cluster: bool
    http_port: int
    https_port: int
    tls: bool


def find_missing(supervisor: str, host: SlotsHost) -> list[str]:
    """Why a host can have no slots, as parts of a sentence; none where it can."""
    no_slots = SUPERVISORS[supervisor].no_slots if supervisor in SUPERVISORS else ""
    own = [
        port
        for port, outside, used in ((host["http_port"], 80, True), (host["https_port"], 443, host["tls"]))
        if used and port == outside
    ]
    reasons = (
        (host["proxies"], "the proxies do that"),
        (not host["port_forward"], "no port is redirected (xitrum_port_forward is false)"),
        (host["instances"] != 1, f"xitrum_instances is {host['instances']} and not 1"),
        (host["cluster"], "the instance is a member of a cluster (xitrum_cluster)"),
        (own, f"the instance listens on port {' and '.join(map(str, own))} itself, which cannot be switched"),
        (no_slots, f"{supervisor} {no_slots}"),
    )
    return [reason for holds, reason in reasons if holds]


def find_used(
    pairs: Iterable[Mapping[str, int]],
    configured: Mapping[int, Mapping[str, Any]],
    running: Iterable[int],
    remembered: int,
) -> int:
    """The active slot, 0 or 1: the one to whose ports the live redirects `pairs` lead,
    whatever was written down before a run was killed.

    `configured` maps a slot to its `http` and `https` ports, `running` are the slots with a process, `remembered`
    is the one that the last run wrote down. Where no redirect decides, or it leads to a slot in which nothing runs
    while the other one does, it is the one that runs; where that does not decide either, the one that is remembered.
    """
    inside = {pair["inside"] for pair in pairs}
    led = {slot for slot, ports in configured.items() if inside & ({ports.get("http"), ports.get("https")} - {None, 0})}
    # Ports that were switched one after the other lead to both in between: then the old one, which still has clients.
    for found in (led & set(running), set() if led & set(running) else set(running), led):
        if len(found) == 1:
            return min(found)
    return remembered


def decide_default(supervisor: str, host: SlotsHost) -> bool:
    """Whether a host has slots where the inventory sets nothing: under the other supervisors it has to ask for them."""
    return not find_missing(supervisor, host) and SUPERVISORS[supervisor].slots_by_default


def format_in_place_note(supervisor: str, host: SlotsHost) -> str:
    """What a user has to know before a release that restarts its instance in place;
    empty behind proxies, which drain it first."""
    if host["proxies"]:
        return ""
    reasons = find_missing(supervisor, host)
    start = "there is no proxy, so the restart in place refuses requests until the instance answers again"
    if reasons:
        return f"{start}. A release cannot start next to the old one here: {'; '.join(reasons)}"
    return f"{start}. With xitrum_slots: true the new release starts next to the old one, and no request is lost"
