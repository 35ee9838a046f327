# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests have no deadline: a busy machine is not a failure.

Profiles of generated inputs, chosen by `--hypothesis-profile`: `ci` is the default and the same in every run, `quick` (make quick
and make test) has few, `all` (make test-all) has many and others each time.

What a component of a host reports as an error names a rule of docs/reference/rules.md, in every test.

In tests that start instances, whatever answers is the instance's own. Whose a socket is, is judged in modules that set
`JUDGES_SOCKETS`.
"""

from __future__ import annotations

import functools

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import one_off, ownership
from ansible_collections.xitrum.host.plugins.module_utils.jdk import console
from ansible_collections.xitrum.host.plugins.module_utils.load import burst, planning
from ansible_collections.xitrum.host.plugins.module_utils.preflight import catalog
from ansible_collections.xitrum.host.plugins.module_utils.proxy import servers
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import component as source_tree
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import push
from hypothesis import settings

from .all_components import COMPONENTS

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=10)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("all", deadline=None, max_examples=500)
settings.load_profile("ci")

#: Modules whose tests run Ansible: they take longest, and are started first so that nobody waits for them in the end.
RUN_ANSIBLE = ("test_batch", "test_failures_once", "test_held_locks", "test_ansible_options", "test_tag_selection", "test_terminal", "test_misspelt_variables",
               "test_package_errors")


def with_rules(plan):
    """The `plan` of a component, which fails where an error breaks no rule of the table."""
    @functools.wraps(plan)
    def checked(desired, state):
        found = plan(desired, state)
        assert {getattr(error, "rule", "") for error in found.errors} <= set(catalog.BY_IDENTIFIER), found.errors
        return found

    return checked


for _component in (*COMPONENTS, burst, console, one_off, planning, push, servers, source_tree):
    _component.plan = with_rules(_component.plan)


def pytest_collection_modifyitems(items):
    """Begins with the tests that take longest."""
    items.sort(key=lambda item: item.path.stem not in RUN_ANSIBLE)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: left out by make test")


@pytest.fixture(autouse=True)
def fixture_own_sockets(request, monkeypatch):
    """The double of a host has no sockets, as a rule."""
    if not getattr(request.module, "JUDGES_SOCKETS", False):
        monkeypatch.setattr(ownership, "find_answer_fault", lambda *_arguments: "")
