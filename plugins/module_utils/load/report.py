# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a load test: the figures of each route that connections took, and of earlier runs next to them. "
"Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..report.fleet_summary import render_table
from . import counts as load_counts
from . import fleet as load_fleet
from . import limits as load_limits

#: Columns of earlier runs that are shown, the latest.
EARLIER_MOST = 4

#: What is reported about a burst where it is not 0.
BURST_WORDS = {"delayed": "after 1 s or more", "failed": "not at all", "ListenOverflows": "times full"}

#: A growth of less for each connection, in bytes, is noise.
MEMORY_LEAST = 64


@dataclass(frozen=True)
class HostResults:
    """What one host of a load test measured.

    routes: route to its `before`, `during` and `after`, and the `counts` of a host that connected. capacity: the
    capacity plan of what the host is and has; empty for one that only connects. bursts: one dictionary each.
    """

    routes: dict[str, dict[str, Any]]
    capacity: dict[str, Any]
    bursts: list[dict[str, Any]]

    @property
    def machine(self) -> dict[str, Any]:
        """What the host is, as far as it matters."""
        seen: dict[str, Any] = next((route["before"] for route in self.routes.values()), {})
        return {name: seen[name] for name in ("cpus", "memory_bytes") if name in seen}


def load_report(
    settings: Mapping[str, Any], results: Mapping[str, HostResults], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the whole report. settings: those of load/fleet.py, and `when`, the time of the run. results: by host."""
    capacities = {host: found.capacity for host, found in results.items() if found.capacity}
    routes = {}
    for route in settings["through"]:
        measured = {host: found.routes[route] for host, found in results.items() if route in found.routes}
        readings = {
            host: {name: found[name] for name in ("before", "during", "after")}
            for host, found in measured.items()
            if found["before"]["processes"]
        }
        counts = {host: found["counts"] for host, found in measured.items() if found["counts"]}
        routes[route] = build_route_report(settings["connections"], readings, counts, capacities, groups, route)
    return {
        "label": settings["label"],
        "when": settings["when"],
        "settings": dict(settings),
        "routes": routes,
        "machine": {host: found.machine for host, found in results.items()},
        "bursts": {host: found.bursts for host, found in results.items() if found.bursts},
    }


def build_route_report(
    requested: int,
    readings: dict[str, dict[str, Any]],
    loads: dict[str, dict[str, Any]],
    capacities: dict[str, dict[str, Any]],
    groups: Mapping[str, list[str]],
    route: str,
) -> dict[str, Any]:
    """The figures of one route.

    `readings` maps hosts to `{before, during, after}`, `loads` the hosts that connected to their counts,
    `capacities` hosts to the capacity plan of what they are and have (`{largest, ends}`).
    """
    counts = load_counts.merge_totals(list(loads.values()))
    ended = load_limits.find_limits(requested, counts, readings)
    rows = [(host, row) for host, seen in readings.items() for row in seen["during"]["processes"]]
    filled = [(host, row) for host, row in rows if row["files"] and (row["nofile"] or 0) > 0]
    fullest = max(
        [(row["files"] / row["nofile"], row["files"], row["nofile"], row["name"], host) for host, row in filled],
        default=None,
    )
    return {
        "requested": requested,
        "held": counts["held"],
        "lost": counts["dropped"] + counts["silent"],
        "not_opened": load_limits.format_failures(counts),
        "not_tried": max(0, requested - counts["tried"]),
        "delayed": counts["delayed"],
        "pings": counts["pings"],
        "pongs": counts["pongs"],
        "connect_ms": [load_counts.compute_percentile(counts["connect"], share) for share in (0.5, 0.99)],
        "ping_ms": [load_counts.compute_percentile(counts["pong"], share) for share in (0.5, 0.99)],
        "overflows": {
            host: seen["after"]["counters"]["ListenOverflows"] - seen["before"]["counters"]["ListenOverflows"]
            for host, seen in readings.items()
        },
        "drops": {
            host: seen["after"]["counters"]["ListenDrops"] - seen["before"]["counters"]["ListenDrops"]
            for host, seen in readings.items()
        },
        "backlogs": {f"{host} {row['name']}": row["backlog"] for host, row in rows},
        "memory_bytes": compute_memory(readings, counts["held"]),
        "fullest": (
            {"files": fullest[1], "nofile": fullest[2], "name": fullest[3], "host": fullest[4]} if fullest else None
        ),
        "promise": find_promise(capacities, groups, route),
        "ended_by": [list(pair) for pair in ended],
    }


def compute_memory(readings: dict[str, dict[str, Any]], held: int) -> dict[str, int]:
    """By how much the processes of each name have grown for each connection that is held, in bytes of RSS."""
    grown: dict[str, int] = {}
    for seen in readings.values():
        before = {row["pid"]: row["memory_bytes"] for row in seen["before"]["processes"]}
        for row in seen["during"]["processes"]:
            if row["pid"] in before:
                grown[row["process"]] = grown.get(row["process"], 0) + row["memory_bytes"] - before[row["pid"]]
    # Those that have none of the connections do not grow with them.
    return {name: round(more / held) for name, more in grown.items() if more >= held * MEMORY_LEAST} if held else {}


def find_promise(
    capacities: dict[str, dict[str, Any]], groups: Mapping[str, list[str]], route: str
) -> dict[str, Any] | None:
    """The connections that the capacity plan gives the fleet, and what ends first: `{largest, limited_by, hosts}`;
    the proxies' part where it is smaller."""
    parts = ["xitrum", "xitrum_proxy"] if route == "proxy" else ["xitrum"]
    found = []
    for part in parts:
        known = [(host, capacities[host]) for host in groups.get(part, []) if host in capacities]
        if known:
            found.append(
                {
                    "largest": sum(plan["largest"] for _host, plan in known),
                    "limited_by": known[0][1]["limited_by"],
                    "hosts": [host for host, _plan in known],
                }
            )
    return min(found, key=lambda part: part["largest"]) if found else None


def find_shortfalls(report: dict[str, Any]) -> Iterator[str]:
    """Why a run failed, one sentence for each route on
    which fewer connections were held than requested; none where all were."""
    for route, figures in report["routes"].items():
        if figures["held"] < figures["requested"]:
            words = ", ".join(dict.fromkeys(word for word, _sentence in figures["ended_by"])) or "an unknown reason"
            yield (
                f"found {figures['held']} connections held {load_fleet.ROUTES[route]}, expected {figures['requested']} "
                f"(load_test_connections): limited by {words}. The table before this message has the details"
            )


def format_cells(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures of one route as (title, text), in the order of the table."""
    def format_pair(times: list[float | None]) -> str:
        return "-" if times[0] is None else f"{times[0]:g}, {times[1]:g}"

    def format_hosts(numbers: dict[str, int]) -> str:
        return ", ".join(f"{count} {host}" for host, count in numbers.items() if count) or "0"

    fullest, promised = figures["fullest"], figures["promise"]
    # Each sentence begins with its number, in the files of earlier runs as well.
    not_opened = sum(int(words.split()[0]) for words in figures["not_opened"])
    backlogs = sorted(set(figures["backlogs"].values()))
    return [
        ("requested", str(figures["requested"])),
        ("held", str(figures["held"])),
        ("lost", str(figures["lost"])),
        ("not opened", str(not_opened)),
        ("not tried any more", str(figures["not_tried"])),
        ("open after, ms (median, 99 %)", format_pair(figures["connect_ms"])),
        ("delayed by a repeated SYN", str(figures["delayed"])),
        ("pings answered", f"{figures['pongs']} of {figures['pings']}"),
        ("ping, ms (median, 99 %)", format_pair(figures["ping_ms"])),
        ("queue full (ListenOverflows)", format_hosts(figures["overflows"])),
        ("SYNs dropped (ListenDrops)", format_hosts(figures["drops"])),
        ("backlog of the listeners", ", ".join(map(str, backlogs)) or "-"),
        (
            "memory a connection, KiB",
            ", ".join(f"{more / 1024:.1f} {name}" for name, more in figures["memory_bytes"].items()) or "-",
        ),
        ("most open files", f"{fullest['files']} of {fullest['nofile']} {fullest['name']}" if fullest else "-"),
        ("the plan promised", f"{promised['largest']} ({promised['limited_by']})" if promised else "-"),
        ("limited by", figures["ended_by"][0][0] if figures["ended_by"] else "nothing"),
    ]


def format_burst(one: dict[str, Any]) -> str:
    """One burst in a few words."""
    words = [f"{one['at_once']} of {one['connects']} at once"]
    words += [f"{one[name]} {word}" for name, word in BURST_WORDS.items() if one[name]]
    # In the cell: a kernel that gives more in the next run is what the columns are to show.
    return ", ".join(words) + (f" (the kernel gives {one['backlog']})" if one["backlog"] < one["requested"] else "")


def format_burst_title(host: str, one: dict[str, Any]) -> str:
    """What a burst is called."""
    return f"{host}, backlog {one['requested']}" if one["requested"] else f"{host}, the application itself"


def format_lines(runs: list[dict[str, Any]], rows_of: Callable[[dict[str, Any]], list[tuple[str, str]]]) -> list[str]:
    """A table of what `rows_of(run)` gives, a column a run, in the order in which titles appear."""
    found = [dict(rows_of(run)) for run in runs]
    titles = list(dict.fromkeys(title for one in found for title in one))
    return render_table(
        ("", *[run["label"] for run in runs]), [(title, *[one.get(title, "") for one in found]) for title in titles]
    )


def format_route_cells(route: str, run: dict[str, Any]) -> list[tuple[str, str]]:
    """The cells of one route of a run."""
    return format_cells(run["routes"][route])


def load_table(report: dict[str, Any], earlier: list[dict[str, Any]]) -> str:
    """A report as text, with those of earlier runs (other labels) next to it."""
    before = sorted([run for run in earlier if run["label"] != report["label"]], key=lambda run: run["when"])[
        -EARLIER_MOST:
    ]
    text = []
    for route, figures in report["routes"].items():
        runs = [run for run in before if route in run["routes"]] + [report]
        lines = format_lines(runs, partial(format_route_cells, route))
        text += [f"Connections {load_fleet.ROUTES[route]}", *lines, ""]
        text += [f"  - {sentence}" for _word, sentence in figures["ended_by"]] + ([""] if figures["ended_by"] else [])
    if any(report["bursts"].values()):
        runs = [run for run in before if any(run["bursts"].values())] + [report]
        text += ["A burst of connects while nobody accepts", *format_lines(runs, format_burst_rows), ""]
    return "\n".join(text).rstrip()


def format_burst_rows(run: dict[str, Any]) -> list[tuple[str, str]]:
    """All bursts of a run as (title, text)."""
    return [
        (format_burst_title(host, one), format_burst(one)) for host, bursts in run["bursts"].items() for one in bursts
    ]
