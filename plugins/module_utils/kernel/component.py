# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `kernel`: a whole profile of kernel parameters, live and at boot.
`kernel_plan` reports how it is planned."""

from __future__ import annotations

import copy
import re
from typing import Any, Optional, Tuple

from ..core import schema, unmanaged_file
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host, Stat
from ..core.plan import Draft, Plan
from ..core.untrusted_text import split_lines
from . import files as kernel_files
from . import values as kernel_values
from .planning import MODULE, Decision, find_profile_record, get_modules_path, get_proc_path, plan, render_file

#: The live values from before the first change, and what this kernel refused, by the path of each profile's file.
RECORD = "/var/lib/xitrum.host/kernel.json"

#: A value that the kernel refused, and why.
Refusal = Tuple[Optional[str], str]

NAME = "kernel"

SPEC: dict[str, Any] = {
    "profile": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "persist": {"type": "bool", "default": True},
    "path": {"type": "path", "default": kernel_files.OWN_PATH},
    "modules": {"type": "list", "elements": "str", "default": []},
}


def _render_header(desired: Desired) -> str:
    return desired["path"]


EXECUTION = Execution(root="Kernel parameters", header=_render_header)


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything about the host that `plan` needs: files, live values, what bars their change, modules, the record."""
    record, record_error = _read_record(host)
    entries, _errors = kernel_values.build_entries(desired["profile"])
    keys = [entry.key for entry in entries] + sorted(find_profile_record(record, desired["path"])["keys"])
    mounts = host.read("/proc/self/mounts") or ""
    texts, unread = kernel_files.read(host, desired["path"])
    files = [unmanaged_file.read_file(host, path) for path in (desired["path"], get_modules_path(desired["path"]))]
    state: dict[str, Any] = {
        "kernel": kernel_values.normalize(host.read("/proc/sys/kernel/osrelease") or ""),
        "live": {}, "barred": {}, "unread": {"boot files": "; ".join(unread)} if unread else {},
        "texts": texts, "systemd": kernel_files.has_systemd(host), "file_text": files[0].text,
        "record": record, "record_error": record_error,
        "unusable": [file.error for file in files if file.error],
        "modules": {name: _read_module(host, name) for name in desired["modules"] if MODULE.fullmatch(name)},
        "modules_text": files[1].text,
    }
    for key in keys:
        path = get_proc_path(key)
        try:
            text = host.read(path)
            state["live"][key] = None if text is None else kernel_values.normalize(text)
            state["barred"][key] = find_barred_reason(host.stat(path), path, mounts) if text is not None else ""
        except OSError as error:
            state["unread"][key] = error.strerror or str(error)
    return state


def find_barred_reason(stat: Stat | None, path: str, mounts: str) -> str:
    """Why nobody may write a file below /proc/sys here; empty where root may."""
    if stat and not stat.mode & 0o222:
        return f"it cannot be set from inside this network namespace (mode {stat.mode:04o})"
    if stat and stat.owner != "root":
        return f"it belongs to {stat.owner}, not to the root of this container"
    rows = [line.split(" ") for _number, line in split_lines(mounts)]
    over = [row for row in rows if len(row) > 3 and (path + "/").startswith(row[1].rstrip("/") + "/")]
    # Of two mounts over the same folder the later one is seen.
    best = max(enumerate(over), key=lambda pair: (len(pair[1][1]), pair[0]), default=(0, None))[1]
    return f"{best[1]} is mounted read-only" if best and "ro" in best[3].split(",") else ""


def _read_module(host: Host, name: str) -> dict[str, Any]:
    if host.exists("/sys/module/" + name.replace("-", "_")):
        return {"loaded": True, "why": ""}
    tried = host.run(["modprobe", "-n", name])
    why = kernel_values.normalize(tried.err) or f"modprobe failed with exit code {tried.rc}"
    return {"loaded": False, "why": "" if tried.rc == 0 else why}


def _read_record(host: Host) -> tuple[dict[str, Any], str]:
    """The record and what is wrong with it. A user who may not see it plans as if nothing had been changed yet."""
    try:
        text = host.read(RECORD)
        return (schema.KERNEL.parse(text, RECORD) if text else {"profiles": {}}), ""
    except PermissionError:
        return {"profiles": {}}, ""
    except schema.VersionError as error:
        return {"profiles": {}}, str(error)
    except ValueError as error:
        damage = f"{RECORD} is damaged ({error}): it holds the values from before the first change"
        return {"profiles": {}}, f"{damage}. Fix it or remove it"


def list_recorded_profiles(host: Host) -> tuple[list[str], str]:
    """The paths of the profiles on record, and what is wrong with the record; empty where nothing is."""
    record, error = _read_record(host)
    return sorted(record["profiles"]), error


def apply(host: Host, plan: Plan) -> Applied:
    """Does what is planned. What the kernel refuses becomes a row that reports it, and stops nothing else."""
    refused: dict[str, Refusal] = {}
    actions, done, made = plan.actions, [], Draft.from_plan(plan)
    loaded = [action for action in actions if action["do"] == "load" and _load(host, action, refused, made)]
    if loaded:
        again = _plan_again(host, plan.desired, refused)
        actions, made = again.actions, Draft.from_plan(again)
    for action in actions:
        if action["do"] == "poke" and not _poke(host, action["decision"], refused):
            _report_refused(made, action["decision"], refused)
        elif action["do"] == "poke" or (action["do"] == "file" and _write(host, action, refused)):
            done.append(action)
        elif action["do"] in ("record", "last_record"):
            _write_record(host, _add_refused(action, refused))
            # Alone it is what is left to do of a run that was killed before it.
            done += [action] if len(actions) == 1 else []
    made.actions = [*loaded, *done]
    return Applied(plan=made.plan(plan.desired, plan.state))


def _plan_again(host: Host, desired: Desired, refused: dict[str, Refusal]) -> Plan:
    """A module brings parameters of its own: the plan for what is left to do."""
    state = read(host, desired)
    record = {"record": state["record"], "path": desired["path"], "kernel": state["kernel"]}
    state["record"] = _add_refused(record, refused)
    return plan(desired, state)


def _load(host: Host, action: dict[str, Any], refused: dict[str, Refusal], made: Draft) -> bool:
    result = host.run(["modprobe", action["module"]])
    if result.rc != 0:
        why = kernel_values.normalize(result.err) or f"modprobe failed with exit code {result.rc}"
        refused["module " + action["module"]] = (action["module"], why)
        _report_row(made, "module " + action["module"], why)
    return result.rc == 0


def _poke(host: Host, one: Decision, refused: dict[str, Refusal]) -> bool:
    try:
        # An empty list of ports needs a line: a write of no bytes does nothing.
        host.poke(get_proc_path(one.key), one.live or "\n")
    except OSError as error:
        refused[one.key] = (one.live, f"the kernel refused {one.live!r}: {error.strerror or error}")
    return one.key not in refused


def _report_row(made: Draft, item: str, why: str) -> None:
    made.rows = [row.replace(status="read_only", why=why) if row.item == item else row for row in made.rows]


def _report_refused(made: Draft, one: Decision, refused: dict[str, Refusal]) -> None:
    why = refused[one.key][1]
    _report_row(made, one.key, why)
    known = made.facts["parameters"]
    outcome = {**known[one.key], "outcome": "read_only", "after": one.before, "at_boot": None, "why": why}
    made.facts["parameters"] = {**known, one.key: outcome}
    line = re.compile(rf"^{re.escape(one.key)} = .*\n", re.MULTILINE)
    made.before, made.after = line.sub("", made.before), line.sub("", made.after)


def _write(host: Host, action: dict[str, Any], refused: dict[str, Refusal]) -> bool:
    text = render_file([(name, line) for name, line in action["lines"] if name not in refused])
    if text == action["was"]:
        return False
    if text is None:
        host.remove_written(action["path"])
    else:
        host.write(action["path"], text)
    return True


def _add_refused(action: dict[str, Any], refused: dict[str, Refusal]) -> dict[str, Any]:
    """The record with what this kernel refused in this run, so that the next one does not ask again."""
    record = copy.deepcopy(action["record"])
    if refused:
        mine = record["profiles"].setdefault(action["path"], {"keys": {}, "refused": {}})
        for name, (value, why) in refused.items():
            mine["keys"].pop(name, "")
            mine["refused"][name] = {"value": value, "why": why, "kernel": action["kernel"]}
    return record


def _write_record(host: Host, record: dict[str, Any]) -> None:
    text = schema.KERNEL.render(record, 1)
    if not record["profiles"]:
        host.remove(RECORD)
    elif text != host.read(RECORD):
        host.write(RECORD, text, mode=0o600)
