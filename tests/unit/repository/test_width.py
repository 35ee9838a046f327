# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface stays narrow: few modules and filters, and each is used on a page that users read."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys

import pytest

from tests.docs.role_variables import ROOT

MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.*"))
#: Actions of plays that run on the controller alone, and have no module on hosts.
OF_PLAYS = {"report", "run_plan"}
#: What has no module, so that a file of plugins/modules documents the action alone.
ACTIONS = OF_PLAYS | {"package_info"}
#: Pages that somebody has written: the reference has every module and filter, whether it is of use or not.
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")]
                  if path.parent.name != "reference")


def test_there_are_few_modules():
    """Before you add one: a module can do several things that are one matter, see `module_utils/core/parts.py`."""
    assert len(set(MODULES) - OF_PLAYS) <= 20


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_an_action_without_a_module_is_documented_where_ansible_finds_it(name):
    """`ansible-doc` and a controller's search for modules know no file of YAML alone, so the file is one of Python that has nothing else."""
    documented = ROOT / f"plugins/modules/{name}.py"
    body = ast.parse(documented.read_text(encoding="utf-8")).body
    assert [ast.unparse(one).split(" ", maxsplit=1)[0] for one in body] == ["from", "DOCUMENTATION", "EXAMPLES", "RETURN"]
    assert (ROOT / f"plugins/action/{name}.py").exists()
    shown = subprocess.run([sys.executable, "-m", "ansible.cli.doc", "-t", "module", "-j", f"xitrum.host.{name}"], cwd=ROOT, check=True,
                           capture_output=True, text=True, timeout=120).stdout
    assert json.loads(shown)[f"xitrum.host.{name}"]["doc"]["module"] == name


@pytest.mark.parametrize("name", MODULES)
def test_a_page_uses_the_module(name):
    assert re.search(rf"xitrum\.host\.{name}\b", PAGES), f"no page of docs/ or of a role uses xitrum.host.{name}"


def filters():
    """Names of all filters, with the file of each."""
    found = {}
    for path in ROOT.glob("plugins/filter/*.py"):
        module = importlib.import_module(f"ansible_collections.xitrum.host.plugins.filter.{path.stem}")
        found.update(dict.fromkeys(module.FilterModule().filters(), path))
    return found


def test_there_are_few_filters():
    """Before you add one: what only our own plays call is a function of an action plugin, such as `plugins/action/run_plan.py`."""
    assert len(filters()) <= 10


def test_each_filter_has_a_file_of_its_name_and_no_other_file_documents_one():
    assert {name: path.stem for name, path in filters().items()} == {path.stem: path.stem for path in ROOT.glob("plugins/filter/*.*")}


@pytest.mark.parametrize("name", sorted(filters()))
def test_a_page_has_an_example_of_the_filter(name):
    examples = "\n".join(re.findall(r"^```.*?^```", PAGES, re.MULTILINE | re.DOTALL))
    assert re.search(rf"\| xitrum\.host\.{name}\b", examples), f"no page of docs/ or of a role has an example with xitrum.host.{name}"


def test_no_page_names_a_filter_that_is_gone():
    assert set(re.findall(r"\| xitrum\.host\.(\w+)", PAGES)) - set(filters()) == set()


def test_no_page_names_a_module_that_is_gone():
    listed = set(re.findall(r"-m xitrum\.host\.(\w+)|^ *xitrum\.host\.(\w+):$|\| `xitrum\.host\.(\w+)` \|", PAGES, re.M))
    assert {one for names in listed for one in names if one} - set(MODULES) == set()
