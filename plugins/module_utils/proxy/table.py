# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of proxies: one row a software. A new one is a file in `kinds`, its row here, and a role of its name."""

from __future__ import annotations

from typing import Iterable

from .contract import ProxyBackend
from .kinds import apache, haproxy, nginx

_FILES = (haproxy, nginx, apache)

#: By the value of `xitrum_proxy_software`.
PROXIES: dict[str, ProxyBackend] = {file.PROXY.name: file.PROXY for file in _FILES}

#: What a proxy is where the inventory sets nothing.
DEFAULT = "haproxy"

#: The runtime socket where a task gives none.
SOCKET = PROXIES[DEFAULT].socket

#: The name of the backend with the instances of the application.
BACKEND = "xitrum"

#: The option of a module that takes a software.
OPTION = {"type": "str", "default": DEFAULT, "choices": sorted(PROXIES)}


def find_variable_errors(name: str, behind: str, control_port: int) -> Iterable[str]:
    """Why variables of the inventory do not fit the software of that name, as sentences.

    `behind` is the protocol of the load balancers in front, empty without any.
    """
    backend = PROXIES[name]
    able = [other.name for other in PROXIES.values() if other.trusts_balancers_alone]
    if behind == "proxy" and not backend.trusts_balancers_alone:
        yield (
            f"xitrum_proxy_load_balancer_protocol is 'proxy' and xitrum_proxy_software is '{backend.name}': "
            f"{backend.title} believes the PROXY protocol from every client and not from xitrum_proxy_load_balancers "
            f"alone. Let the load balancer speak http, or choose {' or '.join(able)}"
        )
    if control_port < 1 and not backend.has_socket:
        yield (
            f"xitrum_proxy_stats_port is {control_port}: expected a number from 1 to 65535. The roles read at that "
            f"port of 127.0.0.1 which configuration {backend.title} runs"
        )
