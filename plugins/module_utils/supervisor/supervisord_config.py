# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervisord, of which there is one daemon for everybody on a host: what the other files of its configuration report,
and where it comes from. Pure.

It reads them by `configparser` with settings of its own, so they are read by the same here.
"""

from __future__ import annotations

import configparser
import io
import posixpath
import re
from fnmatch import fnmatchcase
from typing import Mapping, Sequence

from ..core.recorded import SUPERVISORD_PATHS
from ..core.untrusted_text import lower_ascii, make_printable, split_lines

#: From 4.0 on supervisorctl ends with a status of its own; before, it ended with 0 whatever had happened.
OLDEST = (4, 0)

FOLDER = "/etc/supervisor/conf.d"

#: That of PyPI: a virtual environment, and what the distribution's package would bring, at the same paths.
PYPI = SUPERVISORD_PATHS
ENVIRONMENT, MAIN, UNIT = PYPI[:3]
COMMANDS = {path: f"{ENVIRONMENT}/bin/{path.rpartition('/')[2]}" for path in PYPI[3:]}


#: The kinds of its sections that have a name of their own.
SECTIONS = ("program", "group", "fcgi-program", "eventlistener")


def parse(text: str) -> tuple[configparser.RawConfigParser, list[tuple[int, str, str]]]:
    """One file as supervisord reads it, and the lines that keep it from starting, as `(parser, [(number, text,
    why)])`."""
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
    try:
        # Universal line ends, as of a file that is opened as text.
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.MissingSectionHeaderError as error:
        return parser, [
            (
                error.lineno,
                error.line.rstrip("\n"),
                "found a line before any [section]; supervisord does not start with it: correct the line",
            )
        ]
    except configparser.ParsingError as error:
        lines = dict(split_lines(text))
        return parser, [
            (
                number,
                lines.get(number, ""),
                "found neither NAME = VALUE nor a [section]; supervisord does not start with it: correct the line",
            )
            for number, _line in error.errors
        ]
    except (configparser.Error, AttributeError, TypeError) as error:
        # A value that goes on below a name without one, for example: a mistake that configparser itself does not
        # expect.
        return parser, [(1, "", f"configparser cannot read it ({make_printable(str(error))}): correct the file")]
    return parser, []


def _read_minfds(parser: configparser.RawConfigParser) -> str | None:
    """What one file sets minfds to, as text; None where it does not."""
    try:
        return parser.get("supervisord", "minfds", fallback=None)
    except configparser.Error:
        return None


def _parse_integer(text: str | None) -> int | None:
    """A number as Python's own `int` reads it, which is what supervisord calls; None where it is none."""
    try:
        return None if text is None else int(text)
    except (TypeError, ValueError):
        return None


def find_minfds(texts: Mapping[str, str]) -> int:
    """The largest minfds in other people's files; 0 where none sets it."""
    return max((_parse_integer(_read_minfds(parse(text)[0])) or 0 for text in texts.values()), default=0)


def find_unread(texts: Mapping[str, str]) -> list[tuple[str, int, str, str]]:
    """What in other people's files cannot be read, as `(file, number, text, why)`.

    `%(ENV_X)s` has a value in the daemon alone.
    """
    found = []
    for path, text in texts.items():
        parser, errors = parse(text)
        found += [(path, *error) for error in errors]
        value = _read_minfds(parser)
        if value is not None and _parse_integer(value) is None:
            number, line = next(
                (
                    (number, line)
                    for number, line in split_lines(text)
                    if lower_ascii(line.strip()).startswith("minfds")
                ),
                (1, "minfds"),
            )
            found.append(
                (
                    path,
                    number,
                    line,
                    f"found minfds {make_printable(value)!r}; expected a whole number: correct the line",
                )
            )
    return found


def keeps_minfds(texts: Mapping[str, str]) -> bool:
    """Whether a file sets minfds to what cannot be read, or may: then the daemon's limit must not be lowered."""
    return any(
        bool(errors) or (_read_minfds(parser) is not None and _parse_integer(_read_minfds(parser)) is None)
        for parser, errors in map(parse, texts.values())
    )


def find_programs(texts: Mapping[str, str]) -> dict[str, str]:
    """The names of other people's programs and groups: name to the file that has it.

    Of a file that cannot be read, its lines are searched.
    """
    found = {}
    for path, text in texts.items():
        parser, errors = parse(text)
        sections = parser.sections() + (re.findall(r"^\[([^\]\n]+)\]", text, re.MULTILINE) if errors else [])
        found.update(
            {
                section.partition(":")[2].strip(): path
                for section in sections
                if section.partition(":")[0] in SECTIONS and ":" in section
            }
        )
    return found


def find_included(text: str, main: str = MAIN) -> list[str] | None:
    """The patterns of the files that the main file includes; None where it reports none, or in words that only the
    daemon knows."""
    parser, _errors = parse(text)
    try:
        words = parser.get("include", "files", fallback=None)
    except configparser.Error:
        return None
    folder = posixpath.dirname(main)
    words = None if words is None else words.replace("%(here)s", folder)
    if words is None or "%" in words.replace("%%", ""):
        return None
    return [posixpath.normpath(posixpath.join(folder, word)) for word in words.replace("%%", "%").split()]


def includes(patterns: Sequence[str], path: str) -> bool:
    """Whether one of the patterns finds a path: their signs match no slash."""
    return any(
        pattern.count("/") == path.count("/")
        and all(fnmatchcase(name, glob) for glob, name in zip(pattern.split("/"), path.split("/")))
        for pattern in patterns
    )


def parse_version(text: str) -> tuple[int, ...]:
    """A version as `supervisord --version` prints it, as a tuple; empty where there is none."""
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", text.partition("\n")[0])[:3])


def find_too_old_reason(text: str) -> str:
    """Why this version will not do, as a sentence; empty where it will, or where supervisord is not installed yet."""
    found = parse_version(text)
    if not found or found >= OLDEST:
        return ""
    return (
        f"supervisord is {text.strip()}, expected {'.'.join(map(str, OLDEST))} or newer: the exit code of an older "
        "supervisorctl means nothing. "
        "Install a newer one, or choose another xitrum_supervisor"
    )


def choose_source(desired: str, found: str, path: str, link: str) -> tuple[bool, str]:
    """Whether supervisord has to be installed from PyPI, and the error, as `(install, error)`.

    `desired` is the version that is requested, `found` what `supervisord --version` printed, `path` where it is (a
    name alone: nowhere) and `link` what that points at.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", desired):
        return (
            False,
            f"supervisor_supervisord_version is '{desired}'; expected a version on PyPI, such as 4.3.0, or nothing for "
            "the distribution's package",
        )
    if parse_version(desired) < OLDEST:
        return False, find_too_old_reason(desired)
    if "/" in path and not {path, link} & set(COMMANDS.values()):
        return False, (
            f"{path} is supervisord {found.strip() or 'of an unknown version'}, which this collection did not install, "
            "and "
            f"supervisor_supervisord_version asks for {desired} of PyPI. Unset that to use what is there, or remove it "
            f"first"
        )
    return not is_same_version(found, desired), ""


def is_same_version(one: str, other: str) -> bool:
    """Whether two versions are the same, as pip sees it: 4.3 is 4.3.0."""
    return [*parse_version(one), 0, 0, 0][:3] == [*parse_version(other), 0, 0, 0][:3] and bool(
        parse_version(one)
    ) == bool(parse_version(other))
