# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of distributions: one row an ID of os-release(5), so that a new rebuild is one row."""

from __future__ import annotations

from typing import Any

from . import debian, redhat
from .contract import Distribution, Family

_DEBIAN = Distribution(
    name="debian",
    title="Debian",
    family=debian.FAMILY,
    oldest=(11,),
    tested=(11, 12, 13),
    jdks={"11": 17, "12": 17, "13": 25},
)
_UBUNTU = Distribution(
    name="ubuntu",
    title="Ubuntu",
    family=debian.FAMILY,
    oldest=(20, 4),
    jdks={"20.04": 21, "22.04": 21, "24.04": 21},
)
_RHEL = Distribution(
    name="redhat",
    title="RHEL",
    family=redhat.FAMILY,
    oldest=(9,),
    jdks={"9": 21, "10": 21},
    rebuilds=True,
)

#: The ID of os-release(5) to the distribution.
BY_ID = {
    "debian": _DEBIAN,
    "ubuntu": _UBUNTU,
    "rhel": _RHEL,
    "centos": _RHEL,
    "rocky": _RHEL,
    "almalinux": _RHEL,
    "ol": _RHEL,
}

#: By the names that reports have.
DISTRIBUTIONS: dict[str, Distribution] = {row.name: row for row in BY_ID.values()}
FAMILIES: dict[str, Family] = {row.family.name: row.family for row in BY_ID.values()}


def get_family(name: str) -> Family:
    """The family of that name; that of Red Hat for a host whose family is not known."""
    return FAMILIES.get(name, redhat.FAMILY)


def find_family(host: Any, attribute: str) -> Family:
    """The family whose program of that kind (`query_program`, `manager_program`) a host has;
    that of Red Hat without any."""
    found = (family for family in FAMILIES.values() if host.find_program(getattr(family, attribute)))
    return next(found, redhat.FAMILY)


def list_family_rows() -> list[Distribution]:
    """One distribution a family, which gives it its name."""
    return [next(row for row in DISTRIBUTIONS.values() if row.family is family) for family in FAMILIES.values()]


def describe_supported() -> str:
    """The supported distributions with their minimum versions, as a part of a sentence."""
    parts = [_describe_row(row) for row in DISTRIBUTIONS.values()]
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _describe_row(row: Distribution) -> str:
    return f"{row.title} {row.oldest_release} or newer{' with its rebuilds' if row.rebuilds else ''}"
