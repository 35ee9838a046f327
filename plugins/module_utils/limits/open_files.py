# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nofile limit of running processes:
desired, configured (the unit, or limits.d), and what the process really has."""

from __future__ import annotations

from typing import Any

from ..core import process, targets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, Row
from . import nofile as limits

NAME = "open_files"

SPEC: dict[str, Any] = {"nofile": {"type": "int", "default": 1024000}, **targets.SPEC}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The targets, the limits of their processes, and the lines of limits.d."""
    found = targets.read(host, desired)
    pids = [pid for target in found for pid in target["pids"]]
    state = limits.read(
        host,
        {"nofile": desired["nofile"], "logins": [], "state": "present", "path": limits.OWN_PATH},
    )
    return {
        "targets": found,
        "processes": {row["pid"]: row for row in process.read_processes(host, pids)},
        "limits": state,
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The rows and `processes`: pure, and nothing is ever to be done."""
    found = [
        _check_process(desired, state, target, state["processes"][pid])
        for target in state["targets"]
        for pid in target["pids"]
        if pid in state["processes"]
    ]
    missing = [
        Row(
            "nofile",
            target["label"],
            desired=str(desired["nofile"]),
            status="not_readable",
            why=target["why"] or "its processes are gone",
        )
        for target in state["targets"]
        if not any(pid in state["processes"] for pid in target["pids"])
    ]
    return Draft(
        rows=[row for row, _facts in found] + missing, facts={"processes": [facts for _row, facts in found]}
    ).plan(desired, state)


def read_configured(target: dict[str, Any], user: str, state: dict[str, Any]) -> tuple[int | None, str]:
    """What is configured for a process, as `(number or None, words)`: its unit's limit, or its user's line in
    limits.d, which counts only for what was started by a login."""
    if target["unit"]:
        words = target["unit"].get("LimitNOFILESoft") or target["unit"].get("LimitNOFILE", "")
        number = int(words) if words.isdecimal() else None
        limit = process.UNLIMITED if words == "infinity" else number
        return limit, f"{words} (LimitNOFILE of {target['unit'].get('Id', 'its unit')})"
    lines, unread = state["limits"]["lines"], state["limits"]["unread"]
    if unread:
        return None, f"{unread[0]} may be read by root only"
    line = limits.find_line(lines, user, "soft") or (limits.find_line(lines, "*", "soft") if user != "root" else None)
    if line is None:
        return None, "not in limits.d"
    return (
        process.UNLIMITED if line.value is None else line.value
    ), f"{limits.format_value(line)} ({line.file}, for logins)"


def judge(desired: int, number: int | None, soft: int, granted: tuple[int, str]) -> tuple[str, str]:
    """`(status, sentence)` of a process with this soft limit.

    `number` is what is configured, or None; `granted` what the host can grant at all, and why no more, as from
    `limits.find_granted`. A restart helps where the configured number is enough and the host can grant it.
    """
    if soft == process.UNLIMITED or soft >= desired:
        return "ok", ""
    if soft >= granted[0]:
        return "read_only", f"this host grants {granted[0]}: {granted[1]}"
    if number is not None and (number == process.UNLIMITED or number >= desired):
        return "restart_pending", "it was started before it was configured so"
    return "drift", "it is started with too small a limit"


def _check_process(
    desired: dict[str, Any], state: dict[str, Any], target: dict[str, Any], row: dict[str, Any]
) -> tuple[Row, dict[str, Any]]:
    number, words = read_configured(target, row["user"], state)
    item = f"{target['label']}, {row['comm']} {row['pid']}"
    unit = target["unit"].get("Id", "")
    facts = {
        "target": target["label"],
        "pid": row["pid"],
        "process": row["comm"],
        "user": row["user"],
        "unit": unit,
        "desired": desired["nofile"],
        "configured": words,
        "soft": None,
        "hard": None,
    }
    if row["nofile"] is None:
        facts.update(status="not_readable", why="only root may read its limits")
        return Row("nofile", item, str(desired["nofile"]), words, "", "not_readable", facts["why"]), facts
    soft, hard = row["nofile"]
    status, why = judge(desired["nofile"], number, soft, limits.find_granted(desired["nofile"], state["limits"]))
    fix = {
        "restart_pending": f"restart the process {row['pid']} from a new login",
        "read_only": f"docker run --ulimit nofile={desired['nofile']}",
    }.get(status, "")
    commands = {
        "restart_pending": [["systemctl", "restart", unit]] if unit else [],
        "drift": [["prlimit", "--pid", str(row["pid"]), f"--nofile={desired['nofile']}"]],
    }.get(status, [])
    facts.update(soft=soft, hard=hard, status=status, why=why)
    return Row("nofile", item, str(desired["nofile"]), words, f"{soft} {hard}", status, why, fix, commands), facts
