# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/reference/ are current and complete: each variable has a valid example, each playbook its entry, each code its meaning."""

from __future__ import annotations

import importlib
import re

import pytest
from ansible.errors import ExitCode
from ansible_collections.xitrum.host.plugins.module_utils.core.variables import PLAYBOOK_VARIABLES, find_value_error

from tests.docs import markdown, pages, playbooks, plugins, role_variables, variables

OPTIONS = {name: option for role in role_variables.list_roles() for name, option in markdown.walk_options(role_variables.read_options(role))}
#: Variables that plays register: nobody passes them.
REGISTERED = {"xitrum_host_state", "application_lock", "application_package_read", "application_slot_read", "application_releases_read",
              "supervisor_stopped"}


@pytest.mark.parametrize("page", pages.GENERATED, ids=lambda page: page.relative_to(markdown.ROOT).as_posix())
def test_a_page_is_current(page):
    assert page.read_text(encoding="utf-8") == pages.GENERATED[page](), "run: python -m tests.docs"


@pytest.mark.parametrize("name", OPTIONS)
def test_a_variable_has_a_valid_example(name):
    option = OPTIONS[name]
    example = variables.find_example(name, option)
    assert find_value_error(name, example, option) == ""
    assert example == [] or not markdown.is_same(example, option.get("default"))


def test_no_example_is_of_a_variable_that_is_gone():
    assert set(variables.read_examples()) - set(OPTIONS) == set()


def test_every_playbook_has_an_entry():
    assert set(playbooks.DATA["playbooks"]) == {path.stem for path in markdown.ROOT.glob("playbooks/*.yml")}


def test_every_variable_of_a_playbook_exists():
    known = {**playbooks.read_variables(), **playbooks.DATA["variables"]}
    assert {name for entry in playbooks.DATA["playbooks"].values() for name in entry["variables"]} - set(known) == set()


def test_every_variable_of_playbooks_alone_is_on_the_page():
    assert set(playbooks.DATA["variables"]) == set(PLAYBOOK_VARIABLES) - REGISTERED


def test_every_exit_code_has_a_meaning():
    assert set(playbooks.DATA["exit_codes"]) == {code.name for code in ExitCode}
    text = playbooks.render_page()
    assert all(re.search(rf"^\| {code} \|", text, re.MULTILINE) for code in (0, 1, 2, 4, 99, 250))


def test_every_option_of_a_fragment_is_on_the_page_of_its_module():
    path = markdown.ROOT / "plugins/modules/instance_service.py"
    assert {"supervisor", "name", "root"} <= set(plugins.read_documentation(path)["options"])


def test_every_module_and_filter_has_a_section():
    modules = {path.stem for path in markdown.ROOT.glob("plugins/modules/*.*")} - {"__init__"}
    files = [path.stem for path in markdown.ROOT.glob("plugins/filter/*.py") if path.stem != "__init__"]
    plugin = "ansible_collections.xitrum.host.plugins.filter"
    # A file may have several filters, each documented in a file of its own.
    filters = {name for file in files for name in importlib.import_module(f"{plugin}.{file}").FilterModule().filters()}
    for page, names in ((plugins.render_modules(), modules), (plugins.render_filters(), filters)):
        assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == names


@pytest.mark.parametrize(("text", "expected"), [
    ("V(drain) sends O(servers) to RV(open), see M(xitrum.host.jdk)", "`drain` sends `servers` to `open`, see `xitrum.host.jdk`"),
    ("as P(xitrum.host.capacity_plan#filter) and L(this, https://example.com)", "as `xitrum.host.capacity_plan` and [this](https://example.com)"),
    ("C(f(x) | g)", "`f(x) \\| g`"),
])
def test_markup_becomes_markdown(text, expected):
    assert markdown.convert_markup(text) == expected


def filled(text):
    return markdown.fill(text, r"<(?P<name>\w+)>", "</>", lambda match: f"new {match['name']}\n")


@pytest.mark.parametrize(("text", "result"), [
    ("", ""),
    ("own\n", "own\n"),
    ("own\n<a>\nold\n</>\nown\n<b>\n</>", "own\n<a>\nnew a\n</>\nown\n<b>\nnew b\n</>"),
])
def test_lines_between_markers_are_replaced(text, result):
    assert filled(text) == filled(result) == result


@pytest.mark.parametrize(("text", "message"), [
    ("<a>\nold\n", "<a>: expected a line </> after it"),
    ("own\n</>\n", "</>: expected it in a pair with a line <"),
    ("<a>\n<b>\n</>\n", "<b>: expected it in a pair with a line </>"),
    ("<a>\n</>\n</>\n", "</>: expected it in a pair with a line <"),
])
def test_a_marker_without_the_other_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        filled(text)
