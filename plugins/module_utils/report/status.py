# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet does now, from what was read of each host: one document for programs, and one screen for people.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from ..core.lock_record import format_time
from ..core.untrusted_text import make_printable, make_sendable
from ..preflight import messages as preflight
from ..proxy import fleet_health
from ..proxy.definition import format_server_name
from .fleet_summary import format_host_count, get_components, render_table
from .schemas import STATES, VERSION

#: Whether the holder of a lock is a run of this controller that has ended.
IsGone = Callable[[Mapping[str, Any]], bool]

#: A fleet with more instances than this has those that are well in one line for each release.
MOST_LINES = 40

INSTANCE_COLUMNS = (
    "host", "instance", "state", "release", "up since", "health", "connections", "memory", "restarts (24 h)", "proxies",
)
PROXY_COLUMNS = ("proxy", "software", "state", "serving", "connections")


@dataclass(frozen=True)
class HostRead:
    """A host of the inventory, and what was read of it.

    `application` and `proxy` are its groups, `expected` the number of its instances by the inventory, `reached`
    whether it is still in the run, `state` what `xitrum.host.host_state_info` returned.
    """

    name: str
    application: bool
    proxy: bool
    expected: int = 1
    reached: bool = True
    state: Mapping[str, Any] | None = None

    @property
    def is_read(self) -> bool:
        """Whether its state is one of now."""
        return self.reached and bool(get_components(self.state))

    @property
    def outcome(self) -> str:
        """How its read ended, as in the schema of a host."""
        if self.is_read:
            return "read"
        return "failed" if self.reached and not (self.state or {}).get("unreachable") else "unreachable"

    @property
    def error(self) -> str:
        """Why it was not read; empty where it was."""
        if self.outcome != "failed":
            return "" if self.is_read else "it could not be reached"
        reason = preflight.read_failure(dict(self.state or {}))
        return make_printable(f"it could not be read: {reason or 'no reason was given'}")


def build_status_document(
    hosts: Sequence[HostRead], now: float, is_gone: IsGone = lambda _lock: False
) -> dict[str, Any]:
    """The status of a fleet, as the schema `STATUS` of `schemas` describes it. `now` is the clock of the controller,
    in seconds since the epoch."""
    proxies = [describe_proxy(host) for host in hosts if host.proxy]
    views = group_views(proxies)
    found = [item for host in hosts if host.application for item in describe_instances(host, views)]
    found.sort(key=lambda item: (rank_severity(item), item["host"], item["index"]))
    errors = [*find_host_errors(hosts), *find_instance_errors(found), *find_proxy_errors(proxies)]
    document: dict[str, Any] = make_sendable(
        {
            "schema_version": VERSION,
            "time": format_time(now),
            "outcome": decide_outcome(found, proxies, errors),
            "errors": errors,
            "hosts": [describe_host(host, is_gone) for host in sorted(hosts, key=lambda one: (one.is_read, one.name))],
            "instances": found,
            "proxies": sorted(proxies, key=lambda item: (item["serving"], item["name"])),
        }
    )
    return document


def rank_severity(item: Mapping[str, Any]) -> tuple[int, bool]:
    """How bad an instance is, for sorting: the worst is the lowest."""
    return STATES.index(item["state"]), is_quiet(item)


def is_quiet(item: Mapping[str, Any]) -> bool:
    """Whether nothing of an instance is worth a line of its own in a large fleet."""
    served = all(view["serving"] for view in item["proxies"])
    return item["state"] == "running" and served and not item["restarts_last_day"]


def describe_host(host: HostRead, is_gone: IsGone) -> dict[str, Any]:
    """A host, with who locks it. A run that was killed has left its lock, and locks nothing."""
    runtime = get_components(host.state).get("runtime", {}) if host.is_read else {}
    lock = runtime.get("lock")
    dead = lock is not None and is_gone(lock)
    return {
        "name": host.name,
        "roles": [role for role, listed in (("application", host.application), ("proxy", host.proxy)) if listed],
        "state": host.outcome,
        "error": host.error,
        "lock": {"user": lock["user"], "host": lock["host"], "since": format_time(lock["since"])}
        if lock and not dead
        else None,
        "lock_error": runtime.get("lock_fault", ""),
        "unfinished": bool(runtime.get("unfinished")) or dead,
    }


def describe_instances(host: HostRead, views: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The instances of a host; those that the inventory names where it was not read."""
    runtime = get_components(host.state).get("runtime") if host.is_read else None
    if runtime is None:
        return [describe_instance(host.name, {"index": index}, 0, views) for index in range(host.expected)]
    return [describe_instance(host.name, item, runtime["now"], views) for item in runtime["instances"]]


def describe_instance(
    host: str, item: Mapping[str, Any], now: int, views: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """One instance. A host that was not read has the number alone."""
    started, stop = item.get("started"), item.get("stopped_by_operator")
    return {
        "name": f"{host}-{item['index']}",
        "host": host,
        "index": item["index"],
        "port": item.get("port"),
        "state": item.get("state", "unknown"),
        "release": item.get("release"),
        "installed_release": item.get("installed"),
        "started": None if started is None else format_time(started),
        "uptime_seconds": None if started is None else max(now - started, 0),
        "health": item.get("health", "unknown"),
        "health_answer": item.get("answer"),
        "connections": item.get("connections"),
        "memory_bytes": item.get("memory_bytes"),
        "restarts_last_day": item.get("restarts_last_day"),
        "stopped_by_operator": {**stop, "since": format_time(stop["since"])} if stop else None,
        "proxies": list(views.get(format_server_name(host, item["index"]), ())),
    }


def describe_proxy(host: HostRead) -> dict[str, Any]:
    """A proxy with its servers. One that was not read has none."""
    report = (fleet_health.get_report(host.state) if host.is_read else None) or {}
    servers = [describe_server(server) for server in report.get("servers", [])]
    own = fleet_health.list_application_servers({"servers": servers})
    running, set_up = bool(report.get("running")), bool(report.get("set_up"))
    return {
        "name": host.name,
        "software": report.get("title", ""),
        "version": report.get("version", ""),
        "state": "unknown" if not report else "not set up" if not set_up else "running" if running else "down",
        "serving": running and any(server["serving"] for server in own),
        "connections": sum_known(server["connections"] for server in own),
        "servers": servers,
    }


def describe_server(server: Mapping[str, Any]) -> dict[str, Any]:
    """A server as its proxy has it. What somebody has set comes before what its health check found."""
    ready = server["admin"] == "ready"
    return {
        "name": server["name"],
        "backend": server["backend"],
        "address": server["address"],
        "port": server["port"],
        "status": make_printable(server["status"] if ready else server["admin"]),
        "serving": fleet_health.is_healthy(server),
        "check": make_printable(server["check"]),
        # Only a proxy with a runtime socket counts them.
        "connections": server.get("sessions"),
    }


def sum_known(counts: Iterable[int | None]) -> int | None:
    """The sum of numbers; None where one of them is None."""
    found = list(counts)
    known = [count for count in found if count is not None]
    return sum(known) if len(known) == len(found) else None


def group_views(proxies: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What each proxy thinks of each server of the application: the server's name to a list."""
    found: dict[str, list[dict[str, Any]]] = {}
    for proxy in proxies:
        for server in fleet_health.list_application_servers(proxy):
            view = {"name": proxy["name"], "status": server["status"], "serving": server["serving"]}
            found.setdefault(server["name"], []).append(view)
    return found


def find_host_errors(hosts: Iterable[HostRead]) -> list[str]:
    """The hosts that were not read, a sentence each."""
    return [f"{host.name}: {host.error}" for host in hosts if not host.is_read]


def find_instance_errors(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The instances that do not serve though they are to, a sentence each."""
    sentences = {
        "down": "{name} is down: no process runs, and {installed} is installed",
        "unhealthy": "{name} is unhealthy: found {health_answer} for its health page",
        "orphaned": "{name} is orphaned: the inventory has fewer instances",
    }
    errors = [
        sentences[item["state"]].format(
            **item, installed=f"release {item['installed_release']}" if item["installed_release"] else "no release"
        )
        for item in found
        if item["state"] in sentences
    ]
    for item in found:
        away = [view for view in item["proxies"] if not view["serving"]]
        if away and item["state"] == "running":
            listed = ", ".join(f"{view['name']} ({view['status']})" for view in away)
            errors.append(f"{item['name']} runs, and gets no requests from {listed}")
    return errors


def find_proxy_errors(proxies: Iterable[Mapping[str, Any]]) -> list[str]:
    """The proxies that serve nobody, a sentence each."""
    found = []
    for proxy in proxies:
        if proxy["state"] == "down":
            found.append(f"{proxy['name']}: {proxy['software']} does not run")
        elif proxy["state"] == "not set up":
            found.append(f"{proxy['name']}: {proxy['software'] or 'the proxy'} is not set up")
        elif proxy["state"] == "running" and not proxy["serving"]:
            found.append(f"{proxy['name']}: {proxy['software']} has no healthy server")
    return found


def decide_outcome(
    found: Sequence[Mapping[str, Any]], proxies: Sequence[Mapping[str, Any]], errors: Sequence[str]
) -> str:
    """`down` where nobody is served, `degraded` where something is wrong, else `ok`."""
    # What is not read may serve.
    known = [item for item in found if item["state"] not in ("idle", "orphaned")]
    silent = bool(known) and not any(item["state"] in ("running", "unknown") for item in known)
    fronts = bool(proxies) and not any(proxy["serving"] or proxy["state"] == "unknown" for proxy in proxies)
    return "down" if silent or fronts else "degraded" if errors else "ok"


# ------------------------------------------------------------------------------------------------------ for a terminal


def render_status_table(document: Mapping[str, Any]) -> str:
    """The document on one screen: what is wrong first, and in a large fleet what is well in few lines."""
    found = document["instances"]
    large = len(found) > MOST_LINES
    listed = [item for item in found if not (large and is_quiet(item))]
    text = [format_headline(document), ""]
    text += [*document["errors"], ""] if document["errors"] else []
    if listed:
        text += [*render_table(INSTANCE_COLUMNS, [format_instance(item) for item in listed]), ""]
    if large:
        text += [*format_groups([item for item in found if is_quiet(item)]), ""]
    if document["proxies"]:
        text += [*render_table(PROXY_COLUMNS, [format_proxy(proxy) for proxy in document["proxies"]]), ""]
    text += [line for host in document["hosts"] for line in format_host_notes(host)]
    stops = [(item["name"], item["stopped_by_operator"]) for item in found if item["stopped_by_operator"]]
    text += [
        f"{name} was stopped by operator {one['user']} on {one['host']}, since {one['since']}" for name, one in stops
    ]
    return "\n".join(text).rstrip()


def format_headline(document: Mapping[str, Any]) -> str:
    """The fleet in one line."""
    found = [item for item in document["instances"] if item["state"] not in ("idle", "orphaned")]
    healthy = sum(item["state"] == "running" for item in found)
    releases = sorted({item["release"] for item in found if item["release"]})
    return (
        f"{document['outcome'].upper()}: {format_host_count(len(document['hosts']))}, {healthy} of {len(found)} "
        f"instances healthy, release {', '.join(releases) or 'none'} ({document['time']})"
    )


def format_instance(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of one instance."""
    return (
        item["host"],
        item["name"],
        item["state"],
        item["release"] or "-",
        format_start(item),
        "-" if item["health_answer"] is None else item["health_answer"],
        format_number(item["connections"]),
        format_memory(item["memory_bytes"]),
        format_number(item["restarts_last_day"]),
        format_views(item["proxies"]),
    )


def format_start(item: Mapping[str, Any]) -> str:
    """When an instance was started, and how long ago."""
    return "-" if item["started"] is None else f"{item['started']} ({format_duration(item['uptime_seconds'])})"


def format_duration(seconds: int) -> str:
    """A time in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def format_number(value: int | None) -> str:
    """A number, or the word for one that nobody knows."""
    return "unknown" if value is None else str(value)


def format_memory(value: int | None) -> str:
    """Memory in MiB."""
    return "-" if value is None else f"{value / (1 << 20):.0f} MiB"


def format_views(views: Sequence[Mapping[str, Any]]) -> str:
    """What the proxies think of an instance: one word where they agree."""
    words = {view["status"] for view in views}
    if len(words) <= 1:
        return "".join(words) or "-"
    return ", ".join(f"{view['name']} {view['status']}" for view in views)


def format_groups(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Instances that are well, a line for each release."""
    lines = []
    for release in sorted({item["release"] or "unknown" for item in found}):
        items = [item for item in found if (item["release"] or "unknown") == release]
        started = sorted(item["started"] for item in items if item["started"])
        connections = [item["connections"] for item in items]
        total = "unknown" if None in connections else str(sum(connections))
        hosts, most = {item["host"] for item in items}, max(item["memory_bytes"] or 0 for item in items)
        first = started[0] if started else "unknown"
        lines.append(
            f"{len(items)} more instance{'' if len(items) == 1 else 's'} on {format_host_count(len(hosts))}, healthy, "
            f"release {release}: up since {first} or later, {total} connections, at most {format_memory(most)} each"
        )
    return lines


def format_proxy(proxy: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of one proxy."""
    servers = fleet_health.list_application_servers(proxy)
    serving = sum(server["serving"] for server in servers)
    software = f"{proxy['software']} {proxy['version']}".strip() or "-"
    connections = format_number(proxy["connections"])
    return (proxy["name"], software, proxy["state"], f"{serving} of {len(servers)} servers", connections)


def format_host_notes(host: Mapping[str, Any]) -> list[str]:
    """Who has locked a host, and what a run has left there."""
    lock = host["lock"]
    if lock:
        return [f"{host['name']} is locked by {lock['user']} on {lock['host']}, since {lock['since']}"]
    if host["lock_error"]:
        return [f"{host['name']} has a lock that cannot be read: {host['lock_error']}"]
    return [f"{host['name']}: a run ended early; run the playbook again"] if host["unfinished"] else []


def list_status_rows(document: Mapping[str, Any]) -> list[list[str]]:
    """The instances for the format `lines`: the columns of the table, with exact values."""
    return [
        [
            item["host"],
            item["name"],
            item["state"],
            item["release"] or "-",
            item["started"] or "-",
            item["health"],
            format_number(item["connections"]),
            format_number(item["memory_bytes"]),
            format_number(item["restarts_last_day"]),
            format_views(item["proxies"]),
        ]
        for item in document["instances"]
    ]
