# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as services of daemontools, below an svscan of the application's own."""

from __future__ import annotations

from ..scanning import Scanning, build_service_fields, get_service_folder

_SERVICE = get_service_folder("daemontools")


class Daemontools(Scanning):
    """A line such as `PATH: up (pid 12) 3 seconds` for each instance."""

    QUERY = ("svstat",)
    WORD = r"^(?P<folder>/[^:]+): (?P<value>\w+)"
    UP = "up"
    PID = r"^(?P<folder>/[^:\n]+): up \(pid (?P<value>\d+)\)"


SUPERVISOR = Daemontools(
    **build_service_fields("daemontools", "tai64n"),
    program="svscan",
    packages=("daemontools",),
    ready=(("svok", _SERVICE), ("svok", f"{_SERVICE}/log")),
    # svc ends with 0 whatever happens, svok does not.
    start=(("svok", _SERVICE), ("svc", "-u", _SERVICE)),
    stop=(("svc", "-d", _SERVICE),),
    forget_commands=(("svc", "-dx", _SERVICE, f"{_SERVICE}/log"),),
)
