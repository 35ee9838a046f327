# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root below a home, a noexec /tmp, and log folders that somebody has removed."""

import pytest

from tests.verify import folders

ROOT, LOGS = "/home/deploy/xitrum", "/var/log/xitrum"


def test_the_unit_sees_nothing_of_home_but_its_own_folder_and_is_as_hard_as_others(site):
    folders.assert_unit_sees_only(site, "app1", ROOT)


def test_native_code_is_loaded_although_nothing_in_tmp_can_be_executed(site):
    folders.assert_native_code_is_loaded_from(site, "app1", ROOT)


@pytest.mark.parametrize("gone", [LOGS, pytest.param(f"{LOGS}/0", marks=pytest.mark.long)])
def test_a_removed_log_folder_is_made_by_the_next_start(site, gone):
    folders.assert_log_folder_is_made(site, "app1", LOGS, gone, "systemctl restart xitrum@0")
