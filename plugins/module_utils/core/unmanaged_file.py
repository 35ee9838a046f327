# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that may be managed by something else: where and how it is, whether it may be edited, and how it was before
that.

Its path may be a link. The link stays as it is, and what it leads to is edited and restored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import marked_block, recorded
from .host import (
    Host,
    PathError,
    Stat,
    describe_untrusted,
    explain_no_file,
    explain_writable_by_all,
    is_writable_by_group,
)


class UnmanagedFile(NamedTuple):
    """`target` is the path with its links followed, `text` and `stat` are of that, both None where there is no file.
    `error` explains why it may not be edited, as a sentence with what to do; empty where it may."""

    path: str
    target: str
    text: str | None
    stat: Stat | None
    error: str = ""


def read_file(host: Host, path: str, unmanaged: bool = True) -> UnmanagedFile:
    """Reads a file and judges it, and never raises for what a path may be. `unmanaged`: it may be another user's, and
    root obeys it, so that nobody else may change it. A file of ours gets its owner and mode, so that of it the folders
    alone are judged. Raises PermissionError where this user may not read it."""
    try:
        target = host.resolve(path)
    except PathError as error:
        return UnmanagedFile(path, path, None, None, str(error))
    stat = host.stat(target)
    if stat is not None and stat.kind != "file":
        return UnmanagedFile(path, target, None, stat, explain_no_file(path, target, stat.kind))
    found = UnmanagedFile(path, target, None if stat is None else host.read(target), stat)
    if unmanaged and stat is not None and stat.mode & 0o002:
        return found._replace(error=explain_writable_by_all(target, stat.mode))
    wrong = describe_untrusted(host, target if unmanaged else target.rpartition("/")[0] or "/")
    if wrong:
        what = f"{path} leads to {target}, and {wrong}" if target != path else f"{path} is not root's alone: {wrong}"
        return found._replace(
            error=f"{what}, who could change what root runs; "
            "expected a file and folders that root alone may change: give them to root, or move the file"
        )
    return found


def limit_mode(mode: int, group: str) -> int:
    """A mode without what lets others write: an older run recorded that of a link, which is 0777."""
    return mode & ~0o022 if is_writable_by_group(mode, group) or mode & 0o002 else mode


def find_names_notes(target: str, stat: Stat | None) -> list[str]:
    """Notes on a file with several names: it is replaced, and only the one name leads to the new text."""
    if stat is None or stat.names < 2:
        return []
    return [f"{target} has {stat.names} names (hard links): the others keep the text of before"]


def note_file(host: Host, file: UnmanagedFile) -> None:
    """Records how a file was before its first change: where its link led, its mode, and which folders were missing."""
    record = recorded.read(host)
    if file.path in record["files"]:
        return
    note: dict[str, Any] = {"target": file.target}
    if file.stat is not None:
        note["mode"] = file.stat.mode
    folder, missing = file.target.rpartition("/")[0], []
    while folder and not host.exists(folder):
        missing.append(folder)
        folder = folder.rpartition("/")[0]
    record["files"][file.path] = {**note, "made": missing} if missing else note
    recorded.write(host, record)


def find_places(host: Host, path: str) -> list[str]:
    """The files that may have something of ours: the one that a path leads to, and the one that it led to at first."""
    try:
        now = host.resolve(path)
    except PathError:
        now = ""
    return list(dict.fromkeys(filter(None, (now, recorded.find_noted_file(host, path).get("target")))))


def restore_file(host: Host, path: str, edit: Callable[[str], str], empty: str | None = None) -> None:
    """Takes what is ours out of a file, also where its link leads elsewhere by now: `edit(text)` is the text without.

    With the last part of ours the file gets its mode back. One that was not there goes, with `empty` left.
    """
    note, left = recorded.find_noted_file(host, path), False
    for place in find_places(host, path):
        text = host.read(place)
        if text is None:
            continue
        rest = edit(text)
        if rest == empty and "mode" not in note:
            host.remove(place)
            for folder in note.get("made", ()):
                host.remove_empty(folder)
            continue
        last = marked_block.MARK not in rest
        left = left or not last
        stat = host.stat(place) if rest != text else None
        if stat is not None:
            mode = note.get("mode", stat.mode) if last and place == note.get("target") else stat.mode
            mode = limit_mode(mode, stat.group)
            # Without a mode the file keeps its access list.
            host.write(place, rest, mode if mode != stat.mode else None, stat.owner, stat.group)
    if not left:
        recorded.forget(host, "files", path)
