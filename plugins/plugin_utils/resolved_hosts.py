# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of all hosts, of which each value is resolved once.

Ansible resolves a value, with all that is inside, whenever it is read from `hostvars`. For what was read of a host,
that takes tens of milliseconds, and a plan of a run reads it a dozen times for each host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils.read_once import ReadOnce


class ResolvedHosts(ReadOnce):
    """In the place of `hostvars`, for Python. Templates get the original."""

    def read(self, name: str) -> Any:
        """Return the variables of a host."""
        found = super().read(name)
        # What Ansible returns for an unknown host reports that where it is used.
        return ReadOnce(found) if isinstance(found, Mapping) else found
