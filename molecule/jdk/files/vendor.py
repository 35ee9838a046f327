# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves /srv/vendor on 127.0.0.1:8099 to those who accept the licence, and notes each request in /srv/requests."""

import http.server
import os


class Vendor(http.server.SimpleHTTPRequestHandler):
    """Wants a cookie."""

    def do_GET(self):
        accepted = "accept-license=yes" in (self.headers.get("Cookie") or "")
        with open("/srv/requests", "a", encoding="ascii") as log:
            log.write(f"{self.path} {'accepted' if accepted else 'refused'}\n")
        if accepted:
            super().do_GET()
        else:
            self.send_error(403, "the licence is not accepted")


os.chdir("/srv/vendor")
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Vendor).serve_forever()
