# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container with the newest ansible-core, from which the hosts of a fleet are reached as from this machine."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from tests.fleet import hosts, image
from tests.fleet.engine import CLONE, attempt, get_client, run, translate_engine_errors

FLEET = "newest"
NAME = hosts.name_container(FLEET, "controller")
SUITE = "trixie"
LOCK = CLONE / "requirements-newest.lock"
_RECIPE = Path(__file__).parent / "image"
_FAMILY = "controller"
# Debian 13 has Python 3.13 and glibc 2.41.
_PYTHON = "3.13"
_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_DEPRECATION = "[DEPRECATION WARNING]"


@translate_engine_errors()
def start() -> None:
    """Start the controller, of an image that is built only where its inputs changed. One that runs is replaced."""
    name = image.build_once(_FAMILY, SUITE, [*_RECIPE.iterdir(), LOCK], _fill_context)
    hosts.remove({NAME})
    api = get_client().api
    # The clone is read only, at its own path: that is where the inventory states that the keys are.
    host_config = api.create_host_config(network_mode="host", init=True, binds=[f"{CLONE}:{CLONE}:ro"])
    api.create_container(name, name=NAME, labels=hosts.make_labels(FLEET, "controller"), host_config=host_config)
    api.start(NAME)


def execute(*command: str, folder: str = "/root", environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and all output of a command in the controller: 1 where it succeeded with a deprecation warning."""
    # As a login shell has it: the engine sets the folder, and not the variable.
    code, out, err = attempt(NAME, *command, folder=folder, environment={"PWD": folder, **(environment or {})})
    found = find_deprecations(out + err)
    text = out + err + "".join(f"deprecated for the newest ansible-core: {line}\n" for line in found)
    return code or int(bool(found)), text


def find_deprecations(text: str) -> list[str]:
    """The deprecation warnings that Ansible printed, each once, in the order in which they came."""
    lines = (line[line.index(_DEPRECATION):].strip() for line in text.splitlines() if _DEPRECATION in line)
    return list(dict.fromkeys(lines))


def _fill_context(folder: Path) -> None:
    """Fill a folder with what the image is built of. The packages come the way on which pip reaches its index on this machine."""
    shutil.copytree(_RECIPE, folder, dirs_exist_ok=True)
    packages = folder / "packages"
    packages.mkdir()
    shutil.copy(LOCK, packages)
    digits = _PYTHON.replace(".", "")
    run(
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", str(LOCK),
        "--only-binary", ":all:", "--python-version", _PYTHON, "--implementation", "cp",
        *(f"--abi={abi}" for abi in (f"cp{digits}", "abi3", "none")),
        *(f"--platform={libc}_{platform.machine()}" for libc in _PLATFORMS), "--dest", str(packages),
    )  # fmt: skip
