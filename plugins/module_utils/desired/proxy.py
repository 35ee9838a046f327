# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired proxy: its configuration, files and certificate. Pure but for templates and files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..proxy import definition
from ..proxy.contract import ProxyBackend
from ..proxy.table import PROXIES
from .inputs import Controller, Inputs

#: "Intermediate" of Mozilla's guideline for server-side TLS, without the DHE ciphers.
CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)

#: Connections where no number is set: what Nginx and Apache are planned for. HAProxy works it out itself.
CONNECTIONS = 2048


class Listener(NamedTuple):
    """An address that a proxy listens on, as its configuration has it.

    address: in brackets before a port where it is one of IPv6 (`ipv6`). every: it stands for all addresses of its
    family.
    """

    address: str
    ipv6: bool
    every: bool


def list_listeners(addresses: Iterable[str]) -> list[Listener]:
    """Return the addresses of `proxy_listen`, which a user may have put into brackets."""
    bare = [re.sub(r"^\[|\]$", "", address) for address in addresses]
    return [
        Listener(f"[{text}]" if ":" in text else text, ":" in text, text in ("0.0.0.0", "::")) for text in bare
    ]


def find_backend(inputs: Inputs) -> ProxyBackend:
    """Return the row of the proxy's software."""
    return PROXIES[inputs["proxy_software"]]


def has_tls(inputs: Inputs) -> bool:
    """Return whether the proxy answers HTTPS."""
    return len(inputs["proxy_tls_certificate"]) > 0


def get_pem_path(inputs: Inputs) -> str:
    """Return where the certificate, its chain and its key are on the proxy."""
    return posixpath.join(posixpath.dirname(find_backend(inputs).config_path), "xitrum", "site.pem")


def build_template_values(inputs: Inputs) -> dict[str, Any]:
    """Return what the templates of the proxies need in addition to the public variables. Raises ValueError for wrong
    values."""
    backends = definition.build_backends(inputs["proxy_backends"], definition.RESERVED)
    # What HAProxy works out itself from the open files that it is granted.
    connections = inputs.get_number("proxy_max_connections") or CONNECTIONS
    own = find_backend(inputs)
    servers = len(inputs["proxy_servers"]) + sum(len(backend["servers"]) for backend in backends)
    return {
        **dict(own.paths),
        "has_tls": has_tls(inputs),
        "listeners": list_listeners(inputs["proxy_listen"]),
        "backends": backends,
        "pem": get_pem_path(inputs),
        "ciphers": CIPHERS,
        "connections": connections,
        "nofile": 2 * connections + servers + 100,
        "config_path": own.config_path,
        "socket": own.socket,
        "balancers": definition.check_networks(inputs["proxy_load_balancers"]),
        # Which way the client's address comes by; empty where clients come themselves.
        "behind": inputs["proxy_load_balancer_protocol"] if inputs["proxy_load_balancers"] else "",
    }


def build_proxy(inputs: Inputs, controller: Controller) -> dict[str, Any]:
    """Return the options of the component `proxy`. Raises ValueError for wrong values."""
    own, values = find_backend(inputs), build_template_values(inputs)
    ports = [inputs.get_number("proxy_http_port")]
    ports += [inputs.get_number("proxy_https_port")] if has_tls(inputs) else []
    ports += [inputs.get_number("proxy_stats_port")] if inputs.get_number("proxy_stats_port") > 0 else []
    return {
        "software": own.name,
        "config": controller.render(own.name, own.template, values),
        "config_path": own.config_path,
        "files": list_extra_files(own, controller, values),
        "pems": list_pems(inputs, controller),
        "packages": list(inputs["proxy_packages"]),
        "programs": list(own.programs),
        "service": own.service,
        "socket": own.socket,
        "control_port": inputs.get_number("proxy_stats_port"),
        "wait_seconds": inputs.wait_seconds,
        "health_path": inputs["proxy_health_path"],
        "health_status": inputs.get_number("proxy_health_status"),
        "ports": ports,
    }


def build_settings(inputs: Inputs, controller: Controller) -> dict[str, Any]:
    """Return the options of the module `proxy_config`, which changes a proxy and asks nothing of its servers."""
    left_out = ("wait_seconds", "health_path", "health_status")
    return {name: value for name, value in build_proxy(inputs, controller).items() if name not in left_out}


def build_service_files(inputs: Inputs, controller: Controller) -> dict[str, Any]:
    """Return the options of the module `service_definition` for the service's own settings, which are there before
    its first start: a distribution's package starts the service at once."""
    own = find_backend(inputs)
    files = list_extra_files(own, controller, build_template_values(inputs))
    return {"name": f"{own.service}-service", "files": files, "commands": [["systemctl", "daemon-reload"]]}


def list_extra_files(own: ProxyBackend, controller: Controller, values: dict[str, Any]) -> list[dict[str, str]]:
    """Return the files of a proxy's service next to its configuration."""
    return [
        {"path": file.path, "content": controller.render(own.name, file.template, values), "mode": file.mode}
        for file in own.files
    ]


def list_pems(inputs: Inputs, controller: Controller) -> list[dict[str, str]]:
    """Return one file: HAProxy needs the certificate, its chain and its key together, and the others take it so."""
    if not has_tls(inputs):
        return []
    pair = controller.read_pair(inputs["proxy_tls_certificate"], inputs["proxy_tls_key"], dated=not inputs.verify)
    return [{"path": get_pem_path(inputs), "content": pair, "mode": "0600"}]


def build_health(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `proxy_health`: what a deploy changed shows in the proxies, whose
    configuration it does not read."""
    return {
        "software": inputs["proxy_software"],
        "socket": find_backend(inputs).socket,
        "control_port": inputs.get_number("proxy_stats_port"),
        "wait_seconds": inputs.wait_seconds,
        "health_path": inputs["proxy_health_path"],
        "health_status": inputs.get_number("proxy_health_status"),
    }


def build_certificates(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the certificate of the proxy, as the component `certificates` takes it."""
    if not has_tls(inputs):
        return []
    listen = list(inputs["proxy_listen"])
    return [{"path": get_pem_path(inputs), "port": inputs.get_number("proxy_https_port"), "listen": listen}]
