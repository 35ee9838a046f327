# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface stays narrow: few modules, and each is used on a page that users read."""

from __future__ import annotations

import re

import pytest

from tests.docs.role_variables import ROOT

MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.*"))
#: An action of plays that runs on the controller alone, and has no module on hosts.
OF_PLAYS = {"report"}
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])


def test_there_are_few_modules():
    """Before you add one: a module can do several things that are one matter, see `module_utils/core/parts.py`."""
    assert len(set(MODULES) - OF_PLAYS) <= 20


@pytest.mark.parametrize("name", MODULES)
def test_a_page_uses_the_module(name):
    assert re.search(rf"xitrum\.host\.{name}\b", PAGES), f"no page of docs/ or of a role uses xitrum.host.{name}"


def test_no_page_names_a_module_that_is_gone():
    named = set(re.findall(r"-m xitrum\.host\.(\w+)|^ *xitrum\.host\.(\w+):$|\| `xitrum\.host\.(\w+)` \|", PAGES, re.M))
    assert {one for names in named for one in names if one} - set(MODULES) == set()
