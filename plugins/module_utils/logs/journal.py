# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What units of systemd have printed, from the journal: the last entries, and those after a cursor."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ..core.host import Host
from ..core.untrusted_text import parse_json, split_lines
from . import times
from .entries import Entry, clean, is_continuation
from .files import Keep, Next, Tail, keep_last_lines

#: Bytes of JSON that are read at once, and messages that are searched with a condition.
BYTES, SEARCHED = 1 << 24, 20000

#: What each message is printed with. A long one would be left out without --all.
OPTIONS = ("--no-pager", "--quiet", "--all", "--output=json", "--output-fields=MESSAGE")


def read_last(host: Host, unit: str, lines: int, since: float, keep: Keep, condition: bool, now: float) -> Tail:
    """The last entries of a unit, as `files.read_last`. condition: whether `keep` is false of some."""
    before = read_last_cursor(host)
    count = SEARCHED if condition or since else lines
    begin = [f"--since=@{since:.0f}"] if since else []
    found, cursor, cut = query(host, [f"--lines={count}", *begin], unit, now)
    kept = [entry for entry in found if keep(entry)]
    return Tail(keep_last_lines(kept, lines), {"cursor": cursor or before}, cut or condition and len(found) >= count)


def read_next(host: Host, unit: str, position: Mapping[str, Any], now: float) -> Next:
    """The entries of a unit after a position, as `files.read_next`."""
    after = [f"--after-cursor={position['cursor']}"] if position.get("cursor") else []
    found, cursor, cut = query(host, after, unit, now)
    return Next(found, {"cursor": cursor or position.get("cursor", "")}, cut)


def read_last_cursor(host: Host) -> str:
    """The place where the journal ends now; empty where it has no message."""
    messages = [parse_message(line) for _number, line in split_lines(run_journalctl(host, ["--lines=1"], []).out)]
    return str(messages[-1].get("__CURSOR", "")) if messages else ""


def query(host: Host, options: Sequence[str], unit: str, now: float) -> tuple[list[Entry], str, bool]:
    """The entries of a unit, the cursor of the last one, and whether there are more than were read."""
    # Of processes of the unit: this field is of the kernel's, and no program can write it itself.
    result = run_journalctl(host, options, [f"_SYSTEMD_UNIT={unit}"])
    lines = [line for _number, line in split_lines(result.out)]
    messages = [parse_message(line) for line in (lines[:-1] if result.cut else lines)]
    cursor = next((str(one["__CURSOR"]) for one in reversed(messages) if "__CURSOR" in one), "")
    return build_entries([one for one in messages if "MESSAGE" in one], now), cursor, result.cut


def run_journalctl(host: Host, options: Sequence[str], fields: Sequence[str]) -> Any:
    """What journalctl prints."""
    return host.run(["journalctl", *OPTIONS, *options, *fields], limit=BYTES, exact=True)


def parse_message(line: str) -> dict[str, Any]:
    """A message of the journal in JSON; an empty one for a line that is none."""
    try:
        found = parse_json(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def build_entries(messages: Sequence[Mapping[str, Any]], now: float) -> list[Entry]:
    """The entries of messages: the time is the line's own, or that at which it arrived in the journal."""
    found: list[Entry] = []
    for message in messages:
        text, stamp = message["MESSAGE"], str(message.get("__REALTIME_TIMESTAMP", ""))
        # A message that is not UTF-8 is a list of its bytes.
        raw = bytes(text) if isinstance(text, list) else str(text or "").encode("utf-8", "surrogateescape")
        arrival = int(stamp) / 1e6 if stamp.isdecimal() else None
        for number, line in enumerate(map(clean, raw.split(b"\n"))):
            own = times.parse_own_time(line, now)
            if number or own is None and is_continuation(line) and found:
                found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line}")
                continue
            seconds = arrival
            if own is not None:
                seconds = times.find_moment(own.seconds, arrival or now) if own.of_day else own.seconds
            found.append(Entry(seconds, line, own is not None))
    return found
