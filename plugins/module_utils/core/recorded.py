# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was there before the first change, where the component that changes it keeps no record of its own.

What is written down stays: a second run finds the first one's work and would take it for the host's. It is written
before the change, so that a run which is killed in between loses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import folders, process, schema
from .distributions import table as distributions
from .host import Host

FOLDER = "/var/lib/xitrum.host"
PATH = f"{FOLDER}/before.json"

#: What a supervisord of PyPI adds to a host, the virtual environment first. Removal deletes nothing else as "made".
SUPERVISORD_PATHS = ("/opt/supervisord", "/etc/supervisor/supervisord.conf", "/etc/systemd/system/supervisor.service",
                     "/usr/local/bin/supervisord", "/usr/local/bin/supervisorctl")

#: `applications`: name to `roots`, `logs`, `users` and `groups`, each a name or a path to whether it was made for
#: the application, and `ports`, those that it takes. They are its marks: what is not on record is unmanaged.
#: `packages`: those that were not installed. `units`: name to `boot` and `active`, both empty where the unit came
#: with a package of ours. `made`: the paths of a supervisord of PyPI that were not there. `files`: the path of
#: an unmanaged file, which may be a link, to `target`, the file that it led to, `mode`, which is missing where
#: there was no file, and `made`, the folders above it that were missing.
EMPTY: dict[str, Any] = {"applications": {}, "packages": [], "units": {}, "files": {}, "made": []}

SPEC = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "supervisord": {"type": "bool", "default": False},
    "application": {"type": "dict", "options": {
        "name": {"type": "str", "required": True}, "root": {"type": "path", "required": True},
        "log_dir": {"type": "path", "required": True}, "user": {"type": "str", "required": True},
        "ports": {"type": "list", "elements": "int", "default": []},
        "adopt": {"type": "list", "elements": "str", "default": [], "choices": list(folders.ADOPT)},
    }},
}


class RecordError(ValueError):
    """A record is damaged, or does not allow what is to be recorded. The rule that is broken is `rule`."""

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


def parse(text: str | None) -> dict[str, Any]:
    """Return the record in its file's text; an empty one where there is no file.
    Raises RecordError where it is damaged or of another version."""
    try:
        found = schema.BEFORE.parse(text, PATH) if text else {}
        if not is_sound({**EMPTY, **found}):
            raise ValueError("it is not a record")
    except schema.VersionError as error:
        raise RecordError(str(error), "host.record") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise RecordError(
            f"{PATH} is damaged ({error}): it reports what was on the host before the first change. Fix it, or move it "
            "away; what is there today then counts as the host's own",
            "host.record",
        ) from error
    return {**copy.deepcopy(EMPTY), **found}


def is_sound(record: Mapping[str, Any]) -> bool:
    """Whether every entry is what this file writes, and no folder is the system's:
    a folder that was made is removed as a whole."""
    def are_all(mapping: object, good: Callable[[Any], bool]) -> bool:
        return isinstance(mapping, dict) and all(isinstance(key, str) and good(value) for key, value in mapping.items())

    def is_application(entry: Any) -> bool:
        kinds = ("roots", "logs", "users", "groups")
        if not isinstance(entry, dict) or not set(kinds) <= set(entry) <= {*kinds, "ports"}:
            return False
        ports = entry.get("ports", [])
        if not isinstance(ports, list) or not all(isinstance(port, int) for port in ports):
            return False
        return all(are_all(entry[kind], lambda made: isinstance(made, bool)) for kind in kinds) and all(
            path.startswith("/") and ".." not in path.split("/") and not (made and folders.is_system(path))
            for kind in kinds[:2] for path, made in entry[kind].items())

    def is_file(note: Any) -> bool:
        known = isinstance(note, dict) and set(note) <= {"target", "mode", "made"}
        return known and isinstance(note.get("mode", 0), int) and all(
            isinstance(path, str) and path.startswith("/") for path in [note.get("target"), *note.get("made", [])])

    return (
        set(record) <= set(EMPTY)
        and are_all(record["applications"], is_application)
        and isinstance(record["packages"], list)
        and all(isinstance(name, str) for name in record["packages"])
        and are_all(
            record["units"],
            lambda unit: are_all(unit, lambda word: isinstance(word, str)) and set(unit) == {"boot", "active"},
        )
        and are_all(record["files"], is_file)
        and isinstance(record["made"], list)
        and all(path in SUPERVISORD_PATHS for path in record["made"])
    )


def owns_root(host: Host, name: str, root: str) -> bool:
    """Whether a folder is on record as the root of an application of this name."""
    return root in read(host)["applications"].get(name, {}).get("roots", {})


def read(host: Host) -> dict[str, Any]:
    """The record of a host."""
    return parse(host.read(PATH))


def format_text(record: dict[str, Any]) -> str | None:
    """The text of the record's file; None where nothing is left in it."""
    return schema.BEFORE.render(record, 1) if any(record.values()) else None


def write(host: Host, record: dict[str, Any]) -> None:
    """Writes the record, or removes it where nothing is left in it."""
    text = format_text(record)
    if text is None:
        host.remove(PATH)
        host.remove_empty(FOLDER)
    else:
        host.write(PATH, text, 0o600)


def find_installed(host: Host, names: Sequence[str]) -> set[str]:
    """Those packages of a list that are installed."""
    return distributions.find_family(host, "query_program").filter_installed(host, names)


def read_state(host: Host, desired: dict[str, Any]) -> dict[str, Any]:
    """What `add_to_record` needs to know of the host."""
    application = desired["application"]
    there = {}
    if application:
        there = {
            "roots": host.exists(application["root"]),
            "logs": host.exists(application["log_dir"]),
            "filled": [
                kind
                for kind, path in (("roots", application["root"]), ("logs", application["log_dir"]))
                if set(host.listdir(path)) - {"lost+found"}
            ],
            "users": host.run(["getent", "passwd", application["user"]]).rc == 0,
            "groups": host.run(["getent", "group", application["user"]]).rc == 0,
        }
    missing = [path for path in SUPERVISORD_PATHS if host.stat(path) is None] if desired["supervisord"] else []
    return {
        "record": read(host),
        "there": there,
        "missing": missing,
        "installed": find_installed(host, desired["packages"]) if desired["packages"] else set(),
    }


def add_to_record(desired: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what is about to be made. Pure. Raises RecordError where it exists, is not on record, and is not
    to be adopted: it is unmanaged. An empty folder is nobody's."""
    record, application = copy.deepcopy(found["record"]), desired["application"]
    record["packages"] = sorted(
        {*record["packages"], *(name for name in desired["packages"] if name not in found["installed"])}
    )
    record["made"] = sorted({*record["made"], *found["missing"]})
    if application:
        entry = record["applications"].setdefault(
            application["name"], {"roots": {}, "logs": {}, "users": {}, "groups": {}}
        )
        rows = (("roots", "root"), ("logs", "log_dir"), ("users", "user"), ("groups", "user"))
        for kind, option in rows:
            name, there = application[option], found["there"][kind]
            taken = kind in found["there"].get("filled", ()) if kind in ("roots", "logs") else there
            if taken and name not in entry[kind] and option not in application.get("adopt", ()):
                raise RecordError(
                    f"xitrum_{option} is {name}, which exists and is not on record as {application['name']}'s; "
                    f"expected one that is made for it. Set xitrum_{option} to another, or add {option} to "
                    "xitrum_adopt",
                    "host.user" if option == "user" else "host.folder-not-recorded",
                )
            entry[kind].setdefault(name, not there)
        # Those of today alone: what an application has left is free for another one.
        if application.get("ports"):
            entry["ports"] = sorted(application["ports"])
    return record


def read_unit_state(host: Host, unit: str) -> dict[str, str]:
    """Whether a unit starts at boot and whether it runs, in systemd's words; both empty where there is none."""
    unit_properties = process.parse_unit(
        host.run(["systemctl", "show", "--no-pager", "--property=LoadState,ActiveState,UnitFileState", "--", unit]).out
    )
    there = unit_properties.get("LoadState") in ("loaded", "masked")
    return {
        "boot": unit_properties.get("UnitFileState", "") if there else "",
        "active": unit_properties.get("ActiveState", "") if there else "",
    }


def note_unit(host: Host, unit: str, package: str = "") -> None:
    """Writes down how a unit was before it is enabled, started or stopped.
    One whose package came with us was not there."""
    record = read(host)
    if unit not in record["units"]:
        record["units"][unit] = (
            {"boot": "", "active": ""} if package in record["packages"] else read_unit_state(host, unit)
        )
        write(host, record)


def find_noted_file(host: Host, path: str) -> dict[str, Any]:
    """What is on record of an unmanaged file; empty where there is nothing, or this user may not see the record."""
    try:
        return read(host)["files"].get(path, {})
    except (PermissionError, ValueError):
        return {}


def forget(host: Host, kind: str, name: str) -> Any:
    """Takes an entry out of the record: it is as it was. Returns what it reported, or None."""
    record = read(host)
    entry = record[kind].pop(name, None)
    if entry is not None:
        write(host, record)
    return entry


def plan_unit_commands(before: Mapping[str, str], now: Mapping[str, str], needed: bool = False) -> list[list[str]]:
    """What brings a unit back to how it was, as commands without `systemctl` and the unit. Pure.

    `needed`: something else has come to need it since, so that it stays as it is.
    """
    if needed or not any(now.values()):
        return []
    runs, starts = now["active"] in ("active", "activating", "reloading"), now["boot"] == "enabled"
    found = []
    if runs and before["active"] != "active":
        found.append(["stop"])
    if starts and before["boot"] != "enabled":
        found.append(["disable"])
    if not starts and before["boot"] == "enabled":
        found.append(["enable"])
    if not runs and before["active"] == "active":
        found.append(["start"])
    return found


def format_unit_state(unit: str, before: Mapping[str, str]) -> str:
    """How a unit is to be again, as a line for a person."""
    return (
        f"{unit}: {before['boot']} and {before['active']}, as it was"
        if before["boot"]
        else f"{unit}: stopped and disabled, since there was none"
    )


def put_back(host: Host, unit: str, needed: bool = False, again: str = "") -> None:
    """Brings a recorded unit back to how it was, and forgets it: the last thing, so that a killed run does it again.
    `again` is `reload` or `restart` for one that runs and goes on running, but with other files.
    Raises RuntimeError with what systemd reported."""
    before, now = read(host)["units"][unit], read_unit_state(host, unit)
    commands = plan_unit_commands(before, now, needed)
    if again and before["active"] == now["active"] == "active":
        commands.append([again])
    for command in commands:
        result = host.run(["systemctl", *command, unit])
        if result.rc != 0:
            raise RuntimeError(
                f"systemctl {' '.join(command)} {unit} failed with exit code {result.rc}: "
                f"{(result.err or result.out).strip()}. "
                f"It is as it was but for that: fix it, and run the playbook again"
            )
    forget(host, "units", unit)
