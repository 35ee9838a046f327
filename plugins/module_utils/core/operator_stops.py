# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the instances that an operator stopped on a host. No run and no boot starts them; playbooks/start.yml
does."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from . import lock_record, process, recorded, schema
from .host import Host
from .untrusted_text import make_printable

#: What the name of a record ends with.
ENDING = ".stopped"


def get_path(name: str) -> str:
    """The record of an application."""
    return f"{recorded.FOLDER}/{name}{ENDING}"


def parse(text: str | None, where: str) -> dict[int, dict[str, Any]]:
    """Return the record in the text of its file `where`, the number of an instance to `user`, `host` and `since`
    (seconds since 1970). Raises RuntimeError for one that is damaged, or of another version: without it, the next run
    would start what an operator stopped."""
    if not text:
        return {}
    try:
        found = schema.STOPS.parse(text, where)
    except ValueError as error:
        raise RuntimeError(format_damage(where, str(error))) from error
    wrong = next((index for index, entry in found.items() if not is_entry(index, entry)), None)
    if wrong is not None:
        raise RuntimeError(
            format_damage(
                where, f"found {make_printable(wrong)}, expected the number of an instance and who stopped it"
            )
        )
    return {int(index): entry for index, entry in sorted(found.items(), key=lambda item: int(item[0]))}


def format_damage(where: str, why: str) -> str:
    """The sentence on a record that cannot be used."""
    return f"{where} ({schema.STOPS.name}) is damaged: {why}. {schema.STOPS.remedy}"


def is_entry(index: str, entry: Any) -> bool:
    """Whether an entry is what `note` makes."""
    if not index.isdecimal() or not isinstance(entry, dict) or set(entry) != {"user", "host", "since"}:
        return False
    since = entry["since"]
    if not all(isinstance(entry[name], str) for name in ("user", "host")):
        return False
    return isinstance(since, int) and not isinstance(since, bool) and since >= 0


def read_stops(host: Host, name: str) -> dict[int, dict[str, Any]]:
    """Return the record of an application; empty where there is none, and where this user may not see it. Raises
    RuntimeError, see `parse`."""
    return parse(process.read_if_allowed(host.read, get_path(name)), get_path(name))


def note(host: Host, name: str, index: int, now: float) -> None:
    """Records that an instance is stopped, by whoever has the lock of the host."""
    lock, _fault = lock_record.read_record(host, name)
    entry = {"user": lock.get("user", "unknown"), "host": lock.get("host", "unknown"), "since": int(now)}
    write(host, name, {**read_stops(host, name), index: entry})


def clear(host: Host, name: str, indices: Container[int]) -> None:
    """Records that instances are no longer stopped."""
    before = read_stops(host, name)
    left = {index: entry for index, entry in before.items() if index not in indices}
    if left != before:
        write(host, name, left)


def write(host: Host, name: str, record: Mapping[int, Mapping[str, Any]]) -> None:
    """Writes the record, or removes it where no instance is stopped."""
    if record:
        host.make_directory(recorded.FOLDER)
        host.write(get_path(name), schema.STOPS.render({str(index): entry for index, entry in record.items()}), 0o600)
    elif host.exists(get_path(name)):
        host.remove(get_path(name))


def format_operator(entry: Mapping[str, Any]) -> str:
    """Who stopped an instance, and when, to print."""
    return lock_record.format_holder(entry)


def format_stops(host: str, listed: Iterable[Mapping[str, Any]]) -> list[str]:
    """The stopped ones of the instances of a host, a sentence each."""
    return [
        f"{host}-{item['index']} was stopped by operator {format_operator(item['stopped'])}"
        for item in listed
        if item.get("stopped") and not item["running"]
    ]
