# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All concerns, in the order in which one needs what another found."""

from __future__ import annotations

from ..application import instances
from ..application import releases as release
from ..proxy import certificates
from ..proxy import component as proxy_config
from ..proxy import health as proxy_health
from ..supervisor import component as services
from . import base

#: Concerns that need only their own wanted state.
PLAIN = {**base.PLAIN, "release": release, "service": services, "proxy": proxy_config, "proxy_health": proxy_health, "certificates": certificates}

SPECS = {**base.SPECS, **{name: concern.SPEC for name, concern in PLAIN.items()}, "instances": instances.SPEC}


def read_all(host, wanted):
    """Reads and plans every concern that is wanted: name to its report. See L(base.read_all)."""
    said = base.read_all(host, wanted, PLAIN)
    base.add(said, host, wanted, "instances", instances, said.get("jdk"), said.get("kernel"))
    return said
