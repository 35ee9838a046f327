# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian and what is made of it: apt, dpkg, update-alternatives."""

from __future__ import annotations

import re
from typing import Any, Collection, Sequence

from .contract import JDK_FOLDER, Family, Simulate, find_versions

_APT = ("apt-get", "--quiet", "--assume-yes")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Debian(Family):
    """Packages by apt."""

    def filter_installed(self, host: Any, names: Sequence[str]) -> set[str]:
        shown = host.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]).out
        words = [line.split() for line in shown.splitlines()]
        return {line[0] for line in words if line[1:] == ["installed"]}

    def choose_removable(self, host: Any, names: Sequence[str]) -> dict[str, Any]:
        automatic = host.run(["apt-mark", "showauto"]).out.split()

        def simulate(some: Sequence[str]) -> list[str]:
            return parse_purged(host.run([*_APT, "--simulate", "autoremove", "--purge", *some]).out)

        return compute_removable(names, automatic, simulate)

    def remove_command(self, names: Sequence[str]) -> list[str]:
        options = ["-o", "DPkg::Lock::Timeout=300"]
        return ["env", "DEBIAN_FRONTEND=noninteractive", *_APT, *options, "purge", *names]

    def list_jdk_packages(self, version: int) -> list[str]:
        return [f"openjdk-{version}-jdk-headless"]

    def get_jdk_home(self, version: int, architecture: str) -> str:
        return f"{JDK_FOLDER}/java-{version}-openjdk-{_ARCHITECTURES.get(architecture, architecture)}"

    def list_offered_jdks(self, host: Any) -> set[int]:
        names = host.run(["apt-cache", "pkgnames", "openjdk-"]).out
        return find_versions(r"^openjdk-(\d+)-jdk-headless$", names)


def parse_purged(text: str) -> list[str]:
    """The packages that `apt-get --simulate` would remove, in its order."""
    return re.findall(r"^(?:Purg|Remv) (\S+)", text, re.MULTILINE)


def compute_removable(names: Sequence[str], automatic: Collection[str], simulate: Simulate) -> dict[str, Any]:
    """Which of these packages can go, with what came with them: `removed`, and `kept` (name to reason).

    `automatic` are packages that nobody requested by name; `simulate(names)` are those that would go with these. One
    that would take a package with it that somebody requested stays. Pure, but for what it simulates.
    """
    kept, free = {}, []
    for name in names:
        needed = sorted(set(simulate([name])) - set(names) - set(automatic))
        if needed:
            kept[name] = f"{', '.join(needed)} needs it"
        else:
            free.append(name)
    # What would go without us as well is unmanaged.
    return {"removed": [name for name in simulate(free) if name not in simulate([])] if free else [], "kept": kept}


FAMILY = Debian(
    name="debian",
    query_program="dpkg-query",
    manager_program="apt-get",
    alternatives_program="update-alternatives",
    alternatives_folder="/var/lib/dpkg/alternatives",
    ss_package="iproute2",
    # Its Python comes without venv.
    venv_packages=("python3-venv", "python3-packaging"),
)
