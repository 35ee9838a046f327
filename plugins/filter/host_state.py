# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what M(xitrum.host.host_state_info) read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..module_utils.application import rollout
from ..module_utils.report import fleet_summary


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"needs_work": fleet_summary.needs_work,
                "redirects_due": rollout.redirects_due, "pairs_in_use": rollout.pairs_in_use}
