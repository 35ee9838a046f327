# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of a line of a log: the one that its program wrote at its begin, or the one that its supervisor put before
it. Pure but for the time zone of the host, in which a time without one is."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

#: Characters at the begin of a line in which its time is searched for, and of a line in JSON.
HEAD, JSON_HEAD = 200, 2000

#: Seconds that a clock may be ahead: a later time is not a time of the line itself.
AHEAD_SECONDS = 24 * 60 * 60

DAY_SECONDS = 24 * 60 * 60

MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}

_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?"
_ZONE = r"(?: ?(?P<zone>Z\b|UTC\b|GMT\b|[+-][0-9]{2}:?[0-9]{2}(?![0-9])))?"
_MONTH = rf"(?P<name>{'|'.join(MONTHS)})"

#: Dates with a time, most specific first: ISO 8601 and the default of logback; the access logs of web servers; days
#: first; and Xitrum's own pattern `yy-MM-dd HH:mm:ss`.
_DATED = "|".join(
    # A name of a group may occur once.
    re.sub(r"\(\?P<(\w+)>", rf"(?P<\g<1>{number}>", one)
    for number, one in enumerate(
        (
            rf"(?P<year>[0-9]{{4}})[-/](?P<month>[0-9]{{2}})[-/](?P<day>[0-9]{{2}})[T _]{_CLOCK}{_ZONE}",
            rf"(?P<day>[0-9]{{2}})/{_MONTH}/(?P<year>[0-9]{{4}}):{_CLOCK}{_ZONE}",
            rf"(?P<day>[0-9]{{1,2}})[ -]{_MONTH}[ -](?P<year>[0-9]{{4}}) {_CLOCK}{_ZONE}",
            rf"(?P<year>[0-9]{{2}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}}) {_CLOCK}{_ZONE}",
            # A time alone, such as logback's default pattern writes: with a fraction, or it may be anything.
            r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})[.,](?P<fraction>[0-9]{3,9})(?![0-9])",
        )
    )
)

#: What may be before the time of a line: groups in brackets, levels, and characters that are in no word. A date within
#: the text of a message is about something else.
_LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|FATAL"
_LINE = re.compile(rf"(?:\[[^\[\]]*\]|(?:{_LEVELS})\b|[^\w\[])*?\[?(?:{_DATED})")
#: The common log format of web servers begins with an address and two names.
_COMMON = re.compile(rf"\S+ \S+ \S+ \[(?:{_DATED})")
#: A line in JSON.
_JSON = re.compile(rf'"(?:@?timestamp|time|date|ts|instant)"\s*:\s*"(?:{_DATED})')

_SVLOGD = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})_([0-9]{2}):([0-9]{2}):([0-9]{2})\.(?P<fraction>[0-9]{1,9}) ?"
)
_TAI64N = re.compile(r"@(?P<seconds>[0-9a-f]{16})(?P<nanoseconds>[0-9a-f]{8}) ?")

#: The label of the second 1970-01-01 00:00:00 UTC, as daemontools writes it.
_TAI_EPOCH = (1 << 62) + 10


class OwnTime(NamedTuple):
    """A time in seconds since the epoch; `of_day`: since midnight of a day that is not in the line."""

    seconds: float
    of_day: bool = False


def parse_own_time(line: str, now: float) -> OwnTime | None:
    """The time that a program wrote at the begin of a line; None where there is none.

    now: the clock of the host, in seconds since the epoch.
    """
    if line.startswith("{"):
        found = _JSON.search(line[:JSON_HEAD])
    else:
        found = _LINE.match(line[:HEAD]) or _COMMON.match(line[:HEAD])
    if found is None:
        return None
    parts = {name.rstrip("0123456789"): value for name, value in found.groupdict().items() if value is not None}
    fraction = float(f"0.{parts.get('fraction') or 0}")
    hour, minute, second = (int(parts[name]) for name in ("hour", "minute", "second"))
    if "year" not in parts:
        return OwnTime(hour * 3600 + minute * 60 + second + fraction, True) if hour < 24 and minute < 60 else None
    year, month = int(parts["year"]), MONTHS[parts["name"]] if "name" in parts else int(parts["month"])
    try:
        day, year = int(parts["day"]), year + 2000 if year < 100 else year
        when = datetime.datetime(year, month, day, hour, minute, second)
        seconds = when.replace(tzinfo=parse_zone(parts.get("zone", ""))).timestamp() + fraction
    except (ValueError, OverflowError, OSError):
        return None
    return OwnTime(seconds) if seconds <= now + AHEAD_SECONDS else None


def parse_zone(text: str) -> datetime.timezone | None:
    """The time zone in a text such as Z, UTC or +01:00; None, which is that of the host, for an empty one."""
    if not text:
        return None
    if text[0] not in "+-":
        return datetime.timezone.utc
    digits = text[1:].replace(":", "")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(-offset if text[0] == "-" else offset)


def find_moment(seconds: float, latest: float) -> float:
    """The last moment with this time of day, in the host's time zone, that is not after `latest`, a minute apart."""
    day = datetime.datetime.fromtimestamp(latest).replace(hour=0, minute=0, second=0, microsecond=0)
    found = day.timestamp() + seconds
    return found if found <= latest + 60 else found - DAY_SECONDS


def split_stamp(line: str, stamp: str) -> tuple[float | None, str]:
    """The time that a supervisor put before a line, and the line without it. stamp: `svlogd` or `tai64n`, or empty for
    a supervisor that puts none."""
    if stamp == "svlogd":
        found = _SVLOGD.match(line)
        if found:
            year, month, day, hour, minute, second = map(int, found.groups()[:6])
            try:
                when = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
            except ValueError:
                # A program may print what looks like a time.
                return None, line
            return when.timestamp() + float(f"0.{found['fraction']}"), line[found.end() :]
    if stamp == "tai64n":
        found = _TAI64N.match(line)
        if found:
            return int(found["seconds"], 16) - _TAI_EPOCH + int(found["nanoseconds"], 16) / 1e9, line[found.end() :]
    return None, line
