# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play: before they are read, where nothing is to do, and where something is."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.filter import working_hosts as filters
from ansible_collections.xitrum.host.plugins.filter.working_hosts import working_hosts

WORKS = {"xitrum": ["app1", "app2"], "xitrum_run_acts": ["app1"]}


@pytest.mark.parametrize(("groups", "how", "pattern"), [
    ({}, {"read": False}, "xitrum"),
    (WORKS, {"read": False}, "xitrum"),
    ({"xitrum": ["app1"], "xitrum_run_looks": ["app1"]}, {}, "all:!all"),
    ({"xitrum": ["app1"]}, {"every": True}, "all:!all"),
    (WORKS, {}, "xitrum:&xitrum_run_acts"),
    (WORKS, {"every": True}, "xitrum"),
])
def test_the_pattern(groups, how, pattern):
    assert working_hosts(groups, "xitrum", **how) == pattern


def test_its_file_is_the_last_so_that_all_others_are_loaded_before_a_run_forks():
    path = pathlib.Path(filters.__file__)
    assert sorted(path.parent.glob("*.py"))[-1].name == path.name
