# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as units of systemd: one template unit, `NAME@INDEX.service`."""

from __future__ import annotations

import collections
from typing import Any, Mapping, Sequence

from ...core import process, untrusted_text
from ..contract import Output, ServiceFile, Supervisor, make_log_folder, parse_pid

_UNITS = "/etc/systemd/system"

#: What systemd writes into the journal when it starts a unit again by itself: SD_MESSAGE_UNIT_RESTART_SCHEDULED.
_RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"
#: Where the journal is: kept over a reboot, or in memory.
_JOURNALS = ("/var/log/journal", "/run/log/journal")


class Systemd(Supervisor):
    """The unit makes a log folder below /var/log itself (LogsDirectory=); elsewhere a script does."""

    def list_files(self, options: Mapping[str, Any]) -> tuple[ServiceFile, ...]:
        below_var_log = str(options["log_dir"]).startswith("/var/log/")
        return self.files if below_var_log else (*self.files, make_log_folder(self.name))

    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """From `systemctl show`: the active state."""
        return self._show(host, name, indices, "ActiveState")

    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """From `systemctl show`: the main process of the unit."""
        return {index: parse_pid(text) for index, text in self._show(host, name, indices, "MainPID").items()}

    def count_restarts(self, host: Any, name: str, indices: Sequence[int], seconds: int) -> dict[int, int]:
        """From the journal, as far back as that goes. `NRestarts` has no times, and is reset by each start."""
        if not indices or not any(host.exists(path) for path in _JOURNALS):
            return {}
        units = {f"{name}@{index}.service": index for index in indices}
        # Of process 1 alone: any user may write a message with these fields.
        fields = ["_PID=1", f"MESSAGE_ID={_RESTART_SCHEDULED}", *(f"UNIT={unit}" for unit in units)]
        options = ["--no-pager", "--quiet", "--output=json", "--output-fields=UNIT", f"--since=-{seconds}s"]
        result = host.run(["journalctl", *options, *fields])
        if result.rc != 0 or result.cut:
            return {}
        counts = collections.Counter(find_unit(line) for _number, line in untrusted_text.split_lines(result.out))
        return {index: counts[unit] for unit, index in units.items()}

    def _show(self, host: Any, name: str, indices: Sequence[int], value: str) -> dict[int, str]:
        units = [f"{name}@{index}.service" for index in indices]
        shown = host.run(["systemctl", "show", "--no-pager", f"--property=Id,{value}", "--", *units]).out
        blocks = [process.parse_unit(block) for block in shown.split("\n\n")]
        found = {block.get("Id"): block.get(value, "") for block in blocks}
        return {index: found.get(unit, "") for index, unit in zip(indices, units)}


def find_unit(line: str) -> str:
    """The unit that a message of the journal in JSON is about; empty without one."""
    try:
        found = untrusted_text.parse_json(line)
    except ValueError:
        return ""
    unit = found.get("UNIT") if isinstance(found, dict) else None
    return unit if isinstance(unit, str) else ""


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
    kept=Output(unit="{name}@{index}.service"),
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
