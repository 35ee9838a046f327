# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Past runs, and the tasks at the end of a run, by a rollout that stops before it takes an instance out."""

import getpass
import json

import pytest

from tests.lib.questions import read_document, validate

EVERY = ["app1-0", "app1-1", "app2-0", "app2-1"]
BEFORE = [{"name": "Refuse the batch", "ansible.builtin.fail": {"msg": "not today"}}]


@pytest.mark.long
def test_a_rollout_that_stops_is_reported_and_in_the_history(site, tmp_path):
    saved, pids, release = tmp_path / "saved", site.find_pids(EVERY), site.find_release("app1")
    save = {"name": "Save", "ansible.builtin.copy": {"dest": str(saved), "content": "{{ xitrum_run | to_json }}"}}
    for name, tasks in (("before", BEFORE), ("after", [save])):
        (tmp_path / f"{name}.yml").write_text(json.dumps(tasks), encoding="utf-8")
    variables = {"xitrum_heap": "300m", "xitrum_before_batch": str(tmp_path / "before.yml"), "xitrum_after_run": str(tmp_path / "after.yml")}
    (tmp_path / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    # By a shell: a process that is forked from that of the tests ends without what Python does at its end.
    code, output = site.type(f"ansible-playbook playbooks/deploy.yml -e @{tmp_path}/variables.json 2>&1")
    assert code == 2 and site.find_pids(EVERY) == pids, output[-4000:]
    assert saved.exists(), output[-4000:]
    run = validate(json.loads(saved.read_text(encoding="utf-8")), "run")
    assert (run["outcome"], run["playbook"], run["release_from"], run["release_to"]) == ("failed", "deploy", release, release)
    assert {name for name, host in run["hosts"].items() if host["locked"]} == {"app1", "app2"}
    assert any("not today" in error for error in run["errors"]), run["errors"]

    document = read_document(site, "history")
    first, last = document["runs"][0], document["runs"][-1]
    assert (first["outcome"], first["release_from"], first["release_to"]) == ("done", None, release)
    assert [host["name"] for host in first["hosts"]] == [host["name"] for host in last["hosts"]] == ["app1", "app2"]
    assert (last["run"], last["playbook"], last["user"], last["outcome"]) == (run["run"], "deploy", getpass.getuser(), "failed")
    # The folders that the stopped rollout has made are removed.
    site.run().assert_ended_well()
