# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch of the alternatives to a JDK, and its proof: what they lead to is run."""

from __future__ import annotations

from typing import Any

from ..core.host import Host
from ..core.runner import NotDone
from . import alternatives
from . import component as jdk


def proof(host: Host, wanted: dict[str, Any]) -> str:
    """What is not as it should be after the switch; an empty text where all is."""
    again = alternatives.plan(wanted, alternatives.read(host, wanted))
    wrong = [f"{row.item}: wanted {row.wanted}, found {row.configured or 'none'}, which runs {row.effective or 'nothing'}"
             for row in again.rows if row.status == "differs"]
    if wanted["state"] == "present" and wanted["version"] and not wrong:
        ran = host.run(["java", "-version"])
        if jdk.major(jdk.version_said(ran.err + ran.out)) != wanted["version"]:
            wrong = [f"{host.which('java')} -version should say {wanted['version']}, and says: {(ran.err or ran.out).strip()}"]
    return "; ".join(again.problems + wrong)


def settle(host: Host, wanted: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Reads the alternatives, plans, switches, and reads again. Returns what the module returns; raises L(NotDone)."""
    state = alternatives.read(host, wanted)
    plan = alternatives.plan(wanted, state)
    said = {**plan.report(), "diff": plan.diff("alternatives")}
    if check_mode and wanted["state"] == "present" and not state["there"]:
        # The task before would have installed it.
        later = f"{wanted['home']} is not there yet: what it will have is registered and chosen then"
        return {**said, "changed": True, "problems": [], "msg": later}
    if plan.problems:
        raise NotDone(" ".join(plan.problems), said)
    if plan.changed and not check_mode:
        try:
            alternatives.apply(host, state, plan)
        except (OSError, RuntimeError) as error:
            raise NotDone(f"the alternatives of {wanted['home']} could not be switched: {error}. Those that were are back as before; run again.",
                          said) from error
        wrong = proof(host, wanted)
        if wrong:
            raise NotDone(f"the alternatives were switched to {wanted['home']}, and yet are not so: {wrong}", said)
    return said
