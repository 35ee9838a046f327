# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the jars that are not dependencies: make_jars.py CLASSES PACKAGE_DIR RELEASE_NAME FAULT PADDING_MB (FAULT may be empty).

The same arguments give the same bytes: entries are sorted and carry one fixed time.
"""
import hashlib
import pathlib
import sys
import zipfile

FIXED_TIME = (2020, 1, 1, 0, 0, 0)
MEGABYTE = 1024 * 1024
PADDING_JAR_MB = 1
#: Where the classes of one-off commands are.
JOBS = "quickstart/jobs/"


def write_jar(path, entries, compression=zipfile.ZIP_DEFLATED):
    """Writes (name, bytes) pairs as a jar, with a manifest first, where Java expects it."""
    manifest = ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n")
    with zipfile.ZipFile(path, "w") as jar:
        for name, data in [manifest, *sorted(entries)]:
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.external_attr = 0o644 << 16
            info.compress_type = compression
            jar.writestr(info, data)


def application_entries(classes, release, fault):
    """The compiled classes, and the resource that names the release."""
    properties = f"release={release}\n" + (f"fault={fault}\n" if fault else "")
    return [*(entry for entry in class_entries(classes) if not entry[0].startswith(JOBS)), ("demo.properties", properties.encode())]


def class_entries(classes):
    """The compiled classes as (name, bytes)."""
    return [(path.relative_to(classes).as_posix(), path.read_bytes()) for path in classes.rglob("*") if path.is_file()]


def job_entries(classes):
    """The classes of one-off commands, as a library of the application that Maven has built: the application's own jar has one main class."""
    files = [entry for entry in class_entries(classes) if entry[0].startswith(JOBS)]
    return [*files, ("META-INF/maven/quickstart/jobs/pom.properties", b"artifactId=jobs\n")]


def padding_jars(total_mb):
    """Names and contents of jars of bytes that do not compress, the same ones each time."""
    for number, start in enumerate(range(0, total_mb, PADDING_JAR_MB)):
        size = min(PADDING_JAR_MB, total_mb - start) * MEGABYTE
        yield f"padding-{number:02d}.jar", hashlib.shake_256(f"padding {number}".encode()).digest(size)


def main(classes, package, release, fault, padding_mb):
    package = pathlib.Path(package)
    write_jar(package / "lib" / "quickstart_2.13-1.0.jar", application_entries(pathlib.Path(classes), release, fault))
    write_jar(package / "lib" / "quickstart-jobs_2.13-1.0.jar", job_entries(pathlib.Path(classes)))
    for name, data in padding_jars(int(padding_mb)):
        write_jar(package / "lib" / name, [("padding.bin", data)], zipfile.ZIP_STORED)
    note = b"The demo application's stand-in for Scalive: it holds no code.\n"
    write_jar(package / "script" / "scalive-1.7.0.jar", [("README.txt", note)])


if __name__ == "__main__":
    main(*sys.argv[1:])
