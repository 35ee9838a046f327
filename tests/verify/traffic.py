# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of a site while releases come and go: everything that they ask is counted."""

import contextlib
import socket
import threading
import time

from tests.lib import websocket_client
from tests.lib.site import wait_for
from tests.verify.load import PAUSE, THOROUGH, Load

WEBSOCKETS = KEPT = 4
#: The requests at least, and while a release goes out.
REQUESTS, BUSY = (1000, {"requests": 20000}) if THOROUGH else (150, {"requests": 250})


class Traffic:
    """Clients of port 80 of a host: each request on a connection of its own, clients that keep theirs and their instance, a
    page that takes three seconds, and WebSockets that stay open.

    A context manager, which ends when `requests` were answered at least. `keeps`: whether the server leaves kept connections
    open whatever happens. `pause`: seconds between two requests of a quick client. `closed` are the moments at which WebSockets
    were closed.
    """

    def __init__(self, site, host="proxy1", requests=REQUESTS, keeps=True, pause=PAUSE):
        self.address, self.requests, self.keeps, self.closed = site.hosts[host]["xitrum_address"], requests, keeps, []
        self.loads = [Load(self.address, 80, threads=4, pause=pause), Load(self.address, 80, threads=KEPT, sticky=True, keep=True, pause=pause),
                      Load(self.address, 80, "/slow?ms=3000", threads=2)]

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self._sockets = [websocket_client.connect(self.address, 80, "/echo", timeout=600) for _unused in range(WEBSOCKETS)]
        self._readers = [threading.Thread(target=self._read, args=(one,), daemon=True) for one in self._sockets]
        for reader in self._readers:
            reader.start()
        for load in self.loads:
            self._stack.enter_context(load)
        self.wait_for_more()
        return self

    def __exit__(self, *unused):
        self.wait_for_more()
        wait_for(f"{self.requests} requests", lambda: self.count >= self.requests)
        self._stack.close()
        self.open = sum(reader.is_alive() for reader in self._readers)
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.socket.shutdown(socket.SHUT_RDWR)

    def _read(self, one):
        with contextlib.suppress(websocket_client.Cut, OSError):
            one.receive()
        self.closed.append(time.monotonic())

    def wait_for_more(self):
        """Waits until further requests of the quick clients have ended."""
        for load in self.loads[:2]:
            load.wait_for_more()

    def assert_nothing_lost(self):
        for load in self.loads:
            load.assert_nothing_lost()
            assert load.reopened == 0 or not self.keeps, f"the server closed {load.reopened} connections of its clients"

    @property
    def count(self):
        """The requests that were answered."""
        return sum(sum(load.statuses.values()) for load in self.loads)
