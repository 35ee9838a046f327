# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests have no deadline: a busy machine is no failure.

Profiles of generated inputs, chosen by `--hypothesis-profile`: `ci` is the default and the same in every run, `quick` (make quick)
has few, `all` (make test-all) has many and others each time.

In tests that start instances, whatever answers is the instance's own. Whose a socket is, is judged in modules that set
`JUDGES_SOCKETS`.
"""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import ownership
from hypothesis import settings

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=10)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("all", deadline=None, max_examples=500)
settings.load_profile("ci")

#: Modules whose tests run Ansible: they take longest, and are started first so that nobody waits for them in the end.
RUN_ANSIBLE = ("test_step", "test_failures_once", "test_held_locks", "test_ansible_options", "test_tag_selection", "test_terminal", "test_misspelt_variables",
               "test_package_errors")


def pytest_collection_modifyitems(items):
    """Begins with the tests that take longest."""
    items.sort(key=lambda item: item.path.stem not in RUN_ANSIBLE)


@pytest.fixture(autouse=True)
def fixture_own_sockets(request, monkeypatch):
    """The double of a host has no sockets, as a rule."""
    if not getattr(request.module, "JUDGES_SOCKETS", False):
        monkeypatch.setattr(ownership, "answer_fault", lambda *_arguments: "")
