# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with variables of a proxy that do not fit together, by its rule."""

from __future__ import annotations

import os
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.preflight import rules
from ansible_collections.xitrum.host.plugins.module_utils.proxy import definition as proxy

from .test_templates import BASE, ROOT

CERTIFICATE = str(ROOT / "roles/proxy/defaults/main.yml")
GOOD = {**BASE, "proxy_tls_certificate": "", "proxy_tls_key": "", "proxy_software": "haproxy",
        "proxy_load_balancers": [], "proxy_load_balancer_protocol": "http"}


def errors(**more):
    return list(rules.find_proxy_errors({**GOOD, **more}, os.path.exists))


def find_messages(**more):
    return [error.message for error in errors(**more)]


@pytest.mark.parametrize("value", [5, 0, True, False, {"proxy1": 1}, [["proxy1"]], [1]])
def test_unavailable_proxies_of_a_wrong_type_are_named(value):
    groups = {"xitrum_proxy": ["proxy1", "proxy2"]}
    with pytest.raises(ValueError, match=f"xitrum_unavailable_proxies: found {re.escape(repr(value))}, expected names of the group xitrum_proxy"):
        proxy.list_available(groups, value)
    assert proxy.list_available(groups, None) == proxy.list_available(groups, "") == ["proxy1", "proxy2"]
    assert proxy.list_available(groups, " proxy1 , ") == proxy.list_available(groups, ["proxy1"]) == ["proxy2"]
    with pytest.raises(ValueError, match=r"found proxy9, expected names of the group xitrum_proxy \(proxy1, proxy2\)"):
        proxy.list_available(groups, "proxy1,proxy9")


def test_what_fits_together_is_no_error():
    assert find_messages() == []
    assert find_messages(proxy_tls_certificate=CERTIFICATE, proxy_tls_key=CERTIFICATE, proxy_redirect_https=True, proxy_software="nginx") == []


@pytest.mark.parametrize(("more", "words"), [
    ({"proxy_tls_certificate": CERTIFICATE}, "set both files, or neither"),
    ({"proxy_redirect_https": True}, "redirect to HTTPS only where there is HTTPS"),
    ({"proxy_tls_certificate": "/nowhere/a.pem", "proxy_tls_key": "/nowhere/b.pem"}, "no file /nowhere/a.pem and no file /nowhere/b.pem on the controller"),
    ({"proxy_timeout_queue": "10", "proxy_check_interval": 2},
     "xitrum_proxy_timeout_queue is '10': expected a number with its unit, ms, s, m, h or d, for example 10s; "
     "xitrum_proxy_check_interval is '2'"),
    ({"proxy_check_interval": "2s\n  option x"}, "xitrum_proxy_check_interval is '2s\\n  option x': expected a number"),
    ({"proxy_health_path": "/\n  http-request deny"}, "xitrum_health_path is '/\\n  http-request deny': expected / followed by letters"),
    ({"proxy_cookie": "xitrum\n"}, "xitrum_proxy_cookie is 'xitrum\\n': expected letters"),
    ({"proxy_listen": ["0.0.0.0", "::1;"]}, "xitrum_proxy_listen is '::1;': expected an IP address or a host name"),
    ({"proxy_software": "apache", "proxy_load_balancers": ["192.0.2.1"], "proxy_load_balancer_protocol": "proxy"}, "Let the load balancer speak http"),
    ({"proxy_stats_port": 0, "proxy_software": "nginx"}, "xitrum_proxy_stats_port is 0"),
    ({"proxy_stats_port": -1, "proxy_software": "apache"}, "xitrum_proxy_stats_port is -1"),
    ({"proxy_cookie": "a b"}, "xitrum_proxy_cookie is 'a b'"),
])
def test_each_rule_reports_what_was_found_and_what_to_do(more, words):
    messages = find_messages(**more)
    assert len(messages) == 1
    assert words in messages[0]


def test_all_that_is_wrong_is_reported_at_once():
    assert len(find_messages(proxy_redirect_https=True, proxy_cookie="a b", proxy_timeout_queue="10")) == 3


def test_each_rule_has_an_identifier_of_its_own():
    found = errors(proxy_redirect_https=True, proxy_cookie="a b", proxy_timeout_queue="10", proxy_health_path="x", proxy_listen=["a b"])
    assert [error.rule for error in found] == ["proxy.tls-pair", "proxy.durations", "proxy.health-path", "proxy.cookie", "proxy.listen-address"]


def test_a_proxy_without_servers_is_refused():
    (error,) = rules.find_server_errors([])
    assert error.rule == "proxy.no-servers" and "proxy_servers is empty" in error.message
    found = [error.rule for error in rules.find_server_errors([{"name": "a b", "address": "a b"}])]
    assert found == ["proxy.server-name", "proxy.server-address"]
