# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding recommends, as a line for the controller's terminal."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import CHECK, PING, RUN
from ansible_collections.xitrum.host.plugins.module_utils.report import fixes


@pytest.mark.parametrize(
    "fix, line",
    [
        (RUN, "ansible-playbook -i fleet xitrum.host.site --limit app1"),
        (CHECK, "ansible-playbook -i fleet xitrum.host.check"),
        (PING, "ansible app1 -i fleet -m ansible.builtin.ping"),
        ("proxy_server servers=app1-0 state=ready", "ansible app1 -i fleet -b -m xitrum.host.proxy_server -a 'servers=app1-0 state=ready'"),
        ("xitrum_proxy_max_connections: 4000", "xitrum_proxy_max_connections: 4000"),
    ],
)
def test_a_fix_is_a_command_line_for_the_controller(fix, line):
    assert fixes.format_command(fix, "app1", "-i fleet") == line
    assert fixes.format_command(fix, "app1", "") == line.replace(" -i fleet", "")


@pytest.mark.parametrize(
    ("commands", "argument"),
    [
        ([["systemctl", "start", "firewalld"]], '"systemctl start firewalld"'),
        ([["sed", "-i", "2s/^/# /", "/etc/a.conf"]], """\"sed -i '2s/^/# /' /etc/a.conf\""""),
        ([["/opt/python/bin/python3.12", "-c", "print(1)"]], "\"/opt/python/bin/python3.12 -c 'print(1)'\""),
        ([["sh", "-c", "echo $HOME"]], """'sh -c '"'"'echo $HOME'"'"''"""),
        ([["ufw", "deny", "1"], ["ufw", "allow", "2"]], '"ufw deny 1 && ufw allow 2"'),
        ([["kill", "1; reboot"]], "\"kill '1; reboot'\""),
    ],
)
def test_commands_are_a_line_that_runs_their_words_on_the_host(commands, argument):
    line = fixes.format_command("what it shows", "app1", "-i fleet", commands=commands)
    assert line == f"ansible app1 -i fleet -b -m ansible.builtin.shell -a {argument}"
    # As the two shells on the way read it.
    assert [word for word in shlex.split(shlex.split(line)[-1]) if word != "&&"] == [word for command in commands for word in command]


@pytest.mark.parametrize(
    "word",
    [
        "{{ lookup('pipe', 'id') }}",
        "{% raw %}",
        "{#",
        "a\nb",
        "\x1b[2J",
        "chdir=/tmp",
        "executable=/tmp/x",
        "stdin=x",
        "\u202e",
    ],
)
def test_words_that_ansible_would_act_on_are_no_line_to_type(word):
    assert fixes.format_command("x", "app1", "", commands=[["sed", "-i", word]]) == ""


@pytest.mark.parametrize(
    "fix",
    [
        "systemctl disable --now x; reboot",
        "sed -i x /etc/a",
        "kill 1",
        "/usr/bin/python3 -c 1",
        "restart the process 39 (nft delete table x)",
    ],
)
def test_words_for_a_person_are_never_a_command(fix):
    assert fixes.format_command(fix, "app1", "-i fleet") == fix


@pytest.mark.parametrize(
    "sources, options",
    [
        ([], ""),
        (["/home/me/fleet/hosts.yml"], "-i fleet/hosts.yml"),
        (["/etc/ansible/hosts", "app1,app2,"], "-i /etc/ansible/hosts -i app1,app2,"),
        (["/home/me/my fleet", "/home/metoo/fleet"], "-i 'my fleet' -i /home/metoo/fleet"),
    ],
)
def test_the_inventory_is_passed_as_typed(sources, options):
    assert fixes.format_inventory_options(sources, "/home/me") == options


@pytest.mark.parametrize(
    "arguments, options",
    [
        ({}, ""),
        ({"become_ask_pass": True, "ask_pass": False, "verbosity": 3, "subset": "app1"}, "--ask-become-pass"),
        ({"remote_user": "carol", "private_key_file": "/home/me/my key", "connection": "ssh"}, "--user=carol --private-key='/home/me/my key'"),
        ({"ssh_common_args": "-o ProxyJump=bastion -p 2222", "ssh_extra_args": ""}, "--ssh-common-args='-o ProxyJump=bastion -p 2222'"),
        ({"become_method": "doas", "become_user": "root", "connection": "local"}, "--connection=local --become-method=doas"),
        ({"vault_ids": ("a@prompt", "b@file"), "vault_password_files": [], "ask_vault_pass": True}, "--ask-vault-pass --vault-id=a@prompt --vault-id=b@file"),
    ],
)
def test_a_line_reaches_the_hosts_as_the_run_did(arguments, options):
    assert fixes.format_connection_options(arguments) == options


def item(component, what="row", fix=RUN, desired="x"):
    return {"component": component, "item": what, "fix": fix, "desired": desired}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (item("kernel"), "ansible-playbook -i fleet xitrum.host.base -e a=1 --limit app1"),
        (item("jdk"), "ansible-playbook -i fleet xitrum.host.base -e a=1 --limit app1"),
        (item("instance", "instance-0 process"), "ansible-playbook -i fleet xitrum.host.rollback -e a=1 -e rollback_to=bb --limit app1"),
        (item("redirects"), "ansible-playbook -i fleet xitrum.host.rollback -e a=1 -e rollback_to=bb --limit app1"),
        (item("release", "release"), "xitrum_package: the package of release bb, which the host is to keep"),
        (item("instance", "instance-3", desired="absent"), "ansible-playbook -i fleet xitrum.host.site -e a=1 -e xitrum_package=PACKAGE_OF_bb --limit app1"),
        (item("proxy"), "ansible-playbook -i fleet xitrum.host.site -e a=1 -e xitrum_package=PACKAGE_OF_bb --limit app1"),
        # What is not a run of site.yml stays as it is.
        (item("kernel", fix="xitrum_max_connections: 9"), "xitrum_max_connections: 9"),
        (item("kernel", fix=CHECK), "ansible-playbook -i fleet xitrum.host.check -e a=1"),
    ],
)
def test_what_is_reported_to_type_keeps_the_release_that_a_host_was_rolled_back_to(found, line):
    assert fixes.format_command(fixes.keep_release(found, "bb"), "app1", "-i fleet", "-e a=1") == line
    assert fixes.keep_release(found, "") == found["fix"]
