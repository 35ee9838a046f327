# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of each supervisor as data: a template of the role `supervisor`, and where it goes. Pure.

A path with `{index}` is one file for each instance. What starts an instance at boot is a link to one of them, which kinds.py
names: it is made when the instance is first started.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Folders of which ProtectHome= of systemd shows nothing.
HIDDEN = re.compile("-?/(home|root|run/user)/")

#: Below this folder systemd makes a missing log folder itself.
LOGS = "/var/log/"


class File(NamedTuple):
    """A file of a supervisor's definition: the name of its template, its path, and its mode."""

    template: str
    path: str
    mode: str = "0644"


#: The script that makes a missing log folder.
LOG_FOLDER = File("log_folder", "{home}/log_folder", "0755")

_SCANNED = (
    File("run", "{home}/{index}/run", "0755"),
    File("output", "{home}/{index}/log/run", "0755"),
    LOG_FOLDER,
    File("scan", "{home}/scan", "0755"),
    File("scanner", "/etc/systemd/system/{name}-{kind}.service"),
)

LAYOUTS: dict[str, tuple[File, ...]] = {
    "systemd": (File("systemd", "/etc/systemd/system/{name}@.service"),),
    "supervisord": (
        File("run", "{home}/run", "0755"),
        File("supervisord_limits", "/etc/supervisor/conf.d/{name}.conf"),
        # The options of a program may hold secrets: its environment.
        File("supervisord", "{home}/{index}.conf", "0600"),
        LOG_FOLDER,
        File("log_path", "/etc/systemd/system/{name}-logs.path"),
        File("log_service", "/etc/systemd/system/{name}-logs.service"),
    ),
    "runit": _SCANNED,
    "daemontools": _SCANNED,
    "rc.local": (
        File("run", "{home}/run", "0755"),
        LOG_FOLDER,
        File("rc_local_start", "{home}/start", "0755"),
        File("rc_local_boot", "{home}/boot", "0755"),
        File("logrotate", "/etc/logrotate.d/{name}-rc.local"),
    ),
    "upstart": (File("upstart", "/etc/init/{name}-{index}.conf"),),
}

#: What the distribution's package of supervisord would bring, where it comes from PyPI.
FROM_PYPI = (
    File("supervisord_main", "/etc/supervisor/supervisord.conf"),
    File("supervisord_unit", "/etc/systemd/system/supervisor.service"),
)


def home(name: str, kind: str) -> str:
    """Return the folder of an application's definition."""
    return f"/etc/{name}-{kind}"


def log_name(log_dir: str) -> str:
    """Return the log folder below /var/log, where systemd makes it itself; an empty text elsewhere."""
    return log_dir[len(LOGS) :] if log_dir.startswith(LOGS) else ""


def files_of(kind: str, log_dir: str, from_pypi: bool) -> tuple[File, ...]:
    """Return the files of a supervisor. log_dir: the application's log folder."""
    found = LAYOUTS[kind]
    if kind == "systemd" and not log_name(log_dir):
        found += (LOG_FOLDER,)
    return found + (FROM_PYPI if from_pypi else ())
