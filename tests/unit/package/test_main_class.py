# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main classes of a package are found in the application's jars, and not in those of its libraries."""

from __future__ import annotations

import struct
import zipfile

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.package import main_class as package_main

PUBLIC_STATIC, MAIN, ARGUMENTS = 0x0009, "main", "([Ljava/lang/String;)V"


def class_file(name=MAIN, descriptor=ARGUMENTS, flags=PUBLIC_STATIC, fields=0):
    """A class file with one method, and a long in its constant pool, which takes two numbers."""
    texts = b"".join(struct.pack(">BH", 1, len(text)) + text.encode() for text in (name, descriptor, "x"))
    pool = struct.pack(">H", 6) + struct.pack(">BQ", 5, 7) + texts
    members = struct.pack(">H", fields) + b"".join(struct.pack(">HHHH", 1, 5, 5, 1) + struct.pack(">HI", 5, 2) + b"\0\0" for _field in range(fields))
    method = struct.pack(">H", 1) + struct.pack(">HHHH", flags, 3, 4, 0)
    return b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, 52) + pool + struct.pack(">HHHH", 1, 0, 0, 0) + members + method


def jar(path, manifest="Manifest-Version: 1.0\r\n", **classes):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("META-INF/MANIFEST.MF", manifest)
        for name, data in classes.items():
            out.writestr(name.replace("__", "/"), data)


def test_the_application_s_jar_among_libraries(tmp_path):
    lib = tmp_path / "lib"
    jar(lib / "shop_2.13-1.0.jar", **{"shop__Boot.class": class_file(fields=2), "shop__Boot$.class": class_file(), "shop__Site.class": class_file(name="run")})
    jar(lib / "akka-actor.jar", manifest="Bundle-SymbolicName: akka\r\n", **{"akka__Main.class": class_file()})
    jar(lib / "netty.jar", manifest="Automatic-Module-Name: io.netty\r\n", **{"io__Main.class": class_file()})
    jar(lib / "janino.jar", **{"org__Compiler.class": class_file(), "META-INF__maven__org__pom.properties": b""})
    jar(lib / "scalap.jar", **{"scala__tools__Main.class": class_file()})
    jar(lib / "xitrum_2.13.jar", **{"xitrum__Server.class": class_file()})
    (lib / "broken.jar").write_bytes(b"no jar")
    found = package_main.find_main_classes(str(tmp_path))
    assert found == {"shop.Boot": "lib/shop_2.13-1.0.jar"}
    assert package_main.choose_main_class(found, "x") == ("shop.Boot", [])


@pytest.mark.parametrize("data", [
    class_file(flags=0x0001), class_file(flags=0x0008), class_file(descriptor="()V"), class_file(name="mainly"), b"", b"\xca\xfe\xba\xbe", b"text",
    class_file()[:40], class_file().replace(b"\x05", b"\x63", 1),
], ids=["not-static", "not-public", "no-arguments", "other-name", "empty", "short", "text", "cut", "unknown-constant"])
def test_what_is_no_main_class(data):
    assert not package_main.has_main(data)


def test_several_and_none_are_errors_that_name_what_was_found():
    two = {"comy.Boot": "lib/comy.jar", "comy.GC": "lib/comy.jar"}
    assert package_main.choose_main_class(two, "/p") == ("", [
        "found 2 main classes in /p: comy.Boot (lib/comy.jar), comy.GC (lib/comy.jar); expected one. "
        "Set xitrum_main_class to the one that starts the application"])
    # Then the jars are searched for the template's, and a message names what was probably meant.
    assert package_main.choose_main_class({}, "/p") == ("quickstart.Boot", [])
