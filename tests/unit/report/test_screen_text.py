# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text as a person can read it, whatever Ansible's own callback does with it."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.filter.screen_text import screen_text


@pytest.mark.parametrize(("form", "shown"), [("yaml", "app1:\n  nothing"), ("json", ["app1:", "  nothing"])])
def test_a_text_has_its_lines_on_the_screen(monkeypatch, form, shown):
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", form)
    assert screen_text("app1:\n  nothing") == shown


@pytest.mark.parametrize(("form", "shown"), [("yaml", "a\\x1b[2J\n\\x9bb"), ("json", ["a\\x1b[2J", "\\x9bb"])])
def test_a_text_acts_on_no_terminal(monkeypatch, form, shown):
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", form)
    assert screen_text("a\x1b[2J\n\x9bb") == shown
