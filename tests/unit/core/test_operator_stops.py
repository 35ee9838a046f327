# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the instances that an operator stopped."""

from __future__ import annotations

import json

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import lock_record, operator_stops

from ..fake_host import FakeHost

LOCK = {"id": "1", "user": "ann", "host": "laptop", "since": 100.5, "boot": "b", "uptime": 3, "schema_version": 1}
PATH = operator_stops.get_path("demo")


def test_whoever_has_the_lock_is_the_operator_and_the_last_one_takes_the_record_away():
    host = FakeHost({lock_record.get_path("demo"): json.dumps(LOCK)})
    operator_stops.note(host, "demo", 1, 5.7)
    operator_stops.note(host, "demo", 0, 6)
    assert operator_stops.read_stops(host, "demo") == {0: {"user": "ann", "host": "laptop", "since": 6}, 1: {"user": "ann", "host": "laptop", "since": 5}}
    operator_stops.clear(host, "demo", [0])
    assert list(operator_stops.read_stops(host, "demo")) == [1]
    operator_stops.clear(host, "demo", [0, 1])
    assert PATH not in host.files and operator_stops.read_stops(host, "demo") == {}


def test_without_a_lock_nobody_is_named():
    host = FakeHost()
    operator_stops.note(host, "demo", 0, 5)
    assert operator_stops.format_operator(operator_stops.read_stops(host, "demo")[0]) == "unknown on unknown, since 1970-01-01T00:00:05Z"


@pytest.mark.parametrize("entry", [
    {"x": {"user": "ann", "host": "laptop", "since": 5}}, {"0": 1}, {"0": {"user": "ann"}}, {"0": {"user": 1, "host": "laptop", "since": 5}},
    {"0": {"user": "ann", "host": "laptop", "since": True}}, {"0": {"user": "ann", "host": "laptop", "since": -1}},
])
def test_a_damaged_record_is_refused_since_a_run_would_start_what_was_stopped(entry):
    with pytest.raises(RuntimeError, match=r"demo\.stopped .* is damaged: .* move the file away, and stop the instances again"):
        operator_stops.read_stops(FakeHost({PATH: json.dumps({"schema_version": 1, **entry})}), "demo")
    with pytest.raises(RuntimeError, match="is damaged"):
        operator_stops.read_stops(FakeHost({PATH: "{"}), "demo")


def test_control_characters_of_a_name_are_escaped():
    entry = {"user": "ann\x1b[2J", "host": "laptop", "since": 5}
    listed = [{"index": 0, "running": False, "stopped": entry}, {"index": 1, "running": True, "stopped": entry}, {"index": 2, "running": False}]
    (sentence,) = operator_stops.format_stops("app1", listed)
    assert sentence.startswith("app1-0 was stopped by operator ann\\x1b[2J on laptop, since")
