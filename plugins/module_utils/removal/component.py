# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that this collection has on a host, found there and not in variables: the plan of a removal.

Each component plans its own removal; what is put together here is which of them have something to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core import process, recorded
from ..core.component import Desired
from ..core.host import Host
from ..core.plan import Plan, make_rule_errors, report_errors
from ..firewall import component as firewall
from ..jdk import alternatives, jvm
from ..jdk import component as jdk
from ..kernel import component as kernel
from ..kernel import planning as kernel_plan
from ..limits import nofile as limits
from ..proxy import original as proxy_original
from ..redirects import component as redirects
from ..supervisor import table
from . import leftovers

#: The desired state of each component: nothing.
_NO_KERNEL = {"profile": {}, "state": "absent", "persist": True, "modules": []}
_NO_FIREWALL = {name: option.get("default") for name, option in firewall.SPEC.items()}
_NO_REDIRECTS = {**{name: option.get("default") for name, option in redirects.SPEC.items()}, "state": "absent"}

#: Where an application of which only the lock is left is searched for.
_ROOT, _LOGS = "/opt/{}", "/var/log/{}"


def list_applications(host: Host, record: Mapping[str, Any], known: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications that are or were on the host: those on record, those that the inventory knows, and those with a
    lock. A row for each folder that one has had."""
    rows, locked = [], [name[:-len(".lock")] for name in host.listdir(recorded.FOLDER) if name.endswith(".lock")]
    for name, entry in record["applications"].items():
        rows += [
            {"name": name, "root": root, "log_dir": log_dir}
            for root, log_dir in zip(entry["roots"], _repeat_items(list(entry["logs"]), len(entry["roots"])))
        ]
    rows += [
        item
        for item in known
        if item["name"] not in record["applications"] and (item["name"] in locked or _has_anything(host, item))
    ]
    found = {row["name"] for row in rows}
    return rows + [
        {"name": name, "root": _ROOT.format(name), "log_dir": _LOGS.format(name)}
        for name in locked
        if name not in found
    ]


def _has_anything(host: Host, row: Mapping[str, Any]) -> bool:
    """Whether a supervisor has anything of an application that is not on record. Its folders are not ours then."""
    return bool(table.find_defined(host, row["name"]) or table.find_leftovers(host, row["name"]))


def _repeat_items(items: Sequence[str], count: int) -> list[str]:
    return [items[min(index, len(items) - 1)] for index in range(count)]


def find_instances(host: Host, row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of an application's instances, and what its supervisors have."""
    marked = table.find_defined(host, row["name"])
    numbers = {int(name) for name in host.listdir(f"{row['root']}/instances") if name.isdecimal()}.union(
        *marked.values()
    )
    paths = [path for paths in table.find_leftovers(host, row["name"]).values() for path in paths]
    return {**row, "indices": sorted(numbers), "definitions": sorted(paths)}


def find_ours(host: Host, folder: str, mark: str) -> list[str]:
    """The files of a folder that begin with a mark of ours."""
    return [
        f"{folder}/{name}"
        for name in host.listdir(folder)
        if name.endswith(".conf") and (host.read(f"{folder}/{name}") or "").startswith(mark)
    ]


def list_homes(host: Host, record: Mapping[str, Any]) -> list[str]:
    """The homes that alternatives of ours lead to, the one in use first:
    giving that back decides what the others give way to."""
    found = [jvm.find_home(entry["chosen"]) for entry in record.values() if "mode" in entry and "chosen" in entry]
    found += [jvm.find_home(path) for entry in record.values() for path in entry["registered"]]
    return list(dict.fromkeys(found))


def read(host: Host, desired: Desired) -> dict[str, Any]:
    """Everything of ours. Raises ValueError where a record is damaged, OSError where it cannot be read."""
    record = recorded.read(host)
    kernel_record, kernel_error = kernel.list_recorded_profiles(host)
    chosen, record_error = alternatives.read_record(host)
    errors = make_rule_errors("host.record", [kernel_error, record_error])
    profiles = sorted({*kernel_record, *find_ours(host, "/etc/sysctl.d", kernel_plan.MARK)})
    planned_redirects = redirects.plan(_NO_REDIRECTS, redirects.read(host, _NO_REDIRECTS))
    planned_firewall = firewall.plan(_NO_FIREWALL, firewall.read(host, _NO_FIREWALL))
    originals = proxy_original.read(host, {})
    left = leftovers.read(host, desired)
    return {
        "locks": [f"{recorded.FOLDER}/{name}" for name in host.listdir(recorded.FOLDER) if name.endswith(".lock")],
        "applications": [find_instances(host, row) for row in list_applications(host, record, desired["applications"])],
        "kernel": {
            path: kernel.plan({**_NO_KERNEL, "path": path}, kernel.read(host, {**_NO_KERNEL, "path": path}))
            for path in profiles
        },
        "nofile": find_ours(host, limits.LIMITS_D, limits.MARK),
        "redirects": planned_redirects,
        "firewall": planned_firewall,
        "alternatives": {home: _plan_alternatives(host, home) for home in list_homes(host, chosen or {})},
        "jdks": _find_jdks(host, [row["root"] for row in list_applications(host, record, desired["applications"])]),
        "proxies": (originals, proxy_original.plan({}, originals)),
        "leftovers": (left, leftovers.plan(desired, left)),
        "errors": [*errors, *planned_redirects.errors, *planned_firewall.errors],
    }


def _plan_alternatives(host: Host, home: str) -> Plan:
    desired = {**jdk.build_desired_alternatives(home), "state": "absent"}
    return alternatives.plan(desired, alternatives.read(host, desired))


def _find_jdks(host: Host, roots: Iterable[str]) -> dict[str, list[int]]:
    """The JDKs out of archives: name to the processes that run on it and are not the applications'."""
    running = jdk.read_executables(host)
    mine = {row["pid"] for root in roots for row in process.find_processes_under(host, root)}
    names = [
        name
        for name in host.listdir(jdk.FOLDER)
        if host.readlink(f"{jdk.FOLDER}/{name}") is None and host.exists(f"{jdk.FOLDER}/{name}/{jdk.MARKER}")
    ]
    return {
        name: [pid for pid in jdk.read_absent(host, name, running)["pids"] if int(pid) not in mine]
        for name in names
        if not name.startswith(".")
    }


def summarize(state: Mapping[str, Any]) -> dict[str, Any]:
    """What the playbook goes by, and `lines`:
    what would be undone, one line a thing, in the order in which it is done. Pure."""
    (originals, proxies), (left, rest) = state["proxies"], state["leftovers"]
    changed = {home: plan for home, plan in state["alternatives"].items() if plan.changed}
    lines = proxy_original.format_lines(originals, proxies)
    for item in state["applications"]:
        lines += [f"instance {index} of {item['name']}" for index in item["indices"]] + item["definitions"]
    lines += (
        [f"redirect: {row.item}" for row in state["redirects"].rows if row.configured or row.effective]
        if state["redirects"].changed
        else []
    )
    lines += state["firewall"].facts["close"]
    lines += state["nofile"]
    for path, plan in state["kernel"].items():
        lines += [path] + [f"{row.item} = {row.desired}, as it was" for row in plan.rows if row.status == "drift"]
    lines += [f"{row.item}: {row.desired}, as it was" for plan in changed.values() for row in plan.rows]
    lines += [f"{jdk.FOLDER}/{name}" for name in state["jdks"]]
    lines += leftovers.format_lines(left, rest) + state["locks"]
    used = [
        f"{jdk.FOLDER}/{name} is in use by process {', '.join(map(str, pids))}, which is not of the application: stop "
        "it first"
        for name, pids in state["jdks"].items()
        if pids
    ]
    report = report_errors([*state["errors"], *make_rule_errors("removal.jdk-used", used)])
    return {
        "applications": state["applications"],
        "proxies": proxies.changed,
        "redirects": state["redirects"].changed,
        "firewall": state["firewall"].changed,
        "nofile": state["nofile"],
        "kernel": list(state["kernel"]),
        "alternatives": list(changed),
        "jdks": list(state["jdks"]),
        "leftovers": rest.changed,
        "lines": list(dict.fromkeys(lines)),
        "errors": report["errors"],
        "broken_rules": report["broken_rules"],
        "kept": [f"package {name}: {why}" for name, why in sorted(left["packages"]["kept"].items())],
    }
