# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import yaml

from tests.fleet.inventory import HEADER, build_ssh_arguments, render_inventory, render_known_hosts, render_ssh_config


def test_an_inventory_reads_back_as_it_was_meant():
    hosts = {"app1": {"ansible_port": 20001, "xitrum_address": "172.18.0.11", "note": "a: 'b' # \"c\"", "fleet_published": {80: 8080}}, "app2": {}}
    text = render_inventory(hosts, {"xitrum": ["app1", "app2"], "xitrum_proxy": ["app1"]}, {"ansible_user": "deploy"})
    assert text.startswith(HEADER)
    assert yaml.safe_load(text) == {
        "all": {
            "vars": {"ansible_user": "deploy"},
            "hosts": hosts,
            "children": {"xitrum": {"hosts": {"app1": {}, "app2": {}}}, "xitrum_proxy": {"hosts": {"app1": {}}}},
        }
    }


def test_an_inventory_without_groups():
    assert "children" not in yaml.safe_load(render_inventory({"app1": {}}, {}, {}))["all"]


def test_known_hosts_name_the_published_port_and_drop_the_comment():
    keys = "ecdsa-sha2-nistp256 AAAAE2 root@app1\nssh-ed25519 AAAAC3 root@app1\n\n"
    assert render_known_hosts(20001, keys) == "[127.0.0.1]:20001 ecdsa-sha2-nistp256 AAAAE2\n[127.0.0.1]:20001 ssh-ed25519 AAAAC3\n"


def test_ssh_accepts_only_known_hosts_even_in_a_folder_with_a_blank():
    arguments = build_ssh_arguments("/a folder/known_hosts")
    assert "StrictHostKeyChecking=yes" in arguments
    assert "-o 'UserKnownHostsFile=\"/a folder/known_hosts\"'" in arguments


def test_a_host_behind_a_jump_host_is_known_by_its_own_address():
    assert render_known_hosts(2222, "ssh-ed25519 AAAAC3 root@app1", "172.18.0.11") == "[172.18.0.11]:2222 ssh-ed25519 AAAAC3\n"
    assert render_known_hosts(22, "ssh-ed25519 AAAAC3 root@app1", "172.18.0.11") == "172.18.0.11 ssh-ed25519 AAAAC3\n"


def test_options_for_a_jump_host_are_in_a_file():
    arguments = build_ssh_arguments("/k", "/a folder/ssh_config", "proxy1")
    assert arguments.startswith("-F '/a folder/ssh_config' -o ") and arguments.endswith(" -o ProxyJump=proxy1")
    text = render_ssh_config({"proxy1": 20001}, "deploy", "/key", "/k")
    assert text.startswith("Host proxy1\n    Port 20001\n    HostName 127.0.0.1\n    User deploy\n") and '    UserKnownHostsFile "/k"\n' in text
