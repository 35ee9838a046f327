# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of HOCON texts are changed, and nothing else of them. data/hocon: a text, and what it is to become."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.configuration import hocon, hocon_edit
from hypothesis import given
from hypothesis import strategies as st

DATA = pathlib.Path(__file__).parents[1] / "data" / "hocon"
CASES = sorted(path for path in DATA.glob("*.conf") if not path.name.endswith(".expected.conf"))
PORTS = ("xitrum.port.https", "xitrum.port.flashSocketPolicy")


def changed(text):
    text = hocon_edit.put(text, "xitrum.port.http", "${PORT}")
    for key in PORTS:
        text = hocon_edit.put_out(text, key)
    return hocon_edit.put(text, "xitrum.interface", '"127.0.0.1"')


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_text_becomes_what_is_desired_and_stays_so(path, end):
    text, expected = path.read_text(), path.with_suffix(".expected.conf").read_text()
    # A text without any line end has none to follow.
    if "\n" in text:
        text, expected = text.replace("\n", end), expected.replace("\n", end)
    assert changed(text) == expected
    assert changed(expected) == expected
    assert hocon_edit.find_value(expected, "xitrum.port.http") == "${PORT}"
    assert {hocon_edit.find_value(expected, key) for key in PORTS} <= {None, "null"}


@pytest.mark.parametrize("text, message", [
    ("xitrum {\n  port {\n    http = 8000\n}\n", "line 1: { is not closed"),
    ("a = 1\n}\n", "line 2: } closes nothing"),
    ("a = 1\nb = \"open\nc = 1", 'line 2: a text that begins with " does not end'),
    ('a = """x\n\n', 'line 1: a text that begins with """ does not end'),
    ("xitrum {\n  port http\n}\n", "line 2: the key 'port http' has no value"),
    ("a = [1, 2\nb = 3", "line 1: [ is not closed"),
    ("a = [1, 2}\n", "line 1: } where ] is expected"),
    ("a {\n  b =\n}", "line 2: the key a.b has no value"),
    ("a..b = 1", "line 1: the key 'a..b' has an empty part"),
    ("{ a = 1 }\nb = 2", "line 2: there is more after the closing }"),
    ("port", "line 1: the key 'port' has no value"),
])
def test_a_text_that_does_not_parse_is_refused_with_its_line(text, message):
    with pytest.raises(hocon.HoconError) as refused:
        hocon.list_fields(text)
    assert str(refused.value).startswith(message)


KEYS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(".".join)
VALUES = st.sampled_from(["1", '"x y"', "${PORT}", "[1, 2]", "true"])
LINES = st.lists(st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES), st.builds("{} {{ {} : {} }}".format, KEYS, KEYS, VALUES),
    st.builds("{} {{\n  {} = {} // note\n}}".format, KEYS, KEYS, VALUES), st.sampled_from(["# a = 1", "", "// { "]),
)).map("\n".join)


@given(LINES, KEYS, VALUES)
def test_what_was_put_is_there_and_all_other_lines_stay(text, key, value):
    new = hocon_edit.put(text, key, value)
    assert hocon_edit.find_value(new, key) == value
    assert hocon_edit.put(new, key, value) == new
    # An object whose place a value takes is gone with its lines.
    if not any(field.body and field.path == tuple(key.split(".")) for field in hocon.list_fields(text)):
        assert len(set(text.splitlines()) - set(new.splitlines())) <= 1


@given(LINES, KEYS)
def test_what_was_put_out_is_not_in_force_and_the_comments_stay(text, key):
    new = hocon_edit.put_out(text, key)
    assert hocon_edit.find_value(new, key) in (None, "null")
    assert hocon_edit.put_out(new, key) == new
    # What keys below it define, or what a substitution may, has no line of its own, and gets one.
    left = hocon_edit.find_force(hocon_edit.comment_out(text, tuple(key.split("."))), tuple(key.split("."))).kind
    assert len(new.splitlines()) - len(text.splitlines()) in ((0,) if left in (hocon_edit.ABSENT, hocon_edit.VALUE) else (0, 1))


@pytest.mark.parametrize(("text", "after"), [
    # A later include, or a substitution in place of an object, may win: the setting goes to where nothing follows.
    ('xitrum {\n  port { http = 1 }\n  include "ports"\n}\n', 'xitrum {\n  port { http = 1 }\n  include "ports"\n}\nxitrum.port.http = 8000\n'),
    ("xitrum.port.http = 1\nxitrum.port = ${ports}\n", "xitrum.port.http = 1\nxitrum.port = ${ports}\nxitrum.port.http = 8000\n"),
    ("xitrum.port { http = 1 }\nxitrum = null\n", "xitrum.port { http = 1 }\nxitrum = null\nxitrum.port.http = 8000\n"),
    ("xitrum.port = {http = 1} {http = 2}\n", "xitrum.port = {http = 1} {http = 8000}\n"),
    ("xitrum.port.http += 1\n", "xitrum.port.http = 8000\n"),
    ("{\n  includes = 1\n}\n", "{\n  includes = 1\n  xitrum.port.http = 8000\n}\n"),
    ("xitrum.port.http # why\n = 1 // x\n", "xitrum.port.http # why\n = 8000 // x\n"),
], ids=["include-after", "substitution-after", "null-after", "joined", "appended", "key-like-include", "comment-in-between"])
def test_what_was_put_wins_over_what_else_the_file_has(text, after):
    assert hocon_edit.put(text, "xitrum.port.http", "8000") == after
    assert hocon_edit.put(after, "xitrum.port.http", "8000") == after


def test_what_another_line_needs_is_not_given_up():
    text = "xitrum.port.https = 4430\nshown = ${xitrum.port.https}\n"
    assert hocon_edit.put_out(text, "xitrum.port.https") == "xitrum.port.https = null\nshown = ${xitrum.port.https}\n"
    with pytest.raises(hocon.HoconError, match=r"line 2: \$\{xitrum.port.https\} needs a setting below xitrum.port"):
        hocon_edit.put(text, "xitrum.port", "1")
