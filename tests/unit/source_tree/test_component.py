# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree is prepared as a whole, or not at all."""

from __future__ import annotations

import posixpath
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import xitrum_conf as package_config
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, Stat
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import component as source_tree

from tests.unit.fake_host import FakeHost

TOP = "/src/shop"
PROJECT = {
    "build.sbt": 'libraryDependencies += "tv.cntt" %% "xitrum" % "3.31.0"\n',
    "project/plugins.sbt": 'addSbtPlugin("tv.cntt" % "xitrum-package" % "2.0.0")\n',
    "config/xitrum.conf": "xitrum {\n  port {\n    http = 8000\n    https = 4430\n  }\n}\n",
    "config/logback.xml": "<configuration/>\n",
    "script/runner": "#!/bin/bash\n",
}
HOOK = f"# {source_tree.MARK}\n"


def tree(files=None, status="", top=TOP, root=TOP, folder=""):
    """A host with a project in git. `status`: what git finds uncommitted, as it prints that."""
    prefix = f"{folder}/" if folder else ""
    whole = {f"{top}/{prefix}{path}": text for path, text in {**PROJECT, **(files or {})}.items() if text is not None}
    git = f"git -C {top}"
    return FakeHost(whole, {
        f"{git} rev-parse --show-toplevel": root + "\n", f"{git} rev-parse --show-prefix": top[len(root) + 1:] + ("/\n" if top != root else "\n"),
        f"{git} status --porcelain --no-renames -z --untracked-files=all -- .": status,
        f"{git} ls-files -z --cached --others --exclude-standard -- .": "".join(f"{path[len(top) + 1:]}\0" for path in whole),
    })


def desired(**more):
    defaults = {name: option.get("default") for name, option in source_tree.SPEC.items()}
    return {**defaults, "path": TOP, **more}


def heroku(**more):
    return desired(prefix="heroku", settings={"xitrum.port.http": "${PORT}"}, disabled_settings=["xitrum.port.https"], console=True,
                   aliases={"stage": ";xitrum-package"}, entries=[{"path": "Procfile", "kind": "procfile", "values": {"web": "run"}}], **more)


def run(host, want):
    plan = source_tree.plan(want, source_tree.read(host, want))
    if not plan.errors:
        source_tree.apply(host, plan)
    return plan


def find_errors(host, want):
    """All errors of a tree, on which nothing is written."""
    before = dict(host.files)
    plan = run(host, want)
    assert host.files == before
    return "\n".join(plan.errors)


def test_all_files_in_one_go_and_the_second_run_nothing():
    host = tree()
    plan = run(host, heroku())
    assert [path for path, _text, _mode in plan.actions] == ["Procfile", "build.sbt", "config/logback.xml", "config/xitrum.conf"] == plan.facts["paths"]
    assert host.files[f"{TOP}/Procfile"] == "web: run\n"
    assert "http = ${PORT}\n    #https = 4430" in host.files[f"{TOP}/config/xitrum.conf"]
    assert [(diff["before_header"], diff["after_header"]) for diff in plan.build_diff()] == [(path, path) for path in plan.facts["paths"]]
    assert plan.build_diff()[0] == {"before": "", "after": "web: run\n", "before_header": "Procfile", "after_header": "Procfile"}
    assert plan.build_diff()[1]["before"] == PROJECT["build.sbt"]
    second = run(host, heroku())
    assert not second.changed and {row.status for row in second.rows} == {"ok"}


def test_what_is_missing_of_a_project_is_named_at_once():
    messages = find_errors(tree({"build.sbt": "name := 1\n", "config/logback.xml": None, "script/runner": None}), heroku())
    assert messages.startswith(f"{TOP} is not a Xitrum project, it lacks build.sbt (which depends on xitrum), config/logback.xml (")
    assert "script/runner (the program that starts it; script/start, bin/runner or bin/runner.sh will do)" in messages and "config/xitrum.conf" not in messages


def test_a_folder_that_is_not_there_and_one_that_is_not_in_git():
    assert find_errors(FakeHost(), heroku()) == f"there is no folder {TOP}: name the application's source tree"
    host = tree()
    host.commands[f"git -C {TOP} rev-parse --show-toplevel"] = (128, "", "fatal: not a git repository\n")
    assert "is not in a git repository that can be read (fatal: not a git repository): run git init" in find_errors(host, heroku())


@pytest.mark.parametrize("status, message", [
    (" M app/Main.scala\0", "app/Main.scala"),
    ("?? Procfile\0?? notes.txt\0", "Procfile"),
    ("M  build.sbt\0A  new.txt\0", "build.sbt, new.txt"),
    ("?? notes.txt\0", ""),
    ("", ""),
])
def test_uncommitted_work_is_not_mixed_with_ours(status, message):
    found = find_errors(tree(status=status), heroku()) if message else "\n".join(run(tree(status=status), heroku()).errors)
    assert found == (f"{TOP} has uncommitted changes in {message}: commit or stash them, or set heroku_allow_uncommitted to true" if message else "")
    assert run(tree(status=status), heroku(allow_uncommitted=True)).changed


CHECK_IGNORE = f"git -C {TOP} check-ignore --verbose -z --stdin"


def test_a_file_that_git_ignores_is_reported():
    host = tree()
    host.commands[CHECK_IGNORE] = ".gitignore\x003\x00Proc*\x00Procfile\x00.gitignore\x004\x00!build.sbt\x00build.sbt\x00"
    assert find_errors(host, heroku()) == (
        f"{TOP}/Procfile is ignored by git (.gitignore line 3: Proc*), so that no commit and no push would have it. Remove or narrow that pattern, "
        f"or add the file to heroku_keep_files")
    assert list(run(host, heroku(keep_files=["Procfile"])).errors) == []


def test_git_itself_names_the_files_that_it_ignores(tmp_path, monkeypatch):
    for path, text in PROJECT.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / ".gitignore").write_text("# What is built\n/Procfile\n*.sbt\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for words in (["init", "-q"], ["add", "--force", "build.sbt"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    want = {**heroku(), "path": str(tmp_path)}
    # What git has already is pushed, whatever the pattern.
    assert source_tree.read(Host(), want)["ignored"] == {"Procfile": ".gitignore line 2: /Procfile"}


def test_our_own_uncommitted_changes_do_not_stop_a_run_that_changes_nothing():
    host = tree()
    run(host, heroku())
    host.commands[f"git -C {TOP} status --porcelain --no-renames -z --untracked-files=all -- ."] = " M build.sbt\0?? Procfile\0"
    assert not run(host, heroku()).errors


@pytest.mark.parametrize("files, message", [
    ({"config/xitrum.conf": "xitrum {\n  port {\n}\n"}, "/config/xitrum.conf: line 1: { is not closed"),
    ({"config/logback.xml": "<configuration>\n"}, "/config/logback.xml: line 2: "),
    ({"build.sbt": PROJECT["build.sbt"] + 'addCommandAlias("stage", "compile")\n'}, '/build.sbt: line 2: the alias "stage" runs'),
    ({"script/runner": "#!/bin/bash\r\n"}, "/script/runner has Windows line ends"),
])
def test_a_file_that_cannot_be_changed_is_named_with_its_line(files, message):
    assert message in find_errors(tree(files), heroku())


def test_a_file_that_is_kept_is_not_even_parsed():
    host = tree({"config/xitrum.conf": "{"})
    assert run(host, heroku(keep_files=["config/xitrum.conf"])).changed
    assert host.files[f"{TOP}/config/xitrum.conf"] == "{"


@pytest.mark.parametrize(("application", "edited"), [
    # What follows the include wins, and is edited where it is.
    ('include "xitrum"\nxitrum.port.http = 9000\n', 'include "xitrum"\nxitrum.port.http = ${PORT}\n'),
    ('include "xitrum"\nxitrum {\n  port { http = 9000, https = 9443 }\n}\n',
     'include "xitrum"\nxitrum {\n  port { http = ${PORT}, https = null }\n}\n'),
    # From a file that is included after it: the end of application.conf wins.
    ('include "xitrum"\ninclude "ports"\n', 'include "xitrum"\ninclude "ports"\nxitrum.port.http = ${PORT}\n'),
    ('include "xitrum"\nxitrum.port = null\n', 'include "xitrum"\nxitrum.port = null\nxitrum.port.http = ${PORT}\n'),
    # What precedes it has no effect, and a file that does not include it is not what Xitrum reads.
    ('xitrum.port.http = 9000\ninclude "xitrum"\n', ""), ("xitrum.port.http = 9000\n", ""), ('include "xitrum"\nxitrum.response.gzip = true\n', ""),
])
def test_a_setting_is_made_where_it_is_in_force(application, edited):
    host = tree({"config/application.conf": application, "config/ports.conf": "xitrum.port.http = 9000\n"})
    plan = run(host, heroku())
    assert not plan.errors and host.files[f"{TOP}/config/application.conf"] == (edited or application)
    assert ("config/application.conf" in plan.facts["paths"]) == bool(edited)
    started = package_config.read_settings_at_start(lambda path: host.files.get(f"{TOP}/{path}"))
    assert started.find_values(("xitrum", "port", "http")) == {"${PORT}"} and started.find_values(("xitrum", "port", "https")) <= {None}
    again = run(host, heroku())
    assert not again.changed and ("config/application.conf" in again.facts["paths"]) == bool(edited)


def test_a_key_is_overridden_by_its_variable_where_it_is_in_force():
    name = "CONFIG_FORCE_xitrum_session_secureKey"
    host = tree({"config/application.conf": 'include "xitrum"\nxitrum.session.secureKey = "mine"\n'})
    want = heroku(variables={"xitrum.session.secureKey": name})
    assert run(host, want).changed
    assert f"${{?{name}}}" in host.files[f"{TOP}/config/application.conf"].partition('"mine"')[2]
    assert not run(host, want).changed


def test_an_application_conf_that_cannot_be_edited_is_named_with_its_line():
    assert "/config/application.conf: line 2: { is not closed" in find_errors(tree({"config/application.conf": 'include "xitrum"\nxitrum {\n'}), heroku())
    refers = 'include "xitrum"\nxitrum.port { https = 9443 }\nmine = ${xitrum.port.https.x}\n'
    assert "/config/application.conf: line 3: ${xitrum.port.https.x} needs a setting" in find_errors(tree({"config/application.conf": refers}), heroku())
    host = tree({"config/application.conf": 'include "xitrum"\nxitrum.port.http = 9000\n'})
    assert run(host, heroku(keep_files=["config/application.conf"])).changed and "9000" in host.files[f"{TOP}/config/application.conf"]


def whole(**more):
    return desired(files=[{"path": "bin/start", "content": HOOK, "mode": "0755"}, {"path": "home/.gitkeep", "content": "", "mode": "0644"}], **more)


def test_whole_files_are_written_with_their_mode_and_removed_when_no_longer_desired():
    host = tree({"old.yaml": HOOK, "mine.yaml": "a: 1\n"})
    plan = run(host, whole(absent=["old.yaml", "mine.yaml", "never.yaml"]))
    assert [(path, mode) for path, _text, mode in plan.actions if path != "old.yaml"] == [("bin/start", 0o755), ("home/.gitkeep", 0o644)]
    assert f"{TOP}/old.yaml" not in host.files and f"{TOP}/mine.yaml" in host.files
    assert not run(host, whole(absent=["old.yaml"])).changed


def test_only_the_right_to_execute_of_a_mode_counts():
    host = tree({"bin/start": HOOK, "home/.gitkeep": ""})
    host.stats[f"{TOP}/bin/start"] = Stat("file", 0o775, "carol", "root", 1)
    assert not run(host, whole()).changed
    host.stats[f"{TOP}/bin/start"] = Stat("file", 0o644, "carol", "root", 1)
    assert run(host, whole()).changed
    assert host.stats[f"{TOP}/bin/start"][1:3] == (0o755, "carol")


def test_a_file_of_the_users_own_is_not_replaced():
    host = tree({"bin/start": "mine\n"})
    assert "/bin/start is there and was not written by xitrum.host: move it away" in find_errors(host, whole())
    run(host, whole(keep_files=["bin/start"]))
    assert host.files[f"{TOP}/bin/start"] == "mine\n"


def test_a_project_below_the_top_and_a_tree_below_the_repository():
    host = tree(folder="app")
    assert "other/config/xitrum.conf" in find_errors(host, heroku(project="other"))
    assert f"app/{source_tree.CONFIG}" in run(host, heroku()).facts["paths"]
    assert not run(host, heroku(project="app")).changed
    below = tree(status=" M shop/Main.scala\0", root="/src")
    assert source_tree.read(below, desired())["uncommitted"] == [(" M", "Main.scala")]


@pytest.mark.parametrize("path", ["config/xitrum.conf", "config/logback.xml", "script/runner", "build.sbt"])
def test_a_link_in_the_place_of_a_file(path):
    host = tree()
    host.links[f"{TOP}/{path}"] = "elsewhere"
    host.files[f"{TOP}/{posixpath.dirname(path)}/elsewhere"] = host.files.pop(f"{TOP}/{path}")
    assert find_errors(host, heroku()) == (
        f"{TOP}/{path}: it is not a regular file: found a symbolic link, expected a file. Replace it with the file that it leads to")


def test_a_folder_in_the_place_of_a_file():
    host = tree({"Procfile/a": ""})
    assert "/Procfile: it is not a regular file" in find_errors(host, heroku())
