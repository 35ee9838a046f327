# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root below a home that is closed to others, a noexec /tmp, and log folders in and outside of /var/log."""

import pytest

from tests.lib.site import wait_for
from tests.verify import folders

ROOTS = {"app1": "/home/carol/apps/xitrum", "app2": "/opt/xitrum"}
LOGS = {"app1": "/var/log/xitrum", "app2": "/srv/logs/xitrum"}
RESTART = {"app1": "systemctl restart xitrum@0", "app2": "sv restart /etc/xitrum-runit/0"}
HOSTS = tuple(ROOTS)


def test_the_unit_sees_nothing_of_home_but_its_own_folder(site):
    assert site.run_script("app1", "stat -c %a /home/carol") == "700"
    folders.assert_unit_sees_only(site, "app1", ROOTS["app1"])


@pytest.mark.parametrize("host", HOSTS)
def test_native_code_is_loaded_although_nothing_in_tmp_can_be_executed(site, host):
    folders.assert_native_code_is_loaded_from(site, host, ROOTS[host])


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("gone", ["", "/0"])
def test_a_removed_log_folder_is_made_by_the_next_start(site, host, gone):
    folders.assert_log_folder_is_made(site, host, LOGS[host], LOGS[host] + gone, RESTART[host])
    if host == "app2":
        wait_for("its output is kept", lambda: site.run_script(host, f"ls {LOGS[host]}/output-0/current", check=False))


def test_after_all_that_nothing_drifts(site):
    site.run().assert_did_nothing()
