# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of lines, in the formats of logback, Xitrum, web servers and supervisors."""

from __future__ import annotations

import datetime
import os
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.logs import times

NOW = 1796097600.0  # 2026-12-01T04:00:00Z
THREE = NOW - 3600


@pytest.fixture(autouse=True)
def berlin():
    """A host that is an hour ahead of UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.parametrize("line, seconds", [
    ("2026-12-01T03:00:00Z started", THREE),
    ("2026-12-01T03:00:00.250Z started", THREE + 0.25),
    ("2026-12-01 04:00:00,123 [main] INFO a.B - c", THREE + 0.123),
    ("2026-12-01T04:00:00+0100 x", THREE),
    ("2026-12-01T08:30:00+05:30 x", THREE),
    ("2026-11-30 22:00:00 -0500 x", THREE),
    ("2026/12/01 03:00:00 UTC x", THREE),
    ("[INFO] [26-12-01 04:00:00] q.Boot: Xitrum started", THREE),
    ("[INFO ] [2026-12-01 04:00:00] q.Boot: x", THREE),
    ("WARN  [pool-1-thread-2] 2026-12-01 04:00:00.5 x", THREE + 0.5),
    ("01 Dec 2026 04:00:00,001 ERROR x", THREE + 0.001),
    ('127.0.0.1 - - [01/Dec/2026:03:00:00 +0000] "GET / HTTP/1.1" 200 5', THREE),
    ('{"level":"INFO","message":"at 2020-01-01T00:00:00Z","@timestamp":"2026-12-01T03:00:00.000Z"}', THREE),
    # Summer time.
    ("2026-07-01 04:00:00 x", datetime.datetime(2026, 7, 1, 2, tzinfo=datetime.timezone.utc).timestamp()),
])
def test_the_time_at_the_begin_of_a_line_is_read(line, seconds):
    found = times.parse_own_time(line, NOW)
    assert found == pytest.approx((seconds, False)), line


@pytest.mark.parametrize("line", [
    "", "plain text", "\tat a.B.c(B.java:12)", "The session of 2026-12-01 03:00:00 has expired", "valid until 2026-12-01T03:00:00Z",
    "2026-13-01T03:00:00Z x", "2026-12-01T25:00:00Z x", "2030-01-01T00:00:00Z the future", "99:99:99.123 x", "10.0.0.1 03:00:00.123",
    '{"message":"at 2020-01-01T00:00:00Z"}', "[" * 5000, "0000-00-00T00:00:00Z",
])
def test_what_is_no_time_of_the_line_is_left_alone(line):
    assert times.parse_own_time(line, NOW) is None


def test_a_time_of_day_is_that_of_the_last_day_that_fits():
    found = times.parse_own_time("03:59:59.500 [main] INFO x", NOW)
    assert found == (3 * 3600 + 59 * 60 + 59.5, True)
    # 04:00 UTC is 05:00 on this host.
    assert times.find_moment(found.seconds, NOW) == NOW - 3600 - 0.5
    assert times.find_moment(23 * 3600, NOW) == NOW - 6 * 3600


@pytest.mark.parametrize("line, stamp, expected", [
    ("2026-12-01_03:00:00.50000 hello", "svlogd", (THREE + 0.5, "hello")),
    ("@" + f"{int(THREE) + (1 << 62) + 10:016x}" + "1dcd6500 hello", "tai64n", (THREE + 0.5, "hello")),
    ("hello", "svlogd", (None, "hello")), ("@12 hello", "tai64n", (None, "@12 hello")), ("2026-12-01_03:00:00.5 x", "", (None, "2026-12-01_03:00:00.5 x")),
])
def test_the_time_that_a_supervisor_puts_before_a_line_is_taken_off(line, stamp, expected):
    assert times.split_stamp(line, stamp) == expected
