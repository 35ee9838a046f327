# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check found: every row of every host as a flat list, causes apart from their consequences. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..core.plan import CHECK, PING, RUN
from ..core.statuses import STATUSES
from ..core.untrusted_text import make_sendable
from ..preflight import messages as preflight
from ..proxy.definition import format_server_name
from . import fixes
from .fleet_summary import WORDS, format_host_count, get_components, list_rows, render_table

#: How bad a row is: `drift` makes a check fail, `note` does not, `ok` is in sync.
LEVELS = {name: status.level for name, status in STATUSES.items()}


def list_findings(
    states: dict[str, dict[str, Any] | None], reached: list[str], inventory: str = "", variables: str = ""
) -> list[dict[str, Any]]:
    """Every row of every host, and every error, as one flat list: the worst first, then by host. `inventory` are the
    options of the lines to type, from `fixes.format_inventory_options`, and `variables` those of playbooks alone."""
    found = []
    kept = {host: (get_components(state).get("release") or {}).get("kept", "") for host, state in states.items()}
    for host, state in states.items():
        found += list_host_findings(host, state, host in reached)
    for item in mark_consequences(found, kept):
        item["fix"] = fixes.keep_release(item, kept[item["host"]])
        # Of a note, what is recommended is for another machine (the one that runs a container),
        # unless it is about seeing more.
        if item["level"] == "drift" or item["status"] == "not_readable":
            item["fix"] = fixes.format_command(item["fix"], item["host"], inventory, variables, item["commands"])
    order = ["drift", "note", "ok"]
    # Not all of it is of our modules: Ansible's own, and hosts that are not reached, have messages too.
    found = make_sendable(found)
    return sorted(found, key=lambda item: (order.index(item["level"]), item["host"]))


def decide_outcome(states: Mapping[str, Any], found: list[dict[str, Any]], reached: list[str]) -> str:
    """The outcome of a check in one word: `invalid_input` where a variable was refused, `failed` where a host was not
    read, `drift` or `in_sync`."""
    unread = [state for host, state in states.items() if host not in reached or not get_components(state)]
    if any((state or {}).get("refused") for state in unread):
        return "invalid_input"
    return "failed" if unread else "drift" if any(item["level"] == "drift" for item in found) else "in_sync"


def list_host_findings(host: str, state: dict[str, Any] | None, reached: bool) -> list[dict[str, Any]]:
    """The findings of one host."""
    if state is None or not get_components(state) or not reached:
        away, message = not reached or bool((state or {}).get("unreachable")), preflight.read_failure(state)
        why = "it could not be reached" if away else f"it could not be read: {message or 'no reason was given'}"
        if not away and message:
            # A check of its variables failed: the host itself was not queried.
            why = message if state and state.get("refused") else preflight.find_cause(str(message)) or why
        return [
            build_finding(
                host,
                {
                    "component": "host",
                    "item": "host",
                    "desired": "readable",
                    "status": "drift",
                    "why": why,
                    "fix": PING if away else RUN,
                },
            )
        ]
    # Without root the processes, sockets and rules of others are hidden: no conclusion from them is certain.
    root, hidden = state.get("machine", {}).get("uid", 0) == 0, {"status": "not_readable", "fix": CHECK, "commands": []}
    found = [
        build_finding(host, row if root or row["status"] != "restart_pending" else {**row, **hidden})
        for row in list_rows(state)
    ]
    reported = {item["why"] for item in found}
    found += [
        build_finding(
            host,
            {
                "component": name,
                "item": name,
                "status": "drift",
                "why": error,
                "fix": RUN,
                "commands": report.get("fixes", {}).get(error, []),
                **({} if root else hidden),
            },
        )
        for name, report in get_components(state).items()
        for error in report.get("errors", [])
        if error not in reported
    ]
    found += [
        build_finding(
            host,
            {
                "component": "instance",
                "item": f"instance-{item['index']}",
                "desired": "absent",
                "effective": "there",
                "status": "drift",
                "why": "the inventory has fewer instances",
                "fix": RUN,
            },
        )
        for item in get_components(state).get("instances", {}).get("orphaned", [])
    ]
    return found


def mark_consequences(found: list[dict[str, Any]], kept: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The findings. One that another one causes becomes a note: a cause is reported once, where it can be fixed.

    `kept` maps a host to the release that it runs instead of the inventory's.
    """
    drifted = {(item["host"], item["item"]) for item in found if item["level"] == "drift"}
    for item in found:
        source = find_cause(item, drifted, (kept or {}).get(item["host"], "")) if item["level"] == "drift" else None
        if source:
            why = f"caused by {' '.join(source)}: {item['why']}"
            less = {"status": "consequence", "why": why, "fix": "", "commands": []}
            item.update(build_finding(item["host"], {**item, **less}))
    return found


def find_cause(item: dict[str, Any], drifted: set[tuple[str, str]], kept: str = "") -> tuple[str, str] | None:
    """The finding with drift, as `(host, item)`, that causes another one, or None. A proxy finds an instance down that
    is not in sync, or whose host is not reached; a file that was replaced has another certificate; nothing answers
    through a redirect that is not there."""
    host, words = item["host"], item["item"].split()
    if item["component"] == "proxy" and item["effective"].startswith("DOWN"):
        name = words[0].partition("/")[2]
        instances = {
            format_server_name(there, what.partition(" ")[0].partition("-")[2]): (there, what)
            for there, what in sorted(drifted)
            if what.startswith("instance-")
        }
        away = next(
            (
                (there, what)
                for there, what in sorted(drifted)
                if what == "host" and name == format_server_name(there, name.rpartition("-")[2])
            ),
            None,
        )
        # Where the way from the proxy to the host is blocked, that is the cause.
        way = f"port {item['configured'].rpartition(':')[2]} from {host}"
        blocked = next(
            (
                (there, what)
                for there, what in sorted(drifted)
                if what == way and name == format_server_name(there, name.rpartition("-")[2])
            ),
            None,
        )
        return instances.get(name, away or blocked)
    others = []
    if (
        kept
        and item["component"] == "instance"
        and words[1:] == ["folder"]
        and item["effective"].rpartition("-")[0] == kept
    ):
        others = ["release"]
    elif item["component"] == "certificate":
        others = [words[-1]]
    elif item["component"] == "reach" and words[0] == "port":
        # Nobody reaches a port whose redirect, service or instance is not there, or that the firewall has yet to open.
        others = [f"port {words[1]} (IPv4)", f"port {words[1]} (IPv6)", "service"]
        others += [what for there, what in sorted(drifted) if there == host
                   and (what.startswith(f"port {words[1]} in ") or re.fullmatch(r"instance-\d+ process", what))]
    elif words[:2] == ["connection", "to"]:
        others = [f"port {words[-1]} ({'IPv6' if ':' in words[2] else 'IPv4'})"]
    return next(((host, other) for other in others if (host, other) in drifted), None)


def build_finding(host: str, row: dict[str, Any]) -> dict[str, Any]:
    """One finding: a row with its host, its level, and its status in words.
    One with drift always has a reason, and what fixes it."""
    empty = {"desired": "", "configured": "", "effective": "", "why": "", "fix": "", "commands": []}
    found = {**empty, **row, "host": host, "level": LEVELS[row["status"]], "status_text": WORDS[row["status"]]}
    if found["level"] == "drift":
        found["why"] = found["why"] or "the effective value is not the desired one"
        # Where a port is not reached and no command opens it, no run of a playbook does.
        found["fix"] = found["fix"] or ("" if found["component"] == "reach" else RUN)
    return found


def check_table(found: list[dict[str, Any]], everything: bool) -> str:
    """The findings as a table for the terminal: those that show drift, and what an operator stopped; or all of them."""
    counts = {level: sum(item["level"] == level for item in found) for level in ("drift", "note", "ok")}
    head = (
        f"{format_host_count(len({item['host'] for item in found}))}, {len(found)} values: {counts['drift']} "
        f"drift, {counts['note']} note{'' if counts['note'] == 1 else 's'}, {counts['ok']} in sync"
    )
    worth = [item for item in found if item["level"] == "drift" or item["status"] == "stopped"]
    shown = found if everything else worth
    lines = [
        (
            item["host"],
            item["item"],
            item["desired"] or "-",
            item["configured"] or "-",
            item["effective"] or "-",
            item["status_text"],
        )
        for item in shown
    ]
    text = render_table(("host", "item", "desired", "configured", "effective", "status"), lines) if lines else []
    reasons: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in worth:
        reasons.setdefault((item["why"], item["fix"].replace(f" --limit {item['host']}", " --limit ")), []).append(item)
    for (why, fix), items in reasons.items():
        hosts = ",".join(dict.fromkeys(item["host"] for item in items))
        text += ["", f"{', '.join(item['host'] + ' ' + item['item'] for item in items)}: {why}"]
        text += [f"    {fix}{hosts if fix.endswith(' --limit ') else ''}"] if fix else []
    return "\n".join([head, "", *text]).rstrip()


def check_rows(found: list[dict[str, Any]]) -> list[list[str]]:
    """The findings for the format `lines`."""
    names = ("host", "item", "desired", "configured", "effective", "status", "why")
    return [[item[name] or "-" for name in names] for item in found]
