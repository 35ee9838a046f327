# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as jobs of upstart."""

from __future__ import annotations

import re
from typing import Any, Iterable, Sequence

from ..contract import Output, ServiceFile, Supervisor, parse_pid, translate_state
from ..init_system import Init

#: The oldest upstart that can run a job as another user (setuid) and keep what it prints (console log).
OLDEST_UPSTART = (1, 4)

#: Where it keeps what its jobs print.
LOGS = "/var/log/upstart"


class Upstart(Supervisor):
    """`initctl status` prints a line such as `NAME-0 start/running, process 12`."""

    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        found = {}
        for index in indices:
            words = host.run(["initctl", "status", f"{name}-{index}"]).out.split()
            found[index] = translate_state(words[1].rstrip(",") if len(words) > 1 else "", ("start/running",))
        return found

    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        printed = {index: host.run(["initctl", "status", f"{name}-{index}"]).out for index in indices}
        pattern = re.compile(r"\S+ start/\S+, process (\d+)\s*$", re.MULTILINE)
        found = {index: pattern.match(text) for index, text in printed.items()}
        return {index: parse_pid(match[1]) if match else 0 for index, match in found.items()}

    def list_output_files(self, host: Any, names: Iterable[str]) -> list[str]:
        """What it has written of instances, and its logrotate has kept."""
        jobs = "|".join(map(re.escape, dict.fromkeys(names)))
        pattern = re.compile(rf"(?:{jobs})-\d+\.log(?:[.-]\d+)*(?:\.(?:gz|bz2|xz|zst))?")
        return [f"{LOGS}/{name}" for name in host.listdir(LOGS) if jobs and pattern.fullmatch(name)]

    def find_init_version_error(self, init: Init) -> str:
        if init.name == "upstart" and tuple(int(part) for part in init.version.split(".")[:2]) < OLDEST_UPSTART:
            return (
                f"process 1 is upstart {init.version}, and xitrum_supervisor wants upstart "
                f"{'.'.join(map(str, OLDEST_UPSTART))} or newer: choose another xitrum_supervisor for this host"
            )
        return ""


SUPERVISOR = Upstart(
    name="upstart",
    program="initctl",
    inits=("upstart",),
    inherits=True,
    low_ports=False,
    mark="/etc/init/{name}-{index}.conf",
    target="",
    # Stanzas of an override win over those of the job: these keep it from being started at boot.
    hides=("/etc/init/{name}-*.override",),
    hiding=r"^\s*(?:manual\b|start\s+on\b)",
    boot_lock="/etc/init/{name}-{index}.override",
    boot_lock_text="# Written by xitrum.host: an operator stopped this instance.\nmanual\n",
    # A job that is started again is in other states meanwhile.
    given_up=("stop/waiting",),
    start=(("initctl", "start", "{name}-{index}"),),
    stop=(("initctl", "stop", "{name}-{index}"),),
    # It watches its folder only where the kernel reports changes.
    forget_commands=(("initctl", "reload-configuration"),),
    define=(("initctl", "reload-configuration"),),
    log=f"{LOGS}/{{name}}-{{index}}.log",
    kept=Output(f"{LOGS}/{{name}}-{{index}}.log"),
    files=(ServiceFile("upstart/job", "/etc/init/{name}-{index}.conf"),),
    no_slots="starts every job in /etc/init at boot, so that both slots would start",
)
