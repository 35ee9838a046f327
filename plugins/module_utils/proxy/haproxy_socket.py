# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's runtime socket: one small call, and pure parsers of what it answers (HAProxy 2.2 and later)."""

from __future__ import annotations

import csv
import re
from typing import Any, Mapping

from ..core.host import Host
from ..core.untrusted_text import escape_text, split_lines

_NUMBER = re.compile(r"[0-9]{1,18}")

#: Bits of srv_admin_state in `show servers state`. The inherited ones follow another server and are not set by hand.
FORCED_MAINTENANCE, FORCED_DRAIN = 0x01, 0x08
MAINTENANCE_BITS, DRAIN_BITS = 0x01 | 0x02 | 0x04 | 0x20, 0x08 | 0x10

#: Bit of srv_check_state: the server has a health check. In maint it is the only sign of that.
CHECK_CONFIGURED = 0x02


#: Bytes of an answer at most: a row of statistics has 1,500, and there may be thousands of servers.
ANSWER_BYTES = 64 << 20


def ask(host: Host, path: str, command: str, timeout: float = 5.0) -> str:
    """What HAProxy answers to one command, or to several that are separated by `;`.

    Raises OSError where no process listens on the socket `path`, this user may not use it, or the answer takes longer
    than `timeout` seconds in all or is larger than `ANSWER_BYTES`.
    """
    try:
        return escape_text(
            host.exchange(path, command.encode() + b"\n", timeout, ANSWER_BYTES).decode("utf-8", "replace")
        )
    except ValueError as error:
        raise OSError(f"{path}: {error}") from error


def parse_info(text: str) -> dict[str, str]:
    """The `Name: value` lines of `show info` as a dictionary of texts, up to the first empty line."""
    pairs = (line.partition(":") for _number, line in split_lines(text.lstrip("\n").split("\n\n")[0]))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def parse_stat(text: str) -> list[dict[str, Any]]:
    """The rows of `show stat` (CSV, the header begins with `# `) as dictionaries of texts."""
    # Of an application's own words, as an answer to a health check, csv would take these for ends of lines.
    lines = [line for _number, line in split_lines(text.replace("\r", " ").replace("\0", " ")) if line]
    start = next((index for index, line in enumerate(lines) if line.startswith("# pxname,")), None)
    if start is None:
        return []
    try:
        return list(csv.DictReader([lines[start][2:], *lines[start + 1 :]]))
    except csv.Error:
        # A word of more than 131,072 letters.
        return []


def parse_servers_state(text: str) -> list[dict[str, str]]:
    """The rows of `show servers state` (version 1) as dictionaries of texts, keyed as its own header names them."""
    names, rows = [], []
    for _number, line in split_lines(text):
        if line.startswith("# be_id "):
            names = line[2:].split()
        elif names and line and not line.startswith("#"):
            rows.append(dict(zip(names, line.split())))
    return rows


def _is_server(row: Mapping[str, str]) -> bool:
    """Whether a row of the state has all that is read of it."""
    numbers = all(_NUMBER.fullmatch(row.get(name, "")) for name in ("srv_port", "srv_admin_state", "srv_check_state"))
    return numbers and all(row.get(name) for name in ("be_name", "srv_name", "srv_addr"))


def find_admin_state(bits: int) -> str:
    """`maint`, `drain` or `ready`: what srv_admin_state reports that a person or a program requested."""
    return "maint" if bits & MAINTENANCE_BITS else "drain" if bits & DRAIN_BITS else "ready"


def parse_servers(stat_text: str, state_text: str) -> list[dict[str, Any]]:
    """What HAProxy thinks of each server, from `show stat` and `show servers state`.

    A list of `{backend, name, address, port, admin, status, sessions, checked, check}`: `admin` is `ready`, `drain`
    or `maint`; `checked` is whether it has a health check; `status` is HAProxy's own word (`UP`, `DOWN 1/2`,
    `MAINT`, `no check`); `sessions` are the requests and tunnels that it has there now, as an integer; `check` is
    what the last health check reported, as `L7STS 503 Service Unavailable`.
    """
    live = {(row.get("pxname"), row.get("svname")): row for row in parse_stat(stat_text)}
    found = []
    for row in parse_servers_state(state_text):
        # HAProxy 2.2 lists the processes of its own master as servers.
        if row.get("be_name") == "MASTER" or not _is_server(row):
            continue
        stat = live.get((row["be_name"], row["srv_name"]), {})
        scur = stat.get("scur") or ""
        found.append(
            {
                "backend": row["be_name"],
                "name": row["srv_name"],
                "address": row["srv_addr"],
                "port": int(row["srv_port"]),
                "admin": find_admin_state(int(row["srv_admin_state"])),
                "status": stat.get("status", ""),
                "sessions": int(scur) if _NUMBER.fullmatch(scur) else 0,
                "checked": bool(int(row["srv_check_state"]) & CHECK_CONFIGURED),
                "check": format_check(stat),
            }
        )
    return found


def format_check(stat: Mapping[str, str]) -> str:
    """What the last health check reported, from the row of a server."""
    words = (
        # While the next check is under way, there is an asterisk in front of it, and 0 in the place of its code.
        (stat.get("check_status") or "").lstrip("* "),
        "" if stat.get("check_code") == "0" else stat.get("check_code"),
        stat.get("last_chk") or stat.get("check_desc"),
    )
    return " ".join(word for word in words if word)
