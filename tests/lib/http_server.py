# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP servers of tests, in threads of the test's process."""

import threading


def serve_in_background(server):
    """Starts a server of `http.server` and returns it. Its `shutdown()` takes up to 20 ms, where Python's default is half a second."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
