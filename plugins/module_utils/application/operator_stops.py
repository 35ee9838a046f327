# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances an operator has stopped on a host, so that nothing starts them again. Read only."""

from __future__ import annotations

from typing import Any

from ..core.host import Host


def read_stops(host: Host, name: str) -> dict[int, dict[str, Any]]:
    """The instances of the application C(name) that an operator stopped: number to C(user) and C(since) (seconds since
    the epoch). No playbook writes such a record yet, so that there is none."""
    del host, name
    return {}
