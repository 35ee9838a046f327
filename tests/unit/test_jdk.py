# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which JDK is wanted, and whether it is there."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import jdk

from .fake_host import FakeHost

DEBIAN_12 = {"distribution": "debian", "release": "12", "family": "debian", "architecture": "x86_64"}
HOME = "/usr/lib/jvm/java-17-openjdk-amd64"
SAYS_17 = (0, "", 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)\n')


def installed(**more):
    return FakeHost({f"{HOME}/bin/java": "", f"{HOME}/bin/javac": "", f"{HOME}/release": 'JAVA_VERSION="17.0.15"\n', **more}, {f"{HOME}/bin/java -version": SAYS_17})


def planned(host, version=0, machine=None):
    wanted = {"version": version}
    return jdk.plan(wanted, jdk.read(host, wanted, machine or DEBIAN_12))


@pytest.mark.parametrize("distribution, release, version", [
    ("debian", "11", 17), ("debian", "12", 17), ("debian", "13", 25), ("redhat", "9.4", 21), ("plan9", "4", None)])
def test_the_newest_long_term_release_of_a_distribution(distribution, release, version):
    assert jdk.newest_long_term(distribution, release) == version


@pytest.mark.parametrize("text, version", [("1.8.0_402", 8), ("17.0.15", 17), ("25", 25), ("9-ea", 9), ("", 0)])
def test_the_major_version(text, version):
    assert jdk.major(text) == version


def test_nothing_to_do_where_it_runs():
    plan = planned(installed())
    assert not plan.changed
    assert plan.facts["home"] == HOME
    assert plan.facts["said"] == "17.0.15"


def test_a_bare_host_gets_the_package():
    plan = planned(FakeHost())
    assert plan.changed
    assert plan.facts["packages"] == ["openjdk-17-jdk-headless"]
    assert plan.rows[0].status == "differs"


def test_a_jre_is_not_a_jdk():
    host = installed()
    del host.files[f"{HOME}/bin/javac"]
    assert planned(host).changed


def test_a_home_that_runs_as_another_version_is_not_it():
    host = installed()
    host.commands[f"{HOME}/bin/java -version"] = (0, "", 'openjdk version "11.0.2"\n')
    assert planned(host).changed


def test_a_distribution_without_a_known_jdk_says_what_to_set():
    plan = planned(FakeHost(), machine={**DEBIAN_12, "distribution": "plan9"})
    assert "xitrum_jdk_version" in plan.problems[0]


def test_the_red_hat_familys_names():
    assert jdk.package_names("redhat", 8) == ["java-1.8.0-openjdk-devel"]
    assert jdk.package_home("redhat", 21, "x86_64") == "/usr/lib/jvm/java-21-openjdk"
