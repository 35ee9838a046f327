# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment variables override settings of config/xitrum.conf where they are set, and nothing else of the file changes."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import environment as environment_settings
from ansible_collections.xitrum.host.plugins.module_utils.configuration.xitrum_conf import EXAMPLE_VALUES

KEY, API = "xitrum.session.secureKey", "xitrum.metrics.apiKey"
VARIABLES = {KEY: "SECURE", API: "API"}
EXAMPLE = f'xitrum {{\n  session {{\n    secureKey = "{EXAMPLE_VALUES["secureKey"]}"  # yours\n  }}\n}}\n'


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("text, after", [
    ("xitrum {\n  session {\n\tsecureKey = x  # yours\n  }\n}\n", "xitrum {\n  session {\n\tsecureKey = x  # yours\n\tsecureKey = ${?SECURE}\n  }\n}\n"),
    ("xitrum.session { secureKey = x, store = y }\n", "xitrum.session { secureKey = x, secureKey = ${?SECURE}, store = y }\n"),
    ("xitrum.session.secureKey = x\n", "xitrum.session.secureKey = x\nxitrum.session.secureKey = ${?SECURE}\n"),
    # Where an include may set it, the end of the file wins.
    ('xitrum.session { store = y }\ninclude "keys"\n', 'xitrum.session { store = y }\ninclude "keys"\nxitrum.session.secureKey = ${?SECURE}\n'),
    ("xitrum.metrics { apiKey = a\n}\n", "xitrum.metrics { apiKey = a, apiKey = ${?API}\n}\n"),
], ids=["block", "inline", "dotted", "included", "metrics"])
def test_a_variable_overrides_the_value_that_stays_as_the_default(text, after, end):
    text, after = text.replace("\n", end), after.replace("\n", end)
    assert environment_settings.put_variables(text, VARIABLES) == after
    assert environment_settings.put_variables(after, VARIABLES) == after


def test_a_text_without_a_last_line_end():
    text = "xitrum.session.secureKey = x"
    assert environment_settings.put_variables(text, VARIABLES) == f"{text}\nxitrum.session.secureKey = ${{?SECURE}}\n"


@pytest.mark.parametrize("text", [
    # One of the user's own.
    "xitrum.session.secureKey = x\nxitrum.session.secureKey = ${?MINE}\n", "xitrum.session.secureKey = ${MINE}\n",
    # No object with nothing but an unset substitution in it: the metrics page would be on, without its other settings.
    "xitrum.session { store = y }\n", "xitrum { #metrics\n}\n", 'include "all"\n', "xitrum.metrics = null\n", "",
])
def test_what_is_not_set_or_has_a_substitution_is_left_as_it_is(text):
    assert environment_settings.put_variables(text, VARIABLES) == text


@pytest.mark.parametrize("text, described", [
    (EXAMPLE, [("", False, True)]),
    (EXAMPLE + "xitrum.session.secureKey = ${?SECURE}\n", [("SECURE", False, True)]),
    (EXAMPLE + "xitrum.session.secureKey = ${?MINE}\n", [("MINE", True, True)]),
    ("xitrum.session.secureKey = other\n", [("", False, False)]),
    ("xitrum.session { store = y }\n", []),
    ("xitrum {\n", []),
])
def test_the_variable_of_each_setting_is_described(text, described):
    found = environment_settings.describe_variables(text, {KEY: "SECURE"})
    assert [(row["variable"], row["other_source"], row["example"]) for row in found] == described
