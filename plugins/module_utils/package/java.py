# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Java a package needs, read from its class files before a host tries to start it.

A class file names the oldest Java that loads it in bytes 6 and 7 (The Java Virtual Machine Specification, 4.1): 52 is
Java 8, and each release adds one.
"""

from __future__ import annotations

import difflib
import os
import re
import struct
import tempfile
import zipfile
import zlib
from typing import Any, BinaryIO

from ..core import schema
from .class_entries import get_class_name, get_class_path, is_required
from .main_class import find_jar_main_classes

#: Oldest Scala 2 whose compiler reads the class files of a JDK (older: `bad constant pool index` at start).
OLDEST_SCALA = {25: (2, 13, 18)}

#: How many jars' scans the cache keeps: a package has about 90.
KEPT_SCANS = 1000

SCAN_KEYS = {"typical", "highest", "scala", "main", "main_classes"}

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BEGINNING = 128


def parse_java_version(beginning: bytes) -> int:
    """The Java version that the first bytes of a class file ask for; 0 where it is not a class file."""
    if len(beginning) < 8 or beginning[:4] != b"\xca\xfe\xba\xbe":
        return 0
    return struct.unpack(">H", beginning[6:8])[0] - 44


def scan(path: str, main_class: str) -> dict[str, Any]:
    """What one jar holds: `highest` and `typical` are a (Java version, class) each, `scala` is the version where
    it is the Scala library, `main` whether it holds `main_class`, and `main_classes` are those of the application.

    `typical` is the median over the classes: a library such as akka-stream has a few optional classes for a newer
    Java than it needs, and a library made for Java 17 has nearly all of its classes for 17.
    Raises OSError, and zipfile.BadZipFile for a file that is not a jar.
    """
    with zipfile.ZipFile(path) as jar, open(path, "rb") as raw:
        names = set(jar.namelist())
        found = sorted(
            (parse_java_version(read_beginning(raw, info)), info.filename)
            for info in jar.infolist()
            if is_required(info.filename)
        )
        scala = ""
        if {"library.properties", "scala/Predef.class"} <= names:
            match = re.search(
                r"^version\.number=(\S+)", jar.read("library.properties").decode("utf-8", "replace"), re.MULTILINE
            )
            scala = match.group(1) if match else ""
        main_classes = find_jar_main_classes(jar)
    java, name = found[len(found) // 2] if found else (0, "")
    highest, highest_name = found[-1] if found else (0, "")
    return {"typical": [java, get_class_name(name)], "highest": [highest, get_class_name(highest_name)],
            "scala": scala, "main": get_class_path(main_class) in names, "main_classes": main_classes}


def read_beginning(raw: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """The first bytes of an entry. Straight from the file, since a package has some 30,000 classes and zipfile's own
    reader takes ten times as long to begin with one."""
    raw.seek(info.header_offset)
    header = raw.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\3\4":
        raise zipfile.BadZipFile(f"no entry where {info.filename} should begin")
    name_length, extra_length = _LOCAL_HEADER.unpack(header)[1:]
    raw.seek(name_length + extra_length, os.SEEK_CUR)
    data = raw.read(_BEGINNING)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, 8)
        except zlib.error as error:
            raise zipfile.BadZipFile(f"{info.filename}: {error}") from error
    return data[:8]


def examine(
    folder: str, rows: list[dict[str, Any]], main_class: str, cache: str | None
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Scans the jars of a manifest's rows. Returns `{path: result of scan}` and the errors.

    A jar's scan depends on nothing but its content, so the cache (a folder,
    or None) keeps it by SHA-256 for the next run.
    """
    path = os.path.join(cache, "jars.json") if cache else None
    known = read_remembered_scans(path) if path else {}
    found: dict[str, dict[str, Any]] = {}
    fresh: dict[str, dict[str, Any]] = {}
    errors = []
    for row in rows:
        # A jar that is a link has no content of its own in the manifest, so nothing to remember it by.
        key = f"{row['sha256']} {main_class}" if "sha256" in row else None
        try:
            result = (known.get(key) if key else None) or scan(os.path.join(folder, row["path"]), main_class)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            errors.append(
                f"{folder}/{row['path']} is not a jar that Java can read ({error}): build the package again"
            )
            continue
        except OSError:
            # The manifest has named an unreadable file already.
            continue
        found[row["path"]] = result
        if key:
            fresh[key] = result
    if path and fresh.keys() - known.keys():
        remember(path, {**known, **fresh})
    return found, errors


def read_remembered_scans(path: str) -> dict[str, dict[str, Any]]:
    """The scans of the last run; nothing where there are none, or the file is damaged: they are made again then."""
    try:
        with open(path, encoding="utf-8") as handle:
            scans = schema.JAR_SCANS.parse(handle.read(), path)
        return {key: row for key, row in scans.items() if row.keys() == SCAN_KEYS}
    except (TypeError, OSError, ValueError, AttributeError, schema.VersionError):
        return {}


def remember(path: str, scans: dict[str, dict[str, Any]]) -> None:
    """Keeps the newest scans: enough for several packages one after the other, and the file does not grow for ever."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".part-", dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(schema.JAR_SCANS.render(dict(list(scans.items())[-KEPT_SCANS:]), is_sorted=False))
    os.rename(part, path)


def list_main_classes(scans: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The main classes of the application: name to the path of the first jar that has it, sorted by name."""
    found = {name: path for path in sorted(scans, reverse=True) for name in scans[path]["main_classes"]}
    return dict(sorted(found.items()))


def summarize_scans(scans: dict[str, dict[str, Any]], main_class: str = "") -> dict[str, Any]:
    """What the scans of all jars come to. main_class: the one that was chosen after the scans, of their
    `main_classes`.

    `java` is the Java that the package needs: every class of the main class's jar has to load, and of the other jars
    what most of their classes ask for; `java_jar` and `java_class` are where that was found, `java_highest` is the
    highest of all. 0 and empty texts where the package shows nothing.
    """
    holders = [path for path in sorted(scans) if scans[path]["main"] or main_class in scans[path]["main_classes"]]
    main = next(iter(holders), "")
    needs = [(*scans[path]["highest" if path == main else "typical"], path) for path in sorted(scans)]
    java, java_class, java_jar = max(needs, key=lambda need: need[0], default=(0, "", ""))
    return {
        "java": java,
        "java_class": java_class,
        "java_jar": java_jar if java else "",
        "java_highest": max((row["highest"][0] for row in scans.values()), default=0),
        "main_class_jar": main,
        "scala": next((scans[path]["scala"] for path in sorted(scans) if scans[path]["scala"]), ""),
    }


def find_main_class_errors(folder: str, rows: list[dict[str, Any]], main_class: str, main_class_jar: str) -> list[str]:
    """The sentence for a main class that no jar has, with the class that was probably meant."""
    if main_class_jar or not rows:
        return []
    names = []
    for row in rows:
        try:
            with zipfile.ZipFile(os.path.join(folder, row["path"])) as jar:
                names += [get_class_name(name) for name in jar.namelist() if is_required(name) and "$" not in name]
        except (OSError, zipfile.BadZipFile):
            continue
    near = find_nearest_class(main_class, names)
    meant = f"did you mean {near}? " if near else ""
    return [
        f"no jar in {folder}/lib has the main class {main_class}: {meant}Set xitrum_main_class to the object that has "
        "the main method"
    ]


def find_nearest_class(desired: str, names: list[str]) -> str:
    """The class whose name is nearest: one of the same simple name first, the difference in its package second."""
    simple = [name for name in names if name.rpartition(".")[2] == desired.rpartition(".")[2]]
    return next(iter(difflib.get_close_matches(desired, simple or names, 1, 0.0 if simple else 0.6)), "")


def find_java_error(class_java: int, jdk_java: int, scala: str = "", where: str = "") -> str:
    """Why a package cannot run on a JDK, as a sentence; an empty text where it can.

    `class_java` is the Java that its classes ask for and `jdk_java` the JDK's major version (8, 11, 17 ...; 0 where
    one is not known), `scala` the version of its Scala library, `where` the jar with those classes.
    """
    if class_java and jdk_java and class_java > jdk_java:
        jar = f" in {where}" if where else ""
        return (f"the package has classes for Java {class_java}{jar}, and the host would run JDK {jdk_java}. "
                f"Set xitrum_jdk_version to {class_java} or newer, or build the package for Java {jdk_java}")
    numbers = tuple(int(part) for part in re.findall(r"\d+", scala)[:3])
    for java, oldest in OLDEST_SCALA.items():
        if numbers[:1] == (2,) and jdk_java >= java and numbers < oldest:
            needed = ".".join(str(number) for number in oldest)
            return (f"the package has Scala {scala}, which does not start on JDK {jdk_java}. "
                    f"Build it with Scala {needed} or newer, or set xitrum_jdk_version to an older JDK, such as 21")
    return ""
