# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block of our own in somebody else's script."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import marked_block, rc_local
from hypothesis import given
from hypothesis import strategies as st

BLOCK = "# BEGIN xitrum.host demo\nboot\n# END xitrum.host demo\n"
LINES = st.lists(st.sampled_from(["true", "# exit 0", "", "exit 1", "  exit 0", "# BEGIN xitrum.host other", "# END xitrum.host other"]), max_size=6)


@pytest.mark.parametrize("text, result", [
    (None, f"#!/bin/sh\n# Written by xitrum.host.\n{BLOCK}exit 0\n"),
    ("#!/bin/sh -e\ntheirs\nexit 0\n", f"#!/bin/sh -e\ntheirs\n{BLOCK}exit 0\n"),
    ("#!/bin/bash\nexit 0", f"#!/bin/bash\n{BLOCK}exit 0"),
    ("#!/bin/sh\n  exit 0\n\n# the end\n", f"#!/bin/sh\n{BLOCK}  exit 0\n\n# the end\n"),
])
def test_the_block_comes_before_the_last_line(text, result):
    assert rc_local.problem(text) == ""
    assert rc_local.with_block(text, "demo", "boot") == result


@pytest.mark.parametrize("text, said", [
    ("#!/bin/sh\ntrue\n", "ends with 'true'; wanted is a last line 'exit 0'"),
    ("#!/bin/sh\nexec thing\n# exit 0\n", "ends with 'exec thing'"),
    ("#!/usr/bin/perl\nexit 0\n", "begins with '#!/usr/bin/perl'"),
    ("", "begins with ''"),
])
def test_a_script_that_may_not_be_edited_is_named(text, said):
    assert said in rc_local.problem(text)


@given(LINES)
def test_what_was_put_in_is_put_in_once_and_taken_out_again(lines):
    text = "\n".join(["#!/bin/sh", *lines, "exit 0", ""])
    once = rc_local.with_block(text, "demo", "boot")
    assert rc_local.with_block(once, "demo", "boot") == once
    assert marked_block.has_block(once, "demo") and not marked_block.has_block(once, "dem")
    assert rc_local.taken_away(once, "demo") == text
    two = rc_local.with_block(once, "demo2", "boot")
    assert rc_local.taken_away(two, "demo2") == once


def test_a_script_that_is_ours_alone_goes():
    assert rc_local.taken_away(rc_local.with_block(None, "demo", "boot"), "demo") is None
    both = rc_local.with_block(rc_local.with_block(None, "demo", "boot"), "shop", "boot")
    assert rc_local.taken_away(both, "demo") == rc_local.with_block(None, "shop", "boot")


def test_without_a_script_there_is_no_block():
    assert not marked_block.has_block(None, "demo")
