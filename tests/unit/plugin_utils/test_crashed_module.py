# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reason of a module that crashed, as Ansible itself hands it to an action."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.xitrum.host.plugins.plugin_utils.crashed_module import add_reason

MODULE = """#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={})
try:
    open("/nowhere/at/all")
except OSError as error:
    raise RuntimeError("the state is unread") from error
"""
ACTION = """
from ansible.plugins.action import ActionBase
from ansible_collections.xitrum.host.plugins.plugin_utils.crashed_module import add_reason
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return add_reason(self._execute_module(task_vars=task_vars))
"""
BOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - crash:
      register: result
      failed_when: false
    - debug:
        msg: "{{ result.msg }}"
"""


def test_a_crash_has_its_causes_before_a_task_judges_it(tmp_path):
    for name, text in {"library/crash.py": MODULE, "action_plugins/crash.py": ACTION, "book.yml": BOOK, "ansible.cfg": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "book.yml"]
    run = subprocess.run(command, cwd=tmp_path, env=os.environ | {"ANSIBLE_CONFIG": "ansible.cfg"}, capture_output=True, text=True, check=False)
    output = " ".join(run.stdout.split())
    assert run.returncode == 0, output + run.stderr
    assert "the module crashed: the state is unread: [Errno 2] No such file or directory: '/nowhere/at/all'. For the traceback" in output


@pytest.mark.parametrize(("result", "reason"), [
    ({"failed": True, "exception": "Traceback\n  File x\nOSError: gone \x1b[2J\n"}, "the module crashed: OSError: gone \\x1b[2J. "),
    ({"failed": True}, "the module crashed: no reason was given. "),
    ({"failed": True, "msg": "no room", "exception": "Traceback"}, "no room"),
])
def test_a_failure_without_a_message_gets_one(result, reason):
    assert add_reason(result)["msg"].startswith(reason)


def test_what_did_not_fail_stays_as_it_is():
    assert add_reason({"changed": True}) == {"changed": True}
