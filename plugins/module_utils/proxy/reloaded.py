# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nginx and Apache have in common: the states of servers are in the configuration, and a reload takes them up.

The running worker repeats the digest of its configuration and those states at `/xitrum-config` on the loopback, in a
header.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping, Sequence

from ..core import addresses, sockets
from ..core.host import Host
from ..core.untrusted_text import escape_text, make_printable
from . import text as proxy_text
from .contract import ProxyBackend

#: What asks the running worker, given a host and options.
Answer = Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]

HEADER = "X-Xitrum-Config"
PATIENCE = 15.0
#: The program of `ask_server`.
_ASK = (
    "import sys, http.client as http; link = http.HTTPConnection(sys.argv[1], timeout=5); "
    'link.request("GET", "/"); print(link.getresponse().status)'
)


def ask_server(address: str) -> list[str]:
    """The command that shows what a server answers, by Ansible's Python on the host: there may be no other."""
    return [sys.executable or "python3", "-c", _ASK, address]


def ask(
    host: Host, port: int, path: str, timeout: float = 5.0, address: str = "127.0.0.1"
) -> tuple[int, str, str, str]:
    """One request: status, reason, the header that has the configuration, and the body, each without control
    characters.

    Raises OSError where nothing answers HTTP, or not in `timeout` seconds in all, or without an end.
    """
    headers = {"Host": "localhost", "Connection": "close"}
    try:
        status, reason, answer, body = host.request(address.strip("[]"), port, path, timeout, headers)
    except (ValueError, http.client.HTTPException) as error:
        raise OSError(f"{address}:{port} does not speak HTTP: {make_printable(repr(error))}") from error
    return (
        status,
        escape_text(reason),
        escape_text(answer.get(HEADER) or ""),
        escape_text(body.decode("utf-8", "replace")),
    )


def read_live(
    host: Host, desired: Mapping[str, Any], statuses: Mapping[str, str], rows: Iterable[tuple[str, str, str]]
) -> dict[str, Any]:
    """What the running worker reports about itself.

    `rows` are the servers of the configuration as `(backend, name, address)`, `statuses` maps such an address to the
    software's own word, where it has one.
    """
    try:
        description = ask(host, desired["control_port"], "/xitrum-config")[2]
    except OSError as error:
        return {"description": "", "version": "", "pid": "", "maxconn": "", "servers": [], "refused": error}
    states = proxy_text.parse_states(description)
    servers = []
    for backend, name, address in rows:
        state = states.get(name, "ready")
        status = statuses.get(address.lower(), "UP") if state == "ready" else state.upper()
        servers.append(
            {
                "backend": backend,
                "name": name,
                "address": address.rpartition(":")[0].strip("[]"),
                "port": int(address.rpartition(":")[2]),
                "admin": state,
                "status": status,
                "check": statuses.get(address.lower(), ""),
            }
        )
    return {"description": description, "version": "", "pid": "", "maxconn": "", "servers": servers, "refused": None}


def list_views(
    host: Any, desired: Mapping[str, Any], worker: Mapping[str, Any], title: str, process: str
) -> list[dict[str, Any]]:
    """The servers as `proxy_server` wants them, from what `live` reported.

    Raises RuntimeError where the proxy does not answer.
    """
    if desired["allow_missing"] and isinstance(worker["refused"], ConnectionRefusedError):
        # It does not run, so that it sends nothing anywhere.
        return []
    if worker["refused"] or not worker["description"]:
        raise RuntimeError(
            f"{title} does not answer with its configuration on 127.0.0.1:{desired['control_port']}/xitrum-config "
            f"({worker['refused'] or 'no header ' + HEADER}): systemctl status {desired['service']} shows whether it "
            "runs, site.yml sets it up"
        )
    rows = sockets.read_established(host, sockets.list_service_pids(host, desired["service"]))
    found = []
    for row in worker["servers"]:
        wrong = probe(host, desired, row) if desired["state"] == row["admin"] == "ready" else ""
        found.append(
            {
                **row,
                "state": row["admin"],
                "checked": True,
                "check": wrong or row["check"],
                "healthy": row["admin"] == "ready" and not wrong and not row["status"].startswith("DOWN"),
                "sessions": count_connections(
                    rows, process, row["address"], row["port"], addresses.resolve(host, row["address"])
                ),
            }
        )
    return found


def count_connections(rows: Any, process: str, address: str, port: int, resolved: Iterable[str] = ()) -> int:
    """How many of the established connections to a server the processes of that name hold. `resolved` are the
    addresses of a server that has a name. A line of ss that cannot be read may be a connection."""
    ends = {addresses.format_endpoint(place, port) for place in (address, *resolved)}
    held = sum(row["peer"] in ends and any(name == process for name, _pid in row.get("users", ())) for row in rows)
    return held + sockets.count_unread(rows)


def probe(host: Host, desired: Mapping[str, Any], row: Mapping[str, Any], seconds: float = 5.0) -> str:
    """Asks a server's page itself, as a health check does: why it is not healthy, or an empty text."""
    try:
        status, reason, _result, _body = ask(host, row["port"], desired["health_path"], seconds, row["address"])
    except OSError as error:
        return str(error)
    return "" if status == desired["health_status"] else f"{status} {reason}"


def change(
    host: Any,
    desired: Mapping[str, Any],
    servers: Iterable[Mapping[str, Any]],
    words: proxy_text.Words,
    answer: Answer,
) -> None:
    """Writes the states into the configuration and reloads; `answer` asks the running worker. The caller holds the lock
    of the proxy, so that nobody else writes meanwhile.

    Raises RuntimeError where the reload fails: the old states are back then.
    """
    before = host.read(desired["config_path"])
    states = {**proxy_text.parse_states(before), **{row["name"]: desired["state"] for row in servers}}
    rewrite(host, desired, before, proxy_text.set_states(before, states, words), answer)


def move(host: Any, desired: Mapping[str, Any], servers: Iterable[Mapping[str, Any]], answer: Answer) -> None:
    """Has servers lead to another address and port, as `change` sets their states."""
    text = before = host.read(desired["config_path"])
    for row in servers:
        text = proxy_text.move_server(text, row["name"], row["end"])
    rewrite(host, desired, before, text, answer)


def rewrite(host: Any, desired: Mapping[str, Any], before: str, text: str, answer: Answer) -> None:
    """Writes a configuration and reloads it. Raises RuntimeError where it has no effect: the old one is back then."""
    path = desired["config_path"]
    host.write(path, text)
    result = host.run(["systemctl", "reload", desired["service"] + ".service"])
    if result.rc != 0:
        host.write(path, before)
        raise RuntimeError(
            f"systemctl reload {desired['service']} failed with exit code {result.rc}: "
            f"{(result.err or result.out).strip()}. "
            "The states are as before"
        )
    want, deadline = proxy_text.parse_states(text), time.monotonic() + PATIENCE
    while proxy_text.parse_states(answer(host, desired)["description"]) != want:
        if time.monotonic() > deadline:
            host.write(path, before)
            raise RuntimeError(
                f"{desired['service']} does not have the new states of its servers {PATIENCE:.0f} s after a reload: "
                f"see journalctl -u {desired['service']}"
            )
        time.sleep(0.1)


def find_marked_servers(text: str, group: str, server: str) -> list[tuple[str, str, str]]:
    """The servers in a configuration as `[(backend, name, address and port)]`: `group` finds the line that begins a
    backend and `server` the line of a server, each with the text in its first group."""
    backend, name, found = "", None, []
    for line in text.splitlines():
        begins, found_server = re.match(group, line), re.match(server, line)
        mark = re.match(r"\s*# server (\S+) (?:new|both)$", line)
        if begins:
            backend = begins.group(1)
        elif found_server and name and backend:
            found.append((backend, name, found_server.group(1)))
        name = mark.group(1) if mark else None
    return found


def find_maxconn(text: str) -> int:
    """The number of connections that the role's templates write down."""
    found = re.search(r"^# connections: (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


@dataclass(frozen=True)
class Reloaded(ProxyBackend):
    """A proxy that keeps the states of servers in its configuration."""

    #: The end of a server's line, and what is put before it: (state, use) to the words, see `text.with_states`.
    words: proxy_text.Words = ("", {})
    probes: bool = True

    def parse_maxconn(self, text: str) -> int:
        return find_maxconn(text)

    def ask_server(self, address: str) -> list[str]:
        return ask_server(address)

    def carry_states(self, text: str, before: str | None) -> str:
        return proxy_text.set_states(text, proxy_text.parse_states(before), self.words)

    def read_view(self, host: Any, desired: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list_views(host, desired, self.read_live(host, desired), self.title, self.process)

    def change(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        change(host, desired, servers, self.words, self.read_live)

    def move(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        move(host, desired, servers, self.read_live)

    def probe(self, host: Any, desired: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        return probe(host, desired, row)
