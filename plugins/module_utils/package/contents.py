# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packaging task of sbt made, as a list of files:
its manifest, its name by content, and what is wrong with it.

Runs on the controller. Nothing here changes a file.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import stat
from typing import Any

from ..core.local_files import compute_sha256, leads_inside
from ..core.mac_files import is_mac_file
from ..source_tree.build import render_hint

#: Entries at the top that an application writes when it runs where it was built. They are not part of a release:
#: a stale `tmp/routes.cache` hides the routes of a newer one, and each instance on a host has its own.
WRITTEN_AT_RUN_TIME = ("log", "tmp")


def list_files(folder: str) -> tuple[list[str], list[str]]:
    """Every entry below a folder that is not itself a folder, as sorted paths relative to it (empty folders and what
    macOS adds do not travel), and the errors of those that cannot travel. Links to folders are entries, and are not
    followed."""
    found, errors = [], []
    for where, folders, names in os.walk(folder, onerror=lambda error: errors.append(format_read_error(error))):
        folders[:] = [name for name in folders if not is_mac_file(name)]
        names = [name for name in names if not is_mac_file(name)]
        if where == folder:
            folders[:] = [name for name in folders if name not in WRITTEN_AT_RUN_TIME]
        links = [name for name in folders if os.path.islink(os.path.join(where, name))]
        found += [os.path.relpath(os.path.join(where, name), folder) for name in [*names, *links]]
    return sorted(found), errors


def format_read_error(error: OSError) -> str:
    """An operating system's error on a file of the package, as a sentence."""
    return (
        f"{error.filename} cannot be read ({error.strerror}): let the user who runs Ansible read the whole package, "
        "for example chmod -R u+rX"
    )


def build_manifest(folder: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The package's entries in the order of their paths, and its errors.

    A file is `{path, mode, sha256, size}`: `mode` is `0755` where its owner may execute it and `0644` otherwise,
    because umasks and archives differ and a release must not. A link is `{path, link}`.
    """
    paths, errors = list_files(folder)
    # Hashing releases Python's lock, so threads use all processors.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda path: build_entry(folder, path), paths))
    errors += [row for row in rows if isinstance(row, str)]
    return [row for row in rows if isinstance(row, dict)], errors


def build_entry(folder: str, path: str) -> dict[str, Any] | str:
    """One row of the manifest, or the sentence that explains why this path cannot travel."""
    where = os.path.join(folder, path)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return f"{where!r}: the name is not UTF-8: rename it"
    try:
        found = os.lstat(where)
        if stat.S_ISLNK(found.st_mode):
            return link_entry(folder, path)
        if not stat.S_ISREG(found.st_mode):
            return f"{where} is neither a file, a folder nor a link: remove it from the package"
        mode = "0755" if found.st_mode & stat.S_IXUSR else "0644"
        return {"path": path, "mode": mode, "sha256": compute_sha256(where), "size": found.st_size}
    except OSError as error:
        return format_read_error(error)


def link_entry(folder: str, path: str) -> dict[str, str] | str:
    """The row of a symbolic link, or why it would lead nowhere on a host."""
    where = os.path.join(folder, path)
    target = os.readlink(where)
    if os.path.isabs(target) or not leads_inside(folder, where):
        return (
            f"{where} is a symbolic link to {target}, outside of the package: on a host it would lead elsewhere. "
            "Replace the link with the file that it leads to"
        )
    if not os.path.exists(where):
        return f"{where} is a link to {target}, which is not there: build the package again, or remove the link"
    return {"path": path, "link": target}


def compute_release_id(entries: list[dict[str, Any]]) -> str:
    """The release's name: 12 hexadecimal digits of the SHA-256 over path, executable bit and content of every entry.

    Neither the order of the entries nor times, owners or the other mode bits count. JSON keeps the fields apart
    whatever characters a name has.
    """
    digest = hashlib.sha256()
    for row in sorted(entries, key=lambda row: row["path"]):
        fields = ["link", row["path"], row["link"]] if "link" in row else [row["mode"], row["path"], row["sha256"]]
        digest.update(json.dumps(fields).encode() + b"\n")
    return digest.hexdigest()[:12]


def sum_bytes(entries: list[dict[str, Any]]) -> int:
    """The bytes that the files of a manifest take; links take none."""
    return sum(row.get("size", 0) for row in entries)


def filter_jars(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The manifest's rows of `lib/*.jar`. The class path has no jar below another folder."""
    return [
        row
        for row in entries
        if row["path"].startswith("lib/") and row["path"].count("/") == 1 and row["path"].endswith(".jar")
    ]


def find_layout_errors(folder: str, entries: list[dict[str, Any]]) -> list[str]:
    """What `script/runner` needs to start and the package does not have, as sentences."""
    rows = {row["path"]: row for row in entries}
    errors = [
        f"{folder} has no {path}: {format_hint(folder)}"
        for path in ("script/runner", "config/xitrum.conf")
        if path not in rows
    ]
    if rows.get("script/runner", {}).get("mode") == "0644":
        errors.append(f"{folder}/script/runner is not executable: chmod +x it where the package is built")
    if "script/runner" in rows and os.path.isfile(os.path.join(folder, "script/runner")):
        errors += find_runner_errors(os.path.join(folder, "script/runner"))
    if not filter_jars(entries):
        errors.append(f"{folder}/lib has no .jar: {format_hint(folder)}")
    return errors


def find_runner_errors(path: str) -> list[str]:
    """Why a host's kernel would not run a script."""
    try:
        with open(path, "rb") as handle:
            first = handle.readline(256)
    except OSError as error:
        return [format_read_error(error)]
    if not first.startswith(b"#!"):
        return [f"{path} does not begin with #!: it has to be the runner that comes with Xitrum"]
    if first.endswith(b"\r\n"):
        return [
            f"{path} has Windows line ends, so no host finds its interpreter: convert it, for example sed -i "
            f"'s/\\r$//' {path}"
        ]
    return []


def format_hint(folder: str) -> str:
    """What to do about a folder that is not a package: name the package that is inside or around it, if any."""
    for other in ("target/xitrum", "xitrum", ".."):
        near = os.path.normpath(os.path.join(folder, other))
        if os.path.isfile(os.path.join(near, "script/runner")):
            return f"did you mean {near}?"
    how, made = render_hint(folder)
    return f"build the package {how}, and give the folder that it makes, {made}"
