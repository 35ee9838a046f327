# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Main classes are found in source texts as the compilers see them."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import types as source_types
from ansible_collections.xitrum.host.plugins.module_utils.source_tree.scala_sources import find_main_classes, read_types
from ansible_collections.xitrum.host.plugins.module_utils.source_tree.tokens import blank_comments
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
    assert find_main_classes(text) == names


@pytest.mark.parametrize(("text", "names"), [
    ("package shop;\npublic class Boot {\n  public static void main(String[] args) { }\n}\n", ["shop.Boot"]),
    ("public final class Boot { static public void main(final String... args) { } }", ["Boot"]),
    ("package shop;\nclass Boot { /* public static void main(String[] args) { } */ }", []),
])
def test_java(text, names):
    assert find_main_classes(text, java=True) == names


@pytest.mark.parametrize(("text", "names"), [
    ("package a;\nclass Options { int port; }\npublic class Boot { public static void main(String[] args) { } }", ["a.Boot"]),
    ("interface Named { String name(); }\npublic class Boot { public static void main(String[] args) { } }", ["Boot"]),
    ("package a; class A { public static void main(String[] a) {} } class B { public static void main(String[] b) {} }", ["a.A", "a.B"]),
    ("class Boot { static class Inner { public static void main(String[] args) {} } }", []),
    ("class Boot { static void main(String[] args) {} }", []),
    ("class Boot { private static void main(String[] args) {} }", []),
    ("class Boot { public void main(String[] args) {} }", []),
    ("class Boot { public static int main(String[] args) { return 1; } }", []),
    ("interface Boot { static void main(String[] args) {} }", ["Boot"]),
    ("interface Boot { private static void main(String[] args) {} }", []),
    ("class Boot { Class<?> c = Other.class; @A({1, 2}) public static void main(java.lang.String args[]) throws Exception {} }", ["Boot"]),
    ("enum Boot { A { void f() { } }; public static void main(final String... args) {} }", ["Boot"]),
    ("/** Serves /static/* and /public/* */\npublic class Boot { public static void main(String[] args) {} }", ["Boot"]),
    ("// package b;\npackage a;\npublic class Boot { String s = \"\"\"\n public static void main(String[] a) {}\n\"\"\"; }", []),
])
def test_a_main_method_of_java_belongs_to_the_class_around_it(text, names):
    assert find_main_classes(text, java=True) == names


@pytest.mark.parametrize("parameter", [
    "args: Array[java.lang.String]", "args: Array[Predef.String]", "args: scala.Array[String]", "args: Array[ String ] = Array(\"a\", \"b\")",
    "\n  args: Array[String],\n", "@unused args: Array[scala.Predef.String]", "`args`: Array[String]",
])
def test_each_way_to_write_the_parameter(parameter):
    assert find_main_classes(f"package p\nobject Boot {{ final def main({parameter}): Unit = () }}") == ["p.Boot"]


@pytest.mark.parametrize("method", [
    "private def main(args: Array[String]) {}", "protected[p] def main(args: Array[String]) {}", "private[this] final def main(args: Array[String]) {}",
    "def main(args: Array[String]): Int = 1", "def main(args: Array[String])(implicit x: Int): Unit = ()", "def main[T](args: Array[String]): Unit = ()",
    "def main(args: Array[String], more: Int): Unit = ()", "def f() { def main(args: Array[String]) {} }", "val f = new App { }",
    "val s = s\"${ f(\"x\") } def main(args: Array[String]) { \"",
])
def test_a_method_that_starts_nothing(method):
    assert read(f"package p\nobject Boot {{\n  {method}\n}}\n") == source_types.MainClasses({})


@pytest.mark.parametrize(("text", "names"), [
    ("object Boot extends { val x = 1 } with Base with App { }", ["Boot"]),
    ("object Boot extends Base({1}) with App { }", ["Boot"]),
    ("object Boot extends Base[X { }](1)(2) with App", ["Boot"]),
    ("object Boot extends Base, App:\n  println(1)\n", ["Boot"]),
    ("object Boot\n  extends\n  App {\n}\n", ["Boot"]),
    ("object Boot extends _root_.scala.App", ["Boot"]),
    ("object Boot extends App.Foo\n", []),
    ("object Boot extends xitrum.App\n", []),
    ("object Boot:\n  def main(args: Array[String]): Unit =\n    start()\nend Boot\n", ["p.Boot"]),
    ("object Tool:\n  def f = 1\n\nobject Boot:\n  case class X(a: Int)\n  def main(args: Array[String]): Unit = ()\n", ["p.Boot"]),
    ("object Tool:\n  def f =\n    def main(args: Array[String]): Unit = ()\n    1\n", []),
    ("class Tool:\n  object Boot extends App\n", []),
    ("object Tool:\n  class C:\n    def main(args: Array[String]): Unit = ()\n", []),
    ("@main def run(args: String*): Unit = println(1)\n", ["p.run"]),
    ("object Tool { @main def run() = println(1) }\n", ["p.run"]),
    ("trait Launcher { def main(args: Array[String]): Unit = start() }\nobject Boot extends Base with Launcher\n", ["p.Boot"]),
    ("trait Launcher extends App\nabstract class Base extends Launcher\nobject Boot extends Base { }\n", ["p.Boot"]),
    ("trait Launcher { def main(args: Array[String]): Unit }\nobject Boot extends Launcher { val x = 1 }\n", []),
    ("object Tool { val s = s\"${ f(\"x\") } { \" }\nobject Boot extends App\n", ["p.Boot"]),
    ("object Tool { val s = s\"\"\"${ x.mkString(\"\"\"{\"\"\") } \"\"\" }\nobject Boot extends App\n", ["p.Boot"]),
    ("object Tool { val s = \"\"\"a \"{ \"\"\"\" }\nobject Boot extends App\n", ["p.Boot"]),
])
def test_each_form_of_a_scala_object(text, names):
    # Whatever the first line, the package is before it where one is expected.
    packaged = any(name.startswith("p.") for name in names)
    assert find_main_classes(("package p\n" if packaged else "") + text) == names


def read(*texts):
    """The main classes of several Scala texts, each a file."""
    return source_types.resolve({f"{number}.scala": read_types(text) for number, text in enumerate(texts, 1)})


@pytest.mark.parametrize(("text", "unclear"), [
    ("package p\n\ntrait Launcher {\n" + f"  {MAIN}\n}}\n", "a main method in the trait p.Launcher (1.scala:4)"),
    (f"class Boot {{ {MAIN} }}\n", "a main method in the class Boot (1.scala:1)"),
    (f"package object p {{ {MAIN} }}\n", "a main method in the package object p (1.scala:1)"),
])
def test_a_main_method_of_no_object_is_listed(text, unclear):
    assert read(text) == source_types.MainClasses({}, (unclear,))


def test_a_nested_main_method_of_java_is_listed():
    text = "package a;\nclass Boot {\n  static class Inner {\n    public static void main(String[] args) {} } }"
    assert source_types.resolve({"Boot.java": read_types(text, java=True)}).unclear == ("a main method in the nested class a.Boot$Inner (Boot.java:4)",)


def test_a_main_method_is_inherited_from_another_file():
    assert read(f"package p\ntrait Launcher {{ {MAIN} }}\n", "package q\nobject Boot extends p.Launcher { }\n") == (
        source_types.MainClasses({"q.Boot": "2.scala"}))


def test_a_comment_leaves_positions_as_they_are():
    text = 'a /* b\n/* c */ */ d // e "\n"f // g" h'
    assert blank_comments(text) == 'a     \n           d       \n"f // g" h'


@given(st.text(alphabet='{}"/*\n\' packgeobjtminxsd.App:[]()=$`@,', max_size=200))
def test_no_text_is_too_strange(text):
    find_main_classes(text)
    find_main_classes(text, java=True)
    assert len(blank_comments(text)) == len(blank_comments(text, strings=False, java=True)) == len(text)
