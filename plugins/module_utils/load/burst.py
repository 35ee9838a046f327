# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A burst of connects at once against a listening socket of its own: what a backlog is good for while nobody accepts.

The listener does not accept for a while, as an application does not during a pause of its garbage collection. What
finds the queue full is dropped, and the client's kernel sends its SYN again a second later:
the user waits, and no log reports it.
"""

from __future__ import annotations

import resource
import select
import socket
import time
from typing import Any

from ..core import addresses
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, make_rule_errors
from . import state as load_state
from .counts import is_repeated

NAME = "connection_burst"

SPEC: dict[str, Any] = {
    "connects": {"type": "int", "default": 500},
    "backlogs": {"type": "list", "elements": "int", "default": [128, 1024]},
    "pause": {"type": "float", "default": 0.5},
    "timeout": {"type": "int", "default": 8},
    "address": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 0},
}

#: A burst is a burst: more at once only measures how fast one process can call connect().
#: Seconds that a listener may not accept.
CONNECTS_MOST, PAUSE_MOST = 20000, 5
BASE_FILES = 64


def find_errors(desired: dict[str, Any], nofile: int, ports: int) -> list[str]:
    """What is invalid or cannot be made, as sentences. A burst on a listener of its own has two files a connect."""
    found: list[str] = []
    if not 1 <= desired["connects"] <= CONNECTS_MOST:
        reason = (
            f"load_test_burst_connections: found {desired['connects']}, expected a number from 1 to {CONNECTS_MOST}"
        )
        found += make_rule_errors("load.burst", [reason])
    if not 0 <= desired["pause"] <= PAUSE_MOST:
        reason = f"load_test_burst_pause: found {desired['pause']}, expected seconds from 0 to {PAUSE_MOST}"
        found += make_rule_errors("load.burst", [reason])
    if any(backlog < 1 for backlog in desired["backlogs"]):
        reason = f"load_test_burst_backlogs: found {desired['backlogs']}, expected numbers from 1 on"
        found += make_rule_errors("load.burst", [reason])
    most = min((nofile - BASE_FILES) // 2, ports)
    if not found and desired["connects"] > most:
        ends = "ports that connections leave from" if most == ports else "open files of one process, two for each"
        reason = (
            f"load_test_burst_connections: found {desired['connects']}, and this host can make {most} at once: its "
            f"{ends} end first. Expected {most} or less"
        )
        found += make_rule_errors("load.burst-capacity", [reason])
    return found


def summarize_burst(made: list[tuple[float, bool]], connects: int) -> dict[str, float | None]:
    """From the connects that were made, as `(seconds, whether by a repeated SYN)`:
    how many were made at once, late, or not at all."""
    late = sum(again for _seconds, again in made)
    return {"connects": connects, "at_once": len(made) - late, "delayed": late, "failed": connects - len(made),
            "slowest_ms": round(max(made)[0] * 1000, 1) if made else None}


def count_dropped(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What the kernel has counted in between."""
    return {name: after[name] - before[name] for name in ("ListenOverflows", "ListenDrops")}


class Burst:
    """One burst. Everything is in this process, so that nothing is left of it when it ends."""

    def __init__(self, connects: int, timeout: int, address: tuple[str, int]) -> None:
        self.connects, self.timeout, self.address = connects, timeout, address
        self.began: dict[int, tuple[socket.socket, float]] = {}
        self.made: list[tuple[float, bool]] = []
        self.open: list[socket.socket] = []
        self.accepted: list[socket.socket] = []
        self.epoll = select.epoll()

    def call(self, listener: socket.socket | None, pause: float) -> list[tuple[float, bool]]:
        """Connects at once, accepts after the pause, and returns what `summarize_burst` takes."""
        for _number in range(self.connects):
            link = socket.socket(
                socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK
            )
            self.open.append(link)
            self.began[link.fileno()] = (link, time.monotonic())
            link.connect_ex(self.address)
            self.epoll.register(link.fileno(), select.EPOLLOUT)
        begin = time.monotonic()
        while self.began and time.monotonic() - begin < self.timeout:
            for handle, event in self.epoll.poll(0.02, 1024):
                link, since = self.began.pop(handle)
                if not event & (select.EPOLLERR | select.EPOLLHUP):
                    self.made.append((time.monotonic() - since, is_repeated(link)))
                self.epoll.unregister(handle)
            if listener and time.monotonic() - begin >= pause:
                self.accept(listener)
        return self.made

    def accept(self, listener: socket.socket) -> None:
        """Takes what waits."""
        try:
            while True:
                self.accepted.append(listener.accept()[0])
        except BlockingIOError:
            return

    def close(self) -> None:
        """Everything."""
        for link in (*self.open, *self.accepted):
            link.close()
        self.epoll.close()


def run_burst(host: Host, desired: dict[str, Any], backlog: int = 0) -> dict[str, float | None]:
    """A burst against a listener of its own with this backlog,
    or without one against the address and port. Returns its numbers."""
    listener, address = None, (addresses.find_local_target(desired["address"]), desired["port"])
    before = load_state.parse_netstat(host.read("/proc/net/netstat") or "")
    if backlog:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        listener.setblocking(False)
        address = listener.getsockname()
    one = Burst(desired["connects"], desired["timeout"], address)
    try:
        found = summarize_burst(one.call(listener, desired["pause"]), desired["connects"])
    finally:
        one.close()
        if listener:
            listener.close()
    after = load_state.parse_netstat(host.read("/proc/net/netstat") or "")
    somaxconn = load_state.read_number(host, "/proc/sys/net/core/somaxconn") or backlog
    return {"requested": backlog, "backlog": min(backlog, somaxconn), **found, **count_dropped(before, after)}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What can be made here. Its own limit of open files is raised as far as it goes, for this process only."""
    most = max(resource.getrlimit(resource.RLIMIT_NOFILE))
    return {"nofile": most, "ports": load_state.read_client(host, {"targets": []})["ports"]}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Errors, or the bursts to make: with each backlog, and to the port."""
    bursts = [("burst", backlog) for backlog in desired["backlogs"]] + ([("burst", None)] if desired["port"] else [])
    found = find_errors(desired, state["nofile"], state["ports"])
    return Draft(actions=bursts, errors=found, facts={"bursts": []}).plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Makes the bursts, one after the other: the result `bursts`. Raises OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return Applied(
            {"bursts": [run_burst(host, plan.desired, *filter(None, [backlog])) for _action, backlog in plan.actions]}
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _describe_failure(_host: Host, _plan: Plan, error: Exception) -> str:
    return f"the burst could not be made: {error}"


#: What was connected is closed again: no change of the host.
EXECUTION = Execution(
    fenced=False, describe=_describe_failure, brief=Brief.FAILURES, bookkeeping=True, hidden=("diff",)
)
