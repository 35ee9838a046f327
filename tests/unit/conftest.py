# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests have no deadline: a busy machine is no failure. They are the same in every run of CI.

In tests that start instances, whatever answers is the instance's own. Whose a socket is, is judged in modules that set
C(JUDGES_SOCKETS).
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import ownership
from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def fixture_own_sockets(request, monkeypatch):
    """The double of a host has no sockets, as a rule."""
    if not getattr(request.module, "JUDGES_SOCKETS", False):
        monkeypatch.setattr(ownership, "answer_fault", lambda *_arguments: "")
