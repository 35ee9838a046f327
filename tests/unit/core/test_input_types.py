# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that end in configuration files: what would be a directive there is no value."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import cluster
from ansible_collections.xitrum.host.plugins.module_utils.core import addresses, folders, input_types
from ansible_collections.xitrum.host.plugins.module_utils.kernel import planning as kernel_plan
from ansible_collections.xitrum.host.plugins.module_utils.kernel import values as kernel_values
from ansible_collections.xitrum.host.plugins.module_utils.limits import nofile as limits
from ansible_collections.xitrum.host.plugins.module_utils.preflight import rules, values
from ansible_collections.xitrum.host.plugins.module_utils.proxy import definition as proxy
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.invalid_values import find_errors, plan_errors

ROOT = pathlib.Path(__file__).resolve().parents[3]

GOOD = {
    "account": ["shop", "_a-1"],
    "unit": ["nginx", "getty@tty1.service", "a\\x2db.socket"],
    "path": ["/opt/shop", "/srv/a_b-c+1.2"],
    "url_path": ["/", "/health", "/a/b.c?x=1&y=~z", "/@:,+"],
    "url": ["https://shop.example/base", "http://[2001:db8::1]:8000"],
    "domain": ["localhost", "app-1.example.com.", "a_b"],
    "zone": ["eth0", "2", "br-1.5"],
    "interface": ["eth0", "eth0:1", "br_a.5"],
    "server": ["app1-0", "a.b_c"],
    "backend": ["forum", "f-1_a"],
    "cookie": ["xitrum_server"],
    "header_name": ["Authorization", "X-Token"],
    "header_value": ["Bearer abc def", "", "a=b; c"],
    "duration": ["10s", "500ms", "10h"],
    "class": ["quickstart.Boot", "Boot", "a.b.C$D"],
    "kubernetes": ["shop", "a", "a-1"],
    "option_name": ["stopwaitsecs", "stdout_logfile"],
    "line": ["", "any text; with %(x)s # in \u00fcmlauts", "a\tb"],
    "host": ["192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0", "app1", "app1.example.com"],
    "listen": ["", "*", "0.0.0.0", "::", "app1"],
    "network": ["192.0.2.0/24", "2001:db8::/32", "192.0.2.1", "app1"],
}

#: What a directive, a quote, a comment or an end of a line is made of in some file.
BREAKERS = ["\n", "\r", "\0", '"', "'", "{", "}", ";", "#", "$(id)", "`id`", "\x1b[2J", "\u2028", "\\\n", "\x85"]
#: The types whose texts stand in quotes, or end at the end of their line, and which of these they may have.
ALLOWED = {
    "header_value": ['"', "'", "{", "}", ";", "#", "$(id)", "`id`"],
    "line": ['"', "'", "{", "}", ";", "#", "$(id)", "`id`"],
}


def test_every_type_has_good_values():
    assert set(GOOD) == set(input_types.EXPECTED)


@pytest.mark.parametrize("kind, text", [(kind, text) for kind, texts in GOOD.items() for text in texts])
def test_what_is_of_a_type(kind, text):
    assert input_types.fits(kind, text) and input_types.find_error("x", text, kind) == ""


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("breaker", BREAKERS)
def test_what_would_be_a_directive_is_of_no_type(kind, breaker):
    if breaker in ALLOWED.get(kind, ()):
        return
    for text in filter(None, GOOD[kind]):
        for bad in (text + breaker, breaker + text, text[:1] + breaker + text[1:], text + breaker + "option x"):
            assert not input_types.fits(kind, bad), bad
            message = input_types.find_error("the_variable", bad, kind)
            assert message.startswith("the_variable is ") and message.isprintable() and "expected" in message


@pytest.mark.parametrize("kind", sorted(set(GOOD) - {"line", "header_value"}))
def test_a_blank_is_of_no_type_that_is_one_word(kind):
    assert not any(input_types.fits(kind, bad) for text in filter(None, GOOD[kind]) for bad in (f"{text} x", f" {text}", f"{text}\t"))


@pytest.mark.parametrize("value", [None, 1, True, ["a"], {}, b"a"])
@pytest.mark.parametrize("kind", sorted(GOOD))
def test_what_is_no_text_is_of_no_type(kind, value):
    assert not input_types.fits(kind, value)


@given(st.text())
def test_any_text_has_an_answer(text):
    for kind in input_types.EXPECTED:
        fits = input_types.fits(kind, text)
        assert not (fits and "\n" in text) and bool(input_types.find_error("x", text, kind)) is not fits


@pytest.mark.parametrize("kind, text", [
    ("account", "a" * 32), ("domain", "a" * 64), ("domain", "a..b"), ("domain", ".a"), ("domain", "-a"), ("url_path", "health"), ("url_path", "/a%20b"),
    ("host", "192.0.2.1/24"), ("host", "fe80::1%eth0;x"), ("host", "fe80::1%"), ("host", "a:b"),
    ("zone", "a" * 16), ("duration", "10"), ("duration", "\u0663s"),
    ("server", "a/b"), ("backend", "1a"), ("kubernetes", "a-"), ("network", "192.0.2.0/33"), ("path", "/opt//shop"),
])
def test_what_is_nearly_of_a_type(kind, text):
    assert not input_types.fits(kind, text)


# ------------------------------------------------------------------------------------------------------- who asks them

INJECTED = ["{}\n  option x", "{}\n", "{};", '{}"', "{} x", "{}#", "{}{{", "{}\0"]


@pytest.mark.parametrize("name", sorted(values.TEXTS))
@pytest.mark.parametrize("form", INJECTED)
def test_preflight_names_every_variable_that_would_be_a_directive(name, form):
    value = form.format(GOOD[values.TEXTS[name]][-1])
    found = find_errors({name: value})
    assert len(found) == 1 and found[0].startswith(f"{name} is ") and found[0].isprintable()
    assert plan_errors({name: value}) == found
    assert [find_errors({name: good}) for good in GOOD[values.TEXTS[name]]] == [[]] * len(GOOD[values.TEXTS[name]])


@pytest.mark.parametrize(("name", "value"), [
    ("ansible_host", "192.0.2.1\n  option x"), ("xitrum_address", "192.0.2.1\n  option x"), ("xitrum_cluster_address", "10.0.0.1\n"),
    ("xitrum_interface", "192.0.2.1;"), ("xitrum_health_path", "/\n  option x"), ("proxy_health_path", "/ x"), ("xitrum_proxy_cookie", "a b"),
])
def test_what_ends_in_the_configuration_of_a_proxy_is_among_them(name, value):
    """Whatever the list of variables has: without its entry nobody would ask."""
    assert any(error.startswith(f"{name} is ") for error in find_errors({name: value}))


@pytest.mark.parametrize("name", sorted(values.LISTS))
@pytest.mark.parametrize("form", INJECTED)
def test_preflight_reads_the_items_of_lists(name, form):
    good = GOOD[values.LISTS[name]]
    assert find_errors({name: good}) == []
    found = find_errors({name: [good[-1], form.format(good[-1])]})
    assert len(found) == 1 and found[0].startswith(f"{name} is ")


@pytest.mark.parametrize("options, message", [
    ({"xitrum_package_headers": {"A\nB": "x"}}, "a name in xitrum_package_headers"),
    ({"xitrum_package_headers": {"A": "secret\r\nB: x"}}, "A in xitrum_package_headers has a value that does not fit"),
    ({"supervisor_supervisord_options": {"user": "shop\n[program:x]"}}, "user in supervisor_supervisord_options has a value"),
    ({"supervisor_supervisord_options": {"user=root\nx": "1"}}, "a name in supervisor_supervisord_options"),
])
def test_preflight_reads_names_and_values_of_options_and_shows_no_value(options, message):
    found = find_errors(options)
    assert len(found) == 1 and message in found[0] and "secret" not in found[0]
    assert find_errors({"supervisor_supervisord_options": {"priority": 5, "autostart": True, "environment": 'A="b;c"'}}) == []


@pytest.mark.parametrize("variable", ["ansible_host", "xitrum_address", "inventory_hostname", "xitrum_interface"])
@pytest.mark.parametrize("value", ["192.0.2.1 check\n    server x 203.0.113.1:80", "app1\n", "app1;", "fe80::1%eth0\n  x", "app 1", "app1{"])
def test_no_address_of_a_host_is_a_directive_of_a_proxy(variable, value):
    host = {"inventory_hostname": "app1", variable: value}
    with pytest.raises(ValueError, match=f"{variable} is .*: expected an IP address"):
        proxy.list_servers([host], "proxy1", {"xitrum_http_port": 8000, "xitrum_instances": 1})
    if variable != "xitrum_interface":
        with pytest.raises(ValueError, match="expected an IP address"):
            cluster.find_address(host)


@pytest.mark.parametrize("zone", ["eth0\n", "eth0;", "eth0 x", "", "eth0%1", "a" * 16])
def test_a_zone_is_the_name_of_an_interface(zone):
    assert addresses.parse_address(f"fe80::1%{zone}") is None or zone == "eth0\n"
    # A blank around an address goes, and is not part of the zone.
    assert "\n" not in addresses.normalize(f"fe80::1%{zone}").strip()
    assert addresses.parse_address("fe80::1%eth0").zone == "eth0"


@pytest.mark.parametrize("network", ["fe80::1%eth0\n    use_backend x", "fe80::1%;", "192.0.2.0/24\n"])
def test_no_network_of_a_load_balancer_is_a_directive(network):
    with pytest.raises(ValueError, match="xitrum_proxy_load_balancers: found"):
        proxy.check_networks(["192.0.2.1", network])
    assert proxy.check_networks(["192.0.2.0/24", "2001:db8::/32"]) == ["192.0.2.0/24", "2001:db8::/32"]


def test_each_item_that_does_not_fit_is_an_error():
    assert rules.find_type_errors("a", "/x", "url_path") == []
    assert rules.find_type_errors("b", "/x\n", "url_path") == [input_types.find_error("b", "/x\n", "url_path")]
    assert len(rules.find_type_errors("a", ["10s", "10", "5"], "duration")) == 2


def test_a_newline_at_the_end_is_part_of_a_name():
    """`$` matches before it."""
    assert not limits.OWN_FILE.fullmatch("/etc/security/limits.d/a.conf\n") and not limits.DOMAIN.fullmatch("shop\n")
    assert not kernel_plan.OWN_FILE.fullmatch("/etc/sysctl.d/a.conf\n") and not kernel_plan.MODULE.fullmatch("tcp_bbr\n")
    assert kernel_values.build_entries({"net.core.somaxconn\n": 1})[1] and not folders.PATH.fullmatch("/opt/shop\n")


def test_no_test_of_a_value_in_a_role_ends_before_a_newline():
    """`is match('...$')` is true for a text with a newline at its end."""
    found = []
    for path in sorted([*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/**/*.yml")]):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"(?:is (?:not )?|\(')match\W.*\$'", line) and "$(?!\\n)" not in line:
                found.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert found == []
