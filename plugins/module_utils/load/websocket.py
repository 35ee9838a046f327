# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames and the handshake of a WebSocket's client (RFC 6455),
as little of it as holding connections needs. Pure."""

from __future__ import annotations

import re

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

#: The largest answer to the handshake that is waited for.
HEAD_MOST = 16384

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


def build_handshake(path: str, host: str, headers: dict[str, str]) -> bytes:
    """The request as bytes. Every connection has the same key:
    the answer is not cached by anybody, and its hash is not of interest."""
    lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "eGl0cnVtLmhvc3QgbG9hZA=="}
    given_names = {name.lower(): name for name in lines}
    for name, value in headers.items():
        lines[given_names.get(name.lower(), name)] = str(value)
    return "".join(
        [f"GET {path} HTTP/1.1\r\n", *[f"{name}: {value}\r\n" for name, value in lines.items()], "\r\n"]
    ).encode()


def read_answer(data: bytes) -> tuple[int | None, bytes]:
    """`(status, rest)` of a whole answer, `(None, data)` of one that is not whole, `(0, b"")` of what is not HTTP."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return (None, data) if len(data) < HEAD_MOST else (0, b"")
    found = _STATUS.match(data)
    return (int(found.group(1)), data[end + 4:]) if found else (0, b"")


def build_frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame of a client with at most 125 bytes. It is masked, as all of a client are, with zeros."""
    return bytes((0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def split_frames(data: bytes, skip: int = 0) -> tuple[list[tuple[int, bytes]], bytes, int]:
    """The frames of a server in `data`: `([(kind, payload)], rest, skip)`.

    The payload of data frames is not kept: `skip` are the bytes of one that are still to come.
    Pings and the like are waited for.
    """
    found: list[tuple[int, bytes]] = []
    while True:
        passed = min(skip, len(data))
        data, skip = data[passed:], skip - passed
        if len(data) < 2:
            return found, data, skip
        kind, size, begin = data[0] & 0x0F, data[1] & 0x7F, 2
        if size > 125:
            begin = 4 if size == 126 else 10
            if len(data) < begin:
                return found, data, skip
            size = int.from_bytes(data[2:begin], "big")
        if kind < CLOSE:
            found.append((kind, b""))
            data, skip = data[begin:], size
        elif len(data) < begin + size:
            return found, data, skip
        else:
            found.append((kind, data[begin:begin + size]))
            data = data[begin + size:]
