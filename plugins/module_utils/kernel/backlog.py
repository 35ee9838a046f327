# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backlog of listening sockets: requested, configured, live, and what each socket really has.

A backlog is fixed when a process calls listen(): the smaller one of what it asks for and of somaxconn at that moment.
Raising somaxconn later changes nothing until the process starts again.
"""

from __future__ import annotations

from typing import Any

from ..core import targets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, Row
from ..core.untrusted_text import make_printable
from . import files as kernel_files

KEY = "net.core.somaxconn"
NAME = "backlog"

SPEC: dict[str, Any] = {"requested": {"type": "int", "default": 1024}, **targets.SPEC}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The live and configured somaxconn, and the targets' sockets."""
    texts, _unread = kernel_files.read(host, kernel_files.OWN_PATH)
    live = (host.read("/proc/sys/net/core/somaxconn") or "").strip()
    return {
        "live": int(live) if live.isdecimal() else None,
        "configured": kernel_files.Boot(
            texts, live={KEY: live} if live else None, systemd=kernel_files.has_systemd(host)
        ).describe_configured(KEY),
        "targets": targets.read(host, desired),
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The rows and `sockets`: pure, and nothing is ever to be done."""
    found = [_check_socket(desired, state, target, row) for target in state["targets"] for row in target["listeners"]]
    missing = [
        Row(
            "backlog",
            target["label"],
            desired=str(desired["requested"] or ""),
            configured=state["configured"],
            status="not_readable",
            why=target["why"] or "it has no listening TCP socket, or only root sees which are its own",
        )
        for target in state["targets"]
        if not target["listeners"]
    ]
    facts = {"sockets": [facts for _row, facts in found], "live": state["live"], "configured": state["configured"]}
    return Draft(rows=[row for row, _facts in found] + missing, facts=facts).plan(desired, state)


def judge(requested: int, live: int | None, backlog: int) -> tuple[str, str]:
    """`(status, sentence)` for one socket. `queried` 0 stands for what somaxconn is now (Xitrum 3.31 asks for
    that)."""
    if live is None:
        return "not_readable", f"{KEY} cannot be read here"
    desired = requested or live
    if backlog >= desired:
        return "ok", ""
    if backlog < min(desired, live):
        why = f"listen() was called when {KEY} was {backlog}, or requested no more: it is {live} now"
        return "restart_pending", f"{why}, and a restart takes it"
    return "drift", f"{KEY} is {live}, which caps what the process asks for"


def _check_socket(
    desired: dict[str, Any], state: dict[str, Any], target: dict[str, Any], row: dict[str, Any]
) -> tuple[Row, dict[str, Any]]:
    live, unit = state["live"], target["unit"].get("Id", "")
    status, why = judge(desired["requested"], live, row["backlog"])
    fix = ""
    commands: list[list[str]] = []
    if status == "restart_pending" and unit:
        commands = [["systemctl", "restart", unit]]
    elif status == "restart_pending":
        fix = "restart the process" + (f" {row['pid']} ({make_printable(row['process'])})" if row["pid"] else "")
    elif status == "drift":
        commands = [["sysctl", "-w", f"{KEY}={desired['requested']}"]]
    requested = desired["requested"] or live
    address = f"[{row['address']}]" if ":" in row["address"] else row["address"]
    item = f"{target['label']}, {row['family']} {address}:{row['port']}"
    facts = {
        "target": target["label"],
        "address": row["address"],
        "port": row["port"],
        "family": row["family"],
        "pid": row["pid"],
        "process": row["process"],
        "unit": unit,
        "desired": requested,
        "configured": state["configured"],
        "live": live,
        "effective": row["backlog"],
        "status": status,
        "why": why,
    }
    return (
        Row(
            "backlog",
            item,
            str(requested or ""),
            f"{state['configured']}, live {live}",
            str(row["backlog"]),
            status,
            why,
            fix,
            commands,
        ),
        facts,
    )
