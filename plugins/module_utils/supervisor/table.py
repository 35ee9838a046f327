# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of supervisors: one row a kind. A new one is a file in `kinds` and its row here."""

from __future__ import annotations

from typing import Any, Collection

from .contract import Supervisor
from .init_system import Init
from .kinds import daemontools, rc_local, runit, supervisord, systemd, upstart

_FILES = (systemd, supervisord, runit, daemontools, rc_local, upstart)

#: By the value of `xitrum_supervisor`.
SUPERVISORS: dict[str, Supervisor] = {file.SUPERVISOR.name: file.SUPERVISOR for file in _FILES}

#: What a host has where the inventory sets nothing.
DEFAULT = "systemd"

#: Those whose instances do not see the homes of users.
HIDING_HOMES = tuple(kind for kind, supervisor in SUPERVISORS.items() if supervisor.hides_homes)

#: The option of a module that takes a supervisor.
OPTION = {"type": "str", "default": DEFAULT, "choices": sorted(SUPERVISORS)}


def find_defined(host: Any, name: str) -> dict[str, set[int]]:
    """The instances that each supervisor would start at boot: kind to their numbers; those without any are left out."""
    found = {kind: supervisor.list_defined(host, name) for kind, supervisor in SUPERVISORS.items()}
    return {kind: indices for kind, indices in found.items() if indices}


def find_leftovers(host: Any, name: str) -> dict[str, list[str]]:
    """The supervisors that have anything of the application: kind to the paths, the marks left out."""
    found = {kind: supervisor.list_leftovers(host, name) for kind, supervisor in SUPERVISORS.items()}
    return {kind: paths for kind, paths in found.items() if paths}


def find_unused(host: Any, name: str, keep: Collection[str] = ()) -> dict[str, list[str]]:
    """The supervisors, but for those to keep, that have something of the application and no instance of it: kind to
    paths."""
    marked = find_defined(host, name)
    return {
        kind: paths for kind, paths in find_leftovers(host, name).items() if kind not in keep and kind not in marked
    }


def find_init_error(kind: str, init: Init, with_version: bool = True) -> str:
    """Why a supervisor cannot start anything at boot on that process 1, as a sentence; empty where it can, or for no
    kind."""
    if kind not in SUPERVISORS:
        return ""
    error = SUPERVISORS[kind].find_init_error(init)
    return error or (SUPERVISORS[kind].find_init_version_error(init) if with_version else "")
