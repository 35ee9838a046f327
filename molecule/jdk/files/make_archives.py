# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes archives like a vendor's of a JDK of the distribution: links followed. Arguments: its home, a folder for the archives.

jdk.tar.gz is whole but for what builds other JDKs (jmods), which newer ones do not have either: a quarter of it.
other_architecture.tar.gz reports that it is for another architecture. escape.tar.gz holds a path that leaves it.
"""

import hashlib
import io
import os
import sys
import tarfile

AARCH64 = (183).to_bytes(2, "little")


def write(path, home, change=None):
    """One archive; `change` is given each small file's name and bytes, and gives bytes back."""
    with tarfile.open(path, "w:gz", dereference=True, compresslevel=1) as tar:
        if change is None:
            for folder, folders, names in os.walk(home, followlinks=True):
                if "jmods" in folders:
                    folders.remove("jmods")
                # The package without a desktop has links to files of other packages, which are not there.
                for file in (f"{folder}/{name}" for name in names if os.path.exists(f"{folder}/{name}")):
                    tar.add(file, "jdk" + file[len(home):])
        else:
            for name in ("bin/java", "bin/javac", "release"):
                with open(f"{home}/{name}", "rb") as handle:
                    name, data = change(f"jdk/{name}", handle.read())
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o755
                tar.addfile(member, io.BytesIO(data))
    with open(path, "rb") as archive, open(f"{path}.sha256", "w", encoding="ascii") as out:
        out.write(hashlib.sha256(archive.read()).hexdigest())


def other_architecture(name, data):
    """The ELF header of another architecture."""
    return name, data[:18] + AARCH64 + data[20:] if name.endswith("/java") else data


def escape(name, data):
    """A path that leaves the archive."""
    return name.replace("jdk/release", "jdk/../../../../etc/escaped"), data


if __name__ == "__main__":
    source, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    write(f"{folder}/jdk.tar.gz", source)
    write(f"{folder}/other_architecture.tar.gz", source, other_architecture)
    write(f"{folder}/escape.tar.gz", source, escape)
