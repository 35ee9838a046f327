# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as services of runit, below a runsvdir of the application's own."""

from __future__ import annotations

from ..scanning import Scanning, build_service_fields, get_service_folder

_SERVICE = get_service_folder("runit")


class Runit(Scanning):
    """A line such as `run: PATH: (pid 12) 3s; run: log: (pid 11) 3s` for each instance."""

    QUERY = ("sv", "status")
    WORD = r"^(?P<value>\w+): (?P<folder>/[^:]+):"
    UP = "run"
    PID = r"^run: (?P<folder>/[^:\n]+): \(pid (?P<value>\d+)\)"


SUPERVISOR = Runit(
    **build_service_fields("runit", "svlogd"),
    program="runsvdir",
    packages=("runit",),
    ready=(("sv", "status", _SERVICE),),
    start=(("sv", "up", _SERVICE),),
    stop=(("sv", "-w", "{timeout}", "force-stop", _SERVICE),),
    forget_commands=(("sv", "exit", _SERVICE),),
)
