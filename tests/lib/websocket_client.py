# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small WebSocket client (RFC 6455) on the standard library, for tests.

It shows each frame as it came, so that a test can distinguish a close frame from a cut connection.
"""
import base64
import hashlib
import os
import socket
import ssl
import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The server did not upgrade; `status` is its HTTP status, `head` the whole answer's head."""

    def __init__(self, status, head):
        super().__init__(f"no upgrade: HTTP {status}\n{head}")
        self.status = status
        self.head = head


class Cut(Exception):
    """The connection ended without a close frame."""


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes

    @property
    def text(self):
        return self.payload.decode()

    @property
    def close_code(self):
        """The code of a close frame; None where it carries none."""
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) >= 2 else None


class WebSocket:
    """An open connection. Use `connect`, and as a context manager: leaving it closes the socket without a close frame."""

    def __init__(self, sock, headers, rest):
        self.socket = sock
        self.headers = headers
        self._buffer = rest

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, opcode, payload=b"", final=True):
        """Sends one frame, masked as a client must."""
        data = payload.encode() if isinstance(payload, str) else payload
        size = len(data)
        if size < 126:
            length = struct.pack("!B", 0x80 | size)
        elif size < 65536:
            length = struct.pack("!BH", 0x80 | 126, size)
        else:
            length = struct.pack("!BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        repeated = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
        self.socket.sendall(bytes([(0x80 if final else 0) | opcode]) + length + mask + masked)

    def send_text(self, text):
        self.send(TEXT, text)

    def receive(self):
        """The next frame, or the whole message where the server fragmented it. Raises Cut, or TimeoutError."""
        opcode, payload, final = self._read_frame()
        while not final:
            following, more, final = self._read_frame()
            if following != CONTINUATION:
                return Frame(following, more)
            payload += more
        return Frame(opcode, payload)

    def close(self, code=1000, reason=""):
        """Sends a close frame and returns the server's, skipping what came before it."""
        self.send(CLOSE, struct.pack("!H", code) + reason.encode())
        while True:
            frame = self.receive()
            if frame.opcode == CLOSE:
                self.socket.close()
                return frame

    def _read_frame(self):
        first, second = self._read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._read(8))[0]
        if second & 0x80:
            raise ValueError("the server masked a frame: RFC 6455 forbids it")
        return first & 0x0F, self._read(size), bool(first & 0x80)

    def _read(self, size):
        while len(self._buffer) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise Cut(str(error)) from error
            if not more:
                raise Cut("end of the stream without a close frame")
            self._buffer += more
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


def connect(host, port, path="/", headers=None, timeout=10, tls=None, host_header=None):
    """Opens a WebSocket. `headers`: more request headers; `timeout`: seconds, also for later reads; `tls`: an ssl.SSLContext."""
    sock = socket.create_connection((host, port), timeout=timeout)
    try:
        if tls:
            sock = tls.wrap_socket(sock, server_hostname=host)
        return _upgrade(sock, path, {"Host": host_header or f"{host}:{port}", **(headers or {})})
    except BaseException:
        sock.close()
        raise


def make_insecure_context():
    """A context that takes any certificate: for the example pairs of tests."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _upgrade(sock, path, headers):
    key = base64.b64encode(os.urandom(16))
    lines = [f"GET {path} HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key.decode()}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise Cut(f"end of the stream in the answer to the upgrade: {data!r}")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    first, *others = head.decode("latin-1").split("\r\n")
    status = int(first.split()[1])
    if status != 101:
        raise Refused(status, head.decode("latin-1"))
    answer = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in others)}
    expected = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    if answer.get("sec-websocket-accept") != expected:
        raise ValueError(f"Sec-WebSocket-Accept is {answer.get('sec-websocket-accept')!r}, {expected!r} was desired")
    return WebSocket(sock, answer, rest)
