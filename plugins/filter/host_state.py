# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what M(xitrum.host.host_state_info) read."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import summary


def fleet_summary(hostvars, hosts, check_mode=False, everything=False):
    """The fleet in one screen, from the variables of its hosts."""
    return summary.fleet_summary({host: hostvars[host].get("xitrum_host_state") for host in hosts}, check_mode, everything)


def check_findings(hostvars, hosts, reached):
    """Every row of every host as a flat list, the worst first."""
    return summary.findings({host: hostvars[host].get("xitrum_host_state") for host in hosts}, reached)


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Name to function."""
        return {"needs_work": summary.needs_work, "open_work": summary.open_work, "fleet_summary": fleet_summary,
                "check_findings": check_findings, "check_table": summary.check_table}
