# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as services of runit, below a runsvdir of the application's own."""

from __future__ import annotations

from ..scanning import PATIENCE_SECONDS, Scanning, service_files

_HOME, _UNIT = "/etc/{name}-runit", "{name}-runit.service"
_SERVICE = f"{_HOME}/{{index}}"


class Runit(Scanning):
    """A line such as `run: PATH: (pid 12) 3s; run: log: (pid 11) 3s` for each instance."""

    QUERY = ("sv", "status")
    WORD = r"^(?P<value>\w+): (?P<folder>/[^:]+):"
    UP = "run"
    PID = r"^run: (?P<folder>/[^:\n]+): \(pid (?P<value>\d+)\)"


SUPERVISOR = Runit(
    name="runit",
    program="runsvdir",
    packages=("runit",),
    inits=("systemd", "init"),
    daemon=_UNIT,
    unit=f"/etc/systemd/system/{_UNIT}",
    scan=f"{_HOME}/scan",
    mark=f"{_HOME}/enabled/{{index}}",
    target=_SERVICE,
    own=(_SERVICE,),
    shared=(_HOME, f"/etc/systemd/system/{_UNIT}"),
    hold=f"{_SERVICE}/down",
    ready=(("sv", "status", _SERVICE),),
    patience=PATIENCE_SECONDS,
    start=(("sv", "up", _SERVICE),),
    stop=(("sv", "-w", "{timeout}", "force-stop", _SERVICE),),
    forget_commands=(("sv", "exit", _SERVICE),),
    define=(("systemctl", "daemon-reload"), ("systemctl", "enable", "--now", _UNIT)),
    gone=(("systemctl", "disable", "--now", _UNIT),),
    gone_after=(("systemctl", "daemon-reload"),),
    log="{log_dir}/output-{index}/current",
    files=service_files("runit"),
)
