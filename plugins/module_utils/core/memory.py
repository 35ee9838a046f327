# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of a machine or its container, and what a JVM takes beyond its heap. Read only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import process
from .host import Host

#: What a JVM takes in addition to its heap: metaspace, compiled code, threads and network buffers. Bytes.
OVERHEAD = 192 << 20


def parse_meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo as a dictionary of bytes."""
    return {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+([0-9]{1,18}) kB$", text, re.MULTILINE)}


def read_cgroup_memory(host: Host) -> tuple[int, int] | None:
    """The (limit, use) of memory in bytes of the container that this runs in; None where it has no limit of its own."""
    for limit, use in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        texts = [(process.read_if_allowed(host.read, f"/sys/fs/cgroup/{name}") or "").strip() for name in (limit, use)]
        if all(text.isdecimal() for text in texts):
            return int(texts[0]), int(texts[1])
    return None


def limit_to_cgroup(memory: Mapping[str, int], cgroup: tuple[int, int] | None) -> dict[str, int]:
    """The memory that is there and the memory that is free: the machine's, or what its container leaves of it."""
    total, free = memory.get("MemTotal", 0), memory.get("MemAvailable", 0) + memory.get("SwapFree", 0)
    # cgroup v1 writes "no limit" as a number near 2^63.
    if cgroup and cgroup[0] < total:
        total, free = cgroup[0], min(free, max(cgroup[0] - cgroup[1], 0))
    return {"memory_bytes": total, "memory_free_bytes": free}
