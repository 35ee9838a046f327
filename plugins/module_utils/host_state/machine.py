# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is and whether it can take the desired state: system, memory, disk, ports, rights.
Only read, never changed.

Everything that is missing is found in one reading, so that a person hears of all of it at once.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Iterable, Iterator

from ..application import changes as application_changes
from ..core import addresses, folders, process, recorded, sockets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.disk_space import format_size
from ..core.distributions import table as distributions
from ..core.host import Host
from ..core.memory import OVERHEAD, limit_to_cgroup, parse_meminfo, read_cgroup_memory
from ..core.plan import BlockingError, Draft, Plan, format_shell_line, make_rule_errors
from ..core.untrusted_text import make_printable, split_lines
from ..supervisor import init_system, table
from ..supervisor.table import SUPERVISORS

NAME = "machine"

SPEC = {
    "name": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "root": {"type": "path", "default": ""},
    "log_dir": {"type": "path", "default": ""},
    "adopt": {"type": "list", "elements": "str", "default": [], "choices": list(folders.ADOPT)},
    "release_folder": {"type": "path"},
    "release": {"type": "str", "default": ""},
    "needed_bytes": {"type": "int", "default": 0},
    "ports": {"type": "list", "elements": "int", "default": []},
    "interface": {"type": "str", "default": ""},
    "interface_ports": {"type": "list", "elements": "int", "default": []},
    "own_roots": {"type": "list", "elements": "path", "default": []},
    "own_units": {"type": "list", "elements": "str", "default": []},
    "instances": {"type": "int", "default": 0},
    "heap_bytes": {"type": "int", "default": 0},
    "overhead_bytes": {"type": "int", "default": OVERHEAD},
    "min_python": {"type": "str", "default": "3.8"},
    "supervisor": {"type": "str", "default": "", "choices": ["", *sorted(SUPERVISORS)]},
    "proxies": {"type": "bool", "default": False},
}

ARCHITECTURES = ("x86_64", "aarch64")

#: The number of the capability in `CapEff`, from capabilities(7).
CAP_SYS_RESOURCE = 24


def parse_os_release(text: str) -> dict[str, str]:
    """os-release(5) as a dictionary; quotes and backslashes are taken off."""
    pairs = re.findall(r"^([A-Za-z0-9_]+)=(.*)$", text, re.MULTILINE)
    return {name: _unquote(value.strip()) for name, value in pairs}


def _unquote(value: str) -> str:
    """A value as a shell reads it, which is what os-release(5) asks for."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r'\\([$`"\\])', r"\1", value[1:-1])
    return value.strip("\"'")


def parse_mounts(text: str) -> dict[str, set[str]]:
    """/proc/mounts as a dictionary: mount point to its set of options. Of several on one point the last is seen."""
    rows = (line.split(" ") for _number, line in split_lines(text))
    # Blanks and backslashes in a path are octal there, other white space of Unicode is not.
    return {
        re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), row[1]): set(row[3].split(","))
        for row in rows
        if len(row) > 3
    }


def parse_df(text: str) -> int | None:
    """The available bytes in `df -P -k`, or None."""
    found = re.search(r"\s([0-9]{1,18})\s+[0-9]+%\s+/", text)
    return int(found.group(1)) * 1024 if found else None


def find_mount(path: str, mounts: Iterable[str]) -> str:
    """The mount point that a path lies on."""
    return max((point for point in mounts if process.is_under(path, point)), key=len, default="/")


def parse_version(text: str) -> tuple[int, ...]:
    """A version as a tuple of integers: (20, 4) for 20.04."""
    return tuple(int(part) for part in re.findall(r"(?<![0-9])[0-9]{1,9}(?![0-9])", text))


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything that `plan` judges, as texts and numbers."""
    status = process.parse_status(host.read("/proc/self/status") or "")
    return {
        **read_system(host),
        "uid": process.find_effective_id(status, "Uid") or 0,
        "capabilities": int(status["CapEff"], 16) if re.fullmatch(r"[0-9a-f]{1,16}", status.get("CapEff", "")) else 0,
        "disk": read_disk(host, desired) if desired["release_folder"] else None,
        **read_port_state(host, desired),
        **read_own_folders(host, desired),
    }


def read_own_folders(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """What the host has in the place of the application's folders,
    and why its record cannot be read (empty: it can)."""
    if not desired["root"] and not desired["log_dir"]:
        return {"folders": None, "damaged": "", "installed": {}}
    try:
        record, damaged = process.read_if_allowed(recorded.read, host), ""
    except ValueError as error:
        record, damaged = None, str(error)
    installed = process.read_if_allowed(application_changes.read_installed, host, record) or {}
    return {"folders": folders.read(host, desired, record), "damaged": damaged, "installed": installed}


def read_system(host: Host) -> dict[str, Any]:
    """What the machine is: the facts that other components need too."""
    release = parse_os_release(host.read("/etc/os-release") or host.read("/usr/lib/os-release") or "")
    memory = parse_meminfo(host.read("/proc/meminfo") or "")
    distribution = distributions.BY_ID.get(release.get("ID", ""))
    return {
        "distribution": distribution.name if distribution else "",
        "release": release.get("VERSION_ID", ""),
        "family": distribution.family.name if distribution else "",
        "name": release.get("PRETTY_NAME") or release.get("ID") or "unknown",
        "architecture": host.run(["uname", "-m"]).out.strip(),
        "kernel": (host.read("/proc/sys/kernel/osrelease") or "").strip(),
        "init": init_system.read_init(host).name,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "cpus": len(re.findall(r"^processor\s*:", host.read("/proc/cpuinfo") or "", re.MULTILINE)),
        **limit_to_cgroup(memory, read_cgroup_memory(host)),
    }


def read_disk(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """The file system under the release folder, which may not be there yet: its nearest parent that is counts."""
    path = host.realpath(desired["release_folder"])
    there = bool(desired["release"]) and host.exists(f"{path}/{desired['release']}")
    while path != "/" and not host.exists(path):
        path = path.rpartition("/")[0] or "/"
    mounts = parse_mounts(host.read("/proc/mounts") or "")
    point = find_mount(path, mounts)
    found = host.stat(path)
    return {
        "path": path,
        "mount": point,
        "options": sorted(mounts.get(point, set()) & {"ro", "noexec"}),
        "folder": found is None or found.kind == "directory",
        "free_bytes": parse_df(host.run(["df", "-P", "-k", path]).out),
        "needed_bytes": 0 if there else desired["needed_bytes"],
    }


def read_port_state(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """Who listens on the desired ports (`holders`), and a sentence on what ss printed that cannot be read
    (`sockets_note`)."""
    rows = sockets.read_listeners(host) if desired["ports"] else sockets.Rows()
    found = (
        None
        if rows is None
        else [describe_holder(host, row, desired) for row in rows if row["port"] in desired["ports"]]
    )
    return {"holders": found, "sockets_note": sockets.format_unread_note(rows)}


def find_holders(host: Host, desired: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Who listens on a desired port: dictionaries of port, pid, process, unit and whether it is ours.
    None: ss could not report."""
    return read_port_state(host, desired)["holders"]


def describe_holder(host: Host, row: dict[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
    """One listening socket, and whether an instance of ours (its user and its working folder) or a unit that is fine
    holds it."""
    pid = row["pid"]
    folder = process.read_if_allowed(host.readlink, f"/proc/{pid}/cwd") if pid else None
    unit = process.find_unit_of_process(host, pid).get("Id", "") if pid else ""
    found = process.read_process(host, pid, 0) if pid else None
    roots = [host.realpath(root) for root in desired["own_roots"]]
    own = (
        any(is_instance(host, found, folder, root, desired.get("user", "")) for root in roots)
        or unit in desired["own_units"]
    )
    # A socket of another address leaves room for one of this.
    # What is not bound to the interface needs every address.
    places = [desired.get("interface", "")] if row["port"] in desired.get("interface_ports", ()) else [""]
    coexists = {} if addresses.collides(row, places) else {"coexists": True}
    user = {"user": found["user"]} if found else {}
    return {
        "port": row["port"],
        "pid": pid,
        "process": row["process"],
        "unit": unit,
        "allowed": own,
        **user,
        **coexists,
    }


def is_instance(host: Host, found: dict[str, Any] | None, folder: str | None, root: str, user: str) -> bool:
    """Whether a process, of which `process.read_process` found `found` (None: nothing can be seen), works below
    `root` as a user of the application. Its working folder alone reports nothing: whoever goes there has it, too."""
    if folder is None or not process.is_under(folder, root):
        return False
    number = re.match(rf"{re.escape(root)}/instances/(\d+)(?:/|$)", folder)
    users = process.list_accounts(host, f"{root}/instances/{number[1]}", user) if number else {user} - {""}
    return found is None or bool(process.filter_processes_of_users([found], users))


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Reports all errors (`errors`) and `notes`. Never an action."""
    claimed = state["folders"]["ports"] if state["folders"] else {}
    renamed = application_changes.find_renamed(desired, state["installed"], claimed)
    # Of an application that was renamed, its ports are not a second error.
    holders = [row for row in state["holders"] or [] if not renamed or claimed.get(row["port"]) != renamed]
    errors = [
        *find_system_errors(desired, state),
        *find_disk_errors(state["disk"]),
        *make_rule_errors("host.port-held", find_port_errors(holders)),
        *make_rule_errors("host.memory", find_memory_errors(desired, state)),
        *find_folder_errors(desired, state, renamed),
        *application_changes.find_errors(desired, state["installed"], claimed),
    ]
    facts = {
        name: value for name, value in state.items() if name not in ("capabilities", "folders", "damaged", "installed")
    }
    return Draft(errors=errors, facts={**facts, "notes": find_notes(state)}).plan(desired, state)


def find_system_errors(desired: dict[str, Any], state: dict[str, Any]) -> Iterator[str]:
    """The system itself."""
    distribution = distributions.DISTRIBUTIONS.get(state["distribution"])
    if not distribution or (state["release"] and parse_version(state["release"]) < distribution.oldest):
        yield BlockingError(
            f"the operating system is {state['name']}; expected {distributions.describe_supported()}",
            rule="host.system",
        )
    if state["architecture"] not in ARCHITECTURES:
        yield BlockingError(
            f"the processor is {state['architecture'] or 'unknown'}; expected {' or '.join(ARCHITECTURES)}, the "
            "architectures that this collection supports: use another host",
            rule="host.processor",
        )
    if parse_version(state["python"]) < parse_version(desired["min_python"]):
        yield BlockingError(
            f"Python is {state['python']}; expected {desired['min_python']} or newer: install one, and set "
            "ansible_python_interpreter to it",
            rule="host.python",
        )
    if state["uid"] != 0:
        yield BlockingError(
            f"Ansible works as the user with id {state['uid']}, expected root: set become to true, and let that user "
            "use sudo (-K asks for its password)",
            rule="host.root",
        )
    # The version of process 1 is judged with the rest of what the supervisor has to have.
    error = table.find_init_error(desired["supervisor"], init_system.Init(state["init"]), with_version=False)
    yield from make_rule_errors("host.init", [error])


def find_disk_errors(found: dict[str, Any] | None) -> Iterator[str]:
    """The file system for releases."""
    if found is None:
        return
    where = f"the file system {found['mount']}"
    if not found["folder"]:
        yield BlockingError(
            f"{found['path']} is not a folder, so no release can be put below it: move it away, or set xitrum_root",
            rule="host.releases-folder",
        )
    if "ro" in found["options"]:
        yield BlockingError(
            f"{where} is mounted read-only: mount it read-write, or set xitrum_root to a folder on another",
            rule="host.releases-read-only",
        )
    if "noexec" in found["options"]:
        yield BlockingError(
            f"{where} is mounted noexec, so script/runner cannot be started from it: remount it with exec, or set "
            "xitrum_root to a folder on another",
            rule="host.releases-noexec",
        )
    if found["free_bytes"] is not None and found["free_bytes"] < found["needed_bytes"]:
        yield BlockingError(
            f"{where} has {format_size(found['free_bytes'])} free, and the release needs up to "
            f"{format_size(found['needed_bytes'])}: "
            "make room, or lower xitrum_keep_releases",
            rule="host.disk-space",
        )


def find_folder_errors(desired: dict[str, Any], state: dict[str, Any], renamed: str = "") -> Iterator[str]:
    """The application's folders and recorded ports on this host, without the ports of `renamed`,
    which are reported as a rename."""
    yield from make_rule_errors("host.record", [state["damaged"]])
    if state["folders"]:
        yield from folders.find_host_errors(desired, state["folders"], table.HIDING_HOMES)
        claimed = state["folders"]["ports"]
        for port in sorted(port for port in set(desired["ports"]) & set(claimed) if claimed[port] != renamed):
            yield BlockingError(
                f"port {port} is on record for the application {claimed[port]} of this host: set xitrum_http_port, "
                f"xitrum_https_port or xitrum_cluster_port of {desired['name']} to others",
                rule="host.port-recorded",
            )


def find_port_errors(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The ports that other processes have."""
    others = sorted(
        {
            (row["port"], row["pid"] or 0, row["process"], row["unit"], row.get("user", ""))
            for row in found or []
            if not row["allowed"] and "coexists" not in row
        }
    )
    for port, pid, name, unit, user in others:
        what = f"process {pid}{', ' + unit if unit else ''}"
        who = f"{make_printable(name)} ({what})" if pid else "a process that this user may not see"
        stop = [["systemctl", "disable", "--now", unit]] if unit else []
        shown, account = (
            f" ({format_shell_line(stop)})" if stop else "",
            f" (it runs as the user {user})" if user else "",
        )
        yield BlockingError(f"port {port} is held by {who}: stop it{shown}, or set xitrum_http_port{account}", *stop)


def find_memory_errors(desired: dict[str, Any], state: dict[str, Any]) -> Iterator[str]:
    """Whether the instances that do not run yet fit into the memory that is free.
    A JVM takes its heap sooner or later."""
    running = len({row["pid"] for row in state["holders"] or [] if row["allowed"] and row["pid"]})
    more = max(desired["instances"] - running, 0)
    needed = more * (desired["heap_bytes"] + desired["overhead_bytes"])
    if desired["heap_bytes"] and needed > state["memory_free_bytes"]:
        yield (
            f"{more} more {'instance needs' if more == 1 else 'instances need'} {format_size(needed)} of memory "
            f"({format_size(desired['heap_bytes'])} heap and {format_size(desired['overhead_bytes'])} each in "
            f"addition), and "
            f"{format_size(state['memory_free_bytes'])} of {format_size(state['memory_bytes'])} is free. Lower "
            f"xitrum_heap or "
            f"xitrum_instances, or give the host more memory"
        )


def find_notes(state: dict[str, Any]) -> list[str]:
    """What does not stop a run, as sentences."""
    found = folders.find_host_notes(state["folders"]) if state["folders"] else []
    distribution, release = distributions.DISTRIBUTIONS.get(state["distribution"]), parse_version(state["release"])
    if distribution and (release or (0,))[0] not in distribution.tested:
        found.append(f"no test of the collection runs on {state['name']}: read the report of the first run carefully")
    if state["uid"] == 0 and not state["capabilities"] >> CAP_SYS_RESOURCE & 1:
        found.append(
            "root has no CAP_SYS_RESOURCE here (a container): limits cannot be raised above those that the container "
            "was started with"
        )
    if state["holders"] is None:
        packages = " or ".join(f"{row.family.ss_package} ({row.title})" for row in distributions.list_family_rows())
        found.append(f"the listening ports could not be read, so a held one is found only at start: install {packages}")
    if state.get("sockets_note"):
        found.append(state["sockets_note"])
    return found
