# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired definition of an application's service: the files of its supervisor. Pure but for templates."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, NamedTuple

from ..supervisor import layout
from .inputs import Controller, Inputs


class Service(NamedTuple):
    """The options of the component `service`, and the digest of the definition."""

    options: dict[str, Any]
    digest: str


def from_pypi(inputs: Inputs) -> bool:
    """Return whether supervisord comes from PyPI instead of the distribution."""
    return inputs["supervisor_kind"] == "supervisord" and len(str(inputs["supervisor_supervisord_version"])) > 0


def low_port(inputs: Inputs) -> bool:
    """Return whether an instance listens on a port that the kernel keeps for root."""
    return inputs.number("xitrum_http_port") < 1024 or (
        "xitrum_tls_certificate" in inputs and inputs.number("xitrum_https_port") < 1024
    )


def service(inputs: Inputs, controller: Controller) -> Service:
    """Return the definition of the service.

    Its digest is part of it and so of the environment of what it starts: a process that an older definition started shows
    in its environment. The digest is of the files of one instance, or another instance would be another digest.
    """
    kind, name = inputs["supervisor_kind"], inputs["xitrum_name"]
    files = layout.files_of(kind, inputs["xitrum_log_dir"], from_pypi(inputs))
    home, values = layout.home(name, kind), template_values(inputs)

    @lru_cache(maxsize=None)
    def render(template: str, index: int) -> str:
        return controller.render("supervisor", template, {**values, "index": index})

    digest = hashlib.sha256("".join(render(item.template, 0) for item in files).encode()).hexdigest()[:12]
    found = [
        {
            "path": item.path.format(home=home, name=name, kind=kind, index=index),
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
        "nofile": inputs.number("xitrum_nofile"),
        "low_port": low_port(inputs),
        "supervisord_version": str(inputs["supervisor_supervisord_version"]) if from_pypi(inputs) else "",
        "files": found,
    }
    return Service(options, digest)


def template_values(inputs: Inputs) -> dict[str, Any]:
    """Return what the templates of the role `supervisor` need beside its public variables."""
    folders = [inputs["xitrum_root"], inputs["xitrum_log_dir"], *inputs["supervisor_writable_paths"]]
    return {
        "home": layout.home(inputs["xitrum_name"], inputs["supervisor_kind"]),
        "log_name": layout.log_name(inputs["xitrum_log_dir"]),
        # Folders of the application that ProtectHome= would hide from it.
        "hidden": [path for path in folders if layout.HIDDEN.match(path)],
        "low_port": low_port(inputs),
        "program_options": program_options(inputs),
    }


def program_options(inputs: Inputs) -> dict[str, Any]:
    """Return the options of supervisord's [program:...] section: the guide's values, and those that the contract needs."""
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
        "stdout_logfile_maxbytes": inputs["supervisor_log_bytes"],
        "stdout_logfile_backups": inputs["supervisor_log_backups"],
        "stdout_capture_maxbytes": "1MB",
        "stdout_events_enabled": False,
        "environment": 'PATH="/usr/local/bin:/usr/bin:/bin"',
    }
