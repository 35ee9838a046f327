# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible as people run it: each option and setting works, or is refused with what to do. Real runs of ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.module_utils import basic
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.xitrum.host.plugins.filter.working_hosts import working_hosts
from ansible_collections.xitrum.host.plugins.module_utils.core import lock_record
from ansible_collections.xitrum.host.plugins.modules import run_lock as run_lock_module

from tests.docs.role_variables import ROOT
from tests.unit.record_texts import record_text

#: The settings of somebody's own ansible.cfg that have broken runs of others.
ODD = {"ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "true", "ANSIBLE_GATHERING": "smart", "ANSIBLE_CACHE_PLUGIN": "jsonfile",
       "ANSIBLE_FORKS": "1", "ANSIBLE_INJECT_FACT_VARS": "true", "ANSIBLE_DIFF_ALWAYS": "true", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}


def play(*words, folder=None, **environment):
    """Runs ansible-playbook: its exit code, and what it printed."""
    ran = subprocess.run([sys.executable, "-m", "ansible", "playbook", *words], cwd=folder or ROOT, text=True, capture_output=True, check=False,
                         stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("words", [["xitrum.host.site", "--start-at-task", "Report the errors of all hosts"], ["xitrum.host.remove", "--step"]])
def test_an_option_that_leaves_tasks_out_is_refused_before_the_first(words):
    code, output = play("-i", "app1,", *words)
    output = " ".join(output.split())
    assert code != 0 and f"Found {words[1]}, which leaves out" in output and "Nothing was done." in output and "PLAY" not in output, output
    assert f"Run it again without {words[1]}. To see first what it would do, add --check --diff" in output


@pytest.mark.parametrize("given, options", [
    ({"start_at_task": "x"}, ["--start-at-task"]), ({"step": True}, ["--step"]), ({"start_at_task": "x", "step": True}, ["--start-at-task", "--step"]),
    ({"start_at_task": None, "step": False}, []),
])
def test_which_options_leave_tasks_out(monkeypatch, given, options):
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(given))
    if not options:
        assert working_hosts({}, "xitrum", read=False) == "xitrum"
        return
    with pytest.raises(AnsibleFilterError) as refused:
        working_hosts({}, "xitrum", read=False)
    for option in options:
        assert f"{option}, which leaves out" in str(refused.value)
    assert f"Run it again without {' and '.join(options)}." in str(refused.value)


@pytest.fixture(name="fleet", scope="module")
def fixture_fleet(tmp_path_factory):
    """An inventory of two hosts that are away and one that is this machine, and a cache of facts that reports the wrong thing of them."""
    folder = tmp_path_factory.mktemp("fleet")
    away = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-F none"}
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    hosts = {"app1": dict(away), "app2": dict(away), "app3": local}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"xitrum": {"hosts": hosts}}}}))
    (folder / "cache").mkdir()
    for host in hosts:
        (folder / "cache" / host).write_text(json.dumps({"xitrum_host_state": {}, "distribution": "Stale", "pkg_mgr": "apt"}))
    return folder


@pytest.mark.parametrize("words, hosts", [
    pytest.param([], "app1, app2", marks=pytest.mark.long), (["--limit", "app2,app3", "-f", "5"], "app2")], ids=["all", "limit"])
def test_every_host_that_is_away_is_named_before_anything_changes_whatever_the_settings_are(fleet, words, hosts):
    # In check mode, or a regression would change the machine that runs this test: it is app3.
    code, output = play("-i", str(fleet / "hosts.yml"), "xitrum.host.site", "-e", json.dumps({"xitrum_package": "/no/such", "xitrum_instances": 2}), *words,
                        "--check", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(fleet / "cache"), **ODD)
    assert code != 0 and "No host was changed." in output
    words = " ".join(output.split())
    assert f" {hosts}: - the host could not be reached: start it, correct ansible_host, or leave it out with --limit" in words, output
    assert "errors. No host was changed." in output and "there is no package at /no/such" in output
    assert "Report the result" not in output, "the run ended there"


@pytest.mark.parametrize("state", ["held", "renewed", "released", "abandoned"])
def test_check_mode_needs_no_lock_during_a_deploy(tmp_path, monkeypatch, capsys, state):
    monkeypatch.setattr(lock_record, "FOLDER", str(tmp_path))
    record = {"id": "b/1/1", "user": "ann", "host": "laptop", "since": 1.0, "boot": "b", "uptime": 1.0}
    (tmp_path / "demo.lock").write_text(record_text(record))
    given = {"name": "demo", "root": str(tmp_path), "log_dir": str(tmp_path), "state": state, "holder": {"id": "b/2/2", "user": "bob", "host": "desk"},
             "break_lock": "any", "_ansible_check_mode": True}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit) as ended:
        run_lock_module.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0 and (result["interrupted"], result["run"], result["changed"]) == (True, "", False)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.lock"] and (tmp_path / "demo.lock").read_text() == record_text(record)
