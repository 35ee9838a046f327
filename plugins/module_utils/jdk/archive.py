# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JDK out of an archive: fetched once, unpacked under another name, verified by running it, and then in its place.

The download and the unpacking are those of the package (`package_source`). The folder of a JDK reports in MARKER which
archive it is from; folder and marker come into their place by one rename,
so a killed run leaves no JDK that seems complete.
"""

from __future__ import annotations

import posixpath
import re
import tarfile
import zlib
from typing import Any

from ..core import partial_folder, urls
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import RUN, Draft, Plan, Row
from ..package import source as package_source
from . import alternatives
from . import component as jdk
from .component import FOLDER, MARKER, PART, parse_major, parse_version_output
from .fetch import obtain, verify_digest

SourceError = package_source.SourceError

NAME = "jdk_archive"

SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "version": {"type": "int", "default": 0},
    "architecture": {"type": "str"},
    "sha256": {"type": "str", "default": ""},
    "unverified": {"type": "bool", "default": False},
    "absent": {"type": "list", "elements": "str", "default": []},
    "source": {"type": "str"},
    "headers": {"type": "dict", "no_log": True},
    "timeout": {"type": "int", "default": 30},
    "validate_certs": {"type": "bool", "default": True},
    "download": {"type": "str", "choices": ["controller", "hosts"], "default": "controller"},
    "cache": {"type": "path", "default": "~/.cache/xitrum.host"},
    "archive": {"type": "path"},
}

#: e_machine of an ELF header, as the kernel names the architecture.
MACHINES = {3: "i386", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def parse_elf_architecture(head: bytes) -> str:
    """The architecture in the first 20 bytes of an executable; an empty text where they are not an ELF header."""
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[5] not in (1, 2):
        return ""
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return MACHINES.get(machine, f"ELF machine {machine}")


def find_home(host: Host, folder: str) -> str:
    """The folder of the JDK in what was unpacked: the one nearest to the top. Raises SourceError."""
    found: list[str] = []
    # An archive may hold a JRE next to its JDK.
    for programs in (("bin/java", "bin/javac"), ("bin/java",)):
        def matches(path: str, names: tuple[str, ...] = programs) -> bool:
            return all(host.is_file(f"{path}/{name}") for name in names)
        found = found or package_source.find_folders(folder, matches)
    if len(found) > 1:
        listed = ", ".join(posixpath.relpath(path, folder) for path in found)
        raise SourceError(f"found {len(found)} folders with bin/java in the archive ({listed}); expected one: "
                          "give the archive of one JDK")
    if not found:
        top = package_source.list_visible(package_source.open_only_folders(folder))
        raise SourceError(f"the archive has no bin/java, at its top is {', '.join(top[:8]) or 'nothing'}: "
                          "expected the tar.gz of a JDK for Linux")
    return found[0]


def check(host: Host, home: str, architecture: str, version: int) -> None:
    """Whether a folder is a JDK for this architecture, of this major version (any with 0),
    before it is run. Raises SourceError."""
    found = parse_elf_architecture(host.read_head(f"{home}/bin/java", 20))
    if found != architecture:
        raise SourceError(
            f"bin/java in the archive is {'for ' + found if found else 'not an executable for Linux'}, this host is "
            f"{architecture}: give the archive for this architecture in jdk_archives"
        )
    if not host.is_file(f"{home}/bin/javac"):
        raise SourceError("the archive has bin/java and no bin/javac, so it is a JRE: expected a JDK")
    match = re.search(r'^JAVA_VERSION="([^"]*)"', host.read(f"{home}/release") or "", re.MULTILINE)
    if match and version and parse_major(match.group(1)) != version:
        raise SourceError(
            f"the archive holds a JDK {match.group(1)}, expected {version}: correct jdk_version or the archive"
        )


def verify_version(host: Host, home: str, version: int) -> str:
    """The version text that `java -version` reports. Raises SourceError where it does not run or is another
    version."""
    ran = host.run([f"{home}/bin/java", "-version"])
    result = parse_version_output(ran.err + ran.out)
    if ran.rc != 0 or not result:
        raise SourceError(
            f"java of the archive does not run on this host, it failed with exit code {ran.rc}: "
            f"{(ran.err or ran.out).strip()[-500:]}. Give an archive that is made for this distribution"
        )
    if version and parse_major(result) != version:
        raise SourceError(
            f"java of the archive reports it is {result}, expected {version}: correct jdk_version or the archive"
        )
    return result


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is there of the JDK that is desired, of those that are to go, and of runs that were killed."""
    home, running = f"{FOLDER}/{desired['name']}", jdk.read_executables(host) if desired["absent"] else {}
    there = bool(desired["name"]) and host.exists(home)
    return {
        "home": home if desired["name"] else "", "there": there, "marker": host.read(f"{home}/{MARKER}"),
        "reported_version": jdk.read_version(host, home, "", {}) if there else "",
        "compiler": host.exists(f"{home}/bin/javac"),
        "leftovers": jdk.find_leftovers(host), "homes": jdk.find_homes(host),
        "absent": {name: jdk.read_absent(host, name, running) for name in desired["absent"]
                   if re.fullmatch(jdk.FOLDER_NAME, name) and host.exists(f"{FOLDER}/{name}")},
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides whether the archive is unpacked, and what goes."""
    home = state["home"]
    result = Draft(facts={"home": home, "reported_version": state["reported_version"], "needed": False})
    result.errors += jdk.find_absent_errors(desired, state)
    if home:
        architectures = {desired["architecture"]: desired["sha256"]}
        result.errors += jdk.find_archive_errors(
            {**desired, "archives": architectures},
            {**state, "sha256": desired["sha256"], "machine": {"architecture": desired["architecture"]}})
        reported = state["reported_version"]
        whole = reported and state["compiler"] and desired["version"] in (0, parse_major(reported))
        if not whole:
            result.facts["needed"] = True
            result.actions.append(("unpack", home))
        result.rows.append(
            Row(
                "jdk",
                "version",
                str(desired["version"] or "any"),
                state["homes"].get(home, ""),
                state["reported_version"],
                "ok" if whole else "drift",
                "" if whole else f"{home} has no such JDK that runs",
                "" if whole else RUN,
            )
        )
    result.actions += [("remove", f"{FOLDER}/{name}") for name in state["absent"]]
    result.actions += [("clean", path) for path in state["leftovers"]]
    before = {*state["homes"], *state["leftovers"]}
    gone = {path for action, path in result.actions if action != "unpack"}
    result.before = "".join(f"{path}\n" for path in sorted(before))
    result.after = "".join(f"{path}\n" for path in sorted((before | {home} if home else before) - gone))
    return result.plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Unpacks, removes and cleans up. What the new java reports is the result `reported`. Raises SourceError, OSError
    or RuntimeError. Where the controller has yet to send the archive, it does nothing."""
    desired, found, needed = plan.desired, "", plan.facts["needed"]
    if needed and desired["download"] == "controller" and not desired["archive"]:
        return Applied()
    archive, temporary = obtain_archive(host, desired) if needed else ("", False)
    for action, path in plan.actions:
        if action == "unpack":
            found = unpack(host, archive, verify_digest(archive, desired["sha256"]), desired)
        elif action == "clean":
            host.remove(path)
        else:
            leaving = {**jdk.build_desired_alternatives(path), "state": "absent", "unregister_all": True}
            alternatives.apply(host, alternatives.plan(leaving, alternatives.read(host, leaving)))
            remove(host, path)
    if temporary:
        host.remove(archive)
    return Applied({"reported_version": found} if found else {})


def obtain_archive(host: Host, desired: Desired) -> tuple[str, bool]:
    """The archive on this host, and whether it may be removed after it was unpacked. Raises SourceError."""
    if desired["archive"]:
        return desired["archive"], False
    if not desired["source"]:
        raise SourceError("source is required: the archive's URL, or its path on this host")
    cache = host.make_absolute(desired["cache"])
    path, _sha256 = obtain(desired["source"], desired["sha256"], desired["headers"], cache, desired["timeout"],
                           desired["validate_certs"])
    return path, path.startswith(cache + "/")


def unpack(host: Host, archive: str, sha256: str, desired: dict[str, Any]) -> str:
    """Unpacks the archive into its place. Returns what java reports. Raises SourceError."""
    # Of this run alone: a module that outlives its controller would rename what the next run has begun.
    final, part = f"{FOLDER}/{desired['name']}", f"{FOLDER}/{partial_folder.make_hidden_name(desired['name'], PART)}"
    for left in jdk.find_leftovers(host):
        host.remove(left)
    host.make_directory(part)
    with host.hold_folder(part):
        return install(host, archive, sha256, desired, final, part)


def install(host: Host, archive: str, sha256: str, desired: dict[str, Any], final: str, part: str) -> str:
    """Unpacks the archive into `part`, verifies it, and renames it to `final`.
    Returns what java reports. Raises SourceError."""
    try:
        try:
            package_source.unpack(archive, part)
        except SourceError as error:
            # What it advises is for a package.
            raise SourceError(
                f"{str(error).partition(': ')[0].replace(archive, 'the archive')}: it is refused. Download it again "
                f"from its vendor"
            ) from error
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(
                f"the archive cannot be unpacked ({error}): expected a whole tar.gz, fetch it again"
            ) from error
        home = find_home(host, part)
        check(host, home, desired["architecture"], desired["version"])
        version_found = verify_version(host, home, desired["version"])
        host.write(f"{home}/{MARKER}", sha256 + "\n")
        # The rename must not reach the disk before the files do.
        host.sync()
        if host.exists(final):
            host.remove(f"{part}.old")
            host.rename(final, f"{part}.old")
        host.rename(home, final)
        return version_found
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


def _prepare(host: Host, desired: Desired) -> Desired:
    architecture = desired["architecture"] or host.read_architecture()
    return {**desired, "sha256": desired["sha256"].lower(), "architecture": architecture}


def _list_secrets(desired: Desired) -> set[str]:
    return set(urls.find_credentials(desired["source"] or ""))


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    if isinstance(error, SourceError):
        return f"{plan.facts['home']}: {error}"
    return f"the JDKs below {FOLDER} could not be changed: {error}. Run again when that is fixed"


def _render_header(_desired: Desired) -> str:
    return FOLDER


EXECUTION = Execution(
    quiet=True,
    secrets=_list_secrets,
    prepare=_prepare,
    describe=_describe_failure,
    header=_render_header,
)
