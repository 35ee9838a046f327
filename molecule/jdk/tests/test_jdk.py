# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which JDK the commands lead to, and what was left behind."""

import json
import re

import pytest

from tests.lib.ansible_process import run_module

# The host of the Red Hat family has tests of its own.
testinfra_hosts = ["ansible://packaged", "ansible://archived", "ansible://fetched"]

COMMANDS = ("java", "javac", "javap")


@pytest.fixture
def name(host):
    """The inventory's name of the host."""
    return host.backend.get_hostname()


@pytest.fixture(scope="module")
def variables(host):
    """The inventory's variables as Ansible has them: the JDK's version that is desired, and the home of the distribution's JDK."""
    return run_module(host, "ansible.builtin.debug", {"msg": "{{ [major | string, packaged] }}"})["msg"]


@pytest.fixture
def major(variables):
    """The JDK's version that is desired."""
    return variables[0]


@pytest.fixture
def packaged(variables):
    """The home of the distribution's JDK."""
    return variables[1]


def chosen(host, command):
    """The mode of an alternative, and the file that its link ends at."""
    query = host.check_output("update-alternatives --query %s", command)
    return re.search("^Status: (.*)$", query, re.MULTILINE).group(1), host.check_output("readlink -f /usr/bin/%s", command)


def test_all_commands_lead_to_one_jdk(host, name, major, packaged):
    found = {chosen(host, command) for command in COMMANDS}
    homes = {path.rpartition("/bin/")[0] for _mode, path in found}
    assert len(homes) == 1
    home = homes.pop()
    if name == "archived":
        assert re.fullmatch(f"/usr/lib/jvm/jdk-{major}-[0-9a-f]{{8}}", home)
    else:
        assert home == packaged
    # On `fetched` the choice was given back.
    assert {mode for mode, _path in found} == {"auto" if name == "fetched" else "manual"}


def test_java_reports_the_version(host, major):
    assert f'version "{major}.' in host.run("java -version").stderr


def test_it_compiles_and_runs_for_everybody(host):
    with host.sudo("deploy"):
        program = "class A { public static void main(String[] a) { System.out.println(6 * 7); } }"
        assert host.check_output("d=$(mktemp -d) && cd $d && echo %s > A.java && javac A.java && java -cp . A", program) == "42"


def test_nothing_is_left_of_what_was_killed_refused_or_removed(host, name, major, packaged):
    there = set(host.check_output("ls -A /usr/lib/jvm").split())
    jdks = {entry for entry in there if not entry.startswith((".java-", "java-1."))}
    assert {entry for entry in jdks if not re.fullmatch(f"jdk-{major}-[0-9a-f]{{8}}", entry)} == {packaged.rpartition("/")[2]}
    assert len(jdks) == (2 if name == "archived" else 1)
    assert not host.file("/etc/escaped").exists
    assert "jdk-fetched" not in host.check_output("update-alternatives --query java")


def test_the_choice_before_is_written_down(host, name):
    record = json.loads(host.file("/var/lib/xitrum.host/alternatives.json").content_string)
    assert record.pop("schema_version") == 1
    if name == "fetched":
        assert record == {}
    else:
        assert set(record) == set(COMMANDS)
        assert {entry["mode"] for entry in record.values()} == {"auto"}


def test_the_archive_was_fetched_once_with_its_cookie_and_not_kept(host, name):
    if name != "fetched":
        pytest.skip("this host fetches nothing itself")
    assert host.check_output("grep -c jdk.tar.gz /srv/requests") == "1"
    assert "/jdk.tar.gz accepted" in host.file("/srv/requests").content_string
    assert host.check_output("find ~root/.cache/xitrum.host -type f -size +1M") == ""
