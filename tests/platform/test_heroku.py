# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree for Heroku: prepared, pushed to a repository that stages it, and its Procfile run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess

import pytest

from tests.lib import demo_instance
from tests.platform.conftest import CONFIG, ENVIRONMENT, ROOT, make_tree, read_contents, run_git, run_playbook, start_process, wait_for_answer

KEYS = {"CONFIG_FORCE_xitrum_session_secureKey": "k" * 64, "CONFIG_FORCE_xitrum_metrics_apiKey": "of-the-platform"}
HOOK = """#!/bin/bash
# What the platform does with a push: the build's alias stage.
set -euo pipefail
mkdir -p ../built
unset GIT_DIR
git --work-tree=../built --git-dir=. checkout -qf main
cd ../built
sbt/sbt compile stage
echo "staged"
"""


@pytest.fixture(scope="module")
def pushed(tmp_path_factory, package):
    """A tree that was inspected, and then prepared and pushed, twice in a row."""
    top = tmp_path_factory.mktemp("heroku")
    tree = make_tree(top / "shop")
    run_git(top, "init", "-q", "--bare", "-b", "main", "platform.git")
    (top / "platform.git" / "hooks" / "post-receive").write_text(HOOK)
    (top / "platform.git" / "hooks" / "post-receive").chmod(0o755)
    run_git(tree, "remote", "add", "heroku", str(top / "platform.git"))
    (top / "bin").mkdir()
    (top / "bin" / "heroku").write_text('#!/bin/sh\necho "queried: $*"\nexec sleep 60\n')
    (top / "bin" / "heroku").chmod(0o755)
    environment = {"DEMO_PACKAGE": str(package), "PATH": f"{top / 'bin'}:{ENVIRONMENT['PATH']}"}
    desired = {"heroku_path": str(tree), "heroku_push_remote": "heroku"}
    before = read_contents(tree)
    runs = {"check": run_playbook("heroku", ["--check", "--diff"], environment, **desired), "untouched": read_contents(tree) == before}
    runs["twice"] = run_playbook("heroku", [], environment, times=2, heroku_logs_seconds=1, **desired)
    return top, runs


def test_check_mode_shows_all_and_changes_nothing(pushed):
    run = pushed[1]["check"]
    assert (run.code, run.changed) == (0, 2), run.text
    assert pushed[1]["untouched"]
    assert [line[11:] for line in run.text.splitlines() if line.startswith("+++ after: ")][:5] == [
        "Procfile", "build.sbt", "config/logback.xml", CONFIG, "system.properties"]
    assert ('  heroku config:set --remote heroku CONFIG_FORCE_xitrum_session_secureKey="$(openssl rand -hex 32)" '
            'CONFIG_FORCE_xitrum_metrics_apiKey="$(openssl rand -hex 32)"\n') in run.text
    assert "__source_tree" not in run.text
    for line in ("+    http  = ${PORT}", "+    #https = 4430", '+addCommandAlias("stage", ";xitrumPackage")', "+java.runtime.version=17",
                 '+        <appender-ref ref="STDOUT"/>', "+commit Procfile"):
        assert line in run.text


def test_a_second_run_changes_and_pushes_nothing(pushed):
    """The first changes the tree and pushes it: two tasks."""
    run = pushed[1]["twice"]
    assert (run.code, run.changed) == (0, 2), run.text
    assert run.text.count("remote: staged") == 1


def test_the_tree_is_prepared_and_its_other_lines_stay(pushed):
    lines = run_git(pushed[0] / "shop", "diff", "--numstat", "HEAD~1", "--", CONFIG, "build.sbt", "config/logback.xml").splitlines()
    assert [line.split() for line in lines] == [["2", "0", "build.sbt"], ["6", "0", "config/logback.xml"], ["4", "2", CONFIG]]
    assert run_git(pushed[0] / "shop", "status", "--porcelain") == ""


def test_the_platform_staged_it_and_its_log_was_followed(pushed):
    assert "queried: logs --tail --remote heroku" in pushed[1]["twice"].text
    assert run_git(pushed[0] / "platform.git", "log", "-1", "--format=%s", "main").strip() == "Prepare the source tree for Heroku"


def test_the_procfile_runs_it_on_the_port_that_it_is_given(pushed):
    built, port = pushed[0] / "built", demo_instance.find_free_port()
    with start_process(["honcho", "start", "--no-colour"], built, {"PORT": str(port), **KEYS}) as runner:
        answer = wait_for_answer(port, lambda: runner.poll() is None)
        key = demo_instance.request(port, "/xitrum/metrics/viewer?api_key=of-the-platform")
        assert key.status == 200
        assert (answer.status, "_session" in str(answer.headers)) == (200, True)
        runner.send_signal(signal.SIGTERM)
        runner.wait(30)
        with pytest.raises(ConnectionRefusedError):
            demo_instance.request(port, "/")
    output = (built / "output").read_text()
    assert "started in production mode" in output, output
    assert f"HTTP server started on port {port}" in output and "HTTPS server started" not in output
    # The user's own appender goes on as well.
    assert "started in production mode" in (built / "target" / "xitrum" / "log" / "xitrum.log").read_text()


def test_without_a_port_it_ends_and_names_it(pushed):
    built = pushed[0] / "built"
    web = (built / "Procfile").read_text().partition("web: ")[2].strip()
    assert shlex.split(web)[-2:] == ["target/xitrum/script/runner", "quickstart.Boot"]
    done = subprocess.run(["bash", "-c", web], cwd=built, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "PORT" in done.stdout + done.stderr) == (1, True), done.stdout + done.stderr


def test_a_folder_that_is_no_project_is_left_alone(tmp_path):
    tree = make_tree(tmp_path / "shop")
    run_git(tree, "rm", "-q", "project/plugins.sbt")
    before = read_contents(tree)
    # A relative path begins where Ansible is started.
    run = run_playbook("heroku", heroku_path=os.path.relpath(tree, ROOT))
    assert run.code == 2 and run.changed == 0
    assert f"{tree} is not a Xitrum project, it lacks project/plugins.sbt" in " ".join(run.text.split())
    assert read_contents(tree) == before


def test_a_failure_has_each_error_once_and_no_rows(tmp_path):
    tree = make_tree(tmp_path / "shop")
    (tree / ".gitignore").write_text("target/\nProcfile\n")
    run = run_playbook("heroku", heroku_path=str(tree))
    assert run.code == 2 and run.changed == 0, run.text
    printed = " ".join(run.text.split())
    for output in ("is ignored by git (.gitignore line 2: Procfile), so that no commit and no push would have it",
                   "has uncommitted changes in .gitignore: commit or stash them, or set heroku_allow_uncommitted to true"):
        assert printed.count(output) == 1, run.text
    assert '"rows"' not in printed and '"errors"' not in printed and "rows:" not in printed


def test_every_wrong_value_is_reported_at_once_and_without_a_specification(tmp_path):
    tree = make_tree(tmp_path / "shop")
    before = read_contents(tree)
    run = run_playbook("heroku", heroku_path=str(tree), heroku_heap="foo", heroku_java_version=-3, heroku_main_clas="x", heroku_logs_seconds="soon")
    assert (run.code, run.changed) == (2, 0)
    output = " ".join(run.text.split())
    for sentence in ("the variable heroku_main_clas is set, and no role knows it: did you mean heroku_main_class?",
                     "heroku_java_version is -3: expected a whole number from 8 to 99", "heroku_logs_seconds is 'soon': expected a whole number",
                     "heroku_heap is 'foo': expected a size as -Xmx takes it, such as 512m or 2g"):
        assert output.count(sentence) == 1, run.text
    assert "jvm_environment" not in output and "<unknown>" not in output
    assert read_contents(tree) == before


def test_a_missing_path_is_one_sentence():
    run = run_playbook("heroku")
    assert run.code == 2
    assert "heroku_path is not set: expected the folder of the application's source tree. Set it with -e heroku_path=FOLDER" in " ".join(run.text.split())
    assert "argument_spec" not in run.text and "heroku_push_branch" not in run.text


def test_an_sbt_that_runs_on_java_8_alone_gets_it(tmp_path):
    tree = make_tree(tmp_path / "shop")
    (tree / "project/build.properties").write_text("sbt.version=0.13.2\n")
    run_git(tree, "commit", "-qam", "Old sbt")
    refused = run_playbook("heroku", heroku_path=str(tree), heroku_java_version=17)
    assert (refused.code, refused.changed) == (2, 0)
    assert "heroku_java_version is 17, and sbt 0.13.2 (project/build.properties) runs on Java 8 alone: expected 8, or sbt 0.13.17 or newer" in refused.text
    run = run_playbook("heroku", heroku_path=str(tree))
    assert (run.code, run.changed) == (0, 1), run.text
    assert (tree / "system.properties").read_text() == "java.runtime.version=1.8\n"
    assert "JDK_JAVA_OPTIONS" not in (tree / "Procfile").read_text() and "Java 8 was chosen" in run.text
