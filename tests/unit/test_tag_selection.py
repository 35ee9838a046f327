# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags without effect are refused, in every playbook of the collection; a user's own tags work."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.docs.role_variables import ROOT

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
REFUSED = [(["jdk"], []), (["tagged"], []), (["always"], []), (["never"], []), (["all"], ["all"]), (["all"], ["untagged"]), (["all"], ["jdk"]),
           (["all"], ["slow", "kernel"])]
WHOLE = [(["all"], []), (["untagged"], []), (["all", "jdk"], []), (["all"], ["tagged"]), (["all"], ["never"]), (["all"], ["molecule-notest", "notest"])]

MINE = "{hosts: localhost, gather_facts: false, tasks: [{debug: , tags: db}, {debug: , tags: always}]}"
USERS = {
    "alone": "[{import_playbook: xitrum.host.heroku, tags: app}]",
    "always": "[{import_playbook: xitrum.host.heroku, tags: always}]",
    "beside": "[{import_playbook: xitrum.host.heroku, tags: app}, %s]" % MINE,
    "mixed": "[{import_playbook: xitrum.host.heroku}, %s]" % MINE,
    "twice": "[{import_playbook: xitrum.host.heroku, tags: app}, {import_playbook: xitrum.host.openshift, tags: other}]",
    "wrapped": "[{import_playbook: xitrum.host.heroku}]",
}
ACCEPTED = [
    ("alone", ["app", "x"], []), ("always", ["db"], []), ("beside", ["app"], []), ("beside", ["db"], []), ("beside", ["all"], ["db"]),
    ("beside", ["app"], ["slow"]), ("beside", ["app"], ["jdk"]), ("alone", ["app"], ["slow"]),
    ("beside", ["tagged"], []), ("mixed", ["db"], []), ("mixed", ["all"], ["db"]), ("twice", ["app"], []),
    ("twice", ["other"], []), ("twice", ["all"], ["app"])]
WRONG = [
    ("alone", ["typo", "jdk"], [], "Found --tags jdk,typo, which selects no task of this playbook: its tags are app. Nothing was done."),
    ("alone", ["app"], ["jdk"], "Found --tags app and --skip-tags jdk, which skips no task of this playbook: its tags are app."),
    ("beside", ["typo"], [], "its tags are app"), ("twice", ["jdk"], [], "its tags are app"), ("wrapped", ["jdk"], [], "it has no tags"),
    ("mixed", ["jdk"], [], "it has no tags"), ("mixed", ["always"], [], "it has no tags"),
    ("wrapped", ["all"], ["jdk"], "Found --skip-tags jdk, which skips no task of this playbook: it has no tags.")]


@pytest.fixture(name="errors", scope="module")
def fixture_errors(tmp_path_factory):
    """The message for each name of a playbook, tags, and tags to skip."""
    folder = tmp_path_factory.mktemp("users")
    for name, text in USERS.items():
        (folder / f"{name}.yml").write_text(text)
    rows = [*((name, *given) for name in PLAYBOOKS for given in [*REFUSED, *WHOLE]), *ACCEPTED, *(row[:3] for row in WRONG)]
    asked = [((folder if name in USERS else ROOT / "playbooks") / f"{name}.yml", *given) for name, *given in rows]
    ran = subprocess.run([sys.executable, "-m", "tests.unit.tag_selection_errors"], input=json.dumps(asked, default=str), cwd=ROOT, text=True,
                         capture_output=True, check=True)
    return {json.dumps(row): message for row, message in zip(rows, json.loads(ran.stdout), strict=True)}


@pytest.mark.parametrize("name", PLAYBOOKS)
@pytest.mark.parametrize("given", REFUSED, ids=str)
def test_tags_that_a_playbook_does_not_have_are_refused(errors, name, given):
    message = errors[json.dumps([name, *given])]
    assert "it has no tags. Nothing was done." in message and "Run it again without --tags and --skip-tags." in message


@pytest.mark.parametrize("name", PLAYBOOKS)
@pytest.mark.parametrize("given", WHOLE, ids=str)
def test_tags_with_which_the_whole_playbook_runs_are_accepted(errors, name, given):
    assert errors[json.dumps([name, *given])] == ""


@pytest.mark.parametrize("row", ACCEPTED, ids=str)
def test_tags_of_a_users_own_are_accepted(errors, row):
    assert errors[json.dumps(row)] == ""


@pytest.mark.parametrize(("name", "only", "skip", "words"), WRONG)
def test_wrong_tags_are_refused_in_a_users_playbook(errors, name, only, skip, words):
    assert words in errors[json.dumps([name, only, skip])]


def test_no_file_of_the_collection_has_another_tag():
    """A task with a tag of its own would run, or be left out, without the others."""
    found = {}
    for path in [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("roles/*/handlers/**/*.yml")]:
        found.update({str(path.relative_to(ROOT)): tags for tags in tags_in(yaml.safe_load(path.read_text()))})
    assert found == {"playbooks/tasks/tag_selection.yml": "always"}


def tags_in(value):
    """Every value of a key `tags`."""
    if isinstance(value, dict):
        yield from (item for name, item in value.items() if name == "tags")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tags_in(item)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_the_first_play_of_hosts_and_that_of_the_controller_ask(name):
    """With --limit no play of the controller runs."""
    def plays(path):
        for play in yaml.safe_load(path.read_text()):
            if "ansible.builtin.import_playbook" in play:
                yield from plays(path.parent / play["ansible.builtin.import_playbook"])
            else:
                yield play

    every = list(plays(ROOT / "playbooks" / f"{name}.yml"))
    first = [play for play in every if play["hosts"] == "localhost"][:1] + [play for play in every if play["hosts"] != "localhost"][:1]
    for play in first:
        assert play["tasks"][0].get("ansible.builtin.import_tasks", "").endswith("tasks/tag_selection.yml"), play["name"]


@pytest.mark.parametrize("started", ["xitrum.host.heroku", "playbooks/heroku.yml"])
def test_ansible_ends_such_a_run_with_an_error(started):
    ran = subprocess.run(["ansible-playbook", "-i", "localhost,", started, "--tags", "jdk"], cwd=ROOT, text=True, capture_output=True, check=False,
                         env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert ran.returncode == 2 and "Found --tags jdk, which selects no task of this playbook: it has no tags." in ran.stdout
