# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a load test, from the public variables, and what one host does in it. Controller only."""

from __future__ import annotations

from typing import Any

from ..load import fleet
from .inputs import Inputs


def build_settings(inputs: Inputs) -> dict[str, Any]:
    """Return the settings as `loads` of load/fleet.py takes them. Raises ValueError for a number that is none."""
    behind = inputs.get_text("xitrum_proxy_load_balancer_protocol") if inputs["xitrum_proxy_load_balancers"] else ""
    return {
        "connections": inputs.get_number("load_test_connections"),
        "through": list(inputs["load_test_routes"]),
        "path": inputs.get_text("load_test_path"),
        "headers": inputs["load_test_headers"],
        "tls": inputs.get_flag("load_test_tls"),
        "rate": inputs.get_number("load_test_rate"),
        "seconds": inputs.get_number("load_test_seconds"),
        "heartbeat": inputs.get_number("load_test_heartbeat"),
        "timeout": inputs.get_number("load_test_timeout"),
        "from": list(inputs["load_test_clients"]),
        "sources": list(inputs["load_test_sources"]),
        "burst": inputs.get_number("load_test_burst_connections"),
        "label": inputs.get_text("load_test_label"),
        "http_port": inputs.get_number("xitrum_http_port"),
        "instances": inputs.get_number("xitrum_instances"),
        "software": inputs.get_text("xitrum_proxy_software"),
        "behind": behind,
        "proxy_listen": inputs["xitrum_proxy_listen"],
        "proxy_http_port": inputs.get_number("xitrum_proxy_http_port"),
        "proxy_https_port": inputs.get_number("xitrum_proxy_https_port"),
    }


def plan(inputs: Inputs) -> dict[str, Any]:
    """Return what `loads` of load/fleet.py returns for the host. Raises ValueError for variables that do not fit."""
    hosts = {name: inputs["hostvars"][name] for name in inputs.group("all")}
    return fleet.plan_loads(hosts, inputs["groups"], inputs.host, build_settings(inputs))


def compute_share(inputs: Inputs) -> int:
    """Return how many of the connections the host has to hold: all hosts of its group have the same share."""
    group = inputs.group("xitrum" if inputs.is_application else "xitrum_proxy")
    # Rounded up.
    return max(1, -(-inputs.get_number("load_test_connections") // max(1, len(group))))
