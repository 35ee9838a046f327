# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisors as data: what each can do, where it keeps an instance, and its commands.

The contract they all keep is in C(roles/supervisor/README.md). In all texts C({name}) is the application's name,
C({index}) the instance's number, C({timeout}) the seconds that an instance gets to end, C({log_dir}) the folder of log files.
"""

from __future__ import annotations

import re
import time

from ansible_collections.xitrum.host.plugins.module_utils import inittab, marked_block, process, rc_local, recorded

#: Supervisors that start what they find in a folder: they look every five seconds.
_SCAN_SECONDS = 15
_SV, _SVSCAN = "/etc/{name}-runit/{index}", "/etc/{name}-daemontools/{index}"

# C(mark) is what makes the supervisor start an instance at boot, and C(target) what it points at (none: the mark is the
# definition itself). C(own) are further paths of one instance, C(shared) those of all of the application's. C(hold) is a
# file that keeps a supervisor which takes up what it finds from starting it yet, C(ready) are questions whether it has.
# C(hides) are what would win over the definition where it is there: it goes.
# C(start) and C(stop) are commands in turn; C(forget) makes the supervisor let go of an instance whose mark is gone.
# C(inits) are the processes 1 that can start it at boot, any where none is named; C(init) is that of System V, and upstart is
# asked for its version. C(daemon) is the unit that has to run for it, C(unit) its file, and C(scan) what C(init) starts instead.
# C(gone) are commands after the last instance, and then C(gone_after) when the shared paths are removed. C(output) prints the
# end of what an instance said. C(log) is where that is, in words. C(inherits): whether the number of open files has to be one
# that the host can grant, since what starts the instance cannot take less. C(restarts): whether an instance that ends is
# started again. C(low_ports): whether an instance may have a port below 1024.
KINDS = {
    "systemd": {
        "restarts": True, "low_ports": True, "inits": ["systemd"], "packages": [], "program": "systemctl", "daemon": "",
        "inherits": False, "log": "the journal: journalctl -u {name}@{index}",
        "mark": "/etc/systemd/system/multi-user.target.wants/{name}@{index}.service", "target": "/etc/systemd/system/{name}@.service",
        "own": [], "shared": ["/etc/systemd/system/{name}@.service"],
        # Of one instance, before the template: what `systemctl mask` and `systemctl edit --full` make.
        "hides": ["/etc/systemd/system/{name}@*.service", "/run/systemd/system/{name}@*.service"],
        # A unit that failed too often refuses to start until its counter is reset; one that is new is not failed.
        "reset": ["systemctl", "reset-failed", "{name}@{index}.service"],
        "start": [["systemctl", "start", "{name}@{index}.service"]],
        "stop": [["systemctl", "stop", "{name}@{index}.service"]],
        "forget": [], "define": [["systemctl", "daemon-reload"]], "gone": [], "gone_after": [["systemctl", "daemon-reload"]],
        "output": ["journalctl", "--no-pager", "--quiet", "--lines=30", "--output=cat", "_SYSTEMD_UNIT={name}@{index}.service"],
    },
    "supervisord": {
        "restarts": True, "low_ports": False, "inits": ["systemd"], "packages": ["supervisor"], "program": "supervisorctl", "daemon": "supervisor.service",
        "inherits": True, "log": "{log_dir}/output-{index}.log",
        "mark": "/etc/supervisor/conf.d/{name}-{index}.conf", "target": "/etc/{name}-supervisord/{index}.conf",
        "own": ["/etc/{name}-supervisord/{index}.conf"], "shared": ["/etc/{name}-supervisord", "/etc/supervisor/conf.d/{name}.conf"],
        # `update` with a name takes up this program alone, whatever else was edited in its configuration.
        "start": [["supervisorctl", "reread"], ["supervisorctl", "update", "{name}-{index}"], ["supervisorctl", "start", "{name}-{index}"]],
        "stop": [["supervisorctl", "stop", "{name}-{index}"]],
        "forget": [["supervisorctl", "remove", "{name}-{index}"]],
        "define": [["systemctl", "enable", "--now", "supervisor.service"]], "gone": [], "gone_after": [],
        "output": ["tail", "-n", "30", "{log_dir}/output-{index}.log"],
    },
    "runit": {
        "restarts": True, "low_ports": True, "inits": ["systemd", "init"], "packages": ["runit"], "program": "runsvdir",
        "daemon": "{name}-runit.service", "unit": "/etc/systemd/system/{name}-runit.service", "scan": "/etc/{name}-runit/scan",
        "inherits": False, "log": "{log_dir}/output-{index}/current",
        "mark": "/etc/{name}-runit/enabled/{index}", "target": _SV, "own": [_SV],
        "hold": f"{_SV}/down", "ready": [["sv", "status", _SV]], "patience": _SCAN_SECONDS,
        "shared": ["/etc/{name}-runit", "/etc/systemd/system/{name}-runit.service"],
        "start": [["sv", "up", _SV]],
        "stop": [["sv", "-w", "{timeout}", "force-stop", _SV]],
        "forget": [["sv", "exit", _SV]],
        "define": [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "{name}-runit.service"]],
        "gone": [["systemctl", "disable", "--now", "{name}-runit.service"]], "gone_after": [["systemctl", "daemon-reload"]],
        "output": ["tail", "-n", "30", "{log_dir}/output-{index}/current"],
    },
    "daemontools": {
        "restarts": True, "low_ports": True, "inits": ["systemd", "init"], "packages": ["daemontools"], "program": "svscan",
        "daemon": "{name}-daemontools.service", "unit": "/etc/systemd/system/{name}-daemontools.service", "scan": "/etc/{name}-daemontools/scan",
        "inherits": False, "log": "{log_dir}/output-{index}/current",
        "mark": "/etc/{name}-daemontools/enabled/{index}", "target": _SVSCAN, "own": [_SVSCAN],
        "hold": f"{_SVSCAN}/down", "ready": [["svok", _SVSCAN], ["svok", f"{_SVSCAN}/log"]], "patience": _SCAN_SECONDS,
        "shared": ["/etc/{name}-daemontools", "/etc/systemd/system/{name}-daemontools.service"],
        # svc ends with 0 whatever happens, svok does not.
        "start": [["svok", _SVSCAN], ["svc", "-u", _SVSCAN]],
        "stop": [["svc", "-d", _SVSCAN]],
        "forget": [["svc", "-dx", _SVSCAN, f"{_SVSCAN}/log"]],
        "define": [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "{name}-daemontools.service"]],
        "gone": [["systemctl", "disable", "--now", "{name}-daemontools.service"]], "gone_after": [["systemctl", "daemon-reload"]],
        "output": ["tail", "-n", "30", "{log_dir}/output-{index}/current"],
    },
    "rc.local": {
        "restarts": False, "low_ports": True, "inits": [], "packages": ["logrotate"], "program": "logrotate", "daemon": "",
        "inherits": False, "log": "{log_dir}/output-{index}.log",
        "mark": "/etc/{name}-rc.local/enabled/{index}", "target": "/etc/{name}-rc.local/start", "own": [],
        "shared": ["/etc/{name}-rc.local", "/etc/logrotate.d/{name}-rc.local"],
        # As at boot: nothing of the login that starts it.
        "start": [["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/etc/{name}-rc.local/start", "{index}"]],
        "stop": [], "forget": [], "define": [], "gone": [], "gone_after": [],
        "output": ["tail", "-n", "30", "{log_dir}/output-{index}.log"],
    },
    "upstart": {
        "restarts": True, "low_ports": False, "inits": [], "packages": [], "program": "initctl", "daemon": "",
        "inherits": True, "log": "/var/log/upstart/{name}-{index}.log",
        "mark": "/etc/init/{name}-{index}.conf", "target": "", "own": [], "shared": [],
        "start": [["initctl", "start", "{name}-{index}"]],
        "stop": [["initctl", "stop", "{name}-{index}"]],
        "forget": [], "define": [["initctl", "reload-configuration"]], "gone": [], "gone_after": [["initctl", "reload-configuration"]],
        "output": ["tail", "-n", "30", "/var/log/upstart/{name}-{index}.log"],
    },
}

#: The words that mean that all is well, for every supervisor.
WELL = {"active": "active", "boot": "enabled"}

#: The words of systemd and of supervisord for what they start no more. The others try for ever.
GIVEN_UP = ("failed", "FATAL")


def filled(words, **values):
    """A text, or the texts in lists, with the values in their places."""
    if isinstance(words, str):
        return words.format(**values)
    return [filled(word, **values) for word in words]


def defined(host, name):
    """The instances that each supervisor would start at boot: kind to a set of numbers, those without any left out."""
    found = {}
    for kind, what in KINDS.items():
        folder, _slash, file = what["mark"].rpartition("/")
        pattern = re.compile(re.escape(filled(file, name=name, index="NUMBER")).replace("NUMBER", r"(\d+)"))
        matches = [pattern.fullmatch(entry) for entry in host.listdir(filled(folder, name=name))]
        if any(matches):
            found[kind] = {int(match.group(1)) for match in matches if match}
    return found


def leftovers(host, name):
    """The supervisors that have anything of the application: kind to the paths that are there, the marks left out."""
    found = {kind: [path for path in filled(what["shared"], name=name) if host.stat(path) is not None] for kind, what in KINDS.items()}
    if marked_block.has_block(host.read(rc_local.PATH), name):
        found["rc.local"].append(rc_local.PATH)
    table = host.read(inittab.PATH)
    for kind in found:
        if marked_block.has_block(table, inittab.entry_of(name, kind)):
            found[kind].append(inittab.PATH)
    return {kind: paths for kind, paths in found.items() if paths}


def unused(host, name, keep=()):
    """The supervisors, but for those to keep, that have something of the application and no instance of it: kind to paths."""
    marked = defined(host, name)
    return {kind: paths for kind, paths in leftovers(host, name).items() if kind not in keep and kind not in marked}


def states(host, kind, name, indices):
    """What the supervisor says of each instance, in one question: index to C({"active": ..., "boot": ...}), where L(WELL) is
    what is wanted, and anything else the supervisor's own word."""
    marks = {index: host.stat(filled(KINDS[kind]["mark"], name=name, index=index)) is not None for index in indices}
    active = READERS[kind](host, name, indices)
    daemon = filled(KINDS[kind]["daemon"], name=name)
    at_boot = enabled(host, daemon, inittab.entry_of(name, kind)) if daemon and any(marks.values()) else runs_at_boot(host) if kind == "rc.local" else ""
    return {index: {"active": active.get(index, ""), "boot": hidden(host, kind, name, index) or (at_boot or "enabled" if marks[index] else "disabled")}
            for index in indices}


def given_up(host, kind, name, indices):
    """The instances that the supervisor starts no more since they ended too often: index to its own word for that."""
    return {index: said for index, said in READERS[kind](host, name, indices).items() if said in GIVEN_UP}


def hidden(host, kind, name, index):
    """What wins over the definition of an instance and is not of this collection, as words; empty where nothing does."""
    paths = [path.replace("*", str(index)) for path in filled(KINDS[kind].get("hides", []), name=name)]
    return next((f"hidden by {path}" for path in paths if host.stat(path) is not None), "")


def has_systemd(host):
    """Whether systemd is process 1, as sd_booted(3) tells it."""
    return host.exists("/run/systemd/system")


def enabled(host, unit, entry):
    """Whether a unit starts at boot, in systemd's own word, or the entry of that name in the table of another init does."""
    if has_systemd(host):
        return host.run(["systemctl", "is-enabled", unit]).out.strip() or "unknown"
    return WELL["boot"] if marked_block.has_block(host.read(inittab.PATH), entry) else "disabled"


def runs_at_boot(host):
    """Whether systemd runs /etc/rc.local, in the words of L(enabled)."""
    found = host.stat(rc_local.PATH)
    return WELL["boot"] if found is not None and found.mode & 0o100 else f"{rc_local.PATH} is not executable"


def read_systemd(host, name, indices):
    """From C(systemctl show): the active state."""
    units = [f"{name}@{index}.service" for index in indices]
    said = host.run(["systemctl", "show", "--no-pager", "--property=Id,ActiveState", "--", *units])
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.out.split("\n\n")]
    found = {block.get("Id"): block.get("ActiveState", "") for block in blocks}
    return {index: found.get(unit, "") for index, unit in zip(indices, units)}


def read_supervisord(host, name, indices):
    """From C(supervisorctl status): a program is C(RUNNING) some seconds after its start; until then it is C(STARTING)."""
    said = host.run(["supervisorctl", "status"]).out
    words = dict(line.split()[:2] for line in said.splitlines() if len(line.split()) > 1)
    return {index: _well(words.get(f"{name}-{index}", ""), ("RUNNING", "STARTING")) for index in indices}


def read_runit(host, name, indices):
    """From C(sv status): a line such as C(run: PATH: (pid 12) 3s; run: log: (pid 11) 3s) for each."""
    said = host.run(["sv", "status", *(filled(_SV, name=name, index=index) for index in indices)]).out
    words = {match.group(2): match.group(1) for match in re.finditer(r"^(\w+): (/[^:]+):", said, re.MULTILINE)}
    return {index: _well(words.get(filled(_SV, name=name, index=index), ""), ("run",)) for index in indices}


def read_daemontools(host, name, indices):
    """From C(svstat): a line such as C(PATH: up (pid 12\\) 3 seconds) for each."""
    said = host.run(["svstat", *(filled(_SVSCAN, name=name, index=index) for index in indices)]).out
    words = {match.group(1): match.group(2) for match in re.finditer(r"^(/[^:]+): (\w+)", said, re.MULTILINE)}
    return {index: _well(words.get(filled(_SVSCAN, name=name, index=index), ""), ("up",)) for index in indices}


def read_rc_local(_host, _name, indices):
    """Nothing watches over what rc.local has started, so that there is nobody to ask; whether it runs is told from its process."""
    return {index: WELL["active"] for index in indices}


def read_upstart(host, name, indices):
    """From C(initctl status): C(NAME-0 start/running, process 12)."""
    found = {}
    for index in indices:
        words = host.run(["initctl", "status", f"{name}-{index}"]).out.split()
        found[index] = _well(words[1].rstrip(",") if len(words) > 1 else "", ("start/running",))
    return found


def _well(word, good):
    return WELL["active"] if word in good else word


#: How each supervisor is asked.
READERS = {
    "systemd": read_systemd, "supervisord": read_supervisord, "runit": read_runit, "daemontools": read_daemontools,
    "rc.local": read_rc_local, "upstart": read_upstart,
}


def patiently(host, command, seconds, good=True):
    """Runs a command until it succeeds, or fails where that is good, or the time is over: what it said last."""
    deadline = time.monotonic() + seconds
    said = host.run(command)
    while (said.rc == 0) != good and time.monotonic() < deadline:
        time.sleep(0.1)
        said = host.run(command)
    return said


def forget(host, kind, name, index):
    """Takes an instance, which does not run, away from a supervisor: its mark first, or it would be started again."""
    what = KINDS[kind]
    host.remove(filled(what["mark"], name=name, index=index))
    for command in filled(what["forget"], name=name, index=index):
        host.run(command)
    # It writes into the folder until its end.
    for command in filled(what.get("ready", []), name=name, index=index):
        patiently(host, command, what["patience"], False)
    for path in filled(what["own"], name=name, index=index):
        host.remove(path)


def clean(host, kind, name):
    """Takes the application away from a supervisor that has no instance of it any more."""
    for command in filled(KINDS[kind]["gone"], name=name):
        host.run(command)
    table = host.read(inittab.PATH)
    if marked_block.has_block(table, inittab.entry_of(name, kind)):
        host.write(inittab.PATH, marked_block.without(table, inittab.entry_of(name, kind)), host.stat(inittab.PATH).mode)
        # It ends what it has started, too.
        host.run(inittab.READ_AGAIN)
    text = host.read(rc_local.PATH) if kind == "rc.local" else None
    if marked_block.has_block(text, name):
        rest = rc_local.taken_away(text, name)
        if rest is None:
            host.remove(rc_local.PATH)
        else:
            before = None if marked_block.MARK in rest else recorded.read(host)["modes"].get(rc_local.PATH)
            host.write(rc_local.PATH, rest, host.stat(rc_local.PATH).mode if before is None else before)
            if before is not None:
                recorded.forget(host, "modes", rc_local.PATH)
    for path in filled(KINDS[kind]["shared"], name=name):
        host.remove(path)
    for command in filled(KINDS[kind]["gone_after"], name=name):
        host.run(command)


def processes(host, folder):
    """The processes of an instance: its JVM, and what its service definition starts before it becomes one. A shell that
    somebody has left in the folder is none."""
    return [row for row in process.processes_under(host, folder) if row["comm"] == "java" or row["environ"] is None or "XITRUM_SERVICE" in row["environ"]]
