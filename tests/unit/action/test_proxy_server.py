# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a proxy reaches the instances of a host, before and after a change of their ports."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.xitrum.host.plugins.action import proxy_server


class Host(dict):
    """The variables of a host, of which one has no value: to read it raises an error, as with Ansible."""

    def __getitem__(self, name):
        if super().__getitem__(name) == "{{ nope }}":
            raise AnsibleUndefinedVariable("'nope' is undefined")
        return super().__getitem__(name)

    def get(self, name, default=None):
        return self[name] if name in self else default


def half(delegate_to, address="192.0.2.1", **arguments):
    """The action of a proxy's servers, and what its module gets."""
    made, given = object.__new__(proxy_server.ActionModule), []
    arguments = {"servers": ["app1-0"], "state": "ready", **arguments}
    made._task = SimpleNamespace(args=arguments, check_mode=False, async_val=0, diff=False, delegate_to=delegate_to)
    made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    made._execute_module = lambda module_name, module_args, task_vars: given.append(module_args) or {"changed": True}
    host = Host(inventory_hostname="app1", xitrum_address=address)
    return made.run(task_vars={"inventory_hostname": "app1", "hostvars": {"app1": host}}), given


INSTANCES = {"instances": [{"index": 0, "port": 9000}], "configured": {"0": {"http": 8000}}}


@pytest.mark.parametrize(("reconfigured", "ports"), [(True, (9000, 8000)), (False, (8000, 9000)), ("no", (8000, 9000))])
def test_servers_are_found_at_the_port_that_the_proxy_has_and_at_the_other_one(reconfigured, ports):
    result, (given,) = half("proxy1", **INSTANCES, reconfigured=reconfigured)
    assert result["changed"]
    assert (given["endpoints"], given["other_endpoints"]) == tuple({"app1-0": f"192.0.2.1:{port}"} for port in ports)
    assert not {"instances", "configured", "reconfigured"} & set(given)


@pytest.mark.parametrize("arguments", [{}, {"instances": [], "configured": {}, "reconfigured": True}])
def test_without_instances_the_module_gets_what_the_task_gives(arguments):
    _result, (given,) = half("", **arguments, endpoints={"app1-0": "192.0.2.1:8000"})
    assert given == {"servers": ["app1-0"], "state": "ready", "endpoints": {"app1-0": "192.0.2.1:8000"}}


def test_instances_without_a_proxy_are_an_error():
    result, given = half("", **INSTANCES)
    assert result["failed"] and "without delegate_to" in result["msg"] and given == []


def test_an_address_without_a_value_is_an_error_that_names_its_variable():
    result, given = half("proxy1", address="{{ nope }}", **INSTANCES)
    assert result["failed"] and given == []
    assert result["msg"] == "the variable xitrum_address has no value: 'nope' is undefined"
