# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a fleet, and the SSH files next to it. Pure functions."""

from __future__ import annotations

import json
import shlex
from typing import Any

HEADER = "# Written by tests/fleet for hosts that run now; replaced at the next start and removed with them.\n"


def render_inventory(hosts: dict[str, dict[str, Any]], groups: dict[str, list[str]], everywhere: dict[str, Any]) -> str:
    """YAML of an inventory: variables of each host, hosts of each group, variables of all hosts."""
    tree: dict[str, Any] = {"all": {"vars": everywhere, "hosts": hosts}}
    if groups:
        tree["all"]["children"] = {group: {"hosts": {name: {} for name in names}} for group, names in groups.items()}
    return HEADER + "---\n" + _render_yaml(tree, 0)


def _render_yaml(tree: dict[str, Any], depth: int) -> str:
    lines = []
    for key, value in tree.items():
        indent = "  " * depth
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{key}:\n{_render_yaml(value, depth + 1)}")
        else:
            # A JSON scalar or list is YAML as well, quoted as it must be.
            lines.append(f"{indent}{key}: {json.dumps(value)}\n")
    return "".join(lines)


def build_ssh_arguments(known_hosts: str, config: str = "", jump: str = "") -> str:
    """SSH options with which only the hosts' own keys are accepted, and only the fleet's key is offered; by way of a host of the file `config`."""
    # ssh reads the value as a list of files: a blank in a path must be quoted for ssh too, not only for the shell.
    options = [f'UserKnownHostsFile="{known_hosts}"', "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
    options += [f"ProxyJump={jump}"] if jump else []
    return " ".join([*([f"-F {shlex.quote(config)}"] if jump else []), *(f"-o {shlex.quote(option)}" for option in options)])


def render_ssh_config(ports: dict[str, int], user: str, key: str, known_hosts: str) -> str:
    """A configuration of SSH for hosts on ports of 127.0.0.1. Only there are options for a jump host found."""
    common = f'    HostName 127.0.0.1\n    User {user}\n    IdentityFile "{key}"\n    IdentitiesOnly yes\n'
    common += f'    UserKnownHostsFile "{known_hosts}"\n    GlobalKnownHostsFile /dev/null\n    StrictHostKeyChecking yes\n'
    return "".join(f"Host {name}\n    Port {port}\n{common}" for name, port in ports.items())


def render_known_hosts(port: int, public_keys: str, address: str = "127.0.0.1") -> str:
    """Lines of a known_hosts file for a host on `address`:`port`, from the text of its `ssh_host_*_key.pub`."""
    keys = [line.split()[:2] for line in public_keys.splitlines() if line.strip()]
    name = address if port == 22 else f"[{address}]:{port}"
    return "".join(f"{name} {kind} {key}\n" for kind, key in keys)
