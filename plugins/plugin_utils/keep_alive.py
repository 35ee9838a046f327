# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether SSH gives up a host that no longer answers. Without that a task on a host that was paused or lost waits for
ever.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader

#: The options that the clone's ansible.cfg has: a host that answers nothing for a minute is lost.
ADVICE = "-o ServerAliveInterval=10 -o ServerAliveCountMax=6"

#: Seconds for a program that only reads its configuration.
SECONDS = 10

NAMES = ("ssh", "smart", "ansible.builtin.ssh")


def find_note(host: str, variables: Mapping[str, Any]) -> str:
    """A sentence where SSH to a host never gives up, an empty text where it does, and where OpenSSH does not report it.

    `variables` are those of the host. OpenSSH is queried, so that its own configuration files count.
    """
    arguments: Mapping[str, Any] = context.CLIARGS or {}
    connection = variables.get("ansible_connection") or arguments.get("connection") or constants.DEFAULT_TRANSPORT
    if connection not in NAMES:
        return ""
    try:
        words = [
            _read_option("ssh_executable", variables) or "ssh",
            "-G",
            *(
                word
                for name in ("ssh_args", "ssh_common_args", "ssh_extra_args")
                for word in shlex.split(_read_option(name, variables))
            ),
            str(variables.get("ansible_host") or host),
        ]
        ran = subprocess.run(
            words, capture_output=True, text=True, check=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except (AnsibleError, OSError, ValueError, subprocess.SubprocessError):
        return ""
    if is_kept_alive(ran.stdout) is not False:
        return ""
    return (
        "SSH waits forever for a host that no longer answers: found no ServerAliveInterval. Set one, such as "
        f"ssh_args = -o ControlMaster=auto -o ControlPersist=60s {ADVICE} below [ssh_connection] in your ansible.cfg"
    )


def _read_option(name: str, variables: Mapping[str, Any]) -> str:
    """An option of the connection plugin: a variable of the host, the command line, or Ansible's settings."""
    arguments: Mapping[str, Any] = context.CLIARGS or {}
    given = variables.get(f"ansible_{name}") or arguments.get(name)
    if not given:
        # It has its options once it was loaded.
        connection_loader.get("ssh", class_only=True)
        given = constants.config.get_config_value(name, plugin_type="connection", plugin_name="ssh")
    return str(given or "")


def is_kept_alive(text: str) -> bool | None:
    """Whether the configuration that `ssh -G` prints has an interval; None where it reports nothing of one."""
    found = dict(line.partition(" ")[::2] for line in text.lower().splitlines())
    value = found.get("serveraliveinterval", "")
    return value != "0" if value else None
