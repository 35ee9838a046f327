# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which running instances are restarted, and the release that a fleet goes back to. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..configuration import shared as shared_settings
from ..core.name_lists import format_names
from ..core.plan import BlockingError, make_rule_errors
from ..package import main_class as package_main
from ..proxy import definition as proxy

#: Outcomes in the log of runs of those that did not end: `run_lock`.
UNFINISHED = ("began", "died", "stopped")
#: How many instances the title of a batch lists.
LISTED = 3


def read_batch(batch: Any) -> tuple[int, bool]:
    """The number of `xitrum_rollout_batch` and whether it is a share in percent.
    Raises ValueError for anything else."""
    found = re.fullmatch(r"([1-9][0-9]*)(%?)", str(batch).strip(), re.ASCII)
    if isinstance(batch, bool) or not found or (found[2] and int(found[1]) > 100):
        raise ValueError(
            f"xitrum_rollout_batch is {batch!r}: expected a number of instances from 1, or a share of them from 1% to "
            "100%"
        )
    return int(found[1]), bool(found[2])


def compute_batch_size(batch: Any, count: int) -> int:
    """How many instances a batch has, at least 1:
    `batch` is a number, or a share of all `count` such as `25%`, rounded down.

    Raises ValueError for anything else.
    """
    number, share = read_batch(batch)
    return max(number * count // 100, 1) if share else number


def plan_batches(
    pending: Mapping[str, Iterable[Mapping[str, Any]]],
    batch: Any = 1,
    strategy: str = "",
    sick: Container[tuple[str, int]] = (),
) -> list[dict[str, Any]]:
    """The batches of a rollout: the first instance alone, which is the canary, then as many at a time as `batch`
    reports. With the `strategy` `all_at_once` all are one batch, which has `all_at_once`, too.

    `pending` maps a host to its instances, in the order in which they are taken: those of a host follow each other.
    Those that are not healthy, `sick` as pairs of a host and an index, come before all others: with them disabled
    already, a batch of others would leave fewer than `batch` allows. Each one is
    `{number, total, canary, label, title, hosts}`: `hosts` maps a host to its instances of this batch, `label` has the
    names of all, and `title` those of a few, for a line of the log. Raises ValueError where `batch` is invalid.
    """
    every = [(host, instance) for host, instances in pending.items() for instance in instances]
    every.sort(key=lambda item: (item[0], item[1]["index"]) not in sick)
    chunk = compute_batch_size(batch, len(every))
    together = strategy == shared_settings.ALL_AT_ONCE
    parts = (
        [every]
        if every and together
        else [every[:1], *(every[start : start + chunk] for start in range(1, len(every), chunk))] if every else []
    )
    found = []
    for number, part in enumerate(parts, 1):
        hosts: dict[str, list[Mapping[str, Any]]] = {}
        for host, instance in part:
            hosts.setdefault(host, []).append(instance)
        names = [f"{host}-{instance['index']}" for host, instance in part]
        found.append({
            "number": number, "total": len(parts), "canary": number == 1, "hosts": hosts,
            "label": ", ".join(names),
            "title": format_names(names, LISTED),
            "servers": [proxy.format_server_name(host, instance["index"]) for host, instance in part],
            **({"all_at_once": True} if together else {}),
        })
    return found


def find_disabled(
    start: Iterable[Mapping[str, Any]], proxies: Iterable[Mapping[str, Any]], host: str
) -> list[Mapping[str, Any]]:
    """Those of the instances `start`, which a run starts on `host`, that a proxy had disabled when it was read.
    `proxies` are the reads of all proxies;
    one that does not know an instance yet, and a first run, have nothing to report."""
    rows = [row for read in proxies for row in (read.get("proxy") or {}).get("rows", [])]
    out = {
        row["item"].rpartition("/")[2] for row in rows if str(row["effective"]).upper().startswith(("MAINT", "DRAIN"))
    }
    return [instance for instance in start if proxy.format_server_name(host, instance["index"]) in out]


def find_redirects_step(state: Mapping[str, Any], slot: int = 0) -> str:
    """When the redirects of a host are set: `base` (at once), `start` (once the instance that they lead to was
    started), `restart` (once the
    rollout has restarted it), or an empty text (not at all).

    `state` is the read of a host; `slot` is the number of the instance that the redirects lead to. A redirect never
    leads to a port on which nothing listens while the port that it leads to now still answers.
    """
    redirects, instances = state.get("redirects") or {}, state.get("instances") or {}
    if not redirects.get("drift"):
        return ""
    for when, name in (("restart", "restart"), ("start", "start")) if redirects.get("moves") else ():
        if slot in [item["index"] for item in instances.get(name, [])]:
            return when
    return "base"


def find_active_pairs(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The redirects of a host with slots, led back to the active instance, where a killed run left them at the one
    that is about to end.

    None where they do not lead to another one.
    `state` is the read of a host; an instance is found by the ports that it was configured with.
    """
    pairs, instances = (state.get("redirects") or {}).get("pairs") or [], state.get("instances") or {}
    ports, used = instances.get("configured") or {}, {str(item["index"]) for item in instances.get("instances", [])}
    now = next((ports[index] for index in used if ports.get(index)), None)
    if not now:
        return []
    others = [observed for index, observed in ports.items() if index not in used and observed]
    lead = {
        observed[name]: now[name] for observed in others for name in ("http", "https") if observed[name] and now[name]
    }
    changed = [{**pair, "inside": lead.get(pair["inside"], pair["inside"])} for pair in pairs]
    return changed if changed != pairs else []


def list_remembered_releases(observed: Mapping[str, Any]) -> list[str]:
    """The releases that were healthy on a host, the latest last;
    of a host without a record the one before and the current one."""
    healthy = observed.get("healthy")
    return [name for name in (observed["previous"], observed["current"]) if name] if healthy is None else healthy


def find_switched(observed: Mapping[str, Any]) -> set[str]:
    """The releases that the instances of a host run by what their processes report, and by the links where nothing
    runs; of a host without instances none."""
    return {name for name in observed.get("running") or observed.get("switched") or [observed["current"]] if name}


def run_everywhere(found: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The releases that every host runs, on some of its instances at least. Hosts without instances do not count."""
    runs = [names for names in map(find_switched, found.values()) if names]
    return set.intersection(*runs) if runs else set()


def find_running_before(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The release that the fleet ran before a rollout that stopped: one that every host still runs.

    An empty text where the fleet runs one release alone, or where nothing reports which of several it is. So it is
    after a rollback that stopped: what every host still runs is the release that it was to leave.

    The latest of them that was healthy on all hosts; or the only one, even if no run with it ended healthy.
    """
    everywhere = run_everywhere(found)
    if len(set().union(*map(find_switched, found.values()))) < 2:
        return ""
    healthy = (
        set.intersection(
            *(set(list_remembered_releases(observed)) & set(observed["releases"]) for observed in found.values())
        )
        & everywhere
    )
    latest = [name for name in list_remembered_releases(next(iter(found.values()))) if name in healthy]
    before = latest[-1] if latest else next(iter(everywhere)) if len(everywhere) == 1 else ""
    return "" if any(was_going_back(observed, before) for observed in found.values()) else before


def was_going_back(observed: Mapping[str, Any], before: str) -> bool:
    """Whether the last run on a host that did not end was bringing a release
    that was healthy before the release `before` was."""
    healthy, last = list_remembered_releases(observed), observed.get("last_run") or {}
    older = healthy[:healthy.index(before)] if before in healthy else healthy
    brought = {*observed.get("in_step", []), *([last["to"]] if last.get("outcome") in UNFINISHED else [])}
    return bool(brought & set(older))


def is_mixed(found: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether hosts run several releases, and nothing reports which of them the fleet is to run: as after a rollout
    that stopped when a host had the new release alone."""
    return len(set().union(*map(find_switched, found.values()))) > 1 and not find_running_before(found)


def choose_previous(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Host to the release that it goes back to. While a rollout that stopped has left two releases on hosts, it is the
    one that every host still runs (`find_running_before`); otherwise the latest that was healthy on all hosts, without
    the one that they all run. Where a run was killed before anything ran another release,
    what its step was to bring is as good as run.

    Where no release was healthy on all, each host names its own; one that has none, an empty text.
    """
    before = find_running_before(found)
    if before:
        return dict.fromkeys(found, before)
    runs = set().union(*map(find_switched, found.values()))
    runs |= {name for observed in found.values() for name in observed.get("in_step", [])}
    left = runs if len(runs) == 1 else set()
    listed = {
        host: [
            name
            for name in reversed(list_remembered_releases(observed))
            if name in observed["releases"] and name not in left
        ]
        for host, observed in found.items()
    }
    common = set.intersection(*map(set, listed.values())) if listed else set()
    return {host: next((name for name in names if name in common or not common), "") for host, names in listed.items()}


def format_mixed_error(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The releases that a mixed fleet can go to, as a sentence with the commands to choose one."""
    common = set.intersection(*(set(observed["releases"]) for observed in found.values()))
    runs: dict[str, list[str]] = {}
    for host, observed in found.items():
        for name in find_switched(observed):
            runs.setdefault(name, []).append(host)
    unverified = " (not on the record of healthy releases)"
    rows = [f"  {name} on {', '.join(hosts)}{'' if is_healthy(found, name) else unverified}"
            for name, hosts in sorted(runs.items())]
    others = sorted(name for name in common - set(runs) if is_healthy(found, name))
    names = [*(name for name in sorted(runs) if name in common), *others]
    choices = [f"  -e rollback_to={name}" for name in names]
    return "\n".join([
        "The hosts run several releases, as after a rollout that stopped, and nothing shows which one they are to run:",
        *rows,
        "Nothing was changed. Choose the release that all of them run, and run the playbook again with one of these:",
        *choices,
    ])


def is_healthy(found: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    """Whether a release was healthy on some host."""
    return any(name in list_remembered_releases(observed) for observed in found.values())


def find_choice_notes(found: Mapping[str, Mapping[str, Any]], desired: Iterable[str], release: str) -> Iterator[str]:
    """What a user has to know about the releases `desired` that hosts go back to, `release` by name."""
    unknown = [host for host, observed in found.items() if observed.get("healthy") is None]
    before = "" if release else find_running_before(found)
    failed = [
        host
        for host in desired
        if host not in unknown and release not in (*found[host]["healthy"], found[host]["current"])
    ]
    unverified = [
        host for host, observed in found.items() if before and before not in list_remembered_releases(observed)
    ]
    if unverified:
        yield (f"release {before} is not on the record of healthy releases of {', '.join(unverified)}. It is used "
               "because all hosts still run it, after a rollout that stopped before its first host was whole")
    if release and failed:
        yield (
            f"release {release} is not on the record of healthy releases of {', '.join(failed)}: it failed there, or "
            "no rollout of it ended. It is used because rollback_to names it"
        )
    if not release and unknown:
        yield (
            f"{', '.join(unknown)} has no record of healthy releases yet, so that it goes back to the release that ran "
            "before. The record begins with the next run"
        )


@dataclass(frozen=True)
class RollbackChoice:
    """The release that a fleet goes back to. `package` is what hosts report of it, in place of what a package on the
    controller reports. With `errors`, the hosts have no release in common."""

    errors: tuple[str, ...]
    notes: tuple[str, ...]
    package: dict[str, Any]


def choose_rollback_release(
    found: Mapping[str, Mapping[str, Any]], release: Any = None, main_class: str = ""
) -> RollbackChoice:
    """The one release that all hosts can go back to.

    `found` maps a host to its `releases`, `current`, `previous`, `healthy`, `switched`, and the `examples` and
    `main_classes` of each release. `main_class` is given, or the release must have one alone. Without `release` it
    is the last one that was healthy (`choose_previous`), which must be the same everywhere.
    """
    errors: list[str] = []
    if release is not None and not str(release).strip():
        # A script's variable that is not set, perhaps: any other release would be a guess.
        errors.append(BlockingError(
            "rollback_to is empty: expected a release. Set it to one, or remove it to roll back to the last healthy "
            "release before the current one",
            rule="rollback.unknown",
        ))
    # JSON on the command line makes a number of a name that has digits alone.
    release = "" if release is None else str(release)
    desired = dict.fromkeys(found, release) if release else choose_previous(found)
    if not errors and not release and is_mixed(found):
        errors += make_rule_errors("rollback.mixed", [format_mixed_error(found)])
    for host, name in desired.items() if not errors else ():
        observed = found[host]
        there = (
            ", ".join(f"{one} (current)" if one == observed["current"] else one for one in observed["releases"])
            or "none"
        )
        if not name and [one for one in observed["releases"] if one != observed["current"]]:
            errors.append(BlockingError(
                f"{host} has no release before its current one that was healthy: it has {there}. "
                "Deploy a package, or set rollback_to to a release that you trust",
                rule="rollback.no-healthy",
            ))
        elif not name and not observed["releases"]:
            errors.append(BlockingError(f"{host} has no release. Deploy a package first", rule="rollback.no-release"))
        elif not name:
            errors.append(BlockingError(
                f"{host} has no release before its current one: it has {there}. Deploy a package instead",
                rule="rollback.no-earlier",
            ))
        elif name not in observed["releases"]:
            errors.append(
                BlockingError(
                    f"{host} does not have the release {name}: it has {there}. Set rollback_to to one of them, "
                    "or deploy the package again",
                    rule="rollback.unknown",
                )
            )
    names = sorted(set(desired.values()))
    if not errors and len(names) > 1:
        listed = "; ".join(f"{host}: {name}" for host, name in desired.items())
        errors.append(BlockingError(
            f"the last healthy release before the current one is not the same on all hosts ({listed}). "
            "Set rollback_to to one that all of them have",
            rule="rollback.different-releases",
        ))
    examples = sorted({key for host, name in desired.items() for key in found[host]["examples"].get(name, [])})
    mains = sorted({name for host, one in desired.items() for name in found[host].get("main_classes", {}).get(one, [])})
    chosen, several = (
        (main_class, [])
        if main_class
        else package_main.choose_main_class(dict.fromkeys(mains, f"release {names[0]}"), "the release")
    )
    errors += make_rule_errors("rollback.main-class", several) if not errors else []
    package = {
        "release": names[0] if names else "",
        "folder": "",
        "manifest": [],
        "bytes": 0,
        "examples": examples,
        "java": 0,
        "errors": [],
        "main_class": chosen,
    }
    return RollbackChoice(tuple(errors), tuple(find_choice_notes(found, desired, release)), package)


def find_installed(host: str, observed: Mapping[str, Any], main_class: str = "") -> RollbackChoice:
    """The release that a host runs, as `choose_rollback_release` returns it."""
    names = sorted(find_switched(observed))
    # Where a rollout stopped, the instances run several: each keeps its own.
    name = observed["current"] if observed["current"] in names else next(iter(names), "")
    if not name:
        sentence = f"{host} has no release, so that nothing is installed there. Run site.yml or deploy.yml first"
        return RollbackChoice((BlockingError(sentence, rule="operation.not-installed"),), (), {})
    return choose_rollback_release({host: observed}, name, main_class)
