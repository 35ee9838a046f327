# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable without a value is reported in the collection's own words by every playbook that reads hosts, before it reads one."""

from __future__ import annotations

import json

import pytest

from ..stubbed_plays import MODULES, play

#: What is set, and the sentence on it.
EMPTY = [
    ({"xitrum_package": None}, "xitrum_package has no value: expected a text. Set one, or remove the variable"),
    ({"xitrum_root": "{{ nobody_sets_this }}"}, "the variable xitrum_root has no value: 'nobody_sets_this' is undefined"),
    ({"xitrum_keep_releases": None}, "xitrum_keep_releases has no value: expected a whole number"),
]
#: Variables of one playbook alone, and its sentence.
OWN = {
    "check": ({"report_dir": None}, "report_dir has no value: expected a path"),
    "load_test": ({"load_test_path": "{{ nobody_sets_this }}"}, "the variable load_test_path has no value: 'nobody_sets_this' is undefined"),
    "console": ({"console_instance": None}, "console_instance has no value: expected a text"),
}
#: How Ansible words what it could not do.
OF_ANSIBLE = ("NoneType", "Finalization of task args", "Validation of arguments failed", "Error while")


def run(tmp_path, name, given):
    return play(tmp_path, f"- name: Run\n  import_playbook: PLAYBOOKS/{name}.yml\n", ["app1", "app2"], [], proxies=["proxy1"],
                modules=(*MODULES, "connection_load", "console", "package_info", "reach_info"), options=["-e", json.dumps(given)],
                application_package_read=None)


@pytest.mark.parametrize("name", ["site", "check", "rollback", "load_test"])
@pytest.mark.parametrize(("given", "sentence"), EMPTY, ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_a_playbook_reports_a_variable_without_a_value_and_reads_no_host(tmp_path, name, given, sentence):
    played = run(tmp_path, name, given)
    assert played.code == 2 and sentence in played.text
    assert [words for words in OF_ANSIBLE if words in played.text] == []
    assert [call for call in played.calls if call["action"] != "package_info"] == []


@pytest.mark.parametrize("name", OWN)
def test_a_playbook_reports_its_own_variable_without_a_value(tmp_path, name):
    given, sentence = OWN[name]
    played = run(tmp_path, name, given)
    assert played.code == 2 and sentence in played.text
    assert [words for words in OF_ANSIBLE if words in played.text] == [] and played.calls == []
