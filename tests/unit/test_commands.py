# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to type repeats how the command that says it was started, and no secret."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import commands
from hypothesis import given
from hypothesis import strategies as st

SITE = "ansible-playbook xitrum.host.site"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({}, SITE),
        (
            {"inventory": ("/home/me/fleet/hosts.yml", "/etc/ansible/hosts")},
            "ansible-playbook -i fleet/hosts.yml -i /etc/ansible/hosts xitrum.host.site",
        ),
        (
            {"inventory": ("app1,app2,",), "subset": "app1"},
            "ansible-playbook -i app1,app2, xitrum.host.site --limit app1",
        ),
        ({"subset": "app*:!app3"}, f"{SITE} --limit 'app*:!app3'"),
        ({"extra_vars": ("a=1 b=2", "c=x")}, f"{SITE} -e 'a=1 b=2' -e c=x"),
        ({"extra_vars": ("a='x y'",)}, f"""{SITE} -e 'a='"'"'x y'"'"''"""),
        ({"extra_vars": ('{"a": [1, 2], "b": true}',)}, f"""{SITE} -e '{{"a": [1, 2], "b": true}}'"""),
        ({"extra_vars": ("@secrets.yml",)}, f"{SITE} -e @secrets.yml"),
        # What only that run was told is no wish for the next.
        (
            {"extra_vars": ("xitrum_rollback_to=aa", '{"xitrum_report_dir": "/tmp"}', "a=1 xitrum_remove=2")},
            f"{SITE} -e a=1",
        ),
        # Secrets by their names, and in URLs.
        ({"extra_vars": ("xitrum_secure_key=0123456789abcdef",)}, f"{SITE} -e xitrum_secure_key=..."),
        (
            {"extra_vars": ('{"xitrum_package_headers": {"Authorization": "Bearer x"}, "a": {"password": "x"}}',)},
            f"""{SITE} -e '{{"xitrum_package_headers": "...", "a": {{"password": "..."}}}}'""",
        ),
        (
            {"extra_vars": ("xitrum_package=https://bob:secret@host.example/a.tar.gz?sig=1",)},
            f"{SITE} -e 'xitrum_package=https://***@host.example/a.tar.gz?sig=***'",
        ),
        ({"extra_vars": ("{a: secret}", "'")}, f"{SITE} -e ... -e ..."),
        (
            {
                "become_ask_pass": True,
                "ask_pass": False,
                "remote_user": "deploy",
                "private_key_file": "/home/me/key",
                "vault_password_files": ("/v",),
            },
            "ansible-playbook --user=deploy --private-key=/home/me/key --ask-become-pass --vault-password-file=/v xitrum.host.site",
        ),
    ],
)
def test_the_options_are_repeated(arguments, line):
    assert commands.render_command("site", commands.read_options(arguments, "/home/me")) == line


def test_hosts_that_must_take_part_are_added_to_the_limit():
    def render(given_limit, **more):
        return commands.render_command("site", commands.read_options({"subset": given_limit}, ""), **more)

    assert render("app1", add=["proxy1", "proxy2"]) == f"{SITE} --limit app1,proxy1,proxy2"
    assert render("app1:proxy1", add=["proxy1"]) == f"{SITE} --limit app1:proxy1"
    assert render("", add=["proxy1"]) == SITE
    assert render("app1", limit="app2", variables=["a=1"]) == f"{SITE} -e a=1 --limit app2"


@given(st.text(), st.sampled_from(["xitrum_secure_key", "password", "my_token", "X-Auth"]))
def test_no_text_of_a_secret_is_ever_shown(text, name):
    secret = f"S3cr3t{text}"
    assert "S3cr3t" not in " ".join(
        commands.variable_words(f"{name}={secret}") + commands.variable_words(f'{{"{name}": "{secret}"}}')
    )
