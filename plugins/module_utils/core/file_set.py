# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of files and links that belong together, and the commands that make a running program notice them.

The commands are pending from the first change of a file until all of them succeeded: a marker on the disk reports
it, so that a run which is killed in between makes up for it the next time. A handler would be lost.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from . import marked_block, unmanaged_file
from .component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from .host import Host, explain_writable_by_all
from .plan import RUN, Draft, Plan, Row, make_rule_errors
from .untrusted_text import hide_text, show_own_text

#: Stands for the text of a private file.
PRIVATE = "(not shown, since the file is private)\n"
PENDING = "/var/lib/xitrum.host/pending"
#: Where systemctl(1) masks a unit, for good or until the next boot.
UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system")

NAME = "file_set"

SPEC = {
    "name": {"type": "str", "required": True},
    "files": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
    },
    "links": {
        "type": "list", "elements": "dict", "default": [],
        "options": {"path": {"type": "path", "required": True}, "target": {"type": "str", "required": True}},
    },
    "owned": {"type": "list", "elements": "str", "default": []},
    "commands": {"type": "list", "elements": "list", "default": []},
}


def _list_secrets(desired: Desired) -> set[str]:
    return list_private_texts(desired["files"])


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    return f"{plan.desired['name']}: {error}"


EXECUTION = Execution(quiet=True, secrets=_list_secrets, describe=_describe_failure)


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The files and links as they are, those that match an owned pattern included."""
    paths = {item["path"] for item in [*desired["files"], *desired["links"]]}
    for pattern in desired["owned"]:
        folder, _slash, name = pattern.rpartition("/")
        paths |= {f"{folder}/{entry}" for entry in host.listdir(folder) if fnmatch.fnmatchcase(entry, name)}
    state: dict[str, Any] = {"paths": {}, "errors": [], "pending": host.exists(f"{PENDING}/{desired['name']}")}
    files = {item["path"]: unmanaged_file.read_file(host, item["path"], unmanaged=False) for item in desired["files"]}
    for path in sorted(paths):
        found = files[path].stat if path in files else host.stat(path)
        if path in files and files[path].error:
            state["errors"].append(files[path].error)
        elif path in files and found is not None:
            # A link stays: what it leads to is the file.
            state["paths"][path] = {"stat": found, "target": None, "text": files[path].text}
        elif found is not None:
            text = host.read(path) if found.kind == "file" else None
            state["paths"][path] = {"stat": found, "target": host.readlink(path), "text": text}
    return state


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is written, linked and removed."""
    result, there = Draft(errors=make_rule_errors("host.file-unsafe", state["errors"])), state["paths"]
    for item in desired["files"]:
        if int(item["mode"], 8) & 0o002:
            result.errors += make_rule_errors(
                "host.file-unsafe", [explain_writable_by_all(item["path"], int(item["mode"], 8))]
            )
        observed = there.get(item["path"])
        same = observed is not None and observed["stat"].kind == "file" and observed["text"] == item["content"]
        owned = same and (observed["stat"].mode, observed["stat"].owner, observed["stat"].group) == (
            int(item["mode"], 8),
            item["owner"],
            item["group"],
        )
        note(
            result,
            desired,
            item["path"],
            "as the inventory sets",
            "in sync" if owned else "out of sync" if observed else "missing",
            owned,
        )
        if not owned:
            result.actions.append(("write", item))
            private = is_private(item)
            result.before += add_heading(item["path"], format_diff((observed or {}).get("text") or "", False), private)
            result.after += add_heading(item["path"], format_diff(item["content"], True), private)
    for item in desired["links"]:
        target = (there.get(item["path"]) or {}).get("target")
        note(result, desired, item["path"], item["target"], target or "missing", target == item["target"])
        if target != item["target"]:
            result.actions.append(("link", item))
            result.before += add_heading(item["path"], f"-> {target}\n" if target else "")
            result.after += add_heading(item["path"], f"-> {item['target']}\n")
    for path in sorted(set(there) - {item["path"] for item in [*desired["files"], *desired["links"]]}):
        note(result, desired, path, "absent", there[path]["target"] or "there", False, find_mask(path, there[path]))
        result.actions.append(("remove", {"path": path}))
        observed = there[path]
        private = observed["text"] is not None and is_private({"mode": oct(observed["stat"].mode)})
        result.before += add_heading(
            path,
            f"-> {observed['target']}\n" if observed["text"] is None else format_diff(observed["text"], False),
            private,
        )
    if state["pending"] and not result.actions:
        note(result, desired, "commands", "done", "pending since a run that did not end", False)
        result.actions.append(("commands", None))
    return result.plan(desired, state)


def find_mask(path: str, found: Mapping[str, Any]) -> str:
    """Why a unit of systemd is masked by its file, as systemctl(1) does; empty where it is not."""
    folder, _slash, name = path.rpartition("/")
    what = "a link to /dev/null" if found["target"] == "/dev/null" else "an empty file" if found["text"] == "" else ""
    if not what or folder not in UNIT_FOLDERS or not name.endswith(".service"):
        return ""
    return f"{name[:-len('.service')]} is masked ({what}), so it cannot start; a run of site unmasks it"


def note(result: Draft, desired: Desired, path: str, want: str, configured: str, good: bool, mask: str = "") -> None:
    """One row of the report. `mask`: why the unit of the path is masked."""
    why = "" if good else mask or "the file is not what the inventory asks for"
    result.rows.append(Row("files", f"{desired['name']} {path}", want, "masked" if mask else configured, "",
                           "ok" if good else "drift", why, "" if good else RUN))


def format_diff(text: str, desired: bool) -> str:
    """What a diff shows of a file: of one that has our lines among those of others, ours alone.
    `desired`: the text is the set's own."""
    ours, others = marked_block.split_blocks(text)
    if ours:
        return (hide_text(others) if others else "") + ours
    return text if desired else show_own_text(text)


def is_private(item: Mapping[str, Any]) -> bool:
    """Whether a file is for its owner alone, so that its text may be a secret and is shown nowhere."""
    return not int(item["mode"], 8) & 0o077


def list_private_texts(files: Iterable[Mapping[str, Any]]) -> set[str]:
    """The texts of those files of a list that are private, for what a module keeps out of its result."""
    return {item["content"] for item in files if item.get("content") and is_private({"mode": "0644", **item})}


def add_heading(path: str, text: str, private: bool = False) -> str:
    """A file's text with its name above, for a diff of several files. That of a private one is not shown."""
    return f"# {path}\n{PRIVATE if private else text}" if text else ""


def apply(host: Host, plan: Plan) -> Applied:
    """Writes all, then runs the commands. Raises RuntimeError with what a command reported."""
    desired = plan.desired
    host.write(f"{PENDING}/{desired['name']}", "", 0o600)
    for action, item in plan.actions:
        if action == "write":
            host.write(item["path"], item["content"], int(item["mode"], 8), item["owner"], item["group"])
        elif action == "link":
            host.make_parents(item["path"])
            host.link(item["path"], item["target"])
        elif action == "remove":
            host.remove(item["path"])
    for command in desired["commands"]:
        ran = host.run(command)
        if ran.rc != 0:
            raise RuntimeError(f"{' '.join(command)} failed with exit code {ran.rc}: {(ran.err or ran.out).strip()}. "
                               "The files are written; run the playbook again")
    host.remove(f"{PENDING}/{desired['name']}")
    return Applied()
