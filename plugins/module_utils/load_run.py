# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load in the background: it is started, looked at and stopped by one call each, and ends by itself when nobody looks any more.

In a folder of its own that is gone afterwards: C(state.json) is what it says, C(lease) is touched by whoever looks, C(stop) ends it.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import signal
import sys
import tempfile
import time

from ansible_collections.xitrum.host.plugins.module_utils import load_counts, load_plan
from ansible_collections.xitrum.host.plugins.module_utils.load_worker import CLOSE_SECONDS, Worker

PREFIX = "xitrum.host-load-"

#: How often the state is written, and how long an end may take, in seconds.
TICK, END_SECONDS = 0.25, CLOSE_SECONDS + 5


class LoadError(Exception):
    """What is wrong, as a sentence."""


def start(wanted, facts):
    """Starts a load and returns its folder."""
    folder = tempfile.mkdtemp(prefix=PREFIX)
    touch(f"{folder}/lease")
    write(folder, {"phase": "ramp", "seconds": 0, "held_seconds": 0, "counts": load_counts.total([]), "workers_lost": 0})
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() == 0:
        # Nothing of what the module has may be left in it: whoever started the module waits for its pipes to be closed.
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for handle in (0, 1, 2):
                os.dup2(null, handle)
            os.closerange(3, 256)
            os.chdir("/")
            Load(wanted, facts, folder).run()
        finally:
            os._exit(0)
    return folder


def look(folder):
    """What a load says. Whoever looks lets it go on."""
    found = check(folder)
    touch(f"{found}/lease")
    return read(found)


def stop(folder, sleep=time.sleep):
    """Ends a load and returns what it said at its end; its folder is gone."""
    found = check(folder)
    touch(f"{found}/stop")
    until = time.monotonic() + END_SECONDS + 5
    while read(found)["phase"] != "ended" and time.monotonic() < until:
        sleep(TICK)
    said = read(found)
    shutil.rmtree(found)
    return said


def check(folder):
    """The folder, where it is one of a load."""
    if not (os.path.basename(folder).startswith(PREFIX) and os.path.isfile(f"{folder}/state.json")):
        raise LoadError(f"{folder or 'an empty path'} is no folder of a load that runs: it has ended, or was never started. Start it anew.")
    return folder


def touch(path):
    """Makes a file new."""
    with open(path, "a", encoding="utf-8"):
        os.utime(path)


def read(folder):
    """What a load says."""
    with open(f"{folder}/state.json", encoding="utf-8") as file:
        return json.load(file)


def write(folder, said):
    """Writes it whole."""
    with open(f"{folder}/state.new", "w", encoding="utf-8") as file:
        json.dump(said, file)
    os.rename(f"{folder}/state.new", f"{folder}/state.json")


class Load:
    """The process that starts the others, adds up what they count, and ends them."""

    def __init__(self, wanted, facts, folder):
        self.wanted, self.facts, self.folder = wanted, facts, folder
        self.counts = load_counts.Counts(len(facts["workers"]))
        self.flag = mmap.mmap(-1, 1)
        self.pids, self.lost, self.began, self.full = [], 0, time.monotonic(), None

    def run(self):
        """Starts the processes, and says how it goes until it is to end."""
        # For these processes only, as far as the host lets them.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.pids = [self.fork(row) for row in range(len(self.facts["workers"]))]
        while not self.over():
            self.say("hold" if self.full else "ramp")
            time.sleep(TICK)
        # Before they are closed: afterwards none is held.
        last, held = load_counts.total(self.counts.rows()), time.monotonic()
        self.flag[0] = 1
        until = time.monotonic() + END_SECONDS
        while self.pids and time.monotonic() < until:
            self.reap()
            time.sleep(TICK / 5)
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.say("ended", last, held)

    def fork(self, row):
        """One process. It ends with this one, too."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            Worker(self.wanted, self.facts, self.facts["workers"][row], self.counts, row,
                   lambda: self.flag[0] == 1 or os.getppid() != parent).run()
        finally:
            os._exit(0)

    def reap(self):
        """Processes that have ended. Returns how many."""
        gone = [pid for pid in self.pids if os.waitpid(pid, os.WNOHANG)[0]]
        self.pids = [pid for pid in self.pids if pid not in gone]
        return len(gone)

    def over(self):
        """Whether it is to end: somebody says so, nobody looks any more, its time is over, or its processes are gone."""
        self.lost += self.reap()
        if not os.path.exists(f"{self.folder}/lease"):
            return True
        left = time.time() - os.stat(f"{self.folder}/lease").st_mtime > load_plan.LEASE
        if left:
            # Nobody will ask for what it says.
            shutil.rmtree(self.folder, ignore_errors=True)
        return left or not self.pids or os.path.exists(f"{self.folder}/stop") or time.monotonic() - self.began > self.facts["deadline"]

    def say(self, phase, last=None, now=None):
        """Writes what is so, or what was so last."""
        said, now = last or load_counts.total(self.counts.rows()), now or time.monotonic()
        # A process that has reached a limit tries no more of its share.
        tried_all = said["tried"] >= self.wanted["connections"] or said["stopped"] + self.lost >= len(self.facts["workers"])
        if not self.full and tried_all and load_counts.settled(said) >= said["tried"]:
            self.full = now
        if os.path.isdir(self.folder):
            write(self.folder, {"phase": phase, "seconds": round(now - self.began, 1), "held_seconds": round(now - self.full, 1) if self.full else 0,
                                "counts": said, "workers_lost": self.lost})
