# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to type repeats how the command that reports it was started, and no secret."""

from __future__ import annotations

import json
import shlex
import time

import pytest
from ansible.errors import AnsibleParserError
from ansible.parsing.splitter import parse_kv, split_args
from ansible_collections.xitrum.host.plugins.module_utils.core import commands
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
        # What applied to that run only does not apply to the next.
        (
            {"extra_vars": ("rollback_to=aa", '{"xitrum_report_dir": "/tmp"}', "a=1 remove_host_count=2")},
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
        commands.format_variable(f"{name}={secret}") + commands.format_variable(f'{{"{name}": "{secret}"}}')
    )


@pytest.mark.parametrize(
    "name",
    [
        "ansible_ssh_pass",
        "ansible_become_pass",
        "ansible_sudo_pass",
        "ansible_password",
        "db_pwd",
        "DB_PWD",
        "vault_pass",
        "vault_smtp",
        "passphrase",
        "pin",
        "userPin",
        "user_pin",
        "xitrum_akka_cookie",
        "aws_creds",
        "otp",
        "redis-dsn",
    ],
)
def test_a_name_shows_that_a_value_is_a_secret(name):
    given = [
        f"{name}=hunter2",
        f"a=1 {name}='hunter2 hunter2' b=2",
        f'{{"{name}": "hunter2"}}',
        f'{{"a": {{"{name}": ["hunter2", {{"b": "hunter2"}}]}}}}',
        f'[{{"{name}": "hunter2"}}]',
        f"""a='{{"{name}_password": "hunter2 hunter2"}}'""",
    ]
    for text in given:
        assert "hunter2" not in " ".join(commands.format_variable(text)), text
    assert commands.format_variable(given[0]) == ["-e", f"{name}=..."]
    assert commands.format_variable(given[1]) == ["-e", f"a=1 {name}=... b=2"]


@pytest.mark.parametrize(
    "text",
    [
        "xitrum_health_path=/pin/health",
        "xitrum_proxy_cookie=server",
        "ansible_user=deploy ansible_port=2222",
        "ansible_ssh_private_key_file=/home/me/id",
        "ansible_ssh_common_args='-o ProxyJump=bastion -p 2222'",
        "spinner=1 pinned=2 opinion=3",
        "x={{ lookup('env','HOME') }}",
        """x={{ lookup("env", 'HOME') }} y={% if a == 1 %}b{% endif %} z='{"q": [1, 2]}'""",
        'a="it\'s two"',
    ],
)
def test_what_is_no_secret_is_repeated_as_it_was_given(text):
    assert commands.format_variable(text) == ["-e", text]
    line = commands.render_command("site", commands.read_options({"extra_vars": (text,)}, ""))
    assert shlex.split(line)[-1] == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-o ProxyJump=me@bastion:22,you@jump:22 -p 2222", "-o ProxyJump=me@bastion:22,you@jump:22 -p 2222"),
        ("-o PreferredAuthentications=password -o PasswordAuthentication=no", None),
        ("-o ProxyCommand='sshpass -f /etc/p ssh -W %h:%p bastion'", None),
        (
            "-o ProxyCommand='sshpass -p hunter2 ssh -p 22 bastion' -v",
            "-o ProxyCommand='sshpass -p ... ssh -p 22 bastion' -v",
        ),
        ("-o ProxyCommand='sshpass -v -phunter2'", "-o ProxyCommand='sshpass -v -p...'"),
        ('-o ProxyCommand="sshpass -p \'hunter2 hunter2\' ssh b"', '-o ProxyCommand="sshpass -p ...'),
        (r'-o "ProxyCommand=sshpass -vp \"a hunter2\" ssh b"', '-o "ProxyCommand=sshpass -vp ...'),
        ("-o ProxyCommand='SSHPASS=hunter2 sshpass -e ssh b'", "-o ProxyCommand='SSHPASS=... sshpass -e ssh b'"),
        ("-o ProxyCommand='ncat --proxy-auth u:hunter2 %h'", "-o ProxyCommand='ncat --proxy-auth ... %h'"),
        ("-o ProxyCommand='connect -H u:hunter2@pr:3128 %h'", "-o ProxyCommand='connect -H ***@pr:3128 %h'"),
    ],
)
def test_arguments_of_ssh_are_repeated_without_passwords(text, shown):
    shown = shown or text
    for name in ("ssh_common_args", "ssh_extra_args"):
        option = f"--{name.replace('_', '-')}={shown}"
        assert shlex.split(commands.format_connection_options({name: text})) == [option]
    assert json.loads(commands.format_variable(json.dumps({"ansible_ssh_common_args": text}))[1]) == {
        "ansible_ssh_common_args": shown
    }


@pytest.mark.parametrize(
    "text",
    [
        "xitrum_package=https://u:hun^ter2@h/a",
        "xitrum_package='https://u:hun|ter2{}@h/a'",
        "supervisor_supervisord_pip_arguments='--proxy u:hunter2@pr:3128'",
        "xitrum_java_arguments='-Da=1 -Ddb.password=hunter2'",
        "password=a hunter2",
        "run_arguments='--login hunter2'",
        '{"run_arguments": ["--login", "hunter2"]}',
        "xitrum_before_release='shop.Migrate hunter2'",
        '{"xitrum_before_release": {"class": "shop.Migrate", "arguments": ["hunter2"]}}',
    ],
)
def test_a_secret_within_a_value_is_not_shown(text):
    assert "ter2" not in " ".join(commands.format_variable(text))


@given(st.lists(st.sampled_from(["a=", "b=1", "pin=", "'", '"', " ", "\n", "x", "{{", "}}", "{%", "%}", "\t", "="])))
def test_words_are_split_as_ansible_splits_them(parts):
    text = "".join(parts)
    try:
        words = [word.strip() for word in split_args(text) if word.strip()]
    except AnsibleParserError:
        with pytest.raises(ValueError, match="has no end"):
            commands.split_words(text)
        return
    assert [word.strip() for word in commands.split_words(text) if word.strip()] == words


@given(st.lists(st.sampled_from(["a=1", "b='x y'", "c={{ d | e('f', \"g\") }}", 'h="it\'s"', "pin=1"]), min_size=1))
def test_what_is_repeated_means_the_same(words):
    text = " ".join(words)
    expected = {name: "..." if name == "pin" else value for name, value in parse_kv(text).items()}
    assert parse_kv(commands.format_variable(text)[1]) == expected


@pytest.mark.parametrize("part", ["a", "-", "--a", "a:", "!a:b", "http://a:b", "pass", "--pass ", "x=", "sshpass "])
def test_a_long_value_is_read_at_once(part):
    # Seconds of a processor: a busy machine may take any time.
    began = time.process_time()
    commands.format_variable(f"a='{part * 10000}'")
    assert time.process_time() - began < 10
