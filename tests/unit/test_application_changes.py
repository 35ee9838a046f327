# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application cannot change on a host on which it runs."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import application_changes

from .fake_host import FakeHost

RECORD = {
    "applications": {
        "shop": {"roots": {"/opt/shop": True}, "logs": {}, "users": {"shop": True}, "groups": {}},
        "typo": {"roots": {"/opt/typo": True}, "logs": {}, "users": {"typo": True}, "groups": {}},
    }
}
INSTALLED = {"shop": {"roots": ["/opt/shop"], "users": ["shop"]}}


def errors(installed=None, **wanted):
    same = {"name": "shop", "user": "shop", "root": "/opt/shop"}
    return list(application_changes.find_errors({**same, **wanted}, INSTALLED if installed is None else installed))


def test_an_application_with_instances_is_installed_and_a_killed_first_run_is_not():
    host = FakeHost(files={"/opt/shop/instances/0/current/config/xitrum.conf": ""})
    assert application_changes.read_installed(host, RECORD) == INSTALLED
    assert application_changes.read_installed(host, None) == {}


@pytest.mark.parametrize(
    "wanted, variable, old",
    [
        ({"user": "web"}, "xitrum_user", "shop"),
        ({"root": "/srv/shop"}, "xitrum_root", "/opt/shop"),
        ({"name": "store"}, "xitrum_name", "shop"),
    ],
)
def test_what_cannot_change_is_refused_with_the_way_to_it(wanted, variable, old):
    (error,) = errors(**wanted)
    assert variable in error and f"set {variable} back to {old}" in error
    assert "remove.yml with --limit HOST and -e xitrum_remove=1" in error


def test_nothing_else_is_refused():
    assert errors() == []
    assert errors(installed={}, user="web") == []
    # A second application of its own beside the first.
    assert errors(name="blog", root="/opt/blog", user="blog") == []
    # A proxy that is no application host.
    assert errors(name="", root="", user="") == []
