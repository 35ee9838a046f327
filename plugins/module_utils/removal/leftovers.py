# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left when nothing runs any more: folders, users, services of others, packages, and the record itself."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Mapping
from typing import Any

from ..application import managed_entries
from ..core import recorded
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..proxy.table import PROXIES
from ..supervisor import supervisord_config
from ..supervisor.table import SUPERVISORS
from . import packages as package_removal

NAME = "leftovers"

SPEC = {
    "keep_data": {"type": "bool", "default": False},
    "remove_packages": {"type": "bool", "default": False},
    "applications": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "log_dir": {"type": "path", "required": True},
        },
    },
}

_PROXIES = tuple(backend.unit for backend in PROXIES.values())


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is there of what the record has."""
    record = recorded.read(host)
    folders: dict[str, dict[str, Any]] = {}
    accounts: dict[tuple[str, str], str] = {}
    for name, entry in record["applications"].items():
        for kind in ("roots", "logs"):
            for path, made in entry[kind].items():
                if host.stat(path) is not None:
                    ours = managed_entries.list_managed_entries(host, kind, path)
                    # Two applications may share a folder, of which the first one found nothing there.
                    folders[path] = {
                        "application": name,
                        "made": made or folders.get(path, {}).get("made", False),
                        "ours": ours,
                    }
        for kind, database in (("users", "passwd"), ("groups", "group")):
            accounts.update(
                {
                    (database, account): name
                    for account, made in entry[kind].items()
                    if made and host.run(["getent", database, account]).rc == 0
                }
            )
    names = [*record["applications"], *(item["name"] for item in desired["applications"])]
    output = [path for supervisor in SUPERVISORS.values() for path in supervisor.list_output_files(host, names)]
    units = {unit: before for unit, before in record["units"].items() if unit not in _PROXIES}
    mine = list(record["applications"])
    others = supervisord_config.find_programs(
        {path: text for path, text in _read_programs(host).items() if not any(f"/{name}-" in path for name in mine)}
    )
    packages: dict[str, Any] = {"removed": [], "kept": {}}
    if desired["remove_packages"]:
        packages = package_removal.read(host, record["packages"])
    if others and "supervisor" in packages["removed"]:
        packages = {"removed": [name for name in packages["removed"] if name != "supervisor"],
                    "kept": {**packages["kept"], "supervisor": f"it runs {', '.join(sorted(others))}"}}
    made = [path for path in record["made"] if host.stat(path) is not None]
    if others and made:
        packages["kept"] = {**packages["kept"], supervisord_config.ENVIRONMENT: f"it runs {', '.join(sorted(others))}"}
        made = []
    entries = host.listdir(recorded.FOLDER)
    cache = host.make_absolute("~/.cache/xitrum.host")
    return {
        "record": record,
        "folders": folders,
        "accounts": accounts,
        "packages": packages,
        "units": units,
        "others": others,
        "made": made,
        "output": output,
        "cache": cache if host.stat(cache) is not None else "",
        "state": (
            [f"{recorded.FOLDER}/{entry}" for entry in entries if not entry.endswith(".lock")]
            if entries or host.stat(recorded.FOLDER) is None
            else [recorded.FOLDER]
        ),
    }


def _read_programs(host: Host) -> dict[str, str]:
    """The files of supervisord's programs: path to text."""
    paths = [
        f"{supervisord_config.FOLDER}/{name}"
        for name in host.listdir(supervisord_config.FOLDER)
        if name.endswith(".conf")
    ]
    return {path: host.read(path) or "" for path in paths}


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what goes, in the order in which one needs the other. Pure."""
    result = Draft(facts={"kept": state["packages"]["kept"]})
    for path, found in state["folders"].items() if not desired["keep_data"] else ():
        if found["made"]:
            result.actions.append(("folder", path))
        else:
            result.actions += [("folder", f"{path}/{name}") for name in found["ours"]]
    if not desired["keep_data"]:
        result.actions += [("folder", path) for path in state["output"]]
        # A user's own group goes with it; one that is left is the next to go.
        result.actions += sorted(state["accounts"], key=lambda item: item[0] != "passwd")
    result.actions += [("unit", unit) for unit in sorted(state["units"])]
    result.actions += [("made", path) for path in state["made"]]
    result.actions += [("packages", name) for name in state["packages"]["removed"]]
    result.actions += [("cache", state["cache"])] if state["cache"] else []
    # What is kept stays on record, so that it can be removed another day: the data, and the packages.
    record, removed = state["record"], state["packages"]["removed"]
    rest = {
        **copy.deepcopy(recorded.EMPTY),
        "applications": record["applications"],
        "packages": [name for name in record["packages"] if name not in removed],
    }
    stays = {recorded.PATH} if desired["keep_data"] and (rest["applications"] or rest["packages"]) else set()
    result.actions += [("state", path) for path in state["state"] if path not in stays]
    if stays and rest != record:
        result.actions.append(("record", rest))
    result.before = "".join(f"{line}\n" for line in format_lines(state, result))
    return result.plan(desired, state)


def format_lines(state: Mapping[str, Any], planned: Plan | Draft) -> list[str]:
    """What would be undone, one line a thing."""
    words = {
        "folder": "{}",
        "passwd": "user {}",
        "group": "group {}",
        "cache": "{}",
        "made": "{}",
        "packages": "package {}",
        "state": "{}",
    }
    found = [words[kind].format(detail) for kind, detail in planned.actions if kind in words]
    for kind, unit in planned.actions:
        if kind == "unit":
            found.append(recorded.format_unit_state(unit, state["units"][unit]))
    return found


def apply(host: Host, plan: Plan) -> Applied:
    """Removes what is planned. Raises RuntimeError with what a command reported."""
    state = plan.state
    removed = [detail for kind, detail in plan.actions if kind == "packages"]
    for kind, detail in plan.actions:
        if kind in ("folder", "cache", "state", "made"):
            host.remove(detail)
            if detail == supervisord_config.UNIT:
                _call(host, "systemctl", "daemon-reload")
            elif detail == supervisord_config.MAIN:
                for folder in (supervisord_config.FOLDER, posixpath.dirname(supervisord_config.FOLDER)):
                    host.remove_empty(folder)
        elif kind == "passwd" or (kind == "group" and host.run(["getent", "group", detail]).rc == 0):
            _call(host, "userdel" if kind == "passwd" else "groupdel", detail)
        elif kind == "unit":
            recorded.put_back(host, detail, needed=detail == "supervisor.service" and bool(state["others"]))
        elif kind == "packages" and detail == removed[0]:
            package_removal.apply(host, removed)
        elif kind == "record":
            recorded.write(host, detail)
    host.remove_empty(recorded.FOLDER)
    return Applied()


def _call(host: Host, *argv: str) -> None:
    result = host.run(argv)
    if result.rc != 0:
        raise RuntimeError(
            f"{' '.join(argv)} failed with exit code {result.rc}: {(result.err or result.out).strip()}. "
            "Fix that, and run the playbook again"
        )


def _describe_unread(error: Exception) -> str:
    return f"what is left on the host could not be read: {error}"


EXECUTION = Execution(unread=_describe_unread)
