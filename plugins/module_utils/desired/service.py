# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired definition of an application's service: the files of its supervisor. Pure but for templates."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, NamedTuple

from ..supervisor.contract import fill
from ..supervisor.table import SUPERVISORS
from .inputs import Controller, Inputs

#: Folders of which ProtectHome= of systemd shows nothing.
HIDDEN = re.compile("-?/(home|root|run/user)/")

#: Below this folder systemd makes a missing log folder itself.
LOGS = "/var/log/"


class Service(NamedTuple):
    """The options of the component `service`, and the digest of the definition."""

    options: dict[str, Any]
    digest: str


def needs_low_port(inputs: Inputs) -> bool:
    """Return whether an instance listens on a port that the kernel keeps for root."""
    return inputs.get_number("xitrum_http_port") < 1024 or (
        "xitrum_tls_certificate" in inputs and inputs.get_number("xitrum_https_port") < 1024
    )


def build_service(inputs: Inputs, controller: Controller) -> Service:
    """Return the definition of the service.

    Its digest is part of it and so of the environment of what it starts: a process that an older definition started
    shows in its environment. The digest is of the files of one instance, or another instance would be another digest.
    """
    kind, name = inputs["supervisor_kind"], inputs["xitrum_name"]
    version = str(inputs["supervisor_supervisord_version"]) if SUPERVISORS[kind].on_pypi else ""
    files = SUPERVISORS[kind].list_files({"log_dir": inputs["xitrum_log_dir"], "supervisord_version": version})
    values = build_template_values(inputs)

    @lru_cache(maxsize=None)
    def render(templates: str, index: int) -> str:
        own = {**values, "index": index}
        return "".join(controller.render("supervisor", template, own) for template in templates.split())

    digest = hashlib.sha256("".join(render(item.template, 0) for item in files).encode()).hexdigest()[:12]
    found = [
        {
            "path": fill(item.path, name=name, index=index),
            "content": render(item.template, index).replace("@DIGEST@", digest),
            "mode": item.mode,
        }
        for item in files
        for index in range(inputs.places if "{index}" in item.path else 1)
    ]
    options = {
        "name": name,
        "supervisor": kind,
        "instances": inputs.places,
        "nofile": inputs.get_number("xitrum_nofile"),
        "low_port": needs_low_port(inputs),
        "supervisord_version": version,
        "files": found,
    }
    return Service(options, digest)


def build_template_values(inputs: Inputs) -> dict[str, Any]:
    """Return what the templates of the role `supervisor` need in addition to its public variables."""
    logs = inputs["xitrum_log_dir"]
    folders = [inputs["xitrum_root"], logs, *inputs["supervisor_writable_paths"]]
    return {
        "home": f"/etc/{inputs['xitrum_name']}-{inputs['supervisor_kind']}",
        # Empty where systemd does not make the log folder.
        "log_name": logs[len(LOGS) :] if logs.startswith(LOGS) else "",
        # Folders of the application that ProtectHome= would hide from it.
        "hidden": [path for path in folders if HIDDEN.match(path)],
        "low_port": needs_low_port(inputs),
        "program_options": build_program_options(inputs),
    }


def build_program_options(inputs: Inputs) -> dict[str, Any]:
    """Return the options of supervisord's [program:...] section: the guide's, and those that the contract needs."""
    return {
        "directory": inputs["xitrum_root"],
        "user": inputs["xitrum_user"],
        "autostart": True,
        "autorestart": True,
        "startsecs": 3,
        "startretries": inputs["supervisor_restart_limit"],
        "stopsignal": "TERM",
        "stopwaitsecs": inputs["xitrum_stop_timeout"],
        "stopasgroup": True,
        "killasgroup": True,
        "redirect_stderr": True,
        "stdout_logfile_maxbytes": inputs["supervisor_log_max_bytes"],
        "stdout_logfile_backups": inputs["supervisor_log_backups"],
        "stdout_capture_maxbytes": "1MB",
        "stdout_events_enabled": False,
        "environment": 'PATH="/usr/local/bin:/usr/bin:/bin"',
    }
