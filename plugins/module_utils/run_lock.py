# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host, and each leaves a line in a log of runs.

The lock is a file that names its holder: whose run, on which controller, since when. A run that was killed cannot give
it back; the controller knows its own dead processes, and for those of others there is an age from which it no longer holds.
"""

from __future__ import annotations

import json
import re
import time

from ansible_collections.xitrum.host.plugins.module_utils import release
from ansible_collections.xitrum.host.plugins.module_utils.foreign_text import printable

FOLDER = "/var/lib/xitrum.host"
LOG = "runs.log"

SPEC = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "log_dir": {"type": "path", "required": True},
    "user": {"type": "str", "default": "root"},
    "state": {"type": "str", "required": True, "choices": ["held", "released"]},
    "holder": {"type": "dict", "required": True, "options": {
        "id": {"type": "str", "required": True}, "user": {"type": "str", "required": True}, "host": {"type": "str", "required": True},
    }},
    "release": {"type": "str", "default": ""},
    "outcome": {"type": "str", "default": "done"},
    "healthy": {"type": "bool", "default": False},
    "seconds": {"type": "int", "default": 3600},
    "take_over": {"type": "str", "default": ""},
}


def path(name):
    """The lock of an application."""
    return f"{FOLDER}/{name}.lock"


def when(moment):
    """A moment in seconds since 1970 as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def read(host, wanted):
    """The lock, or an empty dictionary, whether there is one that nobody can read, and the release that the host is switched to."""
    text = host.read(path(wanted["name"]))
    try:
        lock = json.loads(text or "{}")
    except ValueError:
        lock = {}
    return {"lock": lock, "broken": text is not None and not lock, "current": (host.readlink(f"{wanted['root']}/current") or "").rpartition("/")[2]}


def refusal(wanted, lock, now):
    """Why the lock cannot be had now, as a sentence; an empty text where it can."""
    held = lock.get("id") and lock["id"] != wanted["holder"]["id"]
    if not held or wanted["take_over"] in (lock["id"], "any") or now - lock.get("seen", lock["since"]) > wanted["seconds"]:
        return ""
    who, where = word(lock["user"]), word(lock["host"])
    return (f"another run is at work here: that of {who} on {where}, since {when(lock['since'])} ({int(now - lock['since'])} s ago). "
            f"Wait until it has ended. Where it ended without giving the lock back, it no longer holds after {wanted['seconds']} s, or at once with "
            "-e xitrum_take_over=true")


def word(value):
    """A value of the log in one word: whoever chose it adds no line and no field to it."""
    return re.sub(r"[\s=]", "_", printable(str(value or "-"))) or "-"


def line(lock, to, outcome, now):
    """One line of the log: when, who, from, to, how it ended, and how long it took."""
    return (f"{when(lock['since'])} {word(lock['user'])}@{word(lock['host'])} from={word(lock.get('from'))} to={word(to)} outcome={word(outcome)} "
            f"seconds={int(now - lock['since'])}\n")


def take(host, wanted, state, now):
    """Takes the lock. What another run left without a word is written down for it first: True where there was one."""
    lock, mine = state["lock"], {**wanted["holder"], "since": now, "from": state["current"]}
    if lock.get("id") == wanted["holder"]["id"]:
        host.write(path(wanted["name"]), json.dumps({**lock, "seen": now}), 0o600)
        return False
    host.make_directory(FOLDER)
    if state["broken"]:
        # What wrote it is gone.
        host.write(path(wanted["name"]), json.dumps(mine), 0o600)
    elif lock:
        record(host, wanted, line(lock, state["current"], "unknown", now))
        host.write(path(wanted["name"]), json.dumps(mine), 0o600)
    elif not host.create(path(wanted["name"]), json.dumps(mine), 0o600):
        raise RuntimeError("another run took the lock at this very moment: run the playbook again")
    release.begin_healthy(host, wanted["root"])
    return bool(lock or state["broken"])


def give_back(host, wanted, state, now):
    """Writes the line and removes the lock, where it is this run's."""
    lock = state["lock"]
    if lock.get("id") != wanted["holder"]["id"]:
        return
    judge_release(host, wanted, state["current"])
    to = wanted["release"] if wanted["outcome"] in ("failed", "incomplete") else state["current"]
    record(host, wanted, line(lock, to, wanted["outcome"], now))
    host.remove(path(wanted["name"]))
    # Where everything is taken back, the lock was the last.
    host.remove_empty(FOLDER)


def judge_release(host, wanted, current):
    """Records whether the release of this run was healthy, by which a rollback goes. One that failed and that the host
    runs again, since it was put back to it, had another fault, such as its configuration, and stays on the record."""
    name = wanted["release"]
    if wanted.get("healthy") and name and name == current:
        release.add_healthy(host, wanted["root"], name)
    elif wanted["outcome"] == "failed" and name and name != current:
        release.drop_healthy(host, wanted["root"], name)


def record(host, wanted, text):
    """Appends to the log of runs, which is in the folder of log files where there is one. A removal begins no new one in a folder of somebody else."""
    there = wanted["log_dir"] if wanted.get("outcome") != "removed" else f"{wanted['log_dir']}/{LOG}"
    if host.exists(there):
        host.append(f"{wanted['log_dir']}/{LOG}", text, 0o640, "root", wanted["user"])
