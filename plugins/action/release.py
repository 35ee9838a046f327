# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `xitrum.host.release`: makes one archive of what the host lacks, and sends it.

An action plugin, since only the controller has the package. It goes over whatever connection the host has, so that a
sudo password, a jump host or a container work as for any other task, and nothing has to be installed on the host.
"""

from __future__ import annotations

import os
import shlex
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils.remote_folder import make_remote_folder

from ..module_utils.core import disk_space
from ..module_utils.host_state.machine import parse_df


class ActionModule(ActionBase):
    """Asks the host what it lacks, unless a read has returned it; sends that; lets the host put the release
    together."""

    #: All options but those that the action sets itself.
    _VALID_ARGS = frozenset(("root", "release", "folder", "manifest", "keep", "group", "existing"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result, with `sent_bytes`."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if not isinstance(arguments.get("manifest"), list):
            raise AnsibleActionFail("manifest is required: pass on what xitrum.host.package_info returned")
        lacks = find_lacking_digests(arguments["manifest"], arguments.pop("existing", None))
        if lacks and not self._task.check_mode:
            result.update(self._upload(arguments, lacks, task_vars))
        else:
            result.update(self._run_module(arguments, task_vars))
        verified, sent = result.pop("verified", None), result.get("sent_bytes", 0)
        if result.get("failed") or result.get("staged") or not result.get("missing") or self._task.check_mode:
            return result
        result.update(self._upload({**arguments, "verified": verified}, set(result["missing"]), task_vars))
        result["sent_bytes"] += sent
        result.pop("verified", None)
        if not result.get("staged") and not result.get("failed"):
            result.update(
                failed=True,
                msg="what was sent did not arrive whole, and no release was made of it: run the playbook again",
            )
        return result

    def _upload(
        self, arguments: Mapping[str, Any], digests: set[str], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Sends these files, and returns what the host makes of them."""
        with make_remote_folder(self) as folder:
            remote = self._connection._shell.join_path(folder, "files.tar")
            with tempfile.TemporaryDirectory(prefix="xitrum.host.") as scratch:
                archive = pack(arguments.get("folder", ""), arguments["manifest"], digests, f"{scratch}/files.tar")
                size = os.path.getsize(archive)
                self._send(archive, remote, size)
            return {**self._run_module({**arguments, "archive": remote}, task_vars), "sent_bytes": size}

    def _send(self, archive: str, remote: str, size: int) -> None:
        """Sends the archive; a failure reports what it needs and what the host has there."""
        try:
            self._transfer_file(archive, remote)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            shown = self._low_level_execute_command(f"df -P -k {shlex.quote(os.path.dirname(remote))}", sudoable=False)
            free = parse_df(shown.get("stdout", ""))
            note = "" if free is None else f", and its file system has {disk_space.format_room(free)} free"
            raise AnsibleActionFail(
                f"the release could not be sent: {remote} needs {disk_space.format_room(size)}{note}. What runs is "
                f"untouched. "
                f"Where that is too little, make room or set ansible_remote_tmp to a folder with more, and run the "
                f"playbook again. {error}"
            ) from error

    def _run_module(self, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name="xitrum.host.release", module_args=arguments, task_vars=task_vars)


def find_lacking_digests(manifest: Sequence[Mapping[str, Any]], existing: Iterable[str] | None) -> set[str]:
    """The digests that a host lacks by what it `has`; none where that is not known."""
    if existing is None:
        return set()
    there = {tuple(text.split(" ", 1)) for text in existing}
    return {
        entry["sha256"] for entry in manifest if "sha256" in entry and (entry["mode"], entry["sha256"]) not in there
    }


def pack(folder: str, manifest: Sequence[Mapping[str, Any]], digests: set[str], path: str) -> str:
    """An archive of the files with these digests, each once and named by its digest.
    Not compressed: jars are already."""
    left = set(digests)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in manifest:
            if entry.get("sha256") in left:
                left.discard(entry["sha256"])
                tar.add(
                    os.path.join(folder, entry["path"]),
                    arcname=entry["sha256"],
                    recursive=False,
                    filter=anonymize_member,
                )
    if left:
        raise AnsibleActionFail(
            f"{len(left)} files of the package are gone from {folder} since it was read: run the playbook again"
        )
    return path


def anonymize_member(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without the names and ids of the controller's users."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
