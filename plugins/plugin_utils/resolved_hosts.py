# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of all hosts, of which each value is resolved once.

Ansible resolves a value, with all that is inside, whenever it is read from `hostvars`. For what was read of a host,
that takes tens of milliseconds, and a plan of a run reads it a dozen times for each host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ResolvedVariables(Mapping[str, Any]):
    """The variables of one host. A value that cannot be resolved raises Ansible's error each time."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.values_read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.values_read:
            self.values_read[name] = self.given[name]
        return self.values_read[name]

    def __contains__(self, name: object) -> bool:
        return name in self.given

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


class ResolvedHosts(Mapping[str, Any]):
    """In the place of `hostvars`, for Python. Templates get the original."""

    def __init__(self, hostvars: Any) -> None:
        self.hostvars = hostvars
        self.hosts_read: dict[str, Any] = {}

    def __getitem__(self, host: str) -> Any:
        if host not in self.hosts_read:
            found = self.hostvars[host]
            # What Ansible returns for an unknown host reports that where it is used.
            self.hosts_read[host] = ResolvedVariables(found) if isinstance(found, Mapping) else found
        return self.hosts_read[host]

    def __contains__(self, host: object) -> bool:
        return host in self.hostvars

    def __iter__(self) -> Iterator[str]:
        return iter(self.hostvars)

    def __len__(self) -> int:
        return len(self.hostvars)
