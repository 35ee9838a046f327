# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the main classes of a package in the application's own jars.

Libraries have main classes too, so a jar counts as the application's only where nothing marks it as a library: no Maven
project and no module name in it, no bundle of OSGi, and neither Scala nor Xitrum itself.
What sbt makes of a project has none of these.
"""

from __future__ import annotations

import difflib
import os
import re
import struct
import zipfile

from ..core.mac_files import is_mac_file
from ..core.untrusted_text import make_printable
from .class_entries import get_class_name, get_class_path, is_required

#: Where an entry of a jar reports that it is a library.
_LIBRARY_ENTRIES = re.compile(r"META-INF/maven/|(?:META-INF/versions/\d+/)?module-info\.class$|scala/|xitrum/")
_LIBRARY_MANIFEST = re.compile(r"(?m)^(Bundle-SymbolicName|Automatic-Module-Name):")

#: The size of an entry of the constant pool behind its tag (The Java Virtual Machine Specification, table 4.4-A).
_CONSTANT_SIZES = {
    3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2,
}
#: The main class of Xitrum's project template.
TEMPLATE = "quickstart.Boot"

_PUBLIC, _STATIC = 0x0001, 0x0008


def find_main_classes(folder: str) -> dict[str, str]:
    """The main classes of the package in a folder: name to the path of its jar, sorted.
    A file that is not a jar has none."""
    lib = os.path.join(folder, "lib")
    found: dict[str, str] = {}
    for name in sorted(os.listdir(lib)) if os.path.isdir(lib) else []:
        if name.endswith(".jar") and not is_mac_file(name):
            try:
                with zipfile.ZipFile(os.path.join(lib, name)) as jar:
                    for main_class in find_jar_main_classes(jar):
                        found.setdefault(main_class, f"lib/{name}")
            except (OSError, zipfile.BadZipFile, NotImplementedError):
                continue
    return dict(sorted(found.items()))


def find_jar_main_classes(jar: zipfile.ZipFile) -> list[str]:
    """The main classes of a jar of the application; none of a library's. Raises OSError and zipfile.BadZipFile."""
    names = jar.namelist()
    if any(_LIBRARY_ENTRIES.match(name) for name in names):
        return []
    manifest = jar.read("META-INF/MANIFEST.MF").decode("utf-8", "replace") if "META-INF/MANIFEST.MF" in names else ""
    if _LIBRARY_MANIFEST.search(manifest):
        return []
    classes = [
        name for name in names if name.endswith(".class") and "$" not in name and not name.startswith("META-INF/")
    ]
    return [get_class_name(name) for name in sorted(classes) if has_main(jar.read(name))]


def has_main(data: bytes) -> bool:
    """Whether a class file has `public static void main(String[])`.
    Of an object in Scala it is the forwarder in its class."""
    try:
        return _has_main(data)
    except (struct.error, IndexError, KeyError):
        # It is damaged, or newer than what this module can read.
        return False


def _has_main(data: bytes) -> bool:
    if data[:4] != b"\xca\xfe\xba\xbe":
        return False
    texts, at = _read_texts(data)
    at += 6
    at += 2 + 2 * _read_number(data, at)
    for member in ("field", "method"):
        count = _read_number(data, at)
        at += 2
        for _member in range(count):
            flags, name, descriptor, attributes = struct.unpack_from(">HHHH", data, at)
            desired = (texts.get(name), texts.get(descriptor)) == (b"main", b"([Ljava/lang/String;)V")
            if member == "method" and desired and flags & _PUBLIC and flags & _STATIC:
                return True
            at += 8
            for _attribute in range(attributes):
                at += 6 + struct.unpack_from(">I", data, at + 2)[0]
    return False


def _read_texts(data: bytes) -> tuple[dict[int, bytes], int]:
    """The texts of the constant pool by their number, and where the pool ends."""
    texts, at, number = {}, 10, 1
    while number < _read_number(data, 8):
        tag = data[at]
        if tag == 1:
            length = _read_number(data, at + 1)
            texts[number] = data[at + 3:at + 3 + length]
            at += 3 + length
        else:
            at += 1 + _CONSTANT_SIZES[tag]
            # A long and a double take two numbers.
            number += tag in (5, 6)
        number += 1
    return texts, at


def _read_number(data: bytes, at: int) -> int:
    return struct.unpack_from(">H", data, at)[0]


def choose_main_class(found: dict[str, str], where: str) -> tuple[str, list[str]]:
    """The only main class, or the template's where none is found, and the errors: `(name, errors)`.

    `found` is what `find_main_classes` returned, `where` whose it is.
    """
    if len(found) < 2:
        return next(iter(found), TEMPLATE), []
    listed = ", ".join(f"{name} ({jar})" for name, jar in found.items())
    return (
        "",
        [
            f"found {len(found)} main classes in {where}: {listed}; expected one. Set xitrum_main_class to the one "
            "that starts the application"
        ],
    )


#: How many near classes a message lists.
_NEAR = 3


def find_class_error(folder: str, name: str) -> str:
    """Why the package in a folder has no class of this name, as a sentence with the nearest ones; empty where it has.
    A file that is not a jar has none."""
    lib, names = os.path.join(folder, "lib"), []
    for jar_name in sorted(os.listdir(lib)) if os.path.isdir(lib) else []:
        if jar_name.endswith(".jar") and not is_mac_file(jar_name):
            try:
                with zipfile.ZipFile(os.path.join(lib, jar_name)) as jar:
                    found = jar.namelist()
            except (OSError, zipfile.BadZipFile, NotImplementedError):
                continue
            if get_class_path(name) in found:
                return ""
            names += [get_class_name(one) for one in found if is_required(one) and "$" not in one]
    near = find_near_classes(name, names)
    meant = f"Did you mean {' or '.join(near)}?" if near else (
        "Expected the full name of a class that has a main method, such as shop.Migrate; of an object in Scala, the "
        "name without $"
    )
    return f"no jar in {lib} has the class {make_printable(name)}. {meant}"


def find_near_classes(name: str, names: list[str]) -> list[str]:
    """The classes whose names are nearest, the nearest first: those with the same simple name, then those that
    resemble the whole name, then those whose simple names resemble it."""
    simple = name.rpartition(".")[2]
    by_simple: dict[str, list[str]] = {}
    for one in names:
        by_simple.setdefault(one.rpartition(".")[2], []).append(one)
    alike = difflib.get_close_matches(simple, by_simple, _NEAR, 0.8)
    found = [
        *sorted(by_simple.get(simple, [])),
        *difflib.get_close_matches(name, names, _NEAR, 0.8),
        *(one for other in alike for one in sorted(by_simple[other])),
    ]
    return list(dict.fromkeys(found))[:_NEAR]
