# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has to do on a host, as results of the actions that read it: plays have conditions on these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.application import rollout
from ..module_utils.report import fleet_summary


def add_open_work(result: Mapping[str, Any], slot: int = 0) -> dict[str, Any]:
    """Return the read of a host with `pending` and `unfinished`, and its redirects with `set_at` and `restored`; a
    result that has no component, such as that of an unreachable host, as it is.

    slot: the number of the instance that the redirects lead to.
    """
    if not fleet_summary.get_components(result):
        return dict(result)
    pending = fleet_summary.needs_work(result)
    found = {**result, "pending": pending, "unfinished": fleet_summary.is_unfinished(result)}
    if isinstance(result.get("redirects"), Mapping):
        # Over all components: an instance can still be due for a start or a restart.
        found["redirects"] = {
            **result["redirects"],
            "set_at": rollout.find_redirects_step(result, slot),
            "restored": rollout.find_active_pairs(result),
        }
    return found


def get_active_slot(task_vars: Mapping[str, Any]) -> int:
    """Return the active blue/green slot, as the play has read it; 0 on a host without slots."""
    return int((task_vars.get("application_slot_read") or {}).get("slot") or 0)
