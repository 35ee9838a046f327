# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of one host follow each other; those of different hosts run at the same time."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        host = getattr(item, "callspec", None) and item.callspec.params.get("_testinfra_host")
        if host:
            item.add_marker(pytest.mark.xdist_group(str(host.backend.get_pytest_id())))
