# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet is made of, read from a TOML file. Pure functions.

suite = "bookworm"                  # Debian suite of the hosts: bookworm, bullseye or trixie; without it FLEET_SUITE of the environment, or bookworm
may_fail = ["quotaon.service"]      # units that a host may list as failed once it has started; none by default
packages = ["rsync"]                # Debian packages that every host has from the beginning; none by default

[hosts.proxy1]
groups = ["xitrum_proxy"]           # inventory groups
publish = { 80 = 8080 }             # port of the host = preferred port of 127.0.0.1; another free one if it is taken
suite = "trixie"                    # this host's own suite
vars = { haproxy_maxconn = 1000 }   # host variables
ipv6 = false                        # no IPv6 address on any interface, the loopback included; true by default
locale = "de_DE.UTF-8"              # the language of the whole system and of every login; without it the C locale
noexec_tmp = true                   # no file below /tmp can be executed; false by default
ssh_port = 2222                     # the port of its SSH server; 22 by default
jump = "bastion"                    # the host of this fleet through which alone it is reached; without it a port of 127.0.0.1
user = "carol"                      # who logs in: deploy, or carol, who gives a password to sudo; deploy by default
own_python = true                   # its only Python is one in /opt/python, of no package; false by default
long = true                         # it is a part of make test-all alone, as tests with that mark are; false by default
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9-]*")
# As glibc names those that localedef can make: a language and a country, and UTF-8.
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}\.UTF-8|")
# How the controller reaches a host.
_CONTROLLER = ("jump", "own_python", "ssh_port", "user")
#: Who can log in on every host.
USERS = ("deploy", "carol")


class SpecError(ValueError):
    """The spec cannot be used: reports which key, what it holds and what it may hold."""


@dataclass(frozen=True)
class HostSpec:
    """One host. `publish` maps its ports to the preferred ports of 127.0.0.1. `locale` is empty for the C locale, `jump` without a jump host."""

    name: str
    suite: str
    groups: tuple[str, ...] = ()
    publish: dict[int, int] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    ipv6: bool = True
    locale: str = ""
    noexec_tmp: bool = False
    ssh_port: int = 22
    jump: str = ""
    user: str = USERS[0]
    own_python: bool = False
    long: bool = False


@dataclass(frozen=True)
class FleetSpec:
    """Hosts in the order of the file, the units that may fail on them, and the packages that they have."""

    hosts: tuple[HostSpec, ...]
    may_fail: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def parse(text: str, origin: str) -> FleetSpec:
    """The fleet that a spec describes; SpecError names `origin` and the key that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{origin}: not TOML: {error}") from error
    _refuse_unknown(data, {"suite", "may_fail", "packages", "hosts"}, origin, "")
    if not isinstance(data.get("hosts"), dict) or not data["hosts"]:
        raise SpecError(f"{origin}: found no host; expected a table [hosts.NAME] for each")
    suite = _read_typed(data, "suite", str, os.environ.get("FLEET_SUITE", "bookworm"), origin, "")
    # As tests are chosen: see .config/molecule/config.yml.
    thorough = "not long" not in os.environ.get("MARKED", "not long")
    every = (_parse_host(name, table, suite, origin) for name, table in data["hosts"].items())
    hosts = tuple(host for host in every if thorough or not host.long)
    direct = [host.name for host in hosts if not host.jump]
    for host in hosts:
        if host.jump and host.jump not in direct:
            raise SpecError(f"{origin}: hosts.{host.name}.jump is {host.jump!r}; expected a host that is reached directly: {', '.join(direct)}")
    return FleetSpec(hosts, *(tuple(_read_strings(data, key, origin, "")) for key in ("may_fail", "packages")))


def _parse_host(name: str, table: Any, suite: str, origin: str) -> HostSpec:
    where = f"hosts.{name}"
    if not _NAME.fullmatch(name):
        raise SpecError(f"{origin}: [{where}]: a host's name is lower-case letters, digits and hyphens, a letter first")
    if not isinstance(table, dict):
        raise SpecError(f"{origin}: {where} is {table!r}; expected a table")
    _refuse_unknown(table, {"groups", "ipv6", "locale", "long", "noexec_tmp", "publish", "suite", "vars", *_CONTROLLER}, origin, where)
    publish = {}
    for port, preferred in _read_typed(table, "publish", dict, {}, origin, where).items():
        if not port.isdigit() or not isinstance(preferred, int) or not all(0 < number < 65536 for number in (int(port), preferred)):
            raise SpecError(f"{origin}: {where}.publish: found {port} = {preferred!r}; expected PORT = PORT, each from 1 to 65535")
        publish[int(port)] = preferred
    locale = _read_typed(table, "locale", str, "", origin, where)
    if not _LOCALE.fullmatch(locale):
        raise SpecError(f"{origin}: {where}.locale is {locale!r}; expected a name such as de_DE.UTF-8")
    port = _read_typed(table, "ssh_port", int, 22, origin, where)
    if not 0 < port < 65536:
        raise SpecError(f"{origin}: {where}.ssh_port is {port}; expected a port from 1 to 65535")
    user = _read_typed(table, "user", str, USERS[0], origin, where)
    if user not in USERS:
        raise SpecError(f"{origin}: {where}.user is {user!r}; expected one of {', '.join(USERS)}")
    return HostSpec(
        name=name,
        suite=_read_typed(table, "suite", str, suite, origin, where),
        groups=tuple(_read_strings(table, "groups", origin, where)),
        publish=publish,
        vars=_read_typed(table, "vars", dict, {}, origin, where),
        ipv6=_read_typed(table, "ipv6", bool, True, origin, where),
        locale=locale,
        noexec_tmp=_read_typed(table, "noexec_tmp", bool, False, origin, where),
        ssh_port=port,
        jump=_read_typed(table, "jump", str, "", origin, where),
        user=user,
        own_python=_read_typed(table, "own_python", bool, False, origin, where),
        long=_read_typed(table, "long", bool, False, origin, where),
    )


def _refuse_unknown(table: dict[str, Any], keys: set[str], origin: str, where: str) -> None:
    for key in table:
        if key not in keys:
            raise SpecError(f"{origin}: found the key {'.'.join(filter(None, (where, key)))}; known here: {', '.join(sorted(keys))}")


def _read_typed(table: dict[str, Any], key: str, kind: type, default: Any, origin: str, where: str) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise SpecError(f"{origin}: {'.'.join(filter(None, (where, key)))} is {value!r}; expected a {kind.__name__}")
    return value


def _read_strings(table: dict[str, Any], key: str, origin: str, where: str) -> list[str]:
    values = _read_typed(table, key, list, [], origin, where)
    if not all(isinstance(value, str) for value in values):
        raise SpecError(f"{origin}: {'.'.join(filter(None, (where, key)))} is {values!r}; expected a list of strings")
    return values
