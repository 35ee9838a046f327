# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of one host follow each other; those of different hosts run at the same time. And what CI tests on which host."""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

#: What CI tests on the host without a firewall program: that it gets one, which works and is there after a boot. The rest is as on the host
#: `nftables`, and a part of make test-all.
OF_BARE = (
    "test_a_connection_to_the_outside_port_reaches_the_inside_one",
    "test_the_report_agrees_with_the_live_ruleset",
    "test_the_rules_of_others_are_as_they_were",
    "test_they_are_there_after_a_reboot",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name == "test_port_forward.py" and "[ansible://bare" in item.nodeid and item.originalname not in OF_BARE:
            item.add_marker("long")


class ByHost(LoadScopeScheduling):
    """Keeps together what testinfra runs on one host."""

    def _split_scope(self, nodeid):
        return re.search(r"\[ansible://([^]-]+)", nodeid).group(1)


def pytest_xdist_make_scheduler(config, log):
    return ByHost(config, log)
