# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance's JVM is told through its environment, since the package's C(script/runner) is never edited.

The C(java) launcher reads C(JDK_JAVA_OPTIONS) from JDK 9 on, before the options that the runner has; the JVM reads
C(_JAVA_OPTIONS) last, so that it wins. JDK 8 knows only the second. Both are printed at start: no secret in either.
"""

from __future__ import annotations

import re

#: Needed by Xitrum's serializer from JDK 9 on: without them a page that touches the session answers nothing.
OPENED_PACKAGES = ("java.base/java.util", "java.base/java.lang.invoke")

_FRACTION = re.compile(r"-?[0-9]+,[0-9]{6}")

HEAP = re.compile(r"[1-9][0-9]*[kKmMgG]?")


def launcher_options(version):
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


def last_options(heap, options, dump_folder):
    """The options that win over the runner's, for _JAVA_OPTIONS; without a folder for them, no heap dumps.

    Raises ValueError for an option that cannot be passed so.
    """
    if not HEAP.fullmatch(heap):
        raise ValueError(f"the heap is {heap!r}; wanted is a size as -Xmx takes it, such as 512m or 2g")
    for option in options:
        if not option.startswith("-") or re.search(r"\s", option):
            raise ValueError(f"the JVM option {option!r} must begin with - and have no white space: the JVM splits _JAVA_OPTIONS there")
        if option.startswith("--"):
            raise ValueError(f"the JVM option {option!r} belongs to the java launcher, which _JAVA_OPTIONS does not reach")
    # An instance that is out of memory must end to be started anew; half alive it would answer some requests. The dump has
    # one name, and the JVM does not replace a file: the first one stays, and they cannot fill the disk.
    dump = ["-XX:+HeapDumpOnOutOfMemoryError", f"-XX:HeapDumpPath={dump_folder}/heap.hprof"] if dump_folder else ["-XX:-HeapDumpOnOutOfMemoryError"]
    fixed = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError", *dump]
    # -Xms of the stock runner may be larger than a small heap, which the JVM refuses.
    return [f"-Xms{smaller(heap, '256m')}", *fixed, *options]


def smaller(one, other):
    """The smaller of two sizes in the form of -Xmx."""
    return min(one, other, key=heap_bytes)


def home_of(path):
    """The folder of the JDK of which C(path) is a command, or an empty text: until Java 8 a JDK has a JRE in it, and java is one of that."""
    found = re.fullmatch(r"(.*?)(/jre)?/bin/[^/]+", path or "")
    return found[1] if found else ""


def heap_bytes(text):
    """A size in the form of -Xmx as a number of bytes."""
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return int(text[:-1]) * units[text[-1].lower()] if text[-1].lower() in units else int(text)


def parse_flags(text):
    """The flags in what C(jcmd PID VM.flags) prints: name to value, C(true) and C(false) for switches."""
    found = {}
    for word in re.findall(r"-XX:(\S+)", text):
        name, equals, value = word.partition("=")
        # A JVM prints a fraction in its language: 75,500000 in German.
        value = value.replace(",", ".") if _FRACTION.fullmatch(value) else value
        found[name if equals else name[1:]] = value if equals else str(word.startswith("+")).lower()
    return found


def wanted_flags(heap, options):
    """The flags that a running JVM must have: those of the heap and of the -XX options. Sizes are bytes, as the JVM says them."""
    flags = parse_flags(" ".join(option for option in options if option.startswith("-XX:")))
    sized = {name: str(heap_bytes(value)) if re.fullmatch(r"[0-9]+[kKmMgG]", value) else value for name, value in flags.items()}
    return {"MaxHeapSize": str(heap_bytes(heap)), **sized}


def environment(java_home, java_version, heap, options, dump_folder):
    """The instance's environment as a dictionary, for a JDK of this home and major version."""
    variables = {"JAVA_HOME": java_home, "PATH": f"{java_home}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    return {**variables, **options_environment(java_version, heap, options, dump_folder)}


def options_environment(java_version, heap, options, dump_folder=""):
    """What a JVM of this major version is told through its environment: JDK_JAVA_OPTIONS (not for JDK 8) and _JAVA_OPTIONS."""
    variables = {}
    launcher = [option for option in options if option.startswith("--")]
    if launcher and java_version < 9:
        raise ValueError(f"the JVM option {launcher[0]!r} needs JDK 9 or newer; this instance runs on JDK {java_version}")
    before = launcher_options(java_version) + launcher
    if before:
        variables["JDK_JAVA_OPTIONS"] = " ".join(before)
    variables["_JAVA_OPTIONS"] = " ".join(last_options(heap, [option for option in options if not option.startswith("--")], dump_folder))
    return variables


def environment_file(variables):
    """The environment as a file that sh reads. Raises ValueError for a value that would need quoting beyond it."""
    lines = []
    for name, value in variables.items():
        if re.search(r"['\n]", value):
            raise ValueError(f"the value of {name} has a quote or a line break: {value!r}")
        lines.append(f"{name}='{value}'\n")
    return "".join(lines)
