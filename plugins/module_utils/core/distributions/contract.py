# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of a family of distributions, and what a row of the table of distributions has.

A family is what shares a package manager, the names of packages and paths. Each is one file next to this one.
"""

from __future__ import annotations

import abc
import re
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

#: Where all of them have their JDKs.
JDK_FOLDER = "/usr/lib/jvm"


@dataclass(frozen=True)
class Family(abc.ABC):
    """Differences between families of distributions. One that lacks a method cannot be made."""

    #: What it is called: by its file, and by its tasks in the role `packages`.
    name: str
    #: The programs that show which family's package manager a host has: one that lists, one that removes.
    query_program: str
    manager_program: str
    #: What switches commands such as java, and where it keeps what it knows.
    alternatives_program: str
    alternatives_folder: str
    #: The package that has ss, for a note, and those that a virtual environment of Python takes.
    ss_package: str
    venv_packages: tuple[str, ...]

    @abc.abstractmethod
    def filter_installed(self, host: Any, names: Sequence[str]) -> set[str]:
        """Those of these packages that are installed."""

    @abc.abstractmethod
    def choose_removable(self, host: Any, names: Sequence[str]) -> dict[str, Any]:
        """Which of these installed packages can go, with what came with them:
        `removed`, and `kept` (name to reason)."""

    @abc.abstractmethod
    def remove_command(self, names: Sequence[str]) -> list[str]:
        """The command that removes packages."""

    @abc.abstractmethod
    def list_jdk_packages(self, version: int) -> list[str]:
        """The packages of a full JDK without a desktop: jcmd and javac come with it."""

    @abc.abstractmethod
    def get_jdk_home(self, version: int, architecture: str) -> str:
        """Where the package puts that JDK. `architecture` is as `uname -m` prints it."""

    @abc.abstractmethod
    def list_offered_jdks(self, host: Any) -> set[int]:
        """The versions of JDKs in the lists that the package manager has; none where it has no list."""


@dataclass(frozen=True)
class Distribution:
    """A distribution, or one and its rebuilds, which share releases, packages and defaults."""

    #: What the collection calls it, and what a person does.
    name: str
    title: str
    family: Family
    #: The minimum supported version, and the major versions that the project's own tests run on.
    oldest: tuple[int, ...]
    #: The newest long-term JDK that a release had when it came out, for hosts whose package manager has no lists yet.
    jdks: Mapping[str, int]
    tested: tuple[int, ...] = ()
    rebuilds: bool = False

    @property
    def oldest_release(self) -> str:
        """The minimum supported version as the distribution writes it: 9, or 20.04."""
        first, *rest = self.oldest
        return f"{first}{''.join(f'.{part:02}' for part in rest)}"

    def find_newest_jdk(self, release: str) -> int | None:
        """The newest long-term JDK of a release, by its number or the part before its first dot;
        None where the table has none."""
        return self.jdks.get(release) or self.jdks.get(release.split(".", maxsplit=1)[0])


def find_versions(pattern: str, text: str) -> set[int]:
    """The numbers that a pattern with one group finds in lines."""
    return {int(version) for version in re.findall(pattern, text, re.MULTILINE)}


#: A function that lists what would be removed with some packages.
Simulate = Callable[[Sequence[str]], Sequence[str]]
