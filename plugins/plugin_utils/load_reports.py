# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a load test, from the variables that its tasks registered on each host, and files of earlier runs."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.core import schema
from ..module_utils.load import report

#: What the tasks of the role registered or kept on a host: the burst, the first reading, and a dictionary for each
#: route.
CAPACITY, BURST, FIRST, ROUTES = "__load_test_capacity", "__load_test_burst", "__load_test_first", "__load_test_routes"

HostVars = Mapping[str, Any]


def collect_results(values: HostVars) -> report.HostResults:
    """Return what one host measured."""
    before = get_registered(values, FIRST).get("load") or {}
    routes: dict[str, dict[str, Any]] = {}
    for item in values.get(ROUTES) or ():
        route = {name: item[name] for name in ("during", "after", "counts")}
        routes[item["route"]] = {"before": before, **route}
        # What is there after one route is there before the next.
        before = item["after"]
    capacity = get_registered(values, CAPACITY).get("capacity") or {}
    return report.HostResults(routes, capacity.get("limits") or {}, get_registered(values, BURST).get("bursts") or [])


def get_registered(values: HostVars, name: str) -> Mapping[str, Any]:
    """Return what a task registered; empty where it did not run."""
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def make_report(
    hostvars: HostVars, groups: Mapping[str, list[str]], hosts: Sequence[str], settings: Mapping[str, Any], when: str
) -> dict[str, Any]:
    """Return the report on a load test, from what the hosts of the play measured. when: its time, ISO 8601 in UTC."""
    # A cookie may be in the headers.
    shown = {**{name: value for name, value in settings.items() if name != "headers"}, "when": when}
    results = {host: collect_results(hostvars[host]) for host in hosts if ROUTES in hostvars[host]}
    return report.load_report(shown, results, groups)


def get_path(folder: str, label: str) -> pathlib.Path:
    """Return the file of a run."""
    return pathlib.Path(folder, f"{label}.json")


def read_earlier_reports(folder: str) -> list[dict[str, Any]]:
    """Return the reports of all runs in a folder.

    Raises VersionError for one of another version, and ValueError for a file that is none.
    """
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        try:
            found.append(schema.LOAD_REPORT.parse(path.read_text(encoding="utf-8"), str(path)))
        except (schema.DamagedError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path} ({schema.LOAD_REPORT.name}) is damaged: {error}. Move the file away, or set "
                "load_test_report_dir to another folder"
            ) from error
    return found
