# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `certificates`: until when they are valid, in the file and on the live socket. Read only."""

from __future__ import annotations

import datetime
import re
from typing import Any, Mapping

from ..core import addresses
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.host import LATE, Host
from ..core.plan import CHECK, RUN, Draft, Plan, Row

NAME = "certificates"

SPEC = {
    "days": {"type": "int", "default": 30},
    "items": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "port": {"type": "int", "required": True},
            "listen": {"type": "list", "elements": "str", "default": ["*"]},
        },
    },
}

#: openssl-x509(1) prints these whatever language the host speaks; strptime(3) reads those of the host's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
_END = re.compile(rf"^notAfter=({'|'.join(MONTHS)}) +([0-9]{{1,2}}) {_TIME} ([0-9]{{4}})(?: GMT)?[ \r]*$", re.MULTILINE)

#: Seconds for a listener to show its certificate. One that never answers is not a reason to wait.
HANDSHAKE_SECONDS = 10

ASK = ["openssl", "x509", "-noout", "-enddate", "-fingerprint", "-sha256"]


def parse(text: str) -> tuple[datetime.datetime, str] | None:
    """What openssl-x509(1) reports: `(end as a datetime in UTC, fingerprint)`, or None where it reports nothing of a
    certificate."""
    end, mark = _END.search(text), re.search(r"ingerprint=(\S+)$", text, re.MULTILINE)
    if not end or not mark:
        return None
    day, hour, minute, second, year = map(int, end.groups()[1:])
    try:
        # A leap second is none for Python.
        return datetime.datetime(
            year, MONTHS.index(end[1]) + 1, day, hour, minute, min(second, 59), tzinfo=datetime.timezone.utc
        ), mark[1]
    except ValueError:
        return None


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Both certificates of each item: that of the file, and that which the socket shows."""
    state: dict[str, Any] = {
        "tool": host.find_program("openssl") is not None,
        "installer": ["apt-get" if host.find_program("apt-get") else "dnf", "install", "-y"],
        "now": datetime.datetime.now(datetime.timezone.utc),
        "items": [],
    }
    for item in desired["items"]:
        place = addresses.add_brackets(addresses.find_listen_target(item.get("listen") or ["*"]))
        shown = host.run(
            ["openssl", "s_client", "-connect", f"{place}:{item['port']}"], data="", seconds=HANDSHAKE_SECONDS
        )
        text, is_hidden = read_file(host, item["path"])
        state["items"].append(
            {
                **item,
                "hidden": is_hidden,
                # Not by its path: that of an instance is below a folder of the application.
                "configured": parse(host.run(ASK, data=text).out) if text else None,
                "effective": parse(host.run(ASK, data=shown.out).out) if "BEGIN CERTIFICATE" in shown.out else None,
                "late": shown.rc == LATE,
            }
        )
    return state


def read_file(host: Host, path: str) -> tuple[str, bool]:
    """The text of a certificate's file (empty: there is none), and whether this user may not read it."""
    try:
        return host.read(path) or "", False
    except PermissionError:
        return "", True


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """One row an item. A certificate that expires soon is a finding that a run fixes only once it is renewed."""
    return Draft(rows=[build_row(desired, state, item) for item in state["items"]]).plan(desired, state)


def build_row(desired: Mapping[str, Any], state: Mapping[str, Any], item: Mapping[str, Any]) -> Row:
    """Three columns of one certificate."""
    ends = {name: item[name][0].date().isoformat() if item[name] else "" for name in ("configured", "effective")}
    result = Row(
        "certificate",
        f"certificate {item['path']}",
        f"valid {desired['days']} days more",
        ends["configured"],
        ends["effective"],
    )
    if not state["tool"]:
        result = result.replace(status="not_readable", why="there is no openssl on this host")
        result = result.add_commands([*state["installer"], "openssl"])
    elif item["hidden"]:
        result = result.replace(status="not_readable", why="only root may read the file", fix=CHECK)
    elif not item["configured"]:
        result = result.replace(status="drift", why="the file is missing, or is not a certificate", fix=RUN)
    elif not item["effective"]:
        late = f"the handshake of TLS on port {item['port']} did not end within {HANDSHAKE_SECONDS} s"
        silent = f"nothing answers with a certificate on port {item['port']}"
        result = result.replace(status="drift", why=late if item.get("late") else silent, fix=RUN)
    elif item["configured"][1] != item["effective"][1]:
        why = "the proxy serves another certificate than the file contains"
        result = result.replace(status="restart_pending", why=why, fix=RUN)
    elif (item["configured"][0] - state["now"]).days < desired["days"]:
        days = (item["configured"][0] - state["now"]).days
        when = "has expired" if days < 0 else f"expires in {days} day{'' if days == 1 else 's'}"
        why = f"the certificate {when}: replace the file of xitrum_proxy_tls_certificate with a renewed one"
        result = result.replace(status="drift", why=why, fix=RUN)
    return result
