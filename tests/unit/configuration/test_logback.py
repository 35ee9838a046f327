# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A logback.xml writes to the console in production, and nothing else of it changes. data/logback: a text, and what it is to become."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import logback

DATA = pathlib.Path(__file__).parents[1] / "data" / "logback"
CASES = sorted(path for path in DATA.glob("*.xml") if not path.name.endswith(".expected.xml"))


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_text_becomes_what_is_desired_and_stays_so(path, end):
    text, expected = (each.read_text().replace("\n", end) for each in (path, path.with_suffix(".expected.xml")))
    assert logback.log_to_console(text) == expected
    assert logback.log_to_console(expected) == expected


@pytest.mark.parametrize("text, message", [
    ("<configuration>\n  <root>\n</configuration>", "line 3: mismatched tag"),
    ("", "line 1: no element found"),
    ("<project/>", "line 1: found the root element <project>; expected <configuration>"),
])
def test_a_text_that_is_no_configuration_is_refused_with_its_line(text, message):
    with pytest.raises(logback.LogbackError, match=message):
        logback.log_to_console(text)
