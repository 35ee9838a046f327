# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: until when, and whether the socket shows the one of the file."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.proxy import certificates

from ..fake_host import FakeHost, Unreadable

REPORTED = "notAfter=Nov 24 10:00:00 2027 GMT\nsha256 Fingerprint=AA:BB\n"
NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)


def row(configured=REPORTED, effective=REPORTED, now=NOW, tool=True, hidden=False):
    item = {"path": "/etc/x.pem", "port": 443, "hidden": hidden, "configured": certificates.parse(configured), "effective": certificates.parse(effective)}
    return certificates.plan({"days": 30}, {"tool": tool, "installer": "apt-get install -y", "now": now, "items": [item]}).rows[0]


def test_what_openssl_reports():
    assert certificates.parse(REPORTED) == (datetime.datetime(2027, 11, 24, 10, tzinfo=datetime.timezone.utc), "AA:BB")
    assert certificates.parse("unable to load certificate") is None


@pytest.mark.parametrize("change, status, why", [
    ({}, "ok", ""),
    ({"now": NOW + datetime.timedelta(days=350)}, "drift", "expires in 15 days"),
    ({"now": NOW + datetime.timedelta(days=400)}, "drift", "the certificate has expired"),
    ({"effective": REPORTED.replace("AA", "CC")}, "restart_pending", "another certificate"),
    ({"effective": ""}, "drift", "port 443"),
    ({"configured": ""}, "drift", "is not a certificate"),
    ({"tool": False}, "not_readable", "no openssl"),
    ({"configured": "", "hidden": True}, "not_readable", "only root may read"),
])
def test_a_certificate_in_three_columns(change, status, why):
    found = row(**change)
    assert found.status == status and why in found.why


@pytest.mark.parametrize("files, hidden", [({}, False), ({"/etc/x.pem": "a key"}, False), ({"/etc/x.pem": Unreadable("a key")}, True)])
def test_a_file_that_this_user_may_not_read_is_distinguished_from_one_that_is_not_there(files, hidden):
    read = certificates.read(FakeHost(files), {"items": [{"path": "/etc/x.pem", "port": 443}]})
    assert [item["hidden"] for item in read["items"]] == [hidden]
