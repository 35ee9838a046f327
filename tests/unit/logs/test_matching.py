# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A search in lines that anybody may have written ends in time, and a usual one finds what it finds."""

from __future__ import annotations

import signal

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.host_state import base
from ansible_collections.xitrum.host.plugins.module_utils.logs import matching


@pytest.fixture(autouse=True)
def fixture_handler():
    """The handler of before."""
    before = signal.getsignal(signal.SIGVTALRM)
    yield
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(("pattern", "text", "found"), [("GET /a+", "10.0.0.7 GET /aa", True), ("^a", "ba", False), ("", "anything", True)])
def test_a_usual_search_finds_what_it_finds(pattern, text, found):
    assert matching.compile_search(pattern)(text) is found
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0, "no timer is left"


def test_a_search_that_would_take_years_ends_with_what_to_do():
    has_match = matching.compile_search("(a+)+$", seconds=0.2)
    with pytest.raises(matching.SlowSearchError, match="logs_grep takes more than 0.2 s for one line: simplify it"):
        has_match("a" * 48 + "!")
    assert has_match("aaa"), "the next line is searched"


class Ended(Exception):
    """What the module has reported."""


class Module:
    """A module that ends with its report."""

    def fail_json(self, **report):
        raise Ended(report)


def test_a_read_that_cannot_be_completed_is_no_crash_of_the_module():
    def read():
        raise matching.SlowSearchError("simplify it")

    with pytest.raises(Ended) as ended:
        base.finish(Module(), read)
    assert ended.value.args == ({"msg": "simplify it"},)
