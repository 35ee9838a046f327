# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile application chose never acts on the operator's terminal, nor breaks the report: with a real ansible-playbook."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.xitrum.host.plugins.action import jdk
from ansible_collections.xitrum.host.plugins.module_utils.jdk import fetch as archives

from tests.docs.role_variables import ROOT

#: Writes to the clipboard (OSC 52), clears the screen, begins a sequence with one character of C1, goes back to the begin of
#: the line, turns the direction, and is not a character of XML.
HOSTILE = "begin \x1b]52;c;Y3VybA==\x07 \x1b[2J \x9b2J a\rb \x08 \x7f \u202e \ufffe <&\"]]> end\n\tand on"
NAME = b"x\x1b[2J\x07\rx\x9b"
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff]")

MODULE = """
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.core.quiet import Utf8Module

module = Utf8Module(argument_spec={"log": {"type": "path"}, "fails": {"type": "bool"}})
text = Host(module.run_command).read_tail(module.params["log"])
if module.params["fails"]:
    module.fail_json(msg=f"instance 0 is not healthy. The end of its log:\\n{text}", tail=text)
module.warn(f"the log has {text}")
module.exit_json(lines=text.split("\\n"), diff={"before": text, "after": "", "before_header": text, "after_header": text}, changed=True)
"""

PLAYBOOK = """
- hosts: app1
  gather_facts: false
  tasks:
    - block:
        - hostile: {log: "{{ log }}", fails: true}
      rescue:
        - ansible.builtin.set_fact:
            xitrum_host_state: "{{ {'msg': ansible_failed_result.msg ~ lookup('ansible.builtin.file', log)} }}"
    - hostile: {log: "{{ log }}", fails: false}
      register: hostile
    - ansible.builtin.debug:
        var: hostile.lines
    - block:
        - ansible.builtin.fail:
            msg: "{{ lookup('ansible.builtin.file', log) | xitrum.host.escape_controls }}"
      rescue:
        - ansible.builtin.assert:
            that: "'begin' in ansible_failed_result.msg"
            success_msg: "{{ lookup('ansible.builtin.file', log) | xitrum.host.screen_text }}"
    - xitrum.host.nofile_info: {pids: ["{{ pid }}"], nofile: 99999999}
      register: named
    - ansible.builtin.debug:
        var: named.rows
    - ansible.builtin.include_role:
        name: xitrum.host.report
"""


@pytest.fixture(scope="module", params=["yaml", pytest.param("json", marks=pytest.mark.long)])
def ran(request, tmp_path_factory):
    """The folder of a run, and all that it printed."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "library").mkdir()
    (folder / "library" / "hostile.py").write_text(MODULE)
    (folder / "play.yml").write_text(PLAYBOOK)
    (folder / "log").write_text(HOSTILE, encoding="utf-8", newline="")
    rename = "import ctypes, sys, time; ctypes.CDLL(None).prctl(15, sys.argv[1].encode('utf-8', 'surrogateescape')); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", rename, NAME], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        values = {"log": f"{folder}/log", "pid": other.pid, "xitrum_report_dir": str(folder)}
        try:
            done = subprocess.run(
                [f"{pathlib.Path(sys.executable).parent}/ansible-playbook", "-i", "app1,", "-c", "local", "-D", f"{folder}/play.yml",
                 "-e", json.dumps(values), "-e", f"ansible_python_interpreter={sys.executable}"],
                cwd=ROOT, capture_output=True, check=False, env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": request.param, "ANSIBLE_NOCOLOR": "1"})
        finally:
            other.kill()
    return folder, done.stdout.decode("utf-8") + done.stderr.decode("utf-8")


def test_nothing_acts_on_the_terminal(ran):
    _folder, screen = ran
    assert screen.count("begin ") >= 6, screen
    assert "2 values" not in screen and "1 of 1 values have drifted" in screen, screen
    assert [line for line in screen.splitlines() if ACTIVE.search(line.replace("\n", ""))] == []
    assert r"\x1b]52;c;Y3VybA==\x07" in screen and r"x\x1b[2J\x07\rx" in screen.replace("\\\\", "\\")


def test_the_report_is_well_formed_whatever_a_host_sent(ran):
    folder, screen = ran
    suite = ElementTree.parse(folder / "check.xml").getroot()
    (message,) = [failure.get("message") for failure in suite.iter("failure")]
    assert r"\x1b[2J" in message and '<&"]]>' in message, screen
    for name in ("check.xml", "check.html", "check.json"):
        assert not ACTIVE.search((folder / name).read_text(encoding="utf-8")), name
    assert json.loads((folder / "check.json").read_text())["findings"][0]["commands"] == []


def test_what_a_server_or_an_archive_chose_is_escaped_in_the_failure_of_an_action(monkeypatch):
    def refuse(*_arguments):
        raise archives.SourceError(f"the server reports {HOSTILE}")

    monkeypatch.setattr(archives, "obtain", refuse)
    with pytest.raises(AnsibleActionFail) as failure:
        jdk.fetch({"source": "https://example.com/jdk.tar.gz"}, "")
    assert not ACTIVE.search(str(failure.value)) and r"\x1b[2J" in str(failure.value)


#: What a message of the roles may hold as it is: variables of the inventory and of the run, which no host chooses.
OWN = re.compile("|".join((
    r"inventory_hostname|item|report_dir|groups\[.*|ansible_play_hosts(_all)? .*|__there \| join\(', '\)|xitrum_(name|root)|remove_host_count",
    r"packages_names .*",
    r"supervisor_supervisord_version|supervisor_supervisord_pip_arguments \| xitrum\.host\.hide_credentials",
    r"__report_check\.(drift|total)|supervisor_batch\.\w+|__supervisor_lost \| join\(', '\)|__console_choice|__tuning_capacity\.error",
    r"__jdk_verified\.jdk\.rows .*|__jdk_state\.jdk\.(home|version)",
)))


def messages(tasks, path):
    """Each text that a task shows, with the file that it is in."""
    for task in tasks or []:
        if not isinstance(task, dict):
            continue
        for key in ("tasks", "block", "rescue", "always", "pre_tasks", "post_tasks"):
            yield from messages(task.get(key), path)
        for action in ("debug", "fail", "assert"):
            arguments = task.get(f"ansible.builtin.{action}") or {}
            for name in ("msg", "fail_msg", "success_msg"):
                if name in arguments:
                    yield path, arguments[name]


def unescaped(text):
    """The expressions of a message that may hold text of others, and do not go through a filter that escapes it."""
    found = [" ".join(expression.split()) for expression in re.findall(r"\{\{(.*?)\}\}", text, re.DOTALL)]
    return [one for one in found if not re.search(r"\|\s*(map\(')?xitrum\.host\.(screen_text|escape_controls)('\))?$", one) and not OWN.fullmatch(one)]


def test_each_message_of_roles_and_playbooks_is_escaped():
    files = [path for folder in ("roles", "playbooks") for path in sorted((ROOT / folder).rglob("*.yml")) if "templates" not in path.parts]
    shown = [found for path in files for found in messages(yaml.safe_load(path.read_text()) if "meta" not in path.parts else [], path)]
    assert len(shown) > 30
    assert [(str(path), unescaped(text)) for path, text in shown if unescaped(text)] == []


def test_a_message_that_is_not_escaped_is_found():
    assert unescaped("{{ a.msg }} {{ inventory_hostname }} {{ b | xitrum.host.escape_controls }}") == ["a.msg"]
    assert unescaped("{{ a | xitrum.host.screen_text }}") == []
