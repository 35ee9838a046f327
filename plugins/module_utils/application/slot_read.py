# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of its two slots a host uses, as its live redirects and its processes report. Read only."""

from __future__ import annotations

from ..core import process
from ..core.host import Host
from ..redirects import component as redirects
from . import instances, slots


def read_instances(host: Host, root: str) -> list[dict[str, int]]:
    """The instances on the host with the ports of their configuration: `[{index, port}]`;
    a port that the host does not report is 0."""
    numbers = sorted(int(name) for name in host.listdir(f"{root}/instances") if name.isdecimal())
    found = {number: instances.read_configured(host, f"{root}/instances/{number}/current") for number in numbers}
    return [{"index": number, "port": ports.get("http", 0)} for number, ports in found.items()]


def read_slot(host: Host, root: str) -> int:
    """The active slot, 0 or 1: see `slots`.
    Live redirects are read by root; another user goes by what runs."""
    folder = host.realpath(f"{root}/instances")
    running = process.find_processes_under(host, folder)
    numbers = [number for number in (0, 1) if host.exists(f"{root}/instances/{number}")]
    configured = {number: instances.read_configured(host, f"{root}/instances/{number}/current") for number in numbers}
    active = [
        number for number in numbers if any(process.is_under(row["cwd"], f"{folder}/{number}") for row in running)
    ]
    remembered = int((host.read(f"{root}/slot") or "").strip() == "1")
    return slots.find_used(redirects.read_live_pairs(host), configured, active, remembered)
