# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping instances through their supervisor, and waiting until they are healthy. Not pure: it acts."""

from __future__ import annotations

import http.client
import time

from ansible_collections.xitrum.host.plugins.module_utils import process, release, supervisors

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "supervisor": {"type": "str", "default": "systemd", "choices": sorted(supervisors.COMMANDS)},
    "state": {"type": "str", "default": "started", "choices": ["started", "restarted", "stopped", "absent", "returned"]},
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
}


def home(wanted, index):
    """The folder of an instance."""
    return f"{wanted['root']}/instances/{index}"


def running(host, wanted, index):
    """The processes of an instance."""
    return process.processes_under(host, home(wanted, index))


def switch(host, wanted, instance):
    """Points C(current) at the instance's new folder and C(previous) at the one before, which a rollback needs."""
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


def stop(host, wanted, index):
    """Ends an instance and proves that its processes are gone."""
    said = host.run(supervisors.command(wanted["supervisor"], "stop", wanted["name"], index))
    deadline = time.monotonic() + wanted["stop_timeout"] + 5
    while running(host, wanted, index):
        if time.monotonic() > deadline:
            words = (said.err or said.out).strip() or "no message"
            left = [row["pid"] for row in running(host, wanted, index)]
            raise RuntimeError(f"instance {index} still runs {wanted['stop_timeout']} s after it was told to stop ({words}): its processes are {left}")
        time.sleep(0.1)


def start(host, wanted, index):
    """Tells the supervisor to start an instance; it is not healthy yet."""
    reset = supervisors.command(wanted["supervisor"], "reset", wanted["name"], index)
    if reset:
        host.run(reset)
    said = host.run(supervisors.command(wanted["supervisor"], "start", wanted["name"], index))
    if said.rc != 0:
        raise RuntimeError(f"instance {index} could not be started: {(said.err or said.out).strip()}\n{tail(host, wanted, index)}")


def wait_until_healthy(host, wanted, instances):
    """Waits for all of them together: index to seconds. Raises RuntimeError with the end of the log of the first that is not."""
    began, left, took, answer = time.monotonic(), {item["index"]: item["port"] for item in instances}, {}, {}
    while left:
        for index, port in sorted(left.items()):
            answer[index] = ask(wanted["address"], port, wanted["path"])
            if answer[index] == wanted["status"]:
                took[index] = round(time.monotonic() - began, 1)
                del left[index]
        if left and time.monotonic() - began > wanted["start_timeout"]:
            index = min(left)
            raise RuntimeError(
                f"instance {index} is not healthy {wanted['start_timeout']} s after its start: http://{wanted['address']}:{left[index]}{wanted['path']} "
                f"answers {answer[index]}, wanted is {wanted['status']}. The end of its log:\n{tail(host, wanted, index)}")
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
            answer = ask(wanted["address"], item["port"], wanted["path"])
            if answer != wanted["status"] or now != before[index]:
                what = f"has the process {now or 'none'} instead of {before[index]}"
                if now == before[index]:
                    what = f"answers {answer}, wanted is {wanted['status']}"
                raise RuntimeError(f"instance {index} was healthy and did not stay so for {wanted['watch']} s: it {what}. The end of its log:\n"
                                   f"{tail(host, wanted, index)}")


def pids(host, wanted, index):
    """The numbers of an instance's processes."""
    return sorted(row["pid"] for row in running(host, wanted, index))


def ask(address, port, path):
    """The HTTP status of a page, or the reason why there is none, as text."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", path, headers={"User-Agent": "xitrum.host", "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def tail(host, wanted, index):
    """The last lines of the instance's own log and of what it printed, without the frames of stack traces."""
    log = host.tail(f"{wanted['log_dir']}/{index}/xitrum.log")
    printed = host.run(supervisors.command(wanted["supervisor"], "output", wanted["name"], index)).out
    return "\n".join(line for text in (log, printed) for line in [line for line in text.splitlines() if not line.strip().startswith("at ")][-15:])


def plan(host, wanted):
    """The instances that are not in the wanted state."""
    todo = []
    every = [{"index": int(number), "port": 0, "folder": ""} for number in filter(str.isdigit, host.listdir(f"{wanted['root']}/instances"))]
    for instance in wanted["instances"] or (every if wanted["state"] == "absent" else []):
        runs = running(host, wanted, instance["index"])
        there = host.exists(home(wanted, instance["index"]))
        if wanted["state"] == "returned":
            now, before = (host.readlink(f"{home(wanted, instance['index'])}/{name}") for name in ("current", "previous"))
            if now == instance["folder"] and before:
                todo.append({**instance, "runs": bool(runs), "folder": before})
        elif {"started": not runs, "restarted": True, "stopped": bool(runs), "absent": bool(runs) or there}[wanted["state"]]:
            todo.append({**instance, "runs": bool(runs)})
    return todo


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
    for instance in todo:
        if instance["runs"]:
            stop(host, wanted, instance["index"])
        if wanted["state"] == "absent":
            host.remove(home(wanted, instance["index"]))
    if wanted["state"] == "absent":
        # One that was left on an older release kept the others from being told as the host's current one.
        release.settle(host, wanted["root"])
    if wanted["state"] in ("stopped", "absent"):
        return {}
    before = {item["index"]: host.readlink(f"{home(wanted, item['index'])}/current") for item in todo}
    try:
        for instance in todo:
            switch(host, wanted, instance)
            start(host, wanted, instance["index"])
        took = wait_until_healthy(host, wanted, todo)
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{go_back(host, wanted, todo, before)}") from error
    release.settle(host, wanted["root"])
    return took


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
