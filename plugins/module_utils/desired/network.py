# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired redirects of ports, and the ports that the host's own firewall has to let in. Pure."""

from __future__ import annotations

from typing import Any

from ..firewall import reach
from .inputs import Inputs


def build_redirects(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `redirects`."""
    return {
        "state": inputs["port_forward_state"],
        "backend": inputs["port_forward_backend"],
        "pairs": list(inputs["port_forward_pairs"]),
        "loopback": inputs.get_flag("port_forward_loopback"),
        "stop_services": list(inputs["port_forward_stop_services"]),
        "probe": inputs.get_flag("port_forward_probe") or inputs.verify,
    }


def build_firewall(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `firewall`. A deploy only has to know the public ports."""
    address = next(
        (inputs[name] for name in ("xitrum_address", "ansible_host") if name in inputs), inputs["inventory_hostname"]
    )
    return {
        "open": inputs.get_flag("xitrum_open_firewall"),
        "address": address,
        "facts_only": inputs.release_only,
        "ports": reach.list_public_ports(build_public_values(inputs)),
    }


def build_public_values(inputs: Inputs) -> dict[str, Any]:
    """Return what decides which ports others connect to, as `public_ports` of firewall/reach.py takes it."""
    return {
        "is_proxy": inputs.is_proxy,
        "is_application": inputs.is_application,
        "has_proxies": bool(inputs.group("xitrum_proxy")),
        "http_port": inputs.get_number("xitrum_http_port"),
        "https_port": inputs.get_number("xitrum_https_port"),
        "https": inputs.https,
        "places": inputs.places,
        "slots": inputs.slots,
        "pairs": inputs["port_forward_pairs"] if inputs["port_forward_state"] == "present" else [],
        "interface": inputs.get_text("xitrum_interface"),
        "trusted": inputs["xitrum_trusted_proxies"] if inputs.is_application else [],
        "proxy_listen": inputs["xitrum_proxy_listen"],
        "proxy_http_port": inputs.get_number("xitrum_proxy_http_port"),
        "proxy_https_port": inputs.get_number("xitrum_proxy_https_port"),
        "proxy_https": len(inputs["xitrum_proxy_tls_certificate"]) > 0,
        "load_balancers": inputs["xitrum_proxy_load_balancers"],
    }
