# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All components that are read together. Those of host preparation are listed in `base`, which is sent without the
others."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ..core.component import AppliedComponent, Component
from . import base


def load_release() -> Component:
    """Return the component `release`."""
    from ..application import releases

    return releases


def load_service() -> AppliedComponent:
    """Return the component `service`."""
    from ..supervisor import component

    return component


def load_proxy() -> Component:
    """Return the component `proxy`."""
    from ..proxy import component

    return component


def load_proxy_health() -> Component:
    """Return the component `proxy_health`."""
    from ..proxy import health

    return health


def load_certificates() -> Component:
    """Return the component `certificates`."""
    from ..proxy import certificates

    return certificates


def load_instances() -> AppliedComponent:
    """Return the component `instances`."""
    from ..application import instances

    return instances


def load_runtime() -> Component:
    """Return the component `runtime`."""
    from ..application import runtime

    return runtime


def load_overview() -> Component:
    """Return the component `overview`."""
    from ..application import overview

    return overview


def load_past_runs() -> Component:
    """Return the component `past_runs`."""
    from ..application import past_runs

    return past_runs


def load_logs() -> Component:
    """Return the component `logs`."""
    from ..logs import component

    return component


#: Those of an application that hide secrets of their options.
_SECRETIVE: dict[str, Callable[[], AppliedComponent]] = {"service": load_service, "instances": load_instances}

#: In the order in which one needs what another found.
COMPONENTS: base.Components = {
    **base.COMPONENTS,
    "release": load_release,
    "service": load_service,
    "proxy": load_proxy,
    "proxy_health": load_proxy_health,
    "certificates": load_certificates,
    "instances": load_instances,
    "runtime": load_runtime,
    "overview": load_overview,
    "past_runs": load_past_runs,
    "logs": load_logs,
}


def collect_secrets(desired: Mapping[str, Any]) -> set[str]:
    """The texts in the desired state that are hidden in every result, as the components' own modules hide them."""
    found: set[str] = set()
    for name, load in _SECRETIVE.items():
        if desired[name] is not None:
            found |= load().EXECUTION.secrets(desired[name])
    return found
