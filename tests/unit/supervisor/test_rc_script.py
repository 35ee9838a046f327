# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block of our own in an unmanaged script."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import marked_block
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import rc_script
from hypothesis import given
from hypothesis import strategies as st

BLOCK = "# BEGIN xitrum.host demo\nboot\n# END xitrum.host demo\n"
LINES = st.lists(st.sampled_from(["true", "# exit 0", "", "exit 1", "  exit 0", "# BEGIN xitrum.host other", "# END xitrum.host other"]), max_size=6)


@pytest.mark.parametrize("text, result", [
    (None, f"#!/bin/sh\n# Written by xitrum.host.\n{BLOCK}exit 0\n"),
    ("#!/bin/sh -e\ntheirs\nexit 0\n", f"#!/bin/sh -e\ntheirs\n{BLOCK}exit 0\n"),
    ("#!/bin/bash\nexit 0", f"#!/bin/bash\n{BLOCK}exit 0"),
    ("#!/bin/sh\n  exit 0\n\n# the end\n", f"#!/bin/sh\n{BLOCK}  exit 0\n\n# the end\n"),
    ("#!/bin/sh\nexit\n", f"#!/bin/sh\n{BLOCK}exit\n"),
    ("#!/bin/sh\nexit $status # done\n", f"#!/bin/sh\n{BLOCK}exit $status # done\n"),
    ("#!/bin/sh\nexec thing\n# exit 0\n", f"#!/bin/sh\n{BLOCK}exec thing\n# exit 0\n"),
    ("#!/bin/sh\nexec thing \\\n  --flag\n", f"#!/bin/sh\n{BLOCK}exec thing \\\n  --flag\n"),
    ("#!/bin/sh\nsleep 1; exit 0\n", f"#!/bin/sh\n{BLOCK}sleep 1; exit 0\n"),
])
def test_the_block_comes_before_the_last_command_where_that_leaves_the_script(text, result):
    assert rc_script.find_error(text) == ""
    assert rc_script.put_block(text, "demo", "boot") == result
    assert rc_script.remove_block(result, "demo") == (rc_script.EMPTY if text is None else text)


RHEL = "#!/bin/bash\n# THIS FILE IS ADDED FOR COMPATIBILITY PURPOSES\n\ntouch /var/lock/subsys/local\n"


@pytest.mark.parametrize("text, result", [
    (RHEL, RHEL + BLOCK),
    ("#!/bin/sh\ntrue\n", f"#!/bin/sh\ntrue\n{BLOCK}"),
    ("#!/bin/sh\n", f"#!/bin/sh\n{BLOCK}"),
    ("#!/bin/sh", f"#!/bin/sh\n{BLOCK[:-1]}"),
    ("#!/bin/sh\nif down; then\n  exit 0\nfi\n", f"#!/bin/sh\nif down; then\n  exit 0\nfi\n{BLOCK}"),
    ("#!/bin/sh\nstart() {\n  exec x\n}\nstart &\n\n# end\n",
     f"#!/bin/sh\nstart() {{\n  exec x\n}}\nstart &\n\n# end\n{BLOCK}"),
    ("#!/usr/bin/env bash\necho exit 0", f"#!/usr/bin/env bash\necho exit 0\n{BLOCK[:-1]}"),
    ("#!/bin/sh\nexec 2>/tmp/log\n", f"#!/bin/sh\nexec 2>/tmp/log\n{BLOCK}"),
    ("#!/bin/sh\nexec > /tmp/log\n", f"#!/bin/sh\nexec > /tmp/log\n{BLOCK}"),
    ("#!/bin/sh\necho one \\\n  exit\n", f"#!/bin/sh\necho one \\\n  exit\n{BLOCK}"),
    ("#!/bin/sh\ntrue\n# a\fexit 0\n", f"#!/bin/sh\ntrue\n# a\fexit 0\n{BLOCK}"),
    ("#!/bin/sh\ntrue\r\nfalse\r\n", f"#!/bin/sh\ntrue\r\nfalse\r\n{BLOCK}"),
])
def test_else_it_comes_at_the_end_and_goes_without_a_trace(text, result):
    assert rc_script.find_error(text) == ""
    assert rc_script.put_block(text, "demo", "boot") == result
    assert rc_script.put_block(result, "demo", "boot") == result
    assert rc_script.remove_block(result, "demo") == text


@pytest.mark.parametrize("shell", [
    "/bin/sh", "/bin/sh -e", " /bin/bash", "/usr/bin/dash", "/bin/ksh", "/usr/bin/env -S bash -e", "/bin/busybox sh"])
def test_every_shell_that_reads_the_line_is_good(shell):
    assert rc_script.find_error(f"#!{shell}\ntrue\n") == ""


def test_without_systemd_a_script_needs_no_first_line_of_its_own():
    """The shell that runs it at boot goes on with it."""
    assert rc_script.find_error("true\n", systemd=False) == ""
    assert rc_script.find_error("#!/usr/bin/perl\n", systemd=False)


@pytest.mark.parametrize("text, lines", [
    (None, []), (RHEL, []), ("#!/bin/sh\n# exit 0\nexit 0\n", []),
    ("#!/bin/sh\nif down; then\n  exit 0\nfi\n[ -x a ] || exit 1\nexit 0\n", [3, 5]),
    ("#!/bin/sh\nif down; then exit; fi\ntrue\n", [2]), ("#!/bin/sh\nif down; then exit; fi\n", []),
])
def test_where_the_script_may_end_before_the_block_is_found(text, lines):
    assert rc_script.find_early_exits(text, "demo") == lines


@pytest.mark.parametrize("text, message", [
    ("#!/usr/bin/perl\nexit 0\n", "begins with '#!/usr/bin/perl'"),
    ("#!/usr/bin/env python3\n", "expected a shell script"),
    ("#!/bin/csh\n", "expected a shell script"),
    ("", "begins with ''"),
    ("touch /tmp/x\n", "systemd runs no script whose first line names no interpreter"),
    ("#!/bin/sh\r\nexit 0\r\n", "has Windows line ends, so its interpreter is not found"),
])
def test_a_script_that_may_not_be_edited_is_named(text, message):
    assert message in rc_script.find_error(text)


@given(LINES)
def test_what_was_put_in_is_put_in_once_and_taken_out_again(lines):
    text = "\n".join(["#!/bin/sh", *lines, "exit 0", ""])
    once = rc_script.put_block(text, "demo", "boot")
    assert rc_script.put_block(once, "demo", "boot") == once
    assert marked_block.has_block(once, "demo") and not marked_block.has_block(once, "dem")
    assert rc_script.remove_block(once, "demo") == text
    two = rc_script.put_block(once, "demo2", "boot")
    assert rc_script.remove_block(two, "demo2") == once


@given(st.lists(st.sampled_from(["true", "exit 1", "# exit 0", "", "fi", "exec x"]), max_size=6),
       st.sampled_from(["", "\n"]))
def test_any_script_comes_back_byte_for_byte_whichever_of_two_goes_first(lines, end):
    text = "\n".join(["#!/bin/sh", *lines]) + end
    two = rc_script.put_block(rc_script.put_block(text, "demo", "boot"), "shop", "boot")
    for first, second in (("demo", "shop"), ("shop", "demo")):
        assert rc_script.remove_block(rc_script.remove_block(two, first), second) == text


def test_without_a_script_there_is_no_block():
    assert not marked_block.has_block(None, "demo")
