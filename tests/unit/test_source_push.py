# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is committed and pushed, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import source_push

from tests.unit.fake_host import FakeHost

TOP, HERE, THERE = "/src/shop", "a" * 40, "b" * 40
GIT = f"env GIT_TERMINAL_PROMPT=0 git -C {TOP}"
WANTED = {"path": TOP, "remote": "heroku", "branch": "main", "paths": ["Procfile"], "pending": False, "commit_message": "Ready", "allow_uncommitted": False}
COMMIT = [f"{GIT} add --all -- Procfile", f"{GIT} commit -m Ready -- Procfile"]
PUSH = [f"{GIT} push heroku HEAD:refs/heads/main"]


def repository(there=THERE, status="", root=TOP):
    return FakeHost({}, {
        f"{GIT} rev-parse --show-toplevel": root + "\n", f"{GIT} rev-parse HEAD": HERE + "\n",
        f"{GIT} ls-remote heroku refs/heads/main": f"{there}\trefs/heads/main\n" if there else "",
        f"{GIT} status --porcelain --no-renames -z --untracked-files=all": status,
        **{words: (0, "", f"did {words.split()[5]}\n") for words in [*COMMIT, *PUSH]},
    })


def plan_of(host, **more):
    want = {**WANTED, **more}
    return want, source_push.plan(want, source_push.read(host, want))


@pytest.mark.parametrize("there, status, more, commands", [
    (HERE, "", {}, []),
    (THERE, "", {}, PUSH),
    ("", "", {}, PUSH),
    (HERE, "?? Procfile\0", {}, COMMIT + PUSH),
    (HERE, "?? notes.txt\0", {}, []),
    (THERE, " M app.scala\0", {"allow_uncommitted": True}, PUSH),
])
def test_only_what_is_needed_is_done(there, status, more, commands):
    host = repository(there, status)
    want, plan = plan_of(host, **more)
    assert (plan.problems, plan.changed) == ([], bool(commands))
    host.done.clear()
    said = source_push.apply(host, want, plan)
    assert [words for _run, words in host.done] == commands
    assert said == ("did push\n" if commands else "")


def test_check_mode_says_the_commit_that_would_come():
    _want, plan = plan_of(repository(HERE), pending=True)
    assert plan.changed
    assert plan.after == f"commit Procfile\nheroku main a new commit on {HERE}\n"


@pytest.mark.parametrize("host, said", [
    (repository(status=" M app.scala\0"), "uncommitted changes in app.scala would not be pushed"),
    (repository(root="/src"), f"{TOP} is a folder inside of the repository /src"),
    (FakeHost(), "git rev-parse --show-toplevel ended with 127"),
])
def test_what_stands_in_the_way(host, said):
    _want, plan = plan_of(host)
    assert said in "\n".join(plan.problems)
    assert not plan.changed


def test_a_push_that_is_refused_says_what_git_said():
    host = repository()
    host.commands[PUSH[0]] = (1, "", "! [rejected] main (fetch first)")
    want, plan = plan_of(host)
    with pytest.raises(RuntimeError, match=r"git push .* ended with 1: ! \[rejected\] main"):
        source_push.apply(host, want, plan)
