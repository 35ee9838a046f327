# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of playbooks/logs.yml: what is valid, and the sentence on what is not."""

from __future__ import annotations

import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.desired import logs

NOW = 1796097600.0  # 2026-12-01T04:00:00Z
PLACES = {"app1": 2, "app2": 2}


def settings(**given):
    return logs.read_settings({f"logs_{name}": value for name, value in given.items()}, PLACES, ["app1", "app2"], NOW)


def test_without_variables_the_last_lines_of_all_instances_are_read():
    assert settings() == ({"since": 0.0, "lines": 100, "grep": "", "follow": False, "save": "", "instances": {"app1": [0, 1], "app2": [0, 1]}}, [])


@pytest.mark.parametrize("value, since", [
    ("10m", NOW - 600), ("2h", NOW - 7200), ("1d", NOW - 86400), ("30s", NOW - 30), ("2026-12-01T03:00Z", NOW - 3600),
    ("2026-12-01T05:00:30+02:00", NOW - 3570), ("2026-12-01 03:00:00", NOW - 3600), ("2026-12-01", NOW - 4 * 3600),
])
def test_a_time_is_read(value, since, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    found, errors = settings(since=value)
    assert (found["since"], found["lines"], errors) == (since, logs.MOST, [])


@pytest.mark.parametrize("given, message", [
    ({"lines": 0}, "logs_lines is 0: expected a whole number from 1 to 10000"),
    ({"lines": "10001"}, "logs_lines is '10001': expected a whole number from 1 to 10000"),
    ({"lines": True}, "logs_lines is True: expected a whole number"),
    ({"lines": "many"}, "logs_lines is 'many': expected a whole number"),
    ({"since": "yesterday"}, "logs_since is 'yesterday': expected an age such as 30s, 10m, 2h or 1d, or a time such as 2026-12-01T03:00 (controller's"),
    ({"since": "2026-13-01T03:00"}, "logs_since is '2026-13-01T03:00': expected"),
    ({"since": "10 weeks"}, "logs_since is '10 weeks': expected"),
    ({"since": "2026-12-02T03:00Z"}, "which is in the future: expected a time before now"),
    ({"grep": "a[b"}, "logs_grep is not a valid regular expression: unterminated character set, at character 2.\n  a[b\n   ^"),
    ({"grep": "(a"}, "missing ), unterminated subpattern, at character 1.\n  (a\n  ^"),
    ({"grep": "a**"}, "multiple repeat, at character 3."),
    ({"grep": "a" * 10 + "("}, "at character 11."),
    ({"follow": "perhaps"}, "logs_follow is 'perhaps': expected true or false"),
    ({"instances": "app1-7"},
     "logs_instances contains app1-7, which is not an instance of this inventory. Did you mean app1-1? The instances are app1-0, app1-1, app2-0, app2-1"),
    ({"instances": ["zzz"]}, "logs_instances contains zzz, which is not an instance of this inventory. The instances are app1-0"),
    ({"instances": ""}, "logs_instances is '': expected names of instances such as app1-0"), ({"instances": []}, "expected names of instances"),
    ({"instances": None}, "logs_instances is None: expected names of instances"),
    ({"instances": " , "}, "expected names of instances"),
    ({"instances": {"app1": 0}}, "expected names of instances such as app1-0"),
])
def test_what_is_wrong_is_reported_with_what_is_expected(given, message):
    _found, errors = settings(**given)
    assert len(errors) == 1 and message in errors[0], errors


def test_instances_are_chosen_by_their_names():
    assert settings(instances="app1-1, app2-0")[0]["instances"] == {"app1": [1], "app2": [0]}
    assert settings(instances=["app2-1", "app2-0", "app2-1"])[0]["instances"] == {"app2": [0, 1]}


def test_an_instance_that_the_limit_leaves_out_is_reported():
    _found, errors = logs.read_settings({"logs_instances": "app2-0"}, PLACES, ["app1"], NOW)
    assert errors == ["logs_instances contains app2-0, and --limit leaves out app2: add that host to --limit, or run without --limit"]


def test_following_needs_a_terminal_and_a_fork_for_each_host():
    assert list(logs.find_follow_errors(["a", "b"], 2, True)) == []
    terminal, forks = logs.find_follow_errors(["a", "b", "c"], 2, False)
    assert "was started without a terminal" in terminal and "set logs_since" in terminal
    assert "Add --forks 3, or choose hosts with --limit" in forks
