# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of a load: opens its share of WebSockets in a ramp, holds them with pings, and counts.
Standard library, one epoll."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..proxy.definition import add_brackets
from . import planning as load_plan
from . import websocket
from .counts import FAILED, Counts, is_repeated

#: The port is chosen at connect(), where the kernel knows the other end:
#: one port then serves several targets (ip(7), Linux 4.2).
IP_BIND_ADDRESS_NO_PORT = 24

#: How often a process checks its folder, in seconds, and how many events it takes at once.
TICK, EVENTS = 0.05, 512

#: How long it waits for the server to close as well, in seconds.
CLOSE_SECONDS = 3

#: Of connections on their way not more than this: a server that answers nothing is not given the whole share.
PENDING_MOST = 4000

#: After so many that were not opened, and so many of its share (a tenth), a process tries no more.
FAILURES_LEAST, FAILURES_SHARE = 50, 10

CONNECTING, SHAKING, UPGRADING, OPEN, CLOSING = range(5)

IN, OUT = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT


class Connection:
    """One connection: `since` is when its present state began,
    `queried` when the ping that is not answered was sent (else 0)."""

    __slots__ = ("socket", "state", "since", "pinged_at", "data", "skip", "target")

    def __init__(self, link: socket.socket, target: int, now: float) -> None:
        self.socket, self.target, self.state = link, target, CONNECTING
        self.since, self.pinged_at, self.data, self.skip = now, 0.0, b"", 0


class Worker:
    """The connections of one process. `share` is its part of the plan, `row` its row of `counts`,
    `ended()` reports when to stop."""

    def __init__(
        self,
        desired: dict[str, Any],
        facts: dict[str, Any],
        share: dict[str, Any],
        counts: Counts,
        row: int,
        ended: Callable[[], bool],
    ) -> None:
        self.desired, self.facts, self.share = desired, facts, share
        self.counts, self.row, self.ended = counts, row, ended
        self.epoll = select.epoll()
        self.open: dict[int, Connection] = {}
        self.pending: deque[tuple[float, int, Connection]] = deque()
        self.beats: deque[tuple[float, Connection]] = deque()
        self.tried, self.waiting, self.failures, self.stopped = 0, 0, 0, False
        self.requests = [
            websocket.build_handshake(
                desired["path"], f"{add_brackets(target['address'])}:{target['port']}", desired["headers"]
            )
            for target in desired["targets"]
        ]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # It is queried at an address of the inventory, for which no certificate is made out,
        # and no secret but the user's own headers is sent.
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def count(self, name: str, more: int = 1) -> None:
        """Adds to a number of this process."""
        self.counts.add(self.row, name, more)
        self.failures += name in FAILED

    def run(self) -> None:
        """Opens, holds and closes."""
        last, credit = time.monotonic(), 1.0
        while not self.ended():
            now = time.monotonic()
            credit = load_plan.compute_credit(credit, now - last, self.share["rate"])
            credit, last = credit - self.ramp(now, int(credit)), now
            self.handle_events(TICK)
            now = time.monotonic()
            self.expire(now)
            self.send_heartbeats(now)
        self.close()

    def ramp(self, now: float, due: int) -> int:
        """Begins so many connections, and returns how many it has begun:
        no more than its share, and none where a limit is reached."""
        before = self.tried
        if not self.stopped and self.failures > max(FAILURES_LEAST, self.share["connections"] // FAILURES_SHARE):
            self.end_ramp()
        while (
            self.tried < min(before + due, self.share["connections"])
            and self.waiting < PENDING_MOST
            and not self.stopped
        ):
            number = self.share["first"] + self.tried
            index = number % len(self.desired["targets"])
            sources = self.facts["sources"][index]
            self.tried += 1
            self.count("tried")
            self.connect(index, sources[number // len(self.desired["targets"]) % len(sources)], now)
        return self.tried - before

    def connect(self, index: int, source: str, now: float) -> None:
        """Begins one connection."""
        target = self.desired["targets"][index]
        family = socket.AF_INET6 if ":" in target["address"] else socket.AF_INET
        try:
            link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self.count_refused(error)
            return
        try:
            if source:
                link.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                link.bind((source, 0))
            link.connect((target["address"], target["port"]))
        except BlockingIOError:
            pass
        except OSError as error:
            link.close()
            self.count_refused(error)
            return
        connection = Connection(link, index, now)
        self.waiting += 1
        self.open[link.fileno()] = connection
        self.pending.append((now, link.fileno(), connection))
        self.epoll.register(link.fileno(), IN | OUT)

    def count_refused(self, error: OSError) -> None:
        """Counts why a connection could not even begin, or was not made."""
        code = error.errno or 0
        if code in (errno.EMFILE, errno.ENFILE):
            self.count("client_files")
        elif code == errno.EADDRNOTAVAIL:
            self.count("client_ports")
        elif code in (errno.ECONNREFUSED, errno.ECONNRESET):
            self.count("refused")
        elif code == errno.ETIMEDOUT:
            self.count("unanswered")
        else:
            self.count("other")
            self.counts.put(self.row, "errno", code)
        if code in (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL):
            self.end_ramp()

    def end_ramp(self) -> None:
        """No more is tried: a limit is reached, and the rest would end at it as well."""
        if not self.stopped:
            self.stopped = True
            self.count("stopped")

    def handle_events(self, seconds: float) -> None:
        """What has happened to the connections."""
        for handle, _event in self.epoll.poll(seconds, EVENTS):
            connection = self.open.get(handle)
            if connection is None:
                continue
            try:
                self.advance_connection(connection)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                continue
            except OSError as error:
                self.handle_lost(connection, error)

    def advance_connection(self, connection: Connection) -> None:
        """Takes a connection as far as it goes now. Raises OSError where it has ended."""
        link, now = connection.socket, time.monotonic()
        if connection.state == CONNECTING:
            code = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, "connect")
            if is_repeated(link):
                self.count("delayed")
            if self.desired["targets"][connection.target]["tls"]:
                connection.socket = link = self.context.wrap_socket(link, do_handshake_on_connect=False)
            connection.state = SHAKING
        if connection.state == SHAKING:
            if isinstance(link, ssl.SSLSocket):
                link.do_handshake()
            link.send(self.requests[connection.target])
            connection.state = UPGRADING
            self.epoll.modify(link.fileno(), IN)
        while True:
            # TLS keeps what epoll does not see: it is read until there is no more.
            data = link.recv(65536)
            if not data:
                raise OSError(0, "closed")
            self.handle_received(connection, connection.data + data, now)
            if connection.state == CLOSING:
                return

    def handle_received(self, connection: Connection, data: bytes, now: float) -> None:
        """What the server has sent."""
        if connection.state == UPGRADING:
            status, data = websocket.read_answer(data)
            if status is None:
                connection.data = data
                return
            if status != 101:
                self.counts.put(self.row, "status", status)
                self.forget(connection, "turned_away")
                return
            self.counts.count_time(self.row, "connect", now - connection.since)
            self.waiting -= 1
            connection.state, connection.since = OPEN, now
            self.count("opened")
            self.count("held")
            self.beats.append((now + self.desired["heartbeat"], connection))
        found, connection.data, connection.skip = websocket.split_frames(data, connection.skip)
        for kind, payload in found:
            if kind == websocket.PONG and connection.pinged_at:
                self.counts.count_time(self.row, "pong", now - connection.pinged_at)
                self.count("pongs")
                connection.pinged_at = 0.0
            elif kind == websocket.PING:
                connection.socket.send(websocket.build_frame(websocket.PONG, payload))
            elif kind == websocket.CLOSE:
                raise OSError(0, "closed by the server")

    def handle_lost(self, connection: Connection, error: OSError) -> None:
        """A connection has ended that this side did not end."""
        if connection.state == OPEN:
            self.count("held", -1)
            self.forget(connection, "dropped")
        elif connection.state == CLOSING:
            self.forget(connection)
        elif connection.state == CONNECTING:
            self.forget(connection)
            self.count_refused(error)
        else:
            self.forget(connection, "closed_early")

    def forget(self, connection: Connection, name: str = "") -> None:
        """Closes this side, and counts why."""
        if connection.state in (CONNECTING, SHAKING, UPGRADING):
            self.waiting -= 1
        if name:
            self.count(name)
        connection.state = CLOSING
        del self.open[connection.socket.fileno()]
        connection.socket.close()

    def expire(self, now: float) -> None:
        """Those that were not opened in time. They stand in the order of their beginning."""
        while self.pending and (
            self.pending[0][2].state in (OPEN, CLOSING) or now - self.pending[0][0] > self.desired["timeout"]
        ):
            _began, _handle, connection = self.pending.popleft()
            if connection.state in (CONNECTING, SHAKING, UPGRADING):
                self.forget(connection, "unanswered")

    def send_heartbeats(self, now: float) -> None:
        """A ping on each connection whose turn it is; one whose ping is still not answered is silent:
        it is not held any more."""
        while self.beats and self.beats[0][0] <= now:
            _due, connection = self.beats.popleft()
            if connection.state != OPEN:
                continue
            if connection.pinged_at and now - connection.pinged_at > self.desired["timeout"]:
                self.count("silent")
                self.count("held", -1)
                # What comes of it later is of no interest: it is lost already.
                self.forget(connection)
                continue
            self.beats.append((now + self.desired["heartbeat"], connection))
            if connection.pinged_at:
                continue
            try:
                connection.socket.send(websocket.build_frame(websocket.PING))
            except (ssl.SSLWantWriteError, BlockingIOError):
                continue
            except OSError as error:
                self.handle_lost(connection, error)
                continue
            connection.pinged_at = now
            self.count("pings")

    def close(self) -> None:
        """Ends every connection as a browser would, so that no server logs a reset,
        and waits a little for the servers to close as well."""
        for connection in list(self.open.values()):
            try:
                if connection.state == OPEN:
                    connection.state = CLOSING
                    connection.socket.send(websocket.build_frame(websocket.CLOSE, b"\x03\xe8"))
                else:
                    self.forget(connection)
            except OSError:
                self.forget(connection)
        until = time.monotonic() + CLOSE_SECONDS
        while self.open and time.monotonic() < until:
            self.handle_events(TICK)
        for connection in list(self.open.values()):
            self.forget(connection)
