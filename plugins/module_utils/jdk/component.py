# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JDKs on a host: which there are, which one is desired, whether it is what it reports,
and whether the alternatives lead to it.

A JDK is the distribution's, or out of an archive (`jdk_archive`); then its folder has a MARKER with the archive's
SHA-256. Such a folder is never changed:
another archive gets another name, so that what runs keeps its files and one variable switches back.
"""

from __future__ import annotations

import re
from typing import Any

from ..core import partial_folder, process
from ..core.component import NOTHING_SEEN, Desired, Seen
from ..core.distributions import table as distributions
from ..core.distributions.contract import JDK_FOLDER
from ..core.host import Host
from ..core.plan import RUN, BlockingError, Draft, Plan, Row
from . import alternatives
from .version import parse_major, parse_version_output

FOLDER = JDK_FOLDER

#: In the folder of a JDK out of an archive: the SHA-256 of that archive.
MARKER = ".xitrum.host.archive"

#: What follows the name of a folder that is not whole yet, or not whole any more.
PART = ".part"

NAME = "jdk"

#: What the folder of a JDK may be called.
FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]*"

#: Long-term releases: from 17 on, every fourth.
LONG_TERM = (8, 11, *range(17, 100, 4))

SPEC: dict[str, Any] = {
    "version": {"type": "int", "default": 0},
    "name": {"type": "str", "default": ""},
    "archives": {"type": "dict", "default": {}},
    "unverified": {"type": "bool", "default": False},
    "alternatives": {"type": "bool", "default": True},
    "absent": {"type": "list", "elements": "str", "default": []},
}


def find_version(host: Host, machine: dict[str, str]) -> int:
    """The newest long-term release that the distribution has, or 0 where the table has none.

    A host that has one at least as new as the one that its release came with keeps it: lists of packages that were
    fetched since, or a package that the distribution has added, would change the JDK below running applications.
    """
    distribution = distributions.DISTRIBUTIONS.get(machine["distribution"])
    family = distributions.get_family(machine["family"])
    known = (distribution.find_newest_jdk(machine["release"]) if distribution else None) or 0
    homes_of = {version: family.get_jdk_home(version, machine["architecture"]) for version in LONG_TERM}
    installed = max((version for version, home in homes_of.items() if host.exists(f"{home}/bin/javac")), default=0)
    if installed and installed >= known:
        return installed
    return max([known, *(family.list_offered_jdks(host) & set(LONG_TERM))])


def choose_archive_name(desired: dict[str, Any], sha256: str) -> str:
    """The folder name of a JDK out of an archive. It follows the archive, unless the user chose one."""
    return desired["name"] or "-".join(["jdk", str(desired["version"]), *([sha256[:8]] if sha256 else [])])


def find_homes(host: Host) -> dict[str, str]:
    """The JDK and JRE folders below /usr/lib/jvm that have a java, links left out:
    path to version text of its release file."""
    found = {}
    for name in host.listdir(FOLDER):
        path = f"{FOLDER}/{name}"
        if not name.startswith(".") and host.readlink(path) is None and host.exists(f"{path}/bin/java"):
            match = re.search(r'^JAVA_VERSION="([^"]*)"', host.read(f"{path}/release") or "", re.MULTILINE)
            found[path] = match.group(1) if match else ""
    return found


def read_executables(host: Host) -> dict[int, str]:
    """Process id to the file that it runs, of every process whose file may be seen. ` (deleted)` is the kernel's."""
    found = {pid: process.read_if_allowed(host.readlink, f"/proc/{pid}/exe") for pid in process.list_pids(host)}
    return {pid: path for pid, path in found.items() if path}


def find_leftovers(host: Host) -> list[str]:
    """What killed runs left below the folder of JDKs: paths.
    What a module still makes, whose controller may be gone, is none."""
    names = [name for name in partial_folder.find_abandoned(host, FOLDER) if name.endswith((PART, PART + ".old"))]
    return [f"{FOLDER}/{name}" for name in names]


def read_version(host: Host, home: str, release: str, running: dict[int, str]) -> str:
    """The version of the JDK in a folder, verified by running it; an empty text where it does not run.

    A JVM takes 0.1 s to start, so where a process runs on this very file already, it shows that it runs, and
    its release file has the version.
    """
    if not host.exists(f"{home}/bin/java"):
        return ""
    if release and host.realpath(f"{home}/bin/java") in running.values():
        return release
    ran = host.run([f"{home}/bin/java", "-version"])
    return parse_version_output(ran.err + ran.out)


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is there. The component `machine` has to be read before: distribution, release, family, architecture."""
    machine = dict(seen["machine"])
    architecture, running, found = machine["architecture"], read_executables(host), find_homes(host)
    sha256 = (desired["archives"].get(architecture) or "").lower()
    if desired["archives"]:
        version, home = desired["version"], f"{FOLDER}/{choose_archive_name(desired, sha256)}"
    else:
        version = desired["version"] or find_version(host, machine)
        home = distributions.get_family(machine["family"]).get_jdk_home(version, architecture)
    # The Red Hat family's home is a link, so it is not among those listed.
    release = found.get(host.realpath(home), "")
    first = host.realpath("/usr/bin/java")
    return {
        "version": version,
        "home": home,
        "sha256": sha256,
        "homes": found,
        "machine": machine,
        "there": host.exists(home),
        "marker": host.read(f"{home}/{MARKER}"),
        "compiler": host.exists(f"{home}/bin/javac"),
        "reported_version": read_version(host, home, release, running),
        "default": first[: -len("/bin/java")] if host.exists(first) and first.endswith("/bin/java") else "",
        "leftovers": find_leftovers(host),
        "absent": {
            name: read_absent(host, name, running)
            for name in desired["absent"]
            if re.fullmatch(FOLDER_NAME, name) and host.exists(f"{FOLDER}/{name}")
        },
        "alternatives": alternatives.read(host, build_desired_alternatives(home)) if desired["alternatives"] else None,
    }


def read_absent(host: Host, name: str, running: dict[int, str]) -> dict[str, Any]:
    """A JDK that is to go: whether it is out of an archive, and the processes that run on it."""
    home = host.realpath(f"{FOLDER}/{name}")
    return {
        "ours": host.exists(f"{home}/{MARKER}"),
        "pids": sorted(pid for pid, path in running.items() if process.is_under(path, home)),
    }


def build_desired_alternatives(home: str) -> dict[str, Any]:
    """The alternatives of a JDK, as the component `alternatives` takes them."""
    return {"state": "present", "home": home, "commands": list(alternatives.COMMANDS), "priority": 1, "version": 0}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is installed, unpacked, switched and removed: `steps` in their order."""
    machine, version, home = state["machine"], state["version"], state["home"]
    result = Draft(
        facts={
            "home": home,
            "version": version,
            "packages": distributions.get_family(machine["family"]).list_jdk_packages(version),
            "steps": [],
            "homes": state["homes"],
            "default": state["default"],
            "reported_version": state["reported_version"],
            "absent": [],
        }
    )
    result.errors += find_archive_errors(desired, state) if desired["archives"] else find_version_errors(state)
    result.errors += find_absent_errors(desired, state)
    if result.errors:
        return result.plan(desired, state)
    steps = result.facts["steps"]
    there = parse_major(state["reported_version"]) == version and state["compiler"]
    if not there:
        steps.append("unpack" if desired["archives"] else "packages")
    result.rows.append(
        Row(
            "jdk",
            "version",
            desired=str(version),
            configured=state["homes"].get(home, ""),
            effective=state["reported_version"],
            status="ok" if there else "drift",
            why="" if there else f"{home} has no JDK {version} that runs",
            fix="" if there else RUN,
        )
    )
    if desired["alternatives"]:
        plan_alternatives(state, there, result)
    for path in state["leftovers"]:
        result.rows.append(
            Row(
                "jdk", "unfinished", "", path, "", "drift", "a run was killed while it unpacked or removed a JDK", RUN
            )
        )
    for name in state["absent"]:
        result.rows.append(Row("jdk", f"{FOLDER}/{name}", "", "there", "", "drift", "it is in jdk_absent", RUN))
    result.facts["absent"] = sorted(state["absent"])
    if state["leftovers"] or state["absent"]:
        steps.append("remove")
    result.actions = list(steps)
    gone = {f"{FOLDER}/{name}" for name in state["absent"]}
    result.before += "".join(f"{path}\n" for path in sorted(state["homes"]))
    result.after += "".join(f"{path}\n" for path in sorted({*state["homes"], home} - gone))
    return result.plan(desired, state)


def plan_alternatives(state: dict[str, Any], there: bool, result: Draft) -> None:
    """The alternatives. A JDK that is not there yet has none, and packages that are installed change them."""
    planned = alternatives.plan(build_desired_alternatives(state["home"]), state["alternatives"])
    if there:
        result.errors += planned.errors
        result.rows += planned.rows
    else:
        result.errors += alternatives.find_early_errors(state["alternatives"], ("java", "javac", "javap"))
        result.rows += [
            Row(
                "alternatives",
                f"alternative {name}",
                f"{state['home']}/bin/{name} (manual)",
                "",
                state["alternatives"]["commands"][name]["leads"],
                "drift",
                "the JDK is not there yet",
                RUN,
            )
            for name in ("java", "javac", "javap")
            if state["alternatives"]["commands"]
        ]
    if planned.changed or not there:
        result.facts["steps"].append("alternatives")
        result.before, result.after = planned.before, planned.after


def find_version_errors(state: dict[str, Any]) -> list[str]:
    """What keeps the distribution's JDK from being installed."""
    machine = state["machine"]
    return [] if state["version"] else [
        BlockingError(
            f"found no long-term JDK among the packages of {machine['distribution']} {machine['release']}. Update the "
            f"lists of its package manager, or set xitrum_jdk_version to one that this distribution packages",
            rule="host.jdk-version",
        )]


def find_archive_errors(desired: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """What keeps a JDK out of an archive from being unpacked."""
    architecture, sha256, home = state["machine"]["architecture"], state["sha256"], state["home"]
    if not desired["version"]:
        return [BlockingError(
            "jdk_archives needs jdk_version: the major version of the JDK in the archives, such as 17",
            rule="host.jdk-archive-version",
        )]
    if desired["name"] and not re.fullmatch(FOLDER_NAME, desired["name"]):
        return [
            BlockingError(
                f"jdk_name is {desired['name']!r}; expected the name of a folder to create in {FOLDER}, of letters, "
                "digits and . _ + -",
                rule="host.jdk-name",
            )
        ]
    if architecture not in desired["archives"]:
        return [
            BlockingError(
                f"jdk_archives has an archive for {', '.join(sorted(desired['archives']))}, and this host is "
                f"{architecture}: add jdk_archives.{architecture}",
                rule="host.jdk-archive-architecture",
            )
        ]
    if not sha256 and not desired["unverified"]:
        return [
            BlockingError(
                f"jdk_archives.{architecture} has no sha256: set it to the output of sha256sum, or set "
                "jdk_allow_unverified: true",
                rule="host.jdk-archive-unverified",
            )
        ]
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        return [
            BlockingError(
                f"jdk_archives.{architecture}.sha256 is {sha256!r}: expected 64 hexadecimal digits, the output of "
                "sha256sum",
                rule="host.jdk-archive-checksum",
            )
        ]
    if state["there"] and state["marker"] is None:
        return [
            BlockingError(
                f"{home} is there and not from an archive of this role: give the JDK another name in jdk_name, or move "
                "that folder away",
                rule="host.jdk-folder-taken",
            )
        ]
    mark = (state["marker"] or "").strip()
    if mark and sha256 and mark != sha256:
        return [
            BlockingError(
                f"{home} is from the archive with SHA-256 {mark}, expected {sha256}: give the new JDK another name in "
                "jdk_name, and the old one can stay",
                rule="host.jdk-folder-other",
            )
        ]
    return []


def find_absent_errors(desired: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """What keeps a JDK from being removed."""
    errors: list[str] = [
        BlockingError(
            f"jdk_absent contains {name!r}; expected only names of folders in {FOLDER}, without the path",
            rule="host.jdk-absent-name",
        )
        for name in desired["absent"]
        if not re.fullmatch(FOLDER_NAME, name)
    ]
    for name, observed in state["absent"].items():
        if f"{FOLDER}/{name}" == state["home"]:
            errors.append(
                BlockingError(
                    f"{name} is in jdk_absent and is the desired JDK: remove it from jdk_absent, or choose "
                    "another JDK",
                    rule="host.jdk-absent-desired",
                )
            )
        elif not observed["ours"]:
            errors.append(
                BlockingError(
                    f"{FOLDER}/{name} is in jdk_absent and is not from an archive of this role: remove its package "
                    "instead",
                    rule="host.jdk-absent-foreign",
                )
            )
        elif observed["pids"]:
            errors.append(
                BlockingError(
                    f"{FOLDER}/{name} is in jdk_absent and in use by process {', '.join(map(str, observed['pids']))}: "
                    "take it out of jdk_absent, deploy, and remove it when nothing runs on it",
                    rule="host.jdk-absent-used",
                )
            )
    return errors
