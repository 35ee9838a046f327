# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares an application's source tree for a platform: all its files are read, planned and written as one.

Texts are planned by L(hocon_edit), L(logback) and L(source_text), which change single settings. A whole file that is written
carries L(MARK), by which a later run knows its own files from the user's.
"""

from __future__ import annotations

import os
import re

from ansible_collections.xitrum.host.plugins.module_utils import hocon_edit, logback, source_text
from ansible_collections.xitrum.host.plugins.module_utils.file_set import headed
from ansible_collections.xitrum.host.plugins.module_utils.host import group_name, user_name
from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan, Row

MARK = "Written by xitrum.host"

SPEC = {
    "path": {"type": "path", "required": True},
    "project": {"type": "str", "default": "."},
    "allow_uncommitted": {"type": "bool", "default": False},
    "files": {
        "type": "list", "elements": "dict", "default": [],
        "options": {"path": {"type": "str", "required": True}, "content": {"type": "str", "required": True}, "mode": {"type": "str", "default": "0644"}},
    },
    "absent": {"type": "list", "elements": "str", "default": []},
    "keep": {"type": "list", "elements": "str", "default": []},
    "entries": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": sorted(source_text.SEPARATORS)},
            "values": {"type": "dict", "required": True},
        },
    },
    "settings": {"type": "dict", "default": {}},
    "settings_out": {"type": "list", "elements": "str", "default": []},
    "console": {"type": "bool", "default": False},
    "aliases": {"type": "dict", "default": {}},
}

#: What makes a folder a Xitrum project: a path in it, what its text has (a pattern), and how that is said.
CONFIG, LOGGING, BUILD = "config/xitrum.conf", "config/logback.xml", "build.sbt"
PROJECT = (
    (BUILD, r"xitrum", "which depends on xitrum"),
    ("project/plugins.sbt", r"xitrum-package", "with the sbt plugin xitrum-package"),
    (CONFIG, r"", "Xitrum's configuration"),
    (LOGGING, r"", "the configuration of its log"),
    ("script/runner", r"", "the program that starts it"),
)


def inside(project, path):
    """The path of a project's file in the tree."""
    return os.path.normpath(os.path.join(project, path))


def read(host, wanted):
    """The texts that matter, and what git says of the tree."""
    top, project = wanted["path"], wanted["project"]
    paths = {inside(project, path) for path, _pattern, _what in PROJECT}
    paths |= {item["path"] for item in [*wanted["files"], *wanted["entries"]]} | set(wanted["absent"])
    state = {"there": host.exists(top), "files": {}, "git": "", "root": "", "uncommitted": []}
    for path in sorted(paths):
        found = host.stat(f"{top}/{path}")
        if found is not None:
            state["files"][path] = {"stat": found, "text": host.read(f"{top}/{path}") if found.kind == "file" else None}
    said = host.run(["git", "-C", top, "rev-parse", "--show-toplevel"])
    state["git"] = (said.err or said.out).strip() if said.rc else ""
    state["root"] = "" if said.rc else said.out.strip()
    if not said.rc:
        status = host.run(["git", "-C", top, "status", "--porcelain", "--no-renames", "-z", "--untracked-files=all", "--", "."])
        prefix = host.run(["git", "-C", top, "rev-parse", "--show-prefix"]).out.strip()
        state["uncommitted"] = [(line[:2], line[3:][len(prefix):]) for line in status.out.split("\0") if line]
    return state


def plan(wanted, state):
    """Decides which files are written and removed, and what stands in the way."""
    result, changes = Plan(facts={"paths": []}), {}
    result.problems = tree_problems(wanted, state)
    if not result.problems:
        changes = texts(wanted, state, result.problems)
    for path, (text, mode) in sorted(changes.items()):
        has = state["files"].get(path)
        same = has is not None and has["text"] == text and (mode is None or has["stat"].mode & 0o111 == mode & 0o111)
        if text is None and has is None:
            continue
        result.facts["paths"].append(path)
        want, configured = "absent" if text is None else "as the platform needs it", "so" if same else "otherwise" if has else "missing"
        result.rows.append(Row("source", path, want, configured, "", "ok" if same else "differs", "", ""))
        if not same:
            kept = has["stat"].mode & 0o775 if has else 0o644
            result.actions.append((path, text, mode if mode is not None else kept))
            result.before += headed(path, (has or {}).get("text") or "")
            result.after += headed(path, text or "")
    if result.actions and not wanted["allow_uncommitted"]:
        result.problems += uncommitted_problems(wanted, state, {path for path, _text, _mode in result.actions})
    return result


def tree_problems(wanted, state):
    """Why this is no source tree of a Xitrum application in git; all reasons at once."""
    top, project = wanted["path"], wanted["project"]
    if not state["there"]:
        return [f"there is no folder {top}: name the application's source tree"]
    problems = []
    if state["git"]:
        problems.append(f"{top} is not in a git repository that can be read ({state['git']}): run git init and commit it, or name another folder")
    missing = []
    for path, pattern, what in PROJECT:
        has = state["files"].get(inside(project, path))
        if has is None or has["text"] is None or not re.search(pattern, has["text"]):
            missing.append(f"{inside(project, path)} ({what})")
    if missing:
        problems.append(f"{top} is no Xitrum project, it lacks {', '.join(missing)}: name the folder that has build.sbt, or add what is missing")
    elif "\r" in state["files"][inside(project, "script/runner")]["text"]:
        problems.append(f"{top}/{inside(project, 'script/runner')} has Windows line ends, with which Linux cannot run it: save it with Unix ones (LF)")
    return problems


def texts(wanted, state, problems):
    """Path to what its text (None: removed) and mode (None: as it is) shall be. What cannot be is added to the problems."""
    project, keep, new = wanted["project"], set(wanted["keep"]), {}
    has = {path: item["text"] for path, item in state["files"].items()}
    edits = [(inside(project, CONFIG), lambda text: configured(text, wanted)), (inside(project, LOGGING), lambda text: logged(text, wanted))]
    edits += [(inside(project, BUILD), lambda text, item=item: source_text.alias(text, *item)) for item in wanted["aliases"].items()]
    edits += [(item["path"], lambda text, item=item: source_text.entries(text or "", item["kind"], item["values"])) for item in wanted["entries"]]
    for path, edit in edits:
        if path in keep:
            continue
        try:
            if path in has and has[path] is None:
                raise ValueError("it is no regular file, and one is wanted. Remove it")
            new[path] = (edit(new[path][0] if path in new else has.get(path)), None)
        except ValueError as error:
            problems.append(f"{wanted['path']}/{path}: {error}")
    for item in wanted["files"]:
        path, there = item["path"], has.get(item["path"])
        if path in keep or (path in state["files"] and not item["content"]):
            continue
        if path in state["files"] and MARK not in (there or ""):
            problems.append(f"{wanted['path']}/{path} is there and was not written by xitrum.host: move it away, or name it among the files that are kept")
        new[path] = (item["content"], int(item["mode"], 8))
    for path in set(wanted["absent"]) - keep:
        if MARK in (has.get(path) or ""):
            new[path] = (None, None)
    return new


def configured(text, wanted):
    """The text of C(config/xitrum.conf) with the wanted settings."""
    for key, value in wanted["settings"].items():
        text = text if hocon_edit.value_of(text, key) == value else hocon_edit.put(text, key, value)
    for key in wanted["settings_out"]:
        text = hocon_edit.put_out(text, key)
    return text


def logged(text, wanted):
    """The text of C(config/logback.xml)."""
    return logback.to_console(text) if wanted["console"] else text


def uncommitted_problems(wanted, state, changing):
    """One sentence where work would be mixed with ours that git could not bring back. A new file of the user's is safe."""
    lost = sorted({path for code, path in state["uncommitted"] if code != "??" or path in changing})
    if not lost:
        return []
    return [f"{wanted['path']} has uncommitted changes in {', '.join(lost)}: commit or stash them, or allow uncommitted changes"]


def apply(host, wanted, planned):
    """Writes and removes the files. A file that was there keeps its owner."""
    for path, text, mode in planned.actions:
        whole = f"{wanted['path']}/{path}"
        if text is None:
            host.remove(whole)
            continue
        has = host.stat(whole)
        owner, group = (has.owner, has.group) if has else (user_name(os.geteuid()), group_name(os.getegid()))
        host.write(whole, text, mode, owner, group)
