# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mapping of what takes time to read, such as variables that Ansible resolves whenever they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ReadOnce(Mapping[str, Any]):
    """Keeps each value that was read. One that raises an error raises it each time."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.known: dict[str, Any] = {}

    def read(self, name: str) -> Any:
        """Return a value that is not known yet. Raises KeyError for a name that is not there."""
        return self.given[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = self.read(name)
        return self.known[name]

    def __contains__(self, name: object) -> bool:
        return name in self.given

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)
