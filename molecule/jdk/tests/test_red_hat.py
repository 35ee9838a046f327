# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JDK from an archive next to one of a package, with the alternatives of the Red Hat family."""

import json

import pytest

testinfra_hosts = ["ansible://rocky"]
pytestmark = pytest.mark.long

HOME = "/usr/lib/jvm/jdk-archived"


@pytest.mark.parametrize("command", ["java", "javac", "javap", "keytool", "jar", "jshell", "jcmd"])
def test_all_commands_are_those_of_the_archive(host, command):
    assert host.check_output("readlink -f /usr/bin/%s", command) == f"{HOME}/bin/{command}"
    assert host.check_output("readlink /usr/bin/%s", command) == f"/etc/alternatives/{command}"


@pytest.mark.parametrize("group", ["java", "javac"])
def test_both_groups_are_pinned(host, group):
    shown = host.check_output("alternatives --display %s", group)
    assert shown.startswith(f"{group} - status is manual.\n link currently points to {HOME}/bin/{group}\n")
    assert "family java-" in shown


def test_no_follower_leads_a_group(host):
    groups = host.check_output("ls /var/lib/alternatives").split()
    assert {"java", "javac"} <= set(groups)
    assert not {"javap", "keytool", "jar"} & set(groups)


def test_it_compiles_and_runs_for_everybody(host):
    with host.sudo("deploy"):
        program = "class A { public static void main(String[] a) { System.out.println(6 * 7); } }"
        assert (
            host.check_output(
                "d=$(mktemp -d) && cd $d && echo %s > A.java && javac A.java && "
                "jar cf a.jar A.class && java -cp a.jar A",
                program,
            )
            == "42"
        )


def test_the_record_has_the_mode_before(host):
    record = json.loads(host.file("/var/lib/xitrum.host/alternatives.json").content_string)
    assert record.pop("schema_version") == 1
    assert {name: entry["mode"] for name, entry in record.items()} == {"java": "auto", "javac": "auto"}
    assert record["java"]["family"].startswith("java-")
