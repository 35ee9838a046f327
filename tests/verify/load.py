# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small, bounded load of HTTP requests, to see whether a change loses any of them. Standard library only."""

import os
import socket
import threading
import time
from collections import Counter

TIMEOUT = 20
#: Whether all tests run, those that are marked as long too, as `make test-all` chooses them.
THOROUGH = "not long" not in os.environ.get("MARKED", "not long")
#: Seconds between two requests of a client. In CI the clients leave the processors to the servers and to Ansible.
PAUSE = 0.02 if THOROUGH else 0.8
#: The further requests that `wait_for_more` waits for.
MORE = 50 if THOROUGH else 15


class Incomplete(OSError):
    """The server closed a connection in the middle of an answer, or sent something that is none."""


class Connection:
    """A connection to a server, which is opened at the first request. It reads no more of HTTP/1.1 than a load needs.

    The standard library's client takes several times as much of the machine, which the servers under test have to share with it.
    """

    def __init__(self, address, port):
        self.where, self.socket, self.received = (address, port), None, b""

    def get(self, path, cookie=None):
        """Requests a path: the status, and the headers by their names in lower case. The body is read and dropped."""
        if self.socket is None:
            self.socket, self.received = socket.create_connection(self.where, timeout=TIMEOUT), b""
            # A request is one small packet.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.where[0]}", *([f"Cookie: {cookie}"] if cookie else []), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        if not self.received and not self._receive():
            raise ConnectionResetError("the server closed the connection without an answer")
        first, *lines = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _space, status = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise Incomplete(f"found {first!r} as the first line of an answer")
        headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self._read_until(b"\r\n").partition(b";")[0], 16):
                self._skip(size + 2)
            self._read_until(b"\r\n")
        elif "content-length" in headers:
            self._skip(int(headers["content-length"]))
        else:
            # The body ends with the connection.
            while self._receive():
                self.received = b""
            self.close()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(status.split(" ")[0]), headers

    def _receive(self):
        """Reads what has come; false where the server has closed the connection."""
        data = self.socket.recv(65536)
        self.received += data
        return bool(data)

    def _read_until(self, end):
        """The bytes before `end`, which is dropped."""
        while end not in self.received:
            if not self._receive():
                raise Incomplete("the server closed the connection in the middle of an answer")
        found, _end, self.received = self.received.partition(end)
        return found

    def _skip(self, count):
        """Drops so many bytes."""
        while len(self.received) < count:
            if not self._receive():
                raise Incomplete("the server closed the connection in the middle of an answer")
        self.received = self.received[count:]

    def close(self):
        """Closes the connection; the next request opens another one."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Load:
    """Use as a context manager: `threads` clients ask for `path` until it ends, each request on a connection of its own, or
    all of a client on one where `keep` is set.

    A kept connection that the server has closed is reopened and the request sent again, once, as browsers do (RFC 9112,
    9.3.1); `reopened` counts that. A client with the session cookie of an instance sends it back where `sticky` is set. Afterwards `statuses` counts
    the answers by status, and `errors` holds what went wrong, as text.
    """

    def __init__(self, address, port, path="/client", threads=8, sticky=False, pause=PAUSE, keep=False):
        self.where = (address, port)
        self.path = path
        self.sticky = sticky
        self.pause = pause
        self.keep = keep
        self.statuses = Counter()
        self.instances = Counter()
        self.errors = []
        self.reopened = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run_client, daemon=True) for _unused in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads), "a client of the load did not end"

    def wait_for_more(self, answers=MORE, seconds=300):
        """Waits until that many further requests have ended: however busy the machine is, there are enough to show something."""
        goal, deadline = self._count_ended() + answers, time.monotonic() + seconds
        while self._count_ended() < goal:
            assert time.monotonic() < deadline, f"{answers} requests took longer than {seconds} s; errors: {self.errors[:3]}"
            time.sleep(0.02)

    def _count_ended(self):
        return sum(self.statuses.values()) + len(self.errors)

    def _run_client(self):
        cookie, reused, connection = None, False, Connection(*self.where)
        while not self._stop.is_set():
            try:
                status, headers = connection.get(self.path, cookie)
                self.statuses[status] += 1
                self.instances[headers.get("x-demo-instance")] += 1
                if self.sticky and headers.get("set-cookie"):
                    cookie = headers["set-cookie"].split(";")[0]
            except (OSError, ValueError) as error:
                if self.keep and reused and isinstance(error, ConnectionError):
                    self.reopened += 1
                    reused = False
                    connection.close()
                    continue
                self.errors.append(f"{time.strftime('%X')} {type(error).__name__}: {error}")
                connection.close()
            reused = self.keep
            if not self.keep:
                # The next request opens another one.
                connection.close()
            time.sleep(self.pause)
        connection.close()

    def assert_nothing_lost(self):
        """Every request was answered with 200, and there were some."""
        assert not self.errors, f"{len(self.errors)} requests failed, the first: {self.errors[:3]}"
        assert set(self.statuses) == {200}, f"found the statuses {dict(self.statuses)}; expected 200 only"
