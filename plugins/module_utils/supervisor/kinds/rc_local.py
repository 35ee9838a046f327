# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that /etc/rc.local starts at boot, and that nothing starts again."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Sequence

from ...core import marked_block, process, unmanaged_file
from ...core.plan import make_rule_errors
from .. import rc_script
from ..contract import (
    WELL,
    Output,
    ServiceFile,
    Supervisor,
    build_edited_file,
    fill,
    has_block,
    make_log_folder,
    parse_pid,
)
from ..init_system import Init

_HOME = "/etc/{name}-rc.local"


class RcLocal(Supervisor):
    """A block of ours in a script that may be unmanaged starts the instances."""

    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """Nothing watches over what rc.local has started: what it starts at boot counts as active, and what has a
        process. The other slot of a host has neither."""
        pids = self.query_pids(host, name, indices)
        return {
            index: WELL["active"]
            if host.stat(fill(self.mark, name=name, index=index)) is not None
            or pids[index] and host.exists(f"/proc/{pids[index]}")
            else "inactive"
            for index in indices
        }

    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """From the file that the script which starts an instance writes."""
        paths = {index: fill(self.instance_paths, name=name, index=index)[0] for index in indices}
        return {
            index: parse_pid((process.read_if_allowed(host.read, path) or "").strip()) for index, path in paths.items()
        }

    def forget(self, host: Any, name: str, index: int, keep: bool = False) -> None:
        """The file with the process is not a definition: nothing would remove it later."""
        super().forget(host, name, index, keep)
        host.remove(fill(self.instance_paths, name=name, index=index)[0])

    def query_boot_word(self, host: Any, name: str) -> str:
        found = unmanaged_file.read_file(host, rc_script.PATH).stat
        executable = found is not None and found.mode & 0o100
        return WELL["boot"] if executable else f"{rc_script.PATH} is not executable"

    def read_kind_state(self, host: Any, desired: Mapping[str, Any], init: Init) -> dict[str, Any]:
        return {
            "script": unmanaged_file.read_file(host, rc_script.PATH),
            "unit": read_unit(host) if init.name == "systemd" else ("", "", True),
        }

    def build_edited_files(self, name: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        script = state["kind_state"]["script"]
        if find_script_error(state):
            return []
        boot = f"{fill(_HOME, name=name)}/boot"
        text = rc_script.put_block(script.text, name, f"[ ! -x {boot} ] || {boot}")
        mode = 0o755 if script.stat is None else script.stat.mode & 0o777 | 0o111
        return [build_edited_file(script, text, mode)]

    def find_errors(self, desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterable[str]:
        return make_rule_errors("host.rc-local", [find_script_error(state)])

    def find_notes(self, name: str, state: Mapping[str, Any]) -> list[str]:
        lines = [] if find_script_error(state) else rc_script.find_early_exits(state["kind_state"]["script"].text, name)
        if not lines:
            return []
        return [
            f"{rc_script.PATH} may end before it starts the application, on line {', '.join(map(str, lines))}: "
            "let it go on where the application has to start"
        ]

    def list_unmanaged_files(self, state: Mapping[str, Any]) -> list[Any]:
        return [state["kind_state"]["script"]]

    def find_blocks(self, host: Any, name: str) -> list[str]:
        return [rc_script.PATH] if has_block(host, rc_script.PATH, name) else []

    def remove_blocks(self, host: Any, name: str) -> None:
        if has_block(host, rc_script.PATH, name):
            unmanaged_file.restore_file(
                host, rc_script.PATH, lambda text: marked_block.remove_block(text, name), rc_script.EMPTY
            )


def find_script_error(state: Mapping[str, Any]) -> str:
    """What keeps a block out of the script at boot, as a sentence; empty where nothing does."""
    script = state["kind_state"]["script"]
    text_error = rc_script.find_error(script.text, state["init"].name == "systemd")
    return script.error or rc_script.find_boot_error(*state["kind_state"]["unit"]) or text_error


def read_unit(host: Any) -> tuple[str, str, bool]:
    """What `rc_script.find_boot_error` judges: the unit's state, its script, and whether our path leads there."""
    shown = host.run(
        ["systemctl", "show", "--no-pager", "--property=LoadState,ExecStart", "--", "rc-local.service"]
    ).out
    unit = process.parse_unit(shown)
    path = re.search(r"\bpath=(/\S+)", unit.get("ExecStart", ""))
    script = path[1] if path else ""
    return unit.get("LoadState", ""), script, host.realpath(script) == host.realpath(rc_script.PATH)


SUPERVISOR = RcLocal(
    name="rc.local",
    program="logrotate",
    packages=("logrotate",),
    restarts=False,
    mark=f"{_HOME}/enabled/{{index}}",
    target=f"{_HOME}/start",
    instance_paths=("/run/{name}-rc.local-{index}.pid",),
    shared=(_HOME, "/etc/logrotate.d/{name}-rc.local"),
    # As at boot: nothing of the login that starts it.
    start=(("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"{_HOME}/start", "{index}"),),
    log="{log_dir}/output-{index}.log",
    kept=Output("{log_dir}/output-{index}.log"),
    files=(
        ServiceFile(
            "shared/run shared/number shared/environment shared/exec_as_user rc.local/append_output shared/exec_run",
            f"{_HOME}/run",
            "0755",
        ),
        make_log_folder("rc.local"),
        ServiceFile("rc.local/start", f"{_HOME}/start", "0755"),
        ServiceFile("rc.local/boot", f"{_HOME}/boot", "0755"),
        ServiceFile("rc.local/logrotate", "/etc/logrotate.d/{name}-rc.local"),
    ),
)
