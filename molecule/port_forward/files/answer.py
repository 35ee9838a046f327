# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers each connection to a port, IPv4 and IPv6, with a word: answer.py PORT WORD."""

import socketserver
import sys


class Server(socketserver.ThreadingTCPServer):
    """A server of both families on one socket."""

    address_family = 10
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512


class Handler(socketserver.BaseRequestHandler):
    """Reports the word."""

    def handle(self):
        self.request.sendall(sys.argv[2].encode())


Server(("::", int(sys.argv[1])), Handler).serve_forever()
