# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what M(xitrum.host.host_state_info) read."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.plugin_utils import command_line

from ..module_utils.application import rollout
from ..module_utils.core import commands
from ..module_utils.core.foreign_text import sendable
from ..module_utils.report import findings, fleet_summary

#: Whether public ports can be reached, where the run has tested it: host to rows.
REACH_ROWS = "__reach_rows"


def states_of(hostvars, hosts):
    """What was read of each host, with the rows of the test of its public ports."""
    states = {host: hostvars[host].get("xitrum_host_state") for host in hosts}
    # A host that is lost has not kept them.
    reached = next(filter(None, (hostvars[host].get(REACH_ROWS) for host in hosts)), None)
    return {
        host: (
            {**state, "reach": {"rows": reached[host], "differs": False}}
            if isinstance(state, dict) and host in (reached or {})
            else state
        )
        for host, state in states.items()
    }


def summary(hostvars, hosts, check_mode=False, everything=False, sources=(), reached=None):
    """The fleet in one screen, from the variables of its hosts. C(sources) are those of the inventory, for lines to
    type. C(reached) are the hosts that are still in the run; without it, all are."""
    given = command_line.given_options(sources)
    command = commands.render_command("site", given)
    states = states_of(hostvars, hosts)
    # One that was never read is no loss of this run.
    lost = (
        []
        if reached is None
        else [host for host in hosts if host not in reached and fleet_summary.concerns(states[host])]
    )
    return sendable(fleet_summary.fleet_summary(states, check_mode, everything, command, lost))


def check_findings(hostvars, hosts, reached, sources=()):
    """Every row of every host as a flat list, the worst first.
    Lines to type are for the folder in which Ansible was started."""
    given = command_line.given_options(sources)
    states = states_of(hostvars, hosts)
    return findings.findings(states, reached, given["connection"], given["variables"])


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Name to function."""
        return {"needs_work": fleet_summary.needs_work,
                "redirects_due": rollout.redirects_due, "pairs_in_use": rollout.pairs_in_use,
                "open_work": fleet_summary.open_work, "fleet_summary": summary,
                "check_findings": check_findings, "check_table": findings.check_table}
