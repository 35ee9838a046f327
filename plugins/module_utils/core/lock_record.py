# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lock of an application on a host reports: whose run has it, and for how long nothing was heard of that
run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from . import schema
from .host import Host
from .untrusted_text import make_printable

FOLDER = "/var/lib/xitrum.host"

#: What a record of a lock must have, and of what type, to report whose it is and how old.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str, "user": str, "host": str, "since": (int, float), "boot": str, "uptime": (int, float),
}

#: More seconds than any clock shows, by which infinity and no number are out as well.
MOST_SECONDS = 1e12


def get_path(name: str) -> str:
    """The lock of an application."""
    return f"{FOLDER}/{name}.lock"


def get_unfinished_path(name: str) -> str:
    """What is left of a lock whose run ended before its last task, so that the next one puts instances back into use.
    """
    return f"{FOLDER}/{name}.unfinished"


def get_guard_path(name: str) -> str:
    """The file whose kernel lock every module holds while it changes something, together with others, and a broken lock
    alone.

    In `/run`, which is in memory: a full disk is not a reason to keep a lock.
    """
    return f"/run/xitrum.host.run.{name}.lock"


def format_time(moment: float) -> str:
    """A moment in seconds since 1970 as ISO 8601 in UTC."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def is_interrupted(host: Host, name: str) -> bool:
    """Whether a lock is there, of a run at work or of one that died, or what one left that ended before its last task.
    """
    return host.exists(get_path(name)) or host.exists(get_unfinished_path(name))


def read_clock(host: Host) -> tuple[str, float]:
    """`(boot, seconds)`: which boot of the host this is, and for how long it runs. Nobody sets this clock.

    An empty text where the system does not report: then a lock has no age.
    """
    boot = (host.read("/proc/sys/kernel/random/boot_id") or "").strip()
    try:
        return boot, float((host.read("/proc/uptime") or "").split()[0])
    except (IndexError, ValueError):
        return "", 0.0


def read_record(host: Host, name: str) -> tuple[dict[str, Any], str]:
    """The record of a lock: `(record, fault)`. No lock is `({}, "")`; one that does not report whose it is has a
    fault.
    """
    text = host.read(get_path(name))
    if text is None:
        return {}, ""
    try:
        found = schema.LOCK.parse(text, get_path(name))
    except ValueError:
        return {}, "it is not a record in JSON"
    except schema.VersionError as error:
        return {}, error.reason
    missing = [key for key, kind in FIELDS.items() if not _is_valid(found.get(key), kind)]
    return ({}, f"it has no valid {' and '.join(missing)}") if missing else (found, "")


def _is_valid(value: Any, kind: type | tuple[type, ...]) -> bool:
    """Whether a value of a record can be worked with: no truth value, and no number beyond all times."""
    if isinstance(value, (int, float)) and (isinstance(value, bool) or not abs(value) < MOST_SECONDS):
        return False
    return isinstance(value, kind)


def compute_age(lock: Mapping[str, Any], clock: tuple[str, float]) -> float:
    """For how long nothing was heard of a lock's run, in seconds. After a boot of the host it is at least as old as
    that boot, and so it is where the host runs for less time than the lock states: the clock began again in the same
    boot, as in a container, whose kernel goes on.
    """
    boot, seconds = clock
    if not boot:
        return 0.0
    return seconds - lock["uptime"] if lock["boot"] == boot and lock["uptime"] <= seconds else seconds


def find_alive(lock: Mapping[str, Any], clock: tuple[str, float], seconds: float) -> Mapping[str, Any] | None:
    """The record of a lock, unless nothing was heard of its run for more than `seconds`: from then on, the next run
    takes it for that of a run that died."""
    return lock if lock and compute_age(lock, clock) <= seconds else None


def format_holder(lock: Mapping[str, Any]) -> str:
    """Who has a lock, to print."""
    return f"{make_printable(lock['user'])} on {make_printable(lock['host'])}, since {format_time(lock['since'])}"


def find_loss_reason(name: str, holder: str, record: Mapping[str, Any], fault: str) -> str:
    """Why a run no longer has its lock, as a sentence; an empty text where it has. `holder` is the run's `id`."""
    if record.get("id") == holder:
        return ""
    whose = (
        f"to the run of {format_holder(record)}"
        if record
        else f"since {get_path(name)} is damaged ({fault})"
        if fault
        else f"since {get_path(name)} is gone"
    )
    return (
        f"this run has lost its lock of {name} on this host {whose}. It changed nothing more here. "
        "See what the other run does, or did, "
        "and run the playbook again"
    )
