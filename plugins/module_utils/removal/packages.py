# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that this collection installed, and what came with them, and nothing that anything else has come to need."""

from __future__ import annotations

from typing import Any, Sequence

from ..core import recorded
from ..core.distributions import table as distributions
from ..core.host import LONG_SECONDS


def read(host: Any, names: Sequence[str]) -> dict[str, Any]:
    """What can be removed of the recorded packages: `removed`, and `kept` (name to reason)."""
    installed = sorted(recorded.find_installed(host, names)) if names else []
    if not installed:
        return {"removed": [], "kept": {}}
    return distributions.find_family(host, "manager_program").choose_removable(host, installed)


def apply(host: Any, names: Sequence[str]) -> None:
    """Removes packages. Raises RuntimeError with what the package manager reported."""
    command = distributions.find_family(host, "manager_program").remove_command(names)
    result = host.run(command, seconds=LONG_SECONDS)
    if result.rc != 0:
        raise RuntimeError(
            f"{' '.join(names)} could not be removed: {(result.err or result.out).strip()[-800:]}. "
            "Fix that and run the playbook again, or leave the packages (remove_packages: false)"
        )
