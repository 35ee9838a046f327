# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired kernel profile, limit of open files and capacity of a host. Pure."""

from __future__ import annotations

from typing import Any

from ..kernel import guide
from .inputs import Inputs


def build_capacity(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `capacity`."""
    return {**inputs.shape, "connections": inputs.connections}


def build_kernel(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `kernel`. Raises ValueError for additions that are not a dictionary."""
    own = {
        "fs.nr_open": {
            "value": inputs.get_number("tuning_nofile"),
            "policy": "at_least",
            "source": "tuning_nofile, which may not be above it",
        },
        "fs.file-max": {
            "value": inputs.get_number("tuning_file_max"),
            "policy": "at_least",
            "source": "tuning_file_max",
        },
        "net.ipv4.ip_local_reserved_ports": {
            "value": ",".join(map(str, inputs["tuning_reserved_ports"])),
            "policy": "union",
            "source": "tuning_reserved_ports, which outgoing connections must not take",
        },
    }
    return {
        "profile": guide.build_profile(
            to_the_letter=inputs["tuning_policy"] == "guide",
            additions=[inputs.limits.kernel, own],
            own=inputs["tuning_sysctl"],
        ),
        "state": inputs["tuning_state"],
        "path": inputs["tuning_sysctl_file"],
        "modules": list(inputs["tuning_kernel_modules"]),
    }


def build_nofile(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `nofile`, with what a read alone takes: the logins to test."""
    return {
        "nofile": inputs.get_number("tuning_nofile"),
        "domains": list(inputs["tuning_limits_domains"]),
        "logins": list(inputs["tuning_limits_logins"]),
        "policy": "exact" if inputs["tuning_policy"] == "guide" else "at_least",
        "state": inputs["tuning_state"],
        "path": inputs["tuning_limits_file"],
    }
