# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a read of the hosts leaves a run anything to do, and the fleet on one screen.
Pure: dictionaries in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core import operator_stops
from ..core.name_lists import format_names
from ..core.plan import RUN
from ..core.statuses import STATUSES

#: The words for a row's status, as a person reads them.
WORDS = {name: status.words for name, status in STATUSES.items()}

#: What is to be done to instances, by the lists of their component's report, with the words for it in a summary.
_WORK = {
    "start": "start",
    "restart": "restart",
    "stop": "stop",
    # An operator stopped it: it gets the release, and is not started.
    "switch": "update stopped",
    "orphaned": "remove",
    "unhealthy": "wait for",
}


def get_components(state: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The components of one host's read: name to its report."""
    return {name: report for name, report in (state or {}).items() if isinstance(report, dict) and "rows" in report}


def needs_work(state: Mapping[str, Any] | None) -> bool:
    """Whether a run would change anything on the host: a file, a process, or what is left over."""
    found = get_components(state)
    instances = found.get("instances", {})
    return any(report["drift"] for report in found.values()) or any(instances.get(name) for name in _WORK)


def is_unfinished(state: Mapping[str, Any] | None) -> bool:
    """Whether a run is at work on the host or has ended early there: its lock, or a step that it has not ended."""
    instances = get_components(state).get("instances", {})
    return bool(instances.get("locked") or instances.get("interrupted"))


def list_rows(state: dict[str, Any] | None) -> list[dict[str, Any]]:
    """All rows of a host's read."""
    return [row for report in get_components(state).values() for row in report["rows"]]


def open_work(state: dict[str, Any], host: str) -> str:
    """The drift that is left, for a person."""
    left = [
        f"  {row['item']}: desired {row['desired']}, configured {row['configured'] or '-'}, effective "
        f"{row['effective'] or '-'} ({row['why']})"
        for row in list_rows(state)
        if row["status"] in ("drift", "restart_pending")
    ]
    changed = sorted(name for name, report in get_components(state).items() if report["drift"])
    sick = get_components(state).get("instances", {}).get("unhealthy")
    advice = ("An instance that runs and is not healthy is fixed in the application: read its log" if sick else
              "Run the playbook again; if this stays, it is a fault of the collection")
    return "\n".join(
        [f"{host} is out of sync after this run ({', '.join(changed) or 'instances'}):", *left, advice]
    )


def format_host_count(count: int) -> str:
    """A number of hosts, for a person."""
    return f"{count} host{'' if count == 1 else 's'}"


def render_fleet_summary(
    states: dict[str, dict[str, Any] | None],
    check_mode: bool,
    everything: bool = False,
    command: str = RUN,
    lost: Sequence[str] = (),
) -> str:
    """The fleet in one screen. `states` maps a host to its read; a host without one was not reached. With
    `everything`, the rows that are in sync are shown too. `command` is the line to type that restarts
    instances. `lost` are the hosts that left the run before its end: nobody knows what they are now."""
    states = {host: None if host in lost else state for host, state in states.items()}
    instances = [
        (host, item)
        for host in sorted(states)
        for item in get_components(states[host]).get("instances", {}).get("instances", [])
    ]
    releases = sorted({item["release"] for _host, item in instances if item["release"]})
    head = format_host_count(len(states))
    if any("instances" in get_components(state) for state in states.values()):
        head += (
            f", {sum(item['running'] for _host, item in instances)} of {len(instances)} instances running, release "
            f"{', '.join(releases) or 'none'}"
        )
    text = [f"Check mode: no host was changed. Present state: {head}" if check_mode else head, ""]
    if instances:
        jdks = {host: get_components(states[host]).get("jdk", {}) for host in states}
        text += render_table(
            ("host", "instance", "port", "pid", "release", "jdk"),
            [
                (
                    host,
                    item["index"],
                    item["port"],
                    item["pid"] or "-",
                    item["release"] or "-",
                    jdks[host].get("reported_version") or "-",
                )
                for host, item in instances
            ],
        )
        text.append("")
    text += render_three_columns(states, everything)
    text += find_restart_notes(states, command)
    text += find_stop_notes(states)
    if lost:
        text.append(
            f"Lost during the run, so that its state is not known: {', '.join(sorted(lost))}. See the failure above, "
            "then run the playbook again."
        )
    unread = sorted(host for host in states if not get_components(states[host]) and host not in lost)
    if unread:
        text.append(f"Not reached: {', '.join(unread)}")
    return "\n".join(text).rstrip()


#: How many values of one component a summary of changes lists.
LISTED = 4


def render_changes(states: dict[str, dict[str, Any] | None], decommissioned: Sequence[str] = ()) -> str:
    """What a run would change, as a table of hosts, components and values. `states` maps a host to its read. Hosts
    with the same changes share a line. The run reads none of the `decommissioned` hosts before it cleans them."""
    removed = [
        f"The application is removed from decommissioned hosts that still have it: {', '.join(decommissioned)}."
    ] if decommissioned else []
    return "\n".join([_render_changes_read(states), *removed])


def _render_changes_read(states: Mapping[str, dict[str, Any] | None]) -> str:
    """What a run would change on the hosts that were read."""
    found: dict[tuple[str, str], list[str]] = {}
    for host in sorted(states):
        for name, report in get_components(states[host]).items():
            text = _format_change(name, report)
            if text:
                found.setdefault((name, text), []).append(host)
    if not found:
        return "No host would change."
    lines = [(format_names(hosts, LISTED), name, text) for (name, text), hosts in found.items()]
    changed = format_host_count(len({host for hosts in found.values() for host in hosts}))
    rows = render_table(("host", "component", "would change"), lines)
    return "\n".join([f"What a run would change, on {changed} of {len(states)}:", *rows])


def _get_number(item: Mapping[str, Any] | int) -> int:
    """The number of an instance in a list of work: the unhealthy ones are listed by it alone."""
    return item if isinstance(item, int) else item["index"]


def _format_change(name: str, report: Mapping[str, Any]) -> str:
    """What a run would change of one component; empty where nothing."""
    found = [(words, report[key]) for key, words in _WORK.items() if report.get(key)]
    acts = [f"{words} instance {', '.join(map(str, map(_get_number, items)))}" for words, items in found]
    left = [row for row in report["rows"] if row["status"] == "drift"]
    values = [
        f"{row['item']} {row['effective'] or row['configured'] or 'nothing'} -> {row['desired'] or 'nothing'}"
        for row in left[:LISTED]
    ]
    values += [f"{len(left) - LISTED} more values"] if len(left) > LISTED else []
    return "; ".join(acts + values) or ("files" if report["drift"] else "")


def find_restart_notes(states: dict[str, dict[str, Any] | None], command: str) -> list[str]:
    """The running instances that need a restart after a run that restarts none (host preparation),
    and the command that restarts them."""
    due = {host: get_components(states[host]).get("restarts", {}).get("instances", []) for host in sorted(states)}
    found = [
        f"  {host} instance {item['index']} ({'; '.join(item['why'])})" for host, items in due.items() for item in items
    ]
    head = [
        "",
        "Restart pending. This playbook restarts no instance. These instances run with their last settings:",
    ]
    return [*head, *found, f"To restart them in batches, run: {command}"] if found else []


def find_stop_notes(states: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """The instances that an operator stopped, a line each."""
    found = {host: get_components(states[host]).get("instances", {}).get("instances", []) for host in sorted(states)}
    return [line for host, listed in found.items() for line in operator_stops.format_stops(host, listed)]


def group_rows(states: dict[str, dict[str, Any] | None]) -> dict[tuple[str, ...], dict[str, list[str]]]:
    """Rows that report the same of several hosts or instances, once: the row's words to where they hold."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for host in sorted(states):
        for row in list_rows(states[host]):
            of_instance = row["component"] == "instance"
            place, _space, item = row["item"].partition(" ") if of_instance else ("", "", row["item"])
            key = (
                item,
                row["desired"] or "-",
                row["configured"] or "-",
                row["effective"] or "-",
                row["status"],
                row["why"],
            )
            found.setdefault(key, {}).setdefault(host, []).append(place.replace("instance-", ""))
    return found


def format_places(where: dict[str, list[str]], count: int) -> str:
    """The hosts and instances of a row, short."""
    if len(where) == count and count > 1 and not any(any(numbers) for numbers in where.values()):
        return "all hosts"
    return " ".join(host + (f":{','.join(numbers)}" if any(numbers) else "") for host, numbers in where.items())


#: Items that are always shown: what the guide is about, and what no file can show.
SHOWN = ("nofile", "backlog", "MaxHeapSize")


def render_three_columns(states: dict[str, dict[str, Any] | None], everything: bool) -> list[str]:
    """Desired, configured, effective. What is in sync is counted, unless it is one of SHOWN."""
    found, count = group_rows(states), len(states)
    lines, good = [], 0
    elsewhere: dict[tuple[str, str], list[str]] = {}
    for (item, desired, configured, effective, status, why), where in found.items():
        if status in ("absent", "read_only") and not everything:
            elsewhere.setdefault((WORDS[status], format_places(where, count)), []).append(item)
        elif status == "ok" and item not in SHOWN and not everything:
            good += 1
        else:
            lines.append((item, desired, configured, effective, WORDS[status], format_places(where, count), why))
    text = (
        render_table(("item", "desired", "configured", "effective", "status", "where", "reason"), lines)
        if lines
        else []
    )
    if good:
        text.append(f"{good} {'more ' if lines else ''}value{' is' if good == 1 else 's are'} in sync.")
    text += [f"{word}: {', '.join(items)} ({where})" for (word, where), items in elsewhere.items()]
    return text


def render_table(header: tuple[str, ...], lines: Sequence[tuple[int | str, ...]]) -> list[str]:
    """Columns as wide as their widest cell."""
    cells = [header, *lines]
    widths = [max(len(str(line[column])) for line in cells) for column in range(len(header))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]
