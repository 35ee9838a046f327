# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits the files that were prepared for a platform, and pushes the source tree to a git remote that builds it."""

from __future__ import annotations

import os
import urllib.parse
from typing import Any

from ..core import urls
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import LONG_SECONDS, Host, Result, copy_environment
from ..core.plan import Draft, Plan, Row, make_rule_errors

NAME = "source_push"

SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "remote": {"type": "str", "required": True},
    "branch": {"type": "str", "required": True},
    "paths": {"type": "list", "elements": "str", "default": []},
    "pending": {"type": "bool", "default": False},
    "commit_message": {"type": "str", "required": True},
    "allow_uncommitted": {"type": "bool", "default": False},
    "prefix": {"type": "str", "default": "source_tree"},
}


#: Git asks it for a user and a password. Both are in its environment, since an argument is visible to every user, as is
#: that of the programs that git starts with a remote's URL.
HELPER = ("!f() { test \"$1\" != get || "
          "printf 'username=%s\\npassword=%s\\n' \"$XITRUM_GIT_USER\" \"$XITRUM_GIT_PASSWORD\"; }; f")


def run_git(host: Host, desired: dict[str, Any], *words: str, login: dict[str, Any] | None = None) -> Result:
    """One git command in the tree. It never asks on a terminal that nobody sees. `login` is what `read_remote`
    found. Git asks for it by the origin of the remote alone: a redirect to another one must not get it."""
    options = ["-c", "credential.helper=", "-c", f"credential.{login['origin']}.helper={HELPER}"] if login else []
    return host.run(
        ["env", "GIT_TERMINAL_PROMPT=0", "git", *options, "-C", desired["path"], *words],
        environment=login["environment"] if login else None,
        seconds=LONG_SECONDS,
        keep=copy_environment(),
        exact="-z" in words,
    )


def read_remote(host: Host, desired: dict[str, Any]) -> tuple[str, dict[str, Any] | None, str]:
    """What git is given of the remote: `(remote, login, url)`. A URL with a user and a password goes without them:
    `login` is the `environment` that holds them, and the `origin` that they are for. That of a remote's name is
    resolved. `url` is what has the secrets, for `urls.hide_all`."""
    remote = url = desired["remote"]
    if "://" not in remote:
        url = run_git(host, desired, "remote", "get-url", "--push", remote).out.strip()
    scheme, user, server, _path, _query, _fragment = urls.split(url) if "://" in url else ("", "", "", "", "", "")
    if scheme not in ("http", "https") or not user:
        return remote, None, url
    name, _colon, password = user.partition(":")
    environment = {"XITRUM_GIT_USER": urllib.parse.unquote(name), "XITRUM_GIT_PASSWORD": urllib.parse.unquote(password)}
    return url.replace(f"{user}@", "", 1), {"origin": f"{scheme}://{server}", "environment": environment}, url


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is committed here, what is there, and what is not committed.
    `failed` is the first command that failed, and what it reported."""
    remote, login, url = read_remote(host, desired)
    state: dict[str, Any] = {"failed": "", "remote": (remote, login, url)}
    commands = {
        "root": ("rev-parse", "--show-toplevel"),
        "head": ("rev-parse", "HEAD"),
        "there": ("ls-remote", remote, f"refs/heads/{desired['branch']}"),
        "status": ("status", "--porcelain", "--no-renames", "-z", "--untracked-files=all"),
    }
    for name, words in commands.items():
        result = run_git(host, desired, *words, login=login if name == "there" else None)
        if result.rc and not state["failed"]:
            failed = f"git {' '.join(words)} failed with exit code {result.rc}: {(result.err or result.out).strip()}"
            state["failed"] = urls.hide_all(failed, url)
        state[name] = "" if result.rc else result.out
    state["uncommitted"] = [(line[:2], line[3:]) for line in state.pop("status").split("\0") if line]
    return {
        **state,
        "root": state["root"].strip(),
        "head": state["head"].strip(),
        "there": state["there"].partition("\t")[0].strip(),
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides whether something is committed and pushed."""
    result, target = Draft(), f"{urls.hide_credentials(desired['remote'])} {desired['branch']}"
    if state["failed"]:
        reason = (
            f"{desired['path']} cannot be pushed to {target}: {state['failed']}. Check git remote -v there; git "
            "remote add adds one"
        )
        result.errors += make_rule_errors("tree.push-remote", [reason])
        return result.plan(desired, state)
    if os.path.realpath(state["root"]) != os.path.realpath(desired["path"]):
        reason = (
            f"{desired['path']} is a folder inside of the repository {state['root']}: a platform wants a repository of "
            "its own for it"
        )
        result.errors += make_rule_errors("tree.push-root", [reason])
    ours = sorted(path for _code, path in state["uncommitted"] if path in desired["paths"])
    others = sorted(path for code, path in state["uncommitted"] if path not in desired["paths"] and code != "??")
    if others and not desired["allow_uncommitted"]:
        reason = (f"uncommitted changes in {', '.join(others)} would not be pushed: commit or stash them, or set "
                  f"{desired['prefix']}_allow_uncommitted to true")
        result.errors += make_rule_errors("tree.uncommitted", [reason])
    if result.errors:
        return result.plan(desired, state)
    if ours or desired["pending"]:
        result.actions.append(("commit", ours))
        result.after += "".join(f"commit {path}\n" for path in ours or desired["paths"])
    same = state["head"] == state["there"] and not result.actions
    result.rows.append(
        Row(
            "source",
            f"push {target}",
            state["head"][:12],
            state["there"][:12] or "nothing",
            "",
            "ok" if same else "drift",
            "",
            "",
        )
    )
    if not same:
        result.actions.append(("push", state["remote"]))
        result.before += f"{target} {state['there'] or 'nothing'}\n"
        result.after += f"{target} {'a new commit on ' if len(result.actions) > 1 else ''}{state['head']}\n"
    return result.plan(desired, state)


def apply(host: Host, plan: Plan) -> Applied:
    """Commits and pushes. The lines that the platform printed while it built are the result `output`.
    Raises RuntimeError with what git reported."""
    desired, output = plan.desired, ""
    for action, detail in plan.actions:
        remote, login, url = detail if action == "push" else ("", None, "")
        commands = [("push", remote, f"HEAD:refs/heads/{desired['branch']}")]
        if action == "commit":
            commands = [("add", "--all", "--", *detail), ("commit", "-m", desired["commit_message"], "--", *detail)]
        for words in commands:
            done = run_git(host, desired, *words, login=login)
            output = urls.hide_all(done.err + done.out, url)
            if done.rc:
                command = urls.hide_credentials(" ".join(words))
                raise RuntimeError(
                    f"git {command} failed with exit code {done.rc} in {desired['path']}: {output.strip()}\n"
                    "Correct what git reports, then run the same command again"
                )
    return Applied({"output": output.splitlines()})


def _prepare(host: Host, desired: Desired) -> Desired:
    return {**desired, "path": host.make_absolute(desired["path"])}


def _list_secrets(desired: Desired) -> set[str]:
    return set(urls.find_credentials(desired["remote"]))


def _describe_failure(_host: Host, _plan: Plan, error: Exception) -> str:
    return f"{error}. Fix that and run the playbook again: it goes on where this ended"


def _render_header(desired: Desired) -> str:
    return desired["path"]


EXECUTION = Execution(quiet=True, secrets=_list_secrets, fenced=False, prepare=_prepare, describe=_describe_failure,
                      brief=Brief.ALWAYS, header=_render_header)
