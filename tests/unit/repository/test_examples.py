# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories to begin with are read by Ansible, and have no variable that a role does not know or would not take."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
import yaml
from ansible_collections.xitrum.host.plugins.module_utils.core import variables
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import find_unknown, read_collection

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "inventories/example"
#: Each with how many hosts its page reports that it has.
HOSTS = {"one-host": 1, "three-hosts": 3, "fleet": 22}


def hosts_of(name):
    output = subprocess.run(["ansible-inventory", "-i", str(FOLDER / name), "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)["_meta"]["hostvars"]


@pytest.mark.parametrize("name", HOSTS)
def test_all_variables_are_known_and_those_that_are_no_templates_fit(name):
    hosts, (options, _prefixes) = hosts_of(name), read_collection()
    assert len(hosts) == HOSTS[name]
    for own in hosts.values():
        assert find_unknown(list(own)) == {"errors": [], "warnings": []}
        plain = {key: value for key, value in own.items() if key in options and "{{" not in str(value)}
        assert [error for key, value in plain.items() if (error := variables.find_value_error(key, value, options[key]))] == []
        assert own["xitrum_name"] == "shop"
    # A proxy needs them as well.
    for key in ("xitrum_name", "xitrum_health_path", "xitrum_health_status", "xitrum_cluster"):
        assert len({str(own.get(key)) for own in hosts.values()}) == 1, key


def test_each_is_on_the_page():
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(HOSTS)
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| [{name}]({name}) | {count} |" in page for name, count in HOSTS.items())


def test_the_tutorial_shows_each_variable_in_the_file_of_the_example_that_sets_it():
    page = (FOLDER.parents[1] / "docs/tutorial/your-own-hosts.md").read_text(encoding="utf-8")
    copied = re.search(r"^cp -r inventories/example/(\S+) inventories/production$", page, re.MULTILINE).group(1)
    blocks = re.findall(r"^( *)```yaml\n *# inventories/production/(\S+)\n(.*?)^\1```$", page, re.MULTILINE | re.DOTALL)
    shown = {name: yaml.safe_load(text) for _indent, name, text in blocks}
    example = {name: yaml.safe_load((FOLDER / copied / name).read_text(encoding="utf-8")) for name in shown}
    assert set(shown) == {"hosts.yml", "group_vars/all.yml", "group_vars/xitrum.yml"}
    # A variable of the group in hosts.yml would lose against the same one in group_vars, without a warning.
    assert shown["hosts.yml"] == example["hosts.yml"] and not any("vars" in group for group in shown["hosts.yml"].values())
    for name in ("group_vars/all.yml", "group_vars/xitrum.yml"):
        assert shown[name].items() <= example[name].items(), name
