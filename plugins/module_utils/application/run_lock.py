# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host, and each leaves two lines in a log of runs: one when it begins, one when it ends.

The lock is a file that names its holder: whose run, on which controller, since when. A run gives it back however it
ends, unless it is killed with SIGKILL, or the host is lost. The controller knows its own dead processes, and for those
of others there is an age from which it no longer holds.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any

from ..core import fence, schema
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host
from ..core.lock_record import (
    FOLDER,
    compute_age,
    find_loss_reason,
    format_holder,
    format_time,
    get_guard_path,
    get_path,
    get_unfinished_path,
    is_interrupted,
    read_clock,
    read_record,
)
from ..core.plan import Draft, Plan
from ..core.untrusted_text import make_printable
from . import installed

LOG = "runs.log"

#: Seconds that a lock is waited for while a module of the run before still changes something: longer than a supervisor
#: takes to stop an instance by default.
GUARD_SECONDS = 60

#: How a run ended without its own last word: `died` is written for it by a later one, `stopped` by its controller.
DIED, STOPPED, BEGAN = "died", "stopped", "began"

#: A line of the log: its folder may be another user's, and a host that lost power may have written a part of one. So
#: anything else is passed over.
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (?=[^ ]{3,300} )([!-~]+@[!-~]+) from=([!-~]{1,100}) to=([!-~]{1,100}) "
    r"outcome=([a-z]{1,20}) seconds=(\d{1,10})(?: run=([0-9a-f]{1,40}) playbook=([!-~]{1,100}))?",
    re.ASCII,
)
#: Lines are read up to here, in bytes, and runs that died are written down up to here.
TAIL, _MOST_DIED = 65536, 20

#: Characters of the playbook's name in a line, and those that are shown of a line that is none.
LONGEST_PLAYBOOK, SHOWN_CHARACTERS = 60, 60

NAME = "run_lock"

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "user": {"type": "str", "default": "root"},
    "state": {"type": "str", "required": True, "choices": ["held", "renewed", "released", "abandoned"]},
    "holder": {
        "type": "dict",
        "required": True,
        "options": {
            "id": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "playbook": {"type": "str", "default": ""},
        },
    },
    "release": {"type": "str", "default": ""},
    "outcome": {"type": "str", "default": "done"},
    "healthy": {"type": "bool", "default": False},
    "seconds": {"type": "int", "default": 3600},
    "break_lock": {"type": "str", "default": ""},
}


class LockError(RuntimeError):
    """A lock that cannot be had or is lost: why, and `held_by`, the record of the holder, or an empty dictionary."""

    def __init__(self, why: str, held_by: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.held_by = held_by or {}
        #: What a module returns in addition to the message.
        self.results = {"held_by": self.held_by}


def read_state(host: Host, desired: Mapping[str, Any]) -> dict[str, Any]:
    """The `lock`, or an empty dictionary, the `fault` of a damaged one, whether a run before was `interrupted`, the
    `current` release that the host is switched to, and the `clock` of `read_clock`."""
    lock, fault = read_record(host, desired["name"])
    return {
        "lock": lock,
        "fault": fault,
        "clock": read_clock(host),
        "interrupted": is_interrupted(host, desired["name"]),
        "current": installed.read_link(host, desired["root"], "current"),
    }


def find_refusal(desired: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Why the lock cannot be had now, as a sentence; an empty text where it can."""
    lock = state["lock"]
    if state["fault"] and desired["break_lock"] != "any":
        return (
            f"the lock {get_path(desired['name'])} of this host is damaged ({state['fault']}); expected is the record "
            f"of a "
            f"run. Verify that no run is active on this host, then run again with -e xitrum_break_lock=true"
        )
    held = lock and lock["id"] != desired["holder"]["id"]
    old = compute_age(lock, state["clock"]) if held else 0
    if not held or desired["break_lock"] in (lock["id"], "any") or old > desired["seconds"]:
        return ""
    return (
        f"another run has the lock of this host: that of {format_holder(lock)} (last active {int(old)} s ago). Wait "
        f"until "
        f"it has ended. The lock of a run that was killed expires after {desired['seconds']} s. To break it at once, "
        f"add -e xitrum_break_lock=true"
    )


def format_word(value: Any) -> str:
    """A value of the log in one word: whoever chose it adds no line and no field to it."""
    text = re.sub(r"[\s=]", "_", make_printable(str(value or "-")))
    return "".join(letter if "!" <= letter <= "~" else "?" for letter in text) or "-"


def format_line(lock: Mapping[str, Any], to: str, outcome: str, now: float) -> str:
    """One line of the log: when, who, from, to, how it ended, how long it took, which run it was, and its playbook."""
    return _format_run(
        {
            "from": format_word(str(lock.get("from") or "-")),
            "to": format_word(to or "-"),
            "outcome": outcome,
            "seconds": max(int(now - lock["since"]), 0),
            "run": format_run_id(lock["id"]),
            "playbook": format_word(lock.get("playbook"))[:LONGEST_PLAYBOOK],
        },
        begin_of(lock),
    )


def _format_run(run: Mapping[str, Any], begin: str) -> str:
    """A line of the log. `begin` is what `begin_of` returns; the words of `run` are those of a line."""
    which = f" run={run['run']} playbook={run['playbook'] or '-'}" if run["run"] else ""
    return (
        f"{begin} from={run['from']} to={run['to']} outcome={run['outcome']} seconds={run['seconds']}{which}\n"
    )


def format_run_id(holder: str) -> str:
    """A short name of a run, by the `id` of the holder of its locks: the same on all hosts."""
    return hashlib.sha256(holder.encode("utf-8", "replace")).hexdigest()[:12]


def read_runs(text: str, lock: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The runs of a log, the oldest first: `{when, who, from, to, outcome, seconds, run, playbook}`. `lock` is the
    record of the lock now. The last two are empty in lines of earlier versions.

    One that began and did not end is `began` while it has the lock, and `died` otherwise. What is not a line of a run
    is left out: see `find_log_fault`.
    """
    own = begin_of(lock) if lock else ""
    return [
        {**run, "outcome": DIED} if run["outcome"] == BEGAN and begin != own else run
        for begin, run in _runs(text).items()
    ]


def read_last_run(host: Host, log_dir: str) -> dict[str, Any]:
    """The last run of the log in a folder, as `read_runs` has it; an empty dictionary where there is none."""
    runs = read_runs(host.read_tail(f"{log_dir}/{LOG}", TAIL))
    return runs[-1] if runs else {}


def begin_of(lock: Mapping[str, Any]) -> str:
    """The words of a line of the log that are those of one run alone: when it began, and whose it is."""
    return f"{format_time(lock['since'])} {format_word(lock['user'])}@{format_word(lock['host'])}"


def _runs(text: str) -> dict[str, dict[str, Any]]:
    """The last line of each run: `begin_of` to what it has."""
    return {f"{run['when']} {run['who']}": run for run in filter(None, map(parse_line, text.split("\n")))}


def parse_line(line: str) -> dict[str, Any]:
    """A line of the log as `read_runs` has it; an empty dictionary where it is not a line of a run."""
    found = _LINE.fullmatch(line)
    if not found:
        return {}
    moment, who, before, to, outcome, seconds, run, playbook = found.groups()
    year, month, day, hour, minute, second = map(int, re.split("[^0-9]", moment[:-1]))
    try:
        datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        # A day that no calendar has.
        return {}
    return {
        "when": moment,
        "who": who,
        "from": before,
        "to": to,
        "outcome": outcome,
        "seconds": int(seconds),
        "run": run or "",
        "playbook": playbook if playbook and playbook != "-" else "",
    }


def find_log_fault(text: str, path: str) -> str:
    """Which lines of a log are not lines of a run, as a sentence; empty where there are none. text: its end, of at most
    `TAIL` bytes."""
    lines = text.split("\n")
    # The first one may be the end of a line.
    wrong = [line for line in lines[len(text.encode("utf-8", "replace")) >= TAIL :] if line and not parse_line(line)]
    if not wrong:
        return ""
    one = len(wrong) == 1
    what = "1 line that is not a line of a run" if one else f"{len(wrong)} lines that are not lines of a run"
    return (
        f'{path} has {what}, left out here. The first is "{make_printable(wrong[0][:SHOWN_CHARACTERS])}". The host may '
        "have lost power, or somebody changed the file"
    )


def change_lock(host: Host, desired: Mapping[str, Any], now: float) -> tuple[bool, list[str]]:
    """Takes the lock, renews it or gives it back, as `state` reports. Returns `(interrupted, notes)`, see `take`.

    No module of another run changes anything meanwhile. Raises `LockError`.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                host.hold_guard(get_guard_path(desired["name"]), desired["state"] != "renewed", GUARD_SECONDS)
            )
        except OSError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            lock, _fault = read_record(host, desired["name"])
            whose = f"of the run of {format_holder(lock)}" if lock else "of an earlier run"
            raise LockError(
                f"a module {whose} is still changing something on this host, and has been for more than "
                f"{GUARD_SECONDS} s. Wait until "
                f"it has ended, and run the playbook again ({error})",
                lock,
            ) from error
        state = read_state(host, desired)
        if desired["state"] == "held":
            why = find_refusal(desired, state)
            if why:
                raise LockError(why, state["lock"])
            return take(host, desired, state, now)
        if desired["state"] == "renewed":
            return False, renew(host, desired, state)
        return False, give_back(host, desired, state, now)


def take(host: Host, desired: Mapping[str, Any], state: Mapping[str, Any], now: float) -> tuple[bool, list[str]]:
    """Takes the lock, or keeps it where it is this run's. Returns `(interrupted, notes)`: whether a run before did not
    end well, and sentences on what could not be written down."""
    if state["lock"].get("id") == desired["holder"]["id"]:
        return False, renew(host, desired, state)
    boot, uptime = state["clock"]
    mine = {**desired["holder"], "since": now, "from": state["current"], "boot": boot, "uptime": uptime}
    host.make_directory(FOLDER)
    if state["lock"] or state["fault"]:
        host.write(get_path(desired["name"]), schema.LOCK.render(mine), 0o600)
    elif not host.create(get_path(desired["name"]), schema.LOCK.render(mine), 0o600):
        raise LockError("another run took the lock at this moment: run the playbook again")
    notes = record_died(host, desired, state, now) + record(
        host, desired, format_line(mine, desired["release"], BEGAN, now)
    )
    installed.begin_healthy(host, desired["root"])
    return state["interrupted"], notes


def renew(host: Host, desired: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """Lets the age of this run's lock count from now. Raises `LockError` where it is not this run's. A full disk is no
    reason to stop.
    """
    why = find_loss_reason(desired["name"], desired["holder"]["id"], state["lock"], state["fault"])
    if why:
        raise LockError(why, state["lock"])
    boot, uptime = state["clock"]
    try:
        host.write(
            get_path(desired["name"]), schema.LOCK.render({**state["lock"], "boot": boot, "uptime": uptime}), 0o600
        )
    except OSError as error:
        return [f"the lock of {desired['name']} could not be renewed, and is as old as it was: {error}"]
    return []


def give_back(host: Host, desired: Mapping[str, Any], state: Mapping[str, Any], now: float) -> list[str]:
    """Removes the lock where it is this run's, and writes the run to the log of runs. Returns sentences on what
    could not be written.

    What needs room on a disk comes after the lock is gone, or does not keep it.
    """
    lock = state["lock"]
    if lock.get("id") != desired["holder"]["id"]:
        return []
    if desired["state"] == "abandoned":
        notes = record(host, desired, format_line(lock, desired["release"], STOPPED, now))
        # A rename needs no room for data, as a removal.
        host.rename(get_path(desired["name"]), get_unfinished_path(desired["name"]))
        return notes
    to = desired["release"] if desired["outcome"] in ("failed", "incomplete") else state["current"]
    notes = record(host, desired, format_line(lock, to, desired["outcome"], now))
    try:
        judge_release(host, desired, state["current"])
    finally:
        for there in (get_unfinished_path(desired["name"]), get_path(desired["name"])):
            host.remove(there)
        # Where everything is undone, the lock was the last.
        host.remove_empty(FOLDER)
    return notes


def judge_release(host: Host, desired: Mapping[str, Any], current: str) -> None:
    """Records whether the release of this run was healthy, by which a rollback goes. One that failed and that the host
    runs again, since it was put back to it, had another fault, such as its configuration, and stays on the record."""
    name = desired["release"]
    if desired.get("healthy") and name and name == current:
        installed.add_healthy(host, desired["root"], name)
    elif desired["outcome"] == "failed" and name and name != current:
        installed.drop_healthy(host, desired["root"], name)


def record_died(host: Host, desired: Mapping[str, Any], state: Mapping[str, Any], now: float) -> list[str]:
    """Writes down the end of runs that did not do so: that of the lock, and others of which the log has the begin
    alone.
    """
    lock, begun = (
        state["lock"],
        {
            begin: run
            for begin, run in _runs(host.read_tail(f"{desired['log_dir']}/{LOG}", TAIL)).items()
            if run["outcome"] == BEGAN
        },
    )
    lines = [format_line(lock, state["current"], DIED, now)] if lock else []
    lines += [
        _format_run({**run, "outcome": DIED}, begin)
        for begin, run in begun.items()
        if not lock or begin != begin_of(lock)
    ][-_MOST_DIED:]
    return record(host, desired, "".join(lines)) if lines else []


def record(host: Host, desired: Mapping[str, Any], text: str) -> list[str]:
    """Appends to the log of runs, which is in the folder of log files where there is one. A removal begins no new one
    in a folder of another user.

    Returns a sentence where that could not be done: no run ends for it, and no lock stays.
    """
    path = f"{desired['log_dir']}/{LOG}"
    there = desired["log_dir"] if desired.get("outcome") != "removed" else path
    try:
        if host.exists(there):
            # A host that lost power may have written a part of a line, which would make this one unreadable too.
            begin = "" if host.read_tail(path, 1) in ("", "\n") else "\n"
            host.append(path, begin + text, 0o640, "root", desired["user"])
    except (OSError, LookupError) as error:
        return [f"a line could not be added to {path}: {error}"]
    return []


# --------------------------------------------------------------------------------------------------------- component


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Whether a run before was `interrupted`. Whose the lock is, is read by `apply`, which keeps others from taking it
    meanwhile: what was read before would not count any more."""
    return {"interrupted": is_interrupted(host, desired["name"])}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides that the lock is taken, renewed or given back."""
    facts = {"interrupted": state["interrupted"], "run": "", "current": ""}
    return Draft(actions=[("lock", desired["state"])], facts=facts).plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Takes the lock, renews it or gives it back: the results `interrupted`, `run` and `current`. Raises LockError and
    OSError."""
    desired = plan.desired
    try:
        interrupted, notes = change_lock(host, desired, time.time())
    except LockError:
        raise
    except (OSError, RuntimeError) as error:
        raise RuntimeError(f"the lock of {desired['name']}: {error}") from error
    is_held = desired["state"] in ("held", "renewed")
    run = fence.describe(desired["name"], desired["holder"]["id"]) if is_held else ""
    current = installed.read_link(host, desired["root"], "current")
    return Applied({"interrupted": interrupted, "run": run, "current": current}, warnings=tuple(notes))


#: Taking a lock is not a change of the host, and needs no other lock.
EXECUTION = Execution(fenced=False, brief=Brief.FAILURES, bookkeeping=True,
                      hidden=("rows", "errors", "fixes", "broken_rules", "diff"))
