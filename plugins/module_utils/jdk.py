# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JDKs on a host: which there are, which one is wanted, and whether it is what it says. The distribution's packages."""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils.plan import Plan, Row

FOLDER = "/usr/lib/jvm"

#: The long-term releases, and the newest of them that each distribution's own packages have.
LONG_TERM = (8, 11, 17, 21, 25)
NEWEST = {
    "debian 11": 17, "debian 12": 17, "debian 13": 25,
    "ubuntu 20.04": 21, "ubuntu 22.04": 21, "ubuntu 24.04": 21,
    "redhat 8": 21, "redhat 9": 21, "redhat 10": 21,
}
DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

SPEC = {
    "version": {"type": "int", "default": 0},
}


def newest_long_term(distribution, release):
    """The newest long-term release of a distribution (C(debian), C(ubuntu) or C(redhat)); None where it is not known."""
    return NEWEST.get(f"{distribution} {release}") or NEWEST.get(f"{distribution} {release.split('.')[0]}")


def package_names(family, version):
    """The distribution's packages for a full JDK without a desktop: C(jcmd) and C(javac) come with it."""
    if family == "debian":
        return [f"openjdk-{version}-jdk-headless"]
    return [f"java-{'1.8.0' if version == 8 else version}-openjdk-devel"]


def package_home(family, version, architecture):
    """Where the distribution's package puts that JDK."""
    if family == "debian":
        return f"{FOLDER}/java-{version}-openjdk-{DEBIAN_ARCHITECTURES.get(architecture, architecture)}"
    return f"{FOLDER}/java-{'1.8.0' if version == 8 else version}-openjdk"


def major(text):
    """The major version in a version text of a JDK: 8 for 1.8.0_402, 17 for 17.0.15; 0 where there is none."""
    found = re.match(r"(?:1\.)?(\d+)", text)
    return int(found.group(1)) if found else 0


def version_said(output):
    """The version in what C(java -version) prints; an empty text where it prints none."""
    found = re.search(r'version "([^"]+)"', output)
    return found.group(1) if found else ""


def homes(host):
    """The JDK and JRE folders below /usr/lib/jvm that have a java, links left out: path to version text of its release file."""
    found = {}
    for name in host.listdir(FOLDER):
        path = f"{FOLDER}/{name}"
        if host.readlink(path) is None and host.exists(f"{path}/bin/java"):
            said = re.search(r'^JAVA_VERSION="([^"]*)"', host.read(f"{path}/release") or "", re.MULTILINE)
            found[path] = said.group(1) if said else ""
    return found


def read(host, wanted, machine):
    """What is there. C(machine) is the state of the concern C(machine): distribution, release, family, architecture."""
    version = wanted["version"] or newest_long_term(machine["distribution"], machine["release"]) or 0
    home = package_home(machine["family"], version, machine["architecture"])
    state = {"version": version, "home": home, "homes": homes(host), "machine": machine, "said": "", "default": ""}
    if host.exists(f"{home}/bin/java"):
        ran = host.run([f"{home}/bin/java", "-version"])
        state["said"] = version_said(ran.err + ran.out)
    state["compiler"] = host.exists(f"{home}/bin/javac")
    first = host.realpath("/usr/bin/java")
    state["default"] = first[: -len("/bin/java")] if host.exists(first) and first.endswith("/bin/java") else ""
    return state


def plan(wanted, state):
    """Decides whether the packages have to be installed."""
    machine, version, home = state["machine"], state["version"], state["home"]
    result = Plan(facts={"home": home, "version": version, "packages": package_names(machine["family"], version),
                         "homes": state["homes"], "default": state["default"], "said": state["said"]})
    if not version:
        result.problems.append(
            f"no JDK is known for {machine['distribution']} {machine['release']}: set xitrum_jdk_version to one that this distribution packages")
        return result
    there = major(state["said"]) == version and state["compiler"]
    if not there:
        result.actions = ["install"]
    result.rows.append(Row(
        "jdk", "version", wanted=str(version), configured=state["homes"].get(home, ""), effective=state["said"],
        status="ok" if there else "differs", why="" if there else f"{home} has no JDK {version} that runs",
        mend="" if there else "ansible-playbook site.yml"))
    result.before = "".join(f"{path}\n" for path in sorted(state["homes"]))
    result.after = "".join(f"{path}\n" for path in sorted({*state["homes"], home}))
    return result
