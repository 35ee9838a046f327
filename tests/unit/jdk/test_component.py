# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which JDK is desired, and whether it is installed."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.distributions import table
from ansible_collections.xitrum.host.plugins.module_utils.jdk import alternatives
from ansible_collections.xitrum.host.plugins.module_utils.jdk import component as jdk

from ..fake_host import FakeHost

DEBIAN_12 = {"distribution": "debian", "release": "12", "family": "debian", "architecture": "x86_64"}
HOME = "/usr/lib/jvm/java-17-openjdk-amd64"


DESIRED = {"version": 0, "name": "", "archives": {}, "unverified": False, "alternatives": True, "absent": []}
SHA256 = "3f" * 32
OURS = f"/usr/lib/jvm/jdk-17-{SHA256[:8]}"


def pinned(home, *names):
    """What makes the alternatives of these commands lead to a home, pinned: commands and links."""
    commands = {f"update-alternatives --query {name}": (2, "", "error: no alternatives") for name in alternatives.COMMANDS}
    links = {}
    for name in names:
        path = f"{home}/bin/{name}"
        commands[f"update-alternatives --query {name}"] = (
            f"Name: {name}\nLink: /usr/bin/{name}\nStatus: manual\nValue: {path}\n\nAlternative: {path}\nPriority: 1\n")
        links.update({f"/usr/bin/{name}": f"/etc/alternatives/{name}", f"/etc/alternatives/{name}": path})
    return commands, links


def jdk_host(home, version="17.0.15", files=None, links=None):
    """A host with one JDK that is in use."""
    commands, made = pinned(home, "java", "javac")
    commands[f"{home}/bin/java -version"] = (0, "", f'openjdk version "{version}" 2025-04-15\n')
    contents = {f"{home}/bin/java": "", f"{home}/bin/javac": "", f"{home}/release": f'JAVA_VERSION="{version}"\n'}
    return FakeHost({**contents, **(files or {})}, commands, {**made, **(links or {})})


def bare_host():
    return FakeHost(commands=pinned("")[0])


def planned(host, machine=None, **desired):
    desired = {**DESIRED, **desired}
    return jdk.plan(desired, jdk.read(host, desired, {"machine": machine or DEBIAN_12}))


def from_archive(**more):
    return {"version": 17, "archives": {"x86_64": SHA256}, **more}


@pytest.mark.parametrize("distribution, release, version", [
    ("debian", "11", 17), ("debian", "12", 17), ("debian", "13", 25), ("redhat", "9.4", 21), ("plan9", "4", None)])
def test_the_newest_long_term_release_of_a_distribution(distribution, release, version):
    row = table.DISTRIBUTIONS.get(distribution)
    assert (row.find_newest_jdk(release) if row else None) == version


APT, DNF = "apt-cache pkgnames openjdk-", "dnf --quiet --cacheonly repoquery java-*-openjdk-devel"
UBUNTU = {**DEBIAN_12, "distribution": "ubuntu"}
ROCKY = {**DEBIAN_12, "distribution": "redhat", "family": "redhat", "release": "9.4"}


@pytest.mark.parametrize("machine, release, command, names, version", [
    # A release that is newer than this table, and one to which a JDK was added.
    (UBUNTU, "26.04", APT, "openjdk-25-jdk-headless\nopenjdk-21-jdk-headless\nopenjdk-25-jre-headless\n", 25),
    (UBUNTU, "22.04", APT, "openjdk-25-jdk-headless\nopenjdk-21-jdk-headless\nopenjdk-11-jdk-headless\n", 25),
    # Releases between the long-term ones, and lists that were never fetched.
    (UBUNTU, "24.04", APT, "openjdk-24-jdk-headless\nopenjdk-26-jdk-headless\nopenjdk-21-jdk-headless\n", 21),
    (UBUNTU, "22.04", APT, "", 21),
    (UBUNTU, "26.04", APT, "", 0),
    (UBUNTU, "28.04", APT, "openjdk-29-jdk-headless\n", 29),
    (ROCKY, "9.4", DNF, "java-17-openjdk-devel-1:17.0.15.0.6-2.el9.x86_64\njava-25-openjdk-devel-1:25.0.1.0.8-2.el9.x86_64\n",
     25),
    (ROCKY, "10.0", DNF, "java-21-openjdk-devel-1:21.0.5.0.10-3.el10.x86_64\njava-latest-openjdk-devel-1:26.0.0-1.x86_64\n",
     21),
    (ROCKY, "11.0", DNF, (1, "", "Error: cache-only enabled but no cache"), 0),
])
def test_the_newest_long_term_release_is_queried_of_the_package_manager(machine, release, command, names, version):
    assert jdk.find_version(FakeHost(commands={command: names}), {**machine, "release": release}) == version


@pytest.mark.parametrize("installed, version", [(11, 25), (17, 25), (21, 21), (25, 25)])
def test_a_host_keeps_the_long_term_release_that_it_has_when_another_is_added(installed, version):
    host = FakeHost({f"/usr/lib/jvm/java-{installed}-openjdk-amd64/bin/javac": ""},
                    {APT: "openjdk-21-jdk-headless\nopenjdk-25-jdk-headless\n"})
    assert jdk.find_version(host, {**UBUNTU, "release": "22.04"}) == version


@pytest.mark.parametrize("text, version", [("1.8.0_402", 8), ("17.0.15", 17), ("25", 25), ("9-ea", 9), ("", 0)])
def test_the_major_version(text, version):
    assert jdk.parse_major(text) == version


def test_nothing_to_do_where_it_runs_and_the_alternatives_lead_to_it():
    plan = planned(jdk_host(HOME))
    assert not plan.changed
    assert plan.facts["home"] == HOME
    assert plan.facts["reported_version"] == "17.0.15"
    assert plan.facts["default"] == HOME


def test_a_process_that_runs_on_it_shows_that_it_runs():
    host = jdk_host(HOME, links={"/proc/7/exe": f"{HOME}/bin/java"})
    assert not planned(host).changed
    assert ("run", f"{HOME}/bin/java -version") not in host.done


def test_a_process_on_a_replaced_file_shows_nothing():
    host = jdk_host(HOME, links={"/proc/7/exe": f"{HOME}/bin/java (deleted)"})
    assert not planned(host).changed
    assert ("run", f"{HOME}/bin/java -version") in host.done


def test_a_bare_host_gets_the_package_and_then_the_alternatives():
    plan = planned(bare_host())
    assert plan.facts["steps"] == ["packages", "alternatives"]
    assert plan.facts["packages"] == ["openjdk-17-jdk-headless"]
    assert {row.status for row in plan.rows} == {"drift"}


def test_alternatives_can_be_left_alone():
    host = jdk_host(HOME)
    for link in [name for name in host.links if name.startswith("/usr/bin")]:
        del host.links[link]
    assert planned(host).facts["steps"] == ["alternatives"]
    assert planned(host, alternatives=False).facts["steps"] == []


def test_what_is_in_the_place_of_a_command_is_an_error_before_the_jdk_is_installed():
    host = bare_host()
    host.files["/usr/bin/javac"] = "a copy"
    plan = planned(host)
    assert list(plan.errors) == [
        "/usr/bin/javac is a file; expected a symbolic link that alternatives manages. Move it away, then run the same command again"
    ]


def test_a_damaged_record_is_an_error_before_the_jdk_is_installed():
    host = bare_host()
    host.files[alternatives.RECORD] = "{"
    assert "is damaged" in planned(host).errors[0]


def test_a_jre_is_not_a_jdk():
    host = jdk_host(HOME)
    del host.files[f"{HOME}/bin/javac"]
    assert planned(host).changed


def test_a_home_that_runs_as_another_version_is_not_it():
    host = jdk_host(HOME)
    host.commands[f"{HOME}/bin/java -version"] = (0, "", 'openjdk version "11.0.2"\n')
    assert planned(host).changed


def test_a_distribution_without_a_known_jdk_reports_what_to_set():
    plan = planned(bare_host(), machine={**DEBIAN_12, "distribution": "plan9"})
    assert "xitrum_jdk_version" in plan.errors[0]


def test_the_red_hat_familys_names():
    assert table.get_family("redhat").list_jdk_packages(8) == ["java-1.8.0-openjdk-headless", "java-1.8.0-openjdk-devel"]
    assert table.get_family("redhat").get_jdk_home(21, "x86_64") == "/usr/lib/jvm/java-21-openjdk"


def test_an_archive_is_unpacked_under_a_name_that_follows_it():
    plan = planned(jdk_host(HOME), **from_archive())
    assert plan.facts["home"] == OURS
    assert plan.facts["steps"] == ["unpack", "alternatives"]
    assert f"{OURS}\n" in plan.after
    assert HOME in plan.after


def test_nothing_to_do_where_the_archives_jdk_runs():
    plan = planned(jdk_host(OURS, files={f"{OURS}/{jdk.MARKER}": SHA256 + "\n"}), **from_archive())
    assert not plan.changed


def test_a_jdk_from_an_archive_that_does_not_run_is_unpacked_again():
    host = jdk_host(OURS, files={f"{OURS}/{jdk.MARKER}": SHA256 + "\n"})
    host.commands[f"{OURS}/bin/java -version"] = (127, "", "error while loading shared libraries")
    assert planned(host, **from_archive()).facts["steps"] == ["unpack", "alternatives"]


@pytest.mark.parametrize("desired, message", [
    ({"version": 0}, "jdk_archives needs jdk_version"),
    ({"archives": {"aarch64": SHA256}}, "jdk_archives has an archive for aarch64, and this host is x86_64"),
    ({"archives": {"x86_64": ""}}, "jdk_allow_unverified: true"),
    ({"archives": {"x86_64": "beef"}}, "'beef': expected 64 hexadecimal digits"),
    ({"name": "../etc"}, "jdk_name is '../etc'"),
    ({"name": "java-17-openjdk-amd64"}, "not from an archive of this role"),
    ({"absent": ["a/b"]}, "jdk_absent contains 'a/b'"),
    ({"absent": ["java-17-openjdk-amd64"]}, "remove its package instead"),
])
def test_what_cannot_be_is_reported_before_anything_is_done(desired, message):
    plan = planned(jdk_host(HOME), **from_archive(**desired))
    assert message in plan.errors[0]
    assert not plan.changed


def test_an_archive_without_a_checksum_can_be_requested():
    plan = planned(jdk_host(HOME), **from_archive(archives={"x86_64": ""}, unverified=True))
    assert plan.facts["home"] == "/usr/lib/jvm/jdk-17"


def test_another_archive_under_the_same_name_is_refused_with_both_checksums():
    home = "/usr/lib/jvm/mine"
    plan = planned(jdk_host(home, files={f"{home}/{jdk.MARKER}": "aa" * 32}), **from_archive(name="mine"))
    assert "aa" * 32 in plan.errors[0] and SHA256 in plan.errors[0]


def test_a_jdk_that_an_instance_runs_on_is_not_removed():
    old = "/usr/lib/jvm/old"
    host = jdk_host(HOME, files={f"{old}/bin/java": "", f"{old}/{jdk.MARKER}": SHA256}, links={"/proc/42/exe": f"{old}/bin/java"})
    assert "in use by process 42" in planned(host, absent=["old"]).errors[0]
    del host.links["/proc/42/exe"]
    plan = planned(host, absent=["old", "gone-already"])
    assert plan.facts["absent"] == ["old"]
    assert plan.facts["steps"] == ["remove"]
    assert "/usr/lib/jvm/old" in plan.before and "/usr/lib/jvm/old" not in plan.after


def test_the_desired_jdk_is_not_removed():
    plan = planned(jdk_host(OURS, files={f"{OURS}/{jdk.MARKER}": SHA256}), **from_archive(absent=[OURS.rpartition("/")[2]]))
    assert "is the desired JDK" in plan.errors[0]


@pytest.mark.parametrize("name", [".jdk-17.part", ".jdk-17.part.old"])
def test_what_a_killed_run_left_is_no_jdk_and_goes(name):
    plan = planned(jdk_host(HOME, files={f"/usr/lib/jvm/{name}/bin/java": ""}))
    assert list(plan.facts["homes"]) == [HOME]
    assert plan.facts["steps"] == ["remove"]
