# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the JVM is given: which options a JDK takes, and what cannot be passed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.jdk import jvm
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("version, present, has_not", [
    (8, (), ("--add-opens", "IgnoreUnrecognized", "EnableDynamicAgentLoading")),
    (11, ("--add-opens=java.base/java.util=ALL-UNNAMED", "-XX:+IgnoreUnrecognizedVMOptions"), ("EnableDynamicAgentLoading", "sun-misc")),
    (17, ("--add-opens=java.base/java.lang.invoke=ALL-UNNAMED", "-XX:+IgnoreUnrecognizedVMOptions"), ("EnableDynamicAgentLoading", "sun-misc")),
    (21, ("-XX:+EnableDynamicAgentLoading",), ("sun-misc",)),
    (25, ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"), ()),
])
def test_each_jdk_gets_the_options_that_it_takes(version, present, has_not):
    options = " ".join(jvm.build_launcher_options(version))
    assert all(option in options for option in present)
    assert not any(option in options for option in has_not)


def test_the_heap_wins_since_it_comes_last():
    variables = jvm.build_environment("/jdk", 17, "2g", ["-Dfoo=bar", "--add-opens=a/b=ALL-UNNAMED"], "/log")
    assert variables["_JAVA_OPTIONS"].split()[:2] == ["-Xms256m", "-Xmx2g"]
    assert variables["_JAVA_OPTIONS"].endswith("-Dfoo=bar")
    assert variables["JDK_JAVA_OPTIONS"].endswith("--add-opens=a/b=ALL-UNNAMED")
    assert variables["PATH"].startswith("/jdk/bin:")


def test_a_heap_below_the_runners_smallest_one_lowers_that_too():
    assert jvm.build_last_options("128m", [], "/log")[:2] == ["-Xms128m", "-Xmx128m"]


def test_jdk_8_reads_no_launcher_options():
    assert "JDK_JAVA_OPTIONS" not in jvm.build_environment("/jdk", 8, "512m", [], "/log")


@pytest.mark.parametrize("heap, options, version, message", [
    ("512", [], 17, None),
    ("half", [], 17, "half"),
    ("0m", [], 17, "0m"),
    ("1g", ["-Da=b c"], 17, "-Da=b c"),
    ("1g", ["Xmx1g"], 17, "Xmx1g"),
    ("1g", ["--add-opens=a/b=ALL-UNNAMED"], 8, "JDK 9"),
])
def test_what_cannot_be_passed_is_named(heap, options, version, message):
    if message is None:
        assert jvm.build_environment("/jdk", version, heap, options, "/log")["_JAVA_OPTIONS"]
        return
    with pytest.raises(ValueError, match=message):
        jvm.build_environment("/jdk", version, heap, options, "/log")


def test_all_that_cannot_be_passed_is_named_at_once():
    with pytest.raises(ValueError) as caught:
        jvm.build_last_options("half", ["-Da=b c", "Xmx1g", "-Dok=1"], "/log")
    assert [sentence.split()[1:3] for sentence in str(caught.value).splitlines()] == [["heap", "is"], ["JVM", "option"], ["JVM", "option"]]
    with pytest.raises(ValueError, match="options '--add-opens=a/b=X', '--module-path=/m' need JDK 9 or newer"):
        jvm.build_environment("/jdk", 8, "1g", ["--add-opens=a/b=X", "--module-path=/m"], "/log")


def test_the_environment_file_is_one_that_sh_reads():
    assert jvm.render_environment_file({"A": "b c", "D": '"'}) == "A='b c'\nD='\"'\n"
    with pytest.raises(ValueError, match="A"):
        jvm.render_environment_file({"A": "it's"})


@pytest.mark.parametrize("version, names", [(8, ["_JAVA_OPTIONS"]), (17, ["JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])])
def test_a_platform_gets_no_heap_dump_and_no_folder(version, names):
    options_text = jvm.build_options_environment(version, "300m", ["-Da=b"])
    assert sorted(options_text) == sorted(names)
    assert options_text["_JAVA_OPTIONS"] == "-Xms256m -Xmx300m -XX:+ExitOnOutOfMemoryError -XX:-HeapDumpOnOutOfMemoryError -Da=b"


@pytest.mark.parametrize("path, home", [
    ("/usr/lib/jvm/jdk-17/bin/java", "/usr/lib/jvm/jdk-17"), ("/usr/lib/jvm/jdk-8/jre/bin/java", "/usr/lib/jvm/jdk-8"),
    ("/usr/lib/jvm/jdk-8/bin/jcmd", "/usr/lib/jvm/jdk-8"), ("/opt/bin/jdk/bin/java", "/opt/bin/jdk"), ("/usr/lib/jvm/jdk-8", ""), ("", ""), (None, "")])
def test_the_jdk_of_a_command(path, home):
    assert jvm.find_home(path) == home


# --------------------------------------------------------------------------------------------- values as the JVM has
# them

HEAPS = [
    line.split()
    for line in (Path(__file__).parents[1] / "data" / "jvm" / "heaps.txt").read_text().splitlines()
    if not line.startswith("#")
]


def verdicts(heap, options, running, fresh=None):
    """Name to verdict, as a check judges a running JVM."""
    return {
        name: verdict for name, _value, _observed, verdict in jvm.compare_flags(jvm.build_desired_flags(heap, options), running, fresh)
    }


@pytest.mark.parametrize("release", sorted({row[0] for row in HEAPS}))
def test_a_heap_is_in_sync_with_what_a_real_jvm_made_of_it(release):
    rows = [row for row in HEAPS if row[0] == release]
    assert len(rows) > 90
    for _release, collector, _option, heap, size, region in rows:
        running = {"MaxHeapSize": size, collector: "true", "G1HeapRegionSize": region}
        assert verdicts(heap, [], running)["MaxHeapSize"] == "ok", (collector, heap, size)
        # A heap that the JVM would have made another size of is drift.
        for other in (int(size) + (1 << 21), int(size) - (1 << 25)):
            assert verdicts(heap, [], {**running, "MaxHeapSize": str(other)})["MaxHeapSize"] == "drift", (
                collector,
                heap,
                other,
            )


@pytest.mark.parametrize(
    "options",
    [["-XX:VMOptionsFile=/x"], ["-XX:Flags=/y"], ["-XX:+LogCompilation"], ["-XX:VMOptionsFile=/x", "-XX:Flags=/y"]],
)
def test_an_option_that_no_table_of_the_jvm_has_is_absent_and_no_drift(options):
    running, fresh = {"MaxHeapSize": "1073741824"}, {"flags": {"MaxHeapSize": "1073741824"}, "given": ["MaxHeapSize"]}
    found = verdicts("1g", options, running, fresh)
    assert found.pop("MaxHeapSize") == "ok" and set(found.values()) == {"absent"}
    # One that the JDK knows is drift, and so is one of which nothing is known.
    known = {**fresh, "flags": {**fresh["flags"], "LogCompilation": "false"}}
    assert verdicts("1g", ["-XX:+LogCompilation"], running, known)["LogCompilation"] == "drift"
    assert "drift" in verdicts("1g", options, running).values()


@pytest.mark.parametrize(
    "option, text",
    [
        ('-XX:OnOutOfMemoryError="a;b"', "a;b"),
        ('-XX:OnOutOfMemoryError=a";"b', "a;b"),
        ("-XX:OnOutOfMemoryError=a;b", "a;b"),
        ('"-XX:OnOutOfMemoryError=/bin/x"', "/bin/x"),
    ],
)
def test_the_quotes_of_a_text_are_not_part_of_it(option, text):
    assert verdicts("1g", [option], {"OnOutOfMemoryError": text})["OnOutOfMemoryError"] == "ok"
    assert verdicts("1g", [option], {"OnOutOfMemoryError": text + "x"})["OnOutOfMemoryError"] == "drift"


@given(st.integers(1 << 21, 1 << 45), st.sampled_from([0, 1 << 20, 1 << 22, 1 << 24, 1 << 25]))
def test_a_heap_is_never_taken_for_a_smaller_one_or_for_one_of_another_unit(size, region):
    flags, unit = {"G1HeapRegionSize": str(region)}, max(region, jvm.HEAP_UNIT)
    good = [
        actual_size
        for actual_size in range((size // unit - 1) * unit, size + 3 * unit, 1 << 20)
        if jvm.is_rounded("MaxHeapSize", str(size), str(actual_size), flags)
    ]
    assert len(good) == 1 and size <= good[0] < size + unit
    assert not jvm.is_rounded("MaxHeapSize", str(size), str(good[0]), {**flags, "UseShenandoahGC": "true"})


@pytest.mark.parametrize(
    "one, other",
    [
        ("1g", "1G"),
        ("1g", "1024m"),
        ("1g", "1048576k"),
        ("1g", "1073741824"),
        ("1t", "1024G"),
        ("0x400", "1k"),
        ("75", "75.000000"),
        ("75.0", "75.000000"),
        ("33.3333333333", "33.333333"),
        ("7.5e1", "75.000000"),
        ("-1", "-1"),
        ("true", "true"),
        ("/x", "/x"),
        ("200", "0200"),
    ],
)
def test_two_texts_of_one_value(one, other):
    assert all(jvm.is_same_value(*pair) for pair in ((one, other), (other, one)))


@pytest.mark.parametrize(
    "one, other",
    [
        ("1g", "1000m"),
        ("75", "75.100000"),
        ("true", "false"),
        ("1", "true"),
        ("/x", "/y"),
        ("1", None),
        ("75", "7.5"),
        ("nan", "nan.0"),
    ],
)
def test_values_that_differ(one, other):
    assert not any(jvm.is_same_value(*pair) for pair in ((one, other), (other, one)))


@given(st.text(), st.text())
def test_no_text_breaks_a_comparison_of_values(one, other):
    assert jvm.is_same_value(one, one) and jvm.is_same_value(one, other) in (True, False)
    assert (
        isinstance(jvm.parse_flags(one), dict)
        and isinstance(jvm.parse_flag_table(one), dict)
        and isinstance(jvm.parse_option_flags("-XX:" + one), dict)
    )
    assert jvm.is_rounded("MaxHeapSize", one, other, {"G1HeapRegionSize": other}) in (True, False)


@pytest.mark.parametrize(
    "options, flags",
    [
        (["-XX:MetaspaceSize=128m"], {"MetaspaceSize": "134217728"}),
        (["-XX:MaxDirectMemorySize=1g"], {"MaxDirectMemorySize": "1073741824"}),
        (["-Xss300000"], {"ThreadStackSize": "293"}),
        (["-Xss1m"], {"ThreadStackSize": "1024"}),
        (["-XX:ThreadStackSize=512"], {"ThreadStackSize": "512"}),
        (["-Xms64m"], {"InitialHeapSize": "67108864"}),
        (["-Xmn100m"], {"NewSize": "104857600", "MaxNewSize": "104857600"}),
        (["-Xmx1g"], {"MaxHeapSize": "1073741824"}),
        (["-XX:MaxHeapSize=2g", "-Xmx1g"], {"MaxHeapSize": "1073741824"}),
        (["-XX:+UseG1GC", "-XX:-UseG1GC"], {"UseG1GC": "false"}),
        (["-XX:MaxGCPauseMillis=1", "-XX:MaxGCPauseMillis=2"], {"MaxGCPauseMillis": "2"}),
        (["-XX:MaxRAMPercentage=75"], {"MaxRAMPercentage": "75"}),
        (["-XX:HeapDumpPath=/a=b"], {"HeapDumpPath": "/a=b"}),
        (["-Dx=y", "-ea", "-Xlog:gc", "-javaagent:/x", "-Xint", "-Xmxlots"], {}),
    ],
)
def test_the_flags_behind_options_of_which_the_last_wins(options, flags):
    assert jvm.build_desired_flags("512m", options) == {"MaxHeapSize": "536870912", **flags}


def test_the_options_of_a_second_jvm_write_nothing_and_load_nothing():
    given_options = [
        "-XX:+UseZGC",
        "-XX:MaxRAMPercentage=75.5",
        "-Xmx409m",
        "-Xss1m",
        "-XX:+AlwaysPreTouch",
        "-XX:-UsePerfData",
        "-XX:StartFlightRecording=filename=/x",
        "-XX:HeapDumpPath=/x",
        "-XX:Flags=/x",
        "-javaagent:/x",
        "-agentlib:x",
        "-Xlog:gc:file=/x",
        "-cp",
        "/lib",
        "quickstart.Boot",
        "-Dx=y",
        "-XX:OnError=x",
        "-XX:+FlightRecorder",
        "-XX:ArchiveClassesAtExit=/x",
        "@/x",
        "-Xshare:dump",
    ]
    assert jvm.filter_probe_options(given_options) == ["-XX:+UseZGC", "-XX:MaxRAMPercentage=75.5", "-Xmx409m", "-Xss1m"]


JAVA = shutil.which("java")


@pytest.mark.parametrize(
    "options",
    [
        ["-XX:+UseG1GC", "-Xmx409m"],
        ["-XX:+UseSerialGC", "-Xmx33000000"],
        ["-XX:+UseParallelGC", "-Xmx777777k", "-Xmn100m"],
        ["-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx33000000"],
        [
            "-Xmx409m",
            "-XX:MaxRAMPercentage=75",
            "-XX:MetaspaceSize=128m",
            "-Xss1m",
            "-Xms9000000",
            "-XX:G1HeapRegionSize=3m",
            "-XX:+AggressiveOpts",
            "-XX:ReservedCodeCacheSize=99m",
        ],
    ],
)
@pytest.mark.skipif(JAVA is None, reason="no JVM on this machine")
def test_a_jvm_is_in_sync_with_the_options_that_it_was_started_with(options):
    start = [JAVA, "-XX:+IgnoreUnrecognizedVMOptions", *options, "-XX:+PrintFlagsFinal", "-version"]
    flags = jvm.parse_flag_table(subprocess.run(start, capture_output=True, text=True, check=True).stdout)
    fresh = {"flags": flags, "given": sorted({name for option in options for name in jvm.parse_option_flags(option)})}
    assert set(verdicts("409m", options, flags, fresh).values()) <= {"ok", "absent"}
    assert verdicts("409m", options, {**flags, "MaxHeapSize": "268435456"}, fresh)["MaxHeapSize"] == "drift"
