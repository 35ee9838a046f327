# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All components that are read together. Those of host preparation are listed in `base`, which is sent without the
others."""

from __future__ import annotations

from typing import Any, Mapping

from ..application import instances, past_runs, releases, runtime
from ..core.component import AppliedComponent, Component
from ..logs import component as logs
from ..proxy import certificates
from ..proxy import component as proxy
from ..proxy import health as proxy_health
from ..supervisor import component as service
from . import base

#: Those of an application that hide secrets of their options.
_SECRETIVE: tuple[AppliedComponent, ...] = (service, instances)

#: In the order in which one needs what another found.
COMPONENTS: tuple[Component, ...] = (
    *base.COMPONENTS, releases, service, proxy, proxy_health, certificates, instances, runtime, past_runs, logs,
)

SPECS: dict[str, Mapping[str, Any]] = {component.NAME: component.SPEC for component in COMPONENTS}


def collect_secrets(desired: Mapping[str, Any]) -> set[str]:
    """The texts in the desired state that are hidden in every result, as the components' own modules hide them."""
    found: set[str] = set()
    for component in _SECRETIVE:
        if desired[component.NAME] is not None:
            found |= component.EXECUTION.secrets(desired[component.NAME])
    return found
