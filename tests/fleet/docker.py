# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker command, and the names of what this clone makes with it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
CACHE = CLONE / ".cache"

# Two clones on one machine must neither see nor remove each other's hosts.
PREFIX = "xitrum-" + hashlib.sha256(str(CLONE).encode()).hexdigest()[:8]

# Every container and network carries it, with the fleet's name as its value.
LABEL = f"{PREFIX}.fleet"


class FleetError(Exception):
    """What was found, what was wanted, and what to do next: shown without a traceback."""


def run(*command: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Standard output of a command; FleetError with the end of its errors where it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=os.environ | (env or {}))
    if result.returncode != 0:
        tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-15:])
        raise FleetError(f"`{' '.join(command)}` ended with code {result.returncode}:\n{tail}")
    return result.stdout


def docker(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Standard output of `docker ARGUMENTS`."""
    return run("docker", *arguments, stdin=stdin, env=env)


def as_root(*command: str) -> tuple[str, ...]:
    """The command, with sudo in front of it where this process is not root."""
    return command if os.geteuid() == 0 else ("sudo", *command)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Commands that hold the same lock at the same time follow each other."""
    folder = CACHE / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
