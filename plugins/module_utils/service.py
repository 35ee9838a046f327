# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping instances through their supervisor, and waiting until they are healthy. Not pure: it acts."""

from __future__ import annotations

import json
import signal
import time

from ansible_collections.xitrum.host.plugins.module_utils import (
    addresses,
    folders,
    instances,
    leftovers,
    recorded,
    release,
    sockets,
    supervisors,
)

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "supervisor": {"type": "str", "default": "systemd", "choices": sorted(supervisors.KINDS)},
    "state": {"type": "str", "default": "started", "choices": ["started", "restarted", "stopped", "absent", "returned"]},
    "remove_root": {"type": "bool", "default": False},
    "instances": {
        "type": "list", "elements": "dict", "default": [],
        "options": {"index": {"type": "int", "required": True}, "port": {"type": "int", "default": 0}, "folder": {"type": "str", "default": ""}},
    },
    "address": {"type": "str", "default": "127.0.0.1"},
    "path": {"type": "str", "default": "/"},
    "status": {"type": "int", "default": 200},
    "start_timeout": {"type": "int", "default": 120},
    "stop_timeout": {"type": "int", "default": 30},
    "watch": {"type": "int", "default": 0},
    "drain": {"type": "int", "default": 0},
    "keep_definition": {"type": "bool", "default": False},
}


def home(wanted, index):
    """The folder of an instance."""
    return f"{wanted['root']}/instances/{index}"


def running(host, wanted, index):
    """The processes of an instance."""
    return supervisors.processes(host, home(wanted, index))


def filled(wanted, index, verb):
    """What the supervisor is told of an instance: its command or commands, or paths."""
    return supervisors.filled(supervisors.KINDS[wanted["supervisor"]][verb], name=wanted["name"], index=index, timeout=wanted["stop_timeout"],
                              log_dir=wanted["log_dir"])


def switch(host, wanted, instance):
    """Points C(current) at the instance's new folder and C(previous) at the one before, which a step that fails needs."""
    folder, here = instance["folder"], home(wanted, instance["index"])
    now = host.readlink(f"{here}/current")
    if not folder or folder == now:
        return False
    if not host.exists(f"{here}/{folder}/script/runner"):
        raise RuntimeError(f"{here}/{folder} is not there, so nothing was switched: run the playbook again")
    if now:
        host.link(f"{here}/previous", now)
    host.link(f"{here}/current", folder)
    return True


def drained(host, wanted, todo, pause=0.25):
    """Waits until nobody is connected to instances any more, or for C(drain) seconds: how many connections are left."""
    deadline = time.monotonic() + wanted["drain"]
    ports = {port for item in todo for port in ports_of(host, wanted, item)}
    while True:
        rows = sockets.established(host)
        # What ss printed and cannot be read may be a connection.
        left = sum(row["port"] in ports for row in rows) + sockets.unread_count(rows)
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(pause)


def drain_notes(host, left):
    """What makes the number of connections that a drain left uncertain, a sentence each."""
    note = sockets.drain_note(sockets.established(host)) if left else ""
    return [note] if note else []


def ports_of(host, wanted, instance):
    """The ports that clients of an instance are connected to: those that it was configured with, whatever its port
    is to be."""
    found = instances.read_configured(host, f"{home(wanted, instance['index'])}/current")
    return {port for port in (found["http"], found["https"]) if port} if found else {instance["port"]}


def target_of(host, wanted, instance):
    """The address and the port at which an instance answers: of the folder that it runs, since one that goes back
    has its old port and address."""
    found = instances.read_configured(host, f"{home(wanted, instance['index'])}/current")
    if not found:
        return addresses.local_target(wanted["address"]), instance["port"]
    # One that listens everywhere is reached at any address.
    everywhere = addresses.is_every(found["interface"])
    return addresses.local_target(wanted["address"] if everywhere else found["interface"]), found["http"]


def stop(host, wanted, index):
    """Ends an instance, whichever supervisor it has, and proves that its processes are gone: SIGTERM first, then a kill."""
    words = []
    for kind in stoppers(host, wanted):
        for command in filled({**wanted, "supervisor": kind}, index, "stop"):
            said = host.run(command)
            words += [(said.err or said.out).strip()] if said.rc != 0 else []
    if not gone(host, wanted, index, 0):
        # Nobody watches over what rc.local has started; a JVM that has been told already does not mind.
        kill(host, wanted, index, signal.SIGTERM)
    if not gone(host, wanted, index, wanted["stop_timeout"]):
        kill(host, wanted, index, signal.SIGKILL)
    if not gone(host, wanted, index, 5):
        left = [row["pid"] for row in running(host, wanted, index)]
        said = "; ".join(filter(None, words)) or "no message"
        raise RuntimeError(f"instance {index} still runs {wanted['stop_timeout']} s after it was told to stop ({said}): its processes are {left}")


def stoppers(host, wanted):
    """The supervisors that may keep an instance running: the wanted one, and those that still have something of the application."""
    there = {**supervisors.leftovers(host, wanted["name"]), **supervisors.defined(host, wanted["name"])}
    return [wanted["supervisor"], *(kind for kind in there if kind != wanted["supervisor"])]


def kill(host, wanted, index, number):
    """Sends a signal to the processes of an instance."""
    for row in running(host, wanted, index):
        host.kill(row["pid"], number)


def gone(host, wanted, index, seconds):
    """Whether the processes of an instance end within so many seconds."""
    deadline = time.monotonic() + seconds
    while running(host, wanted, index):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def prepare(host, wanted, index):
    """Makes the supervisor know the instance, and start it at boot, without starting it now: something else may still have its port."""
    kind = supervisors.KINDS[wanted["supervisor"]]
    mark, target = filled(wanted, index, "mark"), filled(wanted, index, "target")
    if target and host.readlink(mark) != target:
        if "hold" in kind:
            host.write(filled(wanted, index, "hold"), "")
        folder = mark.rpartition("/")[0]
        if not host.exists(folder):
            host.make_directory(folder)
        host.link(mark, target)
    for command in filled(wanted, index, "ready") if "ready" in kind else []:
        supervisors.patiently(host, command, kind["patience"])


def start(host, wanted, index):
    """Tells the supervisor to start an instance; it is not healthy yet."""
    kind = supervisors.KINDS[wanted["supervisor"]]
    mark_logs(host, wanted, index)
    if "reset" in kind:
        host.run(filled(wanted, index, "reset"))
    if "hold" in kind:
        host.remove(filled(wanted, index, "hold"))
    for command in filled(wanted, index, "start"):
        said = host.run(command)
        if said.rc != 0:
            raise RuntimeError(f"instance {index} could not be started: {' '.join(command)}: {(said.err or said.out).strip()}\n{tail(host, wanted, index)}")


def wait_until_healthy(host, wanted, todo):
    """Waits for all of them together: index to seconds. Raises RuntimeError with the end of the log of the first that is not."""
    began, took, answer = time.monotonic(), {}, {}
    left = {item["index"]: target_of(host, wanted, item) for item in todo}
    asked = began
    while left:
        for index, (address, port) in sorted(left.items()):
            answer[index] = host.page(address, port, wanted["path"])
            if answer[index] == wanted["status"]:
                took[index] = round(time.monotonic() - began, 1)
                del left[index]
        if left and time.monotonic() - began > wanted["start_timeout"]:
            index = min(left)
            address, port = left[index]
            raise RuntimeError(
                f"instance {index} is not healthy {wanted['start_timeout']} s after its start: "
                f"http://{addresses.bracketed(address)}:{port}{wanted['path']} answers {answer[index]}, "
                f"wanted is {wanted['status']}. The end of its log:\n{tail(host, wanted, index)}"
            )
        if left and time.monotonic() - asked > 1:
            asked = time.monotonic()
            for index, said in supervisors.given_up(host, wanted["supervisor"], wanted["name"], sorted(left)).items():
                raise RuntimeError(f"instance {index} ended each time that it was started, and {wanted['supervisor']} gave up: {said}. "
                                   f"The end of its log:\n{tail(host, wanted, index)}")
        if left:
            time.sleep(0.25)
    return took


def watch(host, wanted, pause=1.0):
    """Asks instances once a second for C(watch) seconds. Raises RuntimeError with the end of the log of the first that is not
    healthy, or whose process is not the same throughout: it may have ended and been started again in between."""
    before = {item["index"]: pids(host, wanted, item["index"]) for item in wanted["instances"]}
    deadline = time.monotonic() + wanted["watch"]
    while time.monotonic() < deadline:
        time.sleep(pause)
        for item in wanted["instances"]:
            index, now = item["index"], pids(host, wanted, item["index"])
            answer = host.page(*target_of(host, wanted, item), wanted["path"])
            if answer != wanted["status"] or now != before[index]:
                what = f"has the process {now or 'none'} instead of {before[index]}"
                if now == before[index]:
                    what = f"answers {answer}, wanted is {wanted['status']}"
                raise RuntimeError(f"instance {index} was healthy and did not stay so for {wanted['watch']} s: it {what}. The end of its log:\n"
                                   f"{tail(host, wanted, index)}")


def pids(host, wanted, index):
    """The numbers of an instance's processes."""
    return sorted(row["pid"] for row in running(host, wanted, index))


def log_of(wanted, index):
    """The application's own log of an instance."""
    return f"{wanted['log_dir']}/{index}/xitrum.log"


def output_of(wanted, index):
    """The file with what an instance prints; empty where the supervisor keeps it in the journal."""
    command = filled(wanted, index, "output")
    return command[-1] if command[0] == "tail" else ""


def marks_path(wanted, index):
    """Where it is written down how far the logs of an instance were when it was last started."""
    return f"{home(wanted, index)}/started"


def mark_logs(host, wanted, index):
    """Writes down how far the logs of an instance are, before it is started: L(tail) shows what follows. Not kept in
    memory, since a later run of the module may find that the same start has failed."""
    output = output_of(wanted, index)
    marks = {"time": time.time(), "log": host.position(log_of(wanted, index)), "output": host.position(output) if output else (0, 0)}
    try:
        host.write(marks_path(wanted, index), json.dumps(marks), 0o640, "root", "root")
    except OSError:
        # On a full disk, say: the instance starts all the same, and more of its logs is shown.
        return


def read_marks(host, wanted, index):
    """What L(mark_logs) wrote; the beginning of everything where it wrote nothing that can be read."""
    none = {"time": 0.0, "log": (0, 0), "output": (0, 0)}
    try:
        marks = json.loads(host.read(marks_path(wanted, index)) or "{}")
        return {**none, "time": float(marks["time"]), **{name: tuple(map(int, marks[name])) for name in ("log", "output")}}
    except (ValueError, TypeError, KeyError):
        return none


def read_output(host, wanted, index, marks):
    """The end of what an instance has printed since its last start."""
    output, command = output_of(wanted, index), filled(wanted, index, "output")
    if output and marks["output"] != (0, 0):
        return host.tail(output, since=marks["output"])
    if not output and marks["time"]:
        said = host.run([*command[:-1], f"--since=@{marks['time']:.6f}", command[-1]])
        if said.rc == 0:
            return said.out
    return host.run(command).out


def tail(host, wanted, index):
    """The last lines of the instance's own log and of what it printed since it was last started, without the frames of
    stack traces and the JVM's options. Earlier lines are those of another start, and mostly of another release."""
    marks = read_marks(host, wanted, index)
    log = host.tail(log_of(wanted, index), since=marks["log"])
    printed = read_output(host, wanted, index, marks)
    noise = ("at ", "Picked up ", "NOTE: Picked up ")
    return "\n".join(line for text in (log, printed) for line in [line for line in text.splitlines() if not line.strip().startswith(noise)][-15:])


def plan(host, wanted):
    """The instances that are not in the wanted state."""
    todo, defined = [], supervisors.defined(host, wanted["name"])
    marked = set().union(*defined.values()) if defined else set()
    numbers = sorted(marked.union(int(number) for number in filter(str.isdecimal, host.listdir(f"{wanted['root']}/instances"))))
    every = [{"index": number, "port": 0, "folder": ""} for number in numbers]
    for instance in wanted["instances"] or (every if wanted["state"] == "absent" else []):
        runs = running(host, wanted, instance["index"])
        there = host.exists(home(wanted, instance["index"])) or instance["index"] in marked
        if wanted["state"] == "returned":
            now = host.readlink(f"{home(wanted, instance['index'])}/current")
            if instance["folder"] and (now != instance["folder"] or not runs):
                todo.append({**instance, "runs": bool(runs)})
        elif {"started": not runs, "restarted": True, "stopped": bool(runs), "absent": bool(runs) or there}[wanted["state"]]:
            todo.append({**instance, "runs": bool(runs)})
    return todo


def surplus(host, wanted):
    """The supervisors that have something of the application although none of its instances: all, where all are taken away."""
    every = wanted["state"] == "absent" and not wanted["instances"]
    return supervisors.unused(host, wanted["name"], () if every else (wanted["supervisor"],))


def left_of_root(host, wanted):
    """What of the root is removed with the last instance: all of it where it was made for the application, else what is ours in it."""
    root = wanted["root"]
    if not wanted["remove_root"] or wanted["state"] != "absent" or wanted["instances"] or folders.is_system(host.realpath(root)):
        return []
    made = recorded.read(host)["applications"].get(wanted["name"], {}).get("roots", {}).get(root, False)
    if made:
        return [root] if host.stat(root) is not None else []
    ours = leftovers.inside(host, "roots", root) if leftovers.is_ours(host, "roots", root) else []
    return [f"{root}/{name}" for name in ours]


def remove_root(host, wanted, left):
    """Removes what L(left_of_root) found, and the folder itself where nothing is in it any more."""
    for path in left:
        host.remove(path)
    if left:
        host.remove_empty(wanted["root"])


def diff(wanted, todo):
    """Ansible's diff: one line an instance."""
    after = {"started": "runs", "restarted": "started anew", "stopped": "stopped", "absent": "absent", "returned": "back to"}[wanted["state"]]
    return {
        "before": "".join(f"instance {item['index']}: {'runs' if item['runs'] else 'does not run'}\n" for item in todo),
        "after": "".join(f"instance {item['index']}: {after} {item['folder']}".rstrip() + "\n" for item in todo),
    }


def apply(host, wanted, todo):
    """Stops, switches, starts and waits: index to the seconds until it was healthy. Instances that do not get healthy go
    back to the folder that they had. Raises RuntimeError then, with the end of the log of what failed."""
    starts = wanted["state"] in ("started", "restarted", "returned")
    for instance in todo if starts else []:
        prepare(host, wanted, instance["index"])
    for instance in todo:
        # By another supervisor, one that does not run would be started at boot.
        stop(host, wanted, instance["index"])
        if wanted["state"] != "stopped":
            move(host, wanted, instance["index"], (wanted["supervisor"],) if starts else ())
        if wanted["state"] == "absent":
            host.remove(home(wanted, instance["index"]))
    if wanted["state"] == "absent":
        # One that was left on an older release kept the others from being told as the host's current one.
        release.settle(host, wanted["root"])
    took = begin(host, wanted, todo) if starts else {}
    # Last: it is not to be waited for while nothing runs, and the next run makes up for it.
    for kind in surplus(host, wanted) if wanted["state"] != "stopped" else ():
        supervisors.clean(host, kind, wanted["name"])
    return took


def move(host, wanted, index, keep):
    """Takes an instance away from every supervisor that has it but those to keep."""
    for kind, indices in supervisors.defined(host, wanted["name"]).items():
        if kind not in keep and index in indices:
            # The other slot is started again by what defines it.
            stays = wanted.get("keep_definition", False) and kind == wanted["supervisor"]
            supervisors.forget(host, kind, wanted["name"], index, stays)


def begin(host, wanted, todo):
    """The second half of L(apply): nothing runs, and the wanted supervisor alone knows the instances."""
    before = {item["index"]: host.readlink(f"{home(wanted, item['index'])}/current") for item in todo}
    try:
        for instance in todo:
            switch(host, wanted, instance)
            start(host, wanted, instance["index"])
        took = wait_until_healthy(host, wanted, todo)
    except RuntimeError as error:
        drop_failed(host, wanted, todo)
        raise RuntimeError(f"{error}\n{go_back(host, wanted, todo, before)}") from error
    release.settle(host, wanted["root"])
    return took


def drop_failed(host, wanted, todo):
    """Takes the release that did not start off the record of healthy ones, unless the host runs it otherwise."""
    current = (host.readlink(f"{wanted['root']}/current") or "").rpartition("/")[2]
    for name in {item["folder"].rpartition("-")[0] for item in todo} - {"", current}:
        release.drop_healthy(host, wanted["root"], name)


def go_back(host, wanted, todo, before):
    """Puts instances back to the folders that they had: a sentence on how that went."""
    changed = [{**item, "folder": before[item["index"]]} for item in todo if before[item["index"]] and item["folder"] not in ("", before[item["index"]])]
    if not changed:
        return "There is nothing to go back to: it stays as it is, and the next run tries again."
    names = ", ".join(f"{item['index']} to {item['folder'].rpartition('-')[0]}" for item in changed)
    try:
        for instance in changed:
            stop(host, wanted, instance["index"])
            switch(host, wanted, instance)
            start(host, wanted, instance["index"])
        wait_until_healthy(host, wanted, changed)
    except RuntimeError as error:
        return f"Going back (instance {names}) failed as well: {error}"
    return f"Went back, and healthy: instance {names}. Nothing else was touched."
