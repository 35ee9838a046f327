# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that set kernel parameters at boot, as systemd-sysctl(8) and `sysctl --system` read them.

Neither of the two knows comments behind a value or what a number is: they write the rest of the line to the kernel,
whose reading is `kernel_values.after_writing`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from ..core.host import Host
from ..core.untrusted_text import BLANKS, make_printable, split_lines
from .values import get_key, get_path, normalize, predict_written_value

#: A name in an earlier folder masks the same name in a later one. /lib is a link to /usr/lib on today's systems.
FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"
#: Ours, unless tuning_sysctl_file is another.
OWN_PATH = "/etc/sysctl.d/90-xitrum.conf"

_GLOB = re.compile(r"[*?\[]")
#: A name that no parameter has: an empty one, one with blanks, with a byte order mark, or with another dash in front.
_NO_NAME = re.compile(r"-.*|.*[^!-~].*|[^./]*|", re.DOTALL)
_NOTHING = "The line has no effect: correct it, or remove it"
#: systemd ends a line at these as well.
_OTHER_ENDS = re.compile(r"[\r\0]")


class Setting(NamedTuple):
    """One assignment of a file: `number` is its line. `value` is None for a name that is excluded: `-name`."""

    file: str
    number: int
    key: str
    value: str | None


class Pattern(NamedTuple):
    """An assignment for all names that a pattern matches. `value` is None for a name that is excluded: `-name`."""

    file: str
    number: int
    path: str
    value: str | None


class Unread(NamedTuple):
    """A line of a file that its programs skip, or read in another way than somebody meant it.
    `why` reports what to do."""

    file: str
    number: int
    text: str
    why: str


def parse_lines(path: str, text: str) -> list[Setting | Pattern | Unread]:
    """Every line of one file that is not a comment, in order, as a `Setting`, a `Pattern` or an `Unread`."""
    parts = ((number, part.strip(BLANKS)) for number, line in split_lines(text) for part in _OTHER_ENDS.split(line))
    return [found for number, part in parts for found in _parse_line(path, number, part)]


def _parse_line(path: str, number: int, line: str) -> Iterator[Setting | Pattern | Unread]:
    if not line or line[0] in "#;":
        return
    name, equals, value = line.partition("=")
    dash = name.startswith("-")
    name = (name[1:] if dash else name).strip(BLANKS)
    if not equals and not dash:
        yield Unread(path, number, line, f"found no '='; expected NAME = VALUE. {_NOTHING}")
    elif _NO_NAME.fullmatch(name):
        yield Unread(
            path,
            number,
            line,
            f"found the name {make_printable(name)!r}; expected one like net.core.somaxconn. {_NOTHING}",
        )
    elif _GLOB.search(name) or not equals:
        yield Pattern(path, number, _normalize_path(get_path(name)), normalize(value) if equals else None)
    else:
        yield Setting(path, number, get_key(_normalize_path(get_path(name))), normalize(value))


def _normalize_path(path: str) -> str:
    """A path without a leading and without doubled slashes."""
    return re.sub("/+", "/", path).lstrip("/")


def parse(path: str, text: str) -> list[Setting]:
    """The assignments of one sysctl.d file that name their parameter, in order."""
    return [line for line in parse_lines(path, text) if isinstance(line, Setting)]


def sort_boot_files(listing: dict[str, list[str]]) -> list[str]:
    """The paths that are read at boot, first to last, from `{folder: [name, ...]}`: sorted by name over all folders,
    each name once, from the first folder that has it."""
    chosen: dict[str, str] = {}
    for folder in FOLDERS:
        for name in listing.get(folder, ()):
            if name.endswith(".conf") and not name.startswith("."):
                chosen.setdefault(name, f"{folder}/{name}")
    return [chosen[name] for name in sorted(chosen)]


def has_systemd(host: Host) -> bool:
    """Whether systemd-sysctl reads the files, and not sysctl(8)."""
    return host.exists("/run/systemd/system")


def read(host: Host, own: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The files that are read at boot as `[(path, text), ...]` in their order, and what could not be read.

    `own` has its place in the order also where it is not written yet (with an empty text). A link to /dev/null masks
    its name and counts as an empty file. systemd reads /etc/sysctl.conf only through a link in a folder (Debian's
    99-sysctl.conf); without systemd it is read last, also where such a link has it read before.
    """
    listing = {folder: host.listdir(folder) for folder in FOLDERS}
    listing.setdefault(posixpath.dirname(own), []).append(posixpath.basename(own))
    paths = sort_boot_files(listing)
    if not has_systemd(host):
        paths = [path for path in paths if host.realpath(path) != SYSCTL_CONF] + [SYSCTL_CONF]
    texts, unseen = [], []
    for path in paths:
        real = host.realpath(path)
        try:
            text = "" if real == "/dev/null" else host.read(real)
        except OSError as error:
            unseen.append(f"{path}: {error.strerror}")
            continue
        if text is not None or path == own:
            texts.append((real if posixpath.basename(real) == "sysctl.conf" and path != own else path, text or ""))
    return texts, unseen


def group_settings(texts: list[tuple[str, str]]) -> dict[str, list[Setting]]:
    """All assignments of `[(path, text), ...]` by key, each list from first to last: the last one holds."""
    found: dict[str, list[Setting]] = {}
    for path, text in texts:
        for setting in parse(path, text):
            found.setdefault(setting.key, []).append(setting)
    return found


class Boot:
    """What the files that are read at boot make of a parameter. `own` is the path of ours, `live` maps keys to live
    values.

    systemd writes only the last assignment of a name, and none where `-name` follows it; sysctl(8) writes all of them,
    one after the other, so that one which the kernel refuses changes nothing. A name wins over any pattern.
    """

    def __init__(
        self,
        texts: list[tuple[str, str]],
        own: str = "",
        live: dict[str, str | None] | None = None,
        systemd: bool = True,
    ) -> None:
        self.order = [path for path, _text in texts]
        self.own, self.live, self.systemd = own, live or {}, systemd
        self.lines = [line for path, text in texts for line in parse_lines(path, text)]

    def list_lines(self, key: str) -> list[Setting]:
        """The lines that name a parameter, and count, from first to last; one that excludes it has the value None."""
        found = []
        for line in self.lines:
            if isinstance(line, Setting) and line.key == key:
                found.append(line)
            elif self.systemd and isinstance(line, Pattern) and line.value is None and get_key(line.path) == key:
                found.append(Setting(line.file, line.number, key, None))
        return found

    def list_patterns(self, key: str) -> list[Pattern]:
        """The patterns that match a parameter which no line names, from first to last."""
        path = get_path(key)
        excluded = any(isinstance(line, Pattern) and line.value is None and line.path == path for line in self.lines)
        given = [line for line in self.lines if isinstance(line, Pattern) and line.value is not None]
        return [] if excluded else [line for line in given if _matches(line.path, path)]

    def parse_value(self, line: Setting | Pattern, key: str) -> str | None:
        """What a line sets a parameter to; None where the kernel refuses its text, or it sets nothing."""
        return None if line.value is None else predict_written_value(key, line.value, self.live.get(key))

    def find_own_value(self, key: str) -> str | None:
        """What our file reports about a parameter, or None."""
        return next((line.value for line in reversed(self.list_lines(key)) if line.file == self.own), None)

    def find_value_without_us(self, key: str) -> str | None:
        """What the other files set a parameter to, or None:
        no line sets it, or the kernel refuses the one that counts."""
        lines = [line for line in self.list_lines(key) if line.file != self.own] or self.list_patterns(key)
        values = [self.parse_value(line, key) for line in (lines[-1:] if self.systemd else lines)]
        return next((value for value in reversed(values) if value is not None), None)

    def find_later(self, key: str) -> Setting | None:
        """The last line on a parameter if it is read after our file, or None."""
        last = self.list_lines(key)[-1] if self.list_lines(key) else None
        return last if last and self.order.index(last.file) > self.order.index(self.own) else None

    def list_unread(self, keys: Iterable[str]) -> list[Unread]:
        """The lines of other files that both programs skip, and those on these parameters that the kernel refuses."""
        found = [line for line in self.lines if isinstance(line, Unread)]
        for key in keys:
            lines: list[Setting | Pattern] = [*self.list_lines(key), *self.list_patterns(key)]
            for line in lines:
                if line.value is not None and self.parse_value(line, key) is None:
                    why = (
                        f"found {make_printable(line.value)!r} for {key}, which the kernel refuses; expected whole "
                        f"numbers. {_NOTHING}"
                    )
                    found.append(Unread(line.file, line.number, f"{key} = {line.value}", why))
        return [line for line in found if line.file != self.own]

    def describe_configured(self, key: str) -> str:
        """The column `configured`."""
        lines: Sequence[Setting | Pattern] = self.list_lines(key) or self.list_patterns(key)
        last = lines[-1] if lines else None
        if last is None or last.value is None:
            return "not in a file"
        value = self.parse_value(last, key)
        return f"{make_printable(last.value) if value is None else value} ({last.file})"


def _matches(pattern: str, path: str) -> bool:
    """Whether glob(7) finds a path by a pattern: its signs match no slash."""
    pairs = list(zip(pattern.split("/"), path.split("/")))
    return pattern.count("/") == path.count("/") and all(fnmatchcase(name, glob) for glob, name in pairs)
