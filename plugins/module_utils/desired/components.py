# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state of each component by its name, and which components a run reads on a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from . import application, jdk, logs, network, proxy, service, tuning
from .inputs import Controller, Inputs


def build_certificates(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `certificates`, of the instances and of the proxy."""
    items = application.build_certificates(inputs) if inputs.is_application else []
    items += proxy.build_certificates(inputs) if inputs.is_proxy else []
    return {"days": inputs.get_number("xitrum_certificate_days"), "items": items}


def list_site_components(inputs: Inputs) -> list[str]:
    """Return the components that a run of the site reads on this host."""
    own = ["jdk", "redirects", "release", "instances", "service"] if inputs.is_application else []
    names = ["machine", "capacity", "kernel", "nofile", "firewall", *own]
    return names + (["proxy"] if inputs.is_proxy else []) + (["certificates"] if inputs.verify else [])


def list_deploy_components(inputs: Inputs) -> list[str]:
    """Return the components that a deploy reads: the release, what runs it and what leads there."""
    own = ["jdk", "redirects", "release", "instances", "service"] if inputs.is_application else []
    # Where the number of connections cannot be held, whatever the host has.
    names = ["machine", *(["capacity"] if inputs.limits.error else []), *own]
    # At its end a deploy tests the public ports.
    names += ["firewall", "certificates"] if inputs.verify else []
    return names + (["proxy_health"] if inputs.is_proxy else [])


def list_base_components(inputs: Inputs) -> list[str]:
    """Return the components of the host's preparation: no package and no proxy has to be known for it."""
    own = ["jdk", "restarts"] if inputs.is_application else []
    return ["machine", "capacity", "kernel", "nofile", *own]


def list_status_components(inputs: Inputs) -> list[str]:
    """Return the components that show what runs now, with nothing that it is compared with."""
    return (["runtime"] if inputs.is_application else []) + (["proxy_health"] if inputs.is_proxy else [])


def list_operation_components(inputs: Inputs) -> list[str]:
    """Return the components that an operation on installed instances reads, such as a restart."""
    own = ["machine", "jdk", "redirects", "instances"] if inputs.is_application else []
    return own + (["proxy_health"] if inputs.is_proxy else [])


def list_history_components(inputs: Inputs) -> list[str]:
    """Return the components that show earlier runs: only application hosts have a lock and a log of runs."""
    return ["past_runs"] if inputs.is_application else []


#: Names for several components.
SETS: dict[str, Callable[[Inputs], list[str]]] = {
    "site": list_site_components,
    "deploy": list_deploy_components,
    "base": list_base_components,
    "status": list_status_components,
    "history": list_history_components,
    "operation": list_operation_components,
}


def expand_names(names: Iterable[str], inputs: Inputs) -> list[str]:
    """Return the names of the components that are requested, the names of sets replaced by what is in them."""
    found = [part for name in names for part in (SETS[name](inputs) if name in SETS else [name])]
    return list(dict.fromkeys(found))


def compute(names: Iterable[str], inputs: Inputs, controller: Controller) -> dict[str, dict[str, Any]]:
    """Return the desired state of components: name to its options. Raises ValueError for wrong values, KeyError for a
    variable that is not set."""

    names = list(names)

    @lru_cache(maxsize=None)
    def load_definition() -> service.Service:
        return service.build_service(inputs, controller)

    known: dict[str, Callable[[], dict[str, Any]]] = {
        # What a host must be able to take matters where a release is brought to instances.
        "machine": lambda: application.build_machine(inputs) if {"release", "instances"} <= set(names) else {},
        "jdk": lambda: jdk.build_jdk(inputs),
        "capacity": lambda: tuning.build_capacity(inputs),
        "kernel": lambda: tuning.build_kernel(inputs),
        "nofile": lambda: tuning.build_nofile(inputs),
        "redirects": lambda: network.build_redirects(inputs),
        "firewall": lambda: network.build_firewall(inputs),
        "restarts": lambda: application.build_restarts(inputs),
        "release": lambda: application.build_release(inputs),
        "runtime": lambda: application.build_runtime(inputs),
        "past_runs": lambda: application.build_past_runs(inputs),
        "logs": lambda: logs.build_logs(inputs),
        "instances": lambda: application.build_instances(inputs, controller, load_definition().digest),
        "service": lambda: load_definition().options,
        "proxy": lambda: proxy.build_proxy(inputs, controller),
        "proxy_health": lambda: proxy.build_health(inputs),
        "certificates": lambda: build_certificates(inputs),
        "application": lambda: application.build_claims(inputs),
    }
    return {name: known[name]() for name in names}
