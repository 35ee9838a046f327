# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of one host follow each other; those of different hosts run at the same time."""

import re

from xdist.scheduler import LoadScopeScheduling


class ByHost(LoadScopeScheduling):
    """Keeps together what testinfra runs on one host."""

    def _split_scope(self, nodeid):
        return re.search(r"\[ansible://([^]-]+)", nodeid).group(1)


def pytest_xdist_make_scheduler(config, log):
    return ByHost(config, log)
