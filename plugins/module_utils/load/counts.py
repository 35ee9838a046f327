# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes that hold connections count, in memory that they share with the one that started them.
Pure, but for the memory."""

from __future__ import annotations

import math
import mmap
import socket
import struct
from typing import Any

#: Numbers of one process, in this order. `tried` to connect, `opened` as a WebSocket, `held` now; why the others are
#: not; `dropped` after they were open; `silent`, whose ping was not answered in time, and which are given up;
#: `delayed`, whose connect took a repeated SYN; `stopped` processes that tried no more, since a limit was reached.
NAMES = (
    "tried", "opened", "held", "refused", "unanswered", "turned_away", "closed_early", "client_files", "client_ports",
    "other", "dropped", "silent", "delayed", "pings", "pongs", "stopped", "status", "errno",
)
#: Of these the sum over processes reports nothing: the last HTTP status that was not 101, the last error number.
LAST = ("status", "errno")
#: Why a connection was not opened.
FAILED = ("refused", "unanswered", "turned_away", "closed_early", "client_files", "client_ports", "other")

#: Times are counted in steps of a fourth of a power of two, from 0.1 ms on: an error of at most 19 %.
STEPS, FIRST_MS = 96, 0.1
TIMES = ("connect", "pong")

WIDTH = len(NAMES) + STEPS * len(TIMES)

#: Where struct tcp_info (linux/tcp.h) has tcpi_total_retrans: 8 bytes, then 23 numbers of 4.
RETRANSMITS = struct.Struct("=8x92xI")


def find_step(seconds: float) -> int:
    """The step that a time is counted in."""
    milliseconds = seconds * 1000
    return 0 if milliseconds <= FIRST_MS else min(STEPS - 1, math.ceil(4 * math.log2(milliseconds / FIRST_MS)))


def is_repeated(link: socket.socket) -> bool:
    """Whether a connection that was just made took a repeated SYN: the first was dropped, and the next comes a second
    later. The kernel knows; the time alone would also count what this process was late to see."""
    return RETRANSMITS.unpack(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RETRANSMITS.size))[0] > 0


def compute_percentile(steps: list[int], share: float) -> float | None:
    """The time in milliseconds below which this share (0 to 1) of the counted ones is;
    None where nothing was counted."""
    total = sum(steps)
    if not total:
        return None
    reached = 0
    for index, count in enumerate(steps):
        reached += count
        if reached >= share * total:
            return round(FIRST_MS * 2 ** (index / 4), 1)
    return None


class Counts:
    """The numbers of all processes. Each writes its own row, so that none needs a lock."""

    def __init__(self, processes: int) -> None:
        # Anonymous and shared: it is gone with the last process.
        self.memory = mmap.mmap(-1, max(1, processes) * WIDTH * 8)
        self.numbers = memoryview(self.memory).cast("q")
        self.processes = processes

    def add(self, row: int, name: str, more: int = 1) -> None:
        """Adds to a number of a process."""
        self.numbers[row * WIDTH + NAMES.index(name)] += more

    def put(self, row: int, name: str, value: int) -> None:
        """Sets a number of a process."""
        self.numbers[row * WIDTH + NAMES.index(name)] = value

    def count_time(self, row: int, name: str, seconds: float) -> None:
        """Counts a time of a process."""
        self.numbers[row * WIDTH + len(NAMES) + TIMES.index(name) * STEPS + find_step(seconds)] += 1

    def list_rows(self) -> list[list[int]]:
        """The numbers of every process as a list."""
        return [list(self.numbers[row * WIDTH:(row + 1) * WIDTH]) for row in range(self.processes)]


def sum_counts(rows: list[list[int]]) -> dict[str, Any]:
    """All processes (of all hosts) as one dictionary: each of NAMES, and `connect` and `pong` as lists of steps."""
    counts: dict[str, Any] = {
        name: (max if name in LAST else sum)([row[index] for row in rows] or [0]) for index, name in enumerate(NAMES)
    }
    for index, name in enumerate(TIMES):
        begin = len(NAMES) + index * STEPS
        counts[name] = [sum(row[begin + step] for row in rows) for step in range(STEPS)]
    return counts


def merge_totals(totals: list[dict[str, Any]]) -> dict[str, Any]:
    """Several of `sum_counts` as one."""
    counts: dict[str, Any] = {
        name: (max if name in LAST else sum)([one[name] for one in totals] or [0]) for name in NAMES
    }
    for name in TIMES:
        counts[name] = [sum(one[name][step] for one in totals) for step in range(STEPS)]
    return counts


def count_finished(counts: dict[str, Any]) -> int:
    """How many connections are no longer on their way."""
    return counts["opened"] + sum(counts[name] for name in FAILED)
