# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server behind a proxy, for tests of proxies alone: `backend.py ADDRESS PORT`, standard library only.

It answers a few paths as the demo application does: /, /client, /slow, /stream and /echo (WebSocket). Any other path
reports which server and path were queried, so that path routing can be seen. `kill -USR1` makes / answer 503, and again 200.
"""
import base64
import hashlib
import json
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sick = False

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        # The second one only as the client wrote it: decoded once, or twice, it is another path.
        if url.path in ("/echo", "/echo/a%3Fb%20c%2Fd") and self.headers.get("Upgrade", "").lower() == "websocket":
            self.echo()
        elif url.path == "/slow":
            self.send_pieces(10, int(query.get("ms", "1000")) / 10)
        elif url.path == "/stream":
            self.send_pieces(int(query.get("n", "10")), int(query.get("ms", "200")))
        elif url.path == "/client":
            self.answer(200, "application/json", json.dumps(self.describe_client()))
        elif url.path == "/":
            self.answer(503 if Handler.sick else 200, "text/html", f"<p>{self.server.name}</p>")
        else:
            self.answer(200, "text/plain", f"{self.server.name} {self.path}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if urlsplit(self.path).path == "/stream":
            self.do_GET()
            return
        self.answer(200, "text/plain", hashlib.sha256(body).hexdigest())

    def describe_client(self):
        """Who asks, as Xitrum would understand the headers: the first address counts."""
        forwarded = ", ".join(self.headers.get_all("X-Forwarded-For") or []) or None
        return {
            "client": forwarded.split(",")[0].strip() if forwarded else self.client_address[0],
            "peer": self.client_address[0],
            "scheme": self.headers.get("X-Forwarded-Proto", "http"),
            "host": self.headers.get("Host"),
            "forwarded_for": forwarded,
            "upgrade": self.headers.get("Upgrade"),
            "settings": self.headers.get("HTTP2-Settings"),
            "instance": self.server.name,
        }

    def send(self, status, headers):
        self.send_response(status)
        for name, value in {**headers, "X-Demo-Instance": self.server.name}.items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self, status, kind, text):
        self.send(status, {"Content-Type": kind, "Content-Length": str(len(text.encode()))})
        self.wfile.write(text.encode())

    def send_pieces(self, count, pause):
        """A chunked response, one chunk each `pause` milliseconds."""
        self.send(200, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
        for index in range(count):
            piece = f"chunk {index}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(pause / 1000)
        self.wfile.write(b"0\r\n\r\n")

    def echo(self):
        """Sends back every text frame of less than 126 bytes, and the close frame."""
        accept = base64.b64encode(hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + MAGIC).digest()).decode()
        self.send(101, {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept})
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            size = head[1] & 0x7F
            mask, payload = self.rfile.read(4), self.rfile.read(size)
            text = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            self.wfile.write(bytes([head[0], size]) + text)
            if head[0] & 0x0F == 8:
                return

    def log_message(self, *unused):
        """Nothing: a test would read it nowhere."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    name = ""


def switch_health(*unused):
    """Healthy, sick, healthy."""
    Handler.sick = not Handler.sick


def main():
    signal.signal(signal.SIGUSR1, switch_health)
    server = Server((sys.argv[1], int(sys.argv[2])), Handler)
    server.name = f"{socket.gethostname()}:{sys.argv[2]}"
    server.serve_forever()


if __name__ == "__main__":
    main()
