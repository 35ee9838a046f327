# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of 127.0.0.1 for the hosts: fixed ones, since a port that docker picks itself changes when a host reboots."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

# Below the range from which Linux takes ports of outgoing connections, so that a stopped host's port stays free.
_FIRST, _COUNT = 20000, 10000


def list_candidates(seed: str, preferred: int | None = None) -> Iterator[int]:
    """Ports to try, the preferred one first, then from a place that depends on `seed`, so that parallel starts seldom meet."""
    if preferred is not None:
        yield preferred
    start = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    for step in range(_COUNT):
        yield _FIRST + (start + step) % _COUNT


def is_free(port: int) -> bool:
    """Whether nothing on this machine holds 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def find_free_port(seed: str, preferred: int | None = None) -> int:
    """The first candidate that nothing holds."""
    return next(port for port in list_candidates(seed, preferred) if is_free(port))
