# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log files: their last entries, read from the end in blocks, and what was written to them since.

A log is a family of files: the one that grows, and those that were rotated. A position in it holds over a rotation by
renaming, by copying and truncating, and by compressing: the file is found again by its inode and its first bytes.
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import Any, Callable, Iterator, List, Mapping, NamedTuple, Sequence

from ..core.file_parts import FileInfo
from ..core.host import Host
from .entries import Entry, build_entries, find_first_entry

#: Bytes that are read at once, backwards and forwards.
BLOCK = 1 << 18

#: Bytes of a family that are searched at most, backwards; and of a compressed file, whose end alone is read.
SEARCHED, UNZIPPED = 1 << 26, 1 << 22

#: Bytes that are read forwards at once, and bytes of a line without an end that are waited for.
FORWARD, WAITED = 1 << 20, 1 << 16

#: The first bytes by which a file is found again, and how many files of a family are remembered.
HEAD, REMEMBERED = 256, 100

#: Names of log files: with a suffix where they were rotated, or with a date in the middle.
_DATED = re.compile(
    r"(?P<base>.+?)[._-][0-9]{2,4}-?[0-9]{2}(?:-?[0-9]{2})?(?:[._-][0-9]+)*\.(?P<suffix>log|out|err|txt)(?:\.gz)?"
)
_SUFFIXED = re.compile(r"(?P<base>.+?)\.(?P<suffix>log|out|err|txt)(?:[._-].*)?")

#: Formats of compressed files that are not read.
FOREIGN = (".bz2", ".xz", ".zst", ".zip", ".Z")


class Family(NamedTuple):
    """The files of one log: `name` is that of the file that grows. `stamp`: see `times.split_stamp`."""

    folder: str
    name: str
    files: Sequence[FileInfo] = ()
    stamp: str = ""

    def get_path(self, info: FileInfo) -> str:
        """The path of one of its files."""
        return f"{self.folder}/{info.name}"

    def sort_newest_first(self) -> list[FileInfo]:
        """Its files that can be read: the one that grows, then the others by their last change."""
        readable = [info for info in self.files if not info.refused and not info.name.endswith(FOREIGN)]
        return sorted(readable, key=lambda info: (info.name == self.name, info.changed, info.name), reverse=True)


class Tail(NamedTuple):
    """The last entries of a log. `cut`: whether the search ended at its limit before it had found enough. `left_out`:
    the names of files that were not read, each with the reason.
    """

    entries: Sequence[Entry]
    position: Mapping[str, Any]
    cut: bool = False
    left_out: Mapping[str, str] = MappingProxyType({})


class Next(NamedTuple):
    """What was written since a position, the new position, and whether there is more to read at once."""

    entries: Sequence[Entry]
    position: Mapping[str, Any]
    more: bool = False


Keep = Callable[[Entry], bool]


def find_log_name(name: str) -> str:
    """The name of the log that a file belongs to; empty where it is none."""
    found = _DATED.fullmatch(name) or _SUFFIXED.fullmatch(name)
    return f"{found['base']}.{found['suffix']}" if found else ""


def list_families(host: Host, folder: str) -> list[Family]:
    """The logs in a folder."""
    found: dict[str, list[FileInfo]] = {}
    for info in host.list_log_files(folder):
        if find_log_name(info.name):
            found.setdefault(find_log_name(info.name), []).append(info)
    return [Family(folder, name, files) for name, files in sorted(found.items())]


def read_family(host: Host, path: str, rotated: str, stamp: str) -> Family:
    """The log that grows in the file `path`. rotated: a pattern of the names of its other files."""
    folder, _slash, name = path.rpartition("/")
    pattern = re.compile(rotated or rf"{re.escape(name)}[._-].+")
    files = [info for info in host.list_log_files(folder) if info.name == name or pattern.fullmatch(info.name)]
    return Family(folder, name, files, stamp)


# --------------------------------------------------------------------------------------------------------- backwards


def read_last(host: Host, family: Family, lines: int, since: float, keep: Keep, now: float, whole: bool) -> Tail:
    """The last entries with `lines` lines or more, none before `since`, and those alone that `keep` is true of.

    whole: leave a last line out that has no end yet, since it is read later. now: the clock of the host.
    """
    ordered, end, cut = family.sort_newest_first(), None, False
    position = find_end(host, family, ordered, now, whole)
    found: list[Entry] = []
    searched, latest = 0, now
    for number, info in enumerate(ordered):
        if since and info.changed < since:
            break
        latest = min(latest, info.changed)
        size = int(position["offset"]) if whole and number == 0 else info.size
        for entries, read in read_entries_back(host, family, info, size, now, latest):
            searched += read
            latest = next((entry.time for entry in entries if entry.time is not None), latest)
            found = [entry for entry in entries if is_recent(entry, since) and keep(entry)] + found
            end = "enough" if count_lines(found) >= lines else "since" if since and latest < since else end
            cut = end is None and searched >= SEARCHED
            if end or cut:
                left_out = find_left_out(family, since, end == "enough")
                return Tail(keep_last_lines(found, lines), position, cut, left_out)
    return Tail(keep_last_lines(found, lines), position, False, find_left_out(family, since, False))


def find_left_out(family: Family, since: float, has_enough: bool) -> dict[str, str]:
    """The files of a log that were not read and may have lines of the requested time, each with the reason.

    has_enough: whether newer files have all the lines, so that none of a rotated one is missing.
    """
    newest = max((info.changed for info in family.sort_newest_first()), default=0.0)
    found = {}
    for info in family.files:
        if (since and info.changed < since) or (has_enough and info.changed <= newest):
            continue
        ending = info.name.rpartition(".")[2]
        reason = info.refused or (f"compressed as {ending}" if info.name.endswith(FOREIGN) else "")
        if reason:
            found[info.name] = reason
    return found


def is_recent(entry: Entry, since: float) -> bool:
    """Whether an entry is not before a time. One whose time is unknown is where the file is."""
    return not since or entry.time is None or entry.time >= since


def count_lines(entries: Sequence[Entry]) -> int:
    """The lines of entries."""
    return sum(entry.text.count("\n") + 1 for entry in entries)


def keep_last_lines(entries: Sequence[Entry], lines: int) -> list[Entry]:
    """The last entries that have so many lines together; the first one of them is whole."""
    kept: list[Entry] = []
    for entry in reversed(entries):
        if lines <= 0:
            break
        kept.append(entry)
        lines -= entry.text.count("\n") + 1
    return kept[::-1]


def read_entries_back(
    host: Host, family: Family, info: FileInfo, size: int, now: float, latest: float
) -> Iterator[tuple[list[Entry], int]]:
    """The entries of one file, block after block from its end, each with the bytes that were read for it."""
    carry = b""
    for begin, data in read_blocks_back(host, family.get_path(info), size, info.name.endswith(".gz")):
        text, read = data + carry, len(data)
        lines = split_lines(text)
        carry = b""
        if begin > 0:
            # The first line may have begun in the block before, and the next ones may continue it.
            first = 1 + find_first_entry(lines[1:], family.stamp, now)
            if first < len(lines) or len(text) < SEARCHED // 16:
                carry = b"".join(line + b"\n" for line in lines[:first])
                carry = carry if text.endswith(b"\n") or first < len(lines) else carry[:-1]
                lines = lines[first:]
        entries = build_entries(lines, family.stamp, now, latest)
        latest = next((entry.time for entry in entries if entry.time is not None), latest)
        yield fill_times(entries, latest), read


def fill_times(entries: Sequence[Entry], latest: float) -> list[Entry]:
    """Entries of a program that writes no times: they arrived when the file was changed last, or before."""
    return [entry if entry.time is not None else entry._replace(time=latest) for entry in entries]


def read_blocks_back(host: Host, path: str, size: int, zipped: bool) -> Iterator[tuple[int, bytes]]:
    """The bytes of a file in blocks from its end, each with the place where it begins."""
    if zipped:
        part = host.read_part(path, -1, UNZIPPED, True)
        if part:
            yield part.size - len(part.data), part.data
        return
    while size > 0:
        begin = max(0, size - BLOCK)
        part = host.read_part(path, begin, size - begin)
        if part is None or not part.data:
            return
        yield begin, part.data
        size = begin


def split_lines(data: bytes) -> list[bytes]:
    """The lines of a text without their ends."""
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


# ---------------------------------------------------------------------------------------------------------- forwards


def read_mark(host: Host, path: str, length: int, zipped: bool) -> str:
    """A digest of the first bytes of a file; empty where it has fewer."""
    part = host.read_part(path, 0, length, zipped)
    return hashlib.sha256(part.data).hexdigest()[:16] if part and len(part.data) == length else ""


def list_inodes(family: Family) -> list[int]:
    """The inodes of the newest files of a log."""
    return [info.inode for info in sorted(family.files, key=lambda info: info.changed)[-REMEMBERED:]]


def build_position(
    host: Host, family: Family, info: FileInfo | None, offset: int, now: float, last: Entry | None, skip: bool = False
) -> dict[str, Any]:
    """Where a log was read up to, as data: the file, the bytes of it, and the files of the family at that moment."""
    head = min(offset, HEAD)
    return {
        "inode": info.inode if info else 0,
        "offset": offset,
        "head": head,
        "mark": read_mark(host, family.get_path(info), head, info.name.endswith(".gz")) if info else "",
        "known": list_inodes(family),
        "read": now,
        "time": last.time if last else None,
        "own": bool(last and last.own),
        "skip": skip,
    }


def find_end(host: Host, family: Family, ordered: Sequence[FileInfo], now: float, whole: bool) -> dict[str, Any]:
    """The position at the end of a log, as it is now."""
    if not ordered or ordered[0].name.endswith(".gz"):
        return build_position(host, family, None, 0, now, None)
    info = ordered[0]
    begin = max(0, info.size - WAITED)
    part = host.read_part(family.get_path(info), begin, info.size - begin)
    data = part.data if part else b""
    last_end = data.rfind(b"\n") + 1
    offset = begin + last_end if last_end or begin == 0 else info.size
    lines = split_lines(data[:last_end])
    entries = build_entries(lines[-20:], family.stamp, now, info.changed)
    return build_position(host, family, info, offset, now, entries[-1] if entries else None, offset > begin + last_end)


def read_next(host: Host, family: Family, position: Mapping[str, Any], now: float) -> Next:
    """What was written to a log since a position, by complete lines; from its begin for an empty position."""
    found: list[Entry] = []
    last = Entry(position.get("time"), "", bool(position.get("own")))
    skip, left, new = bool(position.get("skip")), FORWARD, dict(position)
    parts = find_unread_files(host, family, position)
    for number, (info, offset) in enumerate(parts):
        part = host.read_part(family.get_path(info), offset, left, info.name.endswith(".gz"))
        if part is None or part.inode != info.inode:
            # It was rotated since the folder was listed: the next read finds it.
            return Next(found, new, True)
        data, cut = part.data, len(part.data) == left
        used = count_complete_bytes(data)
        if number < len(parts) - 1 and not cut:
            # Nothing is written to it any more: its last line gets no other end.
            data, used = data if data.endswith(b"\n") else data + b"\n", len(data) + 1
        entries, skip = parse_part(data[:used], skip, family.stamp, now, last)
        found += entries
        last = entries[-1]._replace(text="") if entries else last
        left -= len(part.data)
        new = build_position(host, family, info, offset + min(used, len(part.data)), now, last, skip)
        if cut:
            # Files that come after this one are unknown as yet.
            later = {one.inode for one, _offset in parts[number + 1 :]}
            new["known"] = [inode for inode in new["known"] if inode not in later]
            return Next(found, new, True)
    # What has nothing new is left out from now on.
    begin = build_position(host, family, None, 0, now, None)
    return Next(found, {**begin, **new, "known": list_inodes(family), "read": now})


def count_complete_bytes(data: bytes) -> int:
    """How many bytes of what was read are complete lines. A line that is too long to wait for its end counts as one."""
    end = data.rfind(b"\n") + 1
    return len(data) if not end and len(data) >= min(WAITED, FORWARD) else end


def parse_part(data: bytes, skip: bool, stamp: str, now: float, last: Entry) -> tuple[List[Entry], bool]:
    """The entries of complete lines, and whether the last line has no end yet, so that its rest is to be skipped."""
    if skip:
        end = data.find(b"\n") + 1
        if not end:
            return [], bool(data) or skip
        data = data[end:]
    lines = split_lines(data)
    entries = build_entries(lines, stamp, now, now, last) if lines else []
    return fill_times(entries, now), bool(data) and not data.endswith(b"\n")


def find_unread_files(host: Host, family: Family, position: Mapping[str, Any]) -> list[tuple[FileInfo, int]]:
    """The files of a log that have something after a position, each with the offset, in the order of their lines."""
    ordered = family.sort_newest_first()[::-1]
    known = set(position.get("known") or ())
    if not position.get("inode"):
        # Nothing was there: what is there now was written since, unless it was moved here.
        unknown = [info for info in ordered if info.inode not in known or info.name == family.name]
        return [(info, 0) for info in unknown if not info.name.endswith(".gz")]
    # The number of a file that was removed may be that of a new one.
    candidates = [
        info
        for info in ordered
        if info.inode == position["inode"] or info.inode not in known or info.name == family.name
    ]
    same = [info for info in candidates if is_continued(host, family, info, position)]
    # The file itself, whatever its name is now; else a copy of it, such as logrotate makes before it truncates it.
    continued = next((info for info in same if info.inode == position["inode"]), same[0] if same else None)
    new = [
        (info, 0)
        for info in candidates
        if info not in same
        # Compressed files, and old ones that somebody has unpacked, have nothing new.
        and (info.name == family.name or not info.name.endswith(".gz") and info.changed >= position["read"] - 2)
    ]
    return [(continued, int(position["offset"])), *new] if continued else new


def is_continued(host: Host, family: Family, info: FileInfo, position: Mapping[str, Any]) -> bool:
    """Whether a file is the one of a position, or a copy of it."""
    zipped, head = info.name.endswith(".gz"), int(position["head"])
    if not zipped and info.size < position["offset"]:
        return False
    if not head:
        return info.inode == position["inode"]
    return read_mark(host, family.get_path(info), head, zipped) == position["mark"]
