# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change of the redirects, and its proof: the live ruleset is read again."""

from __future__ import annotations

from typing import Any

from ..core.host import Host
from ..core.plan import Plan
from ..core.runner import NotDone
from . import component as redirects


def planned(host: Host, wanted: dict[str, Any], said: dict[str, Any]) -> Plan:
    """The plan for the host as it is now. Raises L(NotDone) with what is to be C(said)."""
    try:
        return redirects.plan(wanted, redirects.read(host, wanted))
    except (OSError, ValueError) as error:
        raise NotDone(f"redirects: the host could not be read: {error}. Live rules are read by root: set become.", said) from error


def settle(host: Host, wanted: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Reads the redirects, plans, changes, and reads again. Returns what the module returns; raises L(NotDone)."""
    plan = planned(host, wanted, {"changed": False, "diff": []})
    said = {**plan.report(), "diff": plan.diff("redirects")}
    if plan.problems:
        raise NotDone("\n".join(plan.problems), said)
    if plan.changed and not check_mode:
        after = plan
        # Twice: what a back end left behind shows only once ours are gone from it.
        for _round in range(2):
            try:
                redirects.apply(host, after)
            except (OSError, RuntimeError) as error:
                raise NotDone(f"redirects: {error}", said) from error
            after = planned(host, wanted, said)
            if after.problems or not after.changed:
                break
        said.update(after.report(), changed=True)
        if after.problems or after.changed:
            raise NotDone("redirects: every command succeeded, and the host is still not as wanted: "
                          + ("; ".join(after.problems) or f"see the rows. Left to do: {redirects.told(after)}"), said)
    return said
