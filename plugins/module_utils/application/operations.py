# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on the installed instances: restart, stop, start.

Which instances an operator chooses, and the read of a host cut down to what the operation does there. Pure.

An operation changes no release and no setting. What a deploy would change besides is a note, and on a host with
blue/green slots an error: the other slot is made of the settings of today.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..core import operator_stops
from ..core.name_lists import format_names
from ..core.plan import BlockingError
from ..core.untrusted_text import make_printable

#: The playbooks, and what each does to an instance.
VERBS = ("restart", "stop", "start")

#: What a message lists of many instances.
LISTED = 20


def read_names(value: Any) -> list[str]:
    """Return the names in the value of a variable: a list, or a text with commas. Raises ValueError where it has
    none."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in items):
        items = []
    if not items:
        raise ValueError(
            f"{make_printable(repr(value))}: expected names of instances such as app1-0, as a list or separated by "
            "commas"
        )
    return list(dict.fromkeys(item.strip() for item in items))


def choose(
    variable: str, given: Mapping[str, Any], places: Mapping[str, int], hosts: Collection[str]
) -> tuple[dict[str, list[int]], list[BlockingError]]:
    """Return the chosen instances, host to their numbers, and the errors.

    given: the variables; without `variable` among them, all instances of `hosts` are chosen. places: host to the number
    of its instances, of the whole inventory. hosts: those of the run.
    """
    every = {f"{host}-{index}": (host, index) for host, count in places.items() for index in range(count)}
    names = [name for name, (host, _index) in every.items() if host in hosts]
    if variable in given:
        try:
            names = read_names(given[variable])
        except ValueError as error:
            return {}, [BlockingError(f"{variable} is {error}", rule="operation.names")]
    chosen: dict[str, list[int]] = {}
    errors = []
    for name in names:
        if name not in every:
            advice = format_advice(name, places, every)
            errors.append(
                BlockingError(
                    f"{variable} contains {make_printable(name)}, which is not an instance of this inventory.{advice} "
                    f"The instances are {format_names(list(every), LISTED) or 'none'}",
                    rule="operation.unknown-instance",
                )
            )
        elif every[name][0] not in hosts:
            errors.append(
                BlockingError(
                    f"{variable} contains {name}, and --limit leaves out {every[name][0]}: add that host to --limit, "
                    "or run without --limit",
                    rule="operation.outside-limit",
                )
            )
        else:
            host, index = every[name]
            chosen.setdefault(host, []).append(index)
    return chosen, errors


def format_advice(name: str, places: Mapping[str, int], every: Collection[str]) -> str:
    """What was probably meant by a name that no instance has, as a sentence after a blank; empty where nothing
    resembles it. places: as in `choose`. every: the names of all instances."""
    if name in places:
        return f" {name} is a host: to choose all its instances, use --limit {name}."
    near = next(iter(difflib.get_close_matches(name, every, 1, 0.5)), "")
    return f" Did you mean {near}?" if near else ""


def limit_read(
    state: Mapping[str, Any], operation: Mapping[str, Any], host: str, slots: bool, before: Iterable[int] | None = None
) -> dict[str, Any]:
    """Return the read of a host as if nothing but the operation were to be done there.

    operation: its `verb`, the numbers of the chosen `instances`, and whether the operator listed them `one_by_one`.
    before: the processes that are to be replaced, as an earlier read of the same run found them. The result has them as
    `operation.pids`.
    """
    instances = state.get("instances")
    if not isinstance(instances, Mapping) or "instances" not in instances:
        return dict(state)
    listed = [keep_installed(item) for item in instances["instances"]]
    active = [item["index"] for item in listed]
    chosen = set(operation["instances"])
    wrong = sorted(chosen - set(active)) if slots and operation.get("one_by_one") and before is None else []
    if slots and chosen:
        # A restart switches to the other slot.
        chosen = set(active)
    verb, half_done = operation["verb"], find_half_done(instances)
    selected = [item for item in listed if item["index"] in chosen]
    errors, notes = list(find_errors(host, listed, chosen, wrong)), []
    if verb == "restart":
        kept = [item for item in selected if is_kept_stopped(item)]
        errors += [build_stopped_error(host, item) for item in kept if operation.get("one_by_one")]
        notes += [f"{sentence}, and stays so" for sentence in operator_stops.format_stops(host, kept)]
        selected = [item for item in selected if item not in kept]
        chosen -= {item["index"] for item in kept}
    pids = [item["pid"] for item in selected] if before is None else list(before)
    due: dict[str, list[dict[str, Any]]] = {
        "restart": [item for item in selected if not item["running"] or item["pid"] in pids],
        "stop": [item for item in selected if item["running"] or not item.get("stopped")],
        "start": [item for item in selected if not item["running"] or item.get("stopped")],
    }
    work = {name: found if name == verb else [] for name, found in due.items()}
    left = half_done - {one["index"] for one in work[verb]}
    work["restart"] = [*(item for item in listed if item["index"] in left), *work["restart"]]
    pending = list(find_pending(instances["instances"], chosen, host)) if verb == "restart" else []
    if slots and chosen and (state.get("redirects") or {}).get("drift"):
        pending.append(f"the port redirects of {host}")
    if slots and chosen and pending:
        errors.append(BlockingError(format_pending_error(host, pending), rule="operation.pending"))
    found = {name: {**report, "drift": False} if is_report(report) else report for name, report in state.items()}
    found["instances"] = {
        **found["instances"],
        "instances": listed,
        **{name: list(map(pick, some)) for name, some in work.items()},
        "switch": [],
        "orphaned": instances["orphaned"] if slots else [],
        "unhealthy": [index for index in instances.get("unhealthy", []) if index in chosen and verb != "stop"],
        # Of Ansible's own types: it warns of any other in a result.
        "errors": [*instances.get("errors", []), *map(str, errors)],
        "broken_rules": {**instances.get("broken_rules", {}), **{str(error): error.rule for error in errors}},
        "notes": [*instances.get("notes", []), *notes, *([] if slots else map(format_pending_note, pending))],
    }
    if is_report(found.get("redirects")):
        found["redirects"] = {**found["redirects"], "moves": False}
    return {**found, "operation": {"verb": verb, "pids": pids}}


def pick(item: Mapping[str, Any]) -> dict[str, Any]:
    """What `xitrum.host.instance_service` wants to know of an instance."""
    return {name: item[name] for name in ("index", "port", "folder")}


def is_kept_stopped(item: Mapping[str, Any]) -> bool:
    """Whether an operator stopped an instance, and nothing started it since."""
    return bool(item.get("stopped")) and not item["running"]


def build_stopped_error(host: str, item: Mapping[str, Any]) -> BlockingError:
    """The error on a stopped instance that an operator wants to restart by its name."""
    (sentence,) = operator_stops.format_stops(host, [item])
    return BlockingError(f"{sentence}, expected one that runs. Start it by start.yml", rule="operation.stopped")


def find_last_errors(
    states: Mapping[str, Mapping[str, Any]], left_out: Sequence[str], allowed: bool
) -> dict[str, list[BlockingError]]:
    """Why a stop without proxies would leave no instance of the application, by host.

    states: the reads of the run's hosts. left_out: application hosts outside of the run, which were not read.
    allowed: whether the operator accepts that.
    """
    found = {host: state["instances"] for host, state in states.items() if state.get("instances")}
    stops = {host: [item["index"] for item in report.get("stop", [])] for host, report in found.items()}
    runs = {
        host: [item["index"] for item in report["instances"] if item["running"] and item.get("healthy") is not False]
        for host, report in found.items()
    }
    going = {host: [index for index in numbers if index in stops[host]] for host, numbers in runs.items()}
    if allowed or not any(going.values()) or any(set(runs[host]) - set(stops[host]) for host in runs):
        return {}
    names = ", ".join(f"{host}-{index}" for host, numbers in going.items() for index in numbers)
    others = f" ({', '.join(left_out)}: outside of --limit, and not read)" if left_out else ""
    text = (
        f"found no instance that would still run once {names} is stopped{others}, expected one: clients would be "
        "refused. Start another one first, or add -e stop_last=true"
    )
    host = next(host for host, numbers in going.items() if numbers)
    return {host: [BlockingError(text, rule="operation.last-instance")]}


def is_report(value: Any) -> bool:
    """Whether a value of a read is the report of a component."""
    return isinstance(value, Mapping) and "rows" in value


def keep_installed(item: Mapping[str, Any]) -> dict[str, Any]:
    """An instance with the folder and the port that it has, instead of those that it is to have."""
    configured = (item.get("configured") or {}).get("http")
    return {
        **item,
        "folder": item["current"] or item["folder"],
        "port": configured or item["port"],
        "changes": [],
    }


def find_half_done(instances: Mapping[str, Any]) -> set[int]:
    """The instances that a killed run left stopped or at what was never healthy: each run takes them up."""
    replaced = {item["index"] for item in (instances.get("recovery") or {}).get("replace", [])}
    running = {item["index"] for item in instances["instances"] if item["running"]}
    return replaced | {item["index"] for item in instances["restart"] if item["index"] not in running}


def find_pending(listed: Iterable[Mapping[str, Any]], chosen: Collection[int], host: str) -> Iterable[str]:
    """What a deploy would change of the chosen instances, a phrase each."""
    for item in listed:
        if item["index"] in chosen and item["current"]:
            reasons = list(item["restart_reasons"])
            if not reasons and item["folder"] != item["current"]:
                reasons = [f"folder: {item['current']} instead of {item['folder']}"]
            if reasons:
                yield f"{host}-{item['index']} ({'; '.join(reasons)})"


def format_pending_note(pending: str) -> str:
    """The note on a change that waits for a deploy."""
    return (
        f"a change is pending for {pending}. This run does not apply it: it restarts what is installed. To apply it, "
        "run deploy.yml or site.yml"
    )


def format_pending_error(host: str, pending: Sequence[str]) -> str:
    """The error on a host whose other slot would be made with the changes that are pending."""
    return (
        f"found a pending change for {', '.join(pending)}, expected none: {host} restarts through its other "
        "blue/green slot, which takes the settings of today. Run deploy.yml instead, which applies the change and "
        "restarts the instance"
    )


def find_errors(
    host: str, listed: Iterable[Mapping[str, Any]], chosen: Collection[int], wrong: Iterable[int]
) -> Iterable[BlockingError]:
    """Why the operation cannot be done on a host."""
    for index in wrong:
        active = ", ".join(f"{host}-{item['index']}" for item in listed)
        yield BlockingError(
            f"{host}-{index} is the inactive blue/green slot of this host, expected the active one: {active}",
            rule="operation.inactive-slot",
        )
    for item in listed:
        if item["index"] in chosen and not item["current"]:
            yield BlockingError(
                f"{host}-{item['index']} is not installed yet. Run site.yml or deploy.yml first",
                rule="operation.not-installed",
            )
