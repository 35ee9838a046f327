# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load in the background: it is started, polled and stopped by one call each,
and ends by itself when nobody polls any more.

In a folder of its own that is gone afterwards: `state.json` is what it reports, `process` which process reports it,
`lease` is renewed by whoever polls, `stop` ends it.
"""

from __future__ import annotations

import mmap
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from ..core import background_folder, schema
from ..core.process import parse_stat
from . import counts as load_counts
from . import planning as load_plan
from .worker import CLOSE_SECONDS, Worker

PREFIX = "xitrum.host-load-"

#: How often the state is written, and how long an end may take, in seconds.
TICK, END_SECONDS = 0.25, CLOSE_SECONDS + 5


class LoadError(Exception):
    """What is wrong, as a sentence. `rule` is the rule that it breaks; a load that came to harm breaks none."""

    def __init__(self, text: str, rule: str = "") -> None:
        super().__init__(text)
        self.rule = rule


def start(desired: dict[str, Any], facts: dict[str, Any]) -> str:
    """Starts a load and returns its folder."""
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=find_base())
    background_folder.renew_lease(folder)
    write(
        folder,
        "state",
        {
            "phase": "ramp",
            "seconds": 0,
            "held_seconds": 0,
            "counts": load_counts.sum_counts([]),
            "workers_lost": 0,
            "deadline": facts["deadline"],
        },
    )
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        # Nothing of what the module has may be left in it: whoever started the module waits for its pipes to be closed.
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for handle in (0, 1, 2):
                os.dup2(null, handle)
            os.closerange(3, 256)
            os.chdir("/")
            Load(desired, facts, folder).run()
        finally:
            os._exit(0)
    # A number comes again: only with the moment of its start it names one process.
    write(folder, "process", {"pid": pid, "start_ticks": (read_stat(pid) or {"start_ticks": 0})["start_ticks"]})
    return folder


def find_base() -> str | None:
    """The folder of the folders: for root one in which nobody else can make a name that has become free."""
    return "/run" if os.geteuid() == 0 and os.path.isdir("/run") else None


def read_stat(pid: int) -> dict[str, Any] | None:
    """What the kernel reports about a process that runs;
    None of one that is gone, or that only waits for its parent to take note of its end."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            found = parse_stat(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if found["state"] in "ZX" else found


def poll(folder: str) -> dict[str, Any]:
    """What a load reports. Whoever polls lets it go on."""
    found = check(folder)
    background_folder.renew_lease(found)
    return read_load(found)


def read_load(folder: str) -> dict[str, Any]:
    """What a load reports. Raises LoadError where it cannot report anything any more."""
    process = read(folder, "process")
    found = read_stat(process["pid"])
    # In this order: one that has ended in between has reported it before.
    state = read(folder, "state")
    if state["phase"] != "ended" and (found is None or found["start_ticks"] != process["start_ticks"]):
        raise LoadError(
            f"its process {process['pid']} is gone, {state['seconds']:g} s after its start or later, and did not "
            "report what was held. Somebody has killed it, or the kernel, out of memory: see its log on this host "
            "(journalctl -k), and start it again"
        )
    return state


def stop(folder: str, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Ends a load and returns what it reported at its end; its folder is gone."""
    found = check(folder)
    background_folder.touch(f"{found}/stop")
    until = time.monotonic() + END_SECONDS + 5
    try:
        while (state := read_load(found))["phase"] != "ended" and time.monotonic() < until:
            sleep(TICK)
        return state
    finally:
        shutil.rmtree(found)


def check(folder: str) -> str:
    """The folder, where it is one of a load, and of this user: another user could have links in it."""
    error = background_folder.find_owner_error(folder, "a load")
    if error:
        raise LoadError(f"{error}, and start the load again", "load.run")
    if not background_folder.has_state(folder, PREFIX):
        raise LoadError(
            f"{folder or 'an empty path'} is not a folder of a load that runs: it has ended, or was never started. "
            "Start it again",
            "load.run",
        )
    return folder


def read(folder: str, name: str) -> dict[str, Any]:
    """What `write` has written."""
    path = f"{folder}/{name}.json"
    with open(path, encoding="utf-8") as file:
        try:
            return schema.LOAD.parse(file.read(), path)
        except (schema.VersionError, ValueError) as error:
            raise LoadError(
                str(error)
                if isinstance(error, schema.VersionError)
                else f"{path} is damaged ({error}): start the load again"
            ) from error


def write(folder: str, name: str, data: dict[str, Any]) -> None:
    """Writes it whole."""
    background_folder.write_record(folder, name, schema.LOAD.render(data))


class Load:
    """The process that starts the others, adds up what they count, and ends them."""

    def __init__(self, desired: dict[str, Any], facts: dict[str, Any], folder: str) -> None:
        self.desired, self.facts, self.folder = desired, facts, folder
        self.counts = load_counts.Counts(len(facts["workers"]))
        self.flag = mmap.mmap(-1, 1)
        self.pids: list[int] = []
        self.lost, self.began = 0, time.monotonic()
        #: When all were tried, by time.monotonic().
        self.full: float | None = None

    def run(self) -> None:
        """Starts the processes, and reports how it goes until it is to end."""
        # For these processes only, as far as the host lets them.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.pids = [self.fork(row) for row in range(len(self.facts["workers"]))]
        while not self.is_over():
            self.write_progress("hold" if self.full else "ramp")
            time.sleep(TICK)
        # Before they are closed: afterwards none is held.
        last, held = load_counts.sum_counts(self.counts.list_rows()), time.monotonic()
        self.flag[0] = 1
        until = time.monotonic() + END_SECONDS
        while self.pids and time.monotonic() < until:
            self.reap()
            time.sleep(TICK / 5)
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.write_progress("ended", last, held)

    def fork(self, row: int) -> int:
        """One process. It ends with this one, too."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            Worker(self.desired, self.facts, self.facts["workers"][row], self.counts, row,
                   lambda: self.flag[0] == 1 or os.getppid() != parent).run()
        finally:
            os._exit(0)

    def reap(self) -> int:
        """Processes that have ended. Returns how many."""
        gone = [pid for pid in self.pids if os.waitpid(pid, os.WNOHANG)[0]]
        self.pids = [pid for pid in self.pids if pid not in gone]
        return len(gone)

    def is_over(self) -> bool:
        """Whether it is to end: a request is there, nobody polls any more, its time is over,
        or its processes are gone."""
        self.lost += self.reap()
        if not os.path.exists(f"{self.folder}/lease"):
            return True
        left = background_folder.read_lease_age(self.folder) > load_plan.LEASE
        if left:
            # Nobody will ask for what it reports.
            shutil.rmtree(self.folder, ignore_errors=True)
        return (
            left
            or not self.pids
            or os.path.exists(f"{self.folder}/stop")
            or time.monotonic() - self.began > self.facts["deadline"]
        )

    def write_progress(self, phase: str, last: dict[str, int] | None = None, now: float | None = None) -> None:
        """Writes what is so, or what was so last."""
        totals, now = last or load_counts.sum_counts(self.counts.list_rows()), now or time.monotonic()
        # A process that has reached a limit tries no more of its share.
        tried_all = totals["tried"] >= self.desired["connections"] or totals["stopped"] + self.lost >= len(
            self.facts["workers"]
        )
        if not self.full and tried_all and load_counts.count_finished(totals) >= totals["tried"]:
            self.full = now
        if os.path.isdir(self.folder):
            write(self.folder, "state", {"phase": phase, "seconds": round(now - self.began, 1),
                                         "held_seconds": round(now - self.full, 1) if self.full else 0,
                                         "counts": totals, "workers_lost": self.lost,
                                         "deadline": self.facts["deadline"]})
