# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runit and daemontools have in common: they start what they find in a folder, and run under a unit of their own.

Without systemd the init of System V starts them by an entry in its table.
"""

from __future__ import annotations

import re
from typing import Any, Sequence

from .contract import Output, ServiceFile, Supervisor, fill, make_log_folder, parse_pid, translate_state

#: They read their folder every five seconds.
WAIT_SECONDS = 15


class Scanning(Supervisor):
    """A supervisor that has a service directory for each instance, and prints a line for each when it is queried.

    A kind of it sets `QUERY`, the command; `WORD`, a pattern with the groups folder and word; `UP`, the word of one
    that runs; `PID`, a pattern with the groups folder and process id.
    """

    KEEPS = ("down", "supervise", "log")
    QUERY: Sequence[str] = ()
    WORD = ""
    UP = ""
    PID = ""

    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        found = self._query(host, name, indices, self.WORD)
        return {index: translate_state(word, (self.UP,)) for index, word in found.items()}

    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """The process of the instance; that of its log is another one."""
        return {index: parse_pid(text) for index, text in self._query(host, name, indices, self.PID).items()}

    def _query(self, host: Any, name: str, indices: Sequence[int], pattern: str) -> dict[int, str]:
        folders = {index: fill(self.target, name=name, index=index) for index in indices}
        printed = host.run([*self.QUERY, *folders.values()]).out
        found = {match["folder"]: match["value"] for match in re.finditer(pattern, printed, re.MULTILINE)}
        return {index: found.get(folder, "") for index, folder in folders.items()}


def get_service_folder(kind: str) -> str:
    """The service directory of an instance."""
    return f"/etc/{{name}}-{kind}/{{index}}"


def build_service_fields(kind: str, stamp: str) -> dict[str, Any]:
    """The fields of `Supervisor` that follow from its name: where its services are, and the unit that it runs under.
    stamp: the time that its program for output puts before each line, as in `Output`."""
    home, unit, service = f"/etc/{{name}}-{kind}", f"{{name}}-{kind}.service", get_service_folder(kind)
    return {
        "name": kind,
        "inits": ("systemd", "init"),
        "daemon": unit,
        "unit": f"/etc/systemd/system/{unit}",
        "scan": f"{home}/scan",
        "mark": f"{home}/enabled/{{index}}",
        "target": service,
        "instance_paths": (service,),
        "shared": (home, f"/etc/systemd/system/{unit}"),
        "hold": f"{service}/down",
        "wait_seconds": WAIT_SECONDS,
        "define": (("systemctl", "daemon-reload"), ("systemctl", "enable", "--now", unit)),
        "gone": (("systemctl", "disable", "--now", unit),),
        "gone_after": (("systemctl", "daemon-reload"),),
        "log": "{log_dir}/output-{index}/current",
        "kept": Output("{log_dir}/output-{index}/current", rotated=r"@[0-9a-f]{24}\.[su]", stamp=stamp),
        "files": list_service_files(kind),
    }


def list_service_files(kind: str) -> tuple[ServiceFile, ...]:
    """The files of a supervisor that scans a folder."""
    home = f"/etc/{{name}}-{kind}"
    return (
        ServiceFile(
            f"shared/run shared/service_number {kind}/number shared/environment shared/exec_as_user shared/exec_run",
            f"{home}/{{index}}/run",
            "0755",
        ),
        ServiceFile(f"shared/output {kind}/output", f"{home}/{{index}}/log/run", "0755"),
        make_log_folder(kind),
        ServiceFile(f"shared/scan {kind}/scan", f"{home}/scan", "0755"),
        ServiceFile("shared/scanner", f"/etc/systemd/system/{{name}}-{kind}.service"),
    )
