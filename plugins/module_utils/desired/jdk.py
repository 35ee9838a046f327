# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired JDK of a host. Pure."""

from __future__ import annotations

from typing import Any

from .inputs import Inputs


def build_jdk(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `jdk`: archives without their URLs and headers, which may hold secrets."""
    found = {
        "version": inputs.get_number("jdk_version"),
        "name": inputs["jdk_name"],
        "archives": {name: archive.get("sha256", "") for name, archive in inputs["jdk_archives"].items()},
        "unverified": inputs.get_flag("jdk_allow_unverified"),
        "alternatives": inputs.get_flag("jdk_alternatives"),
        "absent": list(inputs["jdk_absent"]),
    }
    # An instance runs a JDK by its path, whatever the alternatives are: a deploy leaves them alone.
    return {**found, "alternatives": False, "absent": []} if inputs.release_only else found
