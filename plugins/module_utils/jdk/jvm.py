# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance's JVM is given through its environment, since the package's `script/runner` is never edited.

The `java` launcher reads `JDK_JAVA_OPTIONS` from JDK 9 on, before the options that the runner has; the JVM reads
`_JAVA_OPTIONS` last, so that it wins. JDK 8 knows only the second. Both are printed at start: no secret in either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..core import input_types
from ..core.commands import hide_secrets
from ..core.untrusted_text import make_printable

#: Needed by Xitrum's serializer from JDK 9 on: without them a page that touches the session answers nothing.
OPENED_PACKAGES = ("java.base/java.util", "java.base/java.lang.invoke")

_FRACTION = re.compile(r"-?[0-9]+,[0-9]{6}")

HEAP = re.compile(r"[1-9][0-9]{0,17}[kKmMgGtT]?")

#: An integer as the JVM reads it.
SIZE = re.compile(r"(?P<sign>-?)(?P<number>0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})(?P<unit>[kKmMgGtT]?)")
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_DOUBLE = re.compile(r"-?[0-9]{1,19}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")

#: The flags behind the short options.
_SHORT = {
    "-Xmx": ("MaxHeapSize",),
    "-Xms": ("InitialHeapSize",),
    "-Xmn": ("NewSize", "MaxNewSize"),
    "-Xss": ("ThreadStackSize",),
}

#: What the heap is rounded up to at least: 512 bytes of the card table for each byte of a page of 4096. See
#: `is_rounded`.
HEAP_UNIT = 512 * 4096
_OTHER_COLLECTORS = ("UseShenandoahGC", "UseEpsilonGC")

_PROBED = re.compile(
    r"-XX:[+-][A-Za-z0-9]+|-XX:[A-Za-z0-9]+=-?[0-9][0-9a-fA-FxX.kKmMgGtT]*|-X(mx|ms|mn|ss)[0-9]+[kKmMgGtT]?"
)
#: Switches that write a file or take all memory at once.
_NOT_PROBED = frozenset(
    (
        "AlwaysPreTouch",
        "AlwaysPreTouchStacks",
        "AutoCreateSharedArchive",
        "CreateCoredumpOnCrash",
        "DumpSharedSpaces",
        "FlightRecorder",
        "LogCompilation",
        "LogVMOutput",
        "PerfDataSaveToFile",
        "RecordDynamicDumpInfo",
        "UsePerfData",
    )
)


def build_launcher_options(version: int) -> list[str]:
    """The options that make the stock runner's flags harmless on a JDK of this major version, for JDK_JAVA_OPTIONS."""
    if version < 9:
        return []
    options = ["-XX:+IgnoreUnrecognizedVMOptions"]
    options += [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED_PACKAGES]
    if version >= 21:
        options.append("-XX:+EnableDynamicAgentLoading")
    if version >= 24:
        options += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return options


def build_last_options(heap: str, options: list[str], dump_folder: str) -> list[str]:
    """The options that win over the runner's, for _JAVA_OPTIONS; without a folder for them, no heap dumps.

    Raises ValueError with a line for each option that cannot be passed so.
    """
    faults = (
        [] if HEAP.fullmatch(heap) else [f"the heap is {heap!r}; expected a size as -Xmx takes it, such as 512m or 2g"]
    )
    faults += find_option_errors(options)
    faults += [f"the JVM option {option!r} belongs to the java launcher, which _JAVA_OPTIONS does not reach"
               for option in options if option.startswith("--")]
    if faults:
        raise ValueError("\n".join(faults))
    # An instance that is out of memory must end to be restarted; half alive it would answer some requests. The dump
    # has one name, and the JVM does not replace a file: the first one stays, and they cannot fill the disk.
    dump = (
        ["-XX:+HeapDumpOnOutOfMemoryError", f"-XX:HeapDumpPath={dump_folder}/heap.hprof"]
        if dump_folder
        else ["-XX:-HeapDumpOnOutOfMemoryError"]
    )
    fixed = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError", *dump]
    # -Xms of the stock runner may be larger than a small heap, which the JVM refuses.
    return [f"-Xms{choose_smaller(heap, '256m')}", *fixed, *options]


def find_option_errors(options: list[str]) -> list[str]:
    """Why options cannot be passed to a JVM through its environment, one sentence an option."""
    found = [f"the JVM option {option!r} must begin with - and have no white space: the JVM splits _JAVA_OPTIONS there"
             for option in options if not option.startswith("-") or re.search(r"\s", option)]
    return found + [
        f"the JVM option {make_printable(option)!r} does not fit: expected {input_types.EXPECTED['line']}, at most "
        f"{input_types.TYPES['line'].longest}"
        for option in options
        if not re.search(r"\s", option) and not input_types.fits("line", option)
    ]


def choose_smaller(one: str, other: str) -> str:
    """The smaller of two sizes in the form of -Xmx."""
    return min(one, other, key=parse_heap)


def find_home(path: str) -> str:
    """The folder of the JDK of which `path` is a command, or an empty text:
    until Java 8 a JDK has a JRE in it, and java is one of that."""
    found = re.fullmatch(r"(.*?)(/jre)?/bin/[^/]+", path or "")
    return found[1] if found else ""


def parse_heap(text: str) -> int:
    """A size in the form of -Xmx as a number of bytes."""
    return parse_size(text) or 0


def parse_size(text: str) -> int | None:
    """An integer as the JVM reads it (`1g`, `1024m`, `0x40000000`, `-1`); None for anything else."""
    found = SIZE.fullmatch(text)
    if not found:
        return None
    number = (
        int(found["number"], 16 if found["number"].lower().startswith("0x") else 10) << _UNITS[found["unit"].lower()]
    )
    return -number if found["sign"] else number


def is_same_value(one: str, other: str) -> bool:
    """Whether two texts are one value of a flag:
    `1g` is `1073741824`, and `75` is `75.000000`, as the JVM prints it."""
    if one == other or None in (one, other):
        return one == other
    sizes = parse_size(one), parse_size(other)
    if None not in sizes:
        return sizes[0] == sizes[1]
    doubles = [_parse_double(text) for text in (one, other)]
    return None not in doubles and f"{doubles[0]:f}" == f"{doubles[1]:f}"


def _parse_double(text: str) -> float | None:
    return float(text) if _DOUBLE.fullmatch(text) else None


def parse_flags(text: str) -> dict[str, Any]:
    """The flags in what `jcmd PID VM.flags` prints: name to value, `true` and `false` for switches. A flag that
    is a list stands there once an item."""
    found = {}
    for word in re.findall(r"(?:^|\s)-XX:(\S+)", text):
        name, equals, value = word.partition("=")
        found[name if equals else name[1:]] = _normalize_number(value) if equals else str(word.startswith("+")).lower()
    return found


def parse_flag_table(text: str) -> dict[str, str]:
    """Every flag in what `-XX:+PrintFlagsFinal` and `jcmd PID VM.flags -all` print: name to value. Flags that the
    JVM keeps to itself (experimental or diagnostic ones that are not unlocked) are not there."""
    rows = re.findall(r"^ *[a-z0-9_]+ +([A-Za-z0-9]+) +:?= *(.*?) *\{", text, re.MULTILINE)
    return {name: _normalize_number(value) for name, value in rows}


def _normalize_number(value: str) -> str:
    """A value that a JVM printed. It prints a fraction in its language: 75,500000 in German."""
    return value.replace(",", ".") if _FRACTION.fullmatch(value) else value


def build_desired_flags(heap: str, options: list[str]) -> dict[str, str]:
    """The flags that a running JVM must have: those of the heap and of the options, of which the last one wins.
    Sizes are bytes. The JVM takes the quotes out of _JAVA_OPTIONS."""
    flags = {"MaxHeapSize": str(parse_heap(heap))}
    for option in options:
        flags.update(parse_option_flags(_QUOTED.sub(lambda found: found[2], option)))
    return flags


def parse_option_flags(option: str) -> dict[str, str]:
    """The flags that one option of the JVM sets, name to value:
    sizes in bytes, but for `ThreadStackSize`, which the JVM keeps in KiB."""
    switch = re.fullmatch(r"-XX:([+-])([A-Za-z0-9]+)", option)
    value = re.fullmatch(r"-XX:([A-Za-z0-9]+)=(.*)", option, re.DOTALL)
    if switch:
        return {switch[2]: str(switch[1] == "+").lower()}
    if value:
        size = parse_size(value[2])
        return {value[1]: value[2] if size is None else str(size)}
    size = parse_size(option[4:])
    if option[:4] not in _SHORT or size is None:
        return {}
    return {name: str(-(-size // 1024) if name == "ThreadStackSize" else size) for name in _SHORT[option[:4]]}


def is_rounded(name: str, value: str, actual: str, flags: dict[str, str]) -> bool:
    """Whether a JVM with these flags has made `actual` of a heap of `value` bytes. G1, Parallel, Serial and ZGC
    round the heap up to what 512 bytes of cards for each byte of a page of 4 KiB cover, and G1 to a whole region.
    Other collectors round otherwise."""
    if name != "MaxHeapSize" or any(flags.get(other) == "true" for other in _OTHER_COLLECTORS):
        return False
    size, actual_size = parse_size(value), parse_size(actual or "")
    region = parse_size(flags.get("G1HeapRegionSize", "")) or 0
    unit = max(HEAP_UNIT, region)
    return size is not None and size > 0 and -(-size // unit) * unit == actual_size


def filter_probe_options(options: list[str]) -> list[str]:
    """Of options of a JVM, those that a second one may be started with to see what it makes of them: switches,
    numbers and sizes.

    None that names a file, loads an agent, or touches the whole heap.
    """
    return [
        option for option in options if _PROBED.fullmatch(option) and not set(parse_option_flags(option)) & _NOT_PROBED
    ]


def compare_flags(
    desired: dict[str, str], running: dict[str, str], fresh: dict[str, Any] | None
) -> Iterator[tuple[str, str, str, str]]:
    """`(name, desired value, running value, verdict)` of each flag, the verdict `ok`, `drift`, or `absent` for
    one that this JVM does not have.

    `running` are the flags of the running JVM; `fresh` are those of a JVM of the same JDK that was started with
    the same options, as far as it was given them, or None where none was started. What that one has is what a
    restart would give. A name that neither has in its table of flags is an option of another kind, such as
    `-XX:VMOptionsFile=`, or a flag that is not unlocked: a restart changes nothing there.
    """
    for name, value in desired.items():
        actual = running.get(name)
        second = fresh["flags"].get(name) if fresh is not None and name in fresh["given"] else None
        if actual is not None and (is_same_value(value, actual) or is_rounded(name, value, actual, running)):
            verdict = "ok"
        elif fresh is not None and actual is None and name not in fresh["flags"]:
            verdict = "absent"
        else:
            verdict = "ok" if second is not None and actual is not None and is_same_value(second, actual) else "drift"
        yield name, value, actual or "", verdict


def build_environment(
    java_home: str, java_version: int, heap: str, options: list[str], dump_folder: str
) -> dict[str, str]:
    """The instance's environment as a dictionary, for a JDK of this home and major version."""
    variables = {"JAVA_HOME": java_home, "PATH": f"{java_home}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    return {**variables, **build_options_environment(java_version, heap, options, dump_folder)}


def build_options_environment(
    java_version: int, heap: str, options: list[str], dump_folder: str = ""
) -> dict[str, str]:
    """What a JVM of this major version is given through its environment:
    JDK_JAVA_OPTIONS (not for JDK 8) and _JAVA_OPTIONS."""
    variables = {}
    launcher = [option for option in options if option.startswith("--")]
    if launcher and java_version < 9:
        raise ValueError(
            f"the JVM option{'s' if len(launcher) > 1 else ''} {', '.join(map(repr, launcher))} "
            f"{'need' if len(launcher) > 1 else 'needs'} JDK 9 or newer; this instance runs on JDK {java_version}"
        )
    before = build_launcher_options(java_version) + launcher
    if before:
        variables["JDK_JAVA_OPTIONS"] = " ".join(before)
    variables["_JAVA_OPTIONS"] = " ".join(
        build_last_options(heap, [option for option in options if not option.startswith("--")], dump_folder)
    )
    return variables


def render_environment_file(variables: dict[str, str]) -> str:
    """The environment as a file that sh reads. Raises ValueError for a value that would need quoting beyond it."""
    lines = []
    for name, value in variables.items():
        if re.search(r"['\n]", value):
            raise ValueError(f"the value of {name} has a quote or a line break: {hide_secrets(value)!r}")
        lines.append(f"{name}='{value}'\n")
    return "".join(lines)
