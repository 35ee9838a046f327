# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The concern C(service): what a supervisor has to have on a host before it can start an instance. Nothing is started here.

The files come with the wanted state; what they must not overwrite, and what in them depends on the host, is found here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..core import file_set, foreign_file, marked_block, process, recorded
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import RUN, Draft, Plan, Row, unread_rows
from ..limits import nofile as limits
from . import control as supervisors
from . import inittab, process_one, rc_local, supervisord

NAME = "service"

SPEC = {
    "name": {"type": "str", "required": True},
    "supervisor": {"type": "str", "default": "systemd", "choices": sorted(supervisors.KINDS)},
    "instances": {"type": "int", "default": 1},
    "nofile": {"type": "int", "default": 1024000},
    "low_port": {"type": "bool", "default": False},
    "supervisord_version": {"type": "str", "default": ""},
    "files": file_set.SPEC["files"],
}

def _secrets(desired: Desired) -> set[str]:
    return file_set.private_texts(desired["files"])


def _failure(_host: Host, plan: Plan, error: Exception) -> str:
    return f"the service definition of {plan.desired['name']} for {plan.desired['supervisor']}: {error}"


EXECUTION = Execution(quiet=True, secrets=_secrets, describe=_failure)

#: What all files of ours say in their first lines.
OURS = "xitrum.host"

#: Where units of ours are, and where those of packages and of programs are, which ours would replace (systemd.unit(5)).
OWN_UNITS = "/etc/systemd/system/"
UNIT_FOLDERS = ("/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")

_UNIT = ("ActiveState", "UnitFileState", "MainPID")


# ---------------------------------------------------------------------------------------------------------- reading

def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything that L(plan) needs."""
    kind, name, indices = supervisors.KINDS[desired["supervisor"]], desired["name"], range(desired["instances"])
    program, init = host.which(kind["program"]), process_one.read_init(host)
    state = {
        "program": program,
        "states": supervisors.states(host, desired["supervisor"], name, indices) if program and indices else {},
        "defined": supervisors.defined(host, name),
        "unused": supervisors.unused(host, name, (desired["supervisor"],)),
        "texts": {item["path"]: host.read(item["path"]) for item in desired["files"]},
        "marks": {path: (host.stat(path), host.readlink(path)) for path in marks(desired)},
        "shadowed": shadowed(host, desired),
        "folders": {path: host.listdir(path) for path in services(desired)},
        "granted": limits.granted_to_services(host, desired["nofile"]) if kind["inherits"] else 0,
        "init": init,
        "inittab": foreign_file.read_file(host, inittab.PATH) if init.name == "init" and "scan" in kind else None,
        "hiding": supervisors.hiding(host, desired["supervisor"], name),
        "daemon": daemon(host, supervisors.filled(kind["daemon"], name=name), desired),
        "rc_local": foreign_file.read_file(host, rc_local.PATH) if desired["supervisor"] == "rc.local" else None,
        "rc_boot": rc_boot(host) if desired["supervisor"] == "rc.local" and init.name == "systemd" else ("", "", True),
        "others": others(host, desired) if desired["supervisor"] == "supervisord" else {},
        "version": host.run([supervisord_command(host), "--version"]).out if desired["supervisor"] == "supervisord" else "",
        "pypi": pypi(host) if desired["supervisor"] == "supervisord" and desired["supervisord_version"] else None,
    }
    state["set"] = compose(desired, state)
    state["files"] = file_set.read(host, state["set"])
    return state


def marks(wanted):
    """The marks of the instances: path to what it points at (empty: it is a file)."""
    kind, name = supervisors.KINDS[wanted["supervisor"]], wanted["name"]
    return {supervisors.filled(kind["mark"], name=name, index=index): supervisors.filled(kind["target"], name=name, index=index)
            for index in range(wanted["instances"])}


def shadowed(host, wanted):
    """The units of the distribution that ours would hide, as xitrum_name user would hide user@.service."""
    shared = supervisors.filled(supervisors.KINDS[wanted["supervisor"]]["shared"], name=wanted["name"])
    names = [path.rpartition("/")[2] for path in shared if path.startswith(OWN_UNITS)]
    return [f"{folder}/{name}" for name in names for folder in UNIT_FOLDERS if host.exists(f"{folder}/{name}")]


def services(wanted):
    """The service directories of the instances, for supervisors that have such."""
    kind = supervisors.KINDS[wanted["supervisor"]]
    return [supervisors.filled(kind["target"], name=wanted["name"], index=index) for index in range(wanted["instances"])] if "hold" in kind else []


def daemon(host, unit, wanted):
    """The unit that has to run, with the limit that its process has; empty where the supervisor has none of its own."""
    if not unit:
        return {}
    if "scan" in supervisors.KINDS[wanted["supervisor"]] and not supervisors.has_systemd(host):
        return scanner(host, wanted)
    said = process.parse_unit(host.run(["systemctl", "show", "--no-pager", "--property=" + ",".join(_UNIT), "--", unit]).out)
    pid = int(said.get("MainPID") or 0)
    limits = process.seen(host.read, f"/proc/{pid}/limits") if pid else None
    return {"unit": unit, "pid": pid, "active": said.get("ActiveState", ""), "boot": said.get("UnitFileState", ""),
            "nofile": process.nofile_of(limits) if limits else None}


def rc_boot(host):
    """What L(rc_local.boot_problem) judges: systemd's unit, its script, and whether our path leads there."""
    said = host.run(["systemctl", "show", "--no-pager", "--property=LoadState,ExecStart", "--", "rc-local.service"]).out
    unit = process.parse_unit(said)
    path = re.search(r"\bpath=(/\S+)", unit.get("ExecStart", ""))
    script = path[1] if path else ""
    return unit.get("LoadState", ""), script, host.realpath(script) == host.realpath(rc_local.PATH)


def scanner(host, wanted):
    """As L(daemon), of what an entry in the table of another init starts."""
    entry = inittab.entry_of(wanted["name"], wanted["supervisor"])
    folder = supervisors.filled(supervisors.KINDS[wanted["supervisor"]]["mark"], name=wanted["name"], index=0).rpartition("/")[0]
    arguments = (process.parse_cmdline(process.seen(host.read, f"/proc/{pid}/cmdline") or "") for pid in process.pids(host))
    return {"unit": f"{entry} in {inittab.PATH}", "pid": 0, "active": "active" if any(words[-1:] == [folder] for words in arguments) else "inactive",
            "boot": supervisors.enabled(host, "", entry), "nofile": None}


def supervisord_command(host):
    """Supervisord by its name, or where pip has put it and nothing in the search path leads to it yet."""
    there = [path for path in supervisord.COMMANDS.values() if path.endswith("/supervisord") and host.exists(path)]
    return there[0] if there and not host.which("supervisord") else "supervisord"


def pypi(host):
    """Where supervisord is, what that points at, whether Debian's names of packages hold, and which version the daemon that runs is of."""
    path = host.which("supervisord") or supervisord_command(host)
    running = host.run(["supervisorctl", "version"])
    record = recorded.read(host)["made"]
    foreign = [link for link, target in supervisord.COMMANDS.items() if host.stat(link) is not None and host.readlink(link) != target]
    foreign += [supervisord.ENVIRONMENT] if host.exists(supervisord.ENVIRONMENT) and supervisord.ENVIRONMENT not in record else []
    return {"path": path, "link": host.readlink(path) or "", "foreign": foreign, "debian": bool(host.which("dpkg-query")),
            "running": running.out if running.rc == 0 else ""}


def others(host, wanted):
    """The files of supervisord's configuration that are not ours: path to text."""
    own = {*marks(wanted), f"{supervisord.FOLDER}/{wanted['name']}.conf"}
    main = host.read(supervisord.MAIN) or ""
    patterns = supervisord.included(main) or [f"{supervisord.FOLDER}/*.conf"]
    folders = sorted({pattern.rpartition("/")[0] for pattern in patterns})
    paths = [f"{folder}/{name}" for folder in folders for name in host.listdir(folder) if supervisord.includes(patterns, f"{folder}/{name}")]
    return {supervisord.MAIN: main, **{path: host.read(path) or "" for path in paths if path not in own}}


# --------------------------------------------------------------------------------------------------------- planning

def compose(wanted, state):
    """The set of files and links as it has to be on this host, the options of M(xitrum.host.file_set). Pure.

    The link that makes an instance start at boot is L(service)'s to make, when nothing else has the instance any more; here
    it is only put back where it is missing.
    """
    kind, name = supervisors.KINDS[wanted["supervisor"]], wanted["name"]
    values = {"@NOFILE@": state["granted"], "@MINFDS@": max(state["granted"], supervisord.minfds(state["others"]), least_minfds(state))}
    files = [{**item, "content": replaced(item["content"], values)} for item in wanted["files"]]
    links = [{"path": path, "target": target} for path, target in supervisord.COMMANDS.items()] if state["pypi"] else []
    script = state["rc_local"]
    if script and not rc_local_problem(state):
        boot = f"/etc/{name}-rc.local/boot"
        text = rc_local.with_block(script.text, name, f"[ ! -x {boot} ] || {boot}")
        files.append(edited(script, text, 0o755 if script.stat is None else script.stat.mode & 0o777 | 0o111))
    commands = supervisors.filled(kind["define"], name=name)
    if state["inittab"] and not inittab_problem(wanted, state):
        table, scan = state["inittab"], supervisors.filled(kind["scan"], name=name)
        files = [item for item in files if item["path"] != supervisors.filled(kind["unit"], name=name)]
        text = inittab.with_entry(table.text, inittab.entry_of(name, wanted["supervisor"]), scan)
        files.append(edited(table, text, table.stat.mode & 0o777))
        commands = [inittab.READ_AGAIN]
    elsewhere = set().union(*(indices for other, indices in state["defined"].items() if other != wanted["supervisor"]))
    for index, (path, target) in enumerate(marks(wanted).items()):
        runs = state["states"].get(index, {}).get("active") == supervisors.WELL["active"]
        if target and index not in elsewhere and (runs or state["marks"][path][0] is not None):
            links.append({"path": path, "target": target})
    return {"name": f"{name}-service", "files": files, "links": links, "owned": state["hiding"],
            "commands": commands}


def least_minfds(state):
    """What the running daemon has, where a file sets minfds to what cannot be read, or may; else 0."""
    return (state["daemon"].get("nofile") or (0, 0))[0] if supervisord.keeps_minfds(state["others"]) else 0


def edited(file, text, mode):
    """Somebody else's file with our block, as a file of a set: it keeps its owner."""
    owner, group = (file.stat.owner, file.stat.group) if file.stat else ("root", "root")
    return {"path": file.path, "content": text, "mode": f"{mode:04o}", "owner": owner, "group": group}


def inittab_problem(wanted, state):
    """What keeps an entry out of the table of an init that is not systemd; empty where nothing does."""
    table = state["inittab"]
    return table.problem or inittab.problem(table.text, inittab.entry_of(wanted["name"], wanted["supervisor"]))


def rc_local_problem(state):
    """What keeps a block out of the script at boot; empty where nothing does."""
    script = state["rc_local"]
    if not script:
        return ""
    text_problem = rc_local.problem(script.text, state["init"].name == "systemd")
    return script.problem or rc_local.boot_problem(*state["rc_boot"]) or text_problem


def replaced(text, values):
    """A text with the values that only the host knows."""
    for word, value in values.items():
        text = text.replace(word, str(value))
    return text


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from C(desired) (the options of SPEC) and what L(read) gave, without touching the host."""
    kind = supervisors.KINDS[desired["supervisor"]]
    result = Draft.of(file_set.plan(state["set"], state["files"]))
    result.problems += [sentence for sentence in problems(desired, state) if sentence not in result.problems]
    packages = [] if state["program"] else kind["packages"]
    if state["pypi"]:
        packages = pypi_rows(desired, state, result)
    elif packages:
        result.rows.append(Row("service", desired["supervisor"], "installed", "", "", "differs", "it is not installed", RUN))
    if packages:
        result.actions.append(("install", packages))
    if state["daemon"] and not packages:
        daemon_rows(desired, state, result)
    for other, paths in state["unused"].items():
        result.actions.append(("clean", other))
        result.rows.append(Row("service", f"definition for {other}", "absent", ", ".join(paths), "", "differs", "the instances have another supervisor", RUN))
    result.rows += unread_rows("service", supervisord.unread(state["others"]))
    result.facts = {"packages": packages, "notes": file_notes(desired, state)}
    if not kind["restarts"]:
        why = f"{desired['supervisor']} starts an instance at boot, and does not start it again when it ends"
        result.rows.append(Row("service", "restart after a crash", "yes", "", "no", "absent", why))
        advice = "choose another xitrum_supervisor where nobody watches over the application"
        result.facts["notes"].insert(0, f"{why}: {advice}")
    return result.plan(desired, state)


def file_notes(wanted, state):
    """What is worth knowing of somebody else's files that get a block of ours."""
    found, script = [], state["rc_local"]
    for file in filter(None, (script, state["inittab"])):
        if marked_block.MARK not in (file.text or ""):
            found += foreign_file.names_notes(file.target, file.stat)
    lines = rc_local.early_exits(script.text, wanted["name"]) if script and not rc_local_problem(state) else []
    if lines:
        found.append(f"{rc_local.PATH} may end before it starts the application, on line {', '.join(map(str, lines))}: "
                     "let it go on where the application has to start")
    return found


def pypi_source(wanted, state):
    """Whether supervisord has to be installed from PyPI, and what stands in the way."""
    return supervisord.source(wanted["supervisord_version"], state["version"], state["pypi"]["path"], state["pypi"]["link"])


def pypi_rows(wanted, state, result):
    """Supervisord of PyPI: the packages that its installation takes, or none where it is there."""
    install, _problem = pypi_source(wanted, state)
    running = state["pypi"]["running"].strip()
    stale = not install and running and not supervisord.same(running, wanted["supervisord_version"])
    why = "it is not installed" if install else "systemctl restart supervisor makes it effective, and restarts everybody's programs" if stale else ""
    result.rows.append(Row("service", "supervisord of PyPI", wanted["supervisord_version"], state["version"].strip(), running,
                           "differs" if install else "restart" if stale else "ok", why, RUN if install else "systemctl restart supervisor" if stale else ""))
    return supervisord.PACKAGES[state["pypi"]["debian"]] if install else []


def daemon_rows(wanted, state, result):
    """What has to run for the supervisor: started, started at boot, and with a limit that its instances can inherit."""
    found = state["daemon"]
    good = (found["active"], found["boot"]) == ("active", "enabled")
    result.rows.append(Row("service", found["unit"], "enabled, active", found["boot"], found["active"], "ok" if good else "differs",
                           "" if good else "it keeps the instances running", "" if good else RUN))
    if not good and not any(action in ("write", "link", "commands") for action, _detail in result.actions):
        result.actions.append(("commands", None))
    if wanted["supervisor"] == "supervisord" and found["nofile"]:
        enough = all(limit == process.UNLIMITED or limit >= state["granted"] for limit in found["nofile"])
        result.rows.append(Row("service", "open files of supervisord", f">= {state['granted']}", "minfds", "/".join(map(str, found["nofile"])),
                               "ok" if enough else "differs", "" if enough else "its programs inherit it", "" if enough else RUN))
        if not enough:
            result.actions.append(("raise", found["pid"]))


def problems(wanted, state):
    """What stands in the way, as sentences: what is not ours is never overwritten."""
    kind, name = supervisors.KINDS[wanted["supervisor"]], wanted["name"]
    for path, text in state["texts"].items():
        if text is not None and OURS not in text:
            yield f"{path} exists and was not written by this collection: move it away, or set another xitrum_name"
    if state["shadowed"]:
        yield (f"xitrum_name is {name}, and this host has {state['shadowed'][0]} already, which a unit of that name would "
               "replace; expected a name that no unit has: set another xitrum_name")
    for path, target in marks(wanted).items():
        stat, now = state["marks"][path]
        # systemd's own link may be written in another way; what it leads to is looked at above.
        if target and stat is not None and (stat.kind != "link" or (now != target and wanted["supervisor"] != "systemd")):
            yield f"{path} exists and is not the link that it has to be: move it away, or set another xitrum_name"
    for path, names in state["folders"].items():
        if set(names) - {"down", "supervise", "log"} and "run" not in names:
            yield f"the service directory {path} exists and is somebody else's ({', '.join(names)}): move it away, or set another xitrum_name"
    taken = supervisord.programs(state["others"])
    for index in range(wanted["instances"]):
        if f"{name}-{index}" in taken:
            yield f"{taken[f'{name}-{index}']} has a program {name}-{index} already: remove it there, or set another xitrum_name"
    patterns = supervisord.included(state["others"].get(supervisord.MAIN, ""))
    mark = supervisors.filled(kind["mark"], name=name, index=0)
    if patterns and not supervisord.includes(patterns, mark):
        yield (f"{supervisord.MAIN} includes {' '.join(patterns)}, which does not find {mark}: "
               f"add {supervisord.FOLDER}/*.conf to files in its section [include]")
    if state["pypi"]:
        for path in state["pypi"]["foreign"]:
            yield f"{path} exists and is not of this collection: move it away, or unset supervisor_supervisord_version"
        said = [pypi_source(wanted, state)[1]]
    else:
        said = [supervisord.too_old(state["version"])]
    said += [rc_local_problem(state)]
    if wanted["low_port"] and not kind["low_ports"]:
        able = ", ".join(other for other, what in supervisors.KINDS.items() if what["low_ports"])
        said.append(f"{wanted['supervisor']} cannot give an instance a port below 1024: choose one of {able}, or a port from 1024 on with xitrum_port_forward")
    if state["inittab"]:
        said.append(inittab_problem(wanted, state))
    said.append(process_one.problem(wanted["supervisor"], state["init"]))
    yield from filter(None, said)


# ---------------------------------------------------------------------------------------------------------- acting

def apply(host: Host, plan: Plan) -> Applied:
    """Writes the files and has the supervisor's daemon run. Raises RuntimeError with what a command reported."""
    desired, state = plan.desired, plan.state
    kinds = [kind for kind, _detail in plan.actions]
    if "install" in kinds:
        raise RuntimeError(f"{desired['supervisor']} is not installed on this host: install it first, as the role supervisor does.")
    if any(kind in ("write", "link", "remove", "commands") for kind in kinds):
        note(host, desired, state)
        file_set.apply(host, replace(plan, desired=state["set"], state=state["files"]))
    for kind, detail in plan.actions:
        if kind == "clean":
            supervisors.clean(host, detail, desired["name"])
        elif kind == "raise":
            # Without a restart, which would be one of everybody's programs.
            soft, hard = (limit if limit == process.UNLIMITED else max(limit, state["granted"]) for limit in state["daemon"]["nofile"])
            words = ["unlimited" if limit == process.UNLIMITED else str(limit) for limit in (soft, hard)]
            host.run(["prlimit", "--pid", str(detail), f"--nofile={':'.join(words)}"])
    return Applied()


def note(host, wanted, state):
    """Records what is somebody else's and is about to be changed: a daemon for everybody, a file that gets our block."""
    kind = supervisors.KINDS[wanted["supervisor"]]
    if kind["daemon"] and "{name}" not in kind["daemon"]:
        recorded.note_unit(host, kind["daemon"], kind["packages"][0])
    for file in filter(None, (state["rc_local"], state["inittab"])):
        # With a block in it, it was changed before: nobody knows any more how it was.
        if marked_block.MARK not in (file.text or ""):
            foreign_file.note_file(host, file)
