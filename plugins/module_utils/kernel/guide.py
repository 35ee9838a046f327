# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel parameters of the Xitrum deployment guide, entry by entry, and the profile that is made of them. Pure.

A policy keeps a value that a host has already and that is as good: the numbers are from 2008 to 2013, and today's
kernels often have better ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .values import get_key, get_path


class Parameter(NamedTuple):
    """A kernel parameter: its key, the guide's value, its policy (see values.py), its unit, and what it is for."""

    key: str
    value: int | str
    policy: str
    unit: str
    sentence: str
    source: str = "the guide"


GUIDE = (
    Parameter(
        "net.core.rmem_max",
        16777216,
        "at_least",
        "bytes",
        "The largest receive buffer that a program may ask for.",
    ),
    Parameter(
        "net.core.wmem_max",
        16777216,
        "at_least",
        "bytes",
        "The largest send buffer that a program may ask for.",
    ),
    Parameter(
        "net.ipv4.tcp_rmem",
        "4096 87380 16777216",
        "at_least",
        "bytes (least, default, most)",
        "The receive buffer of one TCP socket, which the kernel sizes by itself between the first and the "
        "last.",
    ),
    Parameter(
        "net.ipv4.tcp_wmem",
        "4096 65536 16777216",
        "at_least",
        "bytes (least, default, most)",
        "The send buffer of one TCP socket, which the kernel sizes by itself between the first and the "
        "last.",
    ),
    Parameter(
        "net.ipv4.tcp_mem",
        "50576 64768 98152",
        "at_least",
        "pages of 4096 bytes (relaxed, pressure, most)",
        "What all TCP sockets together may hold in their queues. The kernel's own value grows with the "
        "memory, and is larger from 2 GB on.",
    ),
    Parameter(
        "net.core.netdev_max_backlog",
        2048,
        "at_least",
        "packets a processor",
        "Packets that wait between the network card and the protocol.",
    ),
    Parameter(
        "net.core.somaxconn",
        1024,
        "at_least",
        "connections a socket",
        "Connections that wait for an application to accept them. Linux 5.4 and later have 4096.",
    ),
    Parameter(
        "net.ipv4.tcp_max_syn_backlog",
        2048,
        "at_least",
        "connections a socket",
        "Connections whose handshake is not complete.",
    ),
    Parameter(
        "net.ipv4.tcp_syncookies",
        1,
        "exact",
        "0 never, 1 when the queue is full, 2 always",
        "Answers handshakes without remembering them when too many are half open.",
    ),
    Parameter(
        "net.ipv4.ip_local_port_range",
        "1024 65535",
        "range",
        "ports (first, last)",
        "Ports that outgoing connections take. It overlaps the ports of the application, which are "
        "therefore reserved.",
    ),
    Parameter(
        "net.ipv4.tcp_tw_recycle",
        1,
        "leave",
        "0 off, 1 on",
        "Gone since Linux 4.12, and left off on older kernels, because it breaks clients behind NAT. Name "
        "it in tuning_sysctl to set it there.",
    ),
    Parameter(
        "net.ipv4.tcp_tw_reuse",
        1,
        "exact",
        "0 off, 1 on, 2 for the loopback only",
        "An outgoing connection may take a port whose last connection has just closed.",
    ),
    Parameter(
        "net.ipv4.tcp_fin_timeout",
        10,
        "at_most",
        "seconds",
        "How long a connection that this side closed is kept while the other side has not.",
    ),
)


def build_profile(
    entries: Iterable[Mapping[str, Any]] | None = None,
    to_the_letter: bool = False,
    additions: Iterable[Mapping[str, Any]] = (),
    own: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the profile of the component `kernel`: key to its value, or to a dictionary of value, policy and source.

    entries: parameters with `key`, `value` and `policy`, the guide's where none are given. to_the_letter: sets exactly
    the given values, but for what a policy leaves alone. additions and own: further parameters; the last one that names
    a parameter counts, and null takes it out. Raises ValueError where they are of another form.
    """
    try:
        listed = [parameter._asdict() for parameter in GUIDE] if entries is None else entries
        found = {entry["key"]: _make_entry(entry, to_the_letter) for entry in listed}
        for more in [*additions, own or {}]:
            found.update({get_key(get_path(str(key))): value for key, value in more.items()})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            "a kernel profile is made of a list of dictionaries with key, value and policy, and dictionaries: "
            f"{error!r}"
        ) from error
    return {key: value for key, value in found.items() if _has_value(value)}


def _make_entry(entry: Mapping[str, Any], to_the_letter: bool) -> dict[str, Any]:
    policy = "exact" if to_the_letter and entry["policy"] != "leave" else entry["policy"]
    return {"value": entry["value"], "policy": policy, "source": entry.get("source", "")}


def _has_value(value: Any) -> bool:
    return value is not None and not (isinstance(value, dict) and "value" in value and value["value"] in (None, ""))
