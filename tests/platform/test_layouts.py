# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of each layout through the playbooks, twice: what is written fits the layout, builds, and runs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess

import pytest

from tests.lib import demo_instance
from tests.platform.conftest import ENVIRONMENT, read_contents, run_git, run_playbook, run_playbook_twice, start_process, wait_for_answer
from tests.platform.layouts import BEFORE, LAYOUTS, make_layout
from tests.verify.load import THOROUGH

#: Of these what was prepared is built and run as well; the others are as slow.
CHEAP = ("folder",)
PLAYBOOKS = ("heroku", "openshift")
NAMES = [pytest.param(name, marks=() if name in CHEAP else pytest.mark.long) for name in LAYOUTS if name != "two-main-classes"]


def prepare_heroku(tree, **more):
    """Both runs of the playbook."""
    return run_playbook("heroku", times=2, heroku_path=str(tree), heroku_allow_uncommitted=True, **more)


def run_build(tree, layout, package, *arguments):
    """Runs sbt in the folder of the build, and returns the path of the package's runner."""
    done = subprocess.run(["sbt/sbt", *arguments], cwd=tree / layout.build, env={**ENVIRONMENT, "DEMO_PACKAGE": str(package)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runner = tree / layout.build / layout.package / layout.runner
    assert os.access(runner, os.X_OK)
    return runner


def prepare_all(playbook, folder, **more):
    """Trees of the layouts, each prepared twice by a playbook. Where there are two main classes, one is named. Those of `CHEAP` are
    prepared twice below, by tests that run what was built. In CI each playbook has the half of them that the other one has not: both
    read a tree by the same code."""
    names = [name for name in LAYOUTS if name not in CHEAP]
    names = names if THOROUGH else names[PLAYBOOKS.index(playbook)::len(PLAYBOOKS)]
    trees = {name: make_layout(name, folder / name / "shop") for name in names}
    chosen = {"two-main-classes": {f"{playbook}_main_class": LAYOUTS["two-main-classes"].main_class}}
    run = run_playbook_twice(playbook, folder, [{f"{playbook}_path": str(tree), **more, f"{playbook}_allow_uncommitted": True, **chosen.get(name, {})}
                                                for name, tree in trees.items()])
    assert run.code == 0, run.text
    changed = {name: run_git(tree, "status", "--porcelain", "--no-renames").split()[1::2] for name, tree in trees.items()}
    # Each tree was changed, by the first of its two runs alone.
    assert all(changed.values()) and run.changed == len(trees) > 3, run.text
    return trees


def test_heroku_prepares_each_layout_and_the_second_run_changes_nothing(tmp_path):
    for name, tree in prepare_all("heroku", tmp_path).items():
        layout = LAYOUTS[name]
        build = tree / layout.build
        assert build.joinpath("build.sbt").read_text().endswith(f'\n\naddCommandAlias("stage", ";{layout.task}")\n'), name
        assert build.joinpath("Procfile").read_text().endswith(f" {layout.package}/{layout.runner} {layout.main_class}\n"), name
        assert build.joinpath("system.properties").is_file()
        assert "${PORT}" in (tree / layout.get_path("config/xitrum.conf")).read_text()


def test_openshift_prepares_each_layout_and_the_second_run_changes_nothing(tmp_path):
    more = {"openshift_image": "images.example.com/shop:1", "openshift_layouts": ["diy", "kubernetes"], "openshift_name": "shop"}
    for name, tree in prepare_all("openshift", tmp_path, **more).items():
        layout = LAYOUTS[name]
        text = (tree / layout.get_path("Containerfile")).read_text()
        assert f"# Build it with sbt/sbt {layout.task}, then in the folder of this file:\n" in text, name
        assert re.findall(r"(?m)^(?:ENTRYPOINT|CMD) .*$", text) == [f'ENTRYPOINT ["{layout.runner}"]', f'CMD ["{layout.main_class}"]'], name
        assert f"{layout.task}\n" in (tree / ".openshift/lib.sh").read_text()
        assert f'nohup "$runner" {layout.main_class} ' in (tree / ".openshift/action_hooks/start").read_text()
        assert (tree / "deploy/deployment.yaml").is_file()
        assert "${OPENSHIFT_DIY_PORT}" in (tree / layout.get_path("config/xitrum.conf")).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_heroku_runs_what_it_builds(name, package, tmp_path):
    tree, layout = make_layout(name, tmp_path / "shop"), LAYOUTS[name]
    run = prepare_heroku(tree)
    assert (run.code, run.changed) == (0, 1), run.text
    output = " ".join(run.text.split())
    assert f"The main class is {layout.main_class}, the only one in the sources" in output
    assert ("git subtree push --prefix demo heroku main" in output) == (name == "folder")
    build = tree / layout.build
    assert build.joinpath("build.sbt").read_text().endswith(f'\n\naddCommandAlias("stage", ";{layout.task}")\n')
    web = (build / "Procfile").read_text().partition("web: ")[2].strip()
    assert web.endswith(f" {layout.package}/{layout.runner} {layout.main_class}")
    changed = run_git(tree, "status", "--porcelain", "--no-renames").split()[1::2]
    config = [layout.get_path(path) for path in ("config/logback.xml", "config/xitrum.conf")]
    assert sorted(changed) == sorted([*config, *(os.path.normpath(f"{layout.build}/{path}") for path in ("Procfile", "build.sbt", "system.properties"))])
    run_build(tree, layout, package, "compile", "stage")
    port = demo_instance.find_free_port()
    if layout.main_class != "quickstart.Boot":
        # The demonstration application has no other one: the runner finds its JVM and not the class.
        # This machine's JDK is newer than the one that is chosen for an old sbt.
        newer = {"JDK_JAVA_OPTIONS": "-XX:+IgnoreUnrecognizedVMOptions"} if name in BEFORE and name != "before-both-lines" else {}
        done = subprocess.run(["bash", "-c", web], cwd=build, env={**ENVIRONMENT, "PORT": str(port), **newer}, capture_output=True, text=True,
                              timeout=60, check=False)
        assert (done.returncode, f"main class {layout.main_class}" in done.stderr) == (1, True), done.stderr
        return
    with start_process(["honcho", "start", "--no-colour"], build, {"PORT": str(port)}) as runner:
        assert wait_for_answer(port, lambda: runner.poll() is None).status == 200


@pytest.mark.parametrize("name", NAMES)
def test_openshift_builds_the_image_and_the_hooks_run(name, package, tmp_path):
    tree, layout = make_layout(name, tmp_path / "shop"), LAYOUTS[name]
    run = run_playbook("openshift", times=2, openshift_path=str(tree), openshift_image="images.example.com/shop:1", openshift_allow_uncommitted=True,
                       openshift_layouts=["diy", "kubernetes"], openshift_name="shop")
    assert (run.code, run.changed) == (0, 1), run.text
    text = (tree / layout.get_path("Containerfile")).read_text()
    assert f"# Build it with sbt/sbt {layout.task}, then in the folder of this file:\n" in text
    assert re.findall(r"(?m)^(?:ENTRYPOINT|CMD) .*$", text) == [f'ENTRYPOINT ["{layout.runner}"]', f'CMD ["{layout.main_class}"]']
    hooks = [".openshift/action_hooks/build", ".openshift/action_hooks/start", ".openshift/action_hooks/stop"]
    subprocess.run(["shellcheck", "-x", "-P", "SCRIPTDIR", ".openshift/lib.sh", *hooks], cwd=tree, check=True)
    port = demo_instance.find_free_port()
    gear = {**ENVIRONMENT, "OPENSHIFT_DIY_IP": "127.0.0.1", "OPENSHIFT_DIY_PORT": str(port), "OPENSHIFT_REPO_DIR": f"{tree}/",
            "OPENSHIFT_DATA_DIR": f"{tmp_path}/", "DEMO_PACKAGE": str(package)}
    try:
        codes = {}
        for name_of_hook in ("build", "start", "stop") if layout.main_class == "quickstart.Boot" else ("build",):
            done = subprocess.run([str(tree / ".openshift/action_hooks" / name_of_hook)], cwd="/", env=gear, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120, check=False)
            codes[name_of_hook] = (done.returncode, done.stdout + done.stderr)
            if name_of_hook == "start":
                assert done.returncode == 0, codes
                assert demo_instance.request(port, "/").status == 200
    finally:
        with contextlib.suppress(OSError):
            os.kill(int(pathlib.Path(tmp_path / "shop.pid").read_text().split()[0]), 9)
    assert {code for code, _result in codes.values()} == {0}, codes
    assert os.access(tree / layout.get_path("target/xitrum") / layout.runner, os.X_OK)


def test_of_two_main_classes_both_are_listed_and_the_chosen_one_is_used(tmp_path):
    tree = make_layout("two-main-classes", tmp_path / "shop")
    before = read_contents(tree)
    for playbook in ("heroku", "openshift"):
        run = run_playbook(playbook, **{f"{playbook}_path": str(tree)}, openshift_image="images.example.com/shop:1", openshift_name="shop")
        assert run.code == 2 and run.changed == 0
        assert ("found 2 main classes: comy.Boot (src/main/scala/comy/Boot.scala), comy.GC (src/main/scala/comy/GC.scala); expected one. "
                f"Set {playbook}_main_class to the one that starts the application") in " ".join(run.text.split())
        assert read_contents(tree) == before
    run = prepare_heroku(tree, heroku_main_class="comy.Boot")
    assert (run.code, run.changed) == (0, 1), run.text
    assert (tree / "Procfile").read_text().endswith(" target/xitrum/script/runner comy.Boot\n")
