# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application has on a host, whatever is desired: its releases, instances, last run and slot. Read only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..configuration import xitrum_conf as package_config
from ..core import lock_record, operator_stops, process
from ..core.component import NOTHING_SEEN, Desired, ReadError, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..package import main_class as package_main
from ..redirects import component as redirects
from . import installed, instances, run_lock, slots, step_record

NAME = "overview"

SPEC = {
    "root": {"type": "path", "required": True},
    "name": {"type": "str", "default": ""},
    "log_dir": {"type": "path", "default": ""},
    "slots": {"type": "bool", "default": False},
}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The releases, the instances, the last run and the slot. Raises ReadError where one cannot be read."""
    root, name = desired["root"], desired["name"]
    try:
        record = step_record.read_record(host, name) if name else {}
        found = {**read_releases(host, root, record), "instances": read_instances(host, root)}
        found["last_run"] = run_lock.read_last_run(host, desired["log_dir"]) if desired["log_dir"] else {}
        found["stopped"] = list(operator_stops.read_stops(host, name)) if name else []
        found["interrupted"] = bool(name) and lock_record.is_interrupted(host, name)
        if desired["slots"]:
            found["slot"] = read_slot(host, root)
        folders = {one: installed.get_folder(root, one) for one in found["releases"]}
        found["examples"] = {one: package_config.find_examples(folder) for one, folder in folders.items()}
        found["main_classes"] = {one: sorted(package_main.find_main_classes(folder)) for one, folder in folders.items()}
        return found
    except (OSError, RuntimeError) as error:
        raise ReadError(f"the releases in {root} could not be read: {error}") from error


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """What was read. Never an action, and no row: nothing is compared."""
    return Draft(facts=state).plan(desired, state)


def find_running(host: Host, root: str) -> list[str]:
    """The releases that the processes of the instances run, sorted: what serves, wherever links lead."""
    folder = host.realpath(root)
    rows = process.find_processes_under(host, f"{folder}/instances")
    return sorted({installed.parse_release(row["cwd"], folder) for row in rows} - {""})


def find_in_step(record: Mapping[str, Any]) -> list[str]:
    """The releases that steps were bringing when their run ended without a word, by the record of the steps (pure)."""
    return sorted({entry["folder"].rpartition("-")[0] for entry in record.values()} - {""})


def read_releases(host: Host, root: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The releases and what uses them: `{releases, current, previous, healthy, switched, running, in_step, slot}`.
    `record` is that of the steps, `step_record`."""
    links = {name: installed.read_link(host, root, name) for name in ("current", "previous")}
    return {
        "releases": installed.list_installed(host, root),
        "slot": installed.read_recorded_slot(host, root),
        **links,
        "healthy": installed.read_healthy(host, root),
        "switched": installed.read_switched(host, root),
        "running": find_running(host, root),
        "in_step": find_in_step(record or {}),
    }


def read_instances(host: Host, root: str) -> list[dict[str, int]]:
    """The instances on the host with the ports of their configuration: `[{index, port}]`;
    a port that the host does not report is 0."""
    numbers = sorted(int(name) for name in host.listdir(f"{root}/instances") if name.isdecimal())
    found = {number: instances.read_configured(host, f"{root}/instances/{number}/current") for number in numbers}
    return [{"index": number, "port": ports.get("http", 0)} for number, ports in found.items()]


def read_slot(host: Host, root: str) -> int:
    """The active slot, 0 or 1: see `slots`.
    Live redirects are read by root; another user goes by what runs."""
    folder = host.realpath(f"{root}/instances")
    running = process.find_processes_under(host, folder)
    numbers = [number for number in (0, 1) if host.exists(f"{root}/instances/{number}")]
    configured = {number: instances.read_configured(host, f"{root}/instances/{number}/current") for number in numbers}
    active = [
        number for number in numbers if any(process.is_under(row["cwd"], f"{folder}/{number}") for row in running)
    ]
    remembered = installed.read_recorded_slot(host, root)
    return slots.find_used(redirects.read_live_pairs(host), configured, active, remembered)
