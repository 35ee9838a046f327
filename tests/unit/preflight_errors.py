# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight of a run finds, of plain variables."""

from ansible_collections.xitrum.host.plugins.plugin_utils import preflight_reports


def render_errors(hostvars, hosts, *others, **more):
    """Return the message of a run with errors; empty where there is none. The arguments are those of `find_errors`."""
    return preflight_reports.find_errors(hostvars, hosts, *others, **more)[0]


def has_invalid_values(hostvars, host, *others, **more):
    """Return whether nothing can be planned with the values of a host. The other arguments are those of `check_values`."""
    return preflight_reports.check_values(preflight_reports.find_usable_hosts(hostvars), host, *others, **more)
