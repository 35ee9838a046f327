# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of the fleet has the view of each kind of proxy."""

from tests.lib.questions import read_document

KINDS = {"haproxy1": "HAProxy", "nginx1": "Nginx", "apache1": "Apache"}


def test_the_status_has_the_view_of_each_proxy(site):
    document = read_document(site, "status")
    found = {proxy["name"]: proxy for proxy in document["proxies"]}
    assert {name: (proxy["software"], proxy["state"], proxy["serving"]) for name, proxy in found.items()} == {
        name: (kind, "running", True) for name, kind in KINDS.items()}
    for name, proxy in found.items():
        servers = {server["name"]: server["serving"] for server in proxy["servers"] if server["backend"] == "xitrum"}
        assert servers == {"app1-0": True, "app1-1": True}, name
        assert proxy["version"] and (proxy["connections"] is None) is (name != "haproxy1"), name
    # The servers behind the proxies are not instances: nothing runs by a supervisor.
    assert {item["name"]: item["state"] for item in document["instances"]} == {"app1-0": "down", "app1-1": "down"}
    assert all({view["name"] for view in item["proxies"]} == set(KINDS) for item in document["instances"])
