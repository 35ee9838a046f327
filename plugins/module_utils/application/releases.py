# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on a host: immutable folders named by their content, made of what is there already and of what is sent.

`ROOT/releases/ID` exists only when it is whole: it is put together under another name and renamed. Files that an
older release has with the same content become hard links, so a release costs the disk only what changed.
"""

from __future__ import annotations

import errno
import posixpath
import time
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ..core import disk_space, folders, partial_folder, process, schema
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import RUN, BlockingError, Draft, Plan, Row
from . import installed

NAME = "release"

SPEC = {
    "root": {"type": "path", "required": True},
    "release": {"type": "str", "required": True},
    "keep": {"type": "int", "default": 5},
    "group": {"type": "str", "default": "root"},
}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The releases that are there, those in use by a link, and the files that a new one could share."""
    root = desired["root"]
    releases = installed.list_installed(host, root)
    manifest, made = desired.get("manifest"), desired["release"] in releases
    found = read_found(host, desired, releases) if manifest and not made else {}
    linked = set()
    for name in ("current", "previous"):
        linked.add(installed.read_link(host, root, name))
        for number in host.listdir(f"{root}/instances"):
            target = host.readlink(f"{root}/instances/{number}/{name}")
            linked.add(installed.parse_release(f"{root}/instances/{number}/{target}", root) if target else "")
    return {
        "releases": releases,
        "existing": list_contents(host, root, releases) if desired["release"] not in releases else None,
        "linked": sorted(linked & set(releases)),
        # Without a record of ours it is an unmanaged folder.
        "marked": [name for name in releases if host.stat(installed.get_manifest_path(root, name)) is not None],
        "healthy": installed.read_healthy(host, root),
        "current": installed.read_link(host, root, "current"),
        "running": read_running(host, root),
        "commands": read_commands(host, root),
        "partial": partial_folder.find_abandoned(host, f"{root}/releases"),
        "found": found,
        "sent": list_archived_digests(host, desired.get("archive")),
    }


def read_found(host: Host, desired: Desired, releases: Sequence[str]) -> dict[tuple[str, str], str]:
    """The files of releases that are there and that the new one shares: see `shared`. Raises ValueError where one was
    changed since it was verified."""
    manifest, root = desired["manifest"], desired["root"]
    if desired.get("verified") is not None:
        return filter_sealed_files(host, desired["verified"])
    return find_shared_files(
        host, root, releases, {(entry["sha256"], entry["mode"]) for entry in manifest if "sha256" in entry}
    )


def read_running(host: Host, root: str) -> list[str]:
    """The releases that instances run, sorted. What other users work in is not an instance: it would keep a release."""
    rows, found = process.find_processes_under(host, f"{root}/instances"), set()
    for number in host.listdir(f"{root}/instances") if rows else ():
        home = f"{root}/instances/{number}"
        processes = [row for row in rows if process.is_under(row["cwd"], host.realpath(home))]
        found |= {
            installed.parse_release(row["cwd"], root)
            for row in process.filter_processes_of_users(processes, process.list_accounts(host, home))
        }
    return sorted(found)


def read_commands(host: Host, root: str) -> list[str]:
    """The releases that one-off commands run: see `one_off`. What nobody holds was left by one that died."""
    folders_held = (
        name
        for number in host.listdir(f"{root}/runs")
        for name in host.listdir(f"{root}/runs/{number}")
        if host.is_held(f"{root}/runs/{number}/{name}")
    )
    return sorted({name.rpartition("-")[0] for name in folders_held} - {""})


def list_files(host: Host, root: str, release: str) -> list[dict[str, Any]]:
    """The files that a release's manifest lists; none where there is no manifest."""
    return [entry for entry in installed.read_manifest(host, root, release).get("files", []) if "sha256" in entry]


def list_contents(host: Host, root: str, releases: Sequence[str]) -> list[str]:
    """The contents that the releases on a host have by their manifests, as texts of mode and SHA-256, sorted.
    Nobody has read the files for it."""
    return sorted(
        {f"{entry['mode']} {entry['sha256']}" for release in releases for entry in list_files(host, root, release)}
    )


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is uploaded and which old releases go."""
    release = desired["release"]
    result = Draft(facts={
        "releases": state["releases"], "current": state["current"], "kept": find_kept_release(release, state),
        **({"existing": state["existing"]} if state["existing"] is not None else {}),
    })
    there, leads = release in state["releases"], state["current"] == release
    result.rows.append(
        Row(
            "release",
            "release",
            desired=release,
            configured=state["current"],
            effective=state["current"],
            status="ok" if leads else "drift",
            why=(
                "not uploaded yet"
                if not there
                else (
                    ""
                    if leads
                    else f"{desired['root']}/current leads elsewhere, as after a rollback, or a deploy with -e"
                )
            ),
            fix="" if leads else RUN,
        )
    )
    every = [*(name for name in state["releases"] if name != release), release]
    # What a rollback would go back to stays, whatever the number.
    target = installed.find_previous_healthy(state.get("healthy"), state["releases"], state["current"])
    protected = {release, state["current"], target, *state["linked"], *state["running"], *state.get("commands", ())}
    every = [name for name in every if name in state["marked"] or name == release]
    gone = [name for name in every[:-max(desired["keep"], 1)] if name not in protected]
    result.rows.append(
        Row(
            "release",
            "releases to keep",
            str(desired["keep"]),
            "",
            str(len(state["releases"])),
            status="drift" if gone else "ok",
            why=f"{', '.join(gone)}: unreferenced" if gone else "",
            fix=RUN if gone else "",
        )
    )
    result.actions = [*([] if there else [("upload", release)]), *(("remove", name) for name in gone)]
    manifest = desired.get("manifest")
    if manifest is not None and not there:
        result.facts["missing"] = find_missing_digests(manifest, state["found"])
        if not manifest:
            result.errors.append(
                BlockingError(
                    f"the release {release} is not in {desired['root']}/releases, and there is no package to make it "
                    "of",
                    rule="host.release-missing",
                )
            )
    if result.actions:
        result.before = "".join(f"release {name}\n" for name in state["releases"])
        result.after = "".join(
            f"release {name}\n"
            for name in ([*state["releases"], release] if not there else state["releases"])
            if name not in gone
        )
    return result.plan(desired, state)


def find_kept_release(release: str, state: Mapping[str, Any]) -> str:
    """The release that the host runs instead of `release`, which it has as well: it was rolled back to, or another
    was deployed since.
    Empty where there is none: a run that brings `release` then replaces nothing that somebody chose."""
    current, running = state["current"], [name for name in state["running"] if name]
    chosen = {release, current} <= set(state["releases"]) and current != release
    return current if chosen and (not running or current in running) else ""


def find_shared_files(
    host: Host, root: str, releases: Sequence[str], desired_digests: Container[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Files of older releases with a content that is desired: (SHA-256, mode) to path. Their content is read and
    compared, since somebody may have edited a file in place."""
    found = {}
    for release in reversed(releases):
        for entry in list_files(host, root, release):
            key = (entry["sha256"], entry["mode"])
            path = f"{installed.get_folder(root, release)}/{entry['path']}"
            if (
                key in desired_digests
                and key not in found
                and has_mode(host, path, key[1])
                and host.compute_digest(path) == key[0]
            ):
                found[key] = path
    return found


def has_mode(host: Host, path: str, mode: str) -> bool:
    """Whether a file of a release is as readable and executable as its manifest reports:
    others than its group have nothing of it."""
    return host.has_mode(path, int(mode, 8) & 0o750)


def compute_seals(host: Host, found: Mapping[tuple[str, str], str]) -> dict[str, list[Any]]:
    """What shows later whether a file that was verified has been touched since: path to [SHA-256, mode, size, time of
    the last change of its inode in ns]. Raises OSError."""
    return {path: [sha256, mode, *host.seal(path)] for (sha256, mode), path in found.items()}


def filter_sealed_files(host: Host, recorded: Mapping[str, Sequence[Any]]) -> dict[tuple[str, str], str]:
    """The same files as `find_shared_files` gave them. One that was touched since (a hard link to it is a touch) is
    read again.

    Raises ValueError where it is another now.
    """
    found = {(sha256, mode): path for path, (sha256, mode, _size, _changed) in recorded.items()}
    try:
        touched = [path for path, seal in compute_seals(host, found).items()
                   if seal != recorded[path] and host.compute_digest(path) != seal[0]]
    except OSError as error:
        touched = [error.filename]
    if touched:
        raise ValueError(f"{touched[0]} was changed while the release was sent; run the playbook again")
    return found


def find_missing_digests(manifest: Sequence[Mapping[str, Any]], found: Container[tuple[str, str]]) -> list[str]:
    """The digests that no release on the host has, each once, sorted: what has to be sent."""
    return sorted(
        {entry["sha256"] for entry in manifest if "sha256" in entry and (entry["sha256"], entry["mode"]) not in found}
    )


def list_archived_digests(host: Host, archive: str | None) -> set[str]:
    """The digests of the files in an archive; none where there is no archive."""
    return set(host.list_archive(archive)) if archive else set()


def apply(host: Host, plan: Plan) -> Applied:
    """Makes the release and removes old ones: the result `staged`. Where files are missing, it makes nothing, and the
    result `verified` is what to hand to the next call. Raises RuntimeError."""
    desired, state = plan.desired, plan.state
    root, upload = desired["root"], ("upload", desired["release"]) in plan.actions
    if upload and set(plan.facts["missing"]) - state["sent"]:
        return Applied({"verified": compute_seals(host, state["found"])})
    try:
        # Most of it does not go through the fenced calls: the lock is this run's until the release has its name.
        with host.hold_fence():
            clean(host, root, state)
            if upload:
                assemble(host, desired, desired["manifest"], dict(state["found"]), desired["archive"], int(time.time()))
            prune(host, root, plan)
    except OSError as error:
        # What it had of room, and not what there is once the rest is cleaned.
        absent = plan.facts.get("missing", ())
        needed = sum(entry.get("size", 0) for entry in desired["manifest"] if entry.get("sha256") in absent)
        room = disk_space.note(host, error, installed.get_folder(root, desired["release"]), needed)
        clean(host, root, read(host, {**desired, "manifest": None}))
        raise RuntimeError(describe(error, desired) + room) from error
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    return Applied({"staged": True})


def rehearse(host: Host, plan: Plan) -> Applied | None:
    """What is verified of a release that is not made yet, as `verified`; None where nothing is to be made."""
    if plan.errors or ("upload", plan.desired["release"]) not in plan.actions:
        return None
    return Applied({"verified": compute_seals(host, plan.state["found"])})


def clean(host: Host, root: str, state: Mapping[str, Any]) -> None:
    """Takes away what a killed run left half made."""
    for name in state["partial"]:
        host.remove(f"{root}/releases/{name}")


def assemble(
    host: Host,
    desired: Mapping[str, Any],
    manifest: Sequence[Mapping[str, Any]],
    found: dict[tuple[str, str], str],
    archive: str | None,
    now: int,
) -> None:
    """Puts the release together under a name of this run, verifies every file, and renames it: the last step is atomic.

    Where another run has made the same release meanwhile, that one stays. Raises ValueError where what was made is not
    what the manifest lists.
    """
    root, release, group = desired["root"], desired["release"], desired["group"]
    partial = f"{root}/releases/{partial_folder.make_hidden_name(release)}"
    host.make_directory(root)
    host.make_directory(f"{root}/releases", 0o750, "root", group)
    # Of root alone until it is whole: nobody else is to hold it.
    host.make_directory(partial, 0o700, "root", group)
    with host.hold_folder(partial):
        fill(host, partial, manifest, found, archive, group)
        fault = find_fault(host, partial, manifest)
        if fault:
            raise ValueError(
                f"the release was not made as its manifest lists it: {fault}. What runs is untouched; run the playbook "
                "again"
            )
        host.set_owner(partial, 0o750, "root", group)
        host.write(
            installed.get_manifest_path(root, release),
            schema.MANIFEST.render({"installed": now, "files": manifest}),
            0o640,
            "root",
            group,
        )
        # On the disk before it has its name, or a power cut could leave a whole release of empty files.
        host.sync()
        try:
            host.rename(partial, installed.get_folder(root, release))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            host.remove(partial)


def fill(
    host: Host,
    partial: str,
    manifest: Sequence[Mapping[str, Any]],
    found: dict[tuple[str, str], str],
    archive: str | None,
    group: str,
) -> None:
    """Makes the entries of a manifest in a folder, of what the host has (`found`) and what was sent."""
    sent = host.unpack_digests(archive, partial) if archive else {}
    made = {partial}
    for entry in manifest:
        path = f"{partial}/{entry['path']}"
        parents = [posixpath.dirname(path)]
        while parents[-1] not in made:
            parents.append(posixpath.dirname(parents[-1]))
        for parent in reversed(parents[:-1]):
            host.make_directory(parent, 0o750, "root", group)
            made.add(parent)
        place_entry(host, entry, path, found, sent, group)
    for spare in sent.values():
        host.remove(spare)


def find_fault(host: Host, folder_path: str, manifest: Sequence[Mapping[str, Any]]) -> str:
    """The first way in which a folder is not what a manifest lists, as part of a sentence; empty where it is."""
    listed, there = {entry["path"]: entry for entry in manifest}, set(host.list_entries(folder_path))
    more, less = sorted(there - set(listed)), sorted(set(listed) - there)
    if more or less:
        return f"found {more[0]}, which is not listed" if more else f"{less[0]} is missing"
    for path, entry in listed.items():
        where = f"{folder_path}/{path}"
        if "link" in entry:
            good = host.readlink(where) == entry["link"]
        else:
            good = has_mode(host, where, entry["mode"]) and host.compute_digest(where) == entry["sha256"]
        if not good:
            return f"{path} has another content or mode"
    return ""


def place_entry(
    host: Host,
    entry: Mapping[str, Any],
    path: str,
    found: dict[tuple[str, str], str],
    sent: Mapping[str, str],
    group: str,
) -> None:
    """One entry of the manifest: a link, a hard link to an older release's file, or a file that was sent."""
    if "link" in entry:
        host.link(path, entry["link"])
    elif (entry["sha256"], entry["mode"]) in found:
        host.make_hard_link(found[entry["sha256"], entry["mode"]], path)
    else:
        # Two files with one content share what was sent, unless their modes differ: then the second is a copy.
        used = any(digest_of_other == entry["sha256"] for digest_of_other, _mode in found)
        (host.copy if used else host.make_hard_link)(sent[entry["sha256"]], path)
        host.set_owner(path, int(entry["mode"], 8) & 0o750, "root", group)
        found[entry["sha256"], entry["mode"]] = path


def describe(error: OSError, desired: Mapping[str, Any]) -> str:
    """An operating system's error while a release is made, as a sentence with what to do."""
    where = installed.get_folder(desired["root"], desired["release"])
    reasons = {
        errno.ENOSPC: "the file system is full: make room, or lower xitrum_keep_releases",
        errno.EDQUOT: "the disk quota is used up: make room, or lower xitrum_keep_releases",
        errno.EROFS: "the file system is mounted read-only",
        errno.EACCES: "permission is denied",
    }
    reason = reasons.get(error.errno or 0, str(error.strerror))
    return (f"the release could not be written to {where}: {reason}. "
            "What runs is untouched; fix this and run the playbook again")


def prune(host: Host, root: str, planned: Plan) -> None:
    """Removes the old releases that the plan names."""
    for action, name in planned.actions:
        if action == "remove":
            # Under another name first: a run that is killed in between leaves nothing that seems complete.
            host.rename(installed.get_folder(root, name), f"{root}/releases/.{name}.removed")
            host.remove(installed.get_manifest_path(root, name))
            host.remove(f"{root}/releases/.{name}.removed")


def _refuse(host: Host, desired: Desired) -> str:
    return folders.find_system_error(host, desired["root"])


def _render_header(desired: Desired) -> str:
    return f"{desired['root']}/releases"


EXECUTION = Execution(
    options={
        "manifest": {"type": "list", "elements": "dict", "required": True},
        # The action plugin's: the package itself is on the controller, and what the host has is for it to know.
        "folder": {"type": "path", "required": True},
        "existing": {"type": "list", "elements": "str"},
        "archive": {"type": "path"},
        "verified": {"type": "dict"},
    },
    refuse=_refuse, unread=str, rehearse=rehearse, header=_render_header, hidden=("existing",),
)
