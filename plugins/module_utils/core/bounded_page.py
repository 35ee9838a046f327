# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page over HTTP with a deadline for all of it and a size:
an application may answer one byte a second, or for ever."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping

from .bounded import Stream, compute_seconds_left

#: Bytes of an answer, with its head, that are read at most.
PAGE_BYTES = 1 << 20


class _Link:
    """What http.client needs of a socket, with a deadline and a size."""

    def __init__(self, link: socket.socket, deadline: float, limit: int) -> None:
        self._link, self._deadline, self._limit = link, deadline, limit

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the other side sends."""
        return io.BufferedReader(Stream(self._link, self._deadline, self._limit))

    def sendall(self, data: bytes) -> None:
        """Sends a request."""
        self._link.settimeout(compute_seconds_left(self._deadline))
        self._link.sendall(data)

    def close(self) -> None:
        """http.client closes a connection before the body is read: `ask` closes the socket."""


def ask(
    address: str,
    port: int,
    path: str,
    seconds: float,
    headers: Mapping[str, str],
    with_body: bool = False,
    most: int = 0,
) -> tuple[int, str, http.client.HTTPMessage, bytes]:
    """`(status, reason, headers, body)` of a page, the body in bytes and empty unless it is requested:
    all of it, or the first `most` bytes.

    Raises OSError where nothing answers in `seconds`, and http.client.HTTPException or ValueError where what answers
    is not HTTP, or has no end.
    """
    deadline = time.monotonic() + seconds
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    connection.connect()
    with connection.sock as link:
        connection.sock = _Link(link, deadline, PAGE_BYTES + most)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read() if with_body else answer.read(most) if most else b""
        return answer.status, answer.reason, answer.headers, body
