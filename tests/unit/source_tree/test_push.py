# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is committed and pushed, and what is refused."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import push as source_push

from tests.unit.fake_host import FakeHost

TOP, LOCAL, REMOTE = "/src/shop", "a" * 40, "b" * 40
GIT = f"env GIT_TERMINAL_PROMPT=0 git -C {TOP}"
DESIRED = {"path": TOP, "remote": "heroku", "branch": "main", "paths": ["Procfile"], "pending": False, "commit_message": "Ready", "allow_uncommitted": False,
           "prefix": "heroku"}
COMMIT = [f"{GIT} add --all -- Procfile", f"{GIT} commit -m Ready -- Procfile"]
PUSH = [f"{GIT} push heroku HEAD:refs/heads/main"]


def repository(there=REMOTE, status="", root=TOP):
    return FakeHost({}, {
        f"{GIT} rev-parse --show-toplevel": root + "\n", f"{GIT} rev-parse HEAD": LOCAL + "\n",
        f"{GIT} ls-remote heroku refs/heads/main": f"{there}\trefs/heads/main\n" if there else "",
        f"{GIT} status --porcelain --no-renames -z --untracked-files=all": status,
        **{words: (0, "", f"did {words.split()[5]}\n") for words in [*COMMIT, *PUSH]},
    })


def plan_of(host, **more):
    want = {**DESIRED, **more}
    return want, source_push.plan(want, source_push.read(host, want))


@pytest.mark.parametrize("there, status, more, commands", [
    (LOCAL, "", {}, []),
    (REMOTE, "", {}, PUSH),
    ("", "", {}, PUSH),
    (LOCAL, "?? Procfile\0", {}, COMMIT + PUSH),
    (LOCAL, "?? notes.txt\0", {}, []),
    (REMOTE, " M app.scala\0", {"allow_uncommitted": True}, PUSH),
])
def test_only_what_is_needed_is_done(there, status, more, commands):
    host = repository(there, status)
    want, plan = plan_of(host, **more)
    assert (list(plan.errors), plan.changed) == ([], bool(commands))
    host.done.clear()
    output = source_push.apply(host, plan).results["output"]
    assert [words for _run, words in host.done] == commands
    assert output == (["did push"] if commands else [])


def test_check_mode_reports_the_commit_that_would_come():
    _want, plan = plan_of(repository(LOCAL), pending=True)
    assert plan.changed
    assert plan.after == f"commit Procfile\nheroku main a new commit on {LOCAL}\n"


@pytest.mark.parametrize("host, message", [
    (repository(status=" M app.scala\0"),
     "uncommitted changes in app.scala would not be pushed: commit or stash them, or set heroku_allow_uncommitted to true"),
    (repository(root="/src"), f"{TOP} is a folder inside of the repository /src"),
    (FakeHost(), "git rev-parse --show-toplevel failed with exit code 127"),
])
def test_errors_of_a_push(host, message):
    _want, plan = plan_of(host)
    assert message in "\n".join(plan.errors)
    assert not plan.changed


def test_a_push_that_is_refused_reports_what_git_reported():
    host = repository()
    host.commands[PUSH[0]] = (1, "", "! [rejected] main (fetch first)")
    want, plan = plan_of(host)
    with pytest.raises(RuntimeError, match=r"git push .* failed with exit code 1 in /src/shop: ! \[rejected\] main"):
        source_push.apply(host, plan)


URL, PLAIN = "https://bob:s3cret%2Fword@git.example/shop.git", "https://git.example/shop.git"
LOGIN = {"XITRUM_GIT_USER": "bob", "XITRUM_GIT_PASSWORD": "s3cret/word"}


class Loud(FakeHost):
    """A host on which every command fails and quotes its arguments, the URL and the password."""

    def run(self, argv, data=None, environment=None, **more):
        super().run(argv, data, environment, **more)
        if "get-url" in argv:
            return source_push_result(0, URL + "\n", "")
        return source_push_result(1, "", f"{' '.join(argv)}: cannot access '{URL}', password s3cret/word refused")


def source_push_result(*values):
    return type("Result", (), dict(zip(("rc", "out", "err"), values, strict=True)))


@pytest.mark.parametrize("remote", [URL, "heroku"])
def test_no_command_line_and_no_message_has_the_password_of_a_remote(remote):
    host = Loud()
    want, plan = plan_of(host, remote=remote)
    with pytest.raises(RuntimeError) as caught:
        source_push.apply(host, Plan(actions=[("push", source_push.read_remote(host, want))], desired=want))
    texts = [*plan.errors, str(caught.value), *(words for _run, words in host.done)]
    assert len(plan.errors) == 1 and not [text for text in texts if "s3cret" in text]
    # Git is called without them, and gets them by its environment.
    assert [words.rpartition(f"-C {TOP} ")[2] for _run, words in host.done if PLAIN in words] == [
        f"ls-remote {PLAIN} refs/heads/main", f"push {PLAIN} HEAD:refs/heads/main"]
    assert host.environments == [LOGIN, LOGIN]


@pytest.mark.parametrize("remote", [
    "heroku", "ssh://git@git.example/shop.git", "git@git.example:shop.git", "https://git.example/shop.git"])
def test_a_remote_without_a_password_is_reported_as_it_is(remote):
    host = FakeHost({}, {f"{GIT} remote get-url --push heroku": "https://git.example/shop.git\n"})
    assert source_push.read_remote(host, {**DESIRED, "remote": remote})[:2] == (remote, None)
    assert source_push.plan({**DESIRED, "remote": remote}, source_push.read(host, {**DESIRED, "remote": remote})).errors
    assert host.environments == []


def test_the_helper_gives_git_what_the_environment_has(tmp_path):
    """Real git, requested the credentials of a server."""
    command = ["git", "-c", "credential.helper=", "-c", f"credential.helper={source_push.HELPER}", "credential", "fill"]
    done = subprocess.run(
        command, input="protocol=https\nhost=git.example\n\n", capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, **LOGIN, "GIT_TERMINAL_PROMPT": "0"})
    assert "username=bob\npassword=s3cret/word\n" in done.stdout
