# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running instance takes on only when it starts: its JDK, its limit of open files, the backlog of its socket.
Read only.

Host preparation changes all three for the next start and restarts nothing, so it reports which instances need one.
The application's own component, `instances`, judges by the same functions.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from ..core import process, sockets
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import Host
from ..core.plan import BASE, CHECK, RUN, Draft, Plan, Row
from ..limits import nofile as limits

NAME = "restarts"

SPEC = {
    "root": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "http_port": {"type": "int", "default": 8000},
    "nofile": {"type": "int", "default": 1024000},
    "backlog": {"type": "int", "default": 1024},
}

#: Why the host does not show who listens.
NO_SS = "ss did not answer: install iproute2 (Debian) or iproute (RHEL)"


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The running instances by index, and what the host gives a process that starts now. The JDK and what the kernel is
    to have are those of the components that were read before."""
    jdk, kernel = seen.get("jdk"), seen.get("kernel")
    root = host.realpath(desired["root"])
    running = process.find_processes_under(host, f"{root}/instances")
    rows = sockets.read_listeners(host) if running else sockets.Rows()
    found = {}
    for name in filter(str.isdecimal, host.listdir(f"{root}/instances")):
        folder = f"{root}/instances/{name}"
        own = find_own(running, folder, process.list_accounts(host, folder, desired["user"]), desired["user"])
        port = desired["http_port"] + int(name)
        if own:
            listening = [row["backlog"] for row in rows or [] if row["port"] == port and own["pid"] in row["pids"]]
            found[int(name)] = {
                "process": own,
                "listening": listening,
                "unread": "" if listening else find_unread_sockets(rows, port),
            }
    return {
        "instances": found,
        "java": host.realpath(f"{jdk['home']}/bin/java") if jdk and jdk.get("home") else "",
        **read_start_state(host, desired["nofile"], kernel),
    }


def read_start_state(host: Host, nofile: int, kernel: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a process that starts now gets: `granted` open files, and a backlog of `somaxconn` or, once the
    kernel's profile is applied, of `somaxconn_planned`. A deploy does not read the profile: `kernel_unread`."""
    return {
        "granted": limits.find_granted_to_services(host, nofile),
        "somaxconn": read_somaxconn(host),
        "somaxconn_planned": find_planned_somaxconn(kernel),
        "kernel_unread": kernel is None,
    }


def find_own(
    running: Iterable[dict[str, Any]], folder: str, accounts: Container[str], user: str
) -> dict[str, Any] | None:
    """The process of the instance in a folder, among all that work below the folder of instances, or None. It runs as
    one of these accounts."""
    rows = [row for row in running if process.is_under(row["cwd"], folder)]
    return find_instance_process(process.filter_processes_of_users(rows, accounts), user)


def find_instance_process(rows: Iterable[dict[str, Any]], user: str) -> dict[str, Any] | None:
    """The process of an instance among those that work in its folder, or None. A shell or another user may work
    there as well."""
    return min(rows, key=lambda row: (row["user"] != user, row["comm"] != "java"), default=None)


def read_somaxconn(host: Host) -> int:
    """The live net.core.somaxconn; 0 where it cannot be read."""
    text = (host.read("/proc/sys/net/core/somaxconn") or "").strip()
    return int(text) if text.isdecimal() else 0


def find_planned_somaxconn(kernel: Mapping[str, Any] | None) -> int:
    """What net.core.somaxconn is once the kernel's profile is applied, of what the kernel component reports; 0 where
    the profile does not have it. A value that cannot be set here is the live one."""
    after = ((kernel or {}).get("parameters") or {}).get("net.core.somaxconn", {}).get("after") or ""
    return int(after) if str(after).isdecimal() else 0


def find_unread_sockets(rows: sockets.Rows | None, port: int | None) -> str:
    """Why the host does not show who listens on a port; empty where it is, and where nobody does."""
    if rows is None:
        return NO_SS
    hidden = any(row["port"] == port and not row["pids"] for row in rows)
    return sockets.format_unread_note(rows) or (
        f"only root sees which process listens on port {port}" if hidden else ""
    )


def build_instance_row(
    label: str,
    item: str,
    desired: str,
    configured: str,
    effective: str,
    good: bool,
    why: str,
    status: str = "restart_pending",
) -> Row:
    """One row of an instance, in sync or not."""
    name = f"{label} {item}"
    return (
        Row("instance", name, desired, configured, effective, "ok")
        if good
        else Row("instance", name, desired, configured, effective, status, why, RUN)
    )


def build_java_row(label: str, running: Mapping[str, Any], java: str) -> Row:
    """The JDK that the instance runs on."""
    return build_instance_row(
        label,
        "java",
        java,
        java,
        running["exe"] or "",
        running["exe"] == java,
        "it runs on another JDK, or on one that was replaced since",
    )


def build_nofile_row(label: str, running: Mapping[str, Any], nofile: int, most: int) -> Row:
    """The open files that the instance may have, of which the host grants `most`."""
    limit = min(nofile, most)
    desired, effective = str(limit) if limit == nofile else f"{limit} of {nofile}", "/".join(
        map(str, running["nofile"] or ())
    )
    return build_instance_row(
        label,
        "nofile",
        desired,
        str(nofile),
        effective,
        running["nofile"] == (limit, limit),
        "the limits of a process are fixed when it starts",
    )


def build_backlog_row(label: str, listening: Sequence[int], backlog: int, state: Mapping[str, Any]) -> Row:
    """The backlog of its sockets, `listening`. What is desired follows what the kernel's profile gives, not what
    somebody has set since: that is drift of the kernel, which a run repairs first, and a restart then takes.
    Where the profile was not read, what is requested is desired, and no restart is due that the kernel would cap."""
    live, unread = state["somaxconn"], state.get("kernel_unread", False)
    desired = backlog if unread else min(backlog, state.get("somaxconn_planned") or live)
    effective = min(listening, default=desired)
    why, status = "the backlog of a socket is fixed when it calls listen()", "restart_pending"
    if effective >= min(desired, live):
        # A restart alone would not help.
        why, status = (
            f"net.core.somaxconn is {live}, which caps it: "
            + (f"{BASE} sets what the kernel's profile has" if unread else "a run sets that first")
            + ", and a restart takes it then",
            "drift",
        )
    return build_instance_row(
        label,
        "backlog",
        f">= {desired}",
        str(live),
        str(effective) if listening else "",
        effective >= desired,
        why,
        status,
    )


def format_reason(row: Row) -> str:
    """Why a row makes a restart pending, as a phrase."""
    return f"{row.item.partition(' ')[2]}: {row.effective or 'none'} instead of {row.desired}"


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """The rows of the running instances, and which of them need a restart: `instances`. Never an action."""
    result = Draft(facts={"instances": []})
    for index, observed in sorted(state["instances"].items()):
        label, running = f"instance-{index}", observed["process"]
        rows = [build_java_row(label, running, state["java"])] if state["java"] and running["exe"] else []
        rows += [build_nofile_row(label, running, desired["nofile"], state["granted"])] if running["nofile"] else []
        if observed["unread"]:
            rows.append(Row("instance", f"{label} backlog", status="not_readable", why=observed["unread"], fix=CHECK))
        else:
            rows.append(build_backlog_row(label, observed["listening"], desired["backlog"], state))
        result.rows += rows
        why = [format_reason(row) for row in rows if row.status == "restart_pending"]
        result.facts["instances"] += [{"index": index, "why": why}] if why else []
    return result.plan(desired, state)
