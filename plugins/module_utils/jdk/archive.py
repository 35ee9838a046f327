# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JDK out of an archive: fetched once, unpacked under another name, proved by running it, and only then in its place.

The download and the unpacking are those of the package (C(package_source)). The folder of a JDK says in MARKER which
archive it is from; folder and marker come into their place by one rename, so a killed run leaves no JDK that looks whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core import partial_folder
from ..core.host import LONG_SECONDS, Host
from ..core.local_files import sha256_of
from ..core.plan import RUN, Plan, Row
from ..package import source as package_source
from . import alternatives
from . import component as jdk
from .component import FOLDER, MARKER, PART, major, version_said

SourceError = package_source.SourceError

SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "version": {"type": "int", "default": 0},
    "architecture": {"type": "str"},
    "sha256": {"type": "str", "default": ""},
    "unverified": {"type": "bool", "default": False},
    "absent": {"type": "list", "elements": "str", "default": []},
}

#: e_machine of an ELF header, as the kernel names the architecture.
MACHINES = {3: "i386", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def elf_architecture(head: bytes) -> str:
    """The architecture in the first 20 bytes of an executable; an empty text where they are no ELF header."""
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[5] not in (1, 2):
        return ""
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return MACHINES.get(machine, f"ELF machine {machine}")


def home_in(folder: str) -> str:
    """The folder of the JDK in what was unpacked: the one nearest to the top. Raises SourceError."""
    found: list[str] = []
    # An archive may hold a JRE beside its JDK.
    for programs in (("bin/java", "bin/javac"), ("bin/java",)):
        def matches(path: str, names: tuple[str, ...] = programs) -> bool:
            return all(os.path.isfile(f"{path}/{name}") for name in names)
        found = found or package_source.find_folders(folder, matches)
    if len(found) > 1:
        listed = ", ".join(os.path.relpath(path, folder) for path in found)
        raise SourceError(f"found {len(found)} folders with bin/java in the archive ({listed}); expected one: "
                          "give the archive of one JDK")
    if not found:
        top = package_source.visible(package_source.open_only_folders(folder))
        raise SourceError(f"the archive has no bin/java, at its top is {', '.join(top[:8]) or 'nothing'}: "
                          "expected the tar.gz of a JDK for Linux")
    return found[0]


def check(home: str, architecture: str, version: int) -> None:
    """Whether a folder is a JDK for this architecture, of this major version (any with 0), before it is run. Raises SourceError."""
    with open(f"{home}/bin/java", "rb") as handle:
        found = elf_architecture(handle.read(20))
    if found != architecture:
        raise SourceError(f"bin/java in the archive is {'for ' + found if found else 'no executable for Linux'}, this host is {architecture}: "
                          "give the archive for this architecture in jdk_archives")
    if not os.path.isfile(f"{home}/bin/javac"):
        raise SourceError("the archive has bin/java and no bin/javac, so it is a JRE: wanted is a JDK")
    try:
        with open(f"{home}/release", encoding="utf-8", errors="surrogateescape") as handle:
            said = re.search(r'^JAVA_VERSION="([^"]*)"', handle.read(), re.MULTILINE)
    except FileNotFoundError:
        said = None
    if said and version and major(said.group(1)) != version:
        raise SourceError(f"the archive holds a JDK {said.group(1)}, wanted is {version}: correct jdk_version or the archive")


def prove(host: Host, home: str, version: int) -> str:
    """The version text that C(java -version) says. Raises SourceError where it does not run or is another version."""
    ran = host.run([f"{home}/bin/java", "-version"])
    said = version_said(ran.err + ran.out)
    if ran.rc != 0 or not said:
        raise SourceError(f"java of the archive does not run on this host, it ended with {ran.rc}: {(ran.err or ran.out).strip()[-500:]}. "
                          "Give an archive that is made for this distribution.")
    if version and major(said) != version:
        raise SourceError(f"java of the archive says it is {said}, wanted is {version}: correct jdk_version or the archive")
    return said


def obtain(
    source: str, sha256: str, headers: dict[str, str] | None, cache: str, timeout: int, validate_certs: bool
) -> tuple[str, str]:
    """The path of the archive on this machine and its SHA-256. Raises SourceError. C(sha256): empty for any."""
    if not re.match(r"https?://", source, re.IGNORECASE):
        if "://" in source:
            raise SourceError(f"{package_source.shown(source)}: an archive comes from a path, or an http or https URL; "
                              "fetch it by other means first")
        path = os.path.abspath(os.path.expanduser(source))
        if not os.path.isfile(path):
            raise SourceError(f"there is no archive at {path}: give the path of a tar.gz, or an http or https URL")
        return path, verified(path, sha256)
    with alone(os.path.join(cache, "archives")) as folder:
        if sha256:
            return package_source.download(source, sha256, headers, cache, timeout, validate_certs), sha256
        return download_unverified(source, headers, folder, timeout, validate_certs)


def verified(path: str, sha256: str) -> str:
    """The SHA-256 of a file. Raises SourceError where it is not the wanted one."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}): let the user who runs Ansible read it") from error
    if sha256 and found != sha256:
        raise SourceError(f"the SHA-256 of {path} is {found}, wanted is {sha256}: fetch the archive again, or correct the checksum")
    return found


@contextmanager
def alone(folder: str) -> Iterator[str]:
    """The folder of archives, for one process at a time: the hosts of a play would all fetch the same archive."""
    package_source.tidy(folder)
    with Host().locked(os.path.join(folder, ".lock"), LONG_SECONDS):
        yield folder


def download_unverified(
    source: str, headers: dict[str, str] | None, folder: str, timeout: int, validate_certs: bool
) -> tuple[str, str]:
    """An archive without a known checksum: kept under its URL, so that it too is fetched once. Path and SHA-256."""
    path = os.path.join(folder, "unverified-" + hashlib.sha256(source.encode()).hexdigest())
    if not os.path.exists(path):
        handle, part = tempfile.mkstemp(prefix=package_source.PART, dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                package_source.receive(source, headers, timeout, validate_certs, out)
            os.rename(part, path)
        finally:
            if os.path.exists(part):
                os.unlink(part)
    return path, sha256_of(path)


def read(host: Host, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is there of the JDK that is wanted, of those that are to go, and of runs that were killed."""
    home, running = f"{FOLDER}/{wanted['name']}", jdk.executables(host) if wanted["absent"] else {}
    there = bool(wanted["name"]) and host.exists(home)
    return {
        "home": home if wanted["name"] else "", "there": there, "marker": host.read(f"{home}/{MARKER}"),
        "said": jdk.version_of(host, home, "", {}) if there else "", "compiler": host.exists(f"{home}/bin/javac"),
        "leftovers": jdk.leftovers(host), "homes": jdk.homes(host),
        "absent": {name: jdk.read_absent(host, name, running) for name in wanted["absent"]
                   if re.fullmatch(jdk.NAME, name) and host.exists(f"{FOLDER}/{name}")},
    }


def plan(wanted: dict[str, Any], state: dict[str, Any]) -> Plan:
    """Decides whether the archive is unpacked, and what goes."""
    home = state["home"]
    result = Plan(facts={"home": home, "said": state["said"], "needed": False})
    result.problems += jdk.absent_problems(wanted, state)
    if home:
        architectures = {wanted["architecture"]: wanted["sha256"]}
        result.problems += jdk.archive_problems(
            {**wanted, "archives": architectures},
            {**state, "sha256": wanted["sha256"], "machine": {"architecture": wanted["architecture"]}})
        whole = state["said"] and state["compiler"] and wanted["version"] in (0, major(state["said"]))
        if not whole:
            result.facts["needed"] = True
            result.actions.append(("unpack", home))
        result.rows.append(Row("jdk", "version", str(wanted["version"] or "any"), state["homes"].get(home, ""), state["said"],
                               "ok" if whole else "differs", "" if whole else f"{home} has no such JDK that runs", "" if whole else RUN))
    result.actions += [("remove", f"{FOLDER}/{name}") for name in state["absent"]]
    result.actions += [("clean", path) for path in state["leftovers"]]
    before = {*state["homes"], *state["leftovers"]}
    gone = {path for action, path in result.actions if action != "unpack"}
    result.before = "".join(f"{path}\n" for path in sorted(before))
    result.after = "".join(f"{path}\n" for path in sorted((before | {home} if home else before) - gone))
    return result


def apply(host: Host, wanted: dict[str, Any], planned: Plan, archive: str) -> str:
    """Unpacks, removes and cleans up. Raises SourceError, OSError, RuntimeError. Returns what the new java says, or an empty text."""
    said = ""
    for action, path in planned.actions:
        if action == "unpack":
            said = unpack(host, archive, verified(archive, wanted["sha256"]), wanted)
        elif action == "clean":
            host.remove(path)
        else:
            leaving = {**jdk.alternatives_wanted(path), "state": "absent", "unregister_all": True}
            state = alternatives.read(host, leaving)
            alternatives.apply(host, state, alternatives.plan(leaving, state))
            remove(host, path)
    return said


def unpack(host: Host, archive: str, sha256: str, wanted: dict[str, Any]) -> str:
    """Unpacks the archive into its place. Returns what java says. Raises SourceError."""
    # Of this run alone: a module that outlives its controller would rename what the next run has begun.
    final, part = f"{FOLDER}/{wanted['name']}", f"{FOLDER}/{partial_folder.name_for(wanted['name'], PART)}"
    for left in jdk.leftovers(host):
        host.remove(left)
    host.make_directory(part)
    with partial_folder.hold(part):
        return install(host, archive, sha256, wanted, final, part)


def install(host: Host, archive: str, sha256: str, wanted: dict[str, Any], final: str, part: str) -> str:
    """Unpacks the archive into C(part), proves it, and renames it to C(final). Returns what java says. Raises SourceError."""
    try:
        try:
            package_source.unpack(archive, part)
        except SourceError as error:
            # What it advises is for a package.
            raise SourceError(f"{str(error).partition(': ')[0].replace(archive, 'the archive')}: it is refused, fetch it again from its maker") from error
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(f"the archive cannot be unpacked ({error}): wanted is a whole tar.gz, fetch it again") from error
        home = home_in(part)
        check(home, wanted["architecture"], wanted["version"])
        said = prove(host, home, wanted["version"])
        host.write(f"{home}/{MARKER}", sha256 + "\n")
        # The rename must not reach the disk before the files do.
        os.sync()
        if host.exists(final):
            host.remove(f"{part}.old")
            host.rename(final, f"{part}.old")
        host.rename(home, final)
        return said
    finally:
        host.remove(part)
        host.remove(f"{part}.old")


def remove(host: Host, home: str) -> None:
    """Removes a JDK: first out of its name, so that a killed run leaves no half of one behind."""
    part = f"{FOLDER}/.{home.rpartition('/')[2]}{PART}"
    host.remove(part)
    host.rename(home, part)
    host.remove(part)
    # Made for the first of them, unless a package has something in there.
    host.remove_empty(FOLDER)
