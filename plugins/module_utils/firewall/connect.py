# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the public ports of other hosts, all at the same time."""

from __future__ import annotations

import concurrent.futures
from typing import Any

from ..core.host import Host

SPEC: dict[str, Any] = {
    "targets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"address": {"type": "str", "required": True}, "port": {"type": "int", "required": True}},
    },
    "timeout": {"type": "int", "default": 3},
}
#: How many are tried at the same time, and how often one that fails: a lost packet is not a filter.
AT_ONCE, TRIES = 64, 2


def connect_all(host: Host, desired: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of each target, in their order: `[{address, port, outcome, message}]`."""
    targets = desired["targets"]
    if not targets:
        return []
    with concurrent.futures.ThreadPoolExecutor(min(len(targets), AT_ONCE)) as pool:
        return list(pool.map(lambda target: connect(host, target, desired["timeout"]), targets))


def connect(host: Host, target: dict[str, Any], seconds: int) -> dict[str, Any]:
    """One target."""
    for _number in range(TRIES):
        outcome, message = host.connect(target["address"], target["port"], seconds)
        if outcome == "open":
            break
    return {"address": target["address"], "port": target["port"], "outcome": outcome, "message": message}
