# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of `hostvars` are what Ansible makes of them, and are resolved once."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import trust_as_template
from ansible.vars.hostvars import HostVars, HostVarsVars
from ansible.vars.manager import VariableManager
from ansible_collections.xitrum.host.plugins.plugin_utils.resolved_hosts import ResolvedHosts


@pytest.fixture
def hostvars():
    loader = DataLoader()
    inventory = InventoryManager(loader, sources=["app1,app2"])
    manager = VariableManager(loader=loader, inventory=inventory)
    for host, port in (("app1", 8000), ("app2", 9000)):
        inventory.get_host(host).set_variable("port", port)
        inventory.get_host(host).set_variable("found", {"ports": [trust_as_template("{{ port }}")]})
    inventory.get_host("app1").set_variable("broken", trust_as_template("{{ nobody_sets_this }}"))
    return HostVars(inventory, manager, loader)


def test_values_are_those_of_ansible(hostvars):
    found = ResolvedHosts(hostvars)
    assert {host: found[host]["found"] for host in found} == {"app1": {"ports": [8000]}, "app2": {"ports": [9000]}}
    assert "app1" in found and "app9" not in found and len(found) == 2
    assert set(found["app1"]) == set(hostvars["app1"]) and len(found["app1"]) == len(hostvars["app1"])
    assert "port" in found["app1"] and "broken" not in found["app2"] and found["app2"].get("broken", 7) == 7


def test_each_is_resolved_once(hostvars, monkeypatch):
    resolved, resolve = [], HostVarsVars.__getitem__
    monkeypatch.setattr(HostVarsVars, "__getitem__", lambda self, name: resolved.append(name) or resolve(self, name))
    found = ResolvedHosts(hostvars)
    for _turn in range(3):
        assert found["app1"]["found"] == {"ports": [8000]} and found["app1"].get("port") == 8000
    assert sorted(resolved) == ["found", "port"]


def test_what_has_no_value_is_an_error_each_time(hostvars):
    found = ResolvedHosts(hostvars)
    for _turn in range(2):
        with pytest.raises(AnsibleUndefinedVariable, match="nobody_sets_this"):
            found["app1"].get("broken")
