# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose process 1 is upstart: what the collection uses of init(5) and initctl(8), with a clock of its own.

What it does is held by test_upstart.py, a test for each rule.
"""

from __future__ import annotations

import posixpath
import re

from ansible_collections.xitrum.host.plugins.module_utils.core.host import Result

from .fake_host import FakeHost


class UpstartHost(FakeHost):
    """`version` is that of process 1, `client` that of initctl; `crashes` are jobs whose process ends at once."""

    def __init__(self, files=None, links=None, version="1.13.2", client="1.13.2", **more):
        super().__init__(
            {"/proc/1/comm": "init\n", "/proc/stat": "btime 1\n", **(files or {})}, {"initctl": ""}, links, **more
        )
        self.version, self.client, self.now, self.next_pid = version, client, 0, 100
        self.jobs, self.crashes, self.homes = {}, set(), {}
        self.load()

    # ------------------------------------------------------------------------------------------------ configuration

    def load(self):
        """Reads /etc/init: stanzas of NAME.override come after those of NAME.conf, and the later one wins."""
        names = [name[: -len(".conf")] for name in self.listdir("/etc/init") if name.endswith(".conf")]
        for name in names:
            job = self.jobs.setdefault(name, {"state": "stop/waiting", "pid": 0, "starts": []})
            job.update(stanzas(self.read(f"/etc/init/{name}.conf"), self.read(f"/etc/init/{name}.override") or ""))
        for name in set(self.jobs) - set(names):
            # A job that runs is known until it stops.
            if not self.jobs[name]["pid"]:
                del self.jobs[name]

    def boot(self):
        """Everything is stopped, the configuration is read, and the runlevel is 2."""
        for name in self.jobs:
            self.end(name)
        self.load()
        for name, job in list(self.jobs.items()):
            if job["at_boot"]:
                self.spawn(name)

    # ------------------------------------------------------------------------------------------------------- processes

    def spawn(self, name):
        job = self.jobs[name]
        self.next_pid += 1
        job.update(state="start/running", pid=self.next_pid)
        self.files[f"/proc/{self.next_pid}/stat"] = f"{self.next_pid} (java) S 1 " + "0 " * 17 + "100 0"
        self.files[f"/proc/{self.next_pid}/status"] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1 kB\n"
        self.links[f"/proc/{self.next_pid}/cwd"] = self.homes.get(name, "/")
        if name in self.crashes:
            self.crash(name)

    def end(self, name):
        job = self.jobs[name]
        if job["pid"]:
            self.remove(f"/proc/{job['pid']}")
        job.update(state="stop/waiting", pid=0)

    def crash(self, name, seconds=1):
        """The main process ends by itself: it is started again, unless that was so too often within the interval."""
        job = self.jobs[name]
        self.now += seconds
        self.end(name)
        if not job["respawn"]:
            return
        count, interval = job["limit"]
        job["starts"] = [moment for moment in job["starts"] if moment > self.now - interval] + [self.now]
        if len(job["starts"]) > count:
            return
        self.spawn(name)

    def kill(self, pid, number):
        self.done.append(("kill", pid, number))
        name = next((name for name, job in self.jobs.items() if job["pid"] == pid), None)
        if name:
            self.crash(name)

    # ---------------------------------------------------------------------------------------------------------- initctl

    def run(self, argv, data=None, **more):
        if argv[0] != "initctl":
            return super().run(argv, data, **more)
        self.done.append(("run", " ".join(argv)))
        return self.initctl(*argv[1:])

    def initctl(self, command, name=""):
        if command == "--version":
            return Result(0, f"initctl (upstart {self.client})\n", "")
        if command == "version":
            return Result(0, f"init (upstart {self.version})\n", "")
        if command == "reload-configuration":
            self.load()
            return Result(0, "", "")
        job = self.jobs.get(name)
        if job is None:
            return Result(1, "", f"initctl: Unknown job: {name}\n")
        if command == "start" and job["pid"]:
            return Result(1, "", f"initctl: Job is already running: {name}\n")
        if command == "stop" and not job["pid"]:
            return Result(1, "", "initctl: Unknown instance: \n")
        if command == "start":
            job["starts"] = []
            self.spawn(name)
        elif command == "stop":
            self.end(name)
            self.load()
        return Result(0, self.line(name), "")

    def line(self, name):
        """A job as initctl prints it."""
        job = self.jobs.get(name, {"state": "stop/waiting", "pid": 0})
        return f"{name} {job['state']}{', process ' + str(job['pid']) if job['pid'] else ''}\n"


def stanzas(conf, override):
    """What counts of a job's stanzas."""
    found = {"at_boot": False, "respawn": False, "limit": (10, 5)}
    for line in (conf + "\n" + override).splitlines():
        words = line.partition("#")[0].split()
        if words[:2] == ["start", "on"]:
            found["at_boot"] = bool(re.fullmatch(r"runlevel \[2345\]", " ".join(words[2:])))
        elif words == ["manual"]:
            found["at_boot"] = False
        elif words == ["respawn"]:
            found["respawn"] = True
        elif words[:2] == ["respawn", "limit"]:
            found["limit"] = (int(words[2]), int(words[3]))
    return found


def instance_files(root):
    """The files of an instance's two folders."""
    return {posixpath.join(root, f"instances/0/{name}/script/runner"): "" for name in ("aa-1", "bb-2")}
