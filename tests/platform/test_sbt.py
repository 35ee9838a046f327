# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks write is run by sbt itself: the alias stage packages the application, and the Procfile starts it."""

from __future__ import annotations

import shutil
import subprocess
import zipfile

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.package import main_class as package_main
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import build as package_build

from tests.platform import real_sbt
from tests.platform.conftest import ENVIRONMENT, ROOT, run_playbook
from tests.platform.layouts import LAYOUTS, make_layout

MIRROR = "<settings xmlns='http://maven.apache.org/SETTINGS/1.0.0'><mirrors>{}</mirrors></settings>"


@pytest.mark.parametrize(("mirrors", "line"), [
    ("", "maven-central"),
    ("<mirror><mirrorOf>*</mirrorOf><url>https://mirror.example.com/a</url></mirror>", "mirror: https://mirror.example.com/a"),
    ("<mirror><mirrorOf>other, central</mirrorOf><url>https://mirror.example.com/a</url></mirror>", "mirror: https://mirror.example.com/a"),
    ("<mirror><mirrorOf>*,!central</mirrorOf><url>https://mirror.example.com/a</url></mirror>", "maven-central"),
    ("<mirror><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror>", "maven-central"),
])
def test_the_repositories_are_those_of_maven(mirrors, line):
    assert real_sbt.render_repositories(real_sbt.find_mirror([MIRROR.format(mirrors)])) == f"[repositories]\n  local\n  {line}\n"


@pytest.fixture(name="sbt", scope="module")
def fixture_sbt(tmp_path_factory):
    """sbt, with the stand-ins of the packaging plugin and of Xitrum published for it alone."""
    folder = tmp_path_factory.mktemp("sbt")
    sbt = real_sbt.install(folder / "sbt")
    shutil.copytree(ROOT / "tests/platform/stand_ins", folder / "stand_ins")
    done = sbt.run(folder / "stand_ins", "plugin/publishLocal", "xitrum/publishLocal")
    assert done.returncode == 0, done.stdout
    return sbt


@pytest.mark.long
@pytest.mark.parametrize("name", ["template", "several-projects", "several-projects-and-top"])
def test_sbt_stages_what_the_procfile_starts(sbt, name, tmp_path):
    tree, layout = make_layout(name, tmp_path / "shop"), LAYOUTS[name]
    run = run_playbook("heroku", heroku_path=str(tree))
    assert run.code == 0, run.text
    done = sbt.run(tree, "compile", "stage")
    assert done.returncode == 0, done.stdout
    made = tree / layout.package
    assert list(package_main.find_main_classes(str(made))) == [layout.main_class]
    jars = sorted(path.name for path in (made / "lib").glob("*.jar"))
    assert any(jar.startswith("xitrum_2.13") for jar in jars) and any(jar.startswith("scala-library") for jar in jars), jars
    assert [zipfile.is_zipfile(made / "lib" / jar) for jar in jars] == [True] * len(jars)
    web = (tree / "Procfile").read_text().partition("web: ")[2].strip()
    started = subprocess.run(["bash", "-c", web], cwd=tree, env={**ENVIRONMENT, "PORT": "8000"}, capture_output=True, text=True, timeout=60, check=False)
    assert (started.returncode, started.stdout.strip()) == (0, f"Started in {made} in production mode"), started.stderr


@pytest.mark.long
def test_the_name_of_before_is_no_key_and_the_message_reports_which_is(sbt, tmp_path):
    tree = make_layout("template", tmp_path / "shop")
    with open(tree / "build.sbt", "a", encoding="utf-8") as out:
        out.write('\naddCommandAlias("stage", ";xitrum-package")\n')
    for words in (["stage"], ["xitrum-package"]):
        done = sbt.run(tree, *words)
        assert done.returncode != 0 and "Not a valid key: xitrum-package" in done.stdout, done.stdout
    errors = package_build.build_errors("sbt/sbt xitrum-package", str(tree), done.returncode, done.stdout)
    assert errors == [f"xitrum_build_command is 'sbt/sbt xitrum-package', and the build in {tree} has no task xitrum-package: "
                      "sbt 1.10.0 with its packaging plugin 2.0.0 calls it xitrumPackage. Set xitrum_build_command to sbt/sbt xitrumPackage"]
