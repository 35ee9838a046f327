# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from tests.fleet.spec import FleetSpec, HostSpec, SpecError, parse

ROOT = Path(__file__).parents[3]
SPECS = [*(ROOT / "tests/fleet/specs").glob("*.toml"), *(ROOT / "molecule").glob("*/fleet.toml")]


def test_a_whole_spec():
    text = """
    suite = "bullseye"
    may_fail = ["quotaon.service"]
    packages = ["rsync"]
    [hosts.proxy1]
    groups = ["xitrum_proxy"]
    publish = { 80 = 8080, 443 = 8443 }
    suite = "trixie"
    vars = { haproxy_maxconn = 1000 }
    [hosts.app1]
    ipv6 = false
    locale = "de_DE.UTF-8"
    noexec_tmp = true
    ssh_port = 2222
    jump = "proxy1"
    user = "carol"
    own_python = true
    """
    assert parse(text, "spec") == FleetSpec(
        hosts=(
            HostSpec("proxy1", "trixie", ("xitrum_proxy",), {80: 8080, 443: 8443}, {"haproxy_maxconn": 1000}),
            HostSpec("app1", "bullseye", ipv6=False, locale="de_DE.UTF-8", noexec_tmp=True, ssh_port=2222, jump="proxy1", user="carol",
                     own_python=True),
        ),
        may_fail=("quotaon.service",),
        packages=("rsync",),
    )


@pytest.mark.parametrize(("marked", "names"), [(None, ["app1"]), ("not long and not soak", ["app1"]), ("not soak", ["app1", "app2"])])
def test_a_long_host_is_there_where_long_tests_are(monkeypatch, marked, names):
    monkeypatch.delenv("MARKED", raising=False)
    if marked:
        monkeypatch.setenv("MARKED", marked)
    assert [host.name for host in parse("[hosts.app1]\n[hosts.app2]\nlong = true", "spec").hosts] == names


def test_the_suite_by_default():
    assert parse("[hosts.app1]", "spec").hosts[0].suite == "bookworm"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suite =", "spec: not TOML"),
        ("", "found no host"),
        ("hosts = 3", "found no host"),
        ("size = 3\n[hosts.app1]", "found the key size; known here: hosts, may_fail, packages, suite"),
        ("[hosts.app1]\ngroup = []", "found the key hosts.app1.group; known here: groups, ipv6, jump, locale, long, noexec_tmp, own_python, publish, "
         "ssh_port, suite, user, vars"),
        ("[hosts.App_1]", "lower-case letters"),
        ("[hosts]\napp1 = 3", "hosts.app1 is 3; expected a table"),
        ('[hosts.app1]\ngroups = "xitrum"', "hosts.app1.groups is 'xitrum'; expected a list"),
        ("[hosts.app1]\ngroups = [1]", "hosts.app1.groups is [1]; expected a list of strings"),
        ("suite = 12\n[hosts.app1]", "suite is 12; expected a str"),
        ("[hosts.app1]\npublish = { 80 = 70000 }", "found 80 = 70000; expected PORT = PORT"),
        ("[hosts.app1]\npublish = { http = 80 }", "found http = 80"),
        ("[hosts.app1]\npublish = { 0 = 80 }", "found 0 = 80"),
        ('[hosts.app1]\nlocale = "german"', "hosts.app1.locale is 'german'; expected a name such as de_DE.UTF-8"),
        ('[hosts.app1]\nlocale = "de_DE.UTF-8; reboot"', "expected a name such as de_DE.UTF-8"),
        ("[hosts.app1]\nssh_port = 70000", "hosts.app1.ssh_port is 70000; expected a port from 1 to 65535"),
        ('[hosts.app1]\nuser = "root"', "hosts.app1.user is 'root'; expected one of deploy, carol"),
        ('[hosts.app1]\njump = "app2"', "hosts.app1.jump is 'app2'; expected a host that is reached directly"),
        ('[hosts.app1]\n[hosts.app2]\njump = "app1"\n[hosts.app3]\njump = "app2"', "hosts.app3.jump is 'app2'; expected a host that is reached "
         "directly: app1"),
        ('[hosts.app1]\nipv6 = "no"', "hosts.app1.ipv6 is 'no'; expected a bool"),
    ],
)
def test_a_spec_that_is_wrong_is_refused_with_the_key(text, message):
    with pytest.raises(SpecError) as error:
        parse(text, "spec")
    assert message in str(error.value)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_specs_of_this_repository_are_right(path):
    assert parse(path.read_text(encoding="utf-8"), str(path)).hosts
