# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host preparation alone, of a host that has nothing else, and its removal."""

import pytest

BASE = "playbooks/base.yml"
# A JDK is installed and removed; the playbook is a part of site.yml.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def alone(site, tmp_path_factory):
    return site.with_inventory(tmp_path_factory.mktemp("alone") / "inventory", {"xitrum": ["bare"], "xitrum_proxy": []})


def test_it_is_made_without_a_package(alone):
    alone.run("--limit", "localhost,bare", playbook=BASE, xitrum_package="/nowhere").assert_ended_well()
    assert alone.run_script("bare", "sysctl -n net.ipv4.tcp_fin_timeout") == "10"
    assert "openjdk" in alone.run_script("bare", "readlink -f /usr/bin/java")
    assert alone.run_script("bare", "getent passwd xitrum; ls /opt", check=False) == ""


def test_a_run_after_it_does_nothing(alone):
    run = alone.run("--limit", "localhost,bare", playbook=BASE).assert_did_nothing()
    assert run.find_text("Print the fleet summary").startswith("1 host\n")


def test_it_is_undone(alone):
    alone.run("--limit", "bare", playbook="playbooks/remove.yml", remove_host_count=1, remove_packages=True).assert_ended_well()
    assert alone.run_script("bare", "command -v java", check=False) == ""
