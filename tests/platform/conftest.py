# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source trees of an application in git, on which the playbooks of platforms are run."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
from typing import NamedTuple

import pytest
import yaml

from tests.lib import demo_instance
from tests.lib.ansible_process import AnsibleProcess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Nothing of the person who runs the tests: neither a git configuration nor a port nor options of the JVM.
for _name in ("PORT", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"):
    os.environ.pop(_name, None)
ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Tests"), ("EMAIL", "tests@example.com"))},
    "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
}
#: What changes in a tree are seen by.
CONFIG = "config/xitrum.conf"


def pytest_configure(config):
    """Names the markers."""
    config.addinivalue_line("markers", "long: left out by CI")
    config.addinivalue_line("markers", "generated: over generated inputs, of which make test-all has more")


class Played(NamedTuple):
    """How a playbook ended."""

    code: int
    changed: int
    text: str


def run_playbook(playbook, options=(), environment=None, times=1, **variables):
    """Runs a playbook of the collection for localhost, several times in a row where requested; then `changed` counts over all."""
    return run_ansible_playbook([*options, "-e", json.dumps(variables), *[f"playbooks/{playbook}.yml"] * times], environment)


def run_playbook_twice(playbook, folder, variables):
    """Runs a playbook for each of some sets of variables, twice for each, all in one process: `changed` counts over all."""
    plays = [{"ansible.builtin.import_playbook": str(ROOT / f"playbooks/{playbook}.yml"), "vars": one} for one in variables for _time in range(2)]
    (folder / f"{playbook}.yml").write_text(yaml.safe_dump(plays))
    return run_ansible_playbook([str(folder / f"{playbook}.yml")])


def run_ansible_playbook(arguments, environment=None):
    """Runs `ansible-playbook` for localhost."""
    process = AnsibleProcess("ansible-playbook", "-i", "localhost,", *arguments, environment={**ENVIRONMENT, "PWD": str(ROOT), **(environment or {})})
    text, _nothing = process.communicate()
    changed = re.search(r"changed=(\d+)", text)
    return Played(process.returncode, int(changed.group(1)) if changed else -1, text)


def run_git(tree, *words):
    return subprocess.run(["git", *words], cwd=tree, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout


def make_tree(folder, windows=()):
    """A tree as of a new project, committed. The files named in `windows` have Windows line ends."""
    shutil.copytree(ROOT / "tests" / "platform" / "tree", folder)
    for name in ("config", "public", "script"):
        shutil.copytree(ROOT / "tests" / "demo_app" / "skeleton" / name, folder / name)
    for name in windows:
        (folder / name).write_bytes((folder / name).read_bytes().replace(b"\n", b"\r\n"))
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "The application"]):
        run_git(folder, *words)
    return folder


def read_contents(tree):
    """The files of a tree but for git's own: path to bytes and the right to execute."""
    files = (path for path in sorted(tree.rglob("*")) if path.is_file() and ".git" not in path.relative_to(tree).parts)
    return {str(path.relative_to(tree)): (path.read_bytes(), os.access(path, os.X_OK)) for path in files}


def wait_for_answer(port, alive, path="/"):
    """Waits for the first answer of an application that starts, while `alive` reports that it runs."""
    deadline = time.monotonic() + demo_instance.READY_SECONDS
    while time.monotonic() < deadline and alive():
        with contextlib.suppress(OSError):
            return demo_instance.request(port, path)
        time.sleep(0.1)
    raise AssertionError(f"no answer on port {port}")


@contextlib.contextmanager
def start_process(command, folder, environment):
    """A process that is ended in any case, and may end its own children before; what it prints is in the file `output` of its folder."""
    with open(folder / "output", "wb") as out:
        started = subprocess.Popen(command, cwd=folder, env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """What the stand-in of sbt takes its jars from."""
    return demo_instance.build_package(tmp_path_factory.mktemp("demo") / "xitrum", "demo-1")
