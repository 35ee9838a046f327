# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small, bounded load of HTTP requests, to see whether a change loses any of them. Standard library only."""

import http.client
import threading
import time
from collections import Counter


class Load:
    """Use as a context manager: `threads` clients ask for `path` until it ends, each request on a connection of its own, or
    all of a client on one where `keep` is set.

    A kept connection that the server has closed is opened anew and the request sent again, once, as browsers do (RFC 9112,
    9.3.1); `reopened` counts that. A client that is bound to an instance by a cookie sends it back where `sticky` is set. Afterwards `statuses` counts
    the answers by status, and `errors` holds what went wrong, as text.
    """

    def __init__(self, address, port, path="/client", threads=8, sticky=False, pause=0.02, keep=False):
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
        self._threads = [threading.Thread(target=self._client, daemon=True) for _unused in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads), "a client of the load did not end"

    def more(self, answers=50, seconds=60):
        """Waits until that many further requests have ended: however busy the machine is, there are enough to show something."""
        goal, deadline = self._ended() + answers, time.monotonic() + seconds
        while self._ended() < goal:
            assert time.monotonic() < deadline, f"{answers} requests took longer than {seconds} s; errors: {self.errors[:3]}"
            time.sleep(0.02)

    def _ended(self):
        return sum(self.statuses.values()) + len(self.errors)

    def _client(self):
        cookie, reused, connection = None, False, http.client.HTTPConnection(*self.where, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("GET", self.path, headers={"Cookie": cookie} if cookie else {})
                answer = connection.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
                self.instances[answer.getheader("X-Demo-Instance")] += 1
                if self.sticky and answer.getheader("Set-Cookie"):
                    cookie = answer.getheader("Set-Cookie").split(";")[0]
            except (OSError, http.client.HTTPException) as error:
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
        assert set(self.statuses) == {200}, f"found the statuses {dict(self.statuses)}; wanted 200 only"
