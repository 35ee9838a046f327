# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of a release: a folder each, with a configuration of its own, that a running process can be held against.

`ROOT/instances/N/ID-DIGEST.NUMBER` is made of release ID and of what instance N has of its own; DIGEST is the content
of the files that hold no secret, and NUMBER (left out: 1) distinguishes contents of the others. Their content is
compared itself, as only root and the application can: a name is in reports, and a digest of a short secret gives it
away. A folder is immutable, so a process that runs in it (its working folder) runs that release with that configuration
and that environment: one comparison shows whether a restart is due.
`ROOT/instances/N/current` is the instance's switch.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..configuration import shared as shared_settings
from ..core import (
    addresses,
    commands,
    disk_space,
    folders,
    lock_record,
    operator_stops,
    partial_folder,
    process,
    sockets,
)
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import CHECK, RUN, BlockingError, Draft, Plan, Row, make_rule_errors
from ..core.untrusted_text import make_printable
from ..jdk import jvm
from ..supervisor import table
from ..supervisor.contract import WELL
from ..supervisor.table import SUPERVISORS
from . import installed, ownership, restarts, step_record, step_state

NAME = "instances"

SPEC = {
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "release": {"type": "str", "required": True},
    "main_class": {"type": "str", "default": "quickstart.Boot"},
    "heap": {"type": "str", "default": "512m"},
    "java_options": {"type": "list", "elements": "str", "default": []},
    "nofile": {"type": "int", "default": 1024000},
    "backlog": {"type": "int", "default": 1024},
    "interface": {"type": "str", "default": ""},
    "name": {"type": "str", "default": ""},
    "supervisor": table.OPTION,
    "package_settings": {"type": "dict"},
    "service_digest": {"type": "str", "default": ""},
    "verify": {"type": "bool", "default": False},
    "health_path": {"type": "str", "default": ""},
    "health_status": {"type": "int", "default": 200},
    "health_text": {"type": "str", "default": ""},
    "health_timeout": {"type": "int", "default": 10},
    "health_required": {"type": "bool", "default": True},
    "instances": {
        "type": "list", "elements": "dict", "required": True,
        "options": {
            "index": {"type": "int", "required": True},
            "port": {"type": "int", "required": True},
            "files": {"type": "dict", "required": True, "no_log": True},
        },
    },
}

#: Seconds for a JVM to answer jcmd, or to show its flags. What answers in its place may be anybody's: a program of the
#: application's user can put a socket where jcmd expects the JVM.
JVM_SECONDS = 30

#: How often a page that is not as desired is requested, and the seconds between two requests.
PAGE_TRIES = 3
PAGE_PAUSE = 2.0

#: Files of an instance that hold no secret.
#: Whatever a user adds to the configuration or to the options of the JVM may be one.
PUBLIC = ("config/akka.conf", "config/certificate.pem")

#: Entries of a package that are not an instance's to share: each has its own.
OWN = ("config", "script", "log", "tmp")


def render_launcher(root: str) -> str:
    """The one script that every supervisor runs. It goes into the instance's folder itself, not through the switch: a
    running JVM opens jars late, and would otherwise find those of another release after the switch."""
    return f"""#!/bin/sh
# Starts the instance whose number is the only argument. Written by xitrum.host; all supervisors run this.
set -eu
home=$(readlink -f "{root}/instances/$1/current")
set -a
. "$home/environment"
# Libraries unpack native code and load it from there, which a /tmp that is mounted noexec does not allow.
TMPDIR=$home/tmp
_JAVA_OPTIONS="-Djava.io.tmpdir=$home/tmp -Djna.tmpdir=$home/tmp ${{_JAVA_OPTIONS-}}"
set +a
cd "$home"
exec script/runner "$XITRUM_MAIN_CLASS"
"""


def render_instance_files(
    desired: Mapping[str, Any], instance: Mapping[str, Any], jdk: Mapping[str, Any]
) -> dict[str, str]:
    """What an instance has of its own: path below its folder to text."""
    variables = {"XITRUM_MAIN_CLASS": desired["main_class"]}
    variables.update(
        jvm.build_environment(
            jdk["home"],
            jdk["version"],
            desired["heap"],
            desired["java_options"],
            f"{desired['log_dir']}/{instance['index']}",
        )
    )
    return {**instance["files"], "environment": jvm.render_environment_file(variables)}


def compute_folder_name(
    release_name: str,
    files: Mapping[str, str],
    contents: Mapping[str, Mapping[str, str | None]] | None = None,
    current: str = "",
) -> str:
    """The name of an instance's folder: the release, and what the instance has of its own, without the secrets in it.

    `contents` are the folders of the instance: name to the text of each file of `files` there, None for one that this
    user may not read, and `current` is the active one. A folder that has these files counts before a name that is
    free: one with a lower number may have been removed since.
    """
    sha = hashlib.sha256()
    for path in sorted(files):
        sha.update(f"{path}\0{files[path] if path in PUBLIC else ''}\0".encode("utf-8", "surrogateescape"))
    base, contents = f"{release_name}-{sha.hexdigest()[:10]}", contents or {}
    same = [
        name
        for name in contents
        if name.partition(".")[0] == base
        and all(contents[name].get(path) in (None, text) for path, text in files.items())
    ]
    if current in same:
        return current
    # A number more than there are folders is free.
    return (
        same[0]
        if same
        else next(
            name
            for name in (base, *(f"{base}.{number}" for number in range(2, len(contents) + 2)))
            if name not in contents
        )
    )


def read_contents(
    host: Host, folder: str, names: Iterable[str], files: Iterable[str]
) -> dict[str, dict[str, str | None]]:
    """The files `files` in the folders `names` below an instance's own: see `compute_folder_name`.
    One that is not there is an empty text."""
    def read_file(path: str) -> str | None:
        try:
            return host.read(path) or ""
        except PermissionError:
            return None

    return {name: {path: read_file(f"{folder}/{name}/{path}") for path in files} for name in names}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is there and what runs. The component `jdk` has to be read before, for `home` and `version`. What `kernel`
    reports counts where it is read too: a run applies it before it restarts an instance."""
    jdk, kernel = seen["jdk"], seen.get("kernel")
    root = desired["root"]
    running = process.find_processes_under(host, f"{root}/instances")
    rows = sockets.read_listeners(host)
    state = {
        "jdk": jdk,
        "java": host.realpath(f"{jdk['home']}/bin/java"),
        **restarts.read_start_state(host, desired["nofile"], kernel),
        "instances": {},
        "launcher": host.read(f"{root}/run"),
        "listening": find_listening_place(host, desired["interface"]),
        "next_current": installed.find_next_current(host, root),
        "locked": lock_record.is_interrupted(host, desired["name"]),
        "record": step_record.read_record(host, desired["name"]) if desired["name"] else {},
        "stops": operator_stops.read_stops(host, desired["name"]) if desired["name"] else {},
    }
    found = read_package_settings(host, root, desired["release"])
    state["package_settings"] = desired.get("package_settings") if found is None else found
    current = host.stat(host.realpath(f"{root}/current"))
    state["group"] = current.group if current else None
    desired_indices = [item["index"] for item in desired["instances"]]
    service = (
        SUPERVISORS[desired["supervisor"]].query_states(host, desired["name"], desired_indices)
        if desired["name"] and desired_indices
        else {}
    )
    defined = table.find_defined(host, desired["name"]) if desired["name"] else {}
    numbers = {int(name) for name in host.listdir(f"{root}/instances") if name.isdecimal()}
    mains = SUPERVISORS[desired["supervisor"]].find_main_pids(host, desired["name"], desired_indices) if service else {}
    ports = {item["index"]: item["port"] for item in desired["instances"]}
    probes: dict[str, Any] = {}
    for number in numbers.union(desired_indices, *defined.values()):
        folder = f"{root}/instances/{number}"
        users = process.list_accounts(host, folder, desired["user"])
        own = restarts.find_own(running, folder, users, desired["user"])
        flags_error = process.find_stranger_reason(host, own, desired["user"]) if own and desired["verify"] else ""
        names = [
            name
            for name in host.listdir(folder)
            if (entry := host.stat(f"{folder}/{name}")) is not None
            and entry.kind == "directory" and not name.startswith(".")
        ]
        files: dict[str, str] = next((item["files"] for item in desired["instances"] if item["index"] == number), {})
        state["instances"][number] = {
            "folders": names,
            "contents": read_contents(
                host,
                folder,
                [name for name in names if name.startswith(f"{desired['release']}-")],
                [*files, "environment"],
            ),
            "current": host.readlink(f"{folder}/current") or "",
            "previous": host.readlink(f"{folder}/previous") or "",
            "environment": host.read(f"{folder}/current/environment") or "",
            "configured": read_configured(host, f"{folder}/current"),
            "settings": read_running_settings(host, root, folder, own),
            "process": own,
            "listeners": [row for row in rows or [] if own and own["pid"] in row["pids"]],
            "other_listener": find_other_listener(host, desired, rows, mains.get(number, 0), users, ports.get(number)),
            "unread": restarts.find_unread_sockets(rows, ports.get(number)),
            "log": host.stat(f"{desired['log_dir']}/{number}") is not None,
            "service": service.get(number),
            "elsewhere": sorted(
                kind for kind, indices in defined.items() if kind != desired["supervisor"] and number in indices
            ),
            "flags": None,
            "flags_error": flags_error,
        }
        if own and desired["verify"] and not flags_error:
            state["instances"][number].update(read_flags(host, desired, own, probes))
    if desired["health_path"]:
        for instance in desired["instances"]:
            observed = state["instances"][instance["index"]]
            observed["page"] = read_page(host, desired, instance["port"], observed["listeners"])
            # It answers where it was started, whatever its port is to be.
            port = observed["configured"].get("http", instance["port"])
            observed["answer"] = (
                observed["page"] if port == instance["port"] else read_page(host, desired, port, observed["listeners"])
            )
    return state


def find_other_listener(
    host: Host,
    desired: Mapping[str, Any],
    rows: list[dict[str, Any]] | None,
    main: int,
    users: set[str],
    port: int | None,
) -> str:
    """What listens on an instance's port and is not the instance, as a sentence; empty where nothing else does, and
    where the supervisor has no process for the instance: then nothing is served, and the ports are judged before a
    start."""
    there = [row for row in rows or [] if row["port"] == port and row["pids"]] if main else []
    return ownership.find_socket_fault(host, there, main, users, desired["supervisor"])


def read_running_settings(host: Host, root: str, folder: str, own: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The shared settings of the process of an instance (`shared_settings`);
    None where it works in no folder of ours."""
    name = (own["cwd"] or "").rpartition("/")[2] if own else ""
    if not own or not name or f"{folder}/{name}" != own["cwd"]:
        return None
    package = read_package_settings(host, root, installed.parse_release(own["cwd"], root))
    conf, akka = (host.read(f"{folder}/{name}/config/{file}") or "" for file in ("xitrum.conf", "akka.conf"))
    return (
        shared_settings.read_settings(package, conf, akka if akka.startswith("# Instance ") else "") if conf else None
    )


def read_package_settings(host: Host, root: str, name: str) -> dict[str, Any] | None:
    """The settings of sessions that a release on this host has; None where it is not there."""
    folder = host.realpath(installed.get_folder(root, name)) if name else ""

    def read_file(path: str) -> str | None:
        """A file of the release; None for what is none, and for a link that leads out of it."""
        whole = host.realpath(f"{folder}/{path}")
        found = host.stat(whole) if process.is_under(whole, folder) else None
        return host.read(whole) if found and found.kind == "file" else None

    return shared_settings.read_package_settings(read_file) if name else None


def read_configured(host: Host, folder: str) -> dict[str, Any]:
    """Where the instance of a folder listens, by the configuration that this collection wrote into it: `http` and
    `https` (0: off) ports, and
    `interface`; and whether it is `cluster` member. Empty where there is no such configuration.

    A process keeps these when variables change, so they and not the variables report where a running instance is
    reached.
    """
    text = host.read(f"{folder}/config/xitrum.conf") or ""
    # The first of each is in our lines; those of the user follow.
    found = {name: re.search(rf"^ *{name} = (.*)$", text, re.MULTILINE) for name in ("http", "https", "interface")}
    if not found["http"] or not found["http"][1].isdecimal():
        return {}
    https = found["https"][1] if found["https"] else ""
    return {
        "http": int(found["http"][1]), "https": int(https) if https.isdecimal() else 0,
        "interface": found["interface"][1].strip('"') if found["interface"] else "",
        "cluster": (host.read(f"{folder}/config/akka.conf") or "").startswith("# Instance "),
    }


def find_listening_place(host: Host, interface: str) -> dict[str, Any]:
    """The addresses that a configured one stands for on this host,
    and why nobody can listen there (or an empty text)."""
    if addresses.is_every(interface):
        return {"addresses": [], "error": ""}
    found = addresses.resolve(host, addresses.format_application_address(interface))
    errors = [host.find_bind_error(address) for address in found]
    reason = "" if not all(errors) else errors[0] if errors else "this host does not know the name"
    return {"addresses": list(dict.fromkeys([*found, *addresses.resolve(host, interface)])), "error": reason}


def read_page(host: Host, desired: Mapping[str, Any], port: int, listeners: list[dict[str, Any]]) -> int | str | None:
    """What `read_page_status` gives; at the end of a run, and in a check, what it gives at last:
    one slow answer is not a sick instance."""
    answer = read_page_status(host, desired, port, listeners)
    for _unused in range(PAGE_TRIES - 1 if desired["verify"] else 0):
        if answer in (None, desired["health_status"]):
            break
        time.sleep(PAGE_PAUSE)
        answer = read_page_status(host, desired, port, listeners)
    return answer


def read_page_status(
    host: Host, desired: Mapping[str, Any], port: int, listeners: list[dict[str, Any]]
) -> int | str | None:
    """What a running instance answers for the health page; None where it does not listen on its port.

    At the end of a run, and in a check, a page with the right status and without the text of a healthy one is not a
    status
    but a sentence. Before that the text is not read: a new one may be on the page of the new release alone.
    """
    row = next((row for row in listeners if row["port"] == port), None)
    if row is None:
        return None
    target, text = addresses.find_socket_target(row), desired.get("health_text", "")
    if not text or not desired["verify"]:
        return host.fetch_status(target, port, desired["health_path"], seconds=2)
    answer, body = host.read_page(target, port, desired["health_path"], desired["health_timeout"])
    return answer if answer != desired["health_status"] or text in body else f"{answer} without the text {text!r}"


def build_jdk_command(running: Mapping[str, Any], name: str, *arguments: str) -> list[str]:
    """A command of a running JVM's own JDK, as its user and in its mount namespace."""
    return process.build_inside_command(running, [f"{jvm.find_home(running['exe'])}/bin/{name}", *arguments])


def read_flags(
    host: Host, desired: Mapping[str, Any], running: Mapping[str, Any], probes: dict[Any, Any]
) -> dict[str, Any]:
    """The flags of a running JVM, from itself, by the jcmd of its own JDK. As its user, in its mount namespace: the
    two meet in /tmp, and a hardened service has one of its own. Without jcmd's own statistics, which it would leave
    a folder for in there.

    Where a flag is not as desired by a plain comparison, a second JVM shows what a restart would give: the JVM
    rounds sizes, and each collector in its own way. `probes` keeps those of this host: instances are alike.
    """
    ask = ["-J-XX:-UsePerfData", str(running["pid"]), "VM.flags"]
    result = host.run(build_jdk_command(running, "jcmd", *ask), seconds=JVM_SECONDS)
    if result.rc != 0:
        words = (result.err or result.out).strip().partition("\n")[0] or f"it failed with exit code {result.rc}"
        return {"flags": None, "flags_error": f"jcmd could not ask process {running['pid']} for its flags: {words}"}
    found = {"flags": jvm.parse_flags(result.out)}
    desired_flags = jvm.build_desired_flags(desired["heap"], desired["java_options"])
    if all(
        verdict == "ok" for _name, _value, _observed, verdict in jvm.compare_flags(desired_flags, found["flags"], None)
    ):
        return found
    every = host.run(build_jdk_command(running, "jcmd", *ask, "-all"), seconds=JVM_SECONDS)
    if every.rc == 0:
        found["flags"] = {**jvm.parse_flag_table(every.out), **found["flags"]}
    options = jvm.filter_probe_options(
        [
            *(running.get("cmdline") or [])[1:],
            *jvm.build_last_options(desired["heap"], filter_plain_options(desired), ""),
        ]
    )
    key = (running["exe"], tuple(options))
    if key not in probes:
        probes[key] = start_probe(host, running, options)
    return {**found, "fresh": probes[key]}


def filter_plain_options(desired: Mapping[str, Any]) -> list[str]:
    """The options that go to the JVM itself, without those of the java launcher."""
    return [option for option in desired["java_options"] if not option.startswith("--")]


def start_probe(host: Host, running: Mapping[str, Any], options: Sequence[str]) -> dict[str, Any] | None:
    """The flags of a JVM of the same JDK with these options, that ends at once; None where it does not start."""
    show = ["-XX:-UsePerfData", "-XX:+PrintFlagsFinal", "-version"]
    result = host.run(
        process.build_inside_command(running, [running["exe"], "-XX:+IgnoreUnrecognizedVMOptions", *options, *show]),
        seconds=JVM_SECONDS,
    )
    given = {name for option in options for name in jvm.parse_option_flags(option)}
    return {"flags": jvm.parse_flag_table(result.out), "given": sorted(given)} if result.rc == 0 else None


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides which folders are made and which go, and explains why a running instance has to be restarted."""
    record = state.get("record") or {}
    result = Draft(facts={"instances": [], "orphaned": [], "locked": state["locked"], "interrupted": bool(record)})
    if state["launcher"] != render_launcher(desired["root"]):
        result.actions.append(("launcher", None, None))
    if state["next_current"]:
        result.actions.append(("update_current", None, None))
    for instance in desired["instances"]:
        try:
            files = render_instance_files(desired, instance, state["jdk"])
        except ValueError as error:
            # The same of each instance, a fault a line. What else is wrong is found as well.
            faults = [fault for fault in str(error).splitlines() if fault not in result.errors]
            result.errors += make_rule_errors("host.instance-files", faults)
            continue
        plan_instance(desired, instance, files, state, result)
    result.facts["configured"] = {
        str(index): contents.get("configured", {}) for index, contents in state["instances"].items()
    }
    result.errors += make_rule_errors(
        "xitrum.java-options-conflict", shared_settings.find_option_errors(desired["java_options"])
    )
    result.errors += make_rule_errors("host.health-page", find_page_errors(desired, state))
    if state.get("group") not in (None, desired["user"]):
        result.errors.append(
            BlockingError(
                f"xitrum_user is {desired['user']}, and the releases in {desired['root']} belong to the group "
                f"{state['group']}, as do the logs. Set xitrum_user to {state['group']} again, or uninstall the "
                f"application first (ansible-playbook xitrum.host.remove)",
                rule="host.release-group",
            )
        )
    if SUPERVISORS[desired["supervisor"]].hides_homes and folders.is_hidden(state["java"]):
        result.errors.append(
            BlockingError(
                f"the JDK is {state['java']}, and a hardened unit does not see that: install it below /usr/lib/jvm",
                rule="host.jdk-hidden",
            )
        )
    result.errors += make_rule_errors("host.interface", find_place_errors(desired, state))
    count = {instance["index"] for instance in desired["instances"]}
    listed = result.facts["instances"]
    # What an operator stopped stays so: it gets the release, and no run starts it.
    kept = [item for item in listed if item["stopped"] and not item["running"]]
    result.facts["switch"] = [pick(item) for item in kept if item["folder"] != item["current"]]
    listed = [item for item in listed if item not in kept]
    # What a step has stopped is that of a step again: one that fails puts it back to what served.
    stopped = [
        item["index"] for item in listed if not item["running"] and step_state.was_stopped(record, item["index"])
    ]
    result.facts["start"] = [pick(item) for item in listed if not item["running"] and item["index"] not in stopped]
    result.facts["restart"] = [
        pick(item) for item in listed if (item["running"] and item["restart_reasons"]) or item["index"] in stopped
    ]
    observed = {item["index"]: item for item in listed}
    result.facts["recovery"] = group_recovery(listed, step_state.plan_recovery(record, observed, state["locked"]))
    ended = {item["index"] for item in kept}
    gone = [
        {"index": int(index)} for index in sorted(record) if int(index) not in state["instances"] or int(index) in ended
    ]
    result.facts["recovery"].update({"gone": gone} if gone else {})
    result.facts["unhealthy"] = [
        item["index"] for item in listed if item["running"] and is_sick(desired, state["instances"][item["index"]])]
    result.facts["orphaned"] = [{"index": index} for index in sorted(state["instances"]) if index not in count]
    shown = {
        index: (state["instances"][index]["environment"], detail[1]["environment"])
        for action, index, detail in result.actions
        if action == "make"
    }
    result.before = "".join(
        f"instances/{index}/{name}\n"
        for index, contents in sorted(state["instances"].items())
        for name in contents["folders"]
    )
    made = [f"instances/{index}/{name}\n" for action, index, (name, _files) in
            (item for item in result.actions if item[0] == "make")]
    result.after = "".join(sorted([*result.before.splitlines(True), *made]))
    # What the JVM is given holds no secret, and is what a person wants to see of a change; xitrum.conf holds some.
    for index, (old, new) in sorted(shown.items()):
        result.before += f"instances/{index} environment:\n{old}"
        result.after += f"instances/{index} environment:\n{new}"
    return result.plan(desired, state)


def find_page_errors(desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[str]:
    """Why the health page is invalid: an instance that runs does not know it. The proxies would take all instances
    out of service, and a rollout would never find one healthy. An instance that is sick, and answers 5xx or nothing, or
    that limits requests (429), reports nothing about the page."""
    for instance in desired["instances"] if desired.get("health_required", True) and not desired["verify"] else ():
        observed = state["instances"][instance["index"]]
        status = observed.get("page")
        # A release that a killed run has left, and that was never healthy, reports nothing about the page either.
        if step_state.is_unverified(state.get("record") or {}, instance["index"], observed["current"]):
            continue
        if isinstance(status, int) and status < 500 and status not in (429, desired["health_status"]):
            yield (
                f"instance {instance['index']} runs, and answers {status} for {desired['health_path']}; expected "
                f"{desired['health_status']}. Correct xitrum_health_path (or xitrum_health_status), or set "
                "xitrum_health_path_is_new: true for the one run that brings this page"
            )


def is_sick(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> bool:
    """Whether a running instance answered the health page otherwise than desired. False where it was not queried."""
    return observed.get("page") is not None and observed["page"] != desired["health_status"]


def build_health_row(desired: Mapping[str, Any], instance: Mapping[str, Any], observed: Mapping[str, Any]) -> Row:
    """What a running instance answers for the health page, at the end of a run."""
    path, index = desired["health_path"], instance["index"]
    text = f" with the text {desired['health_text']!r}" if desired.get("health_text") and desired["verify"] else ""
    row = Row(
        "instance",
        f"instance-{index} health",
        f"{desired['health_status']}{text} for {path}",
        "",
        make_printable(str(observed["page"])),
    )
    if is_sick(desired, observed):
        also = " or xitrum_health_text" if text else ""
        fix = f"read the log of the instance in {desired['log_dir']}/{index}, or correct xitrum_health_path{also}"
        row = row.replace(status="drift", why="it runs, and its health page does not answer as desired", fix=fix)
    return row


def find_place_errors(desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[str]:
    """Why no instance can listen on the configured address. One that listens there already proves that it can."""
    place = state.get("listening") or {"addresses": [], "error": ""}
    listeners = [state["instances"][instance["index"]]["listeners"] for instance in desired["instances"]]
    if place["error"] and not any(
        addresses.serves([row], desired["interface"], place["addresses"]) for rows in listeners for row in rows
    ):
        yield (
            f"xitrum_interface is {desired['interface']!r}, where no program of this host can listen "
            f"({place['error']}); expected is an address of this host. "
            "Set xitrum_interface to one, or leave it out to listen on every address"
        )


def group_recovery(listed: Iterable[Mapping[str, Any]], actions: Mapping[int, str]) -> dict[str, Any]:
    """The instances by what a run does about them before its own first step (`step_state`),
    those alone for which it does something."""
    chosen = {
        action: [pick(item) for item in listed if actions[item["index"]] == action] for action in step_state.ACTIONS
    }
    return {action: found for action, found in chosen.items() if action and found}


def is_healthy(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> bool | None:
    """Whether a running instance answers as it should;
    None where it was not queried, or nobody can see where it listens."""
    if not desired["health_path"] or not observed["process"] or observed.get("unread") or "answer" not in observed:
        return None
    return observed["answer"] == desired["health_status"]


def pick(item: Mapping[str, Any]) -> dict[str, Any]:
    """What `xitrum.host.instance_service` wants to know of an instance."""
    return {name: item[name] for name in ("index", "port", "folder")}


def plan_instance(
    desired: Mapping[str, Any],
    instance: Mapping[str, Any],
    files: dict[str, str],
    state: Mapping[str, Any],
    result: Draft,
) -> None:
    """One instance: its folder, and what runs of it."""
    index, observed = instance["index"], state["instances"][instance["index"]]
    name = compute_folder_name(desired["release"], files, observed.get("contents"), observed["current"])
    new = name not in observed["folders"] or not observed["log"]
    if new:
        result.actions.append(("make", index, (name, files)))
    running = observed["process"]
    used = {
        name,
        observed["current"],
        observed["previous"],
        (running["cwd"] or "").rpartition("/")[2] if running else "",
    }
    used |= step_state.find_kept_folders(state.get("record") or {}, index)
    old = [folder for folder in observed["folders"] if folder not in used]
    result.actions.extend(("remove", index, folder) for folder in old)
    rows = build_instance_rows(desired, instance, name, observed, state)
    if old:
        rows.append(
            Row(
                "instance",
                f"instance-{index} old folders",
                "none",
                ", ".join(old),
                "",
                "drift",
                "they are unreferenced",
                RUN,
            )
        )
    result.rows.extend(rows)
    result.facts["instances"].append(
        {
            "index": index,
            "port": instance["port"],
            "folder": name,
            "current": observed["current"],
            "previous": observed["previous"],
            "back": step_state.return_folder(state.get("record") or {}, index, observed["current"]),
            "running": running is not None,
            "pid": running["pid"] if running else 0,
            "configured": observed.get("configured", {}),
            "release": installed.parse_release(running["cwd"], desired["root"]) if running else "",
            "healthy": is_healthy(desired, observed),
            "restart_reasons": [restarts.format_reason(row) for row in rows if row.status == "restart_pending"],
            "changes": find_setting_changes(files, observed, state),
            "stopped": (state.get("stops") or {}).get(index),
        }
    )


def find_setting_changes(files: Mapping[str, str], observed: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """The shared settings with which the process of an instance differs from its own files `files`."""
    if not observed["process"] or not observed.get("settings"):
        return []
    desired = shared_settings.read_settings(
        state.get("package_settings"), files.get("config/xitrum.conf", ""), files.get("config/akka.conf", ""))
    return shared_settings.find_changes(observed["settings"], desired)


def build_instance_rows(
    desired: Mapping[str, Any],
    instance: Mapping[str, Any],
    name: str,
    observed: Mapping[str, Any],
    state: Mapping[str, Any],
) -> list[Row]:
    """Three columns for one instance. What is `restart` is a reason to restart it."""
    running, label = observed["process"], f"instance-{instance['index']}"
    row = functools.partial(restarts.build_instance_row, label)

    stop = (state.get("stops") or {}).get(instance["index"])
    if running is None and stop:
        why = f"it was stopped by operator {operator_stops.format_operator(stop)}. start.yml starts it"
        return [Row("instance", f"{label} process", "not running", observed["current"], "not running", "stopped", why)]
    if running is None:
        return [
            Row(
                "instance",
                f"{label} process",
                desired=name,
                configured=observed["current"],
                effective="not running",
                status="drift",
                why="no process works in its folder",
                fix=RUN,
            )
        ]
    works_in = (running["cwd"] or "").rpartition("/")[2]
    unread = observed.get("unread", "") if not find_sockets_of_instance(observed, instance) else ""
    rows = [
        row(
            "folder",
            name,
            observed["current"],
            works_in,
            works_in == name == observed["current"],
            "another release or configuration runs",
        ),
        row(
            "user",
            desired["user"],
            desired["user"],
            running["user"],
            running["user"] == desired["user"],
            "it runs as another user",
        ),
        restarts.build_java_row(label, running, state["java"]),
        restarts.build_nofile_row(label, running, desired["nofile"], state["granted"]),
    ]
    if is_healthy(desired, observed) is False and step_state.is_unverified(
        state.get("record") or {}, instance["index"], observed["current"]
    ):
        answer = "nothing" if observed["answer"] is None else str(observed["answer"])
        rows.append(
            row(
                "health",
                str(desired["health_status"]),
                desired["health_path"],
                answer,
                False,
                "a run ended before the instance that it started was healthy",
            )
        )
    if not unread:
        rows += [
            restarts.build_backlog_row(
                label,
                [item["backlog"] for item in find_sockets_of_instance(observed, instance)],
                desired["backlog"],
                state,
            ),
            build_address_row(desired, instance, observed, state, row),
        ]
    if observed.get("other_listener"):
        rows.append(
            Row("instance", f"{label} listener", "its own", "", "another process",
                "drift", observed["other_listener"], CHECK)
        )
    if observed["service"] is not None:
        found = build_service_row(desired, label, observed["service"], observed["elsewhere"])
        if stop and found.status == "drift":
            who = operator_stops.format_operator(stop)
            why = f"it was stopped by operator {who}, and something started it since. Run start.yml, or stop.yml again"
            found = found.replace(status="stopped", why=why, fix="")
        rows.append(found)
    if observed["flags_error"]:
        rows.append(Row("instance", f"{label} flags", status="not_readable", why=observed["flags_error"]))
    if observed["flags"] is not None:
        for name, value, answer, verdict in jvm.compare_flags(
            jvm.build_desired_flags(desired["heap"], desired["java_options"]), observed["flags"], observed.get("fresh")
        ):
            if verdict == "absent":
                rows.append(
                    Row(
                        "instance",
                        f"{label} {name}",
                        value,
                        value,
                        "",
                        "absent",
                        "the JDK of this instance has no such flag",
                    )
                )
            else:
                rows.append(row(name, value, value, answer, verdict == "ok", "the running JVM reports otherwise"))
    if desired["service_digest"]:
        under = (running["environ"] or {}).get("XITRUM_SERVICE", "")
        rows.append(
            row(
                "service",
                desired["service_digest"],
                desired["service_digest"],
                under,
                under == desired["service_digest"],
                "it was started by another version of its service definition",
            )
        )
    if desired["verify"] and observed.get("page") is not None:
        rows.append(build_health_row(desired, instance, observed))
    if unread:
        rows += [
            Row("instance", f"{label} {item}", status="not_readable", why=unread, fix=CHECK)
            for item in ("backlog", "address")
        ]
    return rows


def find_sockets_of_instance(observed: Mapping[str, Any], instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sockets on which a running instance takes requests."""
    return [item for item in observed["listeners"] if item["port"] == instance["port"]]


def build_address_row(
    desired: Mapping[str, Any],
    instance: Mapping[str, Any],
    observed: Mapping[str, Any],
    state: Mapping[str, Any],
    row: Callable[..., Row],
) -> Row:
    """Where the instance listens, compared with the configured address by what both mean."""
    place, found = state.get("listening") or {"addresses": []}, find_sockets_of_instance(observed, instance)
    listens = sorted({addresses.format_socket(item) for item in found})
    address = f"{addresses.add_brackets(desired['interface']) or '*'}:{instance['port']}"
    good = not observed["listeners"] or addresses.serves(found, desired["interface"], place["addresses"])
    return row("address", address, address, " ".join(listens), good, "it listens elsewhere")


def build_service_row(
    desired: Mapping[str, Any], label: str, state: Mapping[str, str], elsewhere: Sequence[str]
) -> Row:
    """What the supervisor itself reports. An instance that runs without it is nobody's to start after a crash or at
    boot, and one that another supervisor has as well would be started twice."""
    found = Row(
        "instance",
        f"{label} {desired['supervisor']}",
        f"{WELL['active']}, {WELL['boot']}",
        state["boot"],
        state["active"],
    )
    if elsewhere:
        effective = ", ".join([*filter(None, [state["active"]]), *elsewhere])
        why = f"{' and '.join(elsewhere)} has it"
        found = found.replace(effective=effective, status="restart_pending", why=why, fix=RUN)
    elif state["active"] != WELL["active"]:
        found = found.replace(status="restart_pending", why="its supervisor does not keep it running", fix=RUN)
    elif state != WELL:
        # No reason to interrupt what runs.
        found = found.replace(status="drift", why="it runs, and would not be started at boot", fix=RUN)
    return found


def apply(host: Host, plan: Plan) -> Applied:
    """Makes and removes folders. No instance is stopped, started or switched. Raises OSError or LookupError."""
    desired = plan.desired
    root, user, logs = desired["root"], desired["user"], desired["log_dir"]
    before = host.stat(host.realpath(logs))
    for path, owner in ((root, "root"), (f"{root}/instances", "root"), (logs, "root")):
        host.make_directory(path, 0o755 if path == root else 0o750, owner, user)
    # Whoever had the folder could put something in it until now, and no longer.
    unsafe = (
        folders.find_unsafe_entries(host, "log_dir", host.realpath(logs), user)
        if before and before.owner != "root"
        else []
    )
    if before and unsafe:
        entry, why = unsafe[0]
        raise PermissionError(
            f"{make_printable(entry)} in {logs} {why}, and {logs} belonged to {make_printable(before.owner)} until "
            "now: root writes to it. Remove it, then run the same command again"
        )
    for action, index, detail in plan.actions:
        if action == "launcher":
            host.write(f"{root}/run", render_launcher(root), 0o755)
        elif action == "update_current":
            installed.update_current(host, root)
        elif action == "remove":
            host.remove(f"{root}/instances/{index}/{detail}")
        elif action == "make":
            make(host, desired, index, *detail)
    return Applied()


def make(host: Host, desired: Mapping[str, Any], index: int, name: str, files: Mapping[str, str]) -> None:
    """One instance's folder, under another name until it is whole."""
    root, user = desired["root"], desired["user"]
    home = f"{root}/instances/{index}"
    host.make_directory(f"{desired['log_dir']}/{index}", 0o750, user, user)
    host.make_directory(home, 0o750, "root", user)
    if host.exists(f"{home}/{name}"):
        return
    for left in partial_folder.find_abandoned(host, home):
        host.remove(f"{home}/{left}")
    partial = f"{home}/{partial_folder.make_hidden_name(name)}"
    # Of root alone until it is whole: nobody else is to hold it.
    host.make_directory(partial, 0o700, "root", user)
    try:
        with host.hold_folder(partial):
            fill(host, desired, index, files, partial)
            host.make_directory(partial, 0o750, "root", user)
            if host.exists(f"{home}/{name}"):
                # A module that outlived its controller has made the same meanwhile.
                host.remove(partial)
            else:
                host.rename(partial, f"{home}/{name}")
    except OSError:
        # Of a full disk, it takes some of what there is.
        host.remove(partial)
        raise


def fill(host: Host, desired: Mapping[str, Any], index: int, files: Mapping[str, str], partial: str) -> None:
    """What is in an instance's folder: the release by links, and what the instance has of its own."""
    user, source = desired["user"], installed.get_folder(desired["root"], desired["release"])
    for entry in host.listdir(source):
        if entry not in OWN:
            host.link(f"{partial}/{entry}", f"../../../releases/{desired['release']}/{entry}")
    for tree in ("config", "script"):
        # Hard links: the configuration folder must be a real one next to the instance's own xitrum.conf, and the runner
        # finds its root through symbolic links, so it would leave the instance.
        host.link_tree(
            f"{source}/{tree}", f"{partial}/{tree}", [f"{partial}/{path}" for path in files], 0o750, "root", user
        )
    for path, text in files.items():
        host.write(f"{partial}/{path}", text, 0o640, "root", user)
    host.make_directory(f"{partial}/tmp", 0o750, user, user)
    host.link(f"{partial}/log", f"{desired['log_dir']}/{index}")


def _list_secrets(desired: Desired) -> set[str]:
    return commands.find_secret_options(desired["java_options"])


def _refuse(host: Host, desired: Desired) -> str:
    return folders.find_system_error(host, desired["root"], desired["log_dir"])


def _collect_seen(desired: Desired) -> Seen:
    return {"jdk": {"home": desired["jdk_home"], "version": desired["jdk_version"]}}


def _describe_failure(host: Host, plan: Plan, error: Exception) -> str:
    root = plan.desired["root"]
    return (f"the instances' folders below {root} could not be made: {error}. What runs is untouched; run the playbook "
            f"again.{disk_space.note(host, error, root)}")


def _render_header(desired: Desired) -> str:
    return desired["root"]


EXECUTION = Execution(
    options={"jdk_home": {"type": "path", "required": True}, "jdk_version": {"type": "int", "required": True}},
    quiet=True,
    secrets=_list_secrets,
    refuse=_refuse,
    seen=_collect_seen,
    describe=_describe_failure,
    header=_render_header,
)
