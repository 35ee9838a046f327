# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH gives up a host that no longer answers, or a run reports that it does not."""

from __future__ import annotations

import configparser
import shutil

import pytest
from ansible_collections.xitrum.host.plugins.plugin_utils import keep_alive
from ansible_collections.xitrum.host.plugins.plugin_utils.preflight_reports import find_notes

from tests.docs.role_variables import ROOT

ALIVE = "-F none -o ServerAliveInterval=5"
#: No configuration file of whoever runs the tests.
NEVER = "-F none -o ControlMaster=auto"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="asks OpenSSH")
@pytest.mark.parametrize("variables, is_noted", [
    ({"ansible_ssh_args": NEVER}, True),
    ({"ansible_ssh_args": NEVER, "ansible_host": "192.0.2.1", "ansible_connection": "ssh"}, True),
    ({"ansible_ssh_args": ALIVE}, False),
    ({"ansible_ssh_args": NEVER, "ansible_ssh_common_args": "-o 'ServerAliveInterval 9'"}, False),
    ({"ansible_ssh_args": NEVER, "ansible_ssh_extra_args": "-oserveraliveinterval=9"}, False),
    ({"ansible_ssh_args": "-F none -o ServerAliveInterval=0"}, True),
    # What cannot be known is not a note.
    ({"ansible_ssh_args": "-o Nonsense=1"}, False),
    ({"ansible_ssh_args": "-o 'unclosed"}, False),
    ({"ansible_ssh_args": NEVER, "ansible_ssh_executable": "/no/such/ssh"}, False),
    ({"ansible_ssh_args": NEVER, "ansible_connection": "local"}, False),
    ({"ansible_ssh_args": NEVER, "ansible_connection": "community.docker.docker"}, False),
])
def test_a_connection_that_never_ends_is_noted(variables, is_noted):
    note = keep_alive.find_note("app1", variables)
    assert bool(note) is is_noted
    if is_noted:
        assert "found no ServerAliveInterval. Set one, such as ssh_args = " in note and "ansible.cfg" in note


@pytest.mark.parametrize("text, is_kept", [("host a\nserveraliveinterval 0\n", False), ("ServerAliveInterval 10\n", True), ("host a\n", None), ("", None)])
def test_what_openssh_prints(text, is_kept):
    assert keep_alive.is_kept_alive(text) is is_kept


@pytest.mark.skipif(shutil.which("ssh") is None, reason="asks OpenSSH")
def test_it_is_noted_once_in_a_run():
    state = {"machine": {"notes": []}}
    fleet = {name: {"xitrum_host_state": state, "ansible_ssh_args": NEVER} for name in ("app1", "app2")}
    notes = [find_notes(fleet, [name], every=list(fleet), connection=True)[name] for name in fleet]
    assert [len(found) for found in notes] == [1, 0]
    assert find_notes(fleet, ["app1"], every=list(fleet)) == {"app1": []}


def test_the_clone_gives_a_host_up_that_answers_nothing_for_a_minute():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "ansible.cfg")
    words = settings["ssh_connection"]["ssh_args"]
    assert keep_alive.ADVICE in words and words.endswith("ServerAliveInterval=10 -o ServerAliveCountMax=6")
