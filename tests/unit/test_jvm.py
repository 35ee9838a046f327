# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the JVM is told: which options a JDK takes, and what cannot be passed."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import jvm


@pytest.mark.parametrize("version, has, has_not", [
    (8, (), ("--add-opens", "IgnoreUnrecognized", "EnableDynamicAgentLoading")),
    (11, ("--add-opens=java.base/java.util=ALL-UNNAMED", "-XX:+IgnoreUnrecognizedVMOptions"), ("EnableDynamicAgentLoading", "sun-misc")),
    (17, ("--add-opens=java.base/java.lang.invoke=ALL-UNNAMED", "-XX:+IgnoreUnrecognizedVMOptions"), ("EnableDynamicAgentLoading", "sun-misc")),
    (21, ("-XX:+EnableDynamicAgentLoading",), ("sun-misc",)),
    (25, ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"), ()),
])
def test_each_jdk_gets_the_options_that_it_takes(version, has, has_not):
    said = " ".join(jvm.launcher_options(version))
    assert all(option in said for option in has)
    assert not any(option in said for option in has_not)


def test_the_heap_wins_since_it_comes_last():
    variables = jvm.environment("/jdk", 17, "2g", ["-Dfoo=bar", "--add-opens=a/b=ALL-UNNAMED"], "/log")
    assert variables["_JAVA_OPTIONS"].split()[:2] == ["-Xms256m", "-Xmx2g"]
    assert variables["_JAVA_OPTIONS"].endswith("-Dfoo=bar")
    assert variables["JDK_JAVA_OPTIONS"].endswith("--add-opens=a/b=ALL-UNNAMED")
    assert variables["PATH"].startswith("/jdk/bin:")


def test_a_heap_below_the_runners_smallest_one_lowers_that_too():
    assert jvm.last_options("128m", [], "/log")[:2] == ["-Xms128m", "-Xmx128m"]


def test_jdk_8_reads_no_launcher_options():
    assert "JDK_JAVA_OPTIONS" not in jvm.environment("/jdk", 8, "512m", [], "/log")


@pytest.mark.parametrize("heap, options, version, named", [
    ("512", [], 17, None),
    ("half", [], 17, "half"),
    ("0m", [], 17, "0m"),
    ("1g", ["-Da=b c"], 17, "-Da=b c"),
    ("1g", ["Xmx1g"], 17, "Xmx1g"),
    ("1g", ["--add-opens=a/b=ALL-UNNAMED"], 8, "JDK 9"),
])
def test_what_cannot_be_passed_is_named(heap, options, version, named):
    if named is None:
        assert jvm.environment("/jdk", version, heap, options, "/log")["_JAVA_OPTIONS"]
        return
    with pytest.raises(ValueError, match=named):
        jvm.environment("/jdk", version, heap, options, "/log")


def test_the_environment_file_is_one_that_sh_reads():
    assert jvm.environment_file({"A": "b c", "D": '"'}) == "A='b c'\nD='\"'\n"
    with pytest.raises(ValueError, match="A"):
        jvm.environment_file({"A": "it's"})


@pytest.mark.parametrize("version, names", [(8, ["_JAVA_OPTIONS"]), (17, ["JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])])
def test_a_platform_gets_no_heap_dump_and_no_folder(version, names):
    said = jvm.options_environment(version, "300m", ["-Da=b"])
    assert sorted(said) == sorted(names)
    assert said["_JAVA_OPTIONS"] == "-Xms256m -Xmx300m -XX:+ExitOnOutOfMemoryError -XX:-HeapDumpOnOutOfMemoryError -Da=b"


@pytest.mark.parametrize("path, home", [
    ("/usr/lib/jvm/jdk-17/bin/java", "/usr/lib/jvm/jdk-17"), ("/usr/lib/jvm/jdk-8/jre/bin/java", "/usr/lib/jvm/jdk-8"),
    ("/usr/lib/jvm/jdk-8/bin/jcmd", "/usr/lib/jvm/jdk-8"), ("/opt/bin/jdk/bin/java", "/opt/bin/jdk"), ("/usr/lib/jvm/jdk-8", ""), ("", ""), (None, "")])
def test_the_jdk_of_a_command(path, home):
    assert jvm.home_of(path) == home
