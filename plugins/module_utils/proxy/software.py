# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies as data: what the distribution's packages call each, and where its files are. The template of a configuration
is in the role of the software's name."""

from __future__ import annotations

from typing import NamedTuple


class Software(NamedTuple):
    """One proxy: its service, its configuration file, the template of that, its packages, and programs that it needs."""

    service: str
    config: str
    template: str
    packages: tuple[str, ...]
    programs: tuple[str, ...] = ()


SOFTWARE: dict[str, Software] = {
    "haproxy": Software("haproxy", "/etc/haproxy/haproxy.cfg", "haproxy.cfg", ("haproxy", "socat"), ("socat",)),
    "nginx": Software("nginx", "/etc/nginx/nginx.conf", "nginx.conf", ("nginx",)),
    "apache": Software("apache2", "/etc/apache2/apache2.conf", "apache2.conf", ("apache2",)),
}

#: What HAProxy alone has: its runtime socket, the state of its servers over a reload, and the script that saves that.
SOCKET = "/run/haproxy/admin.sock"
SERVER_STATE = "/run/haproxy/server-state"
SAVE_STATE = "/usr/local/lib/xitrum.host/haproxy-save-state"
DROP_IN = "/etc/systemd/system/haproxy.service.d/xitrum.conf"

#: "Intermediate" of Mozilla's guideline for server-side TLS, without the DHE ciphers.
CIPHERS = ":".join((
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
))

#: Connections where nobody says how many: what Nginx and Apache are planned for. HAProxy works it out itself.
CONNECTIONS = 2048
