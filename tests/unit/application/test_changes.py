# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application cannot change on a host on which it runs."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import changes as application_changes
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine

from ..fake_host import FakeHost

RECORD = {
    "applications": {
        "shop": {"roots": {"/opt/shop": True}, "logs": {}, "users": {"shop": True}, "groups": {}},
        "typo": {"roots": {"/opt/typo": True}, "logs": {}, "users": {"typo": True}, "groups": {}},
    }
}
INSTALLED = {"shop": {"roots": ["/opt/shop"], "users": ["shop"]}}


def errors(installed=None, **desired):
    same = {"name": "shop", "user": "shop", "root": "/opt/shop", "ports": [8000, 8001], "proxies": True}
    return list(application_changes.find_errors({**same, **desired}, INSTALLED if installed is None else installed))


def test_an_application_with_instances_is_installed_and_a_killed_first_run_is_not():
    host = FakeHost(files={"/opt/shop/instances/0/current/config/xitrum.conf": ""})
    assert application_changes.read_installed(host, RECORD) == INSTALLED
    assert application_changes.read_installed(host, None) == {}


@pytest.mark.parametrize(
    "desired, variable, old",
    [
        ({"user": "web"}, "xitrum_user", "shop"),
        ({"root": "/srv/shop"}, "xitrum_root", "/opt/shop"),
    ],
)
def test_what_cannot_change_is_refused_with_the_way_to_it(desired, variable, old):
    (error,) = errors(**desired)
    assert variable in error and f"set {variable} back to {old}" in error
    assert "run remove.yml with the old value, --limit HOST and -e remove_host_count=1" in error
    # The removal disabled the host at the proxies, and only a run with the proxies enables it there.
    assert error.endswith("run site.yml with the new value and --limit HOST,xitrum_proxy")
    (error,) = errors(**desired, proxies=False)
    assert error.endswith("site.yml with the new value and --limit HOST")


def test_a_rename_is_refused_with_both_names_and_the_way_to_it():
    (error,) = errors(name="store")
    assert "set xitrum_name back to shop" in error and "remove.yml for all hosts, the proxies included" in error
    # User and root follow the name.
    renamed = {"name": "store", "user": "store", "root": "/opt/store", "ports": {8000: "shop"}}
    (error,) = application_changes.find_errors(
        {**renamed, "ports": [8000, 8001], "proxies": True}, INSTALLED, renamed["ports"]
    )
    assert error.startswith("found the application shop with port 8000 on this host, expected store (xitrum_name) with that port")
    assert "remove.yml for all hosts, the proxies included, with xitrum_name shop, then site.yml with store" in error
    assert "xitrum_http_port" in error


def test_a_renamed_application_is_reported_once():
    desired = {"name": "store", "user": "store", "root": "/opt/store", "ports": [8000], "proxies": False, "heap_bytes": 0, "instances": 0,
               "overhead_bytes": 0}
    claimed = {8000: "shop", 9000: "blog"}
    assert application_changes.find_renamed(desired, INSTALLED, claimed) == "shop"
    # A second application that was set up under its own name before, and one without instances.
    assert application_changes.find_renamed(desired, {**INSTALLED, "store": INSTALLED["shop"]}, claimed) == ""
    assert application_changes.find_renamed({**desired, "ports": [9000]}, INSTALLED, claimed) == ""
    state = {"damaged": "", "folders": {"folders": {}, "ports": claimed, "account": None}}
    assert list(machine.find_folder_errors({**desired, "user": ""}, state, "shop")) == []
    assert len(list(machine.find_folder_errors({**desired, "user": ""}, state))) == 1


def test_nothing_else_is_refused():
    assert errors() == []
    assert errors(installed={}, user="web") == []
    # A second application in addition to the first.
    assert errors(name="blog", root="/opt/blog", user="blog") == []
    # A proxy that is not an application host.
    assert errors(name="", root="", user="") == []
