# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: everything live comes from its runtime socket.

What is set there is kept over a reload by the script save-state of its role.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Mapping, Sequence

from ...core import addresses, recorded, sockets
from .. import haproxy_config, haproxy_socket
from ..contract import ExtraFile, ProxyBackend

PROCESS = "haproxy"
CHROOT_LOG = "/var/lib/haproxy/dev/log"
QUERIES = ("show info", "show stat", "show servers state")
SAVE_STATE = "/usr/local/lib/xitrum.host/haproxy-save-state"
SERVER_STATE = "/run/haproxy/server-state"
DROP_IN = "/etc/systemd/system/haproxy.service.d/xitrum.conf"


class Haproxy(ProxyBackend):
    """Reads and sets servers by the socket of the running worker."""

    def parse_maxconn(self, text: str) -> int:
        return haproxy_config.find_maxconn(text)

    def parse_servers(self, text: str) -> list[tuple[str, str, str]]:
        return haproxy_config.list_servers(text)

    def parse_binds(self, text: str) -> list[str]:
        return haproxy_config.list_binds(text)

    def ask_server(self, address: str) -> list[str]:
        """The command that shows what a server answers."""
        to = shlex.quote(f"TCP:{address},connect-timeout=5")
        return ["sh", "-c", f"printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' | socat -t 5 - {to}"]

    def read_live(self, host: Any, desired: Mapping[str, Any]) -> dict[str, Any]:
        """What the running worker reports by its socket."""
        try:
            info, stat, servers_state = (haproxy_socket.ask(host, desired["socket"], words) for words in QUERIES)
        except OSError as error:
            return {"description": "", "version": "", "pid": "", "maxconn": "", "servers": [], "refused": error}
        values = haproxy_socket.parse_info(info)
        return {
            "description": values.get("description", ""),
            "version": values.get("Version", ""),
            "pid": values.get("Pid", ""),
            "maxconn": values.get("Maxconn", ""),
            "servers": haproxy_socket.parse_servers(stat, servers_state),
            "refused": None,
        }

    def count_old_workers(self, host: Any, main: int) -> int:
        """How many workers of before a reload there still are."""
        return max(len((host.read(f"/proc/{main}/task/{main}/children") or "").split()) - 1, 0)

    def find_missing(self, host: Any, main: int) -> list[tuple[str, str, str]]:
        """The mount of the unit's drop-in counts from a start, and a reload is none."""
        # The worker's own view of its folder, to which it is confined.
        if main and not host.exists(f"/proc/{main}/root{CHROOT_LOG}"):
            return [("log", CHROOT_LOG, "HAProxy runs since before its unit gave it a log")]
        return []

    def filter_complaints(self, words: str) -> list[str]:
        """The lines of a check that a person should read. There is no state to load before the first reload."""
        lines = [line for line in words.splitlines() if re.match(r"\[(ALERT|WARNING)\]", line)]
        return [line for line in lines if "server state file" not in line]

    def carry_states(self, text: str, before: str | None) -> str:
        """The states of servers are in the running worker and not in the configuration."""
        return text

    def read_view(self, host: Any, desired: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the running worker reports of its servers, with the connections that workers of before a reload still
        have."""
        path = desired["socket"]
        try:
            info, stat, states = (haproxy_socket.ask(host, path, words) for words in QUERIES)
        except OSError as error:
            if desired["allow_missing"] and isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
                # It does not run, so that it sends nothing anywhere.
                return []
            raise RuntimeError(
                f"HAProxy does not answer on {path} ({error}): systemctl status haproxy shows whether it runs. "
                "Only root may ask it"
            ) from error
        worker = haproxy_socket.parse_info(info).get("Pid", "")
        rows = sockets.read_established(host, sockets.list_service_pids(host, desired["service"]))
        others = find_older_peers(rows, worker)
        # What ss printed and cannot be read may be a connection.
        unread = sockets.count_unread(rows)
        return [
            {
                **{name: row[name] for name in ("backend", "name", "address", "port", "status", "checked", "check")},
                "state": row["admin"],
                "healthy": row["admin"] == "ready" and row["status"] in ("UP", "no check"),
                "sessions": row["sessions"]
                + others.count(addresses.format_endpoint(row["address"], row["port"]))
                + unread,
            }
            for row in haproxy_socket.parse_servers(stat, states)
        ]

    def change(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """Sets servers. Raises RuntimeError with what HAProxy answered."""
        for server in servers:
            obey(host, desired["socket"], build_command(server, desired["state"]))

    def move(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """Has servers lead to another address and port. Raises RuntimeError with what HAProxy answered."""
        for row in servers:
            name = f"{row['backend']}/{row['name']}"
            command_line = f"set server {name} addr {row['address']} port {row['port']}"
            reply = haproxy_socket.ask(host, desired["socket"], command_line)
            # It answers with what it changed, and with nothing that distinguishes success from failure: verified
            # instead.
            live = [
                one
                for one in self.read_view(host, desired)
                if (one["backend"], one["name"]) == (row["backend"], row["name"])
            ]
            found = [addresses.format_endpoint(one["address"], one["port"]) for one in live]
            if found != [addresses.format_endpoint(row["address"], row["port"])]:
                raise RuntimeError(
                    f"HAProxy has {name} at {found}, expected {row['to']}. It answered {reply.strip()!r}"
                )

    def close(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """What older workers hold ends with the instance, or after hard-stop-after."""
        for server in servers:
            obey(host, desired["socket"], f"shutdown sessions server {server['backend']}/{server['name']}")


def find_older_peers(rows: Sequence[Mapping[str, Any]], worker: str) -> list[str]:
    """The peers of the established connections that HAProxy holds in another process than `worker`."""
    holders = [(row["peer"], {str(pid) for name, pid in row.get("users", ()) if name == PROCESS}) for row in rows]
    return [peer for peer, pids in holders if pids and worker not in pids]


def build_command(server: Mapping[str, Any], state: str) -> str:
    """What sets one server, as one line that HAProxy does without a pause.

    HAProxy takes what it last knew of a server that comes back, and checks nothing in maint: it would count an instance
    as healthy that it has not queried since. So the server counts as down until its checks have succeeded as often as
    they must; a server that is in maint takes no health, hence the way through drain.
    """
    name = f"set server {server['backend']}/{server['name']}"
    steps = [f"{name} state {state}"]
    if state == "ready" and server["checked"]:
        steps = [f"{name} state drain", f"{name} health down", *steps]
    return "; ".join(steps)


def obey(host: Any, path: str, words: str) -> None:
    """Sends one line of commands, to which HAProxy answers nothing where it did them."""
    answer = haproxy_socket.ask(host, path, words).strip()
    if answer:
        raise RuntimeError(f"HAProxy answered {answer!r} to '{words}' on {path}")


PROXY = Haproxy(
    name="haproxy",
    title="HAProxy",
    process=PROCESS,
    service="haproxy",
    config_path="/etc/haproxy/haproxy.cfg",
    template="haproxy.cfg",
    packages=("haproxy", "socat"),
    programs=("socat",),
    version_command=("haproxy", "-v"),
    version_pattern=re.compile(r"version (\S+)"),
    check=("haproxy", "-c", "-f"),
    bind=re.compile(r"\s*bind (\S+):(\d+)(?:\s|$)"),
    needs=(((2, 2), "it has no http-check send, with which the health of an instance is queried"),),
    closes=True,
    socket="/run/haproxy/admin.sock",
    paths=(("server_state", SERVER_STATE), ("save_state", SAVE_STATE)),
    files=(ExtraFile("save-state", SAVE_STATE, "0755"), ExtraFile("service.conf", DROP_IN)),
    extra_paths=(
        "/etc/haproxy/xitrum",
        DROP_IN,
        SAVE_STATE,
        SERVER_STATE,
        f"{recorded.FOLDER}/pending/haproxy-service",
    ),
    folders=("/etc/systemd/system/haproxy.service.d", "/usr/local/lib/xitrum.host"),
    # It has its settings of the unit only from a start on.
    restore_by="restart",
)
