# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet on one screen."""

from tests.lib.questions import read_document


def test_the_status_of_the_fleet_is_reported_by_one_read_of_each_host(site):
    document = read_document(site, "status")
    assert document["outcome"] == "ok"
    assert {item["name"]: item["state"] for item in document["instances"]} == dict.fromkeys(("app1-0", "app1-1", "app2-0", "app2-1"), "running")
