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


def action(delegate_to, arguments):
    """The action of a proxy's servers."""
    made = object.__new__(proxy_server.ActionModule)
    arguments = {"servers": ["app1-0"], "state": "ready", **arguments}
    made._task = SimpleNamespace(args=arguments, check_mode=False, async_val=0, diff=False, delegate_to=delegate_to)
    made._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    return made


def half(delegate_to, address="192.0.2.1", **arguments):
    """The action of a proxy's servers, and what its module gets."""
    made, given = action(delegate_to, arguments), []
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
    assert given == {"servers": ["app1-0"], "state": "ready", "endpoints": {"app1-0": "192.0.2.1:8000"}, "return_after": 5}


def test_a_drain_is_one_result_of_several_calls(monkeypatch):
    """What is waited for is printed between them."""
    answers = iter([{"changed": True, "open": 3, "waiting": True, "diff": "d", "seconds": 5.0}, {"changed": False, "open": 1, "waiting": True, "seconds": 10.0},
                    {"changed": False, "open": 0, "seconds": 11.5, "diff": ""}])
    given, printed, now = [], [], iter([0, 0, 5, 5, 10, 10, 11])
    monkeypatch.setattr(proxy_server.progress, "report", lambda *words: printed.append(words))
    made = action("proxy1", {"state": "drain", "timeout": 60})
    made._execute_module = lambda module_name, module_args, task_vars: given.append(module_args) or next(answers)
    monkeypatch.setattr(proxy_server.progress.poll, "__defaults__", (lambda: next(now),))
    result = made.run(task_vars={"inventory_hostname": "app1", "hostvars": {}})
    assert result == {"changed": True, "open": 0, "seconds": 11.5, "diff": "d"}
    assert [call.get("waited") for call in given] == [None, 5, 10] and all(call["timeout"] == 60 for call in given)
    assert printed == [("app1-0", "draining at proxy1, 3 connections left", 5, 60), ("app1-0", "draining at proxy1, 1 connection left", 10, 60)]


def test_in_check_mode_nothing_is_waited_for():
    made, given = action("proxy1", {}), []
    made._task.check_mode = True
    made._execute_module = lambda module_name, module_args, task_vars: given.append(module_args) or {"changed": True}
    made.run(task_vars={"inventory_hostname": "app1", "hostvars": {}})
    assert given == [{"servers": ["app1-0"], "state": "ready"}]


def test_instances_without_a_proxy_are_an_error():
    result, given = half("", **INSTANCES)
    assert result["failed"] and "without delegate_to" in result["msg"] and given == []


def test_an_address_without_a_value_is_an_error_that_names_its_variable():
    result, given = half("proxy1", address="{{ nope }}", **INSTANCES)
    assert result["failed"] and given == []
    assert result["msg"] == "the variable xitrum_address has no value: 'nope' is undefined"
