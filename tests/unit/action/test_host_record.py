# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a read of a host's record reports about its instances, which proxies know by other names."""

from ansible_collections.xitrum.host.plugins.action.host_record import name_instances


def test_the_instances_of_all_applications_are_named_once():
    applications = [{"name": "shop", "indices": [0, 1]}, {"name": "blog", "indices": [1, 2]}]
    found = name_instances(applications, "app 1")
    assert found["instances"] == [{"index": 0, "port": 0}, {"index": 1, "port": 0}, {"index": 2, "port": 0}]
    assert found["servers"] == ["app_1-0", "app_1-1", "app_1-2"]


def test_a_host_without_an_application_has_none():
    assert name_instances([], "app1") == {"instances": [], "servers": []}
