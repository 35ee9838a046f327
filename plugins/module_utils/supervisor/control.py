# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisors say of the instances, and how one lets go of an instance. C(KINDS), the table of C(supervisor_kinds), is taken from here as well."""

from __future__ import annotations

import fnmatch
import re
import time

from ..core import foreign_file, marked_block, process
from . import inittab, rc_local
from .kinds import KINDS
from .process_one import has_systemd

#: The words that mean that all is well, for every supervisor.
WELL = {"active": "active", "boot": "enabled"}


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
    found = {kind: [path for path in filled(what["shared"], name=name) if host.exists(path)] for kind, what in KINDS.items()}
    if has_block(host, rc_local.PATH, name):
        found["rc.local"].append(rc_local.PATH)
    for kind in found:
        if has_block(host, inittab.PATH, inittab.entry_of(name, kind)):
            found[kind].append(inittab.PATH)
    return {kind: paths for kind, paths in found.items() if paths}


def has_block(host, path, name):
    """Whether a file, which may be a link, has a block of ours: where it leads now, or where it led before."""
    return any(marked_block.has_block(host.read(place), name) for place in foreign_file.places(host, path))


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
    words = KINDS[kind].get("given_up", ())
    return {index: word for index, word in READERS[kind](host, name, indices).items() if word in words}


def hidden(host, kind, name, index):
    """What wins over the definition of an instance and is not of this collection, as words; empty where nothing does."""
    paths = [path.replace("*", str(index)) for path in filled(KINDS[kind].get("hides", []), name=name)]
    return next((f"hidden by {path}" for path in paths if hides(host, kind, path)), "")


def hides(host, kind, path):
    """Whether a file is there that wins over the definition of an instance."""
    pattern = KINDS[kind]["hiding"]
    if host.stat(path) is None:
        return False
    return not pattern or re.search(pattern, host.read(path) or "", re.MULTILINE) is not None


def hiding(host, kind, name):
    """The files that win over the definition of any instance."""
    found = []
    for pattern in filled(KINDS[kind].get("hides", []), name=name):
        folder, _slash, file = pattern.rpartition("/")
        found += [f"{folder}/{entry}" for entry in host.listdir(folder) if fnmatch.fnmatchcase(entry, file)]
    return [path for path in found if hides(host, kind, path)]


def enabled(host, unit, entry):
    """Whether a unit starts at boot, in systemd's own word, or the entry of that name in the table of another init does."""
    if has_systemd(host):
        return host.run(["systemctl", "is-enabled", unit]).out.strip() or "unknown"
    table = foreign_file.read_file(host, inittab.PATH).text
    return WELL["boot"] if marked_block.has_block(table, entry) else "disabled"


def runs_at_boot(host):
    """Whether systemd runs /etc/rc.local, in the words of L(enabled)."""
    found = foreign_file.read_file(host, rc_local.PATH).stat
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
    said = host.run(["sv", "status", *(filled(KINDS["runit"]["target"], name=name, index=index) for index in indices)]).out
    words = {match.group(2): match.group(1) for match in re.finditer(r"^(\w+): (/[^:]+):", said, re.MULTILINE)}
    return {index: _well(words.get(filled(KINDS["runit"]["target"], name=name, index=index), ""), ("run",)) for index in indices}


def read_daemontools(host, name, indices):
    """From C(svstat): a line such as C(PATH: up (pid 12\\) 3 seconds) for each."""
    said = host.run(["svstat", *(filled(KINDS["daemontools"]["target"], name=name, index=index) for index in indices)]).out
    words = {match.group(1): match.group(2) for match in re.finditer(r"^(/[^:]+): (\w+)", said, re.MULTILINE)}
    return {index: _well(words.get(filled(KINDS["daemontools"]["target"], name=name, index=index), ""), ("up",)) for index in indices}


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


def main_pids(host, kind, name, indices):
    """The process that the supervisor has for each instance that runs: index to process id. That process, and what it
    started, is the instance, whoever else works in its folder."""
    return {index: pid for index, pid in PID_READERS[kind](host, name, indices).items() if pid}


def _pid(text):
    """The number in a text, 0 where there is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0


def systemd_pids(host, name, indices):
    """From C(systemctl show): the main process of the unit."""
    units = [f"{name}@{index}.service" for index in indices]
    shown = host.run(["systemctl", "show", "--no-pager", "--property=Id,MainPID", "--", *units]).out
    blocks = [process.parse_unit(block) for block in shown.split("\n\n")]
    found = {block.get("Id"): _pid(block.get("MainPID", "")) for block in blocks}
    return {index: found.get(unit, 0) for index, unit in zip(indices, units)}


def supervisord_pids(host, name, indices):
    """From C(supervisorctl pid): the number alone, also while the program is C(STARTING)."""
    return {index: _pid(host.run(["supervisorctl", "pid", f"{name}-{index}"]).out.strip()) for index in indices}


def runit_pids(host, name, indices):
    """From C(sv status): see L(read_runit). The process of its log is another one."""
    return scanned_pids(host, "runit", ["sv", "status"], r"^run: (/[^:\n]+): \(pid (\d+)\)", name, indices)


def daemontools_pids(host, name, indices):
    """From C(svstat): see L(read_daemontools)."""
    return scanned_pids(host, "daemontools", ["svstat"], r"^(/[^:\n]+): up \(pid (\d+)\)", name, indices)


def scanned_pids(host, kind, command, pattern, name, indices):
    """The processes in what a supervisor that scans a folder says of some of them, one a line."""
    folders = {index: filled(KINDS[kind]["target"], name=name, index=index) for index in indices}
    found = dict(re.findall(pattern, host.run([*command, *folders.values()]).out, re.MULTILINE))
    return {index: _pid(found.get(folder, "")) for index, folder in folders.items()}


def rc_local_pids(host, name, indices):
    """From the file that the script which starts an instance writes, since nobody watches over what rc.local starts."""
    paths = {index: filled(KINDS["rc.local"]["own"], name=name, index=index)[0] for index in indices}
    return {index: _pid((process.seen(host.read, path) or "").strip()) for index, path in paths.items()}


def upstart_pids(host, name, indices):
    """From C(initctl status): see L(read_upstart)."""
    said = {index: host.run(["initctl", "status", f"{name}-{index}"]).out for index in indices}
    found = {index: re.match(r"\S+ start/\S+, process (\d+)\s*$", text, re.MULTILINE) for index, text in said.items()}
    return {index: _pid(match[1]) if match else 0 for index, match in found.items()}


#: How each supervisor is asked for its processes.
PID_READERS = {
    "systemd": systemd_pids,
    "supervisord": supervisord_pids,
    "runit": runit_pids,
    "daemontools": daemontools_pids,
    "rc.local": rc_local_pids,
    "upstart": upstart_pids,
}


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


def forget(host, kind, name, index, keep=False):
    """Takes an instance, which does not run, away from a supervisor: its mark first, or it would be started again.
    With C(keep), its definition stays."""
    what = KINDS[kind]
    host.remove(filled(what["mark"], name=name, index=index))
    for command in filled(what["forget"], name=name, index=index):
        host.run(command)
    # It writes into the folder until its end.
    for command in filled(what.get("ready", []), name=name, index=index):
        patiently(host, command, what["patience"], False)
    for path in filled(what["own"], name=name, index=index) if not keep else ():
        host.remove(path)


def clean(host, kind, name):
    """Takes the application away from a supervisor that has no instance of it any more."""
    for command in filled(KINDS[kind]["gone"], name=name):
        host.run(command)
    entry = inittab.entry_of(name, kind)
    if has_block(host, inittab.PATH, entry):
        foreign_file.restore_file(host, inittab.PATH, lambda text: marked_block.without(text, entry))
        # It ends what it has started, too.
        host.run(inittab.READ_AGAIN)
    if kind == "rc.local" and has_block(host, rc_local.PATH, name):
        foreign_file.restore_file(host, rc_local.PATH, lambda text: marked_block.without(text, name), rc_local.EMPTY)
    for path in filled(KINDS[kind]["shared"], name=name):
        host.remove_written(path)
    for command in filled(KINDS[kind]["gone_after"], name=name):
        host.run(command)


def processes(host, folder):
    """The processes of an instance: its JVM, and what its service definition starts before it becomes one. A shell that
    somebody has left in the folder is none."""
    return [row for row in process.processes_under(host, folder) if row["comm"] == "java" or row["environ"] is None or "XITRUM_SERVICE" in row["environ"]]
