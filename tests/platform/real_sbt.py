# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs sbt itself. Its launcher and all that it needs come from Maven Central, or from the mirror that this machine's Maven has."""

from __future__ import annotations

import os
import pathlib
import subprocess
import xml.etree.ElementTree as ET
from typing import NamedTuple

from tests.platform.conftest import ENVIRONMENT, ROOT

LAUNCHER_VERSION = "1.10.7"
#: What sbt fetched stays for the next run; make clean removes it.
CACHE = ROOT / ".cache" / "sbt"
CENTRAL = ("*", "central", "external:*")


class Sbt(NamedTuple):
    """An sbt whose own files are in folders of the tests. `run` returns the finished process."""

    launcher: pathlib.Path
    folder: pathlib.Path

    def make_command(self, *arguments):
        """The command line of sbt."""
        settings = {
            "sbt.global.base": CACHE / "global", "sbt.boot.directory": CACHE / "boot", "sbt.ivy.home": self.folder / "ivy",
            "sbt.override.build.repos": "true", "sbt.repository.config": self.folder / "repositories",
            # No server outlives the run.
            "sbt.server.autostart": "false", "sbt.log.noformat": "true", "sbt.supershell": "false",
        }
        return ["java", "-Xmx900m", *(f"-D{name}={value}" for name, value in settings.items()), "-jar", str(self.launcher), *arguments]

    def run(self, build, *arguments):
        """Runs sbt in the folder of a build."""
        return subprocess.run(self.make_command(*arguments), cwd=build, env={**ENVIRONMENT, "COURSIER_CACHE": str(CACHE / "coursier")},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)


def read_maven_settings():
    """The texts of this machine's Maven settings, the user's first."""
    homes = [pathlib.Path.home() / ".m2", *(pathlib.Path(home) / "conf" for home in (os.environ.get("MAVEN_HOME"), "/usr/share/maven") if home)]
    return [(home / "settings.xml").read_text(encoding="utf-8") for home in homes if (home / "settings.xml").is_file()]


def find_mirror(texts):
    """The mirror of Maven Central in Maven's settings; empty where Maven asks Maven Central itself."""
    for text in texts:
        for mirror in ET.fromstring(text).iter():
            if mirror.tag.rpartition("}")[2] != "mirror":
                continue
            fields = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in mirror}
            names = [name.strip() for name in fields.get("mirrorOf", "").split(",")]
            if fields.get("blocked") != "true" and set(names) & set(CENTRAL) and "!central" not in names:
                return fields["url"]
    return ""


def render_repositories(mirror):
    """sbt's file of repositories: what was published on this machine, and Maven Central or its mirror."""
    return "[repositories]\n  local\n  " + (f"mirror: {mirror}\n" if mirror else "maven-central\n")


def install(folder):
    """sbt, with its repositories from this machine's settings."""
    launcher = CACHE / "sbt-launch.jar"
    if not launcher.exists():
        subprocess.run(["mvn", "--batch-mode", "--quiet", "dependency:copy", f"-Dartifact=org.scala-sbt:sbt-launch:{LAUNCHER_VERSION}",
                        f"-DoutputDirectory={CACHE}", "-Dmdep.stripVersion=true"], check=True)
    folder.mkdir(exist_ok=True)
    (folder / "repositories").write_text(render_repositories(find_mirror(read_maven_settings())))
    return Sbt(launcher, folder)
