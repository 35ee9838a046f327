# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `service`: what a supervisor has to have on a host before it can start an instance.

Nothing is started here.

The files come with the desired state; what they must not overwrite, and what in them depends on the host, is found
here. Differences between the kinds of supervisors are in `kinds`, see `contract`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, Iterator, Mapping

from ..core import file_set, marked_block, operator_stops, process, recorded, unmanaged_file
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import RUN, BlockingError, Draft, Plan, Row, build_unread_rows, make_rule_errors
from ..limits import nofile as limits
from . import init_system, inittab, table
from .contract import WELL, Supervisor, build_edited_file, fill
from .table import SUPERVISORS

NAME = "service"

SPEC = {
    "name": {"type": "str", "required": True},
    "supervisor": table.OPTION,
    "instances": {"type": "int", "default": 1},
    "nofile": {"type": "int", "default": 1024000},
    "low_port": {"type": "bool", "default": False},
    "supervisord_version": {"type": "str", "default": ""},
    "files": file_set.SPEC["files"],
}


def _list_secrets(desired: Desired) -> set[str]:
    return file_set.list_private_texts(desired["files"])


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    return f"the service definition of {plan.desired['name']} for {plan.desired['supervisor']}: {error}"


EXECUTION = Execution(quiet=True, secrets=_list_secrets, describe=_describe_failure)

#: What all files of ours report in their first lines.
OURS = "xitrum.host"

#: Where units of ours are, and where those of packages and of programs are, which ours would replace (systemd.unit(5)).
OWN_UNITS = "/etc/systemd/system/"
UNIT_FOLDERS = (
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)

_UNIT = ("ActiveState", "UnitFileState", "MainPID")


# ---------------------------------------------------------------------------------------------------------- reading


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything that `plan` needs."""
    kind, name, indices = SUPERVISORS[desired["supervisor"]], desired["name"], range(desired["instances"])
    program, init = host.find_program(kind.program), init_system.read_init(host)
    stops = operator_stops.read_stops(host, name)
    state: dict[str, Any] = {
        "program": program,
        "states": kind.query_states(host, name, indices) if program and indices else {},
        "defined": table.find_defined(host, name),
        "unused": table.find_unused(host, name, (desired["supervisor"],)),
        "texts": {item["path"]: host.read(item["path"]) for item in desired["files"]},
        "marks": {path: (host.stat(path), host.readlink(path)) for path in read_marks(desired)},
        "shadowed": find_shadowed(host, desired),
        "folders": {path: host.listdir(path) for path in list_service_folders(desired)},
        "granted": limits.find_granted_to_services(host, desired["nofile"]) if kind.inherits else 0,
        "init": init,
        "inittab": unmanaged_file.read_file(host, inittab.PATH) if init.name == "init" and kind.scan else None,
        "stops": sorted(stops),
        "hiding": [
            path for path in kind.list_hiding_files(host, name) if path not in list_boot_locks(kind, name, stops)
        ],
        "daemon": read_daemon(host, fill(kind.daemon, name=name), desired),
        "kind_state": kind.read_kind_state(host, desired, init),
    }
    state["set"] = compose(desired, state)
    state["files"] = file_set.read(host, state["set"])
    return state


def list_boot_locks(kind: Supervisor, name: str, stops: Iterable[int]) -> set[str]:
    """The files of ours that keep instances which an operator stopped from being started at boot."""
    return {fill(kind.boot_lock, name=name, index=index) for index in stops} if kind.boot_lock else set()


def read_marks(desired: Mapping[str, Any]) -> dict[str, str]:
    """The marks of the instances: path to what it points at (empty: it is a file)."""
    kind, name = SUPERVISORS[desired["supervisor"]], desired["name"]
    return {
        fill(kind.mark, name=name, index=index): fill(kind.target, name=name, index=index)
        for index in range(desired["instances"])
    }


def find_shadowed(host: Host, desired: Mapping[str, Any]) -> list[str]:
    """The units of the distribution that ours would hide, as xitrum_name user would hide user@.service."""
    shared = fill(SUPERVISORS[desired["supervisor"]].shared, name=desired["name"])
    names = [path.rpartition("/")[2] for path in shared if path.startswith(OWN_UNITS)]
    return [f"{folder}/{name}" for name in names for folder in UNIT_FOLDERS if host.exists(f"{folder}/{name}")]


def list_service_folders(desired: Mapping[str, Any]) -> list[str]:
    """The service directories of the instances, for supervisors that have such."""
    kind = SUPERVISORS[desired["supervisor"]]
    indices = range(desired["instances"]) if kind.hold else ()
    return [fill(kind.target, name=desired["name"], index=index) for index in indices]


def read_daemon(host: Host, unit: str, desired: Mapping[str, Any]) -> dict[str, Any]:
    """The unit that has to run, with the limit that its process has; empty where the supervisor has none of its own."""
    if not unit:
        return {}
    if SUPERVISORS[desired["supervisor"]].scan and not init_system.has_systemd(host):
        return read_scanner(host, desired)
    shown = host.run(["systemctl", "show", "--no-pager", "--property=" + ",".join(_UNIT), "--", unit]).out
    values = process.parse_unit(shown)
    pid = int(values.get("MainPID") or 0)
    limits_text = process.read_if_allowed(host.read, f"/proc/{pid}/limits") if pid else None
    return {
        "unit": unit,
        "pid": pid,
        "active": values.get("ActiveState", ""),
        "boot": values.get("UnitFileState", ""),
        "nofile": process.parse_nofile(limits_text) if limits_text else None,
    }


def read_scanner(host: Host, desired: Mapping[str, Any]) -> dict[str, Any]:
    """As `daemon`, of what an entry in the table of another init starts."""
    kind = SUPERVISORS[desired["supervisor"]]
    entry = inittab.get_entry_name(desired["name"], kind.name)
    folder = fill(kind.mark, name=desired["name"], index=0).rpartition("/")[0]
    cmdlines = (process.read_if_allowed(host.read, f"/proc/{pid}/cmdline") or "" for pid in process.list_pids(host))
    runs = any(process.parse_cmdline(cmdline)[-1:] == [folder] for cmdline in cmdlines)
    return {
        "unit": f"{entry} in {inittab.PATH}",
        "pid": 0,
        "active": "active" if runs else "inactive",
        "boot": kind.query_boot_word(host, desired["name"]),
        "nofile": None,
    }


# --------------------------------------------------------------------------------------------------------- planning


def compose(desired: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """The set of files and links as it has to be on this host, the options of `xitrum.host.service_definition` for
    another service. Pure.

    The link that makes an instance start at boot is made when the instance is started and nothing else has it any more;
    here it is only restored where it is missing.
    """
    kind, name = SUPERVISORS[desired["supervisor"]], desired["name"]
    values = kind.make_placeholders(state)
    files = [{**item, "content": replace_marks(item["content"], values)} for item in desired["files"]]
    files += kind.build_edited_files(name, state)
    links = kind.list_links(state)
    commands = fill(kind.define, name=name)
    if state["inittab"] and not find_inittab_error(desired, state):
        file, scan = state["inittab"], fill(kind.scan, name=name)
        files = [item for item in files if item["path"] != fill(kind.unit, name=name)]
        text = inittab.put_entry(file.text, inittab.get_entry_name(name, kind.name), scan)
        files.append(build_edited_file(file, text, file.stat.mode & 0o777))
        commands = [inittab.RELOAD]
    elsewhere = set().union(*(indices for other, indices in state["defined"].items() if other != kind.name))
    for index, (path, target) in enumerate(read_marks(desired).items()):
        runs = state["states"].get(index, {}).get("active") == WELL["active"]
        # Of one that an operator stopped, and that somebody started since, start.yml makes the link.
        if index in state["stops"]:
            continue
        if target and index not in elsewhere and (runs or state["marks"][path][0] is not None):
            links.append({"path": path, "target": target})
    return {"name": f"{name}-service", "files": files, "links": links, "owned": state["hiding"], "commands": commands}


def find_inittab_error(desired: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """What keeps an entry out of the table of an init that is not systemd; empty where nothing does."""
    table = state["inittab"]
    return table.error or inittab.find_error(table.text, inittab.get_entry_name(desired["name"], desired["supervisor"]))


def replace_marks(text: str, values: Mapping[str, Any]) -> str:
    """A text with the values that only the host knows."""
    for word, value in values.items():
        text = text.replace(word, str(value))
    return text


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from `desired` (the options of SPEC) and what `read` gave, without touching the host."""
    kind = SUPERVISORS[desired["supervisor"]]
    result = Draft.from_plan(file_set.plan(state["set"], state["files"]))
    result.errors += [sentence for sentence in find_errors(desired, state) if sentence not in result.errors]
    packages, rows = kind.plan_packages(desired, state)
    result.rows += rows
    if packages:
        result.actions.append(("install", packages))
    if state["daemon"] and not packages:
        add_daemon_rows(desired, state, result)
    for other, paths in state["unused"].items():
        result.actions.append(("clean", other))
        result.rows.append(
            Row(
                "service",
                f"definition for {other}",
                "absent",
                ", ".join(paths),
                "",
                "drift",
                "the instances have another supervisor",
                RUN,
            )
        )
    result.rows += build_unread_rows("service", kind.list_unread(state))
    # The packages are then those that the installation takes.
    from_pypi = kind.on_pypi and bool(desired["supervisord_version"] and packages)
    result.facts = {"packages": packages, "from_pypi": from_pypi, "notes": find_notes(desired, state)}
    if not kind.restarts:
        why = f"{kind.name} starts an instance at boot, and does not start it again when it ends"
        result.rows.append(Row("service", "restart after a crash", "yes", "", "no", "absent", why))
        advice = "choose another xitrum_supervisor where nobody watches over the application"
        result.facts["notes"].insert(0, f"{why}: {advice}")
    return result.plan(desired, state)


def read_unmanaged_files(desired: Mapping[str, Any], state: Mapping[str, Any]) -> list[unmanaged_file.UnmanagedFile]:
    """The unmanaged files that get a block of ours."""
    return [*SUPERVISORS[desired["supervisor"]].list_unmanaged_files(state), *filter(None, [state["inittab"]])]


def find_notes(desired: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """Notes on unmanaged files that get a block of ours."""
    found = []
    for file in read_unmanaged_files(desired, state):
        if marked_block.MARK not in (file.text or ""):
            found += unmanaged_file.find_names_notes(file.target, file.stat)
    return found + SUPERVISORS[desired["supervisor"]].find_notes(desired["name"], state)


def add_daemon_rows(desired: Mapping[str, Any], state: Mapping[str, Any], result: Draft) -> None:
    """What has to run for the supervisor: started, started at boot, and as its kind needs it."""
    found = state["daemon"]
    good = (found["active"], found["boot"]) == ("active", "enabled")
    result.rows.append(
        Row(
            "service",
            found["unit"],
            "enabled, active",
            found["boot"],
            found["active"],
            "ok" if good else "drift",
            "" if good else "it keeps the instances running",
            "" if good else RUN,
        )
    )
    if not good and not any(action in ("write", "link", "commands") for action, _detail in result.actions):
        result.actions.append(("commands", None))
    rows, actions = SUPERVISORS[desired["supervisor"]].plan_daemon(state)
    result.rows += rows
    result.actions += actions


def find_errors(desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[str]:
    """The errors, as sentences: what is not ours is never overwritten."""
    kind, name = SUPERVISORS[desired["supervisor"]], desired["name"]
    for path, text in state["texts"].items():
        if text is not None and OURS not in text:
            yield BlockingError(
                f"{path} exists and was not written by this collection: move it away, or set another xitrum_name",
                rule="host.file-unmanaged",
            )
    if state["shadowed"]:
        yield BlockingError(
            f"xitrum_name is {name}, and this host has {state['shadowed'][0]} already, which a unit of that name would "
            f"replace; expected a name that no unit has. Set another xitrum_name",
            rule="host.unit-name",
        )
    for path, target in read_marks(desired).items():
        stat, now = state["marks"][path]
        # What the link of a supervisor that writes it itself leads to is compared above.
        if target and stat is not None and (stat.kind != "link" or (now != target and not kind.links_vary)):
            yield BlockingError(
                f"{path} exists and is not the link that it has to be: move it away, or set another xitrum_name",
                rule="host.file-unmanaged",
            )
    kept = {name for other in SUPERVISORS.values() for name in other.KEEPS}
    for path, names in state["folders"].items():
        if set(names) - kept and "run" not in names:
            yield BlockingError(
                f"the service directory {path} exists and is not managed by this collection "
                f"({', '.join(names)}): move it away, or "
                "set another xitrum_name",
                rule="host.file-unmanaged",
            )
    found = make_rule_errors("host.supervisor", kind.find_errors(desired, state))
    if desired["low_port"] and not kind.low_ports:
        able = ", ".join(other.name for other in SUPERVISORS.values() if other.low_ports)
        found.append(
            BlockingError(
                f"{kind.name} cannot give an instance a port below 1024: choose one of {able}, or a port from 1024 on "
                "with xitrum_port_forward",
                rule="host.low-port",
            )
        )
    if state["inittab"]:
        found += make_rule_errors("host.inittab", [find_inittab_error(desired, state)])
    yield from [*found, *make_rule_errors("host.init", [table.find_init_error(kind.name, state["init"])])]


# ---------------------------------------------------------------------------------------------------------- acting


def apply(host: Host, plan: Plan) -> Applied:
    """Writes the files and has the supervisor's daemon run. Raises RuntimeError with what a command reported."""
    desired, state = plan.desired, plan.state
    kinds = [kind for kind, _detail in plan.actions]
    if "install" in kinds:
        raise RuntimeError(
            f"{desired['supervisor']} is not installed on this host: install it first, as the role supervisor does"
        )
    if any(kind in ("write", "link", "remove", "commands") for kind in kinds):
        note(host, desired, state)
        file_set.apply(host, replace(plan, desired=state["set"], state=state["files"]))
    for kind, detail in plan.actions:
        if kind == "clean":
            SUPERVISORS[detail].clean(host, desired["name"])
        elif kind == "raise":
            # Without a restart, which would be one of everybody's programs.
            soft, hard = (
                limit if limit == process.UNLIMITED else max(limit, state["granted"])
                for limit in state["daemon"]["nofile"]
            )
            words = ["unlimited" if limit == process.UNLIMITED else str(limit) for limit in (soft, hard)]
            host.run(["prlimit", "--pid", str(detail), f"--nofile={':'.join(words)}"])
    return Applied()


def note(host: Host, desired: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Records what is unmanaged and is about to be changed: a daemon for everybody, a file with our block."""
    kind = SUPERVISORS[desired["supervisor"]]
    if kind.daemon and "{name}" not in kind.daemon:
        recorded.note_unit(host, kind.daemon, kind.packages[0])
    for file in read_unmanaged_files(desired, state):
        # With a block in it, it was changed before: nobody knows any more how it was.
        if marked_block.MARK not in (file.text or ""):
            unmanaged_file.note_file(host, file)
