# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Main classes are found in source texts as the compilers see them."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.scala_sources import main_classes, without_comments
from hypothesis import given
from hypothesis import strategies as st

MAIN = "def main(args: Array[String]): Unit = { Server.start() }"


@pytest.mark.parametrize(("text", "names"), [
    (f"package quickstart\n\nimport xitrum.Server\n\nobject Boot {{\n  {MAIN}\n}}\n", ["quickstart.Boot"]),
    ("package demos\nobject Boot extends App {\n  xitrum.Server.start()\n}\n", ["demos.Boot"]),
    ("package demos\nobject Boot extends Logging with App\n", ["demos.Boot"]),
    ("package demos\nobject Boot extends scala.App { }\n", ["demos.Boot"]),
    ("package a\npackage b.c\nobject Boot extends App\n", ["a.b.c.Boot"]),
    (f"package a {{ package b {{ object Boot {{ {MAIN} }} }}\nobject Other {{ }} }}", ["a.b.Boot"]),
    (f"object Boot {{ {MAIN} }}", ["Boot"]),
    ("package leochat\nobject Boot {\n  def main(args: Array[String]) {\n    Server.start()\n  }\n}\n", ["leochat.Boot"]),
    (f"package p\nobject One {{ val x = 1\n {MAIN} }}\nobject Two {{ def f = {{ 1 }}\n {MAIN} }}\n", ["p.One", "p.Two"]),
    (f"package p\nclass Boot {{ {MAIN} }}\ntrait T {{ {MAIN} }}\n", []),
    (f"package p\nobject Outer {{ object Inner {{ {MAIN} }} }}\n", []),
    (f"package p\nobject Outer {{ class C {{ }}\n {MAIN} }}\n", ["p.Outer"]),
    (f"package p\n// object Boot {{ {MAIN} }}\n/* object Boot /* nested */ {{ {MAIN} }} */\nval s = \"\"\"object Boot extends App {{\"\"\"\n", []),
    ("package p\nobject Text { val s = \"def main(args: Array[String])\"; val brace = '{'; val q = '\"' }\n", []),
    ("package p\nobject Boot { def main(args: Array[Int]) = 1; def mainly(args: Array[String]) = 2 }\n", []),
    ("package p\nobject Boot extends Application { }\n", []),
    (f"package object p {{ {MAIN} }}\n", []),
    ("", []),
    ("object", []),
    ("}}}{{{", []),
])
def test_objects_with_a_main_method_at_the_top_of_their_package(text, names):
    assert main_classes(text) == names


@pytest.mark.parametrize(("text", "names"), [
    ("package shop;\npublic class Boot {\n  public static void main(String[] args) { }\n}\n", ["shop.Boot"]),
    ("public final class Boot { static public void main(final String... args) { } }", ["Boot"]),
    ("package shop;\nclass Boot { /* public static void main(String[] args) { } */ }", []),
])
def test_java(text, names):
    assert main_classes(text, java=True) == names


def test_a_comment_leaves_positions_as_they_are():
    text = 'a /* b\n/* c */ */ d // e "\n"f // g" h'
    assert without_comments(text) == 'a     \n           d       \n"f // g" h'


@given(st.text(alphabet='{}"/*\n\' packgeobjtminxsd.App:[]()=', max_size=200))
def test_no_text_is_too_strange(text):
    main_classes(text)
    main_classes(text, java=True)
    assert len(without_comments(text)) == len(text)
