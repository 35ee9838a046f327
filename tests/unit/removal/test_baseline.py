# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a host with what it was finds what is left, and knows what a package brought."""

from __future__ import annotations

import copy

import pytest

from tests.lib import baseline

HOST = {
    "files": {"/etc/hosts": "100644 0:0 abc", "/etc/rc3.d": "40755 0:0"}, "names": {"/var/lib": "dpkg"}, "parameters": {"/proc/sys/net/core/somaxconn": "4096"},
    "rules": {"nft": ""}, "users": {"root": "0 0"}, "groups": {"root": "0 "}, "units": {"ssh.service": "enabled"},
    "running": {"ssh.service": "active"},
    "alternatives": {"awk": "auto /usr/bin/mawk"}, "sockets": {"tcp 0.0.0.0:22": "listens"}, "packages": {"dash": "installed"}, "made": {},
}
PACKAGE = {"paths": ["/etc/nginx", "/etc/init.d/nginx", "/lib/systemd/system/nginx.service", "/lib/systemd/system/nginx.timer",
                     "/usr/lib/jvm/j/bin/java"],
           "scripts": "adduser nginx; touch /etc/made"}


def after(part=None, key=None, value=None, made=None, packages=None):
    host = copy.deepcopy(HOST)
    if part:
        host[part][key] = value
    host["made"], host["packages"] = made or {}, {**host["packages"], **(packages or {})}
    return host


def test_the_same_host_has_no_difference():
    assert baseline.find_differences(HOST, after()) == []


@pytest.mark.parametrize(("part", "key", "value"), [
    ("files", "/etc/left", "100644 0:0 x"), ("files", "/etc/hosts", "100600 0:0 abc"), ("names", "/var/lib", "dpkg xitrum.host"),
    ("parameters", "/proc/sys/net/core/somaxconn", "1024"), ("rules", "nft", "table inet xitrum_host"), ("users", "xitrum", "990 990"),
    ("groups", "xitrum", "990 "), ("units", "xitrum@.service", "indirect"), ("units", "ssh.service", "disabled"), ("running", "haproxy.service", "active"),
    ("alternatives", "awk", "manual /usr/bin/mawk"), ("alternatives", "java", "auto /usr/lib/jvm/j/bin/java"), ("sockets", "tcp 0.0.0.0:80", "listens"),
])
def test_what_is_left_or_otherwise_is_found(part, key, value):
    assert baseline.find_differences(HOST, after(part, key, value)) == [f"{part}: {key}: {HOST[part].get(key)} -> {value}"]


@pytest.mark.parametrize(("part", "key", "value"), [
    ("files", "/etc/nginx", "40755 0:0"), ("files", "/etc/rc3.d/K01nginx", "link ../init.d/nginx"), ("files", "/etc/made", "100644 0:0 x"),
    ("files", "/etc/nginx/state", "link /run/nginx/state"),
    ("users", "nginx", "33 33"), ("units", "nginx.service", "disabled"), ("units", "nginx.timer", "enabled"),
    ("alternatives", "java", "auto /usr/lib/jvm/j/bin/java"),
])
def test_what_a_package_brought_that_stays_is_no_difference(part, key, value):
    assert baseline.find_differences(HOST, after(part, key, value, PACKAGE, {"nginx": "installed"})) == []


@pytest.mark.parametrize(("part", "key", "value"), [
    ("files", "/etc/nginx/xitrum", "40755 0:0"), ("units", "nginx.service", "enabled"), ("alternatives", "java", "manual /usr/lib/jvm/j/bin/java"),
    ("running", "nginx.service", "active"),
])
def test_what_is_ours_in_a_package_that_stays_is_found(part, key, value):
    assert len(baseline.find_differences(HOST, after(part, key, value, PACKAGE, {"nginx": "installed"}))) == 1


def test_what_was_there_and_is_gone_is_found():
    host = after()
    del host["files"]["/etc/hosts"], host["packages"]["dash"]
    assert baseline.find_differences(HOST, host) == ["files: /etc/hosts: 100644 0:0 abc -> None", "packages: dash: installed -> None"]
