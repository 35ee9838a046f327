# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as units of systemd: one template unit, `NAME@INDEX.service`."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ...core import process
from ..contract import ServiceFile, Supervisor, log_folder, pid_of

_UNITS = "/etc/systemd/system"


class Systemd(Supervisor):
    """The unit makes a log folder below /var/log itself (LogsDirectory=); elsewhere a script does."""

    def layout(self, options: Mapping[str, Any]) -> tuple[ServiceFile, ...]:
        below_var_log = str(options["log_dir"]).startswith("/var/log/")
        return self.files if below_var_log else (*self.files, log_folder(self.name))

    def words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """From `systemctl show`: the active state."""
        return self._show(host, name, indices, "ActiveState")

    def pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """From `systemctl show`: the main process of the unit."""
        return {index: pid_of(text) for index, text in self._show(host, name, indices, "MainPID").items()}

    def _show(self, host: Any, name: str, indices: Sequence[int], value: str) -> dict[int, str]:
        units = [f"{name}@{index}.service" for index in indices]
        shown = host.run(["systemctl", "show", "--no-pager", f"--property=Id,{value}", "--", *units]).out
        blocks = [process.parse_unit(block) for block in shown.split("\n\n")]
        found = {block.get("Id"): block.get(value, "") for block in blocks}
        return {index: found.get(unit, "") for index, unit in zip(indices, units)}


SUPERVISOR = Systemd(
    name="systemd",
    program="systemctl",
    inits=("systemd",),
    mark=f"{_UNITS}/multi-user.target.wants/{{name}}@{{index}}.service",
    target=f"{_UNITS}/{{name}}@.service",
    links_vary=True,
    shared=(f"{_UNITS}/{{name}}@.service", "/etc/{name}-systemd"),
    # Of one instance, before the template: what `systemctl mask` and `systemctl edit --full` make.
    hides=(f"{_UNITS}/{{name}}@*.service", "/run/systemd/system/{name}@*.service"),
    given_up=("failed",),
    # A unit that failed too often refuses to start until its counter is reset; one that is new is not failed.
    reset=("systemctl", "reset-failed", "{name}@{index}.service"),
    start=(("systemctl", "start", "{name}@{index}.service"),),
    stop=(("systemctl", "stop", "{name}@{index}.service"),),
    define=(("systemctl", "daemon-reload"),),
    gone_after=(("systemctl", "daemon-reload"),),
    log="the journal: journalctl -u {name}@{index}",
    output=(
        "journalctl",
        "--no-pager",
        "--quiet",
        "--lines=30",
        "--output=cat",
        "_SYSTEMD_UNIT={name}@{index}.service",
    ),
    files=(ServiceFile("systemd/unit", f"{_UNITS}/{{name}}@.service"),),
    slots_by_default=True,
    hides_homes=True,
)
