# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags without effect are refused, in every playbook of the collection; a user's own tags work."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.docs.role_variables import ROOT

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
REFUSED = [(["jdk"], []), (["tagged"], []), (["always"], []), (["never"], []), (["all"], ["all"]), (["all"], ["untagged"]), (["all"], ["jdk"]),
           (["all"], ["slow", "kernel"]), (["jdk"], ["always"]), (["jdk"], ["tagged"]), (["typo"], ["always", "notest"]), (["untagged", "jdk"], []),
           (["all"], ["all", "always"])]
WHOLE = [(["all"], []), (["untagged"], []), (["all", "jdk"], []), (["all"], ["tagged"]), (["all"], ["never"]), (["all"], ["always"]),
         (["all"], ["molecule-notest", "notest"])]

MINE = "{hosts: localhost, gather_facts: false, tasks: [{debug: , tags: db}, {debug: , tags: always}]}"
USERS = {
    "alone": "[{import_playbook: xitrum.host.heroku, tags: app}]",
    "always": "[{import_playbook: xitrum.host.heroku, tags: always}]",
    "both": "[{import_playbook: xitrum.host.heroku, tags: app}, %s]" % MINE,
    "mixed": "[{import_playbook: xitrum.host.heroku}, %s]" % MINE,
    "twice": "[{import_playbook: xitrum.host.heroku, tags: app}, {import_playbook: xitrum.host.openshift, tags: other}]",
    "component": "[{import_playbook: xitrum.host.heroku, tags: jdk}, %s]" % MINE,
    "unknown": "[{import_playbook: xitrum.host.heroku, tags: app}, {hosts: localhost, tasks: [{debug: , tags: '{{ of_the_host }}'}]}]",
    "wrapped": "[{import_playbook: xitrum.host.heroku}]",
}
ACCEPTED = [
    ("alone", ["app", "x"], []), ("always", ["db"], []), ("both", ["app"], []), ("both", ["db"], []), ("both", ["all"], ["db"]),
    ("both", ["app"], ["slow"]), ("alone", ["app"], ["slow"]), ("both", ["db"], ["always"]), ("both", ["db", "typo"], []),
    ("component", ["jdk"], []), ("component", ["db"], ["jdk"]), ("component", ["all"], ["jdk"]), ("unknown", ["app"], ["molecule-notest"]),
    ("both", ["tagged"], []), ("mixed", ["db"], []), ("mixed", ["all"], ["db"]), ("twice", ["app"], []),
    ("twice", ["other"], []), ("twice", ["all"], ["app"])]
WRONG = [
    ("alone", ["typo", "jdk"], [], "Found --tags jdk,typo, which selects no task of this playbook: its tags are app. Nothing was done."),
    ("alone", ["app"], ["jdk"], "Found --tags app and --skip-tags jdk, which skips no task of this playbook: its tags are app."),
    ("both", ["app"], ["jdk"], "Found --tags app and --skip-tags jdk, which skips no task of this playbook: its tags are app."),
    ("both", ["all"], ["slow", "jdk"], "Found jdk in --skip-tags jdk,slow, which skips no task of this playbook: its tags are app."),
    ("both", ["db", "jdk"], [], "Found jdk in --tags db,jdk, which selects no task of this playbook: its tags are app."),
    ("both", ["app", "kernel", "proxy"], [], "Found kernel, proxy in --tags app,kernel,proxy, which selects no task"),
    ("mixed", ["db", "jdk"], ["always"], "Found jdk in --tags db,jdk and --skip-tags always, which selects no task of this playbook: it has no tags."),
    ("always", ["typo"], ["always"], "which selects no task"), ("component", ["jdk", "kernel"], [], "Found kernel in --tags jdk,kernel"),
    ("both", ["typo"], [], "its tags are app"), ("twice", ["jdk"], [], "its tags are app"), ("wrapped", ["jdk"], [], "it has no tags"),
    ("mixed", ["jdk"], [], "it has no tags"), ("mixed", ["always"], [], "it has no tags"),
    ("wrapped", ["all"], ["jdk"], "Found --skip-tags jdk, which skips no task of this playbook: it has no tags.")]


@pytest.fixture(name="errors", scope="module")
def fixture_errors(tmp_path_factory):
    """The message for each name of a playbook, tags, and tags to skip."""
    folder = tmp_path_factory.mktemp("users")
    for name, text in USERS.items():
        (folder / f"{name}.yml").write_text(text)
    rows = [*((name, *given) for name in PLAYBOOKS for given in [*REFUSED, *WHOLE]), *ACCEPTED, *(row[:3] for row in WRONG)]
    commands = [((folder if name in USERS else ROOT / "playbooks") / f"{name}.yml", *given) for name, *given in rows]
    ran = subprocess.run([sys.executable, "-m", "tests.unit.tag_selection_errors"], input=json.dumps(commands, default=str), cwd=ROOT, text=True,
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
    assert not found


def tags_in(value):
    """Every value of a key `tags`."""
    if isinstance(value, dict):
        yield from (item for name, item in value.items() if name == "tags")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tags_in(item)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_the_hosts_of_the_first_play_ask(name):
    """Ansible evaluates them whatever the tags and the limit are."""
    path = ROOT / "playbooks" / f"{name}.yml"
    first = yaml.safe_load(path.read_text())[0]
    while "ansible.builtin.import_playbook" in first:
        path = path.parent / first["ansible.builtin.import_playbook"]
        first = yaml.safe_load(path.read_text())[0]
    assert "groups | xitrum.host.working_hosts(" in first["hosts"]


def test_tags_cannot_skip_what_refuses_them(run_each):
    """Not even `always`, and not where a limit leaves no play for the controller."""
    limited = ["--tags", "jdk", "--skip-tags", "always", "-i", "app1,", "--limit", "app1"]
    runs = run_each([["xitrum.host.site", *limited], ["xitrum.host.openshift", *limited], ["xitrum.host.heroku", "--tags", "jdk", "--skip-tags", "tagged"]])
    for code, output in runs:
        assert code == 4 and "Found --tags jdk and --skip-tags" in output and "Nothing was done." in output and "PLAY [" not in output, output


@pytest.mark.long
def test_a_run_whose_tags_have_an_effect_goes_on(run_each):
    code, output = run_each([["xitrum.host.check", "--skip-tags", "molecule-notest,notest"]])[0]
    assert code == 2 and "has no host in the groups xitrum and xitrum_proxy." in output


@pytest.mark.long
def test_nothing_of_a_users_playbook_runs_before_an_import_that_is_first(run_each, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(USERS["both"])
    for options, words in ((["--tags", "db,jdk"], "Found jdk in --tags db,jdk"), (["--tags", "app", "--skip-tags", "jdk"], "skips no task")):
        code, output = run_each([[path, *options]])[0]
        assert code == 4 and words in output and "TASK" not in output
    code, output = run_each([[path, "--tags", "db"]])[0]
    assert code == 0 and "TASK [debug]" in output


@pytest.mark.parametrize("started", ["xitrum.host.heroku", "playbooks/heroku.yml"])
def test_ansible_ends_such_a_run_with_an_error(run_each, started):
    code, output = run_each([[started, "--tags", "jdk"]])[0]
    assert code == 4 and "Found --tags jdk, which selects no task of this playbook: it has no tags." in output


@pytest.fixture(name="run_each")
def fixture_run_each():
    """A function that runs ansible-playbook with each list of arguments, two at a time, and returns exit codes and what was printed."""
    def run(arguments):
        ran = subprocess.run(["ansible-playbook", "-i", "localhost,", *arguments], cwd=ROOT, text=True, capture_output=True, check=False,
                             env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
        return ran.returncode, ran.stdout + ran.stderr

    def run_each(rows):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, rows))

    return run_each
