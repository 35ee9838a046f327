# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from tests.fleet.apt import Source, find_acquire_settings, find_mirrors, parse_deb822, parse_one_line, render_sources_list

ONE_LINE = """
# deb http://mirror.example/commented bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/d.gpg] http://mirror.example/debian/ bookworm main contrib
deb http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/debian bookworm main
  deb [trusted=yes] file:/srv/security bookworm-security main
"""

DEB822 = """\
Types: deb deb-src
# A comment between fields ends nothing.
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm

Enabled: no
Types: deb
URIs: http://mirror.example/disabled
Suites: bookworm

Types: deb
URIs: http://one.example/security http://two.example/security
Suites: bookworm-security
Trusted: yes
"""


def test_one_line_format():
    assert parse_one_line(ONE_LINE) == [
        Source("http://mirror.example/debian", ("bookworm",), False),
        Source("http://mirror.example/debian", ("bookworm-updates",), False),
        Source("file:/srv/security", ("bookworm-security",), True),
    ]


def test_deb822_format():
    assert parse_deb822(DEB822) == [
        Source("http://mirror.example/debian", ("bookworm", "bookworm-updates"), False),
        Source("http://one.example/security", ("bookworm-security",), True),
        Source("http://two.example/security", ("bookworm-security",), True),
    ]


def test_mirrors_of_the_machine_serve_hosts_of_another_suite():
    main, security = find_mirrors(parse_deb822(DEB822), "bookworm")
    assert render_sources_list(main, security, "trixie") == [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb [trusted=yes] http://one.example/security trixie-security main",
    ]


def test_old_name_of_the_security_suite():
    sources = parse_one_line("deb http://m.example/debian buster main\ndeb http://s.example/debian-security buster/updates main")
    assert find_mirrors(sources, "buster")[1] == Source("http://s.example/debian-security", ("buster/updates",), False)


def test_a_machine_without_a_mirror_of_its_release():
    assert find_mirrors(parse_deb822(DEB822), "noble") == (None, None)


def test_a_mirror_without_security():
    main, security = find_mirrors(parse_one_line("deb http://m.example/debian bookworm main"), "bookworm")
    assert security is None
    assert len(render_sources_list(main, security, "bookworm")) == 2


def test_only_how_mirrors_are_reached_is_copied():
    dump = """\
APT::Install-Recommends "0";
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "none";
DPkg::Post-Invoke:: "rm -rf /var/cache/apt/archives";
"""
    assert find_acquire_settings(dump) == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::CaInfo "/etc/ssl/own.pem";',
        'Acquire::Check-Valid-Until "false";',
    ]
