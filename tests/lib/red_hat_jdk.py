# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts of the Red Hat family's JDK packages do with `alternatives`. Standard library only.

On a host: `red_hat_jdk.py install|remove HOME [--headless]` plays the package whose JDK is in HOME.
"""

from __future__ import annotations

import re
import subprocess
import sys

JVM = "/usr/lib/jvm"
MAN = "/usr/share/man/man1"

#: The commands that follow java (package -headless) and javac (package -devel). Java 8 and 11 have more.
WITH_JAVA = ("alt-java", "jcmd", "keytool", "rmiregistry")
WITH_JAVAC = (
    "jar",
    "jarsigner",
    "javadoc",
    "javap",
    "jconsole",
    "jdb",
    "jdeprscan",
    "jdeps",
    "jfr",
    "jhsdb",
    "jimage",
    "jinfo",
    "jlink",
    "jmap",
    "jmod",
    "jpackage",
    "jps",
    "jrunscript",
    "jshell",
    "jstack",
    "jstat",
    "jstatd",
    "serialver",
)
OLD = {
    8: ("jjs", "orbd", "pack200", "rmid", "servertool", "tnameserv", "unpack200"),
    11: ("jjs", "pack200", "rmid", "unpack200"),
}


def parse_version(home):
    """The major version in the name of a package's folder, such as java-17-openjdk-17.0.9.0.9-2.el9.x86_64."""
    found = re.fullmatch(rf"{JVM}/java-(?:1\.)?(\d+)[\d.]*-openjdk-.*", home)
    return int(found.group(1))


def find_family(home):
    """The family that the package registers its choices with."""
    return f"{re.match(rf'{JVM}/(java-[0-9.]+-openjdk)-', home).group(1)}.{home.rpartition('.')[2]}"


def compute_priority(home):
    """A priority that grows with the version: 17000909 for 17.0.9.0.9, and 1800392 for 1.8.0.392."""
    numbers = [int(number) for number in re.findall(r"\d+", re.search(r"-openjdk-([\d.]+)", home).group(1))]
    if parse_version(home) == 8:
        return 1800000 + numbers[3]
    feature, interim, update, *_patch, build = numbers
    return ((feature * 100 + interim) * 100 + update) * 100 + build


def list_groups(home, headless=False):
    """The groups of a package: name to its link, its path, and its followers (link, name, path)."""
    version, binaries = parse_version(home), f"{home}/jre/bin" if parse_version(home) == 8 else f"{home}/bin"

    def list_followers(names, folder):
        return [(f"/usr/bin/{name}", name, f"{folder}/{name}") for name in names] + [
            (f"{MAN}/{name}.1.gz", f"{name}.1.gz", f"{MAN}/{name}-{home.rpartition('/')[2]}.1.gz") for name in names
        ]

    manual = (f"{MAN}/java.1.gz", "java.1.gz", f"{MAN}/java-{home.rpartition('/')[2]}.1.gz")
    jre = f"{home}/jre" if version == 8 else home
    found = {
        "java": (
            "/usr/bin/java",
            f"{binaries}/java",
            [(f"{JVM}/jre", "jre", jre), *list_followers((*WITH_JAVA, *OLD.get(version, ())), binaries), manual],
        )
    }
    number = "1.8.0" if version == 8 else str(version)
    for name in ("openjdk", number, f"{number}-openjdk"):
        found[f"jre_{name.replace('-', '_')}"] = (f"{JVM}/jre-{name}", jre, [])
    if not headless:
        found["javac"] = (
            "/usr/bin/javac",
            f"{home}/bin/javac",
            [(f"{JVM}/java", "java_sdk", home), *list_followers(WITH_JAVAC, f"{home}/bin")],
        )
        for name in ("openjdk", number, f"{number}-openjdk"):
            found[f"java_sdk_{name.replace('-', '_')}"] = (f"{JVM}/java-{name}", home, [])
    return found


def list_calls(action, home, headless=False):
    """What the package's scripts call the program with when it is installed or removed, one list a call."""
    calls = []
    for name, (link, path, followers) in list_groups(home, headless).items():
        if action == "remove":
            calls.append(["--remove", name, path])
        else:
            calls.append(
                [
                    "--install",
                    link,
                    name,
                    path,
                    str(compute_priority(home)),
                    "--family",
                    find_family(home),
                    *[word for follower in followers for word in ("--slave", *follower)],
                ]
            )
    return calls


if __name__ == "__main__":
    for call in list_calls(sys.argv[1], sys.argv[2], "--headless" in sys.argv):
        subprocess.run(["alternatives", *call], check=True)
