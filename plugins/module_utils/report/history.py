# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of a fleet, from the logs of runs of its hosts: one document for programs, and one screen for people. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.lock_record import format_time
from ..core.untrusted_text import make_printable, make_sendable
from .fleet_summary import get_components, render_table
from .schemas import VERSION
from .status import HostRead, IsGone, find_host_errors, format_duration

#: Runs that are shown without a number, and at most.
DEFAULT_RUNS, MOST_RUNS = 20, 1000

#: How a run can end, the worst first. An outcome that is not in the list comes last.
OUTCOMES = ("running", "died", "stopped", "failed", "incomplete", "removed", "maintained", "done")

#: Hosts of a run that a line of the table names.
MOST_HOSTS = 4

COLUMNS = ("started", "by", "playbook", "from", "to", "took", "outcome", "hosts")


def build_history_document(
    hosts: Sequence[HostRead], most: int, now: float, is_gone: IsGone = lambda _lock: False
) -> dict[str, Any]:
    """The newest `most` runs of a fleet, as the schema `HISTORY` of `schemas` describes them. `now` is the clock of
    the controller, in seconds since the epoch."""
    runs: dict[tuple[str, ...], list[tuple[str, dict[str, Any]]]] = {}
    for host in hosts:
        seen: dict[tuple[str, str], int] = {}
        for entry in list_entries(host, is_gone):
            # A run that locks a host again, as two playbooks of one command do, is another one.
            which = (entry["run"], entry["playbook"])
            seen[which] = seen.get(which, 0) + 1
            key = (*which, str(seen[which])) if entry["run"] else (host.name, entry["when"], entry["who"])
            runs.setdefault(key, []).append((host.name, entry))
    found = sorted(map(describe_run, runs.values()), key=lambda run: (run["started"], run["run"]))
    unread = [host for host in hosts if not host.is_read]
    document: dict[str, Any] = make_sendable(
        {
            "schema_version": VERSION,
            "time": format_time(now),
            "outcome": "complete" if not unread else "partial" if len(unread) < len(hosts) else "failed",
            "errors": [*find_host_errors(hosts), *find_lock_errors(hosts), *find_log_errors(hosts)],
            "runs": found[-most:],
        }
    )
    return document


def list_entries(host: HostRead, is_gone: IsGone) -> list[dict[str, Any]]:
    """The runs of the log of one host. One that seems to run, and whose process has ended, has died."""
    report = get_components(host.state).get("past_runs", {}) if host.is_read else {}
    dead = bool(report.get("holder")) and is_gone(report["holder"])
    return [
        {**entry, "outcome": "died"} if dead and entry["outcome"] == "running" else entry
        for entry in report.get("runs", ())
    ]


def find_lock_errors(hosts: Iterable[HostRead]) -> list[str]:
    """The hosts whose lock cannot be read, a sentence each."""
    return [f"{name} has a lock that cannot be read: {fault}" for name, fault in list_faults(hosts, "lock_fault")]


def find_log_errors(hosts: Iterable[HostRead]) -> list[str]:
    """The hosts whose log of runs has lines that are none, a sentence each."""
    return [f"{name}: {fault}" for name, fault in list_faults(hosts, "log_fault")]


def list_faults(hosts: Iterable[HostRead], kind: str) -> list[tuple[str, str]]:
    """The hosts that were read and have such a fault, each with it."""
    reports = {host.name: get_components(host.state).get("past_runs", {}) for host in hosts if host.is_read}
    return [(name, report[kind]) for name, report in reports.items() if report.get(kind)]


def describe_run(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """One run, from what each of its hosts has of it."""
    hosts = [describe_host(name, entry) for name, entry in sorted(entries, key=lambda pair: pair[0])]
    user, _at, controller = entries[0][1]["who"].rpartition("@")
    return {
        "run": entries[0][1]["run"],
        "playbook": entries[0][1]["playbook"],
        "user": user,
        "controller": controller,
        "started": min(host["started"] for host in hosts),
        "seconds": max(host["seconds"] for host in hosts),
        "outcome": min((host["outcome"] for host in hosts), key=rank_outcome),
        "release_from": find_common(host["release_from"] for host in hosts),
        "release_to": find_common(host["release_to"] for host in hosts),
        "hosts": hosts,
    }


def describe_host(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What one host has of a run."""
    return {
        "name": name,
        "outcome": entry["outcome"],
        "release_from": parse_release(entry["from"]),
        "release_to": parse_release(entry["to"]),
        "started": entry["when"],
        "seconds": entry["seconds"],
    }


def parse_release(word: str) -> str | None:
    """A release of the log; nothing where it has none."""
    return None if word == "-" else word


def find_common(values: Iterable[str | None]) -> str | None:
    """The value that all hosts have; nothing where they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def rank_outcome(outcome: str) -> int:
    """How bad an outcome is: the worst is the lowest."""
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else len(OUTCOMES)


def find_number_error(value: Any) -> str:
    """Why `history_runs` is not a number of runs, as a sentence; empty where it is one."""
    try:
        if not isinstance(value, (bool, float)) and 1 <= int(value) <= MOST_RUNS:
            return ""
    except (TypeError, ValueError):
        pass
    return f"history_runs is {make_printable(repr(value))}: expected a whole number from 1 to {MOST_RUNS}"


# ------------------------------------------------------------------------------------------------------ for a terminal


def render_history_table(document: Mapping[str, Any]) -> str:
    """The runs, a line each, the newest last; hosts that were not read come before them."""
    errors = [*document["errors"], ""] if document["errors"] else []
    if not document["runs"]:
        nothing = ["No run has changed these hosts yet."]
        return "\n".join([*errors, *(nothing if document["outcome"] != "failed" else [])])
    return "\n".join([*errors, *render_table(COLUMNS, [format_run(run) for run in document["runs"]])])


def format_run(run: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of one run."""
    return (
        run["started"],
        f"{run['user']}@{run['controller']}",
        run["playbook"] or "-",
        format_releases(run, "release_from"),
        format_releases(run, "release_to"),
        format_duration(run["seconds"]),
        run["outcome"],
        format_hosts(run),
    )


def format_releases(run: Mapping[str, Any], field: str) -> str:
    """The releases of a run's hosts, each once."""
    return ", ".join(dict.fromkeys(host[field] or "-" for host in run["hosts"]))


def format_hosts(run: Mapping[str, Any]) -> str:
    """The hosts of a run; where they ended differently, those that ended worst first, each with its outcome."""
    hosts = sorted(run["hosts"], key=lambda host: (rank_outcome(host["outcome"]), host["name"]))
    mixed = len({host["outcome"] for host in hosts}) > 1
    names = [f"{host['name']} ({host['outcome']})" if mixed else host["name"] for host in hosts]
    more = len(names) - MOST_HOSTS
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:MOST_HOSTS])} and {more} more"


def list_history_rows(document: Mapping[str, Any]) -> list[list[str]]:
    """The runs for the format `lines`: the columns of the table, with exact values and all hosts."""
    return [
        [
            run["started"],
            f"{run['user']}@{run['controller']}",
            run["playbook"] or "-",
            format_releases(run, "release_from"),
            format_releases(run, "release_to"),
            str(run["seconds"]),
            run["outcome"],
            ",".join(host["name"] for host in run["hosts"]),
            run["run"] or "-",
        ]
        for run in document["runs"]
    ]
