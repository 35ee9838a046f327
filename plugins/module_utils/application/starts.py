# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping instances through their supervisor, and waiting until they are healthy. Not pure: it acts."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ..core import addresses, disk_space, folders, operator_stops, process, recorded, schema, sockets
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import COMMAND_SECONDS, Host
from ..core.plan import Draft, Plan
from ..supervisor import table
from ..supervisor.contract import fill
from ..supervisor.table import SUPERVISORS
from . import installed, instances, managed_entries, ownership, step_record, step_state

NAME = "instance_service"

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "user": {"type": "str", "default": ""},
    "supervisor": table.OPTION,
    "state": {
        "type": "str",
        "default": "started",
        "choices": ["started", "restarted", "stopped", "absent", "returned", "switched"],
    },
    "remove_root": {"type": "bool", "default": False},
    "instances": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "index": {"type": "int", "required": True},
            "port": {"type": "int", "default": 0},
            "folder": {"type": "str", "default": ""},
        },
    },
    "address": {"type": "str", "default": "127.0.0.1"},
    "path": {"type": "str", "default": "/"},
    "status": {"type": "int", "default": 200},
    "text": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 10},
    "start_timeout": {"type": "int", "default": 120},
    "stop_timeout": {"type": "int", "default": 30},
    "watch": {"type": "int", "default": 0},
    "drain": {"type": "int", "default": 0},
    "keep_definition": {"type": "bool", "default": False},
    "operator": {"type": "bool", "default": False},
    "return_after": {"type": "int", "default": 0},
    "resume": {"type": "dict", "default": {}},
}


#: Seconds that an instance gets at least to be healthy again where it goes back: it was healthy, and a run that asks
#: for less does so of its new release. A host that is busy with what failed takes its time.
PATIENCE = 120


class Waiting(Exception):
    """A wait that has not ended after `return_after` seconds: what the next call needs to go on with it, `resume`."""

    def __init__(self, phase: str, seconds: float, limit: int, **more: Any) -> None:
        super().__init__(phase)
        self.report = {"phase": phase, "seconds": round(seconds, 1), "limit": limit, **more}


def find_resumed(desired: Mapping[str, Any], *phases: str) -> Mapping[str, Any]:
    """What an earlier call returned of a wait that this one goes on with; empty where it does not, and for other
    phases. They are `drained`; `started`, of instances that it has started; `running`, of all others; and `watched`."""
    found: Mapping[str, Any] = desired.get("resume") or {}
    return found if found.get("phase") in phases else {}


def get_home(desired: Mapping[str, Any], index: int) -> str:
    """The folder of an instance."""
    return f"{desired['root']}/instances/{index}"


def find_running(host: Host, desired: Mapping[str, Any], index: int) -> list[dict[str, Any]]:
    """The processes of an instance. Those of other users that claim to work in its folder are none: they would be
    killed by root, or keep it from being started or removed."""
    folder = get_home(desired, index)
    return process.filter_processes_of_users(
        find_processes(host, folder), process.list_accounts(host, folder, desired.get("user", ""))
    )


def find_processes(host: Host, folder: str) -> list[dict[str, Any]]:
    """The processes of an instance: its JVM, and what its service definition starts before it becomes one. A shell that
    somebody has left in the folder is none."""
    rows = process.find_processes_under(host, folder)
    return [
        row for row in rows if row["comm"] == "java" or row["environ"] is None or "XITRUM_SERVICE" in row["environ"]
    ]


def fill_placeholders(desired: Mapping[str, Any], index: int, verb: str) -> Any:
    """What the supervisor is given for an instance: its command or commands, or paths."""
    return fill(getattr(SUPERVISORS[desired["supervisor"]], verb), name=desired["name"], index=index,
                timeout=desired["stop_timeout"], log_dir=desired["log_dir"])


def switch(host: Host, desired: Mapping[str, Any], instance: Mapping[str, Any]) -> bool:
    """Points `current` at the instance's new folder and `previous` at the one before, which a step that fails needs:
    the last one that was healthy, where a run that was killed has left another."""
    folder, home_path = instance["folder"], get_home(desired, instance["index"])
    now = host.readlink(f"{home_path}/current") or ""
    before = step_state.return_folder(step_record.read_record(host, desired["name"]), instance["index"], now)
    if not folder or folder == now:
        return False
    if not host.exists(f"{home_path}/{folder}/script/runner"):
        raise RuntimeError(f"{home_path}/{folder} is not there, so nothing was switched: run the playbook again")
    if now and before != folder:
        host.link(f"{home_path}/previous", before)
    host.link(f"{home_path}/current", folder)
    return True


def wait_until_drained(
    host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]], pause: float = 0.25
) -> int:
    """Waits until nobody is connected to instances any more, or for `drain` seconds: how many connections are left."""
    called = time.monotonic()
    began = called - find_resumed(desired, "drained").get("seconds", 0)
    ports = {port for item in todo for port in find_ports(host, desired, item)}
    while True:
        rows = sockets.read_established(host)
        # What ss printed and cannot be read may be a connection.
        left = sum(row["port"] in ports for row in rows) + sockets.count_unread(rows)
        now = time.monotonic()
        if not left or now - began >= desired["drain"]:
            return left
        if is_over(desired, called):
            raise Waiting("drained", now - began, desired["drain"], left=left)
        time.sleep(pause)


def is_over(desired: Mapping[str, Any], called: float) -> bool:
    """Whether a call that began to wait at this moment is to return: the controller prints what it waits for."""
    after = desired.get("return_after", 0)
    return bool(after) and time.monotonic() - called >= after


def drain(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> int:
    """As `wait_until_drained`, recorded first."""
    for item in todo:
        step_record.note(host, desired, item["index"], "drained")
    return wait_until_drained(host, desired, todo)


def find_drain_notes(host: Host, left: int) -> list[str]:
    """What makes the number of connections that a drain left uncertain, a sentence each."""
    note = sockets.describe_drain(sockets.read_established(host)) if left else ""
    return [note] if note else []


def find_ports(host: Host, desired: Mapping[str, Any], instance: Mapping[str, Any]) -> set[int]:
    """The ports that clients of an instance are connected to:
    those that it was configured with, whatever its port is to be."""
    found = instances.read_configured(host, f"{get_home(desired, instance['index'])}/current")
    return {port for port in (found["http"], found["https"]) if port} if found else {instance["port"]}


def find_target(host: Host, desired: Mapping[str, Any], instance: Mapping[str, Any]) -> tuple[str, int]:
    """The address and the port at which an instance answers: of the folder that it runs, since one that goes back
    has its old port and address."""
    found = instances.read_configured(host, f"{get_home(desired, instance['index'])}/current")
    if not found:
        return addresses.find_local_target(desired["address"]), instance["port"]
    # One that listens everywhere is reached at any address.
    everywhere = addresses.is_every(found["interface"])
    return addresses.find_local_target(desired["address"] if everywhere else found["interface"]), found["http"]


def stop(host: Host, desired: Mapping[str, Any], index: int) -> None:
    """Ends an instance, whichever supervisor it has, and proves that its processes are gone:
    SIGTERM first, then a kill."""
    words = []
    for kind in list_stoppers(host, desired):
        for command in fill_placeholders({**desired, "supervisor": kind}, index, "stop"):
            result = host.run(command, seconds=desired["stop_timeout"] + COMMAND_SECONDS)
            words += [(result.err or result.out).strip()] if result.rc != 0 else []
    if not wait_until_gone(host, desired, index, 0):
        # Nobody watches over what rc.local has started; a JVM that has got a signal already ignores another.
        kill(host, desired, index, signal.SIGTERM)
    if not wait_until_gone(host, desired, index, desired["stop_timeout"]):
        kill(host, desired, index, signal.SIGKILL)
    if not wait_until_gone(host, desired, index, 5):
        left = [row["pid"] for row in find_running(host, desired, index)]
        reported = "; ".join(filter(None, words)) or "no message"
        raise RuntimeError(
            f"instance {index} still runs {desired['stop_timeout']} s after it got the signal to stop ({reported}): "
            f"its processes are {left}"
        )


def list_stoppers(host: Host, desired: Mapping[str, Any]) -> list[str]:
    """The supervisors that may keep an instance running:
    the desired one, and those that still have something of the application."""
    there = {**table.find_leftovers(host, desired["name"]), **table.find_defined(host, desired["name"])}
    return [desired["supervisor"], *(kind for kind in there if kind != desired["supervisor"])]


def kill(host: Host, desired: Mapping[str, Any], index: int, number: int) -> None:
    """Sends a signal to the processes of an instance."""
    for row in find_running(host, desired, index):
        host.kill(row["pid"], number)


def wait_until_gone(host: Host, desired: Mapping[str, Any], index: int, seconds: float) -> bool:
    """Whether the processes of an instance end within so many seconds."""
    deadline = time.monotonic() + seconds
    while find_running(host, desired, index):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def start(host: Host, desired: Mapping[str, Any], index: int) -> None:
    """Asks the supervisor to start an instance; it is not healthy yet."""
    mark_logs(host, desired, index)
    SUPERVISORS[desired["supervisor"]].allow_start(host, desired["name"], index)
    for command in fill_placeholders(desired, index, "start"):
        result = host.run(command)
        if result.rc != 0:
            raise RuntimeError(
                f"instance {index} could not be started: {' '.join(command)}: "
                f"{(result.err or result.out).strip()}\n{read_log_tail(host, desired, index)}"
            )


def find_health_fault(host: Host, desired: Mapping[str, Any], item: Mapping[str, Any], subject: str = "") -> str:
    """Why an instance is not healthy, as a sentence; empty where it is: the page answers as it should, and what listens
    is a process of this instance and of its user. `subject` is what answers, in words: its URL, where that is empty.

    Sockets are read before the page is requested, so that nobody else is queried, and again after it, so that nobody
    else has answered: then the same socket has to be there.
    """
    address, port = find_target(host, desired, item)
    configured = instances.read_configured(host, f"{get_home(desired, item['index'])}/current")
    place = {
        "index": item["index"],
        "address": address,
        "port": port,
        "https": configured["https"] if configured else 0,
    }
    users = process.list_accounts(host, get_home(desired, item["index"]), desired.get("user", ""))
    earlier: list[set[int | None]] = []

    def describe_stranger() -> str:
        return ownership.find_answer_fault(host, place, desired["supervisor"], desired["name"], users, earlier)

    fault = describe_stranger()
    if fault:
        return fault
    answer, text = host.read_page(address, port, desired["path"], desired.get("timeout", 10))
    subject = subject or f"http://{addresses.add_brackets(address)}:{port}{desired['path']}"
    if answer != desired["status"]:
        return f"{subject} answers {answer}, expected {desired['status']}"
    if desired.get("text", "") not in text:
        return (
            f"{subject} answers {answer} without the text {desired['text']!r}, expected a page that has it "
            "(xitrum_health_text)"
        )
    return describe_stranger()


def wait_until_healthy(
    host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]], phase: str = "started"
) -> dict[int, float]:
    """Waits for all of them together: index to seconds. `phase` is that of `find_resumed`.
    Raises RuntimeError with the end of the log of the first that is not, and Waiting."""
    earlier, called = find_resumed(desired, phase), time.monotonic()
    began, faults = called - earlier.get("seconds", 0), {}
    took = {int(index): seconds for index, seconds in earlier.get("took", {}).items()}
    left = {item["index"]: item for item in todo if item["index"] not in took}
    queried_at = called
    while left:
        for index, item in sorted(left.items()):
            faults[index] = find_health_fault(host, desired, item)
            if not faults[index]:
                took[index] = round(time.monotonic() - began, 1)
                del left[index]
        seconds = time.monotonic() - began
        is_late = earlier.get("late", False) or seconds > desired["start_timeout"]
        # The controller prints that the time is over before the instance goes back, which takes its time as well.
        if left and not earlier.get("late") and (is_over(desired, called) or is_late and desired.get("return_after")):
            why = {index: faults[index] for index in left}
            raise Waiting(phase, seconds, desired["start_timeout"], took=took, faults=why, late=is_late)
        if left and is_late:
            index = min(left)
            raise RuntimeError(
                f"instance {index} is not healthy {desired['start_timeout']} s after its start: "
                f"{faults[index]}. The end of its log:\n{read_log_tail(host, desired, index)}"
            )
        if left and time.monotonic() - queried_at > 1:
            queried_at = time.monotonic()
            for index, reason in (
                SUPERVISORS[desired["supervisor"]].find_given_up(host, desired["name"], sorted(left)).items()
            ):
                raise RuntimeError(
                    f"instance {index} ended each time that it was started, and {desired['supervisor']} gave up: "
                    f"{reason}; "
                    f"{faults[index]}. The end of its log:\n{read_log_tail(host, desired, index)}"
                )
        if left:
            time.sleep(0.25)
    return took


def watch(host: Host, desired: Mapping[str, Any], pause: float = 1.0) -> None:
    """Asks instances once a second for `watch` seconds. Raises RuntimeError with the end of the log of the first that
    is not healthy, or whose process is not the same throughout: it may have ended and been started again in between.
    Raises Waiting with the processes of the beginning."""
    earlier, called = find_resumed(desired, "watched"), time.monotonic()
    began = called - earlier.get("seconds", 0)
    before = {int(index): pids for index, pids in earlier.get("pids", {}).items()} or {
        item["index"]: list_pids(host, desired, item["index"]) for item in desired["instances"]
    }
    while time.monotonic() < began + desired["watch"]:
        if is_over(desired, called):
            raise Waiting("watched", time.monotonic() - began, desired["watch"], pids=before)
        time.sleep(pause)
        for item in desired["instances"]:
            index, now = item["index"], list_pids(host, desired, item["index"])
            fault = find_health_fault(host, desired, item, "it")
            if now != before[index]:
                fault = f"it has the process {now or 'none'} instead of {before[index]}"
            if fault:
                raise RuntimeError(
                    f"instance {index} was healthy and did not stay so for {desired['watch']} s: {fault}. "
                    f"The end of its log:\n{read_log_tail(host, desired, index)}"
                )


def list_pids(host: Host, desired: Mapping[str, Any], index: int) -> list[int]:
    """The numbers of an instance's processes."""
    return sorted(row["pid"] for row in find_running(host, desired, index))


def get_log(desired: Mapping[str, Any], index: int) -> str:
    """The application's own log of an instance."""
    return f"{desired['log_dir']}/{index}/xitrum.log"


def get_output_path(desired: Mapping[str, Any], index: int) -> str:
    """The file with what an instance prints; empty where the supervisor keeps it in the journal."""
    where = fill_placeholders(desired, index, "log")
    return where if where.startswith("/") else ""


def get_marks_path(desired: Mapping[str, Any], index: int) -> str:
    """Where it is written down how far the logs of an instance were when it was last started."""
    return f"{get_home(desired, index)}/started"


def mark_logs(host: Host, desired: Mapping[str, Any], index: int) -> None:
    """Writes down how far the logs of an instance are, before it is started: `read_log_tail` shows what follows. Not
    kept in memory, since a later run of the module may find that the same start has failed."""
    output = get_output_path(desired, index)
    marks = {
        "time": time.time(),
        "log": host.read_position(get_log(desired, index)),
        "output": host.read_position(output) if output else (0, 0),
    }
    try:
        host.write(get_marks_path(desired, index), schema.LOG_MARKS.render(marks), 0o640, "root", "root")
    except OSError:
        # On a full disk, for example: the instance starts all the same, and more of its logs is shown.
        return


def read_marks(host: Host, desired: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What `mark_logs` wrote; the beginning of everything where it wrote nothing that can be read."""
    none = {"time": 0.0, "log": (0, 0), "output": (0, 0)}
    try:
        marks = schema.LOG_MARKS.parse(host.read(get_marks_path(desired, index)) or "", get_marks_path(desired, index))
        return {
            **none,
            "time": float(marks["time"]),
            **{name: tuple(map(int, marks[name])) for name in ("log", "output")},
        }
    except (schema.VersionError, ValueError, TypeError, KeyError):
        return none


def read_output(host: Host, desired: Mapping[str, Any], index: int, marks: Mapping[str, Any]) -> str:
    """The end of what an instance has printed since its last start."""
    output = get_output_path(desired, index)
    if output:
        # The application's user may put a link in its place, which a command of root would follow.
        return host.read_tail(output, since=marks["output"])
    command = fill_placeholders(desired, index, "output")
    if marks["time"]:
        result = host.run([*command[:-1], f"--since=@{marks['time']:.6f}", command[-1]])
        if result.rc == 0:
            return result.out
    return host.run(command).out


def read_log_tail(host: Host, desired: Mapping[str, Any], index: int) -> str:
    """The last lines of the instance's own log and of what it printed since it was last started, without the frames of
    stack traces and the JVM's options. Earlier lines are those of another start, and mostly of another release."""
    marks = read_marks(host, desired, index)
    log = host.read_tail(get_log(desired, index), since=marks["log"])
    printed = read_output(host, desired, index, marks)
    noise = ("at ", "Picked up ", "NOTE: Picked up ")
    return "\n".join(
        line
        for text in (log, printed)
        for line in [line for line in text.splitlines() if not line.strip().startswith(noise)][-15:]
    )


def find_pending(host: Host, desired: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The instances that are not in the desired state."""
    todo, defined = [], table.find_defined(host, desired["name"])
    marked = set().union(*defined.values()) if defined else set()
    # What is in a folder that is not on record is nobody's to remove.
    owned = desired["state"] != "absent" or recorded.owns_root(host, desired["name"], desired["root"])
    inside = host.listdir(f"{desired['root']}/instances") if owned else []
    numbers = sorted(marked.union(int(number) for number in filter(str.isdecimal, inside)))
    every: list[dict[str, Any]] = [{"index": number, "port": 0, "folder": ""} for number in numbers]
    stops = operator_stops.read_stops(host, desired["name"])
    for instance in desired["instances"] or (every if desired["state"] == "absent" else []):
        runs = find_running(host, desired, instance["index"])
        there = (owned and host.exists(get_home(desired, instance["index"]))) or instance["index"] in marked
        if desired["state"] == "returned":
            now = host.readlink(f"{get_home(desired, instance['index'])}/current")
            if instance["folder"] and (now != instance["folder"] or not runs):
                todo.append({**instance, "runs": bool(runs)})
        elif desired["state"] == "switched":
            now = host.readlink(f"{get_home(desired, instance['index'])}/current")
            if instance["folder"] not in ("", now) and not runs:
                todo.append({**instance, "runs": False})
        elif {
            "started": not runs,
            "restarted": True,
            "stopped": bool(runs) or desired.get("operator", False) and instance["index"] not in stops,
            "absent": bool(runs) or there,
        }[desired["state"]]:
            todo.append({**instance, "runs": bool(runs)})
    return todo


def find_unused_supervisors(host: Host, desired: Mapping[str, Any]) -> dict[str, list[str]]:
    """The supervisors that have something of the application although none of its instances:
    all, where all are taken away."""
    every = desired["state"] == "absent" and not desired["instances"]
    return table.find_unused(host, desired["name"], () if every else (desired["supervisor"],))


def find_removable_root(host: Host, desired: Mapping[str, Any]) -> list[str]:
    """What of the root is removed with the last instance:
    all of it where it was made for the application, else what is ours in it."""
    root = desired["root"]
    if (
        not desired["remove_root"]
        or desired["state"] != "absent"
        or desired["instances"]
        or folders.is_system(host.realpath(root))
    ):
        return []
    made = recorded.read(host)["applications"].get(desired["name"], {}).get("roots", {}).get(root)
    if made:
        return [root] if host.stat(root) is not None else []
    # Of a folder that was adopted, what is ours; one that is not on record is unmanaged.
    return (
        [f"{root}/{name}" for name in managed_entries.list_managed_entries(host, "roots", root)]
        if made is not None
        else []
    )


def remove_root(host: Host, desired: Mapping[str, Any], left: Sequence[str]) -> None:
    """Removes what `find_removable_root` found, and the folder itself where nothing is in it any more."""
    for path in left:
        host.remove(path)
    if left:
        host.remove_empty(desired["root"])


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The instances that are not in the desired state, and what else is left of the application."""
    every, earlier = desired["state"] == "absent", find_resumed(desired, "started", "running")
    if find_resumed(desired, "watched"):
        # One that has ended meanwhile is a failure, and not started again.
        return {"pending": [], "left": [], "records": [], "started": [], "unused_supervisors": {}}
    if earlier:
        # They have been acted on, whatever state they have by now.
        launched = [{**item, "runs": True} for item in desired["instances"] if item["index"] in earlier["launched"]]
        started = [index for index in find_started(host, desired) if index not in earlier["launched"]]
        return {"pending": launched, "left": [], "records": [], "started": started, "unused_supervisors": {}}
    return {"pending": find_pending(host, desired), "left": find_removable_root(host, desired),
            "records": list_left_records(host, desired), "started": find_started(host, desired),
            "unused_supervisors": find_unused_supervisors(host, desired) if every else {}}


def list_left_records(host: Host, desired: Mapping[str, Any]) -> list[str]:
    """The record of the instances that an operator stopped, where none is left that could be started."""
    path = operator_stops.get_path(desired["name"])
    gone = desired["state"] == "absent" and not desired["instances"]
    return [path] if gone and process.read_if_allowed(host.exists, path) else []


def find_started(host: Host, desired: Mapping[str, Any]) -> list[int]:
    """The instances on record as stopped that something else than a run has started, where an operator has them run."""
    if desired["state"] != "started" or not desired.get("operator"):
        return []
    stops = operator_stops.read_stops(host, desired["name"])
    return [item["index"] for item in desired["instances"]
            if item["index"] in stops and find_running(host, desired, item["index"])]


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides which instances are acted on."""
    actions = [("instance", item) for item in state["pending"]] + [("left", path) for path in state["left"]]
    actions += [*(("record", path) for path in state["records"]), *(("started", index) for index in state["started"])]
    actions += [("unused_supervisor", kind) for kind in state["unused_supervisors"]]
    before, after = format_diff_texts(desired, state["pending"])
    return Draft(actions=actions, before=before, after=after).plan(desired, state)


def format_diff_texts(desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The texts of Ansible's diff, before and after: one line an instance."""
    after = {"started": "runs", "restarted": "restarted", "stopped": "stopped", "absent": "absent",
             "returned": "back to", "switched": "switched to"}[desired["state"]]
    return (
        "".join(f"instance {item['index']}: {'runs' if item['runs'] else 'does not run'}\n" for item in todo),
        "".join(f"instance {item['index']}: {after} {item['folder']}".rstrip() + "\n" for item in todo),
    )


def apply(host: Host, plan: Plan) -> Applied:
    """Drains, acts on the instances, and waits until they are as desired, also those that were so before. Raises
    OSError or RuntimeError. The results are `seconds`, `cut` and `notes`, and `waiting` where the call has to be
    followed by another."""
    desired, pending = plan.desired, plan.state["pending"]
    cut, notes, took = 0, [], {}
    try:
        if desired["drain"]:
            cut = drain(host, desired, pending)
            notes = find_drain_notes(host, cut)
        if plan.changed:
            took = execute(host, desired, pending)
        remove_root(host, desired, plan.state["left"])
        for path in plan.state["records"]:
            host.remove(path)
        if desired["state"] == "started" and not find_resumed(desired, "watched"):
            verify_running(host, desired)
        for index in plan.state["started"]:
            SUPERVISORS[desired["supervisor"]].register(host, desired["name"], index)
        operator_stops.clear(host, desired["name"], plan.state["started"])
        watch(host, desired)
    except Waiting as waiting:
        return Applied({"seconds": took, "cut": cut, "notes": notes, "waiting": {"launched": [], **waiting.report}})
    return Applied({"seconds": took, "cut": cut, "notes": notes}, warnings=tuple(notes))


def execute(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """Stops, switches, starts and waits: index to the seconds until it was healthy. Instances that do not get healthy
    go back to the last folder with which they were.
    Raises RuntimeError then, with the end of the log of what failed."""
    if desired["state"] == "switched":
        return switch_stopped(host, desired, todo)
    starts = desired["state"] in ("started", "restarted", "returned")
    earlier = find_resumed(desired, "started")
    in_step = set(earlier["in_step"]) if earlier else stop_all(host, desired, todo, starts)
    patient = allow_more_time(desired) if desired["state"] == "returned" else desired
    try:
        took = begin(host, patient, todo) if starts else {}
    except Waiting as waiting:
        waiting.report.update(in_step=sorted(in_step), launched=[item["index"] for item in todo])
        raise
    if starts:
        operator_stops.clear(host, desired["name"], [item["index"] for item in todo])
    for index in {item["index"] for item in todo} - in_step:
        step_record.forget(host, desired["name"], index)
    # Last: it is not to be waited for while nothing runs, and the next run makes up for it.
    for kind in find_unused_supervisors(host, desired) if desired["state"] != "stopped" else ():
        SUPERVISORS[kind].clean(host, desired["name"])
    return took


def stop_all(
    host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]], starts: bool
) -> set[int]:
    """The first half of `execute`: the instances stop, and only the desired supervisor has them where it `starts`
    them. Returns those of them that are in a step which others have begun."""
    for instance in todo if starts else []:
        # Something else may still have its port, so that it is not started yet.
        SUPERVISORS[desired["supervisor"]].register(host, desired["name"], instance["index"])
    # Whoever has begun a step ends it: a playbook that drains instances first also puts them back.
    in_step = {
        item["index"]
        for item in todo
        if step_state.find_entry(step_record.read_record(host, desired["name"]), item["index"])
    }
    for instance in todo:
        step_record.note(host, desired, instance["index"], "stopped", instance["folder"] if starts else None)
        # By another supervisor, one that does not run would be started at boot.
        stop(host, desired, instance["index"])
        if desired["state"] != "stopped":
            move(host, desired, instance["index"], (desired["supervisor"],) if starts else ())
        elif desired.get("operator"):
            keep_stopped(host, desired, instance["index"])
        if desired["state"] == "absent" and recorded.owns_root(host, desired["name"], desired["root"]):
            host.remove(get_home(desired, instance["index"]))
            step_record.forget(host, desired["name"], instance["index"])
        if desired["state"] == "absent":
            operator_stops.clear(host, desired["name"], [instance["index"]])
    if desired["state"] == "absent":
        # One that was left on an older release kept the others from being reported as the host's current one.
        installed.update_current(host, desired["root"])
    return in_step


def keep_stopped(host: Host, desired: Mapping[str, Any], index: int) -> None:
    """Keeps an instance, which does not run, from being started at boot and by later runs. The record comes last: until
    then, the next run takes the instance for one that a killed run has stopped, and starts it again."""
    SUPERVISORS[desired["supervisor"]].disable(host, desired["name"], index)
    operator_stops.note(host, desired["name"], index, time.time())
    step_record.forget(host, desired["name"], index)


def switch_stopped(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """Switches instances that do not run to the folder with which they are started next."""
    for instance in todo:
        switch(host, desired, instance)
    installed.update_current(host, desired["root"])
    return {}


def move(host: Host, desired: Mapping[str, Any], index: int, keep: Container[str]) -> None:
    """Takes an instance away from every supervisor that has it but those to keep."""
    for kind, indices in table.find_defined(host, desired["name"]).items():
        if kind not in keep and index in indices:
            # The other slot is started again by what defines it.
            stays = desired.get("keep_definition", False) and kind == desired["supervisor"]
            SUPERVISORS[kind].forget(host, desired["name"], index, stays)


def begin(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """The second half of `execute`: nothing runs, and the desired supervisor alone knows the instances."""
    record = step_record.read_record(host, desired["name"])
    before = {
        item["index"]: step_state.return_folder(
            record, item["index"], host.readlink(f"{get_home(desired, item['index'])}/current") or ""
        )
        for item in todo
    }
    try:
        for instance in [] if find_resumed(desired, "started") else todo:
            launch(host, desired, instance)
        took = verify_healthy(host, desired, todo)
    except (OSError, RuntimeError) as error:
        if desired.get("operator"):
            raise RuntimeError(f"{explain(host, desired, error)}\n{stop_again(host, desired, todo)}") from error
        # First of all: nothing runs, and on a full disk what follows fails too.
        went = go_back(host, desired, todo, before)
        raise RuntimeError(f"{explain(host, desired, error)}\n{went}{drop_failed(host, desired, todo)}") from error
    installed.update_current(host, desired["root"])
    return took


def stop_again(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> str:
    """Stops instances that an operator starts, and that are not healthy: a sentence on that."""
    names = ", ".join(str(item["index"]) for item in todo)
    for item in todo:
        step_record.note(host, desired, item["index"], "stopped", needed=False)
        stop(host, desired, item["index"])
        keep_stopped(host, desired, item["index"])
    return f"Stopped again: instance {names}. Fix the cause, then start it again"


def launch(host: Host, desired: Mapping[str, Any], instance: Mapping[str, Any], needed: bool = True) -> None:
    """Switches an instance and starts it, each recorded first; `needed` is that of `step_record`."""
    # All of it before the switch, since the way back from there needs room on the disk as well.
    step_record.note(
        host, desired, instance["index"], "started", instance["folder"], needed, after=("stopped", "switched")
    )
    switch(host, desired, instance)
    start(host, desired, instance["index"])


def verify_running(host: Host, desired: Mapping[str, Any]) -> None:
    """Waits until all instances are healthy, those too that ran already: one that its supervisor has just started at
    boot is not yet. What a run that was killed has started is recorded as healthy then."""
    unverified = [
        item
        for item in desired["instances"]
        if step_state.is_unverified(
            step_record.read_record(host, desired["name"]),
            item["index"],
            host.readlink(f"{get_home(desired, item['index'])}/current") or "",
        )
    ]
    for item in unverified:
        step_record.note(host, desired, item["index"], "healthy", after=("stopped", "started"))
    wait_until_healthy(host, desired, desired["instances"], "running")
    for item in unverified:
        step_record.note(host, desired, item["index"], "enabled")


def verify_healthy(
    host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]], needed: bool = True
) -> dict[int, float]:
    """As `wait_until_healthy`, with the record of the step: at the end clients may be sent to the instances."""
    for instance in todo:
        step_record.note(host, desired, instance["index"], "healthy", needed=needed)
    took = wait_until_healthy(host, desired, todo)
    for instance in todo:
        step_record.note(host, desired, instance["index"], "enabled", needed=needed)
    return took


def explain(host: Host, desired: Mapping[str, Any], error: Exception) -> str:
    """An error as a message has it: of a full disk, with the path, what it needs and what there is."""
    return f"{error}{disk_space.note(host, error, desired['root'])}"


def drop_failed(host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]]) -> str:
    """Takes the release that did not start off the record of healthy ones, unless the host runs it otherwise. Why that
    could not be done, as the end of a message; empty where it was."""
    current = installed.read_link(host, desired["root"], "current")
    try:
        for name in {item["folder"].rpartition("-")[0] for item in todo} - {"", current}:
            installed.drop_healthy(host, desired["root"], name)
    except OSError as error:
        return f"\nThe record of healthy releases was not changed: {explain(host, desired, error)}"
    return ""


def allow_more_time(desired: Mapping[str, Any]) -> dict[str, Any]:
    """The options for instances that go back to what they ran, see `PATIENCE`."""
    return {**desired, "start_timeout": max(desired["start_timeout"], PATIENCE)}


def go_back(
    host: Host, desired: Mapping[str, Any], todo: Sequence[Mapping[str, Any]], before: Mapping[int, str]
) -> str:
    """Puts instances back to the folders that they had: a sentence on how that went."""
    changed = [
        {**item, "folder": before[item["index"]]}
        for item in todo
        if before[item["index"]] and item["folder"] != before[item["index"]]
    ]
    if not changed:
        return "It has no earlier release to restore, and stays as it is. The next run tries again"
    names = ", ".join(f"{item['index']} to {item['folder'].rpartition('-')[0]}" for item in changed)
    try:
        for instance in changed:
            step_record.note(host, desired, instance["index"], "stopped", instance["folder"], needed=False)
            stop(host, desired, instance["index"])
            launch(host, desired, instance, needed=False)
        verify_healthy(host, {**allow_more_time(desired), "resume": {}, "return_after": 0}, changed, needed=False)
    except (OSError, RuntimeError) as error:
        for instance in changed:
            # What cannot go back runs what it is switched to, rather than nothing.
            with contextlib.suppress(OSError, RuntimeError):
                start(host, desired, instance["index"])
        return f"Restoring instance {names} failed too: {explain(host, desired, error)}"
    return f"Restored and healthy: instance {names}. No other instance was changed"


def _describe_failure(host: Host, plan: Plan, error: Exception) -> str:
    return explain(host, plan.desired, error)


EXECUTION = Execution(unread=str, describe=_describe_failure, always=True, brief=Brief.FAILURES,
                      hidden=("rows", "errors", "fixes", "broken_rules"))
