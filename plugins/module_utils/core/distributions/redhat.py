# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Red Hat family: rpm, dnf, alternatives."""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Sequence

from .contract import JDK_FOLDER, Family, find_versions


class RedHat(Family):
    """Packages by dnf and rpm."""

    def filter_installed(self, host: Any, names: Sequence[str]) -> set[str]:
        return {name for name in names if host.run(["rpm", "--query", "--quiet", name]).rc == 0}

    def choose_removable(self, host: Any, names: Sequence[str]) -> dict[str, Any]:
        return choose_erasable(names, lambda name: parse_needed(host.run(["rpm", "--erase", "--test", name]).err))

    def remove_command(self, names: Sequence[str]) -> list[str]:
        # It refuses where another package needs one of these.
        return ["rpm", "--erase", *names]

    def list_jdk_packages(self, version: int) -> list[str]:
        return [f"java-{_format_version(version)}-openjdk-{part}" for part in ("headless", "devel")]

    def get_jdk_home(self, version: int, architecture: str) -> str:
        return f"{JDK_FOLDER}/java-{_format_version(version)}-openjdk"

    def list_offered_jdks(self, host: Any) -> set[int]:
        names = host.run(["dnf", "--quiet", "--cacheonly", "repoquery", "java-*-openjdk-devel"]).out
        return find_versions(r"^java-(\d+)-openjdk-devel-\d", names)


def _format_version(version: int) -> str:
    """A JDK's version in the names of packages."""
    return "1.8.0" if version == 8 else str(version)


def parse_needed(text: str) -> set[str]:
    """The packages that need what `rpm --erase --test` was to remove."""
    return set(re.findall(r"is needed by \(installed\) (\S+)-[^-\s]+-[^-\s]+$", text, re.MULTILINE))


def choose_erasable(names: Sequence[str], read_needed: Callable[[str], Collection[str]]) -> dict[str, Any]:
    """Which of these packages rpm would erase together: `removed`, and `kept` (name to reason).

    `read_needed(name)` are those that need one.
    """
    needed, kept = {name: set(read_needed(name)) for name in names}, {}
    going = list(names)
    for _unused in names:
        # One that stays keeps those that it needs.
        staying = {name: needed[name] - set(going) for name in going if needed[name] - set(going)}
        kept.update({name: f"{', '.join(sorted(others))} needs it" for name, others in staying.items()})
        going = [name for name in going if name not in staying]
    return {"removed": going, "kept": kept}


FAMILY = RedHat(
    name="redhat",
    query_program="rpm",
    manager_program="rpm",
    alternatives_program="alternatives",
    alternatives_folder="/var/lib/alternatives",
    ss_package="iproute",
    venv_packages=("python3-packaging",),
)
