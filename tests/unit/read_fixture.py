# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What host_state_info returns of a host, for tests of what is made of it."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan, Row


def read_of(plan):
    """What host_state_info returns of a component."""
    report = plan.report()
    report["drift"] = report.pop("changed")
    return report


def state(kernel=(), **instances):
    found = {"instances": [], "start": [], "restart": [], "orphaned": [], **instances}
    return {
        "changed": False,
        "kernel": read_of(Plan(rows=[Row("kernel", "net.core.somaxconn", "1024", "1024", "4096")], actions=list(kernel))),
        "instances": read_of(
            Plan(rows=[Row("instance", "instance-0 nofile", "20000", "1024000", "1024/1024", "restart_pending", "fixed at start")], facts=found)
        ),
    }
