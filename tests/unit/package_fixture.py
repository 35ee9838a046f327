# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small packages, jars and archives for tests."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile


def class_file(java):
    """The beginning of a class file for a Java version, and some bytes more."""
    return b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, java + 44) + b"x" * 200


def jar(path, entries, compression=zipfile.ZIP_DEFLATED):
    """A jar; entries map a name to bytes, or to the Java version of a class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, content in entries.items():
            # A fixed time: equal entries make equal jars.
            out.writestr(zipfile.ZipInfo(name), class_file(content) if isinstance(content, int) else content, compression)


def package(folder):
    """A package that has nothing wrong with it."""
    files = {"script/runner": "#!/bin/sh\nexec java\n", "config/xitrum.conf": "xitrum { port { http = 8000 } }\n", "public/a.txt": "a\n", "extra/b": "b\n"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "script/runner").chmod(0o755)
    jar(folder / "lib/app.jar", {"quickstart/Boot.class": 8, "quickstart/Site.class": 8})
    jar(folder / "lib/scala-library.jar", {"library.properties": b"version.number=2.13.18\n", "scala/Predef.class": 8})
    return folder


def tar_gz(path, members):
    """A tar.gz of `TarInfo` members, or names with bytes; in that order."""
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return path


def member(name, kind, target=""):
    """A member that is not a plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


#: What AppleDouble files begin with.
APPLE_DOUBLE = b"\0\5\26\7\0\2\0\0Mac OS X        "


def mac_members(top="", paths=("lib/app.jar", "config/xitrum.conf", "script/runner")):
    """What tar of macOS adds for the files `paths` in a folder: name to bytes."""
    start = f"{top}/" if top else ""
    added = {f"{start}.DS_Store": b"Bud1", f"{start}._.DS_Store": APPLE_DOUBLE, f"__MACOSX/{start}._a": APPLE_DOUBLE,
             f"{start}PaxHeaders.4711/lib": b"30 mtime=1700000000.123456789\n", "._.": APPLE_DOUBLE, f"{start}lib/.DS_Store": b"Bud1",
             f"{start}Icon\r": b"", f"{start}.AppleDouble/lib": APPLE_DOUBLE}
    for path in paths:
        folder, _slash, name = f"{start}{path}".rpartition("/")
        added[f"{folder}/._{name}" if folder else f"._{name}"] = APPLE_DOUBLE
    if top:
        added[f"._{top.partition('/')[0]}"] = APPLE_DOUBLE
    return added
