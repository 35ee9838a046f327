# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as services of daemontools, below an svscan of the application's own."""

from __future__ import annotations

from ..scanning import PATIENCE_SECONDS, Scanning, service_files

_HOME, _UNIT = "/etc/{name}-daemontools", "{name}-daemontools.service"
_SERVICE = f"{_HOME}/{{index}}"


class Daemontools(Scanning):
    """A line such as `PATH: up (pid 12) 3 seconds` for each instance."""

    QUERY = ("svstat",)
    WORD = r"^(?P<folder>/[^:]+): (?P<value>\w+)"
    UP = "up"
    PID = r"^(?P<folder>/[^:\n]+): up \(pid (?P<value>\d+)\)"


SUPERVISOR = Daemontools(
    name="daemontools",
    program="svscan",
    packages=("daemontools",),
    inits=("systemd", "init"),
    daemon=_UNIT,
    unit=f"/etc/systemd/system/{_UNIT}",
    scan=f"{_HOME}/scan",
    mark=f"{_HOME}/enabled/{{index}}",
    target=_SERVICE,
    own=(_SERVICE,),
    shared=(_HOME, f"/etc/systemd/system/{_UNIT}"),
    hold=f"{_SERVICE}/down",
    ready=(("svok", _SERVICE), ("svok", f"{_SERVICE}/log")),
    patience=PATIENCE_SECONDS,
    # svc ends with 0 whatever happens, svok does not.
    start=(("svok", _SERVICE), ("svc", "-u", _SERVICE)),
    stop=(("svc", "-d", _SERVICE),),
    forget_commands=(("svc", "-dx", _SERVICE, f"{_SERVICE}/log"),),
    define=(("systemctl", "daemon-reload"), ("systemctl", "enable", "--now", _UNIT)),
    gone=(("systemctl", "disable", "--now", _UNIT),),
    gone_after=(("systemctl", "daemon-reload"),),
    log="{log_dir}/output-{index}/current",
    files=service_files("daemontools"),
)
