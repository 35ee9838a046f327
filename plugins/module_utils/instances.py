# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of a release: a folder each, with a configuration of its own, that a running process can be held against.

C(ROOT/instances/N/ID-DIGEST) is made of release ID and of what instance N has of its own; DIGEST is the content of that.
A folder is immutable, so a process that runs in it (its working folder) runs that release with that configuration and
that environment: one comparison tells whether a restart is due. C(ROOT/instances/N/current) is the instance's switch.
"""

from __future__ import annotations

import functools
import hashlib
import re

from ansible_collections.xitrum.host.plugins.module_utils import (
    addresses,
    folders,
    jvm,
    process,
    release,
    restarts,
    run_lock,
    shared_settings,
    sockets,
    supervisors,
)
from ansible_collections.xitrum.host.plugins.module_utils.plan import LOOK, RUN, Plan, Row

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
    "supervisor": {"type": "str", "default": "systemd", "choices": sorted(supervisors.KINDS)},
    "package_settings": {"type": "dict"},
    "service_digest": {"type": "str", "default": ""},
    "prove": {"type": "bool", "default": False},
    "health_path": {"type": "str", "default": ""},
    "health_status": {"type": "int", "default": 200},
    "instances": {
        "type": "list", "elements": "dict", "required": True,
        "options": {
            "index": {"type": "int", "required": True},
            "port": {"type": "int", "required": True},
            "files": {"type": "dict", "required": True, "no_log": True},
        },
    },
}

#: Entries of a package that are not an instance's to share: each has its own.
OWN = ("config", "script", "log", "tmp")


def launcher(root):
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


def own_files(wanted, instance, jdk):
    """What an instance has of its own: path below its folder to text."""
    variables = {"XITRUM_MAIN_CLASS": wanted["main_class"]}
    variables.update(jvm.environment(
        jdk["home"], jdk["version"], wanted["heap"], wanted["java_options"], f"{wanted['log_dir']}/{instance['index']}"))
    return {**instance["files"], "environment": jvm.environment_file(variables)}


def folder_name(release_name, files):
    """The name of an instance's folder: the release, and the content of what the instance has of its own."""
    sha = hashlib.sha256()
    for path in sorted(files):
        sha.update(f"{path}\0{files[path]}\0".encode("utf-8", "surrogateescape"))
    return f"{release_name}-{sha.hexdigest()[:10]}"


def read(host, wanted, jdk, kernel=None):
    """What is there and what runs. C(jdk) are the facts of that concern: C(home) and C(version). C(kernel) is what the
    kernel concern reports, where it is read too: a run applies it before it restarts an instance."""
    root = wanted["root"]
    running = process.processes_under(host, f"{root}/instances")
    rows = sockets.listeners(host)
    state = {
        "jdk": jdk,
        "java": host.realpath(f"{jdk['home']}/bin/java"),
        **restarts.start_state(host, wanted["nofile"], kernel),
        "instances": {},
        "launcher": host.read(f"{root}/run"),
        "listening": listening_place(host, wanted["interface"]),
        "unsettled": release.unsettled(host, root),
        "locked": host.exists(run_lock.path(wanted["name"])),
    }
    found = read_package_settings(host, root, wanted["release"])
    state["package_settings"] = wanted.get("package_settings") if found is None else found
    current = host.stat(host.realpath(f"{root}/current"))
    state["group"] = current.group if current else None
    wanted_indices = [item["index"] for item in wanted["instances"]]
    service = supervisors.states(host, wanted["supervisor"], wanted["name"], wanted_indices) if wanted["name"] and wanted_indices else {}
    defined = supervisors.defined(host, wanted["name"]) if wanted["name"] else {}
    numbers = {int(name) for name in host.listdir(f"{root}/instances") if name.isdecimal()}
    ports, probes = {item["index"]: item["port"] for item in wanted["instances"]}, {}
    for number in numbers.union(wanted_indices, *defined.values()):
        folder = f"{root}/instances/{number}"
        here = [row for row in running if process.is_under(row["cwd"], folder)]
        own = restarts.own_process(here, wanted["user"])
        unasked = process.stranger(host, own, wanted["user"]) if own and wanted["prove"] else ""
        state["instances"][number] = {
            "folders": [name for name in host.listdir(folder) if host.stat(f"{folder}/{name}").kind == "directory" and not name.startswith(".")],
            "current": host.readlink(f"{folder}/current") or "",
            "previous": host.readlink(f"{folder}/previous") or "",
            "environment": host.read(f"{folder}/current/environment") or "",
            "configured": read_configured(host, f"{folder}/current"),
            "settings": read_running_settings(host, root, folder, own),
            "process": own,
            "listeners": [row for row in rows or [] if own and own["pid"] in row["pids"]],
            "unread": restarts.unread_sockets(rows, ports.get(number)),
            "log": host.stat(f"{wanted['log_dir']}/{number}") is not None,
            "service": service.get(number),
            "elsewhere": sorted(kind for kind, indices in defined.items() if kind != wanted["supervisor"] and number in indices),
            "flags": None,
            "unasked": unasked,
        }
        if own and wanted["prove"] and not unasked:
            state["instances"][number].update(read_flags(host, wanted, own, probes))
    if wanted["health_path"]:
        for instance in wanted["instances"]:
            has = state["instances"][instance["index"]]
            has["page"] = page(host, wanted, instance["port"], has["listeners"])
    return state


def read_running_settings(host, root, folder, own):
    """The shared settings of the process of an instance (C(shared_settings)); None where it works in no folder of ours."""
    name = (own["cwd"] or "").rpartition("/")[2] if own else ""
    if not name or f"{folder}/{name}" != own["cwd"]:
        return None
    package = read_package_settings(host, root, release.release_of(own["cwd"], root))
    conf, akka = (host.read(f"{folder}/{name}/config/{file}") or "" for file in ("xitrum.conf", "akka.conf"))
    return shared_settings.read_settings(package, conf, akka if akka.startswith("# Instance ") else "") if conf else None


def read_package_settings(host, root, name):
    """The settings of sessions that a release on this host has; None where it is not there."""
    folder = host.realpath(release.folder(root, name)) if name else ""

    def read_file(path):
        """A file of the release; None for what is none, and for a link that leads out of it."""
        whole = host.realpath(f"{folder}/{path}")
        found = host.stat(whole) if process.is_under(whole, folder) else None
        return host.read(whole) if found and found.kind == "file" else None

    return shared_settings.read_package_settings(read_file) if name else None


def read_configured(host, folder):
    """Where the instance of a folder listens, by the configuration that this collection wrote into it: C(http) and
    C(https) (0: off) ports, and
    C(interface); and whether it is C(cluster) member. Empty where there is no such configuration.

    A process keeps these when variables change, so they and not the variables say where a running instance is reached.
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


def listening_place(host, interface):
    """The addresses that a configured one stands for on this host, and why nobody can listen there (or an empty
    text)."""
    if addresses.is_every(interface):
        return {"addresses": [], "error": ""}
    found = addresses.resolve(host, addresses.application_address(interface))
    errors = [host.bind_error(address) for address in found]
    reason = "" if not all(errors) else errors[0] if errors else "this host does not know the name"
    return {"addresses": list(dict.fromkeys([*found, *addresses.resolve(host, interface)])), "error": reason}


def page(host, wanted, port, listeners):
    """What a running instance answers for the health page; None where it does not listen on its port."""
    row = next((row for row in listeners if row["port"] == port), None)
    return None if row is None else host.page(addresses.socket_target(row), port, wanted["health_path"], seconds=2)


def jdk_command(running, name, *arguments):
    """A command of a running JVM's own JDK, as its user and in its mount namespace."""
    return process.inside(running, [f"{jvm.home_of(running['exe'])}/bin/{name}", *arguments])


def read_flags(host, wanted, running, probes):
    """The flags of a running JVM, from itself, by the jcmd of its own JDK. As its user, in its mount namespace: the
    two meet in /tmp, and a hardened service has one of its own. Without jcmd's own statistics, which it would leave
    a folder for in there.

    Where a flag is not as desired by a plain comparison, a second JVM shows what a restart would give: the JVM
    rounds sizes, and each collector in its own way. C(probes) keeps those of this host: instances are alike.
    """
    ask = ["-J-XX:-UsePerfData", str(running["pid"]), "VM.flags"]
    said = host.run(jdk_command(running, "jcmd", *ask))
    if said.rc != 0:
        words = (said.err or said.out).strip().partition("\n")[0] or f"it ended with {said.rc}"
        return {"flags": None, "unasked": f"jcmd could not ask process {running['pid']} for its flags: {words}"}
    found = {"flags": jvm.parse_flags(said.out)}
    desired = jvm.wanted_flags(wanted["heap"], wanted["java_options"])
    if all(verdict == "ok" for _name, _value, _has, verdict in jvm.flag_rows(desired, found["flags"], None)):
        return found
    every = host.run(jdk_command(running, "jcmd", *ask, "-all"))
    if every.rc == 0:
        found["flags"] = {**jvm.parse_flag_table(every.out), **found["flags"]}
    options = jvm.probe_options(
        [*(running.get("cmdline") or [])[1:], *jvm.last_options(wanted["heap"], plain_options(wanted), "")]
    )
    key = (running["exe"], tuple(options))
    if key not in probes:
        probes[key] = start_probe(host, running, options)
    return {**found, "fresh": probes[key]}


def plain_options(wanted):
    """The options that go to the JVM itself, without those of the java launcher."""
    return [option for option in wanted["java_options"] if not option.startswith("--")]


def start_probe(host, running, options):
    """The flags of a JVM of the same JDK with these options, that ends at once; None where it does not start."""
    show = ["-XX:-UsePerfData", "-XX:+PrintFlagsFinal", "-version"]
    said = host.run(process.inside(running, [running["exe"], "-XX:+IgnoreUnrecognizedVMOptions", *options, *show]))
    given = {name for option in options for name in jvm.option_flags(option)}
    return {"flags": jvm.parse_flag_table(said.out), "given": sorted(given)} if said.rc == 0 else None


def plan(wanted, state):
    """Decides which folders are made and which go, and says why a running instance has to be started anew."""
    result = Plan(facts={"instances": [], "surplus": [], "locked": state["locked"]})
    if state["launcher"] != launcher(wanted["root"]):
        result.actions.append(("launcher", None, None))
    if state["unsettled"]:
        result.actions.append(("settle", None, None))
    for instance in wanted["instances"]:
        try:
            files = own_files(wanted, instance, state["jdk"])
        except ValueError as error:
            # The same of each instance, a fault a line. What else is wrong is found as well.
            result.problems += [fault for fault in str(error).splitlines() if fault not in result.problems]
            continue
        plan_instance(wanted, instance, files, state, result)
    result.facts["configured"] = {str(index): has.get("configured", {}) for index, has in state["instances"].items()}
    result.problems.extend(page_problems(wanted, state))
    if state.get("group") not in (None, wanted["user"]):
        result.problems.append(
            f"xitrum_user is {wanted['user']}, and the releases in {wanted['root']} belong to the group {state['group']}, "
            f"as do the logs: set xitrum_user to {state['group']} again, or take the application off the host first "
            "(ansible-playbook xitrum.host.remove)")
    if wanted["supervisor"] == "systemd" and folders.is_hidden(state["java"]):
        result.problems.append(f"the JDK is {state['java']}, and a hardened unit does not see that: install it below /usr/lib/jvm")
    result.problems.extend(place_problems(wanted, state))
    count = {instance["index"] for instance in wanted["instances"]}
    listed = result.facts["instances"]
    result.facts["start"] = [pick(item) for item in listed if not item["running"]]
    result.facts["restart"] = [pick(item) for item in listed if item["running"] and item["due"]]
    result.facts["surplus"] = [{"index": index} for index in sorted(state["instances"]) if index not in count]
    shown = {index: (state["instances"][index]["environment"], detail[1]["environment"]) for action, index, detail in result.actions if action == "make"}
    result.before = "".join(f"instances/{index}/{name}\n" for index, has in sorted(state["instances"].items()) for name in has["folders"])
    made = [f"instances/{index}/{name}\n" for action, index, (name, _files) in
            (item for item in result.actions if item[0] == "make")]
    result.after = "".join(sorted([*result.before.splitlines(True), *made]))
    # What the JVM is told holds no secret, and is what a person wants to see of a change; xitrum.conf holds some.
    for index, (old, new) in sorted(shown.items()):
        result.before += f"instances/{index} environment:\n{old}"
        result.after += f"instances/{index} environment:\n{new}"
    return result


def page_problems(wanted, state):
    """Why the health page cannot be meant: an instance that runs does not know it. The proxies would take all instances out of use, and
    a rollout would never find one healthy. An instance that is sick, and answers 5xx or nothing, or that limits requests (429), says nothing about the page."""
    for instance in wanted["instances"]:
        said = state["instances"][instance["index"]].get("page")
        if isinstance(said, int) and said < 500 and said not in (429, wanted["health_status"]):
            yield (f"instance {instance['index']} runs, and answers {said} for {wanted['health_path']}; wanted is {wanted['health_status']}. "
                   "Correct xitrum_health_path (or xitrum_health_status), or set xitrum_health_path_new: true for the one run that brings this page")


def place_problems(wanted, state):
    """Why no instance can listen on the configured address. One that listens there already proves that it can."""
    place = state.get("listening") or {"addresses": [], "error": ""}
    has = [state["instances"][instance["index"]]["listeners"] for instance in wanted["instances"]]
    if place["error"] and not any(
        addresses.serves([row], wanted["interface"], place["addresses"]) for rows in has for row in rows
    ):
        yield (
            f"xitrum_interface is {wanted['interface']!r}, where no program of this host can listen "
            f"({place['error']}); expected is an address of this host. "
            "Set xitrum_interface to one, or leave it out to listen on every address"
        )


def pick(item):
    """What M(xitrum.host.instance_service) wants to know of an instance."""
    return {name: item[name] for name in ("index", "port", "folder")}


def plan_instance(wanted, instance, files, state, result):
    """One instance: its folder, and what runs of it."""
    index, has = instance["index"], state["instances"][instance["index"]]
    name = folder_name(wanted["release"], files)
    new = name not in has["folders"] or not has["log"]
    if new:
        result.actions.append(("make", index, (name, files)))
    running = has["process"]
    used = {name, has["current"], has["previous"], (running["cwd"] or "").rpartition("/")[2] if running else ""}
    old = [folder for folder in has["folders"] if folder not in used]
    result.actions.extend(("remove", index, folder) for folder in old)
    rows = instance_rows(wanted, instance, name, has, state)
    if old:
        rows.append(Row("instance", f"instance-{index} old folders", "none", ", ".join(old), "", "differs", "nothing refers to them any more", RUN))
    result.rows.extend(rows)
    result.facts["instances"].append({
        "index": index, "port": instance["port"], "folder": name, "current": has["current"], "previous": has["previous"],
        "running": running is not None, "pid": running["pid"] if running else 0,
        "configured": has.get("configured", {}),
        "release": release.release_of(running["cwd"], wanted["root"]) if running else "",
        "due": [restarts.reason(row) for row in rows if row.status == "restart"],
        "changes": setting_changes(files, has, state),
    })


def setting_changes(files, has, state):
    """The shared settings with which the process of an instance differs from its own files C(files)."""
    if not has["process"] or not has.get("settings"):
        return []
    desired = shared_settings.read_settings(
        state.get("package_settings"), files.get("config/xitrum.conf", ""), files.get("config/akka.conf", ""))
    return shared_settings.find_changes(has["settings"], desired)


def instance_rows(wanted, instance, name, has, state):
    """Three columns for one instance. What is C(restart) is a reason to start it anew."""
    running, label = has["process"], f"instance-{instance['index']}"
    row = functools.partial(restarts.instance_row, label)

    if running is None:
        return [Row("instance", f"{label} process", wanted=name, configured=has["current"], effective="not running", status="differs",
                    why="no process works in its folder", mend=RUN)]
    works_in = (running["cwd"] or "").rpartition("/")[2]
    unread = has.get("unread", "") if not on_port(has, instance) else ""
    rows = [
        row("folder", name, has["current"], works_in, works_in == name == has["current"], "another release or configuration runs"),
        row("user", wanted["user"], wanted["user"], running["user"], running["user"] == wanted["user"], "it runs as somebody else"),
        restarts.java_row(label, running, state["java"]),
        restarts.nofile_row(label, running, wanted["nofile"], state["granted"]),
    ]
    if not unread:
        rows += [
            restarts.backlog_row(label, [item["backlog"] for item in on_port(has, instance)], wanted["backlog"], state),
            address_row(wanted, instance, has, state, row),
        ]
    if has["service"] is not None:
        rows.append(service_row(wanted, label, has["service"], has["elsewhere"]))
    if has["unasked"]:
        rows.append(Row("instance", f"{label} flags", status="unseen", why=has["unasked"]))
    if has["flags"] is not None:
        for name, value, said, verdict in jvm.flag_rows(
            jvm.wanted_flags(wanted["heap"], wanted["java_options"]), has["flags"], has.get("fresh")
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
                rows.append(row(name, value, value, said, verdict == "ok", "the running JVM says otherwise"))
    if wanted["service_digest"]:
        under = (running["environ"] or {}).get("XITRUM_SERVICE", "")
        rows.append(row("service", wanted["service_digest"], wanted["service_digest"], under, under == wanted["service_digest"],
                        "it was started by another version of its service definition"))
    if unread:
        rows += [
            Row("instance", f"{label} {item}", status="unseen", why=unread, mend=LOOK)
            for item in ("backlog", "address")
        ]
    return rows


def on_port(has, instance):
    """The sockets on which a running instance takes requests."""
    return [item for item in has["listeners"] if item["port"] == instance["port"]]


def address_row(wanted, instance, has, state, row):
    """Where the instance listens, compared with the configured address by what both mean."""
    place, found = state.get("listening") or {"addresses": []}, on_port(has, instance)
    listens = sorted({addresses.socket_text(item) for item in found})
    address = f"{addresses.bracketed(wanted['interface']) or '*'}:{instance['port']}"
    good = not has["listeners"] or addresses.serves(found, wanted["interface"], place["addresses"])
    return row("address", address, address, " ".join(listens), good, "it listens elsewhere")


def service_row(wanted, label, said, elsewhere):
    """What the supervisor itself says. An instance that runs without it is nobody's to start after a crash or at boot, and
    one that another supervisor has as well would be started twice."""
    well = supervisors.WELL
    found = Row("instance", f"{label} {wanted['supervisor']}", f"{well['active']}, {well['boot']}", said["boot"], said["active"])
    if elsewhere:
        found.effective = ", ".join([*filter(None, [said["active"]]), *elsewhere])
        found.status, found.why, found.mend = "restart", f"{' and '.join(elsewhere)} has it", RUN
    elif said["active"] != well["active"]:
        found.status, found.why, found.mend = "restart", "its supervisor does not keep it running", RUN
    elif said != well:
        # No reason to interrupt what runs.
        found.status, found.why, found.mend = "differs", "it runs, and would not be started at boot", RUN
    return found


def apply(host, wanted, planned):
    """Makes and removes folders. No instance is stopped, started or switched."""
    root, user = wanted["root"], wanted["user"]
    for path, owner in ((root, "root"), (f"{root}/instances", "root"), (wanted["log_dir"], "root")):
        host.make_directory(path, 0o755 if path == root else 0o750, owner, user)
    for action, index, detail in planned.actions:
        if action == "launcher":
            host.write(f"{root}/run", launcher(root), 0o755)
        elif action == "settle":
            release.settle(host, root)
        elif action == "remove":
            host.remove(f"{root}/instances/{index}/{detail}")
        elif action == "make":
            make(host, wanted, index, *detail)


def make(host, wanted, index, name, files):
    """One instance's folder, under another name until it is whole."""
    root, user = wanted["root"], wanted["user"]
    home, source = f"{root}/instances/{index}", release.folder(root, wanted["release"])
    partial = f"{home}/.{name}.partial"
    host.make_directory(f"{wanted['log_dir']}/{index}", 0o750, user, user)
    host.make_directory(home, 0o750, "root", user)
    if host.exists(f"{home}/{name}"):
        return
    host.remove(partial)
    host.make_directory(partial, 0o750, "root", user)
    for entry in host.listdir(source):
        if entry not in OWN:
            host.link(f"{partial}/{entry}", f"../../../releases/{wanted['release']}/{entry}")
    for tree in ("config", "script"):
        # Hard links: the configuration folder must be a real one beside the instance's own xitrum.conf, and the runner
        # finds its root through symbolic links, so it would leave the instance.
        host.link_tree(f"{source}/{tree}", f"{partial}/{tree}", [f"{partial}/{path}" for path in files], 0o750, "root", user)
    for path, text in files.items():
        host.write(f"{partial}/{path}", text, 0o640, "root", user)
    host.make_directory(f"{partial}/tmp", 0o750, user, user)
    host.link(f"{partial}/log", f"{wanted['log_dir']}/{index}")
    host.rename(partial, f"{home}/{name}")
