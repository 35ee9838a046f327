# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits the files that were prepared for a platform, and pushes the source tree to a git remote that builds it."""

from __future__ import annotations

import os

from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan, Row

SPEC = {
    "path": {"type": "path", "required": True},
    "remote": {"type": "str", "required": True},
    "branch": {"type": "str", "required": True},
    "paths": {"type": "list", "elements": "str", "default": []},
    "pending": {"type": "bool", "default": False},
    "commit_message": {"type": "str", "required": True},
    "allow_uncommitted": {"type": "bool", "default": False},
}


def git(host, wanted, *words):
    """One git command in the tree. It never asks on a terminal that nobody sees."""
    return host.run(["env", "GIT_TERMINAL_PROMPT=0", "git", "-C", wanted["path"], *words])


def read(host, wanted):
    """What is committed here, what is there, and what is not committed. C(failed) is the first command that failed, and what it said."""
    state = {"failed": ""}
    asked = {
        "root": ("rev-parse", "--show-toplevel"),
        "head": ("rev-parse", "HEAD"),
        "there": ("ls-remote", wanted["remote"], f"refs/heads/{wanted['branch']}"),
        "status": ("status", "--porcelain", "--no-renames", "-z", "--untracked-files=all"),
    }
    for name, words in asked.items():
        said = git(host, wanted, *words)
        if said.rc and not state["failed"]:
            state["failed"] = f"git {' '.join(words)} ended with {said.rc}: {(said.err or said.out).strip()}"
        state[name] = "" if said.rc else said.out
    state["uncommitted"] = [(line[:2], line[3:]) for line in state.pop("status").split("\0") if line]
    return {**state, "root": state["root"].strip(), "head": state["head"].strip(), "there": state["there"].partition("\t")[0].strip()}


def plan(wanted, state):
    """Decides whether something is committed and pushed."""
    result, target = Plan(), f"{wanted['remote']} {wanted['branch']}"
    if state["failed"]:
        result.problems.append(f"{wanted['path']} cannot be pushed to {target}: {state['failed']}. Look at git remote -v there; git remote add adds one.")
        return result
    if os.path.realpath(state["root"]) != os.path.realpath(wanted["path"]):
        result.problems.append(f"{wanted['path']} is a folder inside of the repository {state['root']}: a platform wants a repository of its own for it")
    ours = sorted(path for _code, path in state["uncommitted"] if path in wanted["paths"])
    others = sorted(path for code, path in state["uncommitted"] if path not in wanted["paths"] and code != "??")
    if others and not wanted["allow_uncommitted"]:
        result.problems.append(f"uncommitted changes in {', '.join(others)} would not be pushed: commit or stash them, or allow uncommitted changes")
    if result.problems:
        return result
    if ours or wanted["pending"]:
        result.actions.append(("commit", ours))
        result.after += "".join(f"commit {path}\n" for path in ours or wanted["paths"])
    same = state["head"] == state["there"] and not result.actions
    result.rows.append(Row("source", f"push {target}", state["head"][:12], state["there"][:12] or "nothing", "", "ok" if same else "differs", "", ""))
    if not same:
        result.actions.append(("push", None))
        result.before += f"{target} {state['there'] or 'nothing'}\n"
        result.after += f"{target} {'a new commit on ' if len(result.actions) > 1 else ''}{state['head']}\n"
    return result


def apply(host, wanted, planned):
    """Commits, pushes, and returns what the platform said while it built. Raises RuntimeError with what git said."""
    said = ""
    for action, paths in planned.actions:
        commands = [("push", wanted["remote"], f"HEAD:refs/heads/{wanted['branch']}")]
        if action == "commit":
            commands = [("add", "--all", "--", *paths), ("commit", "-m", wanted["commit_message"], "--", *paths)]
        for words in commands:
            done = git(host, wanted, *words)
            if done.rc:
                raise RuntimeError(f"git {' '.join(words)} ended with {done.rc}: {(done.err + done.out).strip()}")
            said = done.err + done.out
    return said
