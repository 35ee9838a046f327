# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything works on a host that is reached as hosts often are. What converge and the other tests do on app1 is a part of this."""

import pytest


def test_app1_is_behind_a_jump_host_with_a_sudo_password_without_pipelining_and_with_another_python(site):
    app1, proxy1 = site.hosts["app1"], site.hosts["proxy1"]
    assert "-o ProxyJump=proxy1" in app1["ansible_ssh_common_args"] and app1["ansible_host"] == app1["xitrum_address"] != proxy1.get("ansible_host")
    assert (app1["ansible_port"], app1["ansible_user"], app1["ansible_pipelining"]) == (2222, "carol", False)
    assert app1["ansible_python_interpreter"] == "/opt/python/bin/python3"
    code, output = site.type("ansible app1 -b -e ansible_become_password=wrong -m ansible.builtin.command -a id")
    assert code != 0 and "password" in output


def test_an_expression_runs_in_its_console(site):
    code, output = site.type("ansible-playbook playbooks/console.yml --limit app1 -e console_command=6*7")
    assert code == 0 and "42" in output, output[-4000:]


def test_a_removal_lists_what_it_would_undo(site):
    code, output = site.type("ansible-playbook playbooks/remove.yml --limit app1 -e remove_last=true")
    assert code != 0 and "No host was changed." in output and "/home/deploy/xitrum" in output, output[-4000:]


@pytest.mark.parametrize("playbook", ["site.yml", *(pytest.param(f"playbooks/{name}.yml", marks=pytest.mark.long) for name in ("deploy", "check"))])
def test_tags_without_effect_are_refused_with_and_without_a_limit(site, playbook):
    for options in ("--tags jdk", "--skip-tags jdk --limit app1"):
        code, output = site.type(f"ansible-playbook {playbook} {options}")
        assert code != 0 and "of this playbook: it has no tags. Nothing was done." in " ".join(output.split()), output[-4000:]
