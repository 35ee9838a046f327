# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end: each proxy has what it had before, which on nginx1 is an unmanaged proxy, and on the others none."""

import pytest

from tests.lib.baseline import compare_host

REMOVE = "playbooks/remove.yml"


def test_everything_is_removed_and_a_second_run_does_nothing(site):
    site.run(playbook=REMOVE, remove_host_count=4).assert_ended_well()
    site.run(playbook=REMOVE, remove_host_count=4).assert_did_nothing()


@pytest.mark.parametrize("name", ["haproxy1", "nginx1", "apache1", "app1"])
def test_the_host_is_what_it_was_before_the_first_run(site, name):
    assert compare_host(site, name) == []


def test_the_unmanaged_proxy_serves_again(site):
    assert "Welcome to nginx!" in site.run_script("nginx1", "curl -s http://127.0.0.1/")
